/* SPDX-License-Identifier: MIT */
/* DEV_SILENT: nothing comes from the device any more; the one rule that asks the service's clock.
 */
#include "base/time.h"
#include "detect/judge.h"

#define GRACE_MIN_US (INT64_C(30) * TIME_US_PER_S)

/** Alert or its end; the measure says how long the device was silent at @p now_us. */
static void tell(const struct judging *judging, enum finding_kind kind, enum severity severity,
                 int64_t limit_us, int64_t now_us)
{
    const struct detect_device *state = judging->state;
    int64_t silent_s = (now_us - state->last_seen_us) / TIME_US_PER_S;
    struct finding finding = {.kind = kind,
                              .type = "DEV_SILENT",
                              .severity = severity,
                              .key = "silent",
                              .first_us = state->last_seen_us,
                              .last_us = now_us,
                              .measure = {.is_set = true,
                                          .name = "silent_seconds",
                                          .start_us = state->last_seen_us,
                                          .end_us = now_us,
                                          .observed = silent_s,
                                          .min = INT64_MIN,
                                          .max = limit_us / TIME_US_PER_S}};
    char silence[TIME_TEXT_MAX], seen[TIME_TEXT_MAX], limit[TIME_TEXT_MAX];

    duration_say(silent_s * TIME_US_PER_S, silence);
    duration_say(limit_us, limit);
    time_say(state->last_seen_us, seen);
    if (kind == FINDING_ALERT) {
        finding_explain(&finding,
                        "No report for %s; the last one came at %s, and one is due within %s.",
                        silence, seen, limit);
    } else {
        finding_explain(&finding, "Heard again after %s of silence.", silence);
    }
    judging_emit(judging, &judging->rules->silence.rule, &finding);
}

static int64_t limit_us(const struct judging *judging)
{
    int64_t limit =
        judging->rules->silence.intervals * (int64_t)judging->state->interval_ms * TIME_US_PER_MS;

    return limit > GRACE_MIN_US ? limit : GRACE_MIN_US;
}

void silence_tick(const struct judging *judging)
{
    const struct detect_device *state = judging->state;
    struct silence *silence = &judging->state->silence;
    int64_t now_us = judging->now_us, limit = limit_us(judging), since_us;
    enum severity severity = SEVERITY_LOW;

    if (!state->is_heard || state->is_irregular) {
        return;
    }
    if (!silence->is_listening) {
        silence->is_listening = true;
        silence->listening_us = now_us;
    }
    since_us =
        state->last_seen_us > silence->listening_us ? state->last_seen_us : silence->listening_us;
    if (now_us - since_us <= limit) {
        return;
    }
    if (now_us - state->last_seen_us > judging->rules->silence.medium_after_us) {
        severity = SEVERITY_MEDIUM;
    }
    if (!silence->is_told || severity > silence->told) {
        silence->is_told = true;
        silence->told = severity;
        tell(judging, FINDING_ALERT, severity, limit, now_us);
    }
}

void silence_report(const struct judging *judging)
{
    struct silence *silence = &judging->state->silence;

    silence->is_listening = true;
    silence->listening_us = judging->report->received_us;
    if (silence->is_told || silence->may_be_open) {
        tell(judging, FINDING_ALERT_OVER, silence->told, limit_us(judging),
             judging->report->received_us);
    }
    silence->is_told = false;
    silence->may_be_open = false;
}
