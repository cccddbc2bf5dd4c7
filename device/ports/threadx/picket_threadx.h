/* SPDX-License-Identifier: MIT */
#ifndef PICKET_THREADX_H
#define PICKET_THREADX_H

#include <stdint.h>

#include <tx_api.h>

#include "picket/picket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The ThreadX port: clock, lock, and what the kernel knows of its threads.
 *
 * Life: picket_threadx_init() fills the port that picket_init() takes; the rest is
 * called from the thread that sends the reports. For any stack that runs on
 * ThreadX; with NetX Duo, picket_netxduo.h brings the packets.
 */

/** All state of the port. You allocate it; its members are private. */
struct picket_threadx {
    TX_MUTEX mutex; /* guards the agent, for one table operation or one report */
    ULONG ticks;    /* the clock as it was read last; under the mutex, like the next two */
    uint32_t now_ms;
    uint32_t rest; /* of a millisecond, in parts of TX_TIMER_TICKS_PER_SECOND */
};

/**
 * Makes the port ready. Before picket_init(), you may add clock_ms and sha256 to
 * what it fills.
 *
 * Context: a thread, or tx_application_define().
 * Errors:  PICKET_E_ARG for a NULL, PICKET_E_STATE if the mutex can't be created:
 *          it is in use already.
 */
PICKET_MUST_CHECK enum picket_status picket_threadx_init(struct picket_threadx *host,
                                                         struct picket_port *ret_port);

/** After the last use of the port. NULL is allowed. */
void picket_threadx_deinit(struct picket_threadx *host);

/** "ThreadX" and its version, for picket_config. */
struct picket_text picket_threadx_version(void);

/** Lets other threads run for @p wait_ms, rounded up to ticks; a tick at least. */
void picket_threadx_sleep(uint32_t wait_ms);

/**
 * Sets the metric stack_free.NAME of each thread to the bytes of its stack that were
 * never used; NAME in small letters, with '_' for what a name of a report can't have.
 *
 * Context: a thread of your own, of low priority; not while threads are deleted.
 * Cost:    one pass over the unused part of each stack.
 * Errors:  as of picket_set_metric(), the first one; the other threads are told all
 *          the same. PICKET_E_EMPTY if stacks are not filled (TX_DISABLE_STACK_FILLING).
 */
PICKET_MUST_CHECK enum picket_status picket_threadx_measure(struct picket_agent *agent);

#ifdef __cplusplus
}
#endif
#endif
