/* SPDX-License-Identifier: MIT */
#ifndef TESTS_VECTORS_SETTINGS_VECTORS_H
#define TESTS_VECTORS_SETTINGS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"

/** What a policy says of an activity. */
struct judgement {
    struct picket_activity activity;
    enum picket_verdict_cause cause;
    uint32_t rule; /* if it is the cause */
};

/** One pair of files of spec/vectors/settings/; embed_settings.py makes the table of them. */
struct settings_vector {
    const char *name;
    const uint8_t *bytes;
    size_t length;
    enum picket_status status; /* PICKET_OK, or why a reader refuses it */
    size_t offset;             /* of the item for which it is refused */
    const char *meaning;       /* in lines, as settings_vectors_test.c tells it */
    const struct judgement *judgements;
    size_t judgement_count;
};

extern const struct settings_vector settings_vectors[];
extern const size_t settings_vector_count;

#endif
