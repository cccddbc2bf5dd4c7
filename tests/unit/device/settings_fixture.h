/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DEVICE_SETTINGS_FIXTURE_H
#define TESTS_UNIT_DEVICE_SETTINGS_FIXTURE_H

#include <string.h>

#include "facts_fixture.h"

/**
 * A device of the audience "pumps" that obeys whoever knows a secret: its
 * signatures are a keyed sum over the message, which any other byte breaks.
 */

#define HALF_BYTES 1024u
#define RULES_MAX  32u

struct settings_fixture {
    struct facts_fixture facts;
    uint8_t storage[2 * HALF_BYTES];
    uint8_t envelope[2 * HALF_BYTES]; /* the latest that was made */
    size_t envelope_length;
};

/** What rules there are, as a policy has them. */
struct rules {
    uint8_t ipv4[RULES_MAX * PICKET_IPV4_RULE_BYTES];
    uint8_t ipv6[RULES_MAX * PICKET_IPV6_RULE_BYTES];
    uint32_t ipv4_count;
    uint32_t ipv6_count;
};

static const struct picket_text pumps = {"pumps", 5};

/** FNV-1a, begun with a secret and again for each of the signature's bytes. */
static inline void sign(enum picket_algorithm algorithm, const uint8_t *message, size_t length,
                        uint8_t ret_signature[PICKET_SIGNATURE_BYTES])
{
    uint32_t sum = 0x5ec2e7u + (unsigned)algorithm;

    for (size_t i = 0; i < length; i++) {
        sum = (sum ^ message[i]) * 16777619u;
    }
    for (unsigned i = 0; i < PICKET_SIGNATURE_BYTES; i++) {
        sum = (sum ^ i) * 16777619u;
        ret_signature[i] = (uint8_t)(sum >> 24);
    }
}

static inline bool verify(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                          size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    struct fixture *fixture = context;
    uint8_t expected[PICKET_SIGNATURE_BYTES];

    fixture->has_lock_fault |= fixture->is_locked;
    sign(algorithm, message, length, expected);
    return memcmp(expected, signature, sizeof(expected)) == 0;
}

static inline struct picket_config settings_config(struct settings_fixture *f)
{
    struct picket_config config = facts_config(&f->facts, 2048);

    config.settings_storage = f->storage;
    config.settings_storage_bytes = sizeof(f->storage);
    config.audience = pumps;
    return config;
}

static inline void settings_init(struct settings_fixture *f, const struct picket_config *config)
{
    struct picket_port port = fixture_port(&f->facts.base);

    port.verify = verify;
    f->facts.base.has_fault |= picket_init(&f->facts.base.agent, config, &port) != PICKET_OK;
}

static inline void settings_start(struct settings_fixture *f)
{
    struct picket_config config = settings_config(f);

    settings_init(f, &config);
}

static inline void add_rule(struct rules *rules, const struct picket_rule *rule)
{
    uint8_t *at = rule->address_size == 4
                      ? rules->ipv4 + PICKET_IPV4_RULE_BYTES * rules->ipv4_count++
                      : rules->ipv6 + PICKET_IPV6_RULE_BYTES * rules->ipv6_count++;

    if (picket_rule_put(rule, at) != PICKET_OK) {
        rules->ipv4_count = PICKET_RULES_MAX + 1; /* nobody takes that */
    }
}

/** A policy for the device that denies what no rule allows; @p rules: NULL for none. */
static inline struct picket_settings policy_of(uint32_t revision, enum picket_policy_mode mode,
                                               const struct rules *rules)
{
    struct picket_settings settings = {.kind = PICKET_SETTINGS_POLICY,
                                       .revision = revision,
                                       .audience = pumps,
                                       .policy = {.mode = mode, .denies_others = true}};

    if (rules != NULL) {
        settings.policy.ipv4_rules = rules->ipv4;
        settings.policy.ipv6_rules = rules->ipv6;
        settings.policy.ipv4_rule_count = rules->ipv4_count;
        settings.policy.ipv6_rule_count = rules->ipv6_count;
    }
    return settings;
}

static inline struct picket_settings configuration_of(uint32_t revision)
{
    return (struct picket_settings){
        .kind = PICKET_SETTINGS_CONFIGURATION, .revision = revision, .audience = pumps};
}

static inline void give(struct picket_settings *settings, enum picket_setting setting,
                        uint32_t value)
{
    unsigned place = (unsigned)setting - PICKET_SETTING_FIRST;

    settings->configuration.given |= 1u << place;
    settings->configuration.values[place] = value;
}

/** Signs a payload, and makes it the fixture's envelope. */
static inline void wrap(struct settings_fixture *f, const uint8_t *payload, size_t length)
{
    uint8_t message[2 * HALF_BYTES];
    uint8_t signature[PICKET_SIGNATURE_BYTES];
    size_t message_length = 0;
    struct picket_envelope envelope = {PICKET_ALGORITHM_ES256, payload, length, signature};

    f->facts.base.has_fault |= picket_envelope_put_signed(&envelope, message, sizeof(message),
                                                          &message_length) != PICKET_OK;
    sign(envelope.algorithm, message, message_length, signature);
    f->facts.base.has_fault |= picket_envelope_put(&envelope, f->envelope, sizeof(f->envelope),
                                                   &f->envelope_length) != PICKET_OK;
}

static inline void make_envelope(struct settings_fixture *f, const struct picket_settings *settings)
{
    uint8_t payload[2 * HALF_BYTES];
    size_t length = 0;

    f->facts.base.has_fault |=
        picket_settings_put(settings, payload, sizeof(payload), &length) != PICKET_OK;
    wrap(f, payload, length);
}

static inline enum picket_status apply_envelope(struct settings_fixture *f)
{
    return picket_apply_settings(&f->facts.base.agent, f->envelope, f->envelope_length);
}

static inline enum picket_status apply(struct settings_fixture *f,
                                       const struct picket_settings *settings)
{
    make_envelope(f, settings);
    return apply_envelope(f);
}

#if PICKET_POLICY
static inline void set_service(struct settings_fixture *f)
{
    static const struct picket_address service = {4, {203, 0, 113, 7}};

    f->facts.base.has_fault |= picket_set_service(&f->facts.base.agent, &service, 1) != PICKET_OK;
}
#endif

/** The next window's facts, of which only those count that begin with @p word. */
static inline const char *report_of(struct settings_fixture *f, const char *word)
{
    static char told[TOLD_MAX];
    const char *line = facts_report(&f->facts);
    size_t length = 0;

    while (*line != '\0') {
        size_t end = strcspn(line, "\n") + 1;

        if (strncmp(line, word, strlen(word)) == 0) {
            memcpy(told + length, line, end);
            length += end;
        }
        line += end;
    }
    told[length] = '\0';
    return told;
}

static inline bool is_sound(const struct settings_fixture *f)
{
    return !f->facts.base.has_fault && !f->facts.base.has_lock_fault && !f->facts.base.is_locked;
}

#endif
