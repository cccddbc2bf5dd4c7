/* SPDX-License-Identifier: MIT */
#include "pipeline/downlink.h"

#include "harness/check.h"
#include "model/report.h"
#include "store/store.h"

#define CAMERAS "cameras"

/* What two groups are to be told: cameras policy 5 and configuration 2, doors policy 9. */
static const struct store_settings stored[] = {
    {CAMERAS, PICKET_SETTINGS_POLICY, 5, (const uint8_t *)"policy five", 11},
    {CAMERAS, PICKET_SETTINGS_CONFIGURATION, 2, (const uint8_t *)"configuration", 13},
    {"doors", PICKET_SETTINGS_POLICY, 9, (const uint8_t *)"policy nine", 11},
};

/* And shards of pumps, of which number 1 is older than number 0. */
static const uint8_t addresses[32];
static const struct store_shard shards[] = {
    {"pumps", 0, 2, 31, addresses, 32, (const uint8_t *)"shard zero", 10},
    {"pumps", 1, 2, 30, addresses, 16, (const uint8_t *)"shard one", 9},
};

static struct downlink *load(void)
{
    struct downlink *downlink = NULL;
    struct store *store = NULL;
    bool is_good = store_open_sqlite(NULL, &store, NULL) == PICKET_OK &&
                   store->ops->begin(store, NULL) == PICKET_OK &&
                   store->ops->put_group(store, CAMERAS, "{}", NULL) == PICKET_OK &&
                   store->ops->put_group(store, "doors", "{}", NULL) == PICKET_OK &&
                   store->ops->put_group(store, "pumps", "{}", NULL) == PICKET_OK;

    for (size_t i = 0; i < sizeof(stored) / sizeof(stored[0]); i++) {
        is_good = is_good && store->ops->put_settings(store, &stored[i], NULL) == PICKET_OK;
    }
    for (size_t i = 0; i < sizeof(shards) / sizeof(shards[0]); i++) {
        is_good = is_good && store->ops->put_shard(store, &shards[i], NULL) == PICKET_OK;
    }
    is_good = is_good && store->ops->commit(store, NULL) == PICKET_OK &&
              downlink_load(store, &downlink, NULL) == PICKET_OK;
    store_close(store);
    return is_good ? downlink : NULL;
}

/* The revision that a device of the group is told, with the kind before it: 1005; 0: nothing. */
static unsigned choose(const char *group, uint32_t part, struct picket_settings_record *told,
                       size_t count)
{
    struct downlink *downlink = load();
    struct report report = {.facts = {.settings = told, .settings_count = count}};
    const struct downlink_settings *chosen;
    unsigned number;

    report.head.part = part;
    chosen = downlink_choose(downlink, group, &report);
    number = chosen == NULL ? 0 : (unsigned)chosen->kind * 1000 + chosen->revision;
    downlink_free(downlink);
    return number;
}

TEST(device_that_has_nothing_is_told_the_policy_first)
{
    CHECK_UINT(choose(CAMERAS, 0, NULL, 0), 1005);
    CHECK_UINT(choose("doors", 0, NULL, 0), 1009);
    CHECK_UINT(choose("others", 0, NULL, 0), 0);
}

TEST(later_part_of_a_window_is_answered_without_settings)
{
    CHECK_UINT(choose(CAMERAS, 1, NULL, 0), 0);
}

TEST(device_with_the_policy_is_told_the_configuration_and_then_no_more)
{
    struct picket_settings_record told[] = {
        {.kind = PICKET_SETTINGS_POLICY, .revision = 5, .state = PICKET_STATE_IN_EFFECT},
        {.kind = PICKET_SETTINGS_CONFIGURATION, .revision = 2, .state = PICKET_STATE_IN_EFFECT},
    };

    CHECK_UINT(choose(CAMERAS, 0, told, 1), 2002);
    CHECK_UINT(choose(CAMERAS, 0, told, 2), 0);
    told[0].revision = 4;
    CHECK_UINT(choose(CAMERAS, 0, told, 2), 1005);
}

TEST(device_that_tries_something_out_is_told_nothing)
{
    struct picket_settings_record told[] = {
        {.kind = PICKET_SETTINGS_POLICY, .revision = 4, .state = PICKET_STATE_ON_TRIAL},
        {.kind = PICKET_SETTINGS_CONFIGURATION, .revision = 1, .state = PICKET_STATE_PENDING},
    };

    CHECK_UINT(choose(CAMERAS, 0, told, 1), 0);
    CHECK_UINT(choose(CAMERAS, 0, told + 1, 1), 0);
}

