/* SPDX-License-Identifier: MIT */
#include "intel/hashing.h"

#include <stdio.h>

#include "harness/check.h"
#include "intel/exact.h"
#include "intel/keys.h"

#define SEEDS  1000u
#define KEYS   2048u
#define PLACES 256u
#define MOST   40u /* keys in a place, of eight on average: by chance, one seed in 10^12 */

typedef uint64_t hash_fn(uint32_t number, uint64_t seed);

static uint64_t upper_half(uint32_t number, uint64_t seed)
{
    return hashing_prefix(UINT64_C(0x2a00000000000000) + number, 0, 64, seed);
}

static uint64_t lower_half(uint32_t number, uint64_t seed)
{
    return hashing_prefix(UINT64_C(0x2a00000000000000), number * UINT64_C(256), 128, seed);
}

static uint64_t node(uint32_t number, uint64_t seed)
{
    return hashing_node((uint64_t)number << 16u | 1u, seed);
}

static uint64_t name(uint32_t number, uint64_t seed)
{
    struct keys_domain domains[KEYS_LABELS_MAX];
    char text[32];

    snprintf(text, sizeof(text), "h%u.ru", (unsigned)number);
    return keys_read_name(text, seed, 1, domains) == 0 ? 0 : domains[0].hash;
}

static uint64_t fingerprint(uint32_t number, uint64_t seed)
{
    char text[32];

    snprintf(text, sizeof(text), "%08x", (unsigned)number);
    return keys_hash_fingerprint(text, FAMILY_CERTIFICATE, seed);
}

/** How many of the keys from 0 on are in one place, at most. */
static unsigned crowd(hash_fn *hash, uint64_t seed)
{
    unsigned counts[PLACES] = {0}, most = 0;

    for (uint32_t i = 0; i < KEYS; i++) {
        unsigned count = ++counts[exact_place(hash(i, seed), PLACES)];

        most = count > most ? count : most;
    }
    return most;
}

TEST(keys_at_equal_distances_are_parted_whatever_the_seed)
{
    static hash_fn *const hashes[] = {upper_half, lower_half, node, name, fingerprint};

    for (size_t row = 0; row < sizeof(hashes) / sizeof(hashes[0]); row++) {
        unsigned most = 0;

        for (uint64_t i = 1; i <= SEEDS; i++) {
            unsigned count = crowd(hashes[row], i * UINT64_C(0xd1342543de82ef95));

            most = count > most ? count : most;
        }
        if (most > MOST) {
            printf("row %zu: %u keys in a place\n", row, most);
        }
        CHECK(most <= MOST);
    }
}

TEST_MAIN(TEST_ROW(keys_at_equal_distances_are_parted_whatever_the_seed))
