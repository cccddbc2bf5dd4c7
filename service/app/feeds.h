/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_FEEDS_H
#define SERVICE_APP_FEEDS_H

#include "picket/status.h"

/**
 * What the keeper of indicators stands on in the service: the store that remembers its
 * feeds, the network, the log, and the alerts about feeds that go stale. These alerts
 * are about the service itself, not about a device: their "device" is STORE_SERVICE_ID.
 */
struct config;
struct err;
struct feeds;
struct keeper;
struct lookback;
struct shards;
struct snapshot_cell;
struct store;

/**
 * Publishes the indicators of the data folder; the feeds of the store are known, and not
 * loaded yet. What is newly listed from now on, @p lookback (or NULL) hears of, and
 * @p shards (or NULL) that there is a new index. All is borrowed for the life of *ret.
 */
PICKET_MUST_CHECK enum picket_status feeds_new(const struct config *config, struct store *store,
                                               struct snapshot_cell *intel,
                                               struct lookback *lookback, struct shards *shards,
                                               struct feeds **ret, struct err *reterr);
/** Nothing is loaded or published any more; what was pushed is answered. NULL is allowed. */
void feeds_stop(struct feeds *feeds);
/** NULL is allowed. */
void feeds_free(struct feeds *feeds);
/** Borrowed. */
struct keeper *feeds_keeper(struct feeds *feeds);

#endif
