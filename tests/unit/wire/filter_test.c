/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "harness/check.h"
#include "harness/filter.h"
#include "picket/settings.h"

/* Different addresses of @p size bytes each, from @p first on. */
static void make_addresses(uint8_t *addresses, uint8_t size, unsigned first, unsigned count)
{
    memset(addresses, 0x20, (size_t)size * count);
    for (unsigned i = 0; i < count; i++) {
        addresses[i * size + 1] = (uint8_t)((first + i) >> 8);
        addresses[i * size + size - 1u] = (uint8_t)(first + i);
    }
}

static unsigned count_found(const struct picket_filter *filter, const uint8_t *addresses,
                            uint8_t size, unsigned count)
{
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        found += picket_filter_has(filter, addresses + i * size, size);
    }
    return found;
}

TEST(every_address_a_filter_was_made_from_is_found_and_few_others)
{
    static const struct {
        uint8_t address_size;
        unsigned count;
        uint32_t segment_length, segment_count;
    } rows[] = {{4, 1, 1, 1},   {4, 1, 2, 1},  {4, 3, 8, 1},    {4, 300, 64, 10},
                {16, 1, 64, 1}, {16, 2, 4, 6}, {16, 3, 1, 200}, {16, 400, 128, 6}};
    static struct filter_maker maker;
    static uint8_t addresses[FILTER_KEYS_MAX * 16];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t size = rows[i].address_size;
        struct picket_filter filter = {.segment_length = rows[i].segment_length,
                                       .segment_count = rows[i].segment_count};

        make_addresses(addresses, size, 0, rows[i].count);
        CHECK(filter_make(&maker, addresses, size, rows[i].count, &filter));
        CHECK_UINT(count_found(&filter, addresses, size, rows[i].count), rows[i].count);
        make_addresses(addresses, size, 10000, FILTER_KEYS_MAX);
        CHECK(count_found(&filter, addresses, size, FILTER_KEYS_MAX) < 12); /* 1.6 are expected */
    }
}

TEST(ipv4_address_and_its_mapped_form_are_one_key)
{
    static const uint8_t ipv4[4] = {198, 51, 100, 7};
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 198, 51, 100, 7};
    struct picket_filter filter = {.seed = 5, .segment_length = 64, .segment_count = 10};
    struct picket_filter_slots from_ipv4, from_mapped;

    picket_filter_locate(&filter, ipv4, 4, &from_ipv4);
    picket_filter_locate(&filter, mapped, 16, &from_mapped);
    CHECK(memcmp(from_ipv4.positions, from_mapped.positions, sizeof(from_ipv4.positions)) == 0);
    CHECK_UINT(from_ipv4.fingerprint, from_mapped.fingerprint);
}

TEST(slots_lie_in_three_segments_that_follow_each_other_inside_the_filter)
{
    static const uint32_t shapes[][2] = {{1, 1},  {1, 65533}, {2, 7},     {64, 1},
                                         {64, 9}, {1024, 61}, {16384, 1}, {262144, 16381}};
    uint8_t address[4] = {0};

    for (size_t i = 0; i < 1000; i++) {
        uint32_t length = shapes[i % 8][0];
        struct picket_filter filter = {
            .seed = (uint64_t)i << 40, .segment_length = length, .segment_count = shapes[i % 8][1]};
        struct picket_filter_slots slots;

        address[3] = (uint8_t)(i * 41);
        picket_filter_locate(&filter, address, 4, &slots);
        CHECK(slots.positions[0] / length < filter.segment_count);
        CHECK_UINT(slots.positions[1] / length, slots.positions[0] / length + 1);
        CHECK_UINT(slots.positions[2] / length, slots.positions[0] / length + 2);
    }
}

