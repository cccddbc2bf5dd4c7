/* SPDX-License-Identifier: MIT */
#include "intel/item.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"

#define DIGIT_BITS   11u
#define DIGITS       6u /* cover 64 bits */
#define DIGIT_VALUES (1u << DIGIT_BITS)

/** By digit and its value: how many have it, then where the next one goes. */
struct places {
    uint32_t of[DIGITS][DIGIT_VALUES];
};

static unsigned digit_of(uint64_t key, unsigned digit)
{
    return (unsigned)(key >> digit * DIGIT_BITS) & (DIGIT_VALUES - 1);
}

/** Gives the bits that not all keys have alike. */
static uint64_t count_values(const struct item *items, size_t count, struct places *places)
{
    uint64_t unlike = 0;

    for (size_t i = 0; i < count; i++) {
        unlike |= items[i].key ^ items[0].key;
        for (unsigned digit = 0; digit < DIGITS; digit++) {
            places->of[digit][digit_of(items[i].key, digit)]++;
        }
    }
    return unlike;
}

static void move_by_digit(const struct item *from, struct item *to, size_t count, unsigned digit,
                          uint32_t places[DIGIT_VALUES])
{
    uint32_t begin = 0;

    for (size_t i = 0; i < DIGIT_VALUES; i++) {
        uint32_t size = places[i];

        places[i] = begin;
        begin += size;
    }
    for (size_t i = 0; i < count; i++) {
        to[places[digit_of(from[i].key, digit)]++] = from[i];
    }
}

bool item_sort(struct item *items, size_t count)
{
    struct item *from = items, *to = malloc((count + 1) * sizeof(*to)), *other = to;
    struct places *places = calloc(1, sizeof(*places));
    uint64_t unlike;

    if (to == NULL || places == NULL) {
        free(to);
        free(places);
        return false;
    }
    pages_prefer_large(to, count * sizeof(*to));
    unlike = count_values(items, count, places);
    for (unsigned digit = 0; digit < DIGITS; digit++) {
        /* a digit that all have alike needs no move */
        if (digit_of(unlike, digit) != 0) {
            struct item *moved = to;

            move_by_digit(from, to, count, digit, places->of[digit]);
            to = from;
            from = moved;
        }
    }
    if (from != items) {
        memcpy(items, from, count * sizeof(*items));
    }
    free(other);
    free(places);
    return true;
}
