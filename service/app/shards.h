/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_SHARDS_H
#define SERVICE_APP_SHARDS_H

#include "picket/status.h"

/**
 * Keeps the indicators of groups' devices up to date: a thread that renews them
 * (pipeline/indicators.h) when there is a new index, or a group has changed, at most
 * once in an interval, and publishes the downlink then. The service's key is here.
 */
struct config;
struct err;
struct shards;
struct snapshot_cell;
struct store;

struct shards_config {
    const struct config *config; /* of it the key and the interval; all is borrowed */
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct snapshot_cell *downlink;
};

/** Errors: PICKET_E_IO, PICKET_E_MALFORMED with what is wrong with the key. */
PICKET_MUST_CHECK enum picket_status shards_new(const struct shards_config *config,
                                                struct shards **ret, struct err *reterr);
/** Begins; without a key there is nothing to begin. */
PICKET_MUST_CHECK enum picket_status shards_start(struct shards *shards, struct err *reterr);
/** There is a new index. Any thread; NULL is allowed. */
void shards_note(struct shards *shards);
/** Ends what goes on. NULL is allowed. */
void shards_free(struct shards *shards);

#endif
