/* SPDX-License-Identifier: MIT */
/* ID_*, DEV_OVER_ALLOWANCE and DEV_MESSAGE_REFUSED: what doors saw of identities, or refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "detect/judge.h"
#include "model/identity_event.h"

#define STRANGERS_MAX 256u /* sources; whoever has more addresses counts as several */
#define ALLOWANCE_KEY "allowance"
#define QUIET_US      (INT64_C(7200) * TIME_US_PER_S)
#define DIGEST_SHOWN  16 /* digits: enough to find it in a list */

struct stranger {
    char source[ADDRESS_TEXT_MAX];
    struct attempts attempts;
    int64_t last_us;
};

struct strangers {
    struct stranger items[STRANGERS_MAX];
    size_t count;
};

void strangers_free(struct strangers *strangers)
{
    free(strangers);
}

static struct finding finding_of(const struct identity_event *event, const char *type,
                                 enum severity severity, const char *key)
{
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = type,
                              .severity = severity,
                              .first_us = event->first_us,
                              .last_us = event->last_us};

    snprintf(finding.key, sizeof(finding.key), "%s", key);
    return finding;
}

/* --- certificates --- */

static void judge_mismatch(const struct judging *judging, const struct identity_event *event)
{
    bool is_foreign = event->claimed[0] != '\0' && strcmp(event->claimed, event->subject) != 0;
    struct finding finding = finding_of(event, "ID_CERT_MISMATCH", SEVERITY_MEDIUM,
                                        is_foreign ? "foreign" : "certificate");

    if (is_foreign) {
        finding_explain(&finding, "From %s the device tried to speak as %.80s.", event->source,
                        event->claimed);
    } else {
        finding_explain(&finding,
                        "A client at %s presented the certificate %.*s…, and the device was "
                        "enrolled with %.*s….",
                        event->source, DIGEST_SHOWN, event->presented, DIGEST_SHOWN,
                        event->expected);
    }
    judging_emit(judging, &judging->rules->certificate_mismatch.rule, &finding);
}

static void judge_expired_certificate(const struct judging *judging,
                                      const struct identity_event *event)
{
    const struct rule_certificate_expired *rule = &judging->rules->certificate_expired;
    struct finding finding = finding_of(event, "ID_CERT_EXPIRED", SEVERITY_MEDIUM, "certificate");
    char until[TIME_TEXT_MAX], good[TIME_TEXT_MAX];

    if (event->last_us - event->valid_until_us <= rule->grace_us && rule->grace_us > 0) {
        return;
    }
    time_say(event->valid_until_us, until);
    time_say(event->last_good_us, good);
    finding_explain(&finding,
                    "A client at %s presented the certificate %.*s…, which was valid until %s; "
                    "the device was last let in %s%s.",
                    event->source, DIGEST_SHOWN, event->presented, until,
                    event->last_good_us == 0 ? "before the service began" : "at ",
                    event->last_good_us == 0 ? "" : good);
    judging_emit(judging, &rule->rule, &finding);
}

/* --- tokens and keys --- */

static void judge_expired_token(const struct judging *judging, const struct identity_event *event)
{
    struct finding finding = finding_of(event, "ID_TOKEN_EXPIRED", SEVERITY_LOW, "token");
    char until[TIME_TEXT_MAX];

    time_say(event->valid_until_us, until);
    finding_explain(&finding, "A client at %s presented a token that was valid until %s.",
                    event->source, until);
    judging_emit(judging, &judging->rules->token_expired.rule, &finding);
}

/* Counts, and says in the finding what it has come to. */
static void count_attempts(struct attempts *attempts, const struct identity_event *event,
                           const struct rule_attempts *rule, struct finding *finding)
{
    if (attempts->count == 0 || event->last_us - attempts->since_us > rule->window_us ||
        event->last_us < attempts->since_us) {
        *attempts = (struct attempts){.since_us = event->first_us};
    }
    count_add(&attempts->count, event->count);
    if (attempts->count >= (uint64_t)rule->count) {
        finding->severity = SEVERITY_MEDIUM;
    }
    finding->measure = (struct measure){.is_set = true,
                                        .name = "attempts",
                                        .start_us = attempts->since_us,
                                        .end_us = event->last_us,
                                        .observed = (int64_t)attempts->count,
                                        .min = INT64_MIN,
                                        .max = rule->count - 1};
}

