/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_JSON_READER_H
#define SERVICE_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Reads JSON (RFC 8259) where it lies: a cursor over text in memory, and spans of it.
 *
 * Small documents (requests, settings) are read with jansson. Its tree takes three
 * to eight times the memory of the text and is made of 65 to 110 MB of it in a
 * second of CPU, where this reader passes 1,700 to 2,900; here nothing is
 * allocated, and texts are unescaped into the caller's buffer when they are wanted.
 *
 * What the cursor passes is checked: grammar, UTF-8, nesting. The first failure
 * sticks: nothing follows after it, every loop ends, and json_reader_check() tells.
 * A span was passed, so it is good JSON, and can be read again (json_reader_init_span()),
 * which makes the order of members in the text of no matter.
 */
struct err;

#define JSON_READER_DEPTH_MAX 64u /* arrays and objects in one another */

enum json_kind {
    JSON_KIND_NOTHING, /* the end, a member that is not there, or a failure */
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_TEXT,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL,
};

/** One value as it stands in the text, quotes and brackets included; borrows the text. */
struct json_span {
    const char *text;
    size_t length;
    size_t line;   /* where it begins, from 1 */
    size_t offset; /* the same in bytes, from 0 */
    bool is_plain; /* a text without escapes */
    enum json_kind kind;
};

/** To be changed by the calls below only. */
struct json_reader {
    const char *start;
    const char *at;
    const char *end;
    size_t line;
    unsigned depth;
    bool is_first; /* nothing of the innermost array or object was passed yet */
    enum picket_status status;
    const char *reason; /* a literal; NULL while all is well */
    size_t failed_at;   /* offset */
};

void json_reader_init(struct json_reader *reader, const char *text, size_t length);
void json_reader_init_span(struct json_reader *reader, const struct json_span *span);

/** Passes blanks; what kind of value is next, by its first character. */
enum json_kind json_reader_peek(struct json_reader *reader);
/** Passes a value with all that is in it; kind JSON_KIND_NOTHING if there is none that is whole. */
struct json_span json_reader_value(struct json_reader *reader);

/** Passes the bracket of an array or object; what else is next is a failure. */
bool json_reader_enter(struct json_reader *reader, enum json_kind kind);
/** True if another item of the array is next; otherwise passes its end. */
bool json_reader_item(struct json_reader *reader);
/** As json_reader_item(), in an object: passes the name, and its value is next. */
bool json_reader_member(struct json_reader *reader, struct json_span *ret_name);
#define JSON_READER_MEMBERS_MAX 16u

/**
 * Passes an object: ret_values[i] becomes the member names[i], or JSON_KIND_NOTHING. One
 * that is there twice is a failure: readers that differ in which they take can be
 * played against each other.
 */
void json_reader_members(struct json_reader *reader, const char *const *names, size_t count,
                         struct json_span *ret_values);

/** Lines passed so far. */
size_t json_reader_lines(const struct json_reader *reader);
/** True if only blanks are left, or after a failure. */
bool json_reader_is_done(struct json_reader *reader);
/**
 * What became of it so far.
 *
 * Errors: PICKET_E_TRUNCATED if the text ends early, PICKET_E_MALFORMED, PICKET_E_LIMIT
 *         for nesting, with line and offset.
 */
PICKET_MUST_CHECK enum picket_status json_reader_check(const struct json_reader *reader,
                                                       struct err *reterr);
/** json_reader_check(), and PICKET_E_MALFORMED if more than blanks are left. */
PICKET_MUST_CHECK enum picket_status json_reader_finish(struct json_reader *reader,
                                                        struct err *reterr);

/* --- what a span says --- */

/**
 * The text without quotes and escapes, ended by NUL, cut after a whole character if
 * it has no room; half a surrogate pair is read as U+FFFD. "" if it is no text.
 * Returns its length, in which a NUL of the text counts like any other character.
 */
size_t json_span_text(const struct json_span *span, char *ret_text, size_t size);
bool json_span_equals(const struct json_span *span, const char *text);
/** False if it is no number, or none that is whole and fits. */
bool json_span_integer(const struct json_span *span, int64_t *ret);

#endif
