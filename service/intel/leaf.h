/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LEAF_H
#define SERVICE_INTEL_LEAF_H

#include <stdbool.h>
#include <stdint.h>

/**
 * The 8 bytes that a trie has for a /24, and what they refer to; private to intel/trie*.c.
 *
 *   bits  0..29  number of the first word, or an id if that covers all of it
 *   bit  30      set: the first word is the id of what covers all of it, and more is listed in it
 *   bit  31      set: an id
 *   bits 32..63  of each eight addresses: anything longer than /24 is listed among them
 *
 * For each eight addresses that this bitmap names there is a word; behind the words are the ids:
 *   bits  0..7   these addresses are listed
 *   bits  8..15  here another id begins
 *   bits 16..23  ids that begin before these addresses
 */
#define LEAF_WORDS_MAX (1u + 32u + 256u)

static inline uint64_t leaf_of_id(uint32_t id)
{
    return UINT64_MAX << 32u | UINT32_C(1) << 31u | id;
}

static inline uint64_t leaf_of_words(uint32_t first_word, bool is_covered, uint32_t eights)
{
    return (uint64_t)eights << 32u | (uint32_t)is_covered << 30u | first_word;
}

static inline bool leaf_is_id(uint64_t leaf)
{
    return (leaf >> 31u & 1u) != 0;
}

static inline bool leaf_is_covered(uint64_t leaf)
{
    return (leaf >> 30u & 1u) != 0;
}

/** The id, or the number of the first word. */
static inline uint32_t leaf_number(uint64_t leaf)
{
    return (uint32_t)leaf & 0x3fffffffu;
}

/** The number of the word of the first eight addresses that have one. */
static inline uint32_t leaf_first_eight(uint64_t leaf)
{
    return leaf_number(leaf) + leaf_is_covered(leaf);
}

/** The bitmap of eights. */
static inline uint32_t leaf_eights(uint64_t leaf)
{
    return (uint32_t)(leaf >> 32u);
}

static inline uint32_t word_of_eight(uint32_t listed, uint32_t begins, uint32_t ids_before)
{
    return ids_before << 16u | begins << 8u | listed;
}

static inline uint32_t word_listed(uint32_t word)
{
    return word & 0xffu;
}

static inline uint32_t word_begins(uint32_t word)
{
    return word >> 8u & 0xffu;
}

static inline uint32_t word_ids_before(uint32_t word)
{
    return word >> 16u & 0xffu;
}

#endif
