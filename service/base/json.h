/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_JSON_H
#define SERVICE_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/**
 * Streaming JSON writer (RFC 8259) over a buf: commas, quoting and indentation
 * are its work, the order of members is the caller's, so that equal input gives
 * equal bytes. Text that is not UTF-8 is written with U+FFFD in its place.
 *
 * The key of a member is the second argument of each put; NULL inside arrays.
 * (JSON is read with jansson.)
 */
#define JSON_DEPTH_MAX 32u

struct json {
    struct buf *out;
    unsigned depth;
    bool has_items[JSON_DEPTH_MAX]; /* by depth: a comma is due */
    bool is_pretty;                 /* indent by two spaces */
};

void json_init(struct json *json, struct buf *out, bool is_pretty);
void json_open_object(struct json *json, const char *key);
void json_close_object(struct json *json);
void json_open_array(struct json *json, const char *key);
void json_close_array(struct json *json);
void json_put_text(struct json *json, const char *key, const char *text); /* NULL: null */
void json_put_text_n(struct json *json, const char *key, const char *text, size_t length);
/** Bytes as a text of two lower-case digits for each. */
void json_put_hex(struct json *json, const char *key, const void *bytes, size_t length);
void json_put_int(struct json *json, const char *key, int64_t value);
void json_put_uint(struct json *json, const char *key, uint64_t value);
void json_put_bool(struct json *json, const char *key, bool value);
void json_put_null(struct json *json, const char *key);
/** Microseconds since the epoch as "2026-11-24T18:20:51.123456Z". */
void json_put_time(struct json *json, const char *key, int64_t time_us);
/** The same, but null for 0: never, or not known. */
void json_put_time_or_null(struct json *json, const char *key, int64_t time_us);
/** A piece that is JSON already. */
void json_put_raw(struct json *json, const char *key, const char *text, size_t length);

#endif
