/* SPDX-License-Identifier: MIT */
/* Settings in words. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/settings.h"
#include "cli/text.h"
#include "model/address.h"
#include "model/fact.h"
#include "model/settings.h"

static void add_rules(struct buf *out, const struct picket_policy *policy, uint8_t address_size)
{
    uint32_t count = address_size == 4 ? policy->ipv4_rule_count : policy->ipv6_rule_count;
    struct picket_rule rule;
    char text[RULE_TEXT_MAX];

    for (uint32_t i = 0; i < count; i++) {
        picket_policy_get_rule(policy, address_size, i, &rule);
        policy_rule_format(&rule, text);
        buf_addf(out, "%s rule %-3" PRIu32 " %s\n", address_size == 4 ? "IPv4" : "IPv6", i, text);
    }
}

static void add_policy(struct buf *out, const struct picket_policy *policy)
{
    buf_addf(out, "mode          %s\n", policy_mode_name(policy->mode));
    if (policy->trial_ms > 0) {
        buf_addf(out,
                 "trial         %" PRIu32 ".%03" PRIu32
                 " s: taken back unless a report is confirmed by then\n",
                 policy->trial_ms / 1000, policy->trial_ms % 1000);
    }
    add_rules(out, policy, 4);
    add_rules(out, policy, 16);
    buf_addf(out, "others        %s\n", policy->denies_others ? "deny" : "allow");
    if (policy->has_filter) {
        buf_add_text(out, "indicators    a filter of ");
        text_add_count(out, policy->filter.fingerprint_count);
        buf_add_text(out, " bytes\n");
    }
}

static void add_collectors(struct buf *out, uint32_t set)
{
    for (unsigned bit = 0; collector_name(bit) != NULL; bit++) {
        if ((set & 1u << bit) != 0) {
            buf_addf(out, " %s", collector_name(bit));
        }
    }
    buf_add_text(out, set == 0 ? " none" : "");
}

static void add_configuration(struct buf *out, const struct picket_configuration *configuration)
{
    for (uint32_t i = 0; i < PICKET_SETTINGS_COUNT; i++) {
        uint32_t setting = PICKET_SETTING_FIRST + i;

        if ((configuration->given & 1u << i) == 0) {
            continue;
        }
        buf_addf(out, "%-16s", setting_name(setting));
        if (setting == PICKET_SETTING_COLLECTORS) {
            add_collectors(out, configuration->values[i]);
        } else {
            buf_addf(out, " %" PRIu32, configuration->values[i]);
        }
        buf_add_text(out, "\n");
    }
}

static void add_delta(struct buf *out, const char *word, const uint8_t *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct address address = address_from_bytes(list + i * PICKET_DELTA_ITEM_BYTES, 16);
        char text[ADDRESS_TEXT_MAX];

        address_format(&address, text);
        buf_addf(out, "%-16s %s\n", word, text);
    }
}

static void add_indicators(struct buf *out, const struct picket_indicators *indicators)
{
    buf_addf(out, "%-16s %" PRIu32 " of %" PRIu32 ", %zu bytes\n", "shard", indicators->shard,
             indicators->shard_count, indicators->filter.fingerprint_count);
    add_delta(out, "listed", indicators->listed, indicators->listed_count);
    add_delta(out, "unlisted", indicators->unlisted, indicators->unlisted_count);
}

void settings_write(struct buf *out, const struct picket_settings *settings)
{
    buf_addf(out, "%-13s revision %" PRIu32 ", for %.*s\n", settings_kind_name(settings->kind),
             settings->revision, (int)settings->audience.length, settings->audience.bytes);
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        add_policy(out, &settings->policy);
    } else if (settings->kind == PICKET_SETTINGS_CONFIGURATION) {
        add_configuration(out, &settings->configuration);
    } else {
        add_indicators(out, &settings->indicators);
    }
}

/* By mode: what a device does about what is denied. */
static const char *const consequences[] = {
    [PICKET_POLICY_OBSERVE] = "it passes and is reported",
    [PICKET_POLICY_ALERT] = "it passes and is reported, and the service alerts",
    [PICKET_POLICY_ENFORCE] = "it is blocked and reported, and the service alerts",
};

static void add_denied(struct buf *out, const struct picket_policy *policy, const char *why)
{
    buf_addf(out, "denied: %s\nin mode %s %s\n", why, policy_mode_name(policy->mode),
             consequences[policy->mode]);
}

static void add_rule_denied(struct buf *out, const struct picket_policy *policy,
                            uint8_t address_size, uint32_t number)
{
    struct picket_rule rule;
    char text[RULE_TEXT_MAX];
    char why[RULE_TEXT_MAX + 32];

    picket_policy_get_rule(policy, address_size, number, &rule);
    policy_rule_format(&rule, text);
    (void)snprintf(why, sizeof(why), "by rule %" PRIu32 ": %s", number, text);
    add_denied(out, policy, why);
}

void settings_write_verdict(struct buf *out, const struct picket_policy *policy,
                            const struct picket_activity *activity)
{
    uint32_t number = 0;

    switch (picket_policy_judge_activity(policy, activity, &number)) {
    case PICKET_CAUSE_NONE:
        buf_add_text(out, "allowed\n");
        break;
    case PICKET_CAUSE_RULE:
        add_rule_denied(out, policy, activity->address_size, number);
        break;
    case PICKET_CAUSE_OTHERS:
        add_denied(out, policy, "no rule is about it, and others are denied");
        break;
    case PICKET_CAUSE_INDICATOR:
        buf_add_text(out, "allowed, but probably malicious: the filter has the peer\n"
                          "it passes and is reported, and the service looks the peer up\n");
        break;
    }
}
