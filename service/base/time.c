/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_0_S    INT64_C(-62167219200) /* 0000-01-01T00:00:00Z */
#define YEAR_9999_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int64_t time_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * TIME_US_PER_S + now.tv_nsec / 1000;
}

void time_format(int64_t time_us, char ret_text[TIME_TEXT_MAX])
{
    int64_t seconds = time_us / TIME_US_PER_S;
    int64_t rest_us = time_us % TIME_US_PER_S;
    time_t clock;
    struct tm parts;
    size_t length;

    if (rest_us < 0) {
        rest_us += TIME_US_PER_S;
        seconds--;
    }
    if (seconds < YEAR_0_S) {
        seconds = YEAR_0_S;
        rest_us = 0;
    } else if (seconds > YEAR_9999_S) {
        seconds = YEAR_9999_S;
        rest_us = TIME_US_PER_S - 1;
    }
    clock = (time_t)seconds;
    gmtime_r(&clock, &parts);
    length = (size_t)snprintf(ret_text, TIME_TEXT_MAX, "%04d", parts.tm_year + 1900);
    length += strftime(ret_text + length, TIME_TEXT_MAX - length, "-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text + length, TIME_TEXT_MAX - length, ".%06" PRId64 "Z", rest_us);
}

void time_say(int64_t time_us, char ret_text[TIME_TEXT_MAX])
{
    char text[TIME_TEXT_MAX];

    time_format(time_us, text);
    (void)snprintf(ret_text, TIME_TEXT_MAX, "%.10s %.8s UTC", text, text + 11);
}

static bool is_digit(char character)
{
    return character >= '0' && character <= '9';
}

/* Passes over "YYYY-MM-DDThh:mm:ss" (not yet checked for being a date). */
static bool take_seconds(const char **at, struct tm *ret)
{
    static const char shape[] = "0000-00-00T00:00:00";
    const char *text = *at;

    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == '0' ? !is_digit(text[i]) : text[i] != shape[i]) {
            return false;
        }
    }
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &ret->tm_year, &ret->tm_mon, &ret->tm_mday,
               &ret->tm_hour, &ret->tm_min, &ret->tm_sec) != 6) {
        return false;
    }
    ret->tm_year -= 1900;
    ret->tm_mon -= 1;
    *at += sizeof(shape) - 1;
    return true;
}

/* Passes over ".123456", or nothing; digits finer than a microsecond are cut. */
static bool take_fraction(const char **at, int64_t *ret_us)
{
    int64_t unit_us = TIME_US_PER_S / 10;

    *ret_us = 0;
    if (**at != '.') {
        return true;
    }
    (*at)++;
    if (!is_digit(**at)) {
        return false;
    }
    for (; is_digit(**at); (*at)++) {
        *ret_us += unit_us * (**at - '0');
        unit_us /= 10;
    }
    return true;
}

enum picket_status time_parse(const char *text, int64_t *ret_us)
{
    const char *at = text;
    struct tm given = {0};
    struct tm normal;
    time_t seconds;
    int64_t fraction_us;

    if (!take_seconds(&at, &given) || !take_fraction(&at, &fraction_us) || strcmp(at, "Z") != 0) {
        return PICKET_E_MALFORMED;
    }
    normal = given;
    seconds = timegm(&normal); /* makes March 2 of February 30: then it was no date */
    if (normal.tm_mon != given.tm_mon || normal.tm_hour != given.tm_hour ||
        normal.tm_min != given.tm_min || normal.tm_sec != given.tm_sec) {
        return PICKET_E_MALFORMED;
    }
    *ret_us = (int64_t)seconds * TIME_US_PER_S + fraction_us;
    return PICKET_OK;
}

/* The parts of a duration in the order they must come in. */
static const struct {
    char letter;
    bool is_time; /* stands behind the T */
    int64_t unit_us;
} duration_parts[] = {
    {'D', false, INT64_C(86400) * TIME_US_PER_S},
    {'H', true, INT64_C(3600) * TIME_US_PER_S},
    {'M', true, INT64_C(60) * TIME_US_PER_S},
    {'S', true, TIME_US_PER_S},
};
#define DURATION_PARTS (sizeof(duration_parts) / sizeof(duration_parts[0]))

/* Passes over "90S"; @p part is the first that may come and becomes the first that may follow. */
static bool take_part(const char **at, bool is_time, size_t *part, int64_t *sum_us)
{
    int64_t value = 0;
    const char *start = *at;

    for (; is_digit(**at); (*at)++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **at - '0', &value)) {
            return false;
        }
    }
    while (*part < DURATION_PARTS &&
           (duration_parts[*part].letter != **at || duration_parts[*part].is_time != is_time)) {
        (*part)++;
    }
    if (*at == start || *part == DURATION_PARTS ||
        __builtin_mul_overflow(value, duration_parts[*part].unit_us, &value) ||
        __builtin_add_overflow(*sum_us, value, sum_us)) {
        return false;
    }
    (*at)++;
    (*part)++;
    return true;
}

enum picket_status duration_parse(const char *text, int64_t *ret_us)
{
    const char *at = text;
    int64_t sum_us = 0;
    size_t part = 0;
    bool is_time = false;

    if (*at != 'P') {
        return PICKET_E_MALFORMED;
    }
    at++;
    do {
        if (*at == 'T' && !is_time) {
            is_time = true;
            at++;
        }
        if (!take_part(&at, is_time, &part, &sum_us)) {
            return PICKET_E_MALFORMED;
        }
    } while (*at != '\0');
    *ret_us = sum_us;
    return PICKET_OK;
}

void duration_format(int64_t duration_us, char ret_text[TIME_TEXT_MAX])
{
    int64_t rest_us = duration_us;
    size_t length = 1;
    bool is_time = false;

    assert(duration_us >= 0);
    if (duration_us < TIME_US_PER_S) {
        snprintf(ret_text, TIME_TEXT_MAX, "PT0S");
        return;
    }
    ret_text[0] = 'P';
    for (size_t i = 0; i < DURATION_PARTS; i++) {
        int64_t count = rest_us / duration_parts[i].unit_us;
        bool is_first_time = duration_parts[i].is_time && !is_time;

        rest_us -= count * duration_parts[i].unit_us;
        if (count > 0) {
            length += (size_t)snprintf(ret_text + length, TIME_TEXT_MAX - length, "%s%" PRId64 "%c",
                                       is_first_time ? "T" : "", count, duration_parts[i].letter);
            is_time = duration_parts[i].is_time;
        }
    }
}

void duration_say(int64_t duration_us, char ret_text[TIME_TEXT_MAX])
{
    int64_t seconds = duration_us / TIME_US_PER_S;
    int64_t minutes = seconds / 60;

    if (seconds < 120) {
        (void)snprintf(ret_text, TIME_TEXT_MAX, "%" PRId64 " s", seconds);
    } else if (minutes < 120) {
        (void)snprintf(ret_text, TIME_TEXT_MAX, "%" PRId64 " min", minutes);
    } else if (minutes < 2880 && minutes % 60 != 0) {
        (void)snprintf(ret_text, TIME_TEXT_MAX, "%" PRId64 " h %" PRId64 " min", minutes / 60,
                       minutes % 60);
    } else if (minutes < 2880) {
        (void)snprintf(ret_text, TIME_TEXT_MAX, "%" PRId64 " h", minutes / 60);
    } else {
        (void)snprintf(ret_text, TIME_TEXT_MAX, "%" PRId64 " days", minutes / 1440);
    }
}
