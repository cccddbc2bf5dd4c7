/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_LOOKBACK_H
#define SERVICE_PIPELINE_LOOKBACK_H

#include <stdatomic.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Looking back: what is listed only now is looked for among all peers that devices ever had, as
 * the ledger remembers them. Each match is judged by the worker that owns the device, as if it
 * were a report, and becomes an alert (TI_RETRO_MATCH).
 *
 * lookback_add() keeps the new indicators in a file of the data folder until all matches are
 * committed; a thread works such files off in their order, those of an earlier run of the service
 * first. So nothing is forgotten, whenever the service ends; and what is done again tells nothing
 * twice, since open alerts that say it are there.
 */
struct err;
struct intel_index;
struct lookback;
struct pipeline;
struct store;

#define LOOKBACK_FILE_PREFIX "lookback-" /* of files as intel_write() makes them */

struct lookback_config {
    struct store *store; /* everything here is borrowed */
    struct pipeline *pipeline;
    const char *folder; /* where the files are */
    int64_t (*now_us)(void *context);
    void *now_context;
};

struct lookback_counts {
    uint64_t peers;    /* that were looked up */
    uint64_t matches;  /* of them, those that are listed */
    uint64_t contacts; /* rows of these, judged by the devices' workers */
};

/** Finds what an earlier run left. */
PICKET_MUST_CHECK enum picket_status lookback_new(const struct lookback_config *config,
                                                  struct lookback **ret, struct err *reterr);
/**
 * Starts the thread, with what an earlier run left. To be called when the index serves that has
 * what was published before: what is found is judged by it, and is nothing if it is not listed.
 * NULL is allowed.
 */
PICKET_MUST_CHECK enum picket_status lookback_start(struct lookback *lookback, struct err *reterr);
/** Ends the thread soon, before the pipeline is freed; what is not done, or added from now on, is
 * left for the next start. NULL is allowed. */
void lookback_stop(struct lookback *lookback);
/** Stops it, too. NULL is allowed. */
void lookback_free(struct lookback *lookback);

/**
 * Has the thread look for what @p added lists: indicators that are new, without an overlay
 * (intel_add_new(), intel_build()). To be called before the index that has them is published;
 * when it is not published after all, nothing comes of it.
 *
 * Ownership: written to a file; @p added may go away.
 * Errors:    those of intel_write(): then nobody will look.
 */
PICKET_MUST_CHECK enum picket_status
lookback_add(struct lookback *lookback, const struct intel_index *added, struct err *reterr);
/**
 * Lets the thread begin with what was added so far: the index that has it is published.
 */
void lookback_begin(struct lookback *lookback);

/**
 * Does it at once, on the caller's thread: what the thread does with each file. Few indicators
 * are looked for one by one in the ledger; for many, all of the ledger is gone through, in
 * chunks. No lock of the store is held for longer than a chunk takes.
 *
 * Errors: PICKET_E_STATE if @p is_stopping (or NULL) has become true, and what the store or the
 *         worker says; what was found until then is committed.
 */
PICKET_MUST_CHECK enum picket_status lookback_run(const struct lookback_config *config,
                                                  const struct intel_index *added,
                                                  const atomic_bool *is_stopping,
                                                  struct lookback_counts *ret, struct err *reterr);

#endif
