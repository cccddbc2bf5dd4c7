/* SPDX-License-Identifier: MIT */
/* REC_HARDENING_OFF: the firmware is built without a protection that its tools offer. */
#include <stdio.h>

#include "detect/judge.h"
#include "model/report.h"

/** By bit of enum picket_hardening: what it is, and what goes unnoticed without it. */
static const struct {
    const char *name;
    const char *lack;
} protections[] = {
    {"a stack protector", "an overflowing buffer can change where a function returns to"},
    {"memory protection", "whatever runs can write everywhere"},
    {"error checking", "calls of the RTOS with wrong arguments do harm instead of failing"},
    {"stack checking", "a thread that overruns its stack changes memory of others"},
};

/** A finding about one protection, in the report's time. */
static struct finding finding_about(const struct judging *judging, enum finding_kind kind,
                                    unsigned bit)
{
    struct finding finding = {.kind = kind,
                              .type = "REC_HARDENING_OFF",
                              .severity = SEVERITY_LOW,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};

    snprintf(finding.key, sizeof(finding.key), "%s", hardening_name(bit));
    return finding;
}

static void tell_off(const struct judging *judging, unsigned bit)
{
    const struct picket_text *version = &judging->report->head.system.firmware_version;
    struct finding finding = finding_about(judging, FINDING_RECOMMENDATION, bit);

    finding_explain(&finding, "The firmware%s%.*s is built without %s: %s.",
                    version->length == 0 ? "" : " ", (int)version->length,
                    version->length == 0 ? "" : version->bytes, protections[bit].name,
                    protections[bit].lack);
    judging_emit(judging, &judging->rules->hardening.rule, &finding);
}

static void tell_on(const struct judging *judging, unsigned bit)
{
    struct finding finding = finding_about(judging, FINDING_RECOMMENDATION_OVER, bit);

    finding_explain(&finding, "The firmware is built with %s.", protections[bit].name);
    judging_emit(judging, &judging->rules->hardening.rule, &finding);
}

void hardening_report(const struct judging *judging)
{
    const struct picket_report_head *head = &judging->report->head;
    uint32_t wanted = judging->rules->hardening.protections;

    if (!head->has_system) {
        return;
    }
    for (unsigned bit = 0; bit < sizeof(protections) / sizeof(protections[0]); bit++) {
        if ((head->system.hardening_known & wanted & 1u << bit) == 0) {
            continue;
        }
        if ((head->system.hardening_on & 1u << bit) == 0) {
            tell_off(judging, bit);
        } else {
            tell_on(judging, bit);
        }
    }
}
