/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include <string.h>

#include "base/err.h"

/* --- text --- */

static bool is_blank_character(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

struct reader_text reader_trim(const char *text, size_t length)
{
    while (length > 0 && is_blank_character(*text)) {
        text++;
        length--;
    }
    while (length > 0 && is_blank_character(text[length - 1])) {
        length--;
    }
    return (struct reader_text){text, length};
}

bool reader_next_line(struct reader_text *rest, struct reader_text *ret_line)
{
    const char *end;
    size_t length;

    if (rest->length == 0) {
        return false;
    }
    end = memchr(rest->text, '\n', rest->length);
    length = end == NULL ? rest->length : (size_t)(end - rest->text);
    *ret_line = reader_trim(rest->text, length);
    rest->text += length + (end != NULL);
    rest->length -= length + (end != NULL);
    return true;
}

/** Bytes of the UTF-8 character at the start of @p text (RFC 3629 §4); 0 if there is none. */
static size_t character_length(const uint8_t *text, size_t length)
{
    static const struct {
        uint8_t first, last;               /* of the first byte */
        uint8_t second_first, second_last; /* of the second one: no surrogates, nothing overlong */
        uint8_t length;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    size_t row = 0, size;

    while (row < sizeof(rows) / sizeof(rows[0]) &&
           (text[0] < rows[row].first || text[0] > rows[row].last)) {
        row++;
    }
    if (row == sizeof(rows) / sizeof(rows[0])) {
        return 0;
    }
    size = rows[row].length;
    if (size > length ||
        (size > 1 && (text[1] < rows[row].second_first || text[1] > rows[row].second_last))) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((text[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    return size;
}

/** C0, DEL, and C1 (U+0080 to U+009F), which no terminal should be given. */
static bool is_control(const uint8_t *text, size_t size)
{
    return size == 1 ? text[0] <= ' ' || text[0] == 0x7f
                     : size == 2 && text[0] == 0xc2 && text[1] < 0xa0;
}

size_t reader_clean(const char *text, size_t length, char *ret_text, size_t size)
{
    const uint8_t *at = (const uint8_t *)text, *end = at + length;
    size_t count = 0;
    bool is_blank = false;

    while (at < end) {
        size_t step = character_length(at, (size_t)(end - at));
        const void *from = step > 0 ? (const void *)at : "?";
        size_t width = step > 0 ? step : 1;

        if (step > 0 && is_control(at, step)) {
            is_blank = count > 0;
        } else if (count + is_blank + width >= size) {
            break;
        } else {
            ret_text[count] = ' ';
            count += is_blank;
            memcpy(ret_text + count, from, width);
            count += width;
            is_blank = false;
        }
        at += width;
    }
    ret_text[count] = '\0';
    return count;
}
