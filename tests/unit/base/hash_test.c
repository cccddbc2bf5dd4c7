/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include "harness/check.h"

/* The test vectors of the SipHash reference: key 00..0f, input 00, 01, 02, … of each length. */
TEST(keyed_hash_equals_the_reference)
{
    static const struct {
        size_t length;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
    };
    uint8_t key[16];
    uint8_t input[64];

    for (size_t i = 0; i < sizeof(input); i++) {
        input[i] = (uint8_t)i;
    }
    memcpy(key, input, sizeof(key));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_UINT(hash_keyed(key, input, rows[i].length), rows[i].hash);
    }
}

TEST(another_key_gives_another_hash)
{
    uint8_t key[16] = {0};
    uint64_t first = hash_keyed(key, "abc", 3);

    key[15] = 1;
    CHECK(hash_keyed(key, "abc", 3) != first);
}

TEST(stable_hash_equals_the_published_vectors)
{
    CHECK_UINT(hash_stable("", 0), UINT64_C(0xcbf29ce484222325));
    CHECK_UINT(hash_stable("a", 1), UINT64_C(0xaf63dc4c8601ec8c));
    CHECK_UINT(hash_stable("foobar", 6), UINT64_C(0x85944171f73967e8));
}

TEST_MAIN(TEST_ROW(keyed_hash_equals_the_reference), TEST_ROW(another_key_gives_another_hash),
          TEST_ROW(stable_hash_equals_the_published_vectors))
