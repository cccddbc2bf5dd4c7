/* SPDX-License-Identifier: MIT */
/* Indicators on the device: what is taken, what is told of a peer, and whose signature is good. */
#include "harness/check.h"
#include "harness/filter.h"
#include "picket/picket.h"
#include "settings_fixture.h"

#define DELTA_BYTES   ((size_t)PICKET_DELTA * 2 * PICKET_DELTA_ITEM_BYTES)
#define STORAGE_BYTES (DELTA_BYTES + 256)

/* Peers are 192.0.0.N, N being the number of the peer. */
static const struct talk listed = {TCP, 40000, 443, 1, false};
static const struct talk other = {TCP, 40000, 443, 2, false};
static const struct talk listed_ipv6 = {TCP, 40000, 443, 1, true};

#define TOLD "verdict out 6 c0000001:443 indicator 0 of 5: 1 packets, 0 blocked\n"

struct rig {
    struct settings_fixture settings;
    uint8_t storage[STORAGE_BYTES];
    struct filter_maker maker;
};

static void talk_to(struct rig *r, const struct talk *talk)
{
    uint8_t bytes[60] = {0};
    size_t header = put_ip_header(bytes, talk, OUT, 20);
    struct picket_span span = {bytes, header + 20};
    struct picket_datagram datagram = {OUT, &span, 1, header + 20};

    put_u16(bytes + header, talk->local_port);
    put_u16(bytes + header + 2, talk->peer_port);
    bytes[header + 13] |= SYN;
    r->settings.facts.base.has_fault |=
        picket_observe(&r->settings.facts.base.agent, &datagram) != PICKET_PASS;
}

/* The service's key: of a signature that is the operator's, turned over. */
static bool verify_turned(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                          size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    uint8_t turned[PICKET_SIGNATURE_BYTES];

    for (unsigned i = 0; i < PICKET_SIGNATURE_BYTES; i++) {
        turned[i] = (uint8_t)~signature[i];
    }
    return verify(context, algorithm, message, length, turned);
}

static void start(struct rig *r, size_t storage_bytes)
{
    struct picket_config config = settings_config(&r->settings);
    struct picket_port port = fixture_port(&r->settings.facts.base);

    config.indicator_storage = r->storage;
    config.indicator_storage_bytes = storage_bytes;
    port.verify = verify;
    port.verify_indicators = verify_turned;
    r->settings.facts.base.has_fault |=
        picket_init(&r->settings.facts.base.agent, &config, &port) != PICKET_OK;
}

/* Shard @p shard of @p shard_count, which has 192.0.0.N, or nothing for @p peer 0. */
static struct picket_settings shard_of(struct rig *r, uint32_t revision, uint32_t shard,
                                       uint32_t shard_count, uint8_t peer)
{
    const uint8_t address[4] = {192, 0, 0, peer};
    struct picket_settings settings = {
        .kind = PICKET_SETTINGS_INDICATORS,
        .revision = revision,
        .audience = pumps,
        .indicators = {.shard = shard,
                       .shard_count = shard_count,
                       .filter = {.segment_length = 8, .segment_count = 1},
                       .listed = address,
                       .unlisted = address}};

    r->settings.facts.base.has_fault |=
        !filter_make(&r->maker, address, 4, 1, &settings.indicators.filter);
    return settings;
}

static uint32_t own_shard(uint8_t peer, uint32_t shard_count)
{
    const uint8_t address[4] = {192, 0, 0, peer};

    return picket_indicators_shard(address, 4, shard_count);
}

static enum picket_status apply_turned(struct rig *r, const struct picket_settings *settings)
{
    struct settings_fixture *f = &r->settings;

    make_envelope(f, settings);
    for (size_t i = 0; i < PICKET_SIGNATURE_BYTES; i++) {
        uint8_t *at = f->envelope + f->envelope_length - PICKET_SIGNATURE_BYTES + i;

        *at = (uint8_t) ~*at;
    }
    return apply_envelope(f);
}

static const char *told_of(struct rig *r, const struct talk *talk)
{
    talk_to(r, talk);
    return report_of(&r->settings, "verdict");
}

TEST(a_listed_peer_is_told_without_a_policy_and_another_is_not)
{
    static struct rig r;
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    CHECK_TEXT(told_of(&r, &listed), "");
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(report_of(&r.settings, "settings"),
               "settings 3: 5 state 3 mode 0, refused 0: 0 detail 0\n");
    CHECK_TEXT(told_of(&r, &listed), TOLD);
    CHECK_TEXT(told_of(&r, &other), "");
    CHECK_TEXT(told_of(&r, &listed_ipv6), "");
    CHECK(is_sound(&r.settings));
}

