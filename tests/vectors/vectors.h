/* SPDX-License-Identifier: MIT */
#ifndef TESTS_VECTORS_VECTORS_H
#define TESTS_VECTORS_VECTORS_H

#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/** One pair of files of spec/vectors/; embed_vectors.py makes the table of them. */
struct vector {
    const char *name;
    const uint8_t *bytes;
    size_t length;
    const char *json;
    enum picket_status status; /* PICKET_OK, or why a reader refuses it */
    size_t offset;             /* of the item for which it is refused */
};

extern const struct vector vectors[];
extern const size_t vector_count;

#endif
