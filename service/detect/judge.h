/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_JUDGE_H
#define SERVICE_DETECT_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detect/detect.h"
#include "detect/parameters.h"
#include "detect/window.h"
#include "model/finding.h"
#include "model/refused.h"
#include "model/report.h"

struct intel_index;

/**
 * What the judges of detect share; private to detect.
 *
 * A judge holds one rule type: a row in the table of detect.c and a file of its
 * own. It reads the judging, keeps what it must remember in the device's state
 * and gives findings.
 */

/** Of DEV_SILENT. */
struct silence {
    bool is_told;         /* a finding was given that is not over */
    enum severity told;   /* its severity */
    bool may_be_open;     /* an alert by an earlier run of the service */
    bool is_listening;    /* since listening_us the service could have heard the device: */
    int64_t listening_us; /* that it was away itself is no silence of the device */
};

/** Of DEV_POLICY_DENIED: by enum picket_direction. */
#define DENIED_WAYS 3u

/** The types of refusals.c. */
enum refusal_type { ROLLBACK, REFUSAL, REFUSAL_TYPES };
#define SETTINGS_KINDS 4u

/** Of ID_REPLAY: what the last reports of the last boots were, since the service began to listen.
 */
#define REPLAY_BOOTS_MAX  4u
#define REPLAY_WINDOW_MAX 64u

struct replay_boot {
    uint32_t id;
    uint32_t highest; /* sequence */
    uint32_t returns; /* reports that went on after a later boot had begun */
};

struct replay {
    struct replay_boot boots[REPLAY_BOOTS_MAX]; /* the newest first */
    size_t boot_count;
    uint64_t known;                      /* bit n: the digest of the newest boot's highest - n */
    uint32_t digests[REPLAY_WINDOW_MAX]; /* by sequence */
};

/** Of DEV_OVER_ALLOWANCE, and of DEV_MESSAGE_REFUSED for one cause. */
struct refused_watch {
    bool may_be_open; /* an alert, by this or by an earlier run of the service */
    int64_t since_us; /* nothing was refused (received); 0: not known yet */
};

struct answers;   /* of ti_names.c */
struct strangers; /* of identity.c */

/** Attempts that are counted together. */
struct attempts {
    int64_t since_us;
    uint64_t count; /* 0: since_us says nothing */
};

struct detect_device {
    char id[DEVICE_ID_MAX + 1];
    bool is_heard;        /* a report has come, now or before a restart */
    int64_t last_seen_us; /* received */
    uint32_t interval_ms; /* of its reports */
    bool is_irregular;    /* when it reports is not known: its format has no heartbeat */
    bool has_event;
    int64_t event_us; /* how far its reports' own time has come */
    struct silence silence;
    struct windows connections;
    struct windows loss;
    struct windows denied[DENIED_WAYS];
    uint32_t policy_revision; /* that the device told of last, 0 before */
    enum picket_policy_mode policy_mode;
    uint32_t held[REFUSAL_TYPES][SETTINGS_KINDS]; /* revision in effect, as each type saw it */
    struct intel_counts intel_counts;
    struct replay replay;
    struct answers *answers; /* to look-ups of listed names; NULL before the first */
    struct refused_watch refused[REFUSED_CAUSES];
    struct attempts attempts;    /* to be it with a bad token or key */
    struct strangers *strangers; /* clients that are no device; NULL before the first */
};

/** One call of detect. */
struct judging {
    struct detect_device *state;
    const struct rules *rules;
    const struct report *report;     /* of detect_report(), else NULL */
    const struct intel_index *intel; /* or NULL */
    const char *group;               /* of the device, where indicators are looked at */
    int64_t now_us;                  /* of detect_tick(), else 0 */
    finding_sink *sink;
    void *sink_context;
};

typedef void judge_fn(const struct judging *judging);

/** Gives the finding, at the severity that @p rule sets if it sets one. */
void judging_emit(const struct judging *judging, const struct rule *rule, struct finding *finding);

/** How a judge picks flows of a report and groups them. */
struct selection {
    bool (*is_wanted)(const struct judging *judging, const struct flow *flow);
    /* As of qsort; flows that are equal make a group. */
    int (*compare)(const struct judging *judging, const struct flow *a, const struct flow *b);
    /* Takes one group, by first_us. */
    void (*judge)(const struct judging *judging, const struct flow *flows, size_t count);
};

/** Without memory each flow is a group of its own: more findings, and none is lost. */
void selection_judge(const struct judging *judging, const struct selection *selection);

/** Those of listed names, of a device that goes. NULL is allowed. */
void answers_free(struct answers *answers);

/** Those counted, of what goes. NULL is allowed. */
void strangers_free(struct strangers *strangers);

/** For selection: by peer. */
int compare_peers(const struct judging *judging, const struct flow *a, const struct flow *b);

/** Sets the sentence, cut if it is too long. */
void finding_explain(struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Sets times and evidence of a finding about @p flows; their sum, unless NULL, goes to *ret_total.
 */
void finding_take_flows(struct finding *finding, const struct flow *flows, size_t count,
                        struct flow *ret_total);

/** A flow that only a verdict tells of: how it ended is not known. */
struct flow flow_of_verdict(const struct judging *judging, const struct verdict *verdict);

/** Sets the times of a finding about a window, and of its measure. */
void finding_take_window(struct finding *finding, const struct detect_device *state,
                         const struct windows *windows, const struct window *window);

/** Also where the outcome is not told, if packets went both ways. */
bool is_answered(const struct flow *flow);

/** "tcp/443", or "icmp" where there is no port. */
#define SERVICE_TEXT_MAX 16u
void service_format(const struct flow *flow, char ret_text[SERVICE_TEXT_MAX]);

/** What detect_past() asks for; there is no report. */
void past_judge(const struct judging *judging, const struct detect_past *what);

/** What detect_identity() asks for; there is no report. */
void identity_judge(const struct judging *judging, const struct identity_event *event);

judge_fn ti_report;
judge_fn ti_names_report;
judge_fn ti_tls_report;
judge_fn destinations_report;
judge_fn connections_report;
judge_fn connections_finish;
judge_fn connections_off;
judge_fn loss_report;
judge_fn loss_finish;
judge_fn loss_off;
judge_fn denied_report;
judge_fn denied_off;
judge_fn rollback_report;
judge_fn refusal_report;
judge_fn allowance_report;
judge_fn messages_report;
judge_fn replay_report;
judge_fn replay_repeat;
judge_fn silence_report;
judge_fn silence_tick;
judge_fn cleartext_report;
judge_fn hardening_report;

#endif
