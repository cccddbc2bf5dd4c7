/* SPDX-License-Identifier: MIT */
/* TI_DOMAIN_MATCH: the device asked for a listed name; worse if it then goes to the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/ti.h"

#define ANSWERS_MAX 32u
#define TOLD_MAX    32u /* listed names of one report that are told of once */

struct answer {
    struct address address;
    char name[OBSERVABLE_TEXT_MAX]; /* that was asked for */
};

/** The latest answers to look-ups of listed names, for the flows to them may come reports later. */
struct answers {
    struct answer items[ANSWERS_MAX];
    size_t count;
    size_t next; /* the place of the next one */
};

/** One report's look-ups. */
struct asking {
    const struct judging *judging;
    const char *told[TOLD_MAX]; /* listed names */
    size_t told_count;
};

void answers_free(struct answers *answers)
{
    free(answers);
}

/** Without memory the flow to it goes untold here; the look-up itself is told of. */
static void keep_answer(struct detect_device *state, const struct answer *answer)
{
    struct answers *answers = state->answers;

    if (answers == NULL) {
        answers = state->answers = calloc(1, sizeof(*answers));
    }
    if (answers == NULL) {
        return;
    }
    for (size_t i = 0; i < answers->count; i++) {
        if (address_equal(&answers->items[i].address, &answer->address) &&
            strcmp(answers->items[i].name, answer->name) == 0) {
            return;
        }
    }
    answers->items[answers->next] = *answer;
    answers->next = (answers->next + 1) % ANSWERS_MAX;
    answers->count += answers->count < ANSWERS_MAX;
}

static const struct answer *find_answer(const struct detect_device *state,
                                        const struct address *address)
{
    for (size_t i = 0; state->answers != NULL && i < state->answers->count; i++) {
        if (address_equal(&state->answers->items[i].address, address)) {
            return &state->answers->items[i];
        }
    }
    return NULL;
}

static void weigh(const struct judging *judging, const char *name, intel_record record,
                  int64_t at_us, struct score_verdict *ret)
{
    struct score_question question = ti_question(judging, at_us);

    question.observable = (struct observable){.kind = OBSERVABLE_NAME, .text = name};
    score_look_up(judging->intel, record, &question, &judging->rules->names, ret);
}

static void weigh_answer(const struct judging *judging, const struct answer *answer, int64_t at_us,
                         struct score_verdict *ret)
{
    const char *name = answer->name;
    intel_record record;

    intel_match_names(judging->intel, &name, 1, &record);
    weigh(judging, name, record, at_us, ret);
}

static void tell(const struct judging *judging, const struct score_verdict *verdict,
                 struct finding *finding)
{
    finding->kind = FINDING_ALERT;
    finding->type = "TI_DOMAIN_MATCH";
    ti_set_key(finding, &verdict->listed.indicator.observable);
    ti_emit(judging, &judging->rules->names, verdict, finding);
}

/* --- look-ups --- */

static bool is_told(struct asking *asking, const char *listed)
{
    for (size_t i = 0; i < asking->told_count; i++) {
        if (strcmp(asking->told[i], listed) == 0) {
            return true;
        }
    }
    if (asking->told_count < TOLD_MAX) {
        asking->told[asking->told_count++] = listed;
    }
    return false;
}

static void judge_name(struct asking *asking, const struct picket_name_record *asked,
                       const char *name, intel_record record)
{
    const struct judging *judging = asking->judging;
    struct answer answer = {.address = {{0}}};
    char got[ADDRESS_TEXT_MAX] = "no address";
    struct score_verdict verdict;
    struct finding finding = {.severity = SEVERITY_MEDIUM,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};

    weigh(judging, name, record, judging->report->window_start_us, &verdict);
    ti_count(judging, verdict.result);
    if (verdict.result != SCORE_RAISED) {
        return;
    }
    if (asked->address_size > 0) {
        snprintf(answer.name, sizeof(answer.name), "%s", name);
        answer.address = address_from_bytes(asked->address, asked->address_size);
        address_format(&answer.address, got);
        keep_answer(judging->state, &answer);
    }
    if (!is_told(asking, verdict.listed.indicator.observable.text)) {
        char form[OBSERVABLE_FORM_MAX];

        observable_format(&verdict.listed.indicator.observable, form);
        finding_explain(&finding, "Asked for %.80s and got %s; %.60s is on list \"%.50s\".", name,
                        got, form, verdict.listed.indicator.feed);
        tell(judging, &verdict, &finding);
    }
}

/** Looks up the names from @p begin on; how many were looked at. */
static size_t judge_names(struct asking *asking, size_t begin)
{
    const struct facts *facts = &asking->judging->report->facts;
    char texts[TI_LOOK_UPS][OBSERVABLE_TEXT_MAX];
    const char *names[TI_LOOK_UPS] = {NULL};
    size_t places[TI_LOOK_UPS];
    intel_record records[TI_LOOK_UPS];
    size_t count = 0, place = begin;

    for (; place < facts->name_count && count < TI_LOOK_UPS; place++) {
        const struct picket_text *name = &facts->names[place].name;

        if (name_normalize(name->bytes, name->length, texts[count])) {
            names[count] = texts[count];
            places[count++] = place;
        }
    }
    intel_match_names(asking->judging->intel, names, count, records);
    for (size_t i = 0; i < count; i++) {
        if (records[i] != 0) {
            judge_name(asking, &facts->names[places[i]], names[i], records[i]);
        }
    }
    return place - begin;
}

/* --- flows to what was answered --- */

static bool is_wanted(const struct judging *judging, const struct flow *flow)
{
    const struct answer *answer = find_answer(judging->state, &flow->peer);
    struct score_verdict verdict;

    if (answer == NULL || flow->direction == PICKET_INBOUND || flow->cast != PICKET_UNICAST) {
        return false;
    }
    weigh_answer(judging, answer, flow->first_us, &verdict);
    return verdict.result == SCORE_RAISED;
}

static void judge_contact(const struct judging *judging, const struct flow *flows, size_t count)
{
    const struct answer *answer = find_answer(judging->state, &flows[0].peer);
    char service[SERVICE_TEXT_MAX], peer[ADDRESS_TEXT_MAX], form[OBSERVABLE_FORM_MAX];
    struct finding finding = {.severity = SEVERITY_HIGH};
    struct score_verdict verdict;
    struct flow total;

    weigh_answer(judging, answer, flows[0].first_us, &verdict);
    finding_take_flows(&finding, flows, count, &total);
    service_format(&flows[0], service);
    address_format(&flows[0].peer, peer);
    observable_format(&verdict.listed.indicator.observable, form);
    finding_explain(&finding,
                    "Asked for %.80s and went to %s with %s (%s); %.50s is on list \"%.40s\".",
                    answer->name, peer, service, outcome_name(total.outcome, total.unknown), form,
                    verdict.listed.indicator.feed);
    tell(judging, &verdict, &finding);
}

void ti_names_report(const struct judging *judging)
{
    static const struct selection selection = {is_wanted, compare_peers, judge_contact};
    struct asking asking = {.judging = judging};

    for (size_t begin = 0; begin < judging->report->facts.name_count;) {
        begin += judge_names(&asking, begin);
    }
    if (judging->state->answers != NULL) {
        selection_judge(judging, &selection);
    }
}
