/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_NEWS_H
#define SERVICE_APP_NEWS_H

#include "picket/status.h"

struct err;
struct intel_index;
struct lookback;
struct snapshot_cell;

/**
 * Publishes @p index in the place of the one before it, and has what it newly lists looked for
 * among the contacts of the past. NULL @p lookback: nobody looks.
 *
 * Ownership: takes @p index, on failure as well.
 * Cost:      goes through all of @p index once.
 * Errors:    PICKET_E_NOMEM: nothing is published. That nobody will look back is logged, and
 *            does not keep the index from being published.
 */
PICKET_MUST_CHECK enum picket_status news_publish(struct snapshot_cell *cell,
                                                  struct lookback *lookback,
                                                  struct intel_index *index, struct err *reterr);

#endif
