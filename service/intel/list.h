/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LIST_H
#define SERVICE_INTEL_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "intel/intel.h"

/** Plain lists: one address or CIDR prefix a line. Reading is line by line, without a copy. */

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

/** What one list held. */
struct intel_load {
    size_t lines;
    size_t accepted;
    size_t duplicate;
    size_t malformed;
    size_t reserved; /* accepted, but in a range that is not public: worth a look */
    size_t first_malformed_count;
    struct {
        size_t line; /* from 1 */
        char reason[LIST_REASON_MAX];
    } first_malformed[8];
};

/**
 * Adds a plain list as a feed: '#' and ';' begin a comment, which is kept as the
 * indicator's; blanks, CRLF and a BOM are fine. A line that is wrong is counted,
 * named and skipped.
 *
 * Ownership: everything is copied.
 * Errors:    PICKET_E_LIMIT over INTEL_RECORDS_MAX, PICKET_E_MALFORMED if not one
 *            line of a non-empty list is an indicator (an HTML page, a binary): then
 *            nothing is added.
 */
PICKET_MUST_CHECK enum picket_status
intel_add_list(struct intel_builder *builder, const struct intel_feed *feed, int64_t expires_us,
               const char *text, size_t length, struct intel_load *ret_load, struct err *reterr);

/** intel_add_list() of a file; PICKET_E_IO if it can't be read. */
PICKET_MUST_CHECK enum picket_status
intel_add_file(struct intel_builder *builder, const struct intel_feed *feed, int64_t expires_us,
               const char *path, struct intel_load *ret_load, struct err *reterr);

#endif
