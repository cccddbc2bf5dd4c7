/* SPDX-License-Identifier: MIT */
#include "app/nearest.h"

#include <string.h>

#define WORD_LENGTH_MAX 32u

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to insert, drop or change to turn one word into the other (Levenshtein 1966). */
static size_t edit_distance(const char *a, const char *b, size_t b_length)
{
    size_t row[WORD_LENGTH_MAX + 1];

    for (size_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t changed = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = smaller(changed, smaller(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

void nearest_offer(struct nearest *nearest, const char *word, const char *candidate)
{
    size_t length = strlen(candidate);
    size_t edits = 0;

    if (length > WORD_LENGTH_MAX || strlen(word) > WORD_LENGTH_MAX) {
        return;
    }
    edits = edit_distance(word, candidate, length);
    if (edits <= length / 2 && (nearest->word == NULL || edits < nearest->edits)) {
        *nearest = (struct nearest){.word = candidate, .edits = edits};
    }
}