TEST(what_was_refused_is_not_told_again_unless_the_device_was_busy)
{
    struct picket_settings_record told[] = {{
        .kind = PICKET_SETTINGS_POLICY,
        .refusal = PICKET_REFUSED_AUDIENCE,
        .refused_revision = 5,
    }};

    CHECK_UINT(choose(CAMERAS, 0, told, 1), 2002);
    told[0].refusal = PICKET_REFUSED_BUSY;
    CHECK_UINT(choose(CAMERAS, 0, told, 1), 1005);
    told[0].refusal = PICKET_REFUSED_AUDIENCE;
    told[0].refused_revision = 4;
    CHECK_UINT(choose(CAMERAS, 0, told, 1), 1005);
}

TEST(device_that_could_not_trust_the_last_ones_is_not_told_at_once)
{
    struct picket_settings_record told[] = {
        {.kind = PICKET_SETTINGS_UNKNOWN, .refusal = PICKET_REFUSED_SIGNATURE}};

    CHECK_UINT(choose(CAMERAS, 0, told, 1), 0);
}

TEST(envelope_is_what_was_stored)
{
    struct downlink *downlink = load();
    const struct downlink_settings *found =
        downlink_find(downlink, CAMERAS, PICKET_SETTINGS_CONFIGURATION);

    CHECK(found != NULL && found->envelope_length == 13 &&
          memcmp(found->envelope, "configuration", 13) == 0);
    CHECK(downlink_find(downlink, "doors", PICKET_SETTINGS_CONFIGURATION) == NULL);
    CHECK(downlink_find(NULL, CAMERAS, PICKET_SETTINGS_POLICY) == NULL);
    downlink_free(downlink);
}

TEST(shards_are_told_one_by_one_in_the_order_of_their_revisions)
{
    struct picket_settings_record told[] = {{.kind = PICKET_SETTINGS_INDICATORS, .revision = 30}};

    CHECK_UINT(choose("pumps", 0, NULL, 0), 3030);
    CHECK_UINT(choose("pumps", 0, told, 1), 3031);
    told[0].revision = 31;
    CHECK_UINT(choose("pumps", 0, told, 1), 0);
    CHECK_UINT(choose("pump", 0, NULL, 0), 0);
}

TEST(device_that_refused_a_shard_is_told_newer_ones_only)
{
    struct picket_settings_record told[] = {{.kind = PICKET_SETTINGS_INDICATORS,
                                             .refusal = PICKET_REFUSED_SPACE,
                                             .refused_revision = 30}};

    CHECK_UINT(choose("pumps", 0, told, 1), 3031);
    told[0].refused_revision = 31;
    CHECK_UINT(choose("pumps", 0, told, 1), 0);
    told[0].refusal = PICKET_REFUSED_BUSY;
    CHECK_UINT(choose("pumps", 0, told, 1), 3030);
}

TEST(indicators_of_a_group_are_summed_up)
{
    struct downlink *downlink = load();
    struct downlink_indicators sum = {.revision = 77};

    CHECK(!downlink_get_indicators(downlink, "doors", &sum));
    CHECK_UINT(sum.revision, 77);
    CHECK(downlink_get_indicators(downlink, "pumps", &sum));
    CHECK_UINT(sum.revision, 31);
    CHECK_UINT(sum.shard_count, 2);
    CHECK_UINT(sum.addresses, 3);
    CHECK_UINT(sum.bytes, 19);
    CHECK(!downlink_get_indicators(NULL, "pumps", &sum));
    downlink_free(downlink);
}

TEST_MAIN(TEST_ROW(shards_are_told_one_by_one_in_the_order_of_their_revisions),
          TEST_ROW(device_that_refused_a_shard_is_told_newer_ones_only),
          TEST_ROW(indicators_of_a_group_are_summed_up),
          TEST_ROW(device_that_has_nothing_is_told_the_policy_first),
          TEST_ROW(later_part_of_a_window_is_answered_without_settings),
          TEST_ROW(device_with_the_policy_is_told_the_configuration_and_then_no_more),
          TEST_ROW(device_that_tries_something_out_is_told_nothing),
          TEST_ROW(what_was_refused_is_not_told_again_unless_the_device_was_busy),
          TEST_ROW(device_that_could_not_trust_the_last_ones_is_not_told_at_once),
          TEST_ROW(envelope_is_what_was_stored))
