/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_CSV_H
#define SERVICE_FEED_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/reader.h"

/** Separated values (RFC 4180 and what there is beside it); of no use outside feed. */

#define CSV_CELLS_MAX  64u
#define CSV_RECORD_MAX 65536u /* bytes */

/** A row; cells are borrowed from the text and stand there without their quotes. */
struct csv_record {
    struct reader_text cells[CSV_CELLS_MAX];
    size_t count;
    size_t lines;      /* it spans */
    const char *error; /* why it is none; NULL */
};

/** What a column says. */
enum csv_role {
    CSV_VALUE,
    CSV_FIRST_ADDRESS, /* of a range */
    CSV_LAST_ADDRESS,
    CSV_TYPE, /* of the value */
    CSV_PORT,
    CSV_CONFIDENCE,
    CSV_CATEGORY,
    CSV_COMMENT,
    CSV_TAGS,
    CSV_REFERENCE,
    CSV_FIRST,
    CSV_LAST,
    CSV_EXPIRES,
};
#define CSV_ROLES 13u

/** Where what stands: columns count from 1; 0: nowhere. */
struct csv_columns {
    uint8_t of[CSV_ROLES];
};

/** The separator that stands most often in a line outside of quotes; ',' if there is none. */
char csv_guess_separator(struct reader_text line);
/** Cuts the next row off; false at the end. */
bool csv_next_record(struct reader_text *rest, char separator, struct csv_record *ret);
/** True if a row names columns, at least one with values or two with a range. */
bool csv_read_header(const struct csv_record *record, struct csv_columns *ret);
/** True if a line, behind a mark of comments or not, names columns. */
bool csv_is_header(struct reader_text line);

#endif
