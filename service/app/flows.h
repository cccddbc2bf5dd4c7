/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_FLOWS_H
#define SERVICE_APP_FLOWS_H

#include "picket/status.h"

/** Who looks after the days of flows: a thread that takes those away that were kept long enough,
 * and seals those that are over. */
struct err;
struct flows;
struct store;

/** @p store is borrowed; with 0 @p days none are kept, and what is there goes. */
PICKET_MUST_CHECK enum picket_status flows_new(struct store *store, unsigned days,
                                               struct flows **ret, struct err *reterr);
/** Ends what goes on. NULL is allowed. */
void flows_free(struct flows *flows);

#endif
