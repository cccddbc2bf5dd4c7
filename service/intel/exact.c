/* SPDX-License-Identifier: MIT */
#include "intel/exact.h"

#include <stdlib.h>
#include <string.h>

#define LOAD_PERCENT   78u /* of the slots that are taken */
#define FILTER_BITS    16u /* a hash */
#define WORD_BITS      64u
#define LINE_ALIGNMENT 64u

uint32_t exact_next(const struct exact *exact, uint64_t hash, uint32_t *place)
{
    uint32_t home = exact_place(hash, exact->line_count);

    for (uint32_t i = *place; i < exact->probes * EXACT_WAYS; i++) {
        const struct exact_line *line = &exact->lines[(home + i / EXACT_WAYS) % exact->line_count];
        uint32_t id = line->ids[i % EXACT_WAYS];

        if (id == 0) {
            break;
        }
        if (line->marks[i % EXACT_WAYS] == (uint32_t)hash) {
            *place = i + 1;
            return id;
        }
    }
    return 0;
}

enum picket_status exact_init(struct exact_sections *exact, size_t count, size_t marker_count)
{
    size_t words = ((count + marker_count) * FILTER_BITS + WORD_BITS - 1) / WORD_BITS;
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

void exact_deinit(struct exact_sections *exact)
{
    free(exact->filter);
    free(exact->lines);
    *exact = (struct exact_sections){0};
}

void exact_add_marker(struct exact_sections *exact, uint64_t hash)
{
    exact->filter[exact_place(hash, exact->word_count)] |= exact_bits(hash);
}

void exact_add(struct exact_sections *exact, uint64_t hash, uint32_t id)
{
    uint32_t home = exact_place(hash, exact->line_count);

    exact_add_marker(exact, hash);
    for (uint32_t i = 0; i < exact->line_count * EXACT_WAYS; i++) {
        struct exact_line *line = &exact->lines[(home + i / EXACT_WAYS) % exact->line_count];

        if (line->ids[i % EXACT_WAYS] == 0) {
            line->ids[i % EXACT_WAYS] = id;
            line->marks[i % EXACT_WAYS] = (uint32_t)hash;
            if (i / EXACT_WAYS >= exact->probes) {
                exact->probes = i / EXACT_WAYS + 1;
            }
            return;
        }
    }
}

struct exact exact_borrow(const struct exact_sections *exact)
{
    return (struct exact){exact->filter, exact->lines, exact->word_count, exact->line_count,
                          exact->probes};
}

bool exact_is_sound(const struct exact *exact, uint32_t first, uint32_t end)
{
    if ((exact->line_count == 0) != (exact->word_count == 0) || exact->probes > exact->line_count) {
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
