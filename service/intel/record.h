/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_RECORD_H
#define SERVICE_INTEL_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "model/address.h"

/** How indicators lie in builder and index; private to intel. */

/** Terms that all indicators of one list share. */
struct feed {
    char *name;
    char *category;
    int64_t expires_us;
    uint8_t confidence;
};

/** One indicator: 32 bytes, there are millions. */
struct record {
    struct prefix prefix;
    uint16_t feed; /* in feeds */
    uint32_t line;
    uint32_t comment; /* offset in comments; 0 is "" */
    uint32_t parent;  /* first record of the next shorter prefix that covers this one, or 0 */
};

struct intel_builder {
    struct record *records;
    size_t record_count;
    size_t record_capacity;
    struct feed *feeds;
    size_t feed_count;
    struct buf comments; /* NUL-terminated texts, the first one empty */
};

/** Makes an empty builder of one that owns nothing. */
void builder_start(struct intel_builder *builder);

/** NULL @p feeds is allowed. */
void feeds_free(struct feed *feeds, size_t count);

/**
 * Sorts records [begin, end) by prefix, then feed, then line, and keeps the first
 * of each prefix and feed. Gives the new end.
 */
size_t records_sort(struct record *records, size_t begin, size_t end);

#endif
