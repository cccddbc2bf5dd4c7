/* SPDX-License-Identifier: MIT */
/* Versions of an index that changes much, asked for more than is looked up at a time. */
#include "intel/live.h"

#include "harness/check.h"

#define HOSTS    5000u
#define VERSIONS 6u

static const struct intel_feed feed = {.name = "feed-a",
                                       .source = "",
                                       .licence = "CC0-1.0",
                                       .category = "scanner",
                                       .role = INDICATOR_LISTED,
                                       .confidence = 50};

/** Hosts of which some are in one /24. */
static uint32_t host_of(uint32_t number)
{
    return 0x14000000u + number * 61u;
}

static struct indicator indicator_of(uint32_t number, uint32_t line)
{
    uint32_t ipv4 = host_of(number);
    uint8_t bytes[4] = {(uint8_t)(ipv4 >> 24), (uint8_t)(ipv4 >> 16), (uint8_t)(ipv4 >> 8),
                        (uint8_t)ipv4};

    return (struct indicator){
        .observable = {.kind = OBSERVABLE_ADDRESS,
                       .prefix = {address_from_bytes(bytes, sizeof(bytes)), 128},
                       .text = ""},
        .confidence = 60,
        .line = line,
        .feed = feed.name,
        .category = "",
        .comment = "",
        .reference = "",
        .scope = ""};
}

/** Every host @p step hosts apart is listed in a line. */
static struct intel_index *build(uint32_t step, uint32_t line)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    enum picket_status status = intel_begin_feed(builder, &feed);

    for (uint32_t i = 0; status == PICKET_OK && i < HOSTS; i += step) {
        struct indicator indicator = indicator_of(i, line);

        status = intel_add(builder, &indicator);
    }
    if (status == PICKET_OK && intel_build(builder, &index, NULL) != PICKET_OK) {
        index = NULL;
    }
    intel_builder_free(builder);
    return index;
}

/** Changes every host @p step hosts apart. */
static struct intel_index *change(const struct intel_index *before, enum intel_change_kind kind,
                                  uint32_t step, uint32_t line)
{
    static struct intel_change changes[HOSTS];
    struct intel_index *next = NULL;
    size_t count = 0;

    for (uint32_t i = 0; i < HOSTS; i += step) {
        changes[count++] = (struct intel_change){kind, feed, indicator_of(i, line)};
    }
    return intel_change(before, changes, count, &next, NULL) == PICKET_OK ? next : NULL;
}

/** How many are not in this line (0: not listed), of every host @p step hosts apart, while what is
 * behind each host is not listed. */
static size_t count_wrong(const struct intel_index *index, uint32_t step, uint32_t line)
{
    static uint32_t asked[2 * HOSTS];
    static intel_record records[2 * HOSTS];
    size_t count = 0, wrong = 0;

    for (uint32_t i = 0; i < HOSTS; i += step) {
        asked[count++] = host_of(i);
        asked[count++] = host_of(i) + 1;
    }
    intel_match_ipv4(index, asked, count, records);
    for (size_t i = 0; i < count; i++) {
        uint32_t found = records[i] == 0 ? 0 : intel_indicator(index, records[i]).line;

        wrong += found != (i % 2 == 0 ? line : 0);
    }
    return wrong;
}

TEST(versions_that_share_much_are_each_as_they_were_whichever_is_freed_first)
{
    struct intel_index *versions[VERSIONS];

    versions[0] = build(HOSTS, 0);
    for (uint32_t i = 1; i < VERSIONS; i++) {
        versions[i] = change(versions[i - 1], INTEL_PUT, 1, i);
    }
    intel_index_free(versions[2]);
    for (uint32_t i = 1; i < VERSIONS; i++) {
        if (i != 2) {
            CHECK_UINT(count_wrong(versions[i], 1, i), 0);
            intel_index_free(versions[i]);
        }
    }
    intel_index_free(versions[0]);
}

TEST(two_versions_of_one_base_do_not_see_each_other)
{
    struct intel_index *base = build(1, 1), *removed, *changed;

    removed = change(base, INTEL_REMOVE, 7, 0);
    changed = change(base, INTEL_PUT, 7, 2);
    CHECK_UINT(count_wrong(base, 1, 1), 0);
    CHECK_UINT(count_wrong(removed, 7, 0), 0);
    CHECK_UINT(count_wrong(changed, 7, 2), 0);
    intel_index_free(base);
    base = change(removed, INTEL_PUT, 7, 3);
    CHECK_UINT(count_wrong(base, 7, 3), 0);
    CHECK_UINT(count_wrong(removed, 7, 0), 0);
    intel_index_free(base);
    intel_index_free(removed);
    intel_index_free(changed);
}

TEST_MAIN(TEST_ROW(versions_that_share_much_are_each_as_they_were_whichever_is_freed_first),
          TEST_ROW(two_versions_of_one_base_do_not_see_each_other))
