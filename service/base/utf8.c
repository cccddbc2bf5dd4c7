/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

/* The well-formed sequences (RFC 3629 §4). */
static const struct {
    unsigned char first_min, first_max; /* of the first byte */
    unsigned char next_min, next_max;   /* of the second; the others are 80..BF */
    size_t length;
} forms[] = {
    {0x00, 0x7f, 0x00, 0x00, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
    {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

size_t utf8_length(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t form = 0;

    if (length == 0) {
        return 0;
    }
    while (form < FORMS && (bytes[0] < forms[form].first_min || bytes[0] > forms[form].first_max)) {
        form++;
    }
    if (form == FORMS || forms[form].length > length) {
        return 0;
    }
    for (size_t i = 1; i < forms[form].length; i++) {
        unsigned char min = i == 1 ? forms[form].next_min : 0x80;
        unsigned char max = i == 1 ? forms[form].next_max : 0xbf;

        if (bytes[i] < min || bytes[i] > max) {
            return 0;
        }
    }
    return forms[form].length;
}

size_t utf8_put(uint32_t character, char ret_text[UTF8_MAX])
{
    static const unsigned char leads[UTF8_MAX + 1] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    size_t length = character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;

    for (size_t i = length; i > 1; i--) {
        ret_text[i - 1] = (char)(0x80 | (character & 0x3f));
        character >>= 6;
    }
    ret_text[0] = (char)(leads[length] | character);
    return length;
}

size_t utf8_cut(const char *text, size_t length, size_t max)
{
    size_t end = length < max ? length : max;

    /* A character goes on with bytes 80..BF. */
    while (end > 0 && end < length && ((unsigned char)text[end] & 0xc0) == 0x80) {
        end--;
    }
    return end;
}
