/* SPDX-License-Identifier: MIT */
/* What devices get of an index: what is chosen, how little is sent, and what it costs. */
#include "intel/shards.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check.h"
#include "intel/filter.h"
#include "intel/intel.h"

#define NOW_US      INT64_C(1000000)
#define PROBES      1000000u
#define DELTA_BYTES 1024u
#define ADDRESSES   60000u
#define SHARD_BYTES 65536u
#define FALSE_MAX   4500u /* 0.45 % of the probes */
#define CENTI_BYTES 145u  /* for each address */
#define HEAD_BYTES  16u

struct line {
    const char *feed;
    enum indicator_role role;
    const char *form;
    const char *category;
    unsigned confidence;
    const char *scope;
    int64_t expires_us;
};

static bool add(struct intel_builder *builder, const struct line *line)
{
    const struct intel_feed feed = {.name = line->feed,
                                    .source = "",
                                    .licence = "",
                                    .category = "",
                                    .role = line->role,
                                    .confidence = 50};
    struct indicator indicator = {.role = line->role,
                                  .confidence = (uint8_t)line->confidence,
                                  .category = line->category,
                                  .comment = "",
                                  .reference = "",
                                  .scope = line->scope == NULL ? "" : line->scope,
                                  .expires_us = line->expires_us};
    char text[OBSERVABLE_TEXT_MAX];

    return observable_parse(line->form, strlen(line->form), &indicator.observable, text, NULL) ==
               PICKET_OK &&
           intel_begin_feed(builder, &feed) == PICKET_OK &&
           intel_add(builder, &indicator) == PICKET_OK;
}

static struct intel_index *index_of(const struct line *lines, size_t count)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    bool is_good = builder != NULL;

    for (size_t i = 0; i < count; i++) {
        is_good = is_good && add(builder, &lines[i]);
    }
    is_good = is_good && intel_build(builder, &index, NULL) == PICKET_OK;
    intel_builder_free(builder);
    return is_good ? index : NULL;
}

/* The N-th of many addresses, no two of which are alike. */
static struct address numbered(uint32_t number)
{
    uint32_t mixed = number * 2654435761u; /* odd: each is there once */
    uint8_t bytes[4] = {(uint8_t)(mixed >> 24), (uint8_t)(mixed >> 16), (uint8_t)(mixed >> 8),
                        (uint8_t)mixed};

    return address_from_bytes(bytes, 4);
}

/* Addresses @p first to below @p end. */
static struct intel_index *index_between(uint32_t first, uint32_t end)
{
    const struct intel_feed feed = {
        .name = "many", .source = "", .licence = "", .category = "c2", .confidence = 50};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    bool is_good = builder != NULL && intel_begin_feed(builder, &feed) == PICKET_OK;

    for (uint32_t i = first; i < end && is_good; i++) {
        struct indicator indicator = {
            .observable = {.kind = OBSERVABLE_ADDRESS,
                           .prefix = {.address = numbered(i), .length = 128},
                           .text = ""},
            .confidence = 50,
            .category = "",
            .comment = "",
            .reference = "",
            .scope = ""};

        is_good = intel_add(builder, &indicator) == PICKET_OK;
    }
    is_good = is_good && intel_build(builder, &index, NULL) == PICKET_OK;
    intel_builder_free(builder);
    return is_good ? index : NULL;
}

static struct shard_set *set_between(uint32_t first, uint32_t end, size_t bytes)
{
    struct intel_index *index = index_between(first, end);
    struct shard_set *set = NULL;

    if (index != NULL && shards_choose(index, "", bytes, NOW_US, &set) != PICKET_OK) {
        set = NULL;
    }
    intel_index_free(index);
    return set;
}

static bool set_has(const struct shard_set *set, const struct address *address)
{
    const struct shard *shard =
        &set->shards[picket_indicators_shard(address->bytes, 16, set->shard_count)];

    for (size_t i = 0; i < shard->count; i++) {
        if (address_equal(&shard->addresses[i], address)) {
            return true;
        }
    }
    return false;
}

static bool has(const struct shard_set *set, const char *text)
{
    struct address address;

    return address_parse(text, strlen(text), &address) == PICKET_OK && set_has(set, &address);
}

/* As if all had been sent. */
static void send_all(struct shard_set *set, uint32_t revision)
{
    for (uint32_t i = 0; i < set->shard_count; i++) {
        if (set->shards[i].revision == 0) {
            set->shards[i].revision = revision++;
        }
    }
}

static uint32_t count_to_send(const struct shard_set *set)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < set->shard_count; i++) {
        count += set->shards[i].revision == 0;
    }
    return count;
}

