/* SPDX-License-Identifier: MIT */
#include "intel/sort.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS   8u
#define DIGITS       (64u / DIGIT_BITS)
#define DIGIT_VALUES (1u << DIGIT_BITS)

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

static void move_by_digit(const struct sorted *from, struct sorted *to, size_t count,
                          unsigned digit, size_t places[DIGIT_VALUES])
{
    size_t begin = 0;

    for (size_t i = 0; i < DIGIT_VALUES; i++) {
        size_t size = places[i];

        places[i] = begin;
        begin += size;
    }
    for (size_t i = 0; i < count; i++) {
        to[places[digit_of(from[i].key, digit)]++] = from[i];
    }
}

bool sort_by_key(struct sorted *sorted, size_t count)
{
    size_t(*counts)[DIGIT_VALUES] = calloc(DIGITS, sizeof(*counts));
    struct sorted *from = sorted, *to = malloc((count + 1) * sizeof(*to));
    struct sorted *other = to;

    if (counts == NULL || to == NULL) {
        free(counts);
        free(to);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            counts[digit][digit_of(sorted[i].key, digit)]++;
        }
    }
    for (unsigned digit = 0; digit < DIGITS && count > 0; digit++) {
        /* a digit that all have alike needs no move */
        if (counts[digit][digit_of(sorted[0].key, digit)] < count) {
            struct sorted *moved = to;

            move_by_digit(from, to, count, digit, counts[digit]);
            to = from;
            from = moved;
        }
    }
    if (from != sorted) {
        memcpy(sorted, from, count * sizeof(*sorted));
    }
    free(other);
    free(counts);
    return true;
}
