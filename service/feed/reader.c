/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include <string.h>

#include "base/utf8.h"

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

/** ASCII that is seen. */
static bool is_plain(char c)
{
    return c > ' ' && c < 0x7f;
}

/** C0, DEL, and C1 (U+0080 to U+009F), which no terminal should be given. */
static bool is_control(const char *text, size_t size)
{
    uint8_t first = (uint8_t)text[0];

    return size == 1 ? first <= ' ' || first == 0x7f
                     : size == 2 && first == 0xc2 && (uint8_t)text[1] < 0xa0;
}

size_t reader_clean(const char *text, size_t length, char *ret_text, size_t size)
{
    const char *at = text, *end = text + length;
    size_t count = 0, step, width;
    bool is_blank = false;
    const char *from;

    while (at < end) {
        if (is_plain(*at) && !is_blank && count + 1 < size) { /* mostly */
            ret_text[count++] = *at++;
            continue;
        }
        step = utf8_length(at, (size_t)(end - at));
        from = step > 0 ? at : "?";
        width = step > 0 ? step : 1;
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
