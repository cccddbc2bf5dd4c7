/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LIST_H
#define SERVICE_INTEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "model/address.h"

/** Reading of plain lists, line by line, without a copy; private to intel. */

#define LIST_REASON_MAX 80u

struct list_cursor {
    const char *text;
    size_t length;
    size_t offset;
    size_t line; /* of the line that was read last, from 1 */
};

/** One line without blanks at its ends; borrows from the list. */
struct list_line {
    const char *text; /* before the comment; may be empty */
    size_t length;
    const char *comment; /* behind '#' or ';' */
    size_t comment_length;
};

/** Passes over a byte-order mark. */
void list_begin(struct list_cursor *cursor, const char *text, size_t length);

/** False at the end. */
bool list_next(struct list_cursor *cursor, struct list_line *ret);

/** The indicator on a line; if there is none, ret_reason says what is wrong and what would be
 * right. */
bool list_parse(const struct list_line *line, struct prefix *ret, char ret_reason[LIST_REASON_MAX]);

/** What the bytes are if they can't be a list ("a web page", "gzip data"), else NULL. */
const char *list_foreign_format(const char *text, size_t length);

#endif