TEST(what_a_policy_allows_is_looked_for_and_what_it_denies_keeps_its_cause)
{
    static struct rig r;
    struct picket_settings policy = policy_of(7, PICKET_POLICY_ALERT, NULL);
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    policy.policy.denies_others = false;
    CHECK(apply(&r.settings, &policy) == PICKET_OK);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed),
               "verdict out 6 c0000001:443 indicator 0 of 7: 1 packets, 0 blocked\n");
    policy.revision = 8;
    policy.policy.denies_others = true;
    CHECK(apply(&r.settings, &policy) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed),
               "verdict out 6 c0000001:443 others 0 of 8: 1 packets, 0 blocked\n");
    CHECK(is_sound(&r.settings));
}

TEST(an_enforced_policy_does_not_block_an_indicator)
{
    static struct rig r;
    struct picket_settings policy = policy_of(7, PICKET_POLICY_ENFORCE, NULL);
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    set_service(&r.settings);
    policy.policy.denies_others = false;
    CHECK(apply(&r.settings, &policy) == PICKET_OK);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed),
               "verdict out 6 c0000001:443 indicator 0 of 7: 1 packets, 0 blocked\n");
    CHECK(is_sound(&r.settings));
}

TEST(a_flow_that_was_passed_before_is_looked_at_again)
{
    static struct rig r;
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    for (int i = 0; i < 3; i++) {
        talk_to(&r, &listed);
        talk_to(&r, &other);
    }
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    talk_to(&r, &listed);
    CHECK_TEXT(report_of(&r.settings, "verdict"), TOLD);
    settings = shard_of(&r, 6, 0, 1, 2);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed), "");
    CHECK_TEXT(told_of(&r, &other),
               "verdict out 6 c0000002:443 indicator 0 of 6: 1 packets, 0 blocked\n");
    CHECK(is_sound(&r.settings));
}

TEST(a_delta_adds_and_takes_away)
{
    static const uint8_t one[16] = {[10] = 0xff, 0xff, 192, 0, 0, 1};
    static const uint8_t two[16] = {[10] = 0xff, 0xff, 192, 0, 0, 2};
    static struct rig r;
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    settings.indicators.listed = two;
    settings.indicators.listed_count = 1;
    settings.indicators.unlisted = one;
    settings.indicators.unlisted_count = 1;
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed), "");
    CHECK_TEXT(told_of(&r, &other),
               "verdict out 6 c0000002:443 indicator 0 of 5: 1 packets, 0 blocked\n");
    settings.revision = 6; /* listed again by the delta: it is the newest that counts */
    settings.indicators.listed = one;
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed),
               "verdict out 6 c0000001:443 indicator 0 of 6: 1 packets, 0 blocked\n");
    CHECK_TEXT(told_of(&r, &other), "");
    CHECK(is_sound(&r.settings));
}

TEST(shards_are_replaced_one_by_one_and_another_count_forgets_them)
{
    static struct rig r;
    uint32_t shard = own_shard(1, 2);
    struct picket_settings settings = shard_of(&r, 3, shard, 2, 1);

    start(&r, STORAGE_BYTES);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK(*told_of(&r, &listed) != '\0');
    settings = shard_of(&r, 4, 1 - shard, 2, 9); /* the other one: this one stays */
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK(*told_of(&r, &listed) != '\0');
    settings = shard_of(&r, 5, shard, 2, 9);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed), "");
    settings = shard_of(&r, 6, shard, 2, 1);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK(*told_of(&r, &listed) != '\0');
    settings = shard_of(&r, 7, (own_shard(1, 4) + 1) % 4, 4, 9);
    CHECK(apply(&r.settings, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed), "");
    CHECK(is_sound(&r.settings));
}

