/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "detect/ti.h"

struct score_question ti_question(const struct judging *judging, int64_t at_us)
{
    /* Looking back there is no report, and the time is the service's own. */
    int64_t latest_us = judging->report == NULL ? judging->now_us : judging->report->received_us;

    /* a clock that runs ahead must not make everything listed look expired */
    return (struct score_question){.device = judging->state->id,
                                   .group = judging->group,
                                   .at_us = at_us < latest_us ? at_us : latest_us};
}

struct observable ti_peer(const struct flow *flow)
{
    return (struct observable){
        .kind = OBSERVABLE_ADDRESS,
        .protocol = flow->protocol,
        .port = (uint16_t)(flow->peer_port == FLOW_PORT_UNKNOWN ? 0 : flow->peer_port),
        .prefix = {.address = flow->peer, .length = 128},
        .text = "",
    };
}

void ti_count(const struct judging *judging, enum score_result result)
{
    judging->state->intel_counts.weak += result == SCORE_WEAK;
    judging->state->intel_counts.allowed += result == SCORE_ALLOWED;
}

void ti_set_key(struct finding *finding, const struct observable *listed)
{
    char form[OBSERVABLE_FORM_MAX];
    size_t length, cut;

    observable_format(listed, form);
    length = strlen(form);
    cut = length < sizeof(finding->key) ? 0 : length - sizeof(finding->key) + 1;
    memcpy(finding->key, form + cut, length - cut + 1);
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
