/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_WORK_H
#define SERVICE_PIPELINE_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/alert.h"
#include "model/device.h"
#include "picket/status.h"
#include "pipeline/fleet.h"
#include "pipeline/pipeline.h"

struct err;
struct identity_event;
struct report;
struct snapshot;
struct snapshot_cell;
struct store;

/**
 * What a worker does with a batch: one transaction, and the answers after it.
 *
 * Context: a struct work belongs to one thread; work_shared to all.
 */

#define WORK_BATCH_MAX 1024u

/** An alert that a person ends. */
struct work_end {
    char type[TYPE_ID_MAX];
    char key[FINDING_KEY_MAX];
    int64_t now_us;
};

/** One thing to do: a report, contacts to be judged anew, what a door saw of identities, an alert
 * that is to end, or a device that moves to a group. */
struct work_item {
    struct report *report;            /* owned, or NULL */
    const struct pipeline_past *past; /* borrowed until done, or NULL */
    struct identity_event *identity;  /* owned, or NULL */
    struct work_end *end;             /* the same */
    char id[DEVICE_ID_MAX + 1];
    char group[GROUP_NAME_MAX + 1];
    pipeline_done_fn *done; /* or NULL */
    void *done_context;
    struct fleet_device *device; /* found at the start of the batch */
    struct boot boot;            /* of the report, with it */
    bool has_boot;
};

/** What all workers share: where they work from, and the sums of struct pipeline_stats. */
struct work_shared {
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct snapshot_cell *downlink; /* or NULL */
    int64_t ledger_keep_us;         /* 0: there is no ledger */
    bool keeps_flows;
    int64_t ledger_cursor; /* of its expiry: in transactions only */
    int64_t ledger_due_us; /* of the next round; the same */
    atomic_uint_fast64_t reports;
    atomic_uint_fast64_t repeats;
    atomic_uint_fast64_t flows;
    atomic_uint_fast64_t refused;
    atomic_uint_fast64_t failed;
    atomic_uint_fast64_t devices;
    atomic_uint_fast64_t filter_confirmed;
    atomic_uint_fast64_t filter_withdrawn;
    atomic_uint_fast64_t listed_weak;
    atomic_uint_fast64_t listed_allowed;
    atomic_uint_fast64_t alerts_changed;
    atomic_bool is_failing; /* the store; each change is logged once */
};

/** What the transaction under way adds to the sums if it is committed. */
struct work_tally {
    uint64_t reports;
    uint64_t repeats;
    uint64_t flows;
    uint64_t filter_confirmed;
    uint64_t filter_withdrawn;
    uint64_t listed_weak;
    uint64_t listed_allowed;
    uint64_t alerts_changed;
};

struct work {
    struct work_shared *shared; /* borrowed */
    struct fleet fleet;
    int64_t listening_us; /* the first tick; 0 before */
    /* Of the transaction under way: */
    struct snapshot *intel;
    struct snapshot *rulebook;
    struct work_tally tally;
    enum picket_status status;   /* PICKET_OK, or the first failure: nothing is done after it */
    struct err *reterr;          /* its sentence; not NULL */
    struct fleet_device *device; /* whose findings come */
    enum picket_status unread;   /* why a device was passed over, if one was */
};

void work_init(struct work *work, struct work_shared *shared);
void work_deinit(struct work *work);

/** Takes the items (of struct work_item), works them off and calls each one's done. */
void work_batch(struct work *work, void **items, size_t count);
/** Lets time pass for every device. */
PICKET_MUST_CHECK enum picket_status work_tick(struct work *work, int64_t now_us,
                                               struct err *reterr);
/** Judges what is still open, for every device. */
PICKET_MUST_CHECK enum picket_status work_finish(struct work *work, struct err *reterr);

/** NULL is allowed; the report goes with it. */
void work_item_free(struct work_item *item);

#endif
