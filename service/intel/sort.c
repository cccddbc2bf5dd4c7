/* SPDX-License-Identifier: MIT */
#include "intel/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define DIGIT_BITS   8u
#define DIGITS       (64u / DIGIT_BITS)
#define DIGIT_VALUES (1u << DIGIT_BITS)

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

static void move_by_digit(const struct sorted *from, struct sorted *to, size_t count,
                          unsigned digit)
{
    size_t places[DIGIT_VALUES] = {0}, begin = 0;

    for (size_t i = 0; i < count; i++) {
        places[digit_of(from[i].key, digit)]++;
    }
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
    struct sorted *from = sorted, *to = malloc((count + 1) * sizeof(*to));
    struct sorted *other = to;
    uint64_t unlike = 0;

    if (to == NULL) {
        return false;
    }
    pages_prefer_large(to, count * sizeof(*to));
    for (size_t i = 0; i < count; i++) {
        unlike |= sorted[i].key ^ sorted[0].key;
    }
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        /* a digit that all have alike needs no move */
        if (digit_of(unlike, digit) != 0) {
            struct sorted *moved = to;

            move_by_digit(from, to, count, digit);
            to = from;
            from = moved;
        }
    }
    if (from != sorted) {
        memcpy(sorted, from, count * sizeof(*sorted));
    }
    free(other);
    return true;
}
