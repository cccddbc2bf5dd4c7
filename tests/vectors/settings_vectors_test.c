/* SPDX-License-Identifier: MIT */
/* Every vector of spec/vectors/settings/ through the reader, and the good ones through the writer.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "harness/check.h"
#include "vectors/settings_vectors.h"

#define VECTORS_OF_A_KIND_MIN 12u

/* What was read, in lines. */
struct tale {
    char text[65536];
    size_t length;
};

__attribute__((format(printf, 2, 3))) static void tell(struct tale *tale, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length =
        vsnprintf(tale->text + tale->length, sizeof(tale->text) - tale->length, format, arguments);
    va_end(arguments);
    if (length > 0) {
        tale->length += (size_t)length;
    }
}

static void tell_rules(struct tale *tale, const struct picket_policy *policy, uint8_t address_size,
                       uint32_t count)
{
    static const char *const directions[] = {"outbound", "inbound", "either"};

    for (uint32_t i = 0; i < count; i++) {
        struct picket_rule rule;

        picket_policy_get_rule(policy, address_size, i, &rule);
        tell(tale, "%s %s ", rule.is_deny ? "deny" : "allow", directions[rule.direction]);
        if (rule.has_protocol) {
            tell(tale, "%u ", rule.protocol);
        } else {
            tell(tale, "any ");
        }
        for (size_t at = 0; at < address_size; at++) {
            tell(tale, "%02x", rule.address[at]);
        }
        tell(tale, "/%u %u-%u\n", rule.prefix_length, rule.first_port, rule.last_port);
    }
}

static void tell_filter(struct tale *tale, const struct picket_filter *filter)
{
    tell(tale, "filter %" PRIu64 " %u %u\n", filter->seed, (unsigned)filter->segment_length,
         (unsigned)filter->segment_count);
    tell(tale, "%u fingerprints\n", (unsigned)filter->fingerprint_count);
}

static void tell_policy(struct tale *tale, const struct picket_policy *policy)
{
    static const char *const modes[] = {"observe", "alert", "enforce"};

    tell(tale, "%s %u %u\n", modes[policy->mode], (unsigned)policy->trial_ms,
         (unsigned)policy->denies_others);
    tell_rules(tale, policy, 4, policy->ipv4_rule_count);
    tell_rules(tale, policy, 16, policy->ipv6_rule_count);
    if (policy->has_filter) {
        tell_filter(tale, &policy->filter);
    }
}

static void tell_delta(struct tale *tale, const char *word, const uint8_t *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        tell(tale, "%s ", word);
        for (size_t at = 0; at < PICKET_DELTA_ITEM_BYTES; at++) {
            tell(tale, "%02x", list[i * PICKET_DELTA_ITEM_BYTES + at]);
        }
        tell(tale, "\n");
    }
}

static void tell_indicators(struct tale *tale, const struct picket_indicators *indicators)
{
    tell_filter(tale, &indicators->filter);
    tell(tale, "shard %u of %u\n", (unsigned)indicators->shard, (unsigned)indicators->shard_count);
    tell_delta(tale, "listed", indicators->listed, indicators->listed_count);
    tell_delta(tale, "unlisted", indicators->unlisted, indicators->unlisted_count);
}

static void tell_settings(struct tale *tale, const struct picket_settings *settings)
{
    static const char *const kinds[] = {"unknown", "policy", "configuration", "indicators"};

    tale->length = 0;
    tell(tale, "%s %u %.*s\n", kinds[settings->kind], (unsigned)settings->revision,
         (int)settings->audience.length, settings->audience.bytes);
    if (settings->kind == PICKET_SETTINGS_POLICY) {
        tell_policy(tale, &settings->policy);
        return;
    }
    if (settings->kind == PICKET_SETTINGS_INDICATORS) {
        tell_indicators(tale, &settings->indicators);
        return;
    }
    for (unsigned i = 0; i < PICKET_SETTINGS_COUNT; i++) {
        if ((settings->configuration.given >> i & 1u) != 0) {
            tell(tale, "%u %u\n", PICKET_SETTING_FIRST + i,
                 (unsigned)settings->configuration.values[i]);
        }
    }
}

