/* SPDX-License-Identifier: MIT */
/* DEV_POLICY_ROLLBACK and DEV_CONFIG_ERROR: settings that a device took back, or did not take. */
#include <inttypes.h>
#include <stdio.h>

#include "detect/judge.h"
#include "model/fact.h"
#include "model/settings.h"

/** A finding about settings of the record's kind, in the report's time. */
static struct finding finding_about(const struct judging *judging, enum finding_kind kind,
                                    const char *type, const struct picket_settings_record *record)
{
    struct finding finding = {.kind = kind,
                              .type = type,
                              .severity = SEVERITY_MEDIUM,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};

    snprintf(finding.key, sizeof(finding.key), "%s", settings_kind_name(record->kind));
    return finding;
}

/** What the device works with instead. */
static void format_kept(const struct picket_settings_record *record, char *text, size_t capacity)
{
    if (record->revision == 0) {
        snprintf(text, capacity, "none is in effect");
    } else {
        snprintf(text, capacity, "revision %" PRIu32 " is in effect", record->revision);
    }
}

static void explain_rollback(const struct picket_settings_record *record, const char *kept,
                             struct finding *finding)
{
    finding_explain(finding, "Policy revision %" PRIu32 " was taken back: %s; %s.",
                    record->refused_revision, refusal_reason(record->refusal), kept);
}

static void explain_refusal(const struct picket_settings_record *record, const char *kept,
                            struct finding *finding)
{
    const char *setting =
        record->refusal == PICKET_REFUSED_VALUE ? setting_name(record->detail) : "";

    if (record->kind == PICKET_SETTINGS_UNKNOWN) {
        finding_explain(finding, "Settings were refused: %s.", refusal_reason(record->refusal));
    } else {
        finding_explain(finding, "%s revision %" PRIu32 " was refused: %s%s%s; %s.",
                        record->kind == PICKET_SETTINGS_POLICY ? "Policy" : "Configuration",
                        record->refused_revision, refusal_reason(record->refusal),
                        setting[0] == '\0' ? "" : " of ", setting, kept);
    }
}

/** The two types, by what they are about. */
static const struct type {
    const char *id;
    bool is_about_return;
    void (*explain)(const struct picket_settings_record *record, const char *kept,
                    struct finding *finding);
} types[] = {
    [ROLLBACK] = {"DEV_POLICY_ROLLBACK", true, explain_rollback},
    [REFUSAL] = {"DEV_CONFIG_ERROR", false, explain_refusal},
};

static void tell(const struct judging *judging, const struct rule *rule, const struct type *type,
                 const struct picket_settings_record *record)
{
    struct finding finding = finding_about(judging, FINDING_ALERT, type->id, record);
    char kept[48];

    format_kept(record, kept, sizeof(kept));
    type->explain(record, kept, &finding);
    judging_emit(judging, rule, &finding);
}

static void tell_over(const struct judging *judging, const struct rule *rule,
                      const struct type *type, const struct picket_settings_record *record)
{
    struct finding finding = finding_about(judging, FINDING_ALERT_OVER, type->id, record);

    finding_explain(&finding, "The device took revision %" PRIu32 ".", record->revision);
    judging_emit(judging, rule, &finding);
}

/** True if newer settings are in effect than when this was asked last. */
static bool is_renewed(uint32_t *held, const struct picket_settings_record *record)
{
    uint32_t former = *held;

    if (record->state != PICKET_STATE_IN_EFFECT) {
        return false;
    }
    *held = record->revision;
    return former != 0 && record->revision > former;
}

static void judge_settings(const struct judging *judging, const struct rule *rule,
                           enum refusal_type number)
{
    const struct facts *facts = &judging->report->facts;
    const struct type *type = &types[number];

    for (size_t i = 0; i < facts->settings_count; i++) {
        const struct picket_settings_record *record = &facts->settings[i];
        bool is_return = record->refusal == PICKET_REFUSED_RETURNED;

        if (is_renewed(&judging->state->held[number][record->kind], record)) {
            tell_over(judging, rule, type, record);
        }
        if (record->refusal != PICKET_REFUSED_NOT && is_return == type->is_about_return) {
            tell(judging, rule, type, record);
        }
    }
}

/** A setting of an agent of another maker. */
static void tell_error(const struct judging *judging, const struct configuration_error *error)
{
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = types[REFUSAL].id,
                              .severity = SEVERITY_MEDIUM,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};

    snprintf(finding.key, sizeof(finding.key), "agent %.*s", (int)error->name.length,
             error->name.bytes);
    finding_explain(&finding, "The agent could not take %.*s as it was given (%.*s): %.*s",
                    (int)error->name.length, error->name.bytes, (int)error->error.length,
                    error->error.bytes, (int)error->text.length, error->text.bytes);
    judging_emit(judging, &judging->rules->refusal.rule, &finding);
}

void rollback_report(const struct judging *judging)
{
    judge_settings(judging, &judging->rules->rollback.rule, ROLLBACK);
}

void refusal_report(const struct judging *judging)
{
    const struct facts *facts = &judging->report->facts;

    judge_settings(judging, &judging->rules->refusal.rule, REFUSAL);
    for (size_t i = 0; i < facts->configuration_error_count; i++) {
        tell_error(judging, &facts->configuration_errors[i]);
    }
}
