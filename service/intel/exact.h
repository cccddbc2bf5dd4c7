/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_EXACT_H
#define SERVICE_INTEL_EXACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Ids by 64-bit hash; private to intel. In front stands a Bloom filter that has all
 * bits of a hash in one word (Putze, Sanders, Singler 2009), so that one touch
 * rejects nearly everything that is not there; behind it eight slots to a line of
 * the cache, and what does not fit goes to the next line. A hash that is found is
 * no proof: the caller compares the key itself.
 */

#define EXACT_WAYS 8u
/* The longest way grows by ten lines with ten times as many hashes: forty are many of millions. */
#define EXACT_PROBES_MAX 256u

struct exact_line {
    uint32_t marks[EXACT_WAYS]; /* lower halves of hashes */
    uint32_t ids[EXACT_WAYS];   /* from the first slot on; 0: free */
};
_Static_assert(sizeof(struct exact_line) == 64, "a line of the cache");

struct exact {
    const uint64_t *filter;
    const struct exact_line *lines;
    uint32_t word_count;
    uint32_t line_count;
    uint32_t probes; /* lines that a hash goes over at most */
};

/** The same, while it is built. */
struct exact_sections {
    uint64_t *filter;
    struct exact_line *lines;
    uint32_t word_count;
    uint32_t line_count;
    uint32_t probes;
};

/** Room for @p count hashes, and in the filter for @p more. */
PICKET_MUST_CHECK enum picket_status exact_init(struct exact_sections *exact, size_t count,
                                                size_t more);
/** False if too many hashes fall into one place, which takes someone who knows the seed. */
bool exact_add(struct exact_sections *exact, uint64_t hash, uint32_t id);
/** A hash that is only in the filter, for what is kept elsewhere. */
void exact_admit(struct exact_sections *exact, uint64_t hash);
/** To look up in what is being built. */
struct exact exact_borrow(const struct exact_sections *exact);

/** True if no look-up can leave it or go on for long, and all its ids are in [first, end). */
bool exact_is_sound(const struct exact *exact, uint32_t first, uint32_t end);

/** Where a hash falls in @p count places. */
static inline uint32_t exact_place(uint64_t hash, uint32_t count)
{
    return (uint32_t)((hash >> 32u) * count >> 32u);
}

/** The line that is @p further than the home of a hash; there are not fewer than probes. */
static inline uint32_t exact_behind(uint32_t home, uint32_t further, uint32_t line_count)
{
    uint32_t line = home + further;

    return line < line_count ? line : line - line_count;
}

/** Four bits of a word, of the half of the hash that does not choose the word. */
static inline uint64_t exact_bits(uint64_t hash)
{
    return UINT64_C(1) << (hash & 63u) | UINT64_C(1) << (hash >> 6u & 63u) |
           UINT64_C(1) << (hash >> 12u & 63u) | UINT64_C(1) << (hash >> 18u & 63u);
}

/** False if the hash is not there for sure. */
static inline bool exact_may_have(const struct exact *exact, uint64_t hash)
{
    uint64_t bits = exact_bits(hash);

    return exact->word_count > 0 &&
           (exact->filter[exact_place(hash, exact->word_count)] & bits) == bits;
}

static inline void exact_prefetch_filter(const struct exact *exact, uint64_t hash)
{
    __builtin_prefetch(&exact->filter[exact_place(hash, exact->word_count)]);
}

static inline void exact_prefetch(const struct exact *exact, uint64_t hash)
{
    __builtin_prefetch(&exact->lines[exact_place(hash, exact->line_count)]);
}

/** The next id under this hash, or 0; *place is 0 at first. */
uint32_t exact_next(const struct exact *exact, uint64_t hash, uint32_t *place);

#endif
