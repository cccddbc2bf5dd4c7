/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_FIELD_H
#define SERVICE_FEED_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json_reader.h"
#include "feed/reader.h"

/** Members of JSON objects as feeds have them; of no use outside feed. */

/** The longest text of a value that is looked at: longer ones are no observables. */
#define FIELD_VALUE_MAX 512u

/** reader_clean() of a text; "" if it is none. */
void field_text(const struct json_span *span, char ret_text[READER_TEXT_MAX]);
/** Adds what is not empty to a cleaned text, with "; " between, as far as there is room. */
void field_append(char text[READER_TEXT_MAX], const char *more);
/** A text or a number that reader_time() reads, and that is not 0. */
bool field_time(const struct json_span *span, int64_t *ret_us);
/** true, 1, "1" or "true". */
bool field_is_true(const struct json_span *span);
/** True if an array has one of @p count texts in it. */
bool field_has_any(const struct json_span *array, const char *const *texts, size_t count);

/** What a feed says that a value is: bits. */
#define FIELD_IS(kind) (1u << (unsigned)(kind))
#define FIELD_ADDRESS  FIELD_IS(OBSERVABLE_ADDRESS)
#define FIELD_NAME     FIELD_IS(OBSERVABLE_NAME)

/** "1" to "65535"; 0 if it is none. */
uint16_t field_port(const char *text, size_t length);
/**
 * Parses an observable, which has to be of one of @p kinds, and gives it to the
 * sink, with @p port if that is not 0; what is none is passed over as malformed, a
 * name with a port as unsupported: the name alone would be more than was said.
 * Returns what the sink returns.
 */
PICKET_MUST_CHECK enum picket_status field_give(const struct feed_sink *sink, const char *text,
                                                size_t length, unsigned kinds, uint16_t port,
                                                struct indicator *indicator);

#endif
