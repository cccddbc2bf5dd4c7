/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "detect/ti.h"

struct score_question ti_question(const struct judging *judging, int64_t at_us)
{
    return (struct score_question){
        .device = judging->state->id, .group = judging->rules->name, .at_us = at_us};
}

void ti_count(const struct judging *judging, enum score_result result)
{
    judging->state->intel_counts.weak += result == SCORE_WEAK;
    judging->state->intel_counts.allowed += result == SCORE_ALLOWED;
}

void ti_set_key(struct finding *finding, const struct observable *listed)
{
    char form[OBSERVABLE_FORM_MAX];
    size_t length;

    observable_format(listed, form);
    length = strlen(form);
    snprintf(finding->key, sizeof(finding->key), "%s",
             length < sizeof(finding->key) ? form : form + length - sizeof(finding->key) + 1);
}

void ti_emit(const struct judging *judging, const struct rule_ti *rule,
             const struct score_verdict *verdict, struct finding *finding)
{
    struct rule capped = rule->rule;

    finding->indicator = &verdict->listed.indicator;
    finding->score = &verdict->score;
    finding->source = verdict->listed.feed.source;
    finding->licence = verdict->listed.feed.licence;
    if (capped.severity.is_set) {
        finding->severity = capped.severity.value;
        capped.severity.is_set = false;
    }
    if (verdict->score.is_shared && finding->severity > SEVERITY_LOW) {
        finding->severity = SEVERITY_LOW;
    }
    judging_emit(judging, &capped, finding);
}
