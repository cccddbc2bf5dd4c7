/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define CAPACITY_FIRST ((size_t)256)

void buf_init(struct buf *buf, size_t bytes_max)
{
    *buf = (struct buf){.bytes_max = bytes_max};
}

void buf_deinit(struct buf *buf)
{
    free(buf->bytes);
    buf_init(buf, buf->bytes_max);
}

/* Room for @p more bytes and the NUL behind them. */
static bool reserve(struct buf *buf, size_t more)
{
    size_t capacity = buf->capacity == 0 ? CAPACITY_FIRST : buf->capacity;
    char *grown;

    if (buf->is_failed || more > buf->bytes_max - buf->length) {
        buf->is_failed = true;
        return false;
    }
    if (more < buf->capacity - buf->length) {
        return true;
    }
    while (capacity - buf->length <= more) {
        capacity = capacity > SIZE_MAX / 2 ? SIZE_MAX : capacity * 2;
    }
    grown = realloc(buf->bytes, capacity);
    if (grown == NULL) {
        buf->is_failed = true;
        return false;
    }
    pages_prefer_large(grown, capacity);
    buf->bytes = grown;
    buf->capacity = capacity;
    return true;
}

void buf_reserve(struct buf *buf, size_t more)
{
    (void)reserve(buf, more);
}

void buf_add(struct buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length)) {
        return;
    }
    if (length > 0) {
        memcpy(buf->bytes + buf->length, bytes, length);
    }
    buf->length += length;
    buf->bytes[buf->length] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_add_hex(struct buf *buf, const void *bytes, size_t length)
{
    const unsigned char *at = bytes;

    for (size_t i = 0; i < length; i++) {
        buf_addf(buf, "%02x", at[i]);
    }
}

void buf_addf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_list again;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0) {
        buf->is_failed = true;
    } else if (reserve(buf, (size_t)length)) {
        vsnprintf(buf->bytes + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    va_end(arguments);
}

char *buf_take(struct buf *buf, size_t *ret_length)
{
    char *bytes = NULL;

    buf_add(buf, NULL, 0); /* so that an empty one is "" and not NULL */
    if (!buf->is_failed) {
        bytes = buf->bytes;
        if (ret_length != NULL) {
            *ret_length = buf->length;
        }
        buf->bytes = NULL;
    }
    buf_deinit(buf);
    return bytes;
}
