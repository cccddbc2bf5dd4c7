/* SPDX-License-Identifier: MIT */
/* TI_RETRO_MATCH: contacts with a peer before it was listed, as the ledger has them. */
#include <stdlib.h>

#include "base/time.h"
#include "detect/ti.h"
#include "model/contact.h"
#include "model/observable.h"

#define LONG_OVER_US (INT64_C(30) * 86400 * TIME_US_PER_S) /* then one step milder */

/** The contacts that count, all with one peer, and the strongest reason why. */
struct past {
    struct flow *flows;
    size_t count;
    const struct flow *worst;
    struct score_verdict verdict;
};

/* A name that was only asked for is as bad as a connection that was only tried. */
static enum severity severity_of(const struct flow *flow)
{
    return flow->protocol == 0 ? SEVERITY_MEDIUM : ti_severity(flow);
}

static bool weigh(const struct judging *judging, const struct flow *flow, struct score_verdict *ret)
{
    struct score_question question = ti_question(judging, judging->now_us);
    bool is_name = flow->peer_name != NULL;
    const struct rule_ti *rule = is_name ? &judging->rules->names : &judging->rules->ti;

    if (!rule->rule.is_enabled || (!is_name && !ti_is_looked_at(rule, flow))) {
        return false;
    }
    if (is_name) {
        question.observable = (struct observable){.kind = OBSERVABLE_NAME, .text = flow->peer_name};
    } else {
        question.observable = ti_peer(flow);
    }
    score_answer(judging->intel, &question, rule, ret);
    return ret->result == SCORE_RAISED;
}

static void take(struct past *past, const struct flow *flow, const struct score_verdict *verdict)
{
    struct flow *kept = &past->flows[past->count++];

    *kept = *flow;
    if (past->worst == NULL || severity_of(kept) > severity_of(past->worst)) {
        past->worst = kept;
    }
    if (past->count == 1 || verdict->score.points > past->verdict.score.points) {
        past->verdict = *verdict;
    }
}

static void explain(const struct past *past, struct finding *finding)
{
    static const char *const ways[] = {
        [PICKET_OUTBOUND] = "went to",
        [PICKET_INBOUND] = "was visited by",
        [PICKET_DIRECTION_UNKNOWN] = "had to do with",
    };
    const struct flow *worst = past->worst;
    char service[SERVICE_TEXT_MAX];
    char form[OBSERVABLE_FORM_MAX];

    service_format(worst, service);
    observable_format(&past->verdict.listed.indicator.observable, form);
    if (worst->protocol == 0) {
        finding_explain(finding, "The device asked for %s before %s was on list \"%.60s\".",
                        finding->key, form, past->verdict.listed.indicator.feed);
    } else {
        finding_explain(finding, "The device %s %s (%s, %s) before %s was on list \"%.60s\".",
                        ways[worst->direction], finding->key, service, ti_outcome_words(worst),
                        form, past->verdict.listed.indicator.feed);
    }
}

static void tell(const struct judging *judging, const struct past *past)
{
    bool is_name = past->worst->peer_name != NULL;
    struct finding finding = {
        .kind = FINDING_ALERT,
        .type = "TI_RETRO_MATCH",
        .severity = severity_of(past->worst),
    };

    if (is_name) {
        ti_set_key(&finding,
                   &(struct observable){.kind = OBSERVABLE_NAME, .text = past->worst->peer_name});
    } else {
        address_format(&past->worst->peer, finding.key);
    }
    finding_take_flows(&finding, past->flows, past->count, NULL);
    if (finding.severity > SEVERITY_INFORMATIONAL &&
        judging->now_us - finding.last_us > LONG_OVER_US) {
        finding.severity--;
    }
    explain(past, &finding);
    ti_emit(judging, is_name ? &judging->rules->names : &judging->rules->ti, &past->verdict,
            &finding);
}

void past_judge(const struct judging *judging, const struct detect_past *what)
{
    struct past past = {.flows = malloc(what->count * sizeof(*past.flows))};

    for (size_t i = 0; i < what->count && past.flows != NULL; i++) {
        struct score_verdict verdict;

        if (weigh(judging, &what->contacts[i].flow, &verdict)) {
            take(&past, &what->contacts[i].flow, &verdict);
        }
    }
    if (past.count > 0) {
        tell(judging, &past);
    }
    free(past.flows);
}
