/* SPDX-License-Identifier: MIT */
#include "cli/tally.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_AT_FIRST 4096u

void tally_deinit(struct tally *tally)
{
    free(tally->rows);
    tally->rows = NULL;
    tally->count = 0;
    tally->capacity = 0;
}

void tally_settle(struct tally *tally)
{
    char *kept = tally->rows;

    if (tally->count == 0) {
        return;
    }
    qsort(tally->rows, tally->count, tally->row_bytes, tally->compare);
    for (size_t i = 1; i < tally->count; i++) {
        const char *row = tally->rows + i * tally->row_bytes;

        if (tally->compare(kept, row) == 0) {
            tally->merge(kept, row);
            continue;
        }
        kept += tally->row_bytes;
        memmove(kept, row, tally->row_bytes);
    }
    tally->count = (size_t)(kept - tally->rows) / tally->row_bytes + 1;
}

/* Merging made little room: more would make every add a sort. */
static enum picket_status make_room(struct tally *tally)
{
    size_t capacity = tally->capacity == 0 ? ROWS_AT_FIRST : tally->capacity * 2;
    char *rows = NULL;

    tally_settle(tally);
    if (tally->capacity > 0 && tally->count <= tally->capacity / 2) {
        return PICKET_OK;
    }
    rows = reallocarray(tally->rows, capacity, tally->row_bytes);
    if (rows == NULL) {
        return PICKET_E_NOMEM;
    }
    tally->rows = rows;
    tally->capacity = capacity;
    return PICKET_OK;
}

enum picket_status tally_add(struct tally *tally, const void *row)
{
    if (tally->count == tally->capacity) {
        enum picket_status status = make_room(tally);

        if (status != PICKET_OK) {
            return status;
        }
    }
    memcpy(tally->rows + tally->count * tally->row_bytes, row, tally->row_bytes);
    tally->count++;
    return PICKET_OK;
}
