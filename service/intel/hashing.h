/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_HASHING_H
#define SERVICE_INTEL_HASHING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * Hashes of keys, with the seed of the image; private to intel. The seed is a hash
 * of what the image holds, so that equal content gives equal bytes, and one list
 * alone does not tell which keys will collide. They cost time at worst: what is
 * found is always compared.
 */

#define HASHING_SALT_A UINT64_C(0x9e3779b97f4a7c15)
#define HASHING_SALT_B UINT64_C(0xc2b2ae3d27d4eb4f)

/** Both halves of the product, folded (Wang Yi, wyhash). */
static inline uint64_t hashing_fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64u);
}

/**
 * The end of every hash. One product puts keys that stand at equal distances at equal distances
 * again, and under one seed in some hundreds next to each other; a second one parts them.
 */
static inline uint64_t hashing_end(uint64_t product)
{
    return hashing_fold(product ^ HASHING_SALT_B, HASHING_SALT_A);
}

/**
 * @p count bytes of a text, up to 8, from @p start on, as a number, the first one lowest.
 * Where the text goes on, or comes from far enough, that is one read, whatever the count.
 */
static inline uint64_t hashing_read(const char *text, size_t length, size_t start, size_t count)
{
    uint64_t word = 0;

    if (count == 0) {
        return 0;
    }
    if (start + 8 <= length) {
        memcpy(&word, text + start, 8);
        return word & UINT64_MAX >> 8u * (8 - count);
    }
    if (start + count >= 8) {
        memcpy(&word, text + start + count - 8, 8);
        return word >> 8u * (8 - count);
    }
    for (size_t i = 0; i < count; i++) {
        word |= (uint64_t)(uint8_t)text[start + i] << 8u * i;
    }
    return word;
}

/** @p count bytes of a text of @p length from @p start on: a label, or all of it. */
static inline uint64_t hashing_part(const char *text, size_t length, size_t start, size_t count,
                                    uint64_t seed)
{
    uint64_t hash = seed ^ count * HASHING_SALT_A, first;

    for (; count > 16; count -= 8, start += 8) {
        hash = hashing_fold(hash ^ hashing_read(text, length, start, 8), HASHING_SALT_B);
    }
    first = hashing_read(text, length, start, count < 8 ? count : 8);
    if (count > 8) {
        hash ^= hashing_read(text, length, start + 8, count - 8);
    }
    return hashing_end(hashing_fold(first ^ HASHING_SALT_B, hash));
}

/** A whole text. */
static inline uint64_t hashing_run(const char *text, size_t length, uint64_t seed)
{
    return hashing_part(text, length, 0, length, seed);
}

/**
 * The first @p length bits of an IPv6 address, the others being zero. No factor is known to who
 * does not know the seed: one that can be made zero would make one hash of all keys.
 */
static inline uint64_t hashing_prefix(uint64_t high, uint64_t low, unsigned length, uint64_t seed)
{
    uint64_t other = (seed << 32u | seed >> 32u) + length * HASHING_SALT_A;

    return hashing_end(hashing_fold(high ^ seed ^ HASHING_SALT_B, low ^ other));
}

#define HASHING_NODE 256u /* no length: tells a node from a prefix */

/** A node of IPv6. */
static inline uint64_t hashing_node(uint64_t name, uint64_t seed)
{
    return hashing_prefix(name, 0, HASHING_NODE, seed);
}

#endif
