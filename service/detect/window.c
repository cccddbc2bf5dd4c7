/* SPDX-License-Identifier: MIT */
#include "detect/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#define CLEAN_WINDOWS  2u
#define LATE_INTERVALS 2
#define TIME_LIMIT_US  (INT64_C(1) << 60)

void count_add(uint64_t *sum, uint64_t more)
{
    *sum = *sum > INT64_MAX || more > INT64_MAX - *sum ? INT64_MAX : *sum + more;
}

int64_t window_cut_time(int64_t time_us)
{
    return time_us > TIME_LIMIT_US    ? TIME_LIMIT_US
           : time_us < -TIME_LIMIT_US ? -TIME_LIMIT_US
                                      : time_us;
}

int64_t window_number(int64_t time_us, int64_t length_us)
{
    int64_t time = window_cut_time(time_us);

    return time / length_us - (time % length_us < 0);
}

int64_t window_start_us(const struct windows *windows, const struct window *window)
{
    return window->number * windows->length_us;
}

int64_t window_end_us(const struct windows *windows, const struct window *window)
{
    return (window->number + 1) * windows->length_us;
}

void windows_set_length(struct windows *windows, int64_t length_us)
{
    if (windows->length_us != length_us) {
        windows_forget(windows);
        windows->length_us = length_us;
    }
}

static bool reserve(struct windows *windows)
{
    size_t capacity = windows->capacity == 0 ? 4 : 2 * windows->capacity;
    struct window *items;

    if (windows->count < windows->capacity) {
        return true;
    }
    items = realloc(windows->items, capacity * sizeof(*items));
    if (items == NULL) {
        return false;
    }
    windows->items = items;
    windows->capacity = capacity;
    return true;
}

struct window *windows_open(struct windows *windows, int64_t number)
{
    size_t place = windows->count;

    if (windows->has_closed && number <= windows->closed_number) {
        return NULL;
    }
    while (place > 0 && windows->items[place - 1].number >= number) {
        place--;
    }
    if (place < windows->count && windows->items[place].number == number) {
        return &windows->items[place];
    }
    if (windows->count == WINDOWS_MAX || !reserve(windows)) {
        return NULL;
    }
    memmove(windows->items + place + 1, windows->items + place,
            (windows->count - place) * sizeof(*windows->items));
    windows->count++;
    windows->items[place] = (struct window){.number = number};
    return &windows->items[place];
}

void windows_close_oldest(struct windows *windows)
{
    windows->has_closed = true;
    windows->closed_number = windows->items[0].number;
    windows->flow_count -= windows->items[0].flow_count;
    free(windows->items[0].flows);
    windows->count--;
    memmove(windows->items, windows->items + 1, windows->count * sizeof(*windows->items));
}

bool windows_is_due(const struct windows *windows, int64_t event_us, uint32_t interval_ms)
{
    return windows->count > 0 &&
           window_cut_time(event_us) - window_end_us(windows, &windows->items[0]) >=
               LATE_INTERVALS * (int64_t)interval_ms * TIME_US_PER_MS;
}

bool windows_note_verdict(struct windows *windows, bool is_violated)
{
    if (is_violated) {
        windows->clean_count = 0;
        windows->may_be_open = true;
        return false;
    }
    windows->clean_count++;
    if (!windows->may_be_open || windows->clean_count < CLEAN_WINDOWS) {
        return false;
    }
    windows->may_be_open = false;
    return true;
}

void windows_forget(struct windows *windows)
{
    while (windows->count > 0) {
        windows_close_oldest(windows);
    }
    free(windows->items);
    *windows = (struct windows){.length_us = windows->length_us,
                                .clean_count = windows->clean_count,
                                .may_be_open = windows->may_be_open};
}
