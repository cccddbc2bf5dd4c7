/* SPDX-License-Identifier: MIT */
#include "detect/detect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "detect/judge.h"

#define INTERVAL_MS_DEFAULT 60000u
/* A device's clock that is set back by more than this begins a new count of time. */
#define CLOCK_STEP_US (INT64_C(86400) * TIME_US_PER_S)

/** When a judge is asked. */
enum moment {
    ON_REPORT,
    ON_REPEAT,     /* a report comes again: of no use but for what it tells of its sender */
    ON_REPORT_OFF, /* a report comes while the rule is switched off */
    ON_TICK,
    ON_FINISH,
    MOMENTS,
};

static const struct {
    size_t rule; /* offset in struct rules */
    judge_fn *on[MOMENTS];
} judges[] = {
    /* two types, each with its own switch, for one look-up */
    {offsetof(struct rules, ti), {[ON_REPORT] = ti_report, [ON_REPORT_OFF] = ti_report}},
    {offsetof(struct rules, names), {[ON_REPORT] = ti_names_report}},
    {offsetof(struct rules, tls), {[ON_REPORT] = ti_tls_report}},
    {offsetof(struct rules, destinations), {[ON_REPORT] = destinations_report}},
    {offsetof(struct rules, connections),
     {[ON_REPORT] = connections_report,
      [ON_REPORT_OFF] = connections_off,
      [ON_FINISH] = connections_finish}},
    {offsetof(struct rules, silence), {[ON_REPORT] = silence_report, [ON_TICK] = silence_tick}},
    {offsetof(struct rules, loss),
     {[ON_REPORT] = loss_report, [ON_REPORT_OFF] = loss_off, [ON_FINISH] = loss_finish}},
    {offsetof(struct rules, denied), {[ON_REPORT] = denied_report, [ON_REPORT_OFF] = denied_off}},
    {offsetof(struct rules, rollback), {[ON_REPORT] = rollback_report}},
    {offsetof(struct rules, refusal), {[ON_REPORT] = refusal_report}},
    {offsetof(struct rules, cleartext), {[ON_REPORT] = cleartext_report}},
    {offsetof(struct rules, hardening), {[ON_REPORT] = hardening_report}},
    {offsetof(struct rules, allowance), {[ON_REPORT] = allowance_report}},
    {offsetof(struct rules, messages), {[ON_REPORT] = messages_report}},
    {offsetof(struct rules, replay), {[ON_REPORT] = replay_report, [ON_REPEAT] = replay_repeat}},
};

static bool is_enabled(const struct rules *rules, size_t offset)
{
    return *(const bool *)((const char *)rules + offset + offsetof(struct rule, is_enabled));
}

static void run(const struct judging *judging, enum moment moment)
{
    for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
        bool is_on = is_enabled(judging->rules, judges[i].rule);
        judge_fn *judge = judges[i].on[moment];

        if (judge != NULL && is_on == (moment != ON_REPORT_OFF)) {
            judge(judging);
        }
    }
}

void judging_emit(const struct judging *judging, const struct rule *rule, struct finding *finding)
{
    if (rule->severity.is_set) {
        finding->severity = rule->severity.value;
    }
    judging->sink(judging->sink_context, judging->state->id, finding);
}

struct detect_device *detect_device_new(const char *device)
{
    struct detect_device *state = calloc(1, sizeof(*state));

    if (state != NULL) {
        snprintf(state->id, sizeof(state->id), "%s", device);
        state->interval_ms = INTERVAL_MS_DEFAULT;
    }
    return state;
}

void detect_device_free(struct detect_device *state)
{
    if (state != NULL) {
        windows_forget(&state->connections);
        windows_forget(&state->loss);
        for (unsigned way = 0; way < DENIED_WAYS; way++) {
            windows_forget(&state->denied[way]);
        }
        answers_free(state->answers);
        strangers_free(state->strangers);
        free(state);
    }
}