TEST(good_vectors_mean_what_their_json_says)
{
    static struct tale tale;
    unsigned count = 0;

    for (size_t i = 0; i < settings_vector_count; i++) {
        const struct settings_vector *vector = &settings_vectors[i];
        struct picket_settings settings;

        if (vector->status == PICKET_OK) {
            printf("%s\n", vector->name);
            CHECK(picket_settings_read(vector->bytes, vector->length, &settings, NULL, NULL) ==
                  PICKET_OK);
            tell_settings(&tale, &settings);
            CHECK_TEXT(tale.text, vector->meaning);
            count++;
        }
    }
    CHECK(count >= VECTORS_OF_A_KIND_MIN);
}

TEST(good_vectors_are_encoded_to_the_same_bytes)
{
    for (size_t i = 0; i < settings_vector_count; i++) {
        const struct settings_vector *vector = &settings_vectors[i];
        struct picket_settings settings;
        uint8_t *bytes;
        size_t length = 0;

        /* what a later version adds, this one reads past and can't write */
        if (vector->status != PICKET_OK || strncmp(vector->name, "later-", 6) == 0) {
            continue;
        }
        bytes = malloc(vector->length); /* exactly as long, so that a byte too many is seen */
        CHECK(picket_settings_read(vector->bytes, vector->length, &settings, NULL, NULL) ==
              PICKET_OK);
        CHECK(picket_settings_put(&settings, bytes, vector->length, &length) == PICKET_OK);
        CHECK_UINT(length, vector->length);
        CHECK(memcmp(bytes, vector->bytes, vector->length) == 0);
        free(bytes);
    }
}

TEST(policies_say_of_activities_what_their_json_says)
{
    unsigned count = 0;

    for (size_t i = 0; i < settings_vector_count; i++) {
        const struct settings_vector *vector = &settings_vectors[i];
        struct picket_settings settings;

        if (vector->judgement_count == 0) {
            continue;
        }
        CHECK(picket_settings_read(vector->bytes, vector->length, &settings, NULL, NULL) ==
              PICKET_OK);
        for (size_t j = 0; j < vector->judgement_count; j++) {
            const struct judgement *expected = &vector->judgements[j];
            uint32_t rule = 0;
            enum picket_verdict_cause cause =
                picket_policy_judge_activity(&settings.policy, &expected->activity, &rule);

            if (cause != expected->cause || rule != expected->rule) {
                printf("%s, judgement %u\n", vector->name, (unsigned)j);
            }
            CHECK_UINT(cause, expected->cause);
            CHECK_UINT(rule, expected->rule);
            count++;
        }
    }
    CHECK(count >= 100);
}

TEST(bad_vectors_are_refused_with_status_and_place)
{
    unsigned count = 0;

    for (size_t i = 0; i < settings_vector_count; i++) {
        const struct settings_vector *vector = &settings_vectors[i];

        if (vector->status != PICKET_OK) {
            struct picket_settings settings;
            const char *fault = NULL;
            size_t offset = SIZE_MAX;
            enum picket_status status =
                picket_settings_read(vector->bytes, vector->length, &settings, &offset, &fault);

            printf("%s: %s\n", vector->name, fault == NULL ? "-" : fault);
            CHECK_TEXT(picket_strerror(status), picket_strerror(vector->status));
            CHECK_UINT(offset, vector->offset);
            CHECK(fault != NULL);
            count++;
        }
    }
    CHECK(count >= VECTORS_OF_A_KIND_MIN);
}

TEST_MAIN(TEST_ROW(good_vectors_mean_what_their_json_says),
          TEST_ROW(good_vectors_are_encoded_to_the_same_bytes),
          TEST_ROW(policies_say_of_activities_what_their_json_says),
          TEST_ROW(bad_vectors_are_refused_with_status_and_place))
