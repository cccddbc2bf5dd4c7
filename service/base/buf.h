/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_BUF_H
#define SERVICE_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

/**
 * A growing run of bytes that is born with its maximum.
 *
 * The first failure sticks (is_failed): later calls do nothing, and the result
 * is checked once. Always NUL-terminated behind `length` once anything was added.
 */
struct buf {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t bytes_max;
    bool is_failed; /* memory or the maximum was reached */
};

void buf_init(struct buf *buf, size_t bytes_max);
/** Frees what it holds; usable again after buf_init(). */
void buf_deinit(struct buf *buf);
/** Room for @p more bytes, for who can tell: what is not used costs no memory, only addresses. */
void buf_reserve(struct buf *buf, size_t more);
void buf_add(struct buf *buf, const void *bytes, size_t length);
void buf_add_text(struct buf *buf, const char *text);
/** Two lower-case digits for each byte. */
void buf_add_hex(struct buf *buf, const void *bytes, size_t length);
void buf_addf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Hands the bytes over: the caller frees them with free(); NULL if is_failed. */
char *buf_take(struct buf *buf, size_t *ret_length);

#endif
