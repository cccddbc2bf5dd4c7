/* SPDX-License-Identifier: MIT */
/* DEV_EVENTS_DROPPED: part of the traffic could not be inspected. */
#include <inttypes.h>

#include "base/time.h"
#include "detect/judge.h"

#define SEEN_MIN 1000u /* packets, to judge before a window's end */

static uint64_t lost_of(const struct window *window)
{
    uint64_t lost = window->folded;

    count_add(&lost, window->dropped);
    return lost < window->seen ? lost : window->seen;
}

/** Below 0, 0 or above: the lost share against @p percent. */
static int compare_share(const struct window *window, int64_t percent)
{
    unsigned shift = window->seen > UINT64_MAX / 128 ? 7 : 0; /* keeps the products in 64 bits */
    uint64_t lost = (lost_of(window) >> shift) * 100;
    uint64_t bound = (window->seen >> shift) * (uint64_t)percent;

    return (lost > bound) - (lost < bound);
}

/** In percent, rounded up, so that what is over the limit reads so. */
static int64_t percent_of(const struct window *window)
{
    int64_t percent = 0;

    while (compare_share(window, percent) > 0) {
        percent++;
    }
    return percent;
}

static enum severity severity_of(const struct rule_loss *rule, const struct window *window)
{
    return compare_share(window, rule->medium_percent) >= 0 ? SEVERITY_MEDIUM : SEVERITY_LOW;
}

static void tell(const struct judging *judging, const struct window *window, enum finding_kind kind)
{
    const struct rule_loss *rule = &judging->rules->loss;
    struct finding finding = {.kind = kind,
                              .type = "DEV_EVENTS_DROPPED",
                              .severity = severity_of(rule, window),
                              .key = "events_dropped",
                              .measure = {.is_set = true,
                                          .name = "loss_percent",
                                          .observed = percent_of(window),
                                          .min = INT64_MIN,
                                          .max = rule->limit_percent}};
    char length[TIME_TEXT_MAX];

    finding_take_window(&finding, judging->state, &judging->state->loss, window);
    duration_say(rule->window_us, length);
    if (kind == FINDING_ALERT && window->counts_events) {
        finding_explain(&finding,
                        "Of %" PRIu64 " events that the agent had in a window of %s, it could not "
                        "keep %" PRIu64 ".",
                        window->seen, length, window->dropped);
    } else if (kind == FINDING_ALERT) {
        finding_explain(&finding,
                        "Of %" PRIu64 " packets in a window of %s, %" PRIu64
                        " were only counted (flow "
                        "table full: their peers could not be inspected) and %" PRIu64
                        " were lost before the module saw them.",
                        window->seen, length, window->folded, window->dropped);
    } else {
        finding_explain(&finding, "Loss was within %" PRId64 " %% in two windows of %s in a row.",
                        rule->limit_percent, length);
    }
    judging_emit(judging, &rule->rule, &finding);
}

/** A window is told of once at each severity. */
static void judge(const struct judging *judging, struct window *window)
{
    const struct rule_loss *rule = &judging->rules->loss;

    if (compare_share(window, rule->limit_percent) > 0 &&
        (!window->is_told || severity_of(rule, window) > window->told)) {
        window->is_told = true;
        window->told = severity_of(rule, window);
        tell(judging, window, FINDING_ALERT);
    }
}

static void close_oldest(const struct judging *judging)
{
    struct windows *windows = &judging->state->loss;
    struct window *window = &windows->items[0];

    judge(judging, window);
    if (windows_note_verdict(windows, window->is_told)) {
        tell(judging, window, FINDING_ALERT_OVER);
    }
    windows_close_oldest(windows);
}

void loss_report(const struct judging *judging)
{
    const struct report *report = judging->report;
    const struct picket_counters *counters = &report->head.counters;
    struct windows *windows = &judging->state->loss;
    struct window *window = NULL;

    windows_set_length(windows, judging->rules->loss.window_us);
    if (report->head.has_counters || report->facts.events_collected > 0) {
        if (windows->count == WINDOWS_MAX) {
            close_oldest(judging);
        }
        window = windows_open(windows, window_number(report->window_start_us, windows->length_us));
    }
    if (window != NULL) {
        count_add(&window->seen, counters->seen);
        count_add(&window->folded, counters->folded);
        count_add(&window->dropped, counters->dropped);
        count_add(&window->seen, report->facts.events_collected);
        count_add(&window->dropped, report->facts.events_dropped);
        window->counts_events = !report->head.has_counters;
        if (window->seen >= SEEN_MIN) {
            judge(judging, window);
        }
    }
    while (windows_is_due(windows, judging->state->event_us, judging->state->interval_ms)) {
        close_oldest(judging);
    }
}

void loss_finish(const struct judging *judging)
{
    struct windows *windows = &judging->state->loss;

    for (size_t i = 0; i < windows->count; i++) {
        judge(judging, &windows->items[i]);
    }
    windows_forget(windows);
}

void loss_off(const struct judging *judging)
{
    windows_forget(&judging->state->loss);
}
