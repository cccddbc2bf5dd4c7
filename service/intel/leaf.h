/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LEAF_H
#define SERVICE_INTEL_LEAF_H

#include <stdint.h>

/**
 * The 8 bytes that a trie has for a /24; private to intel/trie*.c.
 *
 *   bits  0..24  id, the first of consecutive ones
 *   bits 25..26  enum leaf_kind
 *   inline:  27..28 prefixes less one; 29..31 their length less 25; 32..63 their last bytes
 *   block:   32..63 its number
 */
enum leaf_kind {
    LEAF_INLINE,  /* up to four prefixes of one length */
    LEAF_COVERED, /* one prefix covers all of it */
    LEAF_MEMBERS, /* hosts: a bitmap of them */
    LEAF_RUNS,    /* anything: a bitmap of where another answer begins, and the answers */
};

#define LEAF_INLINE_MAX 4u

static inline uint32_t leaf_id(uint64_t leaf)
{
    return (uint32_t)(leaf & 0x1ffffffu);
}

static inline enum leaf_kind leaf_kind(uint64_t leaf)
{
    return (enum leaf_kind)(leaf >> 25u & 3u);
}

static inline uint32_t leaf_block(uint64_t leaf)
{
    return (uint32_t)(leaf >> 32u);
}

static inline unsigned leaf_inline_count(uint64_t leaf)
{
    return (unsigned)(leaf >> 27u & 3u) + 1;
}

/** Bits of the last byte that the prefixes fix, 1 to 8. */
static inline unsigned leaf_bits(uint64_t leaf)
{
    return (unsigned)(leaf >> 29u & 7u) + 1;
}

/** Their last bytes, the first one lowest. */
static inline uint32_t leaf_inline_keys(uint64_t leaf)
{
    return (uint32_t)(leaf >> 32u);
}

static inline uint64_t leaf_of_block(enum leaf_kind kind, uint32_t id, uint32_t block)
{
    return (uint64_t)block << 32u | (uint64_t)kind << 25u | id;
}

#endif
