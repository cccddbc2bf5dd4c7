/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_UTF8_H
#define SERVICE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */

#define UTF8_MAX         4u /* bytes of one character */
#define UTF8_REPLACEMENT 0xfffdu

/** Length of the character that @p text begins with; 0 if it begins with none. */
size_t utf8_length(const char *text, size_t length);
/** Writes a character that UTF-8 has a form for; its length. */
size_t utf8_put(uint32_t character, char ret_text[UTF8_MAX]);
/** The most of @p length bytes, at most @p max, that ends with a whole character. */
size_t utf8_cut(const char *text, size_t length, size_t max);

#endif
