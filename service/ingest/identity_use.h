/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_IDENTITY_USE_H
#define SERVICE_INGEST_IDENTITY_USE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"

/**
 * From where one device comes, and how much it sends. Pure; private to ingest.
 */
struct identity_place {
    char source[ADDRESS_TEXT_MAX]; /* "" before the first */
    int64_t last_us;
};

struct identity_use {
    struct identity_place here;
    struct identity_place before; /* of another network */
    int64_t due_us;               /* when the next message would come if all came evenly */
};

/**
 * A message or session from @p source. True if the device was there, then elsewhere, and is back:
 * then *ret_other is where it was in between, and *ret_overlap_us how long after the last time from
 * here. A device that moves from one network to another gives nothing.
 */
bool identity_use_note(struct identity_use *use, const char *source, int64_t now_us,
                       char ret_other[ADDRESS_TEXT_MAX], int64_t *ret_overlap_us);

/** A session from @p source ends: it was there until now. */
void identity_use_end(struct identity_use *use, const char *source, int64_t now_us);

/** Whether one message more is within @p per_minute, in the mean of ten minutes. */
bool identity_use_allows(struct identity_use *use, unsigned per_minute, int64_t now_us);

#endif
