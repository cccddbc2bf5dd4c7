/* SPDX-License-Identifier: MIT */
/* DEV_POLICY_DENIED: traffic that the device's policy denies, hour by hour. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "detect/judge.h"

#define HOUR_US (INT64_C(3600) * TIME_US_PER_S)

/* By who opened the flow: one alert each, however many peers a scan invents. */
static const struct {
    const char *key;
    const char *opening;
    const char *link;
} ways[DENIED_WAYS] = {
    [PICKET_OUTBOUND] = {"outbound", "Outbound", "to"},
    [PICKET_INBOUND] = {"inbound", "Inbound", "from"},
    [PICKET_DIRECTION_UNKNOWN] = {"unknown", "Running", "with"},
};

/** Keeps in mind what the device says of its policy: a verdict does not tell the mode. */
static void note_policy(const struct judging *judging)
{
    const struct facts *facts = &judging->report->facts;

    for (size_t i = 0; i < facts->settings_count; i++) {
        if (facts->settings[i].kind == PICKET_SETTINGS_POLICY) {
            judging->state->policy_revision = facts->settings[i].revision;
            judging->state->policy_mode = facts->settings[i].mode;
        }
    }
}

/** Packets that count: blocked ones and, where nothing is blocked but alerts are wanted, all. */
static uint64_t count_of(const struct judging *judging, const struct verdict *verdict)
{
    bool is_alerting = judging->state->policy_mode == PICKET_POLICY_ALERT &&
                       judging->state->policy_revision == verdict->revision;

    if (verdict->cause == PICKET_CAUSE_INDICATOR) {
        return 0; /* TI_IP_MATCH is about these */
    }
    return is_alerting ? verdict->packets : verdict->blocked;
}

/** The verdicts of a report that count, of one way. */
struct denied {
    struct verdict *verdicts;
    size_t count;
    uint64_t packets;
};

/** False if memory is out. The caller frees the verdicts. */
static bool collect(const struct judging *judging, unsigned way, struct denied *ret)
{
    const struct facts *facts = &judging->report->facts;

    *ret = (struct denied){.verdicts = NULL};
    if (facts->verdict_count == 0) {
        return true;
    }
    ret->verdicts = malloc(facts->verdict_count * sizeof(*ret->verdicts));
    for (size_t i = 0; ret->verdicts != NULL && i < facts->verdict_count; i++) {
        struct verdict verdict = verdict_from_record(&facts->verdicts[i]);
        uint64_t packets = count_of(judging, &verdict);

        if (verdict.direction == way && packets > 0) {
            ret->verdicts[ret->count++] = verdict;
            count_add(&ret->packets, packets);
        }
    }
    return ret->verdicts != NULL;
}

static void set_measure(const struct judging *judging, unsigned way, const struct window *window,
                        struct finding *finding)
{
    finding->measure = (struct measure){.is_set = true,
                                        .name = "denied_packets",
                                        .observed = (int64_t)window->denied,
                                        .min = INT64_MIN,
                                        .max = 0};
    finding_take_window(finding, judging->state, &judging->state->denied[way], window);
}

/** No counts here: the evidence and the measure have them. */
static void explain(const struct judging *judging, unsigned way, const struct denied *denied,
                    struct finding *finding)
{
    const struct verdict *first = &denied->verdicts[0];
    const struct flow flow = flow_of_verdict(judging, first);
    char service[SERVICE_TEXT_MAX];
    char peer[ADDRESS_TEXT_MAX];
    char cause[32] = "no rule allows it";

    service_format(&flow, service);
    address_format(&first->peer, peer);
    if (first->cause == PICKET_CAUSE_RULE) {
        snprintf(cause, sizeof(cause), "rule %" PRIu32, first->rule);
    }
    finding_explain(
        finding, "%s %s %s %s%s was %s by policy revision %" PRIu32 ": %s.", ways[way].opening,
        service, ways[way].link, peer, denied->count > 1 ? " (and more)" : "",
        first->blocked > 0 ? "blocked" : "denied, but let pass,", first->revision, cause);
}

static void tell_denied(const struct judging *judging, unsigned way, const struct window *window,
                        const struct denied *denied)
{
    const struct rule_denied *rule = &judging->rules->denied;
    bool is_much = window->denied >= (uint64_t)rule->medium_count;
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = "DEV_POLICY_DENIED",
                              .severity = is_much ? SEVERITY_MEDIUM : SEVERITY_LOW,
                              .verdicts = denied->verdicts,
                              .verdict_count = denied->count};

    set_measure(judging, way, window, &finding);
    finding.first_us = judging->report->window_start_us;
    finding.last_us = judging->report->window_end_us;
    snprintf(finding.key, sizeof(finding.key), "%s", ways[way].key);
    explain(judging, way, denied, &finding);
    judging_emit(judging, &rule->rule, &finding);
}

static void tell_over(const struct judging *judging, unsigned way, const struct window *window)
{
    struct finding finding = {.kind = FINDING_ALERT_OVER, .type = "DEV_POLICY_DENIED"};

    set_measure(judging, way, window, &finding);
    snprintf(finding.key, sizeof(finding.key), "%s", ways[way].key);
    finding_explain(&finding, "The policy denied nothing in two hours in a row.");
    judging_emit(judging, &judging->rules->denied.rule, &finding);
}

static void close_oldest(const struct judging *judging, unsigned way)
{
    struct windows *windows = &judging->state->denied[way];

    if (windows_note_verdict(windows, windows->items[0].denied > 0)) {
        tell_over(judging, way, &windows->items[0]);
    }
    windows_close_oldest(windows);
}

/** True if an alert is open, or about to be: then clean hours count, too. */
static bool is_watching(const struct windows *windows)
{
    bool is_watching = windows->may_be_open;

    for (size_t i = 0; i < windows->count; i++) {
        is_watching |= windows->items[i].denied > 0;
    }
    return is_watching;
}

static void count_denied(const struct judging *judging, unsigned way, const struct denied *denied)
{
    struct windows *windows = &judging->state->denied[way];
    struct window *window = NULL;

    if (windows->count == WINDOWS_MAX) {
        close_oldest(judging, way);
    }
    window =
        windows_open(windows, window_number(judging->report->window_start_us, windows->length_us));
    if (window != NULL && denied->count > 0) {
        count_add(&window->denied, denied->packets);
        tell_denied(judging, way, window, denied);
    }
}

static void judge_way(const struct judging *judging, unsigned way)
{
    struct windows *windows = &judging->state->denied[way];
    struct denied denied;

    windows_set_length(windows, HOUR_US);
    if (!collect(judging, way, &denied)) {
        return;
    }
    if (denied.count > 0 || is_watching(windows)) {
        count_denied(judging, way, &denied);
    } else {
        windows_forget(windows); /* most devices have nothing denied, and need no memory for it */
    }
    free(denied.verdicts);
    while (windows_is_due(windows, judging->state->event_us, judging->state->interval_ms)) {
        close_oldest(judging, way);
    }
}

void denied_report(const struct judging *judging)
{
    note_policy(judging);
    for (unsigned way = 0; way < DENIED_WAYS; way++) {
        judge_way(judging, way);
    }
}

void denied_off(const struct judging *judging)
{
    for (unsigned way = 0; way < DENIED_WAYS; way++) {
        windows_forget(&judging->state->denied[way]);
    }
}
