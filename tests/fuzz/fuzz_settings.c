/* SPDX-License-Identifier: MIT */
/* Settings, alone or in an envelope: what is accepted is written to bytes that mean the same. */
#include <stdlib.h>
#include <string.h>

#include "picket/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* An activity is asked about in all directions; its addresses are the input's last bytes. */
static void judge(const struct picket_policy *policy, const uint8_t *bytes, size_t length)
{
    struct picket_activity activity = {
        .protocol = bytes[0], .peer = bytes + length - 16, .has_ports = (bytes[1] & 1) != 0};

    activity.peer_port = (uint16_t)(bytes[2] << 8 | bytes[3]);
    activity.local_port = (uint16_t)(bytes[4] << 8 | bytes[5]);
    for (unsigned round = 0; round < 6; round++) {
        enum picket_verdict_cause cause;
        uint32_t rule = PICKET_RULES_MAX;
        bool is_hit;

        activity.direction = (enum picket_direction)(round % 3);
        activity.address_size = round < 3 ? 4 : 16;
        cause = picket_policy_judge_activity(policy, &activity, &rule);
        is_hit = policy->has_filter &&
                 picket_filter_has(&policy->filter, activity.peer, activity.address_size);
        require((cause == PICKET_CAUSE_RULE) == (rule < PICKET_RULES_MAX));
        require(cause != PICKET_CAUSE_INDICATOR || is_hit);
        require(cause != PICKET_CAUSE_NONE || !is_hit);
        require(cause != PICKET_CAUSE_OTHERS || policy->denies_others);
    }
}

/* Each address of a delta is found in it, and whatever is asked falls to a shard there is. */
static void ask(const struct picket_indicators *indicators, const uint8_t *bytes, size_t length)
{
    const uint8_t *last = bytes + length - PICKET_DELTA_ITEM_BYTES;

    for (uint32_t i = 0; i < indicators->listed_count; i++) {
        require(picket_delta_has(indicators->listed, indicators->listed_count,
                                 indicators->listed + i * PICKET_DELTA_ITEM_BYTES, 16));
    }
    (void)picket_delta_has(indicators->unlisted, indicators->unlisted_count, last, 16);
    (void)picket_filter_has(&indicators->filter, last, 4);
    require(picket_indicators_shard(last, 16, indicators->shard_count) < indicators->shard_count);
}

static void check_rules(const struct picket_policy *policy, uint8_t address_size,
                        const uint8_t *rules, uint32_t count)
{
    size_t rule_bytes = 7u + address_size;

    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[PICKET_IPV6_RULE_BYTES];
        struct picket_rule rule;

        picket_policy_get_rule(policy, address_size, i, &rule);
        require(picket_rule_put(&rule, bytes) == PICKET_OK);
        require(memcmp(bytes, rules + i * rule_bytes, rule_bytes) == 0);
    }
}

/* Written and read again they are written to the same; what was passed over is gone. */
static void check_writing(const struct picket_settings *settings, size_t length_max)
{
    uint8_t *first = malloc(length_max);
    uint8_t *second = malloc(length_max);
    struct picket_settings again;
    size_t first_length = 0;
    size_t second_length = 0;

    require(first != NULL && second != NULL);
    require(picket_settings_put(settings, first, length_max, &first_length) == PICKET_OK);
    require(picket_settings_read(first, first_length, &again, NULL, NULL) == PICKET_OK);
    require(picket_settings_put(&again, second, length_max, &second_length) == PICKET_OK);
    require(first_length == second_length && memcmp(first, second, first_length) == 0);
    free(second);
    free(first);
}

static void take_settings(const uint8_t *bytes, size_t length)
{
    struct picket_settings settings;
    const struct picket_policy *policy = &settings.policy;
    const char *fault = NULL;
    size_t offset = 0;

    if (picket_settings_read(bytes, length, &settings, &offset, &fault) != PICKET_OK) {
        require(offset <= length && fault != NULL);
        return;
    }
    check_writing(&settings, length);
    if (settings.kind == PICKET_SETTINGS_POLICY) {
        check_rules(policy, 4, policy->ipv4_rules, policy->ipv4_rule_count);
        check_rules(policy, 16, policy->ipv6_rules, policy->ipv6_rule_count);
        judge(policy, bytes, length); /* a policy has more than 16 bytes */
    } else if (settings.kind == PICKET_SETTINGS_INDICATORS) {
        ask(&settings.indicators, bytes, length); /* so have indicators */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct picket_envelope envelope;
    uint8_t *copy;
    size_t copy_length = 0;

    take_settings(bytes, length);
    if (picket_envelope_open(bytes, length, &envelope) != PICKET_OK) {
        return 0;
    }
    copy = malloc(length);
    require(copy != NULL);
    require(picket_envelope_put(&envelope, copy, length, &copy_length) == PICKET_OK);
    require(copy_length == length && memcmp(copy, bytes, length) == 0);
    free(copy);
    take_settings(envelope.payload, envelope.payload_length);
    return 0;
}
