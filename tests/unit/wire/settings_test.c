/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include <stdlib.h>

#include "harness/check.h"

/* What each kind of damage is refused for is in spec/vectors/; here stands what holds for all. */

static const uint8_t fingerprints[3 * 4] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
static const uint8_t ipv4_rules[2 * PICKET_IPV4_RULE_BYTES] = {
    /* outbound TCP to 198.51.100.0/24, port 443; deny everything of 10.0.0.0/8 */
    0,    6, 24, 198, 51, 100, 0, 1, 0xbb, 1,    0xbb, /* next */
    0x0d, 0, 8,  10,  0,  0,   0, 0, 0,    0xff, 0xff};
static const uint8_t ipv6_rules[PICKET_IPV6_RULE_BYTES] = {2,    58,       128,         0xfe,
                                                           0x80, [18] = 1, [21] = 0xff, 0xff};

static struct picket_settings plain_policy(void)
{
    return (struct picket_settings){
        .kind = PICKET_SETTINGS_POLICY,
        .revision = 300,
        .audience = {"group:cameras", 13},
        .policy = {.mode = PICKET_POLICY_ENFORCE,
                   .trial_ms = 600000,
                   .denies_others = true,
                   .ipv4_rules = ipv4_rules,
                   .ipv6_rules = ipv6_rules,
                   .ipv4_rule_count = 2,
                   .ipv6_rule_count = 1,
                   .has_filter = true,
                   .filter = {.seed = UINT64_MAX,
                              .segment_length = 4,
                              .segment_count = 1,
                              .fingerprints = fingerprints,
                              .fingerprint_count = sizeof(fingerprints)}},
    };
}

static struct picket_settings plain_configuration(void)
{
    struct picket_settings settings = {.kind = PICKET_SETTINGS_CONFIGURATION,
                                       .revision = 1,
                                       .audience = {"device:a", 8},
                                       .configuration = {.given = 0xff}};
    static const uint32_t values[PICKET_SETTINGS_COUNT] = {1000, 86400000, 5000,       0xff,
                                                           1,    64,       UINT32_MAX, 0};

    memcpy(settings.configuration.values, values, sizeof(values));
    return settings;
}

static const uint8_t listed[2 * PICKET_DELTA_ITEM_BYTES] = {[10] = 0xff, 0xff, 192,         0,
                                                            2,           1,    [16] = 0x20, 0x01};
static const uint8_t unlisted[PICKET_DELTA_ITEM_BYTES] = {[15] = 1};

static struct picket_settings plain_indicators(void)
{
    return (struct picket_settings){.kind = PICKET_SETTINGS_INDICATORS,
                                    .revision = 70000,
                                    .audience = {"pumps", 5},
                                    .indicators = {.shard = 31,
                                                   .shard_count = 32,
                                                   .filter = plain_policy().policy.filter,
                                                   .listed = listed,
                                                   .listed_count = 2,
                                                   .unlisted = unlisted,
                                                   .unlisted_count = 1}};
}

static enum picket_status read_copy(const uint8_t *bytes, size_t length, size_t *ret_offset,
                                    const char **ret_fault)
{
    uint8_t *copy = malloc(length + (length == 0)); /* exact: a byte too far is seen */
    struct picket_settings settings;
    enum picket_status status;

    memcpy(copy, bytes, length);
    status = picket_settings_read(copy, length, &settings, ret_offset, ret_fault);
    free(copy);
    return status;
}

static void check_policy(const struct picket_policy *policy, unsigned *check_failures)
{
    CHECK(policy->mode == PICKET_POLICY_ENFORCE && policy->denies_others);
    CHECK_UINT(policy->trial_ms, 600000);
    CHECK_UINT(policy->ipv4_rule_count, 2);
    CHECK(memcmp(policy->ipv4_rules, ipv4_rules, sizeof(ipv4_rules)) == 0);
    CHECK_UINT(policy->ipv6_rule_count, 1);
    CHECK(memcmp(policy->ipv6_rules, ipv6_rules, sizeof(ipv6_rules)) == 0);
    CHECK(policy->has_filter && policy->filter.seed == UINT64_MAX);
    CHECK_UINT(policy->filter.segment_length, 4);
    CHECK_UINT(policy->filter.segment_count, 1);
    CHECK_UINT(policy->filter.fingerprint_count, sizeof(fingerprints));
    CHECK(memcmp(policy->filter.fingerprints, fingerprints, sizeof(fingerprints)) == 0);
}

