/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_FLEET_H
#define CLI_SIM_FLEET_H

#include <stddef.h>
#include <stdint.h>

#include "cli/sim_device.h"
#include "cli/sim_way.h"
#include "picket/status.h"

/**
 * All devices of a simulation at work: one thread, one epoll, and nothing that blocks.
 *
 * A device has one report under way, as the device code has it: the next one is made when that was
 * acknowledged. What breaks is tried again, later and later; reports are sent again until they are
 * acknowledged.
 */
struct err;

struct sim_fleet_config {
    struct sim_device *devices; /* borrowed */
    size_t count;
    struct sim_terms *terms; /* of the devices; their clock is kept */
    const struct sim_way *way;
    struct sim_way_terms way_terms;
    size_t links_max;     /* where links are shared */
    uint64_t rate_per_s;  /* new reports; 0: as fast as they are acknowledged */
    uint64_t reports_max; /* new reports; 0: no limit */
    unsigned seconds_max; /* 0: no limit */
    unsigned drain_s;     /* longest time to wait for what is under way at the end */
    unsigned repeat_s;    /* what is not acknowledged through a broker is sent again after it */
};

struct sim_tally {
    uint64_t acknowledged;
    uint64_t given_up;
    uint64_t open;  /* sent, and never acknowledged */
    uint64_t later; /* refused for now */
    uint64_t again; /* sent more than once */
    uint64_t links_lost;
    int64_t elapsed_ms; /* from the first that was sent to the last that was acknowledged */
};

/** Runs until a limit is reached, or SIGINT or SIGTERM comes, and waits for what is under way.
 * Errors: PICKET_E_NOMEM, PICKET_E_IO, with a sentence. */
PICKET_MUST_CHECK enum picket_status sim_fleet_run(const struct sim_fleet_config *config,
                                                   struct sim_tally *ret, struct err *reterr);

#endif