static void judge_invalid(const struct judging *judging, const struct identity_event *event)
{
    const struct rule_attempts *rule = &judging->rules->token_invalid;
    struct finding finding = finding_of(event, "ID_TOKEN_INVALID", SEVERITY_LOW, "token");

    count_attempts(&judging->state->attempts, event, rule, &finding);
    finding_explain(&finding,
                    "%lld attempts to be this device with a token or key that is not its own; "
                    "the last came from %s.",
                    (long long)finding.measure.observed, event->source);
    judging_emit(judging, &rule->rule, &finding);
}

static void judge_revoked(const struct judging *judging, const struct identity_event *event)
{
    struct finding finding = finding_of(event, "ID_REVOKED_USED", SEVERITY_MEDIUM, "revoked");

    finding_explain(&finding, "A credential of the device that was revoked was used from %s.",
                    event->source);
    judging_emit(judging, &judging->rules->revoked.rule, &finding);
}

/* --- places --- */

static void judge_duplicate(const struct judging *judging, const struct identity_event *event)
{
    const struct rule_duplicate *rule = &judging->rules->duplicate;
    struct finding finding = finding_of(event, "ID_DUPLICATE_SESSION", SEVERITY_HIGH, "session");
    char gap[TIME_TEXT_MAX];

    if (event->overlap_us > rule->overlap_us) {
        return;
    }
    duration_say(event->overlap_us, gap);
    finding_explain(&finding, "The device came from %s, then from %s, and %s later from %s again.",
                    event->source, event->other_source, gap, event->source);
    judging_emit(judging, &rule->rule, &finding);
}

/* The alert about a source that has to make room would stay open for ever. */
static void forget_stranger(const struct judging *judging, const struct stranger *stranger,
                            int64_t now_us)
{
    struct finding finding = {.kind = FINDING_ALERT_OVER,
                              .type = "ID_UNKNOWN",
                              .first_us = stranger->last_us,
                              .last_us = now_us};

    snprintf(finding.key, sizeof(finding.key), "%s", stranger->source);
    finding_explain(&finding, "Nothing came from there since; others are counted in its place.");
    judging_emit(judging, &judging->rules->unknown.rule, &finding);
}

/* NULL if memory is out. */
static struct stranger *find_stranger(const struct judging *judging,
                                      const struct identity_event *event)
{
    struct strangers *strangers = judging->state->strangers;
    struct stranger *found = NULL;

    if (strangers == NULL) {
        strangers = calloc(1, sizeof(*strangers));
        judging->state->strangers = strangers;
    }
    for (size_t i = 0; strangers != NULL && i < strangers->count; i++) {
        struct stranger *item = &strangers->items[i];

        if (strcmp(item->source, event->source) == 0) {
            return item;
        }
        found = found == NULL || item->last_us < found->last_us ? item : found;
    }
    if (strangers != NULL && strangers->count < STRANGERS_MAX) {
        found = &strangers->items[strangers->count++];
    } else if (found != NULL) {
        forget_stranger(judging, found, event->last_us);
    }
    if (found != NULL) {
        *found = (struct stranger){.last_us = event->last_us};
        snprintf(found->source, sizeof(found->source), "%s", event->source);
    }
    return found;
}

static void judge_unknown(const struct judging *judging, const struct identity_event *event)
{
    const struct rule_attempts *rule = &judging->rules->unknown;
    struct finding finding = finding_of(event, "ID_UNKNOWN", SEVERITY_LOW, event->source);
    struct stranger *stranger = find_stranger(judging, event);

    if (stranger == NULL) {
        return;
    }
    stranger->last_us = event->last_us;
    count_attempts(&stranger->attempts, event, rule, &finding);
    finding_explain(&finding,
                    "%lld attempts from %s with an identity that was never enrolled; the last as "
                    "\"%.80s\".",
                    (long long)finding.measure.observed, event->source, event->claimed);
    judging_emit(judging, &rule->rule, &finding);
}

/* --- messages --- */

static void watch(const struct judging *judging, const struct identity_event *event)
{
    judging->state->refused[event->cause] =
        (struct refused_watch){.may_be_open = true, .since_us = event->last_us};
}

static struct measure count_refused(const struct identity_event *event)
{
    return (struct measure){.is_set = true,
                            .name = "messages_refused",
                            .start_us = event->first_us,
                            .end_us = event->last_us,
                            .observed = (int64_t)event->count,
                            .min = INT64_MIN,
                            .max = 0};
}

