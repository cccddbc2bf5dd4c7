/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_SEAL_H
#define SERVICE_STORE_FLOW_SEAL_H

#include <stdint.h>

#include "picket/status.h"
#include "store/store.h"

struct err;

/**
 * Rewrites the day at @p path (flow_day.h), as far as report @p number, as the sealed day
 * (flow_sealed.h) at @p sealed_path, where nothing is.
 *
 * Context: a thread of its own: takes as long as it takes to read the day twice, and compress it.
 * Errors:  PICKET_E_STATE if @p goes_on said no; PICKET_E_MALFORMED if the day is damaged;
 *          PICKET_E_VERSION if a newer build wrote to it. What is at @p sealed_path then is no
 *          sealed day.
 * Cost:    some 20 MB of memory, or what one report takes, if that is more.
 */
PICKET_MUST_CHECK enum picket_status flow_seal(const char *path, int64_t number,
                                               const char *sealed_path, store_goes_on_fn *goes_on,
                                               void *context, struct err *reterr);

#endif
