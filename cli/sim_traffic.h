/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_TRAFFIC_H
#define CLI_SIM_TRAFFIC_H

#include <stdint.h>

#include "picket/picket.h"

/** Packets of a scenario, made as they are shown to the device code. */
struct sim_scenario;

/** Which window of which device; also the device's own address. */
struct sim_moment {
    uint32_t device; /* number, from 0 */
    uint32_t window;
};

/**
 * Shows @p agent all packets of one window, spread over its interval; *uptime_ms, which is the
 * port's clock, goes forward by that. Returns how many packets there were.
 */
uint64_t sim_traffic_play(const struct sim_scenario *scenario, const struct sim_moment *moment,
                          struct picket_agent *agent, uint64_t *uptime_ms);

#endif
