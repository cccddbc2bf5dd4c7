/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/time.h"
#include "feed/reader.h"

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

/* --- when a feed was made --- */

/** A date in words, in any order: "Sat, 22 Aug 2026 03:00:29 +0200", "Tue Dec 15 15:33:38 2015". */
struct date_words {
    int year, month, day;
    int64_t second; /* of the day */
    int64_t offset_us;
};

static int month_of(const char *word, size_t length)
{
    static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

    for (int month = 0; month < 12 && length >= 3; month++) {
        if (strncasecmp(word, names + month * 3, 3) == 0) {
            return month + 1;
        }
    }
    return 0;
}

/** "15:33:38" */
static bool parse_clock(const char *word, size_t length, int64_t *ret_second)
{
    const char *at = word, *end = word + length;
    int hour = take_digits(&at, end, 2);
    int minute = hour >= 0 && take_character(&at, end, ":") ? take_digits(&at, end, 2) : -1;
    int second = minute >= 0 && take_character(&at, end, ":") ? take_digits(&at, end, 2) : -1;

    if (second < 0 || at != end || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *ret_second = hour * 3600 + minute * 60 + second;
    return true;
}

static void note_word(struct date_words *date, const char *word, size_t length)
{
    const char *at = word, *end = word + length;
    int number = take_digits(&at, end, (int)length < 4 ? (int)length : 4);

    if (number >= 0 && at == end && length == 4) {
        date->year = number;
    } else if (number >= 0 && at == end) {
        date->day = number;
    } else if (parse_clock(word, length, &date->second)) {
        return;
    } else if (*word == '+' || *word == '-') {
        at = word;
        (void)take_zone(&at, end, &date->offset_us);
    } else if (date->month == 0) {
        date->month = month_of(word, length);
    }
}

static bool parse_words(const char *text, size_t length, int64_t *ret_us)
{
    struct date_words date = {0};
    const char *end = text + length;
    int64_t days;

    for (const char *at = text; at < end;) {
        const char *word = at;

        while (at < end && *at != ' ' && *at != ',') {
            at++;
        }
        if (at > word) {
            note_word(&date, word, (size_t)(at - word));
        }
        at += at < end;
    }
    if (!date_days(date.year, date.month, date.day, &days)) {
        return false;
    }
    *ret_us = (days * 86400 + date.second) * TIME_US_PER_S - date.offset_us;
    return true;
}

void reader_note_published(const char *comment, size_t length, int64_t *published_us)
{
    static const char *const keys[] = {
        "last update:", "last updated:",     "last-modified:", "last modified:",
        "updated:",     "this file date  :", "this file date:"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t size = strlen(keys[i]);

        if (length > size && strncasecmp(comment, keys[i], size) == 0) {
            struct reader_text date = reader_trim(comment + size, length - size);

            while (date.length > 0 && strchr("# ", date.text[date.length - 1]) != NULL) {
                date.length--; /* of a comment in a box */
            }
            if (!reader_time(date.text, date.length, published_us)) {
                (void)parse_words(date.text, date.length, published_us);
            }
            return;
        }
    }
}
