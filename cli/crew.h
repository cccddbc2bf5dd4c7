/* SPDX-License-Identifier: MIT */
#ifndef CLI_CREW_H
#define CLI_CREW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/gateway.h"
#include "cli/stand_in.h"

/**
 * The devices that an agent stands in for: its own, and those behind its interfaces
 * that are found while it watches.
 *
 * Memory for all of them is taken at the start. One that finds no room is counted as
 * the own device's, which says so: metric `datagrams_crowded`, and one line.
 *
 * Life: new, start, then watch for ever from one thread, turn from another one; when
 * the watching has ended, close, free.
 */
struct picket_linux;

struct crew {
    struct stand_in_terms terms; /* not changed from crew_new() on */
    struct gateway gateway;      /* the watching thread's */
    struct picket_system own;    /* what the own device is; of others it is not known */
    struct picket_system others;
    struct picket_linux *host;
    const char *const *interfaces; /* borrowed */
    size_t interface_count;
    size_t devices_max; /* beside the own one */
    struct stand_in *devices;
    atomic_size_t count;   /* of those that have started: the own one, then by the roster */
    int64_t next_look_ms;  /* at the system's addresses */
    uint64_t told_crowded; /* of gateway.crowded */
    const char *own_id;    /* borrowed */
};

/** Takes all memory; the caller has set terms, own, others, host, interfaces, devices_max, own_id,
 * and of the gateway devices and locals. Errors: PICKET_E_NOMEM; crew_free() frees what there is.
 */
PICKET_MUST_CHECK enum picket_status crew_new(struct crew *crew, struct err *reterr);
/** One that crew_new() was not called for is allowed. */
void crew_free(struct crew *crew);

/** What takes privileges: the own device's spool. */
PICKET_MUST_CHECK enum picket_status crew_open(struct crew *crew, struct err *reterr);
/** Starts the own device, and those that left reports in their spools. */
PICKET_MUST_CHECK enum picket_status crew_start(struct crew *crew, struct err *reterr);

/** Waits for datagrams and counts them. Errors: those of picket_linux_receive(). */
PICKET_MUST_CHECK enum picket_status crew_watch(struct crew *crew, int timeout_ms);

/** How many of `devices` have started and may be turned to; the first is the own one. */
size_t crew_count(const struct crew *crew);
/** Closes all windows first, then sends what there is. */
void crew_close(struct crew *crew);

#endif
