/* SPDX-License-Identifier: MIT */
#include "intel/exact.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_PERCENT   78u /* of the slots that are taken */
#define FILTER_BITS    16u /* a hash */
#define WORD_BITS      64u
#define LINE_ALIGNMENT 64u

/** A bit for each slot that has the mark. */
static uint32_t find_marks(const struct exact_line *line, uint32_t mark)
{
    uint32_t marked = 0;

    /* all of them: where the right one is can't be foreseen */
#pragma GCC unroll 8
    for (unsigned k = 0; k < EXACT_WAYS; k++) {
        marked |= (uint32_t)(line->marks[k] == mark) << k;
    }
    return marked;
}

uint32_t exact_next(const struct exact *exact, uint64_t hash, uint32_t *place)
{
    uint32_t home = exact_place(hash, exact->line_count);
    uint32_t left = UINT32_MAX << *place % EXACT_WAYS; /* slots of the first line */
    bool is_full = true;

    for (uint32_t i = *place / EXACT_WAYS; i < exact->probes && is_full; i++) {
        const struct exact_line *line = &exact->lines[exact_behind(home, i, exact->line_count)];
        uint32_t marked = find_marks(line, (uint32_t)hash) & left;

        if (marked != 0) {
            unsigned slot = (unsigned)__builtin_ctz(marked);

            *place = i * EXACT_WAYS + slot + 1;
            return line->ids[slot]; /* if it is free, so are all behind it */
        }
        left = UINT32_MAX;
        is_full = line->ids[EXACT_WAYS - 1] != 0;
    }
    return 0;
}

enum picket_status exact_init(struct exact_sections *exact, size_t count, size_t more)
{
    size_t words = ((count + more) * FILTER_BITS + WORD_BITS - 1) / WORD_BITS;
    size_t lines = (count * 100 / LOAD_PERCENT + EXACT_WAYS - 1) / EXACT_WAYS;

    *exact = (struct exact_sections){0};
    if (count == 0) {
        return PICKET_OK;
    }
    exact->filter = calloc(words, sizeof(*exact->filter));
    exact->lines = calloc(lines, sizeof(*exact->lines));
    if (exact->filter == NULL || exact->lines == NULL) {
        return PICKET_E_NOMEM;
    }
    exact->word_count = (uint32_t)words;
    exact->line_count = (uint32_t)lines;
    return PICKET_OK;
}

void exact_admit(struct exact_sections *exact, uint64_t hash)
{
    exact->filter[exact_place(hash, exact->word_count)] |= exact_bits(hash);
}

bool exact_add(struct exact_sections *exact, uint64_t hash, uint32_t id)
{
    uint32_t home = exact_place(hash, exact->line_count);

    exact_admit(exact, hash);
    for (uint32_t i = 0; i < EXACT_PROBES_MAX && i < exact->line_count; i++) {
        struct exact_line *line = &exact->lines[exact_behind(home, i, exact->line_count)];

        for (unsigned k = 0; k < EXACT_WAYS; k++) {
            if (line->ids[k] == 0) {
                line->ids[k] = id;
                line->marks[k] = (uint32_t)hash;
                exact->probes = i < exact->probes ? exact->probes : i + 1;
                return true;
            }
        }
    }
    return false;
}

struct exact exact_borrow(const struct exact_sections *exact)
{
    return (struct exact){exact->filter, exact->lines, exact->word_count, exact->line_count,
                          exact->probes};
}

bool exact_is_sound(const struct exact *exact, uint32_t first, uint32_t end)
{
    if ((exact->line_count == 0) != (exact->word_count == 0) || exact->probes > EXACT_PROBES_MAX ||
        exact->probes > exact->line_count) {
        return false;
    }
    for (size_t i = 0; i < exact->line_count; i++) {
        for (size_t k = 0; k < EXACT_WAYS; k++) {
            uint32_t id = exact->lines[i].ids[k];

            if (id != 0 && (id < first || id >= end)) {
                return false;
            }
        }
    }
    return true;
}