TEST(policy_comes_out_as_it_was_put_in)
{
    struct picket_settings in = plain_policy();
    struct picket_settings out;
    uint8_t bytes[256];
    size_t length = 0;

    CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(picket_settings_read(bytes, length, &out, NULL, NULL) == PICKET_OK);
    CHECK(out.kind == PICKET_SETTINGS_POLICY);
    CHECK_UINT(out.revision, 300);
    CHECK(out.audience.length == 13 && memcmp(out.audience.bytes, "group:cameras", 13) == 0);
    check_policy(&out.policy, check_failures);
}

TEST(configuration_comes_out_as_it_was_put_in_whatever_is_given)
{
    struct picket_settings in = plain_configuration();
    uint8_t bytes[256];

    for (uint32_t given = 0; given <= 0xff; given++) {
        struct picket_settings out;
        size_t length = 0;

        in.configuration.given = given;
        CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
        CHECK(picket_settings_read(bytes, length, &out, NULL, NULL) == PICKET_OK);
        CHECK(out.kind == PICKET_SETTINGS_CONFIGURATION && out.revision == 1);
        CHECK_UINT(out.configuration.given, given);
        for (unsigned i = 0; i < PICKET_SETTINGS_COUNT; i++) {
            CHECK_UINT(out.configuration.values[i],
                       (given >> i & 1) != 0 ? in.configuration.values[i] : 0);
        }
    }
}

TEST(indicators_come_out_as_they_were_put_in)
{
    struct picket_settings in = plain_indicators();
    struct picket_settings out;
    uint8_t bytes[256];
    size_t length = 0;

    CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(picket_settings_read(bytes, length, &out, NULL, NULL) == PICKET_OK);
    CHECK(out.kind == PICKET_SETTINGS_INDICATORS && out.revision == 70000);
    CHECK(out.indicators.shard == 31 && out.indicators.shard_count == 32);
    CHECK_UINT(out.indicators.filter.segment_length, 4);
    CHECK(memcmp(out.indicators.filter.fingerprints, fingerprints, sizeof(fingerprints)) == 0);
    CHECK(out.indicators.listed_count == 2 && out.indicators.unlisted_count == 1);
    CHECK(memcmp(out.indicators.listed, listed, sizeof(listed)) == 0);
    CHECK(memcmp(out.indicators.unlisted, unlisted, sizeof(unlisted)) == 0);
}

static void check_cuts(struct picket_settings in, unsigned *check_failures)
{
    uint8_t bytes[256];
    size_t length = 0;

    CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
    for (size_t cut = 0; cut < length; cut++) {
        const char *fault = NULL;
        size_t offset = SIZE_MAX;

        CHECK(read_copy(bytes, cut, &offset, &fault) == PICKET_E_TRUNCATED);
        CHECK(offset <= cut && fault != NULL);
    }
}

TEST(every_cut_is_refused_within_the_input)
{
    check_cuts(plain_policy(), check_failures);
    check_cuts(plain_indicators(), check_failures);
}

