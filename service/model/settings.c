/* SPDX-License-Identifier: MIT */
#include "model/settings.h"

#include <stddef.h>
#include <stdio.h>

#include "base/json.h"
#include "model/address.h"
#include "model/fact.h"
#include "model/flow.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PORTS_TEXT_MAX  24u

static const char *const refusal_reasons[] = {
    [PICKET_REFUSED_NOT] = "nothing was refused",
    [PICKET_REFUSED_FORM] = "malformed or cut off",
    [PICKET_REFUSED_VERSION] = "of a version that the device does not know",
    [PICKET_REFUSED_SIGNATURE] = "not signed by a key that the device knows",
    [PICKET_REFUSED_AUDIENCE] = "for other devices",
    [PICKET_REFUSED_REVISION] = "not newer than what the device has",
    [PICKET_REFUSED_SPACE] = "larger than the device's storage",
    [PICKET_REFUSED_VALUE] = "the device can't do what is asked",
    [PICKET_REFUSED_BUSY] = "earlier ones are still pending or on trial",
    [PICKET_REFUSED_NO_SERVICE] =
        "it enforces, but the device does not know its way to the service",
    [PICKET_REFUSED_RETURNED] = "the trial ended without a confirmed report",
    [PICKET_REFUSED_UNSUPPORTED] = "settings of this kind are not built into the device",
};

static const char *const setting_names[PICKET_SETTINGS_COUNT] = {
    "high_interval_ms", "interval_ms", "low_interval_ms", "collectors",
    "exact_flows",      "ipv4_flows",  "ipv6_flows",      "facts_bytes",
};

static const char *const collector_names[] = {
    "heartbeat", "system", "dns", "tls", "listen", "start", "event", "metric",
};

const char *refusal_reason(enum picket_refusal refusal)
{
    return (unsigned)refusal < COUNT_OF(refusal_reasons)
               ? refusal_reasons[refusal]
               : "the device has a reason that this build does not know";
}

const char *setting_name(uint32_t setting)
{
    uint32_t place = setting - PICKET_SETTING_FIRST;

    return place < PICKET_SETTINGS_COUNT ? setting_names[place] : "";
}

const char *collector_name(unsigned bit)
{
    return bit < COUNT_OF(collector_names) ? collector_names[bit] : NULL;
}

static void format_ports(const struct picket_rule *rule, char ret_text[PORTS_TEXT_MAX])
{
    if (rule->first_port == 0 && rule->last_port == UINT16_MAX) {
        ret_text[0] = '\0';
    } else if (rule->first_port == rule->last_port) {
        snprintf(ret_text, PORTS_TEXT_MAX, ", port %u", rule->first_port);
    } else {
        snprintf(ret_text, PORTS_TEXT_MAX, ", ports %u-%u", rule->first_port, rule->last_port);
    }
}

void policy_rule_format(const struct picket_rule *rule, char ret_text[RULE_TEXT_MAX])
{
    unsigned start = rule->address_size == 4 ? 96u : 0u;
    struct prefix prefix = {.address = address_from_bytes(rule->address, rule->address_size),
                            .length = (uint8_t)(start + rule->prefix_length)};
    char prefix_text[PREFIX_TEXT_MAX];
    char protocol[PROTOCOL_TEXT_MAX] = "traffic";
    char ports[PORTS_TEXT_MAX];

    prefix_format(&prefix, prefix_text);
    if (rule->has_protocol) {
        protocol_format(rule->protocol, protocol);
    }
    format_ports(rule, ports);
    snprintf(ret_text, RULE_TEXT_MAX, "%s %s%s%s with %s%s", rule->is_deny ? "deny" : "allow",
             rule->direction == PICKET_DIRECTION_UNKNOWN ? "" : direction_name(rule->direction),
             rule->direction == PICKET_DIRECTION_UNKNOWN ? "" : " ", protocol, prefix_text, ports);
}

static void write_policy(struct json *json, const struct picket_policy *policy)
{
    json_put_text(json, "mode", policy_mode_name(policy->mode));
    json_put_uint(json, "trial_ms", policy->trial_ms);
    json_put_bool(json, "denies_others", policy->denies_others);
    json_put_uint(json, "rules", (uint64_t)policy->ipv4_rule_count + policy->ipv6_rule_count);
    json_put_uint(json, "filter_bytes", policy->has_filter ? policy->filter.fingerprint_count : 0);
}

void settings_write_json(struct json *json, const char *key, const struct picket_settings *settings)
{
    json_open_object(json, key);
    json_put_text(json, "kind", settings_kind_name(settings->kind));
    json_put_uint(json, "revision", settings->revision);
    json_put_text_n(json, "audience", settings->audience.bytes, settings->audience.length);
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        write_policy(json, &settings->policy);
    }
    json_close_object(json);
}
