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

/** Up to 8 bytes as a number; each byte counts, and shorter runs of zeros are told by length. */
static inline uint64_t hashing_read(const char *bytes, size_t length)
{
    uint32_t first, last;
    uint64_t word;

    if (length >= 8) {
        memcpy(&word, bytes, 8);
        return word;
    }
    if (length >= 4) {
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + length - 4, 4);
        return (uint64_t)first << 32u | last;
    }
    if (length == 0) {
        return 0;
    }
    return (uint64_t)(uint8_t)bytes[0] << 16u | (uint64_t)(uint8_t)bytes[length / 2] << 8u |
           (uint8_t)bytes[length - 1];
}

/** A run of bytes: a label, or a whole fingerprint. */
static inline uint64_t hashing_run(const char *bytes, size_t length, uint64_t seed)
{
    uint64_t hash = seed ^ length * HASHING_SALT_A;

    for (; length > 16; length -= 8, bytes += 8) {
        hash = hashing_fold(hash ^ hashing_read(bytes, 8), HASHING_SALT_B);
    }
    return hashing_fold(hashing_read(bytes, length < 8 ? length : 8) ^ HASHING_SALT_B,
                        hash ^ (length > 8 ? hashing_read(bytes + length - 8, 8) : 0));
}

/** A label put in front of a name that has the hash @p below; 0 is the empty name. */
static inline uint64_t hashing_join(uint64_t below, uint64_t label)
{
    return hashing_fold(below ^ HASHING_SALT_A, label ^ HASHING_SALT_B);
}

/** The first @p length bits of an IPv6 address, the others being zero. */
static inline uint64_t hashing_prefix(uint64_t high, uint64_t low, unsigned length, uint64_t seed)
{
    return hashing_fold(hashing_fold(high ^ seed, low ^ HASHING_SALT_A) ^ length, HASHING_SALT_B);
}

#endif
