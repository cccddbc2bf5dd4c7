/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/time.h"
#include "base/utf8.h"

void json_init(struct json *json, struct buf *out, bool is_pretty)
{
    *json = (struct json){.out = out, .is_pretty = is_pretty};
}

static void put_escaped(struct buf *out, unsigned char byte)
{
    static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* byte and letter, in pairs */

    for (size_t i = 0; i < sizeof(named) - 1; i += 2) {
        if (byte == (unsigned char)named[i]) {
            buf_addf(out, "\\%c", named[i + 1]);
            return;
        }
    }
    buf_addf(out, "\\u%04x", byte);
}

static void put_quoted(struct buf *out, const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t start = 0; /* of the run that can be copied as it is */
    size_t at = 0;

    buf_add(out, "\"", 1);
    while (at < length) {
        size_t step = utf8_length(text + at, length - at);

        if (step > 1 || (step == 1 && bytes[at] >= 0x20 && bytes[at] != '"' && bytes[at] != '\\')) {
            at += step;
            continue;
        }
        buf_add(out, text + start, at - start);
        if (step == 1) {
            put_escaped(out, bytes[at]);
        } else {
            buf_add_text(out, "\xef\xbf\xbd"); /* UTF8_REPLACEMENT */
        }
        at++;
        start = at;
    }
    buf_add(out, text + start, at - start);
    buf_add(out, "\"", 1);
}

static void put_line_break(struct json *json)
{
    if (!json->is_pretty) {
        return;
    }
    buf_add(json->out, "\n", 1);
    for (unsigned i = 0; i < json->depth; i++) {
        buf_add(json->out, "  ", 2);
    }
}

/* Everything that stands before a value: comma, line break, key. */
static void put_lead(struct json *json, const char *key)
{
    if (json->depth > 0) {
        if (json->has_items[json->depth - 1]) {
            buf_add(json->out, ",", 1);
        }
        json->has_items[json->depth - 1] = true;
        put_line_break(json);
    }
    if (key != NULL) {
        put_quoted(json->out, key, strlen(key));
        buf_add_text(json->out, json->is_pretty ? ": " : ":");
    }
}

static void open_with(struct json *json, const char *key, const char *bracket)
{
    assert(json->depth < JSON_DEPTH_MAX);
    put_lead(json, key);
    buf_add_text(json->out, bracket);
    json->has_items[json->depth] = false;
    json->depth++;
}

static void close_with(struct json *json, const char *bracket)
{
    assert(json->depth > 0);
    json->depth--;
    if (json->has_items[json->depth]) {
        put_line_break(json);
    }
    buf_add_text(json->out, bracket);
}

void json_open_object(struct json *json, const char *key)
{
    open_with(json, key, "{");
}

void json_close_object(struct json *json)
{
    close_with(json, "}");
}

void json_open_array(struct json *json, const char *key)
{
    open_with(json, key, "[");
}

void json_close_array(struct json *json)
{
    close_with(json, "]");
}

void json_put_text(struct json *json, const char *key, const char *text)
{
    if (text == NULL) {
        json_put_null(json, key);
        return;
    }
    json_put_text_n(json, key, text, strlen(text));
}

void json_put_text_n(struct json *json, const char *key, const char *text, size_t length)
{
    put_lead(json, key);
    put_quoted(json->out, text, length);
}

void json_put_hex(struct json *json, const char *key, const void *bytes, size_t length)
{
    put_lead(json, key);
    buf_add_text(json->out, "\"");
    buf_add_hex(json->out, bytes, length);
    buf_add_text(json->out, "\"");
}

void json_put_int(struct json *json, const char *key, int64_t value)
{
    put_lead(json, key);
    buf_addf(json->out, "%" PRId64, value);
}

void json_put_uint(struct json *json, const char *key, uint64_t value)
{
    put_lead(json, key);
    buf_addf(json->out, "%" PRIu64, value);
}

void json_put_bool(struct json *json, const char *key, bool value)
{
    put_lead(json, key);
    buf_add_text(json->out, value ? "true" : "false");
}

void json_put_null(struct json *json, const char *key)
{
    put_lead(json, key);
    buf_add_text(json->out, "null");
}

void json_put_time(struct json *json, const char *key, int64_t time_us)
{
    char text[TIME_TEXT_MAX];

    time_format(time_us, text);
    json_put_text(json, key, text);
}

void json_put_time_or_null(struct json *json, const char *key, int64_t time_us)
{
    if (time_us == 0) {
        json_put_null(json, key);
    } else {
        json_put_time(json, key, time_us);
    }
}

void json_put_raw(struct json *json, const char *key, const char *text, size_t length)
{
    put_lead(json, key);
    buf_add(json->out, text, length);
}
