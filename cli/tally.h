/* SPDX-License-Identifier: MIT */
#ifndef CLI_TALLY_H
#define CLI_TALLY_H

#include <stddef.h>

#include "picket/status.h"

/**
 * Adds rows up by key: rows are appended, and now and then sorted, so that rows
 * of equal keys meet and are merged. Memory stays in proportion to the distinct
 * keys, and the result does not depend on any hash.
 */
struct tally {
    char *rows;
    size_t row_bytes;
    size_t count;
    size_t capacity;
    /* Order of keys, as for qsort(); equal is 0. */
    int (*compare)(const void *a, const void *b);
    /* Adds @p more to @p row: their keys are equal. Order must not matter. */
    void (*merge)(void *row, const void *more);
};

/** Frees the rows. */
void tally_deinit(struct tally *tally);
/** Copies @p row in; PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status tally_add(struct tally *tally, const void *row);
/** Merges what is there: afterwards rows are sorted and keys distinct. */
void tally_settle(struct tally *tally);

#endif
