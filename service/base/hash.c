/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return (value << bits) | (value >> (64u - bits));
}

/* Up to eight bytes, little-endian on every machine. */
static uint64_t load(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;

    for (size_t i = 0; i < length; i++) {
        value |= (uint64_t)bytes[i] << (8u * i);
    }
    return value;
}

static void mix(uint64_t v[4], unsigned rounds)
{
    for (unsigned i = 0; i < rounds; i++) {
        v[0] += v[1];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[0] = rotate(v[0], 32);
        v[2] += v[3];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[2] = rotate(v[2], 32);
    }
}

static void absorb(uint64_t v[4], uint64_t word)
{
    v[3] ^= word;
    mix(v, 2);
    v[0] ^= word;
}

uint64_t hash_keyed(const uint8_t key[16], const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t key_0 = load(key, 8);
    uint64_t key_1 = load(key + 8, 8);
    uint64_t v[4] = {
        key_0 ^ UINT64_C(0x736f6d6570736575), /* the constants of the paper, §2.1 */
        key_1 ^ UINT64_C(0x646f72616e646f6d),
        key_0 ^ UINT64_C(0x6c7967656e657261),
        key_1 ^ UINT64_C(0x7465646279746573),
    };
    size_t left = length;

    for (; left >= 8; left -= 8, at += 8) {
        absorb(v, load(at, 8));
    }
    absorb(v, load(at, left) | (uint64_t)length << 56u);
    v[2] ^= 0xff;
    mix(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t hash_stable(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}