TEST(only_single_addresses_that_are_listed_and_not_allowed_are_chosen)
{
    static const struct line lines[] = {
        {"a", INDICATOR_LISTED, "203.0.113.1", "c2", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "203.0.113.2:443/tcp", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "2001:db8::1", "", 50, NULL, NOW_US + 1},
        {"a", INDICATOR_LISTED, "198.51.100.0/24", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "example.com", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "203.0.113.3", "", 50, NULL, NOW_US},
        {"a", INDICATOR_LISTED, "192.0.2.1", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "192.0.2.130", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "203.0.113.4", "", 50, NULL, 0},
        {"a", INDICATOR_LISTED, "203.0.113.5", "", 50, NULL, 0},
        {"warn", INDICATOR_WARNED, "192.0.2.0/25", "", 50, NULL, 0},
        {"allow", INDICATOR_ALLOWED, "192.0.2.130", "", 50, NULL, 0},
        {"allow", INDICATOR_ALLOWED, "203.0.113.4", "", 50, "group:pumps", 0},
        {"allow", INDICATOR_ALLOWED, "203.0.113.5", "", 50, "group:others", 0},
    };
    struct intel_index *index = index_of(lines, sizeof(lines) / sizeof(lines[0]));
    struct shard_set *set = NULL;

    CHECK(index != NULL);
    CHECK(shards_choose(index, "group:pumps", 4096, NOW_US, &set) == PICKET_OK);
    CHECK_UINT(shard_set_count(set), 4);
    CHECK(has(set, "203.0.113.1") && has(set, "203.0.113.2") && has(set, "2001:db8::1"));
    CHECK(has(set, "203.0.113.5"));
    CHECK(shards_choose(index, "", SHARDS_BYTES_MIN - 1, NOW_US, &set) == PICKET_E_ARG);
    CHECK(shards_choose(index, "", SHARDS_BYTES_MAX + 1, NOW_US, &set) == PICKET_E_ARG);
    shard_set_free(set);
    intel_index_free(index);
}

TEST(when_room_is_short_category_comes_before_confidence_and_that_before_agreement)
{
    /* many scanners of the highest confidence take the room there is, but for these */
    static const struct line lines[] = {
        {"b", INDICATOR_LISTED, "203.0.113.1", "c2", 1, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.2", "", 1, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.3", "scanner", 100, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.4", "scanner", 99, NULL, 0},
        {"c", INDICATOR_LISTED, "203.0.113.4", "scanner", 99, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.5", "tor", 100, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.6", "scanner", 98, NULL, 0},
        /* as feeds write them */
        {"b", INDICATOR_LISTED, "203.0.113.7", "botnet_cc", 1, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.8", "C2 server, scanning", 1, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.9", "Tor_exit", 100, NULL, 0},
        {"b", INDICATOR_LISTED, "203.0.113.10", "motor show", 1, NULL, 0},
    };
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct shard_set *set = NULL;
    bool is_good = builder != NULL;
    char form[32];

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        is_good = is_good && add(builder, &lines[i]);
    }
    for (unsigned i = 0; i < 2000; i++) {
        struct line line = {"b", INDICATOR_LISTED, form, "scanner", 99, NULL, 0};

        snprintf(form, sizeof(form), "10.0.%u.%u", i / 250, i % 250);
        is_good = is_good && add(builder, &line);
    }
    is_good = is_good && intel_build(builder, &index, NULL) == PICKET_OK;
    CHECK(is_good);
    CHECK(shards_choose(index, "", SHARDS_BYTES_MIN, NOW_US, &set) == PICKET_OK);
    CHECK(set->shard_count == 1 && set->shards[0].count < 2000);
    CHECK(has(set, "203.0.113.1") && has(set, "203.0.113.2") && has(set, "203.0.113.3"));
    CHECK(has(set, "203.0.113.4"));
    CHECK(has(set, "203.0.113.7") && has(set, "203.0.113.8") && has(set, "203.0.113.10"));
    CHECK(!has(set, "203.0.113.5") && !has(set, "203.0.113.6") && !has(set, "203.0.113.9"));
    CHECK(has(set, "10.0.0.0") && !has(set, "10.0.7.249")); /* then in their order */
    shard_set_free(set);
    intel_index_free(index);
    intel_builder_free(builder);
}

TEST(every_shard_fits_in_its_part_of_a_device_and_an_address_costs_little)
{
    static const size_t sizes[] = {2048, 2500, 4096, 10000, 32768, 65536, 100000, 262144, 1048576};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct shard_set *set = set_between(0, (uint32_t)sizes[i], sizes[i]); /* too many */
        size_t part = (sizes[i] - DELTA_BYTES) / set->shard_count;
        size_t bytes = 0;

        for (uint32_t k = 0; k < set->shard_count; k++) {
            size_t own = HEAD_BYTES + filter_bytes(set->shards[k].count);

            CHECK(own <= part);
            CHECK(sizes[i] < 4096 || set->shards[k].count >= 1000);
            bytes += own;
        }
        printf("%7zu bytes of storage: %3u shards, %6zu addresses, %zu.%02zu bytes each\n",
               sizes[i], (unsigned)set->shard_count, shard_set_count(set),
               bytes / shard_set_count(set), bytes * 100 / shard_set_count(set) % 100);
        CHECK(sizes[i] < 4096 || bytes * 100 <= CENTI_BYTES * shard_set_count(set));
        shard_set_free(set);
    }
}