static void judge_allowance(const struct judging *judging, const struct identity_event *event)
{
    struct finding finding = finding_of(event, "DEV_OVER_ALLOWANCE", SEVERITY_LOW, ALLOWANCE_KEY);

    watch(judging, event);
    finding.measure = count_refused(event);
    finding_explain(&finding, "The device sends more than it may; messages from %s are refused.",
                    event->source);
    judging_emit(judging, &judging->rules->allowance.rule, &finding);
}

static void judge_message(const struct judging *judging, const struct identity_event *event)
{
    struct finding finding =
        finding_of(event, "DEV_MESSAGE_REFUSED", SEVERITY_LOW, refused_cause_name(event->cause));

    watch(judging, event);
    finding.measure = count_refused(event);
    finding_explain(&finding, "A message that came from %s was refused: %s.", event->source,
                    event->reason);
    judging_emit(judging, &judging->rules->messages.rule, &finding);
}

/* True if nothing was refused for that cause for long enough, and a report comes all the same. */
static bool is_over(struct refused_watch *watch, int64_t now_us)
{
    if (!watch->may_be_open) {
        return false;
    }
    if (watch->since_us == 0 || now_us < watch->since_us) { /* or the clock was set back */
        watch->since_us = now_us;
    }
    watch->may_be_open = now_us - watch->since_us < QUIET_US;
    return !watch->may_be_open;
}

static void end_if_over(const struct judging *judging, const struct rule *rule, const char *type,
                        const char *key, enum refused_cause cause)
{
    struct refused_watch *watch = &judging->state->refused[cause];
    int64_t now_us = judging->report->received_us;
    struct finding finding = {.kind = FINDING_ALERT_OVER, .type = type, .last_us = now_us};

    if (is_over(watch, now_us)) {
        finding.first_us = watch->since_us;
        snprintf(finding.key, sizeof(finding.key), "%s", key);
        finding_explain(&finding, "Reports come, and none was refused for that in two hours.");
        judging_emit(judging, rule, &finding);
    }
}

void allowance_report(const struct judging *judging)
{
    end_if_over(judging, &judging->rules->allowance.rule, "DEV_OVER_ALLOWANCE", ALLOWANCE_KEY,
                REFUSED_OVER_ALLOWANCE);
}

void messages_report(const struct judging *judging)
{
    for (enum refused_cause cause = 0; cause < REFUSED_CAUSES; cause++) {
        if (cause != REFUSED_OVER_ALLOWANCE) {
            end_if_over(judging, &judging->rules->messages.rule, "DEV_MESSAGE_REFUSED",
                        refused_cause_name(cause), cause);
        }
    }
}

static const struct {
    size_t rule; /* offset in struct rules */
    void (*judge)(const struct judging *judging, const struct identity_event *event);
} kinds[IDENTITY_EVENT_KINDS] = {
    [IDENTITY_EVENT_CERTIFICATE_MISMATCH] = {offsetof(struct rules, certificate_mismatch),
                                             judge_mismatch},
    [IDENTITY_EVENT_CERTIFICATE_EXPIRED] = {offsetof(struct rules, certificate_expired),
                                            judge_expired_certificate},
    [IDENTITY_EVENT_TOKEN_EXPIRED] = {offsetof(struct rules, token_expired), judge_expired_token},
    [IDENTITY_EVENT_TOKEN_INVALID] = {offsetof(struct rules, token_invalid), judge_invalid},
    [IDENTITY_EVENT_DUPLICATE_SESSION] = {offsetof(struct rules, duplicate), judge_duplicate},
    [IDENTITY_EVENT_REVOKED_USED] = {offsetof(struct rules, revoked), judge_revoked},
    [IDENTITY_EVENT_UNKNOWN] = {offsetof(struct rules, unknown), judge_unknown},
    [IDENTITY_EVENT_OVER_ALLOWANCE] = {offsetof(struct rules, allowance), judge_allowance},
    [IDENTITY_EVENT_MESSAGE_REFUSED] = {offsetof(struct rules, messages), judge_message},
};

void identity_judge(const struct judging *judging, const struct identity_event *event)
{
    const struct rule *rule =
        (const struct rule *)(const void *)((const char *)judging->rules + kinds[event->kind].rule);

    if (rule->is_enabled) {
        kinds[event->kind].judge(judging, event);
    }
}
