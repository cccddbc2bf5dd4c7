/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include <string.h>

#include "base/err.h"
#include "base/time.h"

/* --- giving --- */

struct indicator reader_blank(size_t line)
{
    return (struct indicator){.observable = {.text = ""},
                              .line = line <= UINT32_MAX ? (uint32_t)line : 0,
                              .feed = "",
                              .category = "",
                              .comment = "",
                              .reference = "",
                              .scope = ""};
}

enum picket_status reader_give(const struct feed_sink *sink, const char *text, size_t length,
                               struct indicator *indicator)
{
    char storage[OBSERVABLE_TEXT_MAX];
    struct err err;

    if (observable_parse(text, length, &indicator->observable, storage, &err) != PICKET_OK) {
        sink->skip(sink->context, FEED_MALFORMED, indicator->line, err.text);
        return PICKET_OK;
    }
    return sink->take(sink->context, indicator);
}

/* --- text --- */

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

/* --- times --- */

/** The number of exactly @p count digits at *at, which is moved behind them; -1 if there is none.
 */
static int take_digits(const char **at, const char *end, int count)
{
    int value = 0;

    if (end - *at < count) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        char c = (*at)[i];

        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
    }
    *at += count;
    return value;
}

static bool take_character(const char **at, const char *end, const char *any)
{
    if (*at < end && **at != '\0' && strchr(any, **at) != NULL) {
        (*at)++;
        return true;
    }
    return false;
}

/** Days from 1970-01-01 to a date of the Gregorian calendar; false if there is no such date. */
static bool date_days(int year, int month, int day, int64_t *ret)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int64_t past = (int64_t)year - 1;

    if (year < 1 || month < 1 || month > 12 || day < 1 ||
        day > before[month] - before[month - 1] + (is_leap && month == 2)) {
        return false;
    }
    *ret = past * 365 + past / 4 - past / 100 + past / 400 - 719162 + before[month - 1] +
           (is_leap && month > 2) + day - 1;
    return true;
}

/** ".5" or nothing; digits finer than a microsecond are passed over. */
static bool take_fraction(const char **at, const char *end, int64_t *ret_us)
{
    int64_t unit_us = TIME_US_PER_S / 10;
    int digit;

    *ret_us = 0;
    if (!take_character(at, end, ".")) {
        return true;
    }
    if ((digit = take_digits(at, end, 1)) < 0) {
        return false;
    }
    for (; digit >= 0; digit = take_digits(at, end, 1)) {
        *ret_us += digit * unit_us;
        unit_us /= 10;
    }
    return true;
}

/** "Z", " UTC", " (UTC)", "+02:00", "-0330", or nothing. */
static bool take_zone(const char **at, const char *end, int64_t *ret_us)
{
    static const char *const universal[] = {"Z", "z", "UTC", "(UTC)", "GMT"};
    int sign, hours, minutes;

    *ret_us = 0;
    take_character(at, end, " ");
    for (size_t i = 0; i < sizeof(universal) / sizeof(universal[0]); i++) {
        size_t size = strlen(universal[i]);

        if ((size_t)(end - *at) == size && memcmp(*at, universal[i], size) == 0) {
            *at = end;
        }
    }
    if (*at == end) {
        return true;
    }
    sign = **at == '-' ? -1 : 1;
    if (!take_character(at, end, "+-") || (hours = take_digits(at, end, 2)) < 0) {
        return false;
    }
    take_character(at, end, ":");
    minutes = take_digits(at, end, 2);
    *ret_us = sign * (hours * INT64_C(3600) + minutes * INT64_C(60)) * TIME_US_PER_S;
    return hours < 24 && minutes >= 0 && minutes < 60;
}

/** Seconds, with or without a fraction, or milliseconds. */
static bool parse_epoch(const char *text, size_t length, int64_t *ret_us)
{
    const char *at = text, *end = text + length;
    int64_t value = 0, fraction_us;
    int digit;

    for (; at - text < 14 && (digit = take_digits(&at, end, 1)) >= 0;) {
        value = value * 10 + digit;
    }
    if (at - text == 13 && at == end) {
        *ret_us = value * TIME_US_PER_MS;
        return true;
    }
    if (at - text < 9 || at - text > 10 || !take_fraction(&at, end, &fraction_us) || at != end) {
        return false;
    }
    *ret_us = value * TIME_US_PER_S + fraction_us;
    return true;
}

bool reader_time(const char *text, size_t length, int64_t *ret_us)
{
    const char *at = text, *end = text + length;
    int64_t days, fraction_us = 0, offset_us = 0;
    int hour = 0, minute = 0, second = 0;
    int year = take_digits(&at, end, 4);
    bool has_date = year >= 0 && take_character(&at, end, "-/");
    int month = has_date ? take_digits(&at, end, 2) : -1;
    int day = has_date && take_character(&at, end, "-/") ? take_digits(&at, end, 2) : -1;

    if (!has_date) {
        return parse_epoch(text, length, ret_us);
    }
    if (!date_days(year, month, day, &days)) {
        return false;
    }
    if (take_character(&at, end, "Tt ")) {
        hour = take_digits(&at, end, 2);
        minute = take_character(&at, end, ":") ? take_digits(&at, end, 2) : -1;
        second = take_character(&at, end, ":") ? take_digits(&at, end, 2) : 0;
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
            !take_fraction(&at, end, &fraction_us) || !take_zone(&at, end, &offset_us)) {
            return false;
        }
    }
    if (at != end) {
        return false;
    }
    *ret_us = (((days * 24 + hour) * 60 + minute) * 60 + second) * TIME_US_PER_S + fraction_us -
              offset_us;
    return true;
}
