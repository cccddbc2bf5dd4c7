/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include <string.h>

#include "format.h"
#include "settings_format.h"

static const char signed_context[] = "Signature1";

static void init_cursor(struct picket_writer *cursor, uint8_t *bytes, size_t capacity)
{
    picket_writer_init(cursor, bytes,
                       capacity < PICKET_SETTINGS_BYTES_MAX ? capacity : PICKET_SETTINGS_BYTES_MAX);
}

static enum picket_status finish(const struct picket_writer *cursor, size_t *ret_length)
{
    if (cursor->status == PICKET_OK) {
        *ret_length = cursor->length;
    }
    return cursor->status;
}

static void put_protected(struct picket_writer *cursor, enum picket_algorithm algorithm)
{
    const uint8_t header[PROTECTED_BYTES] = {PROTECTED_MAP, PROTECTED_ALG,
                                             algorithm == PICKET_ALGORITHM_ES256 ? PROTECTED_ES256
                                                                                 : PROTECTED_EDDSA};

    picket_writer_put_bytes(cursor, header, sizeof(header));
}

enum picket_status picket_envelope_put_signed(const struct picket_envelope *envelope,
                                              uint8_t *bytes, size_t capacity, size_t *ret_length)
{
    struct picket_writer cursor;

    init_cursor(&cursor, bytes, capacity);
    picket_writer_put_array(&cursor, ENVELOPE_ITEMS);
    picket_writer_put_text(&cursor, signed_context, sizeof(signed_context) - 1);
    put_protected(&cursor, envelope->algorithm);
    picket_writer_put_bytes(&cursor, NULL, 0); /* nothing else is authenticated */
    picket_writer_put_bytes(&cursor, envelope->payload, envelope->payload_length);
    return finish(&cursor, ret_length);
}

enum picket_status picket_envelope_put(const struct picket_envelope *envelope, uint8_t *bytes,
                                       size_t capacity, size_t *ret_length)
{
    struct picket_writer cursor;

    init_cursor(&cursor, bytes, capacity);
    picket_writer_put_array(&cursor, ENVELOPE_ITEMS);
    put_protected(&cursor, envelope->algorithm);
    picket_writer_put_map(&cursor, 0);
    picket_writer_put_bytes(&cursor, envelope->payload, envelope->payload_length);
    picket_writer_put_bytes(&cursor, envelope->signature, PICKET_SIGNATURE_BYTES);
    return finish(&cursor, ret_length);
}

static void put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

enum picket_status picket_rule_put(const struct picket_rule *rule, uint8_t *ret_bytes)
{
    uint8_t bytes[PICKET_IPV6_RULE_BYTES];
    uint8_t *ports;

    if ((rule->address_size != 4 && rule->address_size != 16) ||
        rule->direction > PICKET_DIRECTION_UNKNOWN) {
        return PICKET_E_ARG;
    }
    ports = bytes + RULE_ADDRESS + rule->address_size;
    bytes[RULE_TRAITS] = (uint8_t)((rule->is_deny ? RULE_DENY : 0u) |
                                   (unsigned)rule->direction << RULE_DIRECTION_SHIFT |
                                   (rule->has_protocol ? 0u : RULE_ANY_PROTOCOL));
    bytes[RULE_PROTOCOL] = rule->protocol;
    bytes[RULE_PREFIX_LENGTH] = rule->prefix_length;
    memcpy(bytes + RULE_ADDRESS, rule->address, rule->address_size);
    put_u16(ports, rule->first_port);
    put_u16(ports + 2, rule->last_port);
    if (picket_wire_rule_fault(bytes, rule->address_size) != NULL) {
        return PICKET_E_ARG;
    }
    memcpy(ret_bytes, bytes, (size_t)RULE_BYTES + rule->address_size);
    return PICKET_OK;
}

static void put_field(struct picket_writer *cursor, unsigned key, uint64_t value)
{
    picket_writer_put_uint(cursor, key);
    picket_writer_put_uint(cursor, value);
}

/** Opens the map of @p pairs beside those that all settings have, and puts these. */
static void put_head(struct picket_writer *cursor, const struct picket_settings *settings,
                     unsigned pairs)
{
    picket_writer_put_map(cursor, (unsigned)SETTINGS_PAIRS + pairs);
    put_field(cursor, SETTINGS_VERSION, PICKET_SETTINGS_VERSION);
    put_field(cursor, SETTINGS_KIND, settings->kind);
    put_field(cursor, SETTINGS_REVISION, settings->revision);
    picket_writer_put_uint(cursor, SETTINGS_AUDIENCE);
    picket_writer_put_text(cursor, settings->audience.bytes, settings->audience.length);
}