TEST(filter_that_contradicts_itself_has_nothing_and_nothing_outside_is_read)
{
    static const uint8_t address[16] = {0x20};
    uint8_t *fingerprints = calloc(1, 2); /* exact: a byte too far is seen */
    struct picket_filter filter = {.fingerprints = fingerprints, .fingerprint_count = 2};

    for (filter.seed = 0; filter.seed < 500; filter.seed++) {
        filter.segment_length = 1; /* places 0, 1 and 2 */
        filter.segment_count = 1;
        CHECK(!picket_filter_has(&filter, address, 16));
        filter.segment_length = 64;
        filter.segment_count = 1000;
        CHECK(!picket_filter_has(&filter, address, 16));
    }
    free(fingerprints);
}

TEST(shards_get_about_as_many_addresses_each_and_one_shard_gets_all)
{
    static unsigned counts[PICKET_SHARDS_MAX];
    static const uint8_t ipv4[4] = {198, 51, 100, 7};
    static const uint8_t mapped[16] = {[10] = 0xff, 0xff, 198, 51, 100, 7};
    uint8_t address[4] = {10};

    for (uint32_t shards = 1; shards <= PICKET_SHARDS_MAX; shards *= 2) {
        memset(counts, 0, sizeof(counts));
        for (unsigned i = 0; i < 200 * shards; i++) {
            address[2] = (uint8_t)(i >> 8);
            address[3] = (uint8_t)i;
            counts[picket_indicators_shard(address, 4, shards) % PICKET_SHARDS_MAX]++;
        }
        for (uint32_t i = 0; i < PICKET_SHARDS_MAX; i++) {
            CHECK(i < shards ? counts[i] >= 130 && counts[i] <= 280 : counts[i] == 0);
        }
        CHECK_UINT(picket_indicators_shard(ipv4, 4, shards),
                   picket_indicators_shard(mapped, 16, shards));
    }
}

TEST(a_shard_is_split_in_two_when_there_are_twice_as_many)
{
    uint8_t address[16] = {0x20, 1};

    for (unsigned i = 0; i < 1000; i++) {
        address[15] = (uint8_t)i;
        address[7] = (uint8_t)(i >> 8);
        CHECK_UINT(picket_indicators_shard(address, 16, 128),
                   picket_indicators_shard(address, 16, 256) / 2);
    }
}

TEST(a_delta_has_what_is_in_it_and_nothing_else)
{
    static uint8_t list[PICKET_DELTA_MAX * PICKET_DELTA_ITEM_BYTES];
    uint8_t address[4] = {198, 18, 0, 0};

    for (unsigned i = 0; i < PICKET_DELTA_MAX; i++) { /* 198.18.0.1, .3, … */
        uint8_t *at = list + (size_t)i * PICKET_DELTA_ITEM_BYTES;

        memset(at + 10, 0xff, 2);
        at[12] = 198;
        at[13] = 18;
        at[14] = (uint8_t)((2 * i + 1) >> 8);
        at[15] = (uint8_t)(2 * i + 1);
    }
    for (uint32_t count = 0; count <= PICKET_DELTA_MAX; count++) {
        for (unsigned i = 0; i < 2 * PICKET_DELTA_MAX; i++) {
            address[2] = (uint8_t)(i >> 8);
            address[3] = (uint8_t)i;
            CHECK(picket_delta_has(list, count, address, 4) == (i % 2 == 1 && i / 2 < count));
        }
        CHECK(picket_delta_has(list, count, list, 16) == (count > 0));
    }
}

TEST_MAIN(TEST_ROW(every_address_a_filter_was_made_from_is_found_and_few_others),
          TEST_ROW(ipv4_address_and_its_mapped_form_are_one_key),
          TEST_ROW(slots_lie_in_three_segments_that_follow_each_other_inside_the_filter),
          TEST_ROW(filter_that_contradicts_itself_has_nothing_and_nothing_outside_is_read),
          TEST_ROW(shards_get_about_as_many_addresses_each_and_one_shard_gets_all),
          TEST_ROW(a_shard_is_split_in_two_when_there_are_twice_as_many),
          TEST_ROW(a_delta_has_what_is_in_it_and_nothing_else))