void detect_device_restore(struct detect_device *state, int64_t last_seen_us, uint32_t interval_ms,
                           bool is_foreign)
{
    state->is_heard = true;
    state->last_seen_us = last_seen_us;
    state->interval_ms = interval_ms == 0 ? INTERVAL_MS_DEFAULT : interval_ms;
    state->is_irregular = is_foreign && interval_ms == 0;
    state->silence.may_be_open = true;
    state->connections.may_be_open = true;
    state->loss.may_be_open = true;
    for (unsigned way = 0; way < DENIED_WAYS; way++) {
        state->denied[way].may_be_open = true;
    }
    for (unsigned cause = 0; cause < REFUSED_CAUSES; cause++) {
        state->refused[cause].may_be_open = true;
    }
}

struct intel_counts detect_device_take_intel_counts(struct detect_device *state)
{
    struct intel_counts counts = state->intel_counts;

    state->intel_counts = (struct intel_counts){0};
    return counts;
}

/** Takes over what the report tells of time. */
static void note_time(const struct judging *judging)
{
    struct detect_device *state = judging->state;
    const struct report *report = judging->report;
    int64_t end_us = window_cut_time(report->window_end_us);

    if (report->head.has_heartbeat && report->head.heartbeat.interval_ms > 0) {
        state->interval_ms = report->head.heartbeat.interval_ms;
        state->is_irregular = false;
    } else if (report->format != NULL && !state->is_heard) {
        state->is_irregular = true;
    }
    if (state->has_event && end_us < state->event_us - CLOCK_STEP_US) {
        run(judging, ON_FINISH);
        state->has_event = false;
    }
    if (!state->has_event || end_us > state->event_us) {
        state->has_event = true;
        state->event_us = end_us;
    }
}

void detect_report(struct detect_device *state, const struct report *report,
                   const struct detect_terms *terms, finding_sink *sink, void *sink_context)
{
    const struct judging judging = {.state = state,
                                    .rules = terms->rules,
                                    .report = report,
                                    .intel = terms->intel,
                                    .group = terms->group,
                                    .sink = sink,
                                    .sink_context = sink_context};

    note_time(&judging);
    run(&judging, ON_REPORT);
    run(&judging, ON_REPORT_OFF);
    if (!state->is_heard || report->received_us > state->last_seen_us) {
        state->is_heard = true;
        state->last_seen_us = report->received_us;
    }
}

void detect_repeat(struct detect_device *state, const struct report *report,
                   const struct detect_terms *terms, finding_sink *sink, void *sink_context)
{
    const struct judging judging = {.state = state,
                                    .rules = terms->rules,
                                    .report = report,
                                    .group = terms->group,
                                    .sink = sink,
                                    .sink_context = sink_context};

    run(&judging, ON_REPEAT);
}

void detect_past(struct detect_device *state, const struct detect_past *past,
                 const struct detect_terms *terms, finding_sink *sink, void *sink_context)
{
    const struct judging judging = {.state = state,
                                    .rules = terms->rules,
                                    .intel = terms->intel,
                                    .group = terms->group,
                                    .now_us = past->now_us,
                                    .sink = sink,
                                    .sink_context = sink_context};

    past_judge(&judging, past);
}

void detect_identity(struct detect_device *state, const struct identity_event *event,
                     const struct detect_terms *terms, finding_sink *sink, void *sink_context)
{
    const struct judging judging = {.state = state,
                                    .rules = terms->rules,
                                    .group = terms->group,
                                    .sink = sink,
                                    .sink_context = sink_context};

    identity_judge(&judging, event);
}

void detect_tick(struct detect_device *state, int64_t now_us, const struct rules *rules,
                 finding_sink *sink, void *sink_context)
{
    const struct judging judging = {.state = state,
                                    .rules = rules,
                                    .now_us = now_us,
                                    .sink = sink,
                                    .sink_context = sink_context};

    run(&judging, ON_TICK);
}

void detect_finish(struct detect_device *state, const struct rules *rules, finding_sink *sink,
                   void *sink_context)
{
    const struct judging judging = {
        .state = state, .rules = rules, .sink = sink, .sink_context = sink_context};

    run(&judging, ON_FINISH);
}
