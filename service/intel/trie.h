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
 * One line of the cache for each /16 answers most look-ups: which of its 256 /24s
 * hold something longer than /16, where their leaves are, and what covers all of
 * it. A leaf says all of one /24 in 8 bytes, or where its block is. Prefixes up to
 * /16 are in lines only, so they are not multiplied.
 *
 * Ids are of the caller, from 1, and consecutive in the order of keys among the
 * prefixes of one length.
 */

struct trie_line {
    uint64_t occupied[4]; /* bit: this /24 has a leaf */
    uint8_t ranks[4];     /* leaves before each of the four words */
    uint32_t leaf;        /* the first one */
    uint32_t cover;       /* id of the longest prefix up to /16, or 0 */
    uint8_t reserved[20];
};
_Static_assert(sizeof(struct trie_line) == 64, "a line of the cache");

/** 32 bytes of what a leaf refers to: a bitmap, or eight ids. */
struct trie_block {
    union {
        uint64_t bits[4];
        uint32_t ids[8];
    };
};

struct trie {
    const uint16_t *index; /* line of each /16, less one; NULL if there is a line for each */
    const struct trie_line *lines;
    const uint64_t *leaves;
    const struct trie_block *blocks;
    size_t line_count;
    size_t leaf_count;
    size_t block_count;
};

#define TRIE_INDEX_COUNT 65536u
#define TRIE_ID_MAX      0x1ffffffu /* 25 bits */

/** A prefix that goes in. Bits behind the length are zero. */
struct trie_prefix {
    uint32_t key;
    uint32_t id;
    uint8_t length; /* 0..32 */
};

/** Sections of a trie while it is built. */
struct trie_sections {
    struct buf index;
    struct buf lines;
    struct buf leaves;
    struct buf blocks;
};

void trie_sections_deinit(struct trie_sections *sections);

/**
 * Builds a trie of prefixes, sorted by key, then length, all different.
 *
 * Errors: PICKET_E_NOMEM; the sections are to be freed then, too.
 */
PICKET_MUST_CHECK enum picket_status trie_build(const struct trie_prefix *prefixes, size_t count,
                                                struct trie_sections *ret);

/** True if no look-up can leave the trie, and all its ids are up to @p id_max. */
bool trie_is_sound(const struct trie *trie, uint32_t id_max);

/** ret_ids[i] is the id of the longest prefix of keys[i], or 0. */
void trie_match(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids);

#endif
