/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_TRIE_H
#define SERVICE_INTEL_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "picket/status.h"

/**
 * Longest-prefix match of 32-bit keys; private to intel.
 *
 * A bitmap that stays in the processor's own cache, the summary, dismisses most
 * look-ups. Behind it is one line of the cache for each /16: which of its 256 /24s
 * hold something longer than /16, where their leaves are, and what covers all of
 * it. A leaf says of a /24, in 8 bytes, which eights of addresses hold anything longer, and
 * where the words are that say what. Prefixes up to /16 are in lines only, so they
 * are not multiplied.
 *
 * Ids are of the caller, from 1, in 30 bits.
 */

struct trie_line {
    uint64_t occupied[4]; /* bit: this /24 has a leaf */
    uint32_t leaves[4];   /* the first one of each of the four words */
    uint32_t cover;       /* id of the longest prefix up to /16, or 0 */
    uint8_t reserved[12];
};
_Static_assert(sizeof(struct trie_line) == 64, "a line of the cache");

struct trie {
    const uint64_t *summary; /* bit: something is listed among the keys that fall on it */
    const uint16_t *index;   /* line of each /16; NULL if there is one for each, in their order */
    const struct trie_line *lines;
    const uint64_t *leaves;
    const uint32_t *words;
    size_t summary_count;
    unsigned summary_shift; /* bits of a key that choose none of it */
    size_t line_count;
    size_t leaf_count;
    size_t word_count;
    uint32_t id_max;
};

/**
 * Which keys something above a trie is about, for look-ups that ask both at once. Other
 * threads may set bits meanwhile.
 */
struct trie_marks {
    const uint64_t *summary; /* as that of the trie, and of what is above it, too */
    const uint8_t *lines;    /* of each /16: 1 if anything is above it there, or 0 */
};

#define TRIE_INDEX_COUNT  65536u /* of /16s */
#define TRIE_MARKED_MAX   512u
#define TRIE_LEAVES_SPARE 64u /* behind the last one, so that those of a word are there */

/** How a summary of so many words is used; over 26 if it can't be one. */
static inline unsigned trie_summary_shift(size_t summary_count)
{
    return summary_count == 0 ? 27u : (unsigned)__builtin_clzll(summary_count) - 37u;
}

/** A prefix that goes in. Bits behind the length are zero. */
struct trie_prefix {
    uint32_t key;
    uint32_t id;
    uint8_t length; /* 0..32 */
};

/** Sections of a trie while it is built. */
struct trie_sections {
    struct buf summary;
    struct buf index;
    struct buf lines;
    struct buf leaves;
    struct buf words;
};

/**
 * Builds a trie of prefixes, sorted by key, then length, all different.
 *
 * Errors: PICKET_E_NOMEM; the sections are to be freed then, too.
 */
PICKET_MUST_CHECK enum picket_status trie_build(const struct trie_prefix *prefixes, size_t count,
                                                struct trie_sections *ret);

/** True if no look-up can leave the trie. */
bool trie_is_sound(const struct trie *trie);

/** ret_ids[i] is the id of the longest prefix of keys[i], or 0; never one above id_max. */
void trie_match(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids);

/**
 * Likewise of up to TRIE_MARKED_MAX keys; gives how many of them something above the trie
 * may be about, too, and their places.
 */
size_t trie_match_marked(const struct trie *trie, const struct trie_marks *marks,
                         const uint32_t *keys, size_t count, uint32_t *ret_ids,
                         uint16_t ret_places[TRIE_MARKED_MAX]);

/** Of bits that another thread may be setting. */
static inline bool trie_has_mark(const uint64_t *bits, uint32_t bit)
{
    return (__atomic_load_n(&bits[bit / 64], __ATOMIC_RELAXED) >> bit % 64 & 1u) != 0;
}

#endif