static void put_filter(struct picket_writer *cursor, unsigned key,
                       const struct picket_filter *filter)
{
    picket_writer_put_uint(cursor, key);
    picket_writer_put_array(cursor, FILTER_ITEMS);
    picket_writer_put_uint(cursor, filter->seed);
    picket_writer_put_uint(cursor, filter->segment_length);
    picket_writer_put_bytes(cursor, filter->fingerprints, filter->fingerprint_count);
}

static void put_policy(struct picket_writer *cursor, const struct picket_settings *settings)
{
    const struct picket_policy *policy = &settings->policy;

    put_head(cursor, settings, (unsigned)POLICY_PAIRS + policy->has_filter);
    put_field(cursor, POLICY_MODE, policy->mode);
    put_field(cursor, POLICY_TRIAL_MS, policy->trial_ms);
    picket_writer_put_uint(cursor, POLICY_DENIES_OTHERS);
    picket_writer_put_bool(cursor, policy->denies_others);
    picket_writer_put_uint(cursor, POLICY_IPV4_RULES);
    picket_writer_put_bytes(cursor, policy->ipv4_rules,
                            (size_t)policy->ipv4_rule_count * PICKET_IPV4_RULE_BYTES);
    picket_writer_put_uint(cursor, POLICY_IPV6_RULES);
    picket_writer_put_bytes(cursor, policy->ipv6_rules,
                            (size_t)policy->ipv6_rule_count * PICKET_IPV6_RULE_BYTES);
    if (policy->has_filter) {
        put_filter(cursor, POLICY_FILTER, &policy->filter);
    }
}

static void put_configuration(struct picket_writer *cursor, const struct picket_settings *settings)
{
    const struct picket_configuration *configuration = &settings->configuration;
    unsigned pairs = 0;

    for (unsigned place = 0; place < PICKET_SETTINGS_COUNT; place++) {
        pairs += configuration->given >> place & 1u;
    }
    put_head(cursor, settings, pairs);
    for (unsigned place = 0; place < PICKET_SETTINGS_COUNT; place++) {
        if ((configuration->given >> place & 1u) != 0) {
            put_field(cursor, PICKET_SETTING_FIRST + place, configuration->values[place]);
        }
    }
}

static void put_indicators(struct picket_writer *cursor, const struct picket_settings *settings)
{
    const struct picket_indicators *indicators = &settings->indicators;

    put_head(cursor, settings, INDICATORS_PAIRS);
    put_field(cursor, INDICATORS_SHARD, indicators->shard);
    put_field(cursor, INDICATORS_SHARD_COUNT, indicators->shard_count);
    put_filter(cursor, INDICATORS_FILTER, &indicators->filter);
    picket_writer_put_uint(cursor, INDICATORS_LISTED);
    picket_writer_put_bytes(cursor, indicators->listed,
                            (size_t)indicators->listed_count * PICKET_DELTA_ITEM_BYTES);
    picket_writer_put_uint(cursor, INDICATORS_UNLISTED);
    picket_writer_put_bytes(cursor, indicators->unlisted,
                            (size_t)indicators->unlisted_count * PICKET_DELTA_ITEM_BYTES);
}

/** True if what is said to be there could be. */
static bool deltas_fit(const struct picket_indicators *indicators)
{
    return indicators->listed_count <= PICKET_DELTA_MAX &&
           indicators->unlisted_count <= PICKET_DELTA_MAX;
}

/** True if the rules that are said to be there could be. */
static bool rules_fit(const struct picket_policy *policy)
{
    return policy->ipv4_rule_count <= PICKET_RULES_MAX &&
           policy->ipv6_rule_count <= PICKET_RULES_MAX;
}

enum picket_status picket_settings_put(const struct picket_settings *settings, uint8_t *bytes,
                                       size_t capacity, size_t *ret_length)
{
    struct picket_settings written;
    struct picket_writer cursor;

    init_cursor(&cursor, bytes, capacity);
    if (settings->kind == PICKET_SETTINGS_CONFIGURATION) {
        put_configuration(&cursor, settings);
    } else if (settings->kind == PICKET_SETTINGS_POLICY && rules_fit(&settings->policy)) {
        put_policy(&cursor, settings);
    } else if (settings->kind == PICKET_SETTINGS_INDICATORS && deltas_fit(&settings->indicators)) {
        put_indicators(&cursor, settings);
    } else {
        return PICKET_E_ARG;
    }
    if (cursor.status == PICKET_OK &&
        picket_settings_read(bytes, cursor.length, &written, NULL, NULL) != PICKET_OK) {
        return PICKET_E_ARG;
    }
    return finish(&cursor, ret_length);
}