static void check_flips(struct picket_settings in, unsigned *check_failures)
{
    uint8_t bytes[256];
    size_t length = 0;

    CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
    for (size_t bit = 0; bit < length * 8; bit++) {
        const char *fault = NULL;
        size_t offset = 0;
        enum picket_status status;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        status = read_copy(bytes, length, &offset, &fault);
        CHECK((status == PICKET_OK) == (fault == NULL) && offset <= length);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(every_flipped_bit_is_survived)
{
    check_flips(plain_policy(), check_failures);
    check_flips(plain_indicators(), check_failures);
}

TEST(refusal_returns_nothing_and_nobody_has_to_ask_why)
{
    static const uint8_t bytes[] = {0xa1, 0x00, 0x01};
    struct picket_settings settings = {.revision = 77};

    CHECK(picket_settings_read(bytes, sizeof(bytes), &settings, NULL, NULL) == PICKET_E_MALFORMED);
    CHECK_UINT(settings.revision, 77);
}

TEST(settings_longer_than_the_limit_are_refused_but_their_version_comes_first)
{
    uint8_t *bytes = calloc(1, PICKET_SETTINGS_BYTES_MAX + 1);
    size_t offset = 0;

    bytes[0] = 0xa8;
    bytes[2] = 1;
    CHECK(read_copy(bytes, PICKET_SETTINGS_BYTES_MAX + 1, &offset, NULL) == PICKET_E_LIMIT);
    CHECK_UINT(offset, PICKET_SETTINGS_BYTES_MAX);
    bytes[2] = 2;
    CHECK(read_copy(bytes, PICKET_SETTINGS_BYTES_MAX + 1, &offset, NULL) == PICKET_E_VERSION);
    CHECK_UINT(offset, 2);
    free(bytes);
}

TEST(too_small_a_buffer_is_said_and_never_overrun)
{
    struct picket_settings in = plain_policy();
    uint8_t bytes[256];
    size_t length = 0;
    size_t unchanged = 77;

    CHECK(picket_settings_put(&in, bytes, sizeof(bytes), &length) == PICKET_OK);
    for (size_t capacity = 0; capacity < length; capacity++) {
        memset(bytes, 0x55, sizeof(bytes));
        CHECK(picket_settings_put(&in, bytes, capacity, &unchanged) == PICKET_E_SPACE);
        CHECK_UINT(unchanged, 77);
        CHECK_UINT(bytes[capacity], 0x55);
    }
}

/* Changes settings that are good into impossible ones; false after the last way. */
static bool spoil(struct picket_settings *settings, unsigned way)
{
    static const uint8_t bad_rule[PICKET_IPV4_RULE_BYTES] = {0x10};
    struct picket_policy *policy = &settings->policy;

    switch (way) {
    case 0:
        settings->revision = 0;
        return true;
    case 1:
        settings->audience.length = 0;
        return true;
    case 2:
        settings->audience = (struct picket_text){"group:Cameras", 13};
        return true;
    case 3:
        policy->mode = (enum picket_policy_mode)3;
        return true;
    case 4:
        policy->trial_ms = PICKET_TRIAL_MS_MIN - 1;
        return true;
    case 5:
        policy->trial_ms = PICKET_TRIAL_MS_MAX + 1;
        return true;
    case 6:
        policy->ipv4_rules = bad_rule;
        policy->ipv4_rule_count = 1;
        return true;
    case 7:
        policy->ipv4_rule_count = PICKET_RULES_MAX + 1;
        return true;
    case 8:
        policy->ipv6_rule_count = UINT32_MAX;
        return true;
    case 9:
        policy->filter.segment_length = 3;
        return true;
    case 10:
        policy->filter.fingerprint_count = 11;
        return true;
    case 11:
        policy->filter.fingerprint_count = 8;
        return true;
    case 12:
        settings->kind = PICKET_SETTINGS_UNKNOWN;
        return true;
    default:
        return false;
    }
}

TEST(impossible_settings_are_not_written)
{
    struct picket_settings settings = plain_policy();
    uint8_t bytes[256];
    size_t length = 77;
    unsigned way = 0;

    for (; spoil(&settings, way); way++) {
        CHECK(picket_settings_put(&settings, bytes, sizeof(bytes), &length) == PICKET_E_ARG);
        settings = plain_policy();
    }
    CHECK_UINT(way, 13);
    settings = plain_configuration();
    settings.configuration.values[0] = 999;
    CHECK(picket_settings_put(&settings, bytes, sizeof(bytes), &length) == PICKET_E_ARG);
    CHECK_UINT(length, 77);
}

TEST(impossible_indicators_are_not_written)
{
    static const struct {
        uint32_t shard, shard_count, listed_count, unlisted_count, segment_length;
    } rows[] = {
        {0, 0, 0, 0, 4},   {1, 1, 0, 0, 4},          {0, 3, 0, 0, 4}, {0, 512, 0, 0, 4},
        {0, 1, 257, 0, 4}, {0, 1, 0, UINT32_MAX, 4}, {0, 1, 0, 0, 3},
    };
    static const uint8_t twice[2 * PICKET_DELTA_ITEM_BYTES];
    struct picket_settings settings = plain_indicators();
    uint8_t bytes[256];
    size_t length = 77;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        settings.indicators.shard = rows[i].shard;
        settings.indicators.shard_count = rows[i].shard_count;
        settings.indicators.listed_count = rows[i].listed_count;
        settings.indicators.unlisted_count = rows[i].unlisted_count;
        settings.indicators.filter.segment_length = rows[i].segment_length;
        CHECK(picket_settings_put(&settings, bytes, sizeof(bytes), &length) == PICKET_E_ARG);
    }
    settings = plain_indicators();
    settings.indicators.listed = twice;
    CHECK(picket_settings_put(&settings, bytes, sizeof(bytes), &length) == PICKET_E_ARG);
    CHECK_UINT(length, 77);
}

static struct picket_envelope plain_envelope(const uint8_t *payload, size_t length)
{
    static const uint8_t signature[PICKET_SIGNATURE_BYTES] = {0xaa, [63] = 0xbb};

    return (struct picket_envelope){.algorithm = PICKET_ALGORITHM_EDDSA,
                                    .payload = payload,
                                    .payload_length = length,
                                    .signature = signature};
}

TEST(envelope_comes_out_as_it_was_put_in)
{
    static const size_t lengths[] = {0, 1, 23, 24, 255, 256, 65535 - PICKET_ENVELOPE_OVERHEAD};
    uint8_t *payload = calloc(1, PICKET_SETTINGS_BYTES_MAX);
    uint8_t *bytes = malloc(PICKET_SETTINGS_BYTES_MAX);

    for (size_t i = 0; i < 2 * sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct picket_envelope in = plain_envelope(payload, lengths[i / 2]);
        struct picket_envelope out;
        size_t length = 0;

        in.algorithm = i % 2 == 0 ? PICKET_ALGORITHM_EDDSA : PICKET_ALGORITHM_ES256;
        payload[lengths[i / 2] / 2] = (uint8_t)i;
        CHECK(picket_envelope_put(&in, bytes, PICKET_SETTINGS_BYTES_MAX, &length) == PICKET_OK);
        CHECK(length <= in.payload_length + PICKET_ENVELOPE_OVERHEAD);
        CHECK(picket_envelope_open(bytes, length, &out) == PICKET_OK);
        CHECK(out.algorithm == in.algorithm);
        CHECK_UINT(out.payload_length, in.payload_length);
        CHECK(memcmp(out.payload, payload, in.payload_length) == 0);
        CHECK(memcmp(out.signature, in.signature, PICKET_SIGNATURE_BYTES) == 0);
    }
    free(bytes);
    free(payload);
}

TEST(signature_is_over_what_rfc_9052_says)
{
    static const uint8_t payload[] = {0xa1, 0x00, 0x01};
    static const uint8_t expected[] = {0x84, 0x6a, 'S',  'i',  'g',  'n',  'a',
                                       't',  'u',  'r',  'e',  '1',  0x43, 0xa1,
                                       0x01, 0x26, 0x40, 0x43, 0xa1, 0x00, 0x01};
    struct picket_envelope envelope = plain_envelope(payload, sizeof(payload));
    uint8_t bytes[sizeof(payload) + PICKET_SIGNED_OVERHEAD];
    size_t length = 0;

    envelope.algorithm = PICKET_ALGORITHM_ES256;
    CHECK(picket_envelope_put_signed(&envelope, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK_UINT(length, sizeof(expected));
    CHECK(memcmp(bytes, expected, sizeof(expected)) == 0);
    CHECK(picket_envelope_put_signed(&envelope, bytes, length - 1, &length) == PICKET_E_SPACE);
    CHECK_UINT(length, sizeof(expected));
}

TEST(damaged_envelope_is_refused_and_returns_nothing)
{
    static const uint8_t payload[] = {0xa1, 0x00, 0x01};
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {
        {0, 0x83}, {0, 0x85}, {0, 0xd2}, {1, 0x42}, {1, 0x63}, {2, 0xa2}, {3, 0x02},  {4, 0x25},
        {4, 0x28}, {5, 0xa1}, {5, 0x80}, {6, 0x44}, {6, 0x42}, {6, 0x63}, {10, 0x78}, {11, 0x3f},
    };
    struct picket_envelope in = plain_envelope(payload, sizeof(payload));
    struct picket_envelope out = {.payload_length = 77};
    uint8_t good[PICKET_ENVELOPE_OVERHEAD + sizeof(payload) + 1] = {0};
    uint8_t bytes[sizeof(good)];
    size_t length = 0;

    CHECK(picket_envelope_put(&in, good, sizeof(good) - 1, &length) == PICKET_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(bytes, good, sizeof(bytes));
        bytes[rows[i].at] = rows[i].byte;
        CHECK(picket_envelope_open(bytes, length, &out) != PICKET_OK);
    }
    for (size_t cut = 0; cut < length; cut++) {
        CHECK(picket_envelope_open(good, cut, &out) == PICKET_E_TRUNCATED);
    }
    CHECK(picket_envelope_open(good, length + 1, &out) == PICKET_E_MALFORMED);
    CHECK(picket_envelope_open(good, PICKET_SETTINGS_BYTES_MAX + 1, &out) == PICKET_E_LIMIT);
    CHECK_UINT(out.payload_length, 77);
}

TEST_MAIN(TEST_ROW(policy_comes_out_as_it_was_put_in),
          TEST_ROW(configuration_comes_out_as_it_was_put_in_whatever_is_given),
          TEST_ROW(indicators_come_out_as_they_were_put_in),
          TEST_ROW(every_cut_is_refused_within_the_input), TEST_ROW(every_flipped_bit_is_survived),
          TEST_ROW(refusal_returns_nothing_and_nobody_has_to_ask_why),
          TEST_ROW(settings_longer_than_the_limit_are_refused_but_their_version_comes_first),
          TEST_ROW(too_small_a_buffer_is_said_and_never_overrun),
          TEST_ROW(impossible_settings_are_not_written),
          TEST_ROW(impossible_indicators_are_not_written),
          TEST_ROW(envelope_comes_out_as_it_was_put_in),
          TEST_ROW(signature_is_over_what_rfc_9052_says),
          TEST_ROW(damaged_envelope_is_refused_and_returns_nothing))
