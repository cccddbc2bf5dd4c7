/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_PIPELINE_H
#define SERVICE_PIPELINE_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * The order of work: report → repeats dropped → detect → alert → store → done.
 *
 * Each device is owned by one worker thread (chosen by its id), so detect and
 * alert need no locks. A worker takes a batch from its bounded queue, works it
 * off in one transaction, and only after the commit calls each `done`: that is
 * the acknowledgement. If the commit fails, nothing of the batch is kept in
 * memory either, and each `done` gets the cause: the devices of the batch are
 * read from the store again, and their open windows begin anew, as after a
 * restart. One device that can't be read fails its own reports only.
 *
 * Every device of the store is known from the start, so that its silence is
 * noticed even if it is never heard again.
 *
 * With no workers (replay, scenarios) pipeline_submit() does the same work at
 * once, on the caller's thread, and time passes only with pipeline_tick().
 */
struct boot;
struct contact;
struct downlink_settings;
struct err;
struct identity_event;
struct pipeline;
struct report;
struct snapshot_cell;
struct store;

/** What became of one thing that was asked of the pipeline. */
struct pipeline_outcome {
    enum picket_status status;                /* PICKET_OK: committed; also for a repeat */
    const char *reason;                       /* a sentence */
    const struct downlink_settings *settings; /* that the report's sender is to be told, or NULL */
    const struct boot *boot; /* of the report, as it is stored; NULL if it has none */
};

/** Called on the worker's thread; everything is borrowed for the call. */
typedef void pipeline_done_fn(void *context, const struct pipeline_outcome *outcome);

struct pipeline_config {
    size_t workers;                 /* 0..64 */
    size_t queue_max;               /* reports waiting for one worker */
    struct store *store;            /* borrowed */
    struct snapshot_cell *intel;    /* of struct intel_index; borrowed */
    struct snapshot_cell *rulebook; /* of struct rulebook; borrowed; has a version */
    struct snapshot_cell *downlink; /* of struct downlink; borrowed; NULL: nothing is told */
    int64_t ledger_keep_us;         /* how long contacts are remembered; 0: not at all */
    bool keeps_flows;
    int64_t (*now_us)(void *context); /* asked by the workers about once a second */
    void *now_context;
};

struct pipeline_stats {
    uint64_t reports;
    uint64_t repeats;
    uint64_t flows;
    uint64_t refused; /* queue full */
    uint64_t failed;  /* commit failed */
    uint64_t devices;
    uint64_t filter_confirmed; /* peers that a device's filter found, and that are listed */
    uint64_t filter_withdrawn; /* the same, and that are not: nothing was raised */
    uint64_t listed_weak;      /* contacts with what is listed, but too weakly to raise it */
    uint64_t listed_allowed;   /* the same, but the operator allows it */
    uint64_t alerts_changed;   /* new or folded: goes up whenever there is something new to show */
};

PICKET_MUST_CHECK enum picket_status pipeline_new(const struct pipeline_config *config,
                                                  struct pipeline **ret, struct err *reterr);
/** Works off what is queued, then ends. NULL is allowed. */
void pipeline_free(struct pipeline *pipeline);

/**
 * Takes @p report; @p done (or NULL) is called exactly once if PICKET_OK is
 * returned.
 *
 * Context: any thread; does not block (with workers).
 * Errors:  PICKET_E_FULL, PICKET_E_NOMEM: the report is still the caller's.
 */
PICKET_MUST_CHECK enum picket_status pipeline_submit(struct pipeline *pipeline,
                                                     struct report *report, pipeline_done_fn *done,
                                                     void *done_context);

/** Moves a device, known or not, to a group; `done` as for a report. PICKET_E_ARG: no such id or
 * name. */
PICKET_MUST_CHECK enum picket_status pipeline_assign(struct pipeline *pipeline, const char *device,
                                                     const char *group, pipeline_done_fn *done,
                                                     void *done_context);

/** What a device had to do with one peer before that was listed. */
struct pipeline_past {
    const char *device;
    const struct contact *contacts; /* all of one peer */
    size_t count;
    int64_t now_us;
};

/**
 * Judges contacts of the past by the lists of now: what they tell that no open alert does
 * becomes one. @p past is borrowed until @p done; otherwise as pipeline_submit().
 */
PICKET_MUST_CHECK enum picket_status pipeline_judge_past(struct pipeline *pipeline,
                                                         const struct pipeline_past *past,
                                                         pipeline_done_fn *done,
                                                         void *done_context);

/** What a door saw of identities: judged by the group's rules. @p event is copied; otherwise as
 * pipeline_submit(). */
PICKET_MUST_CHECK enum picket_status pipeline_note_identity(struct pipeline *pipeline,
                                                            const struct identity_event *event,
                                                            pipeline_done_fn *done,
                                                            void *done_context);

/** An alert that is to end. */
struct pipeline_end {
    const char *device;
    const char *type;
    const char *key;
    int64_t now_us;
};

/** Resolves what is open of that type and key, because a person says so; if it happens again, that
 * is another alert. @p end is copied; otherwise as pipeline_submit(). */
PICKET_MUST_CHECK enum picket_status pipeline_end_alert(struct pipeline *pipeline,
                                                        const struct pipeline_end *end,
                                                        pipeline_done_fn *done, void *done_context);

/** Only without workers: time has passed. */
PICKET_MUST_CHECK enum picket_status pipeline_tick(struct pipeline *pipeline, int64_t now_us,
                                                   struct err *reterr);
/** Only without workers: no more reports will come. */
PICKET_MUST_CHECK enum picket_status pipeline_finish(struct pipeline *pipeline, struct err *reterr);

void pipeline_get_stats(struct pipeline *pipeline, struct pipeline_stats *ret);

#endif
