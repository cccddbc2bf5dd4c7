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

/** Room for @p count hashes and @p marker_count that only the filter has. */
PICKET_MUST_CHECK enum picket_status exact_init(struct exact_sections *exact, size_t count,
                                                size_t marker_count);
void exact_deinit(struct exact_sections *exact);
void exact_add_marker(struct exact_sections *exact, uint64_t hash);
void exact_add(struct exact_sections *exact, uint64_t hash, uint32_t id);
/** To look up in what is being built. */
struct exact exact_borrow(const struct exact_sections *exact);

/** True if no look-up can leave it, and all its ids are in [first, end). */
bool exact_is_sound(const struct exact *exact, uint32_t first, uint32_t end);

/** Where a hash falls in @p count places. */
static inline uint32_t exact_place(uint64_t hash, uint32_t count)
{
    return (uint32_t)((hash >> 32u) * count >> 32u);
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

/** The next id under this hash, or 0; *place is 0 at first. */
uint32_t exact_next(const struct exact *exact, uint64_t hash, uint32_t *place);

#endif
