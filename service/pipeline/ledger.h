/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_LEDGER_H
#define SERVICE_PIPELINE_LEDGER_H

#include "picket/status.h"

struct err;
struct report;
struct store;

/**
 * Puts into the ledger whom a report tells of: the peers of its unicast flows, by address and by
 * the name the device asked for, the names of its DNS answers, and those it gave in TLS
 * handshakes. Each counts once, however many flows of the report it has.
 *
 * Context: within the transaction of the report.
 */
PICKET_MUST_CHECK enum picket_status ledger_take(struct store *store, const struct report *report,
                                                 struct err *reterr);

#endif