TEST(what_does_not_fit_is_refused_and_what_is_there_stays)
{
    static uint8_t many[PICKET_DELTA_MAX * PICKET_DELTA_ITEM_BYTES];
    static struct rig r;
    struct picket_settings good = shard_of(&r, 5, 0, 1, 1);
    struct picket_settings bad;

    for (unsigned i = 0; i < PICKET_DELTA_MAX; i++) {
        many[i * PICKET_DELTA_ITEM_BYTES + 15] = (uint8_t)i;
    }
    start(&r, DELTA_BYTES + 16 + 24); /* to the byte */
    CHECK(apply(&r.settings, &good) == PICKET_OK);
    bad = shard_of(&r, 6, 0, 2, 1); /* halves */
    CHECK(apply(&r.settings, &bad) == PICKET_E_CONFLICT);
    bad = good;
    bad.revision = 7;
    bad.indicators.listed = many;
    bad.indicators.listed_count = PICKET_DELTA + 1;
    CHECK(apply(&r.settings, &bad) == PICKET_E_CONFLICT);
    bad.revision = 8;
    bad.indicators.listed_count = 0;
    bad.indicators.unlisted = many;
    bad.indicators.unlisted_count = PICKET_DELTA + 1;
    CHECK(apply(&r.settings, &bad) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&r.settings, "settings"),
               "settings 3: 5 state 3 mode 0, refused 6: 8 detail 0\n");
    CHECK_TEXT(told_of(&r, &listed), TOLD);
    CHECK(is_sound(&r.settings));
}

TEST(a_device_without_storage_refuses_indicators)
{
    static struct rig r;
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);
    static const size_t sizes[] = {0, DELTA_BYTES, DELTA_BYTES + 16 + 23};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        start(&r, sizes[i]);
        CHECK(apply(&r.settings, &settings) == PICKET_E_CONFLICT);
        CHECK_TEXT(report_of(&r.settings, "settings"),
                   "settings 3: 0 state 0 mode 0, refused 6: 5 detail 0\n");
        CHECK_TEXT(told_of(&r, &listed), "");
    }
    CHECK(is_sound(&r.settings));
}

TEST(the_services_key_is_good_for_indicators_and_nothing_else)
{
    static struct rig r;
    struct picket_settings policy = policy_of(7, PICKET_POLICY_OBSERVE, NULL);
    struct picket_settings configuration = configuration_of(7);
    struct picket_settings settings = shard_of(&r, 5, 0, 1, 1);

    start(&r, STORAGE_BYTES);
    CHECK(apply_turned(&r, &policy) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&r.settings, "settings"),
               "settings 1: 0 state 0 mode 0, refused 3: 7 detail 0\n");
    CHECK(apply_turned(&r, &configuration) == PICKET_E_CONFLICT);
    CHECK(apply_turned(&r, &settings) == PICKET_OK);
    CHECK_TEXT(told_of(&r, &listed), TOLD);
    r.settings.envelope[r.settings.envelope_length - 1] ^= 1;
    CHECK(apply_envelope(&r.settings) == PICKET_E_CONFLICT);
    CHECK(is_sound(&r.settings));
}

TEST(only_what_is_newer_is_taken_and_a_device_that_starts_again_takes_all)
{
    static struct rig r;
    struct picket_settings newer = shard_of(&r, 5, 0, 1, 1);
    struct picket_settings older;

    start(&r, STORAGE_BYTES);
    CHECK(apply(&r.settings, &newer) == PICKET_OK);
    CHECK(apply(&r.settings, &newer) == PICKET_OK);
    older = shard_of(&r, 4, 0, 1, 9);
    CHECK(apply(&r.settings, &older) == PICKET_E_CONFLICT);
    CHECK_TEXT(told_of(&r, &listed), TOLD);
    start(&r, STORAGE_BYTES);
    CHECK_TEXT(told_of(&r, &listed), "");
    older = shard_of(&r, 4, 0, 1, 9);
    CHECK(apply(&r.settings, &older) == PICKET_OK);
    CHECK(is_sound(&r.settings));
}

TEST_MAIN(TEST_ROW(a_listed_peer_is_told_without_a_policy_and_another_is_not),
          TEST_ROW(what_a_policy_allows_is_looked_for_and_what_it_denies_keeps_its_cause),
          TEST_ROW(an_enforced_policy_does_not_block_an_indicator),
          TEST_ROW(a_flow_that_was_passed_before_is_looked_at_again),
          TEST_ROW(a_delta_adds_and_takes_away),
          TEST_ROW(shards_are_replaced_one_by_one_and_another_count_forgets_them),
          TEST_ROW(what_does_not_fit_is_refused_and_what_is_there_stays),
          TEST_ROW(a_device_without_storage_refuses_indicators),
          TEST_ROW(the_services_key_is_good_for_indicators_and_nothing_else),
          TEST_ROW(only_what_is_newer_is_taken_and_a_device_that_starts_again_takes_all))