TEST(shards_have_every_address_and_few_others)
{
    struct shard_set *set = set_between(0, ADDRESSES, SHARD_BYTES);
    struct filter *filters[PICKET_SHARDS_MAX] = {NULL};
    uint32_t found = 0;
    uint32_t missed = 0;

    for (uint32_t i = 0; i < set->shard_count; i++) {
        CHECK(shard_build(&set->shards[i], &filters[i]) == PICKET_OK);
    }
    for (uint32_t i = 0; i < set->shard_count; i++) {
        for (size_t k = 0; k < set->shards[i].count; k++) {
            missed += !picket_filter_has(filter_content(filters[i]),
                                         set->shards[i].addresses[k].bytes, 16);
        }
    }
    CHECK_UINT(missed, 0);
    for (uint32_t i = 0; i < PROBES; i++) {
        struct address address = numbered(ADDRESSES + i);
        uint32_t shard = picket_indicators_shard(address.bytes, 16, set->shard_count);

        found += picket_filter_has(filter_content(filters[shard]), address.bytes, 16);
    }
    printf("%u of %u others\n", (unsigned)found, PROBES);
    CHECK(found > 0 && found <= FALSE_MAX);
    for (uint32_t i = 0; i < set->shard_count; i++) {
        filter_free(filters[i]);
    }
    shard_set_free(set);
}

TEST(a_shard_of_nothing_can_be_built)
{
    struct shard_set *set = shard_set_new(2);
    struct filter *filter = NULL;

    CHECK(shard_build(&set->shards[1], &filter) == PICKET_OK);
    CHECK(filter_content(filter)->fingerprint_count >= 3);
    filter_free(filter);
    shard_set_free(set);
}

TEST(without_a_change_nothing_is_sent_and_another_number_of_shards_is_sent_whole)
{
    struct shard_set *before = set_between(0, ADDRESSES, SHARD_BYTES);
    struct shard_set *same = set_between(0, ADDRESSES, SHARD_BYTES);
    struct shard_set *fewer = set_between(0, ADDRESSES, SHARD_BYTES / 4);

    CHECK_UINT(count_to_send(before), before->shard_count);
    send_all(before, 5);
    shards_settle(fewer, before);
    CHECK_UINT(count_to_send(fewer), fewer->shard_count);
    shards_settle(same, before);
    CHECK_UINT(count_to_send(same), 0);
    CHECK(same->listed_count == 0 && same->unlisted_count == 0);
    CHECK_UINT(same->shards[1].revision, 6);
    shard_set_free(before);
    shard_set_free(same);
    shard_set_free(fewer);
}

/* What a device has that got all: a shard's addresses, and the delta. */
static bool device_has(const struct shard_set *set, uint32_t number)
{
    struct address address = numbered(number);

    return picket_delta_has(set->listed[0].bytes, (uint32_t)set->listed_count, address.bytes, 16) ||
           (!picket_delta_has(set->unlisted[0].bytes, (uint32_t)set->unlisted_count, address.bytes,
                              16) &&
            set_has(set, &address));
}

TEST(small_changes_are_a_delta_with_one_shard_and_large_ones_send_what_is_needed)
{
    /* each row: addresses 0..19999 become first..end */
    static const struct {
        uint32_t first, end;
        bool is_one_shard;
    } rows[] = {{0, 20001, true},  {1, 20000, true},      {5, 20020, true},
                {0, 20000, true},  {300, 20000, false},   {300, 20300, false},
                {0, 20000, false}, {19000, 20000, false}, {30, 20030, false}};
    struct shard_set *before = set_between(0, 20000, SHARD_BYTES);
    uint32_t revision = 100;

    send_all(before, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shard_set *set = set_between(rows[i].first, rows[i].end, SHARD_BYTES);
        uint32_t wrong = 0;

        shards_settle(set, before);
        CHECK(rows[i].is_one_shard ? count_to_send(set) == 1 : count_to_send(set) > 1);
        for (uint32_t number = 0; number < 20400; number++) {
            wrong += device_has(set, number) != (number >= rows[i].first && number < rows[i].end);
        }
        CHECK_UINT(wrong, 0);
        send_all(set, revision += 100);
        shard_set_free(before);
        before = set;
    }
    shard_set_free(before);
}

TEST_MAIN(TEST_ROW(only_single_addresses_that_are_listed_and_not_allowed_are_chosen),
          TEST_ROW(when_room_is_short_category_comes_before_confidence_and_that_before_agreement),
          TEST_ROW(every_shard_fits_in_its_part_of_a_device_and_an_address_costs_little),
          TEST_ROW(shards_have_every_address_and_few_others),
          TEST_ROW(a_shard_of_nothing_can_be_built),
          TEST_ROW(without_a_change_nothing_is_sent_and_another_number_of_shards_is_sent_whole),
          TEST_ROW(small_changes_are_a_delta_with_one_shard_and_large_ones_send_what_is_needed))
