/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_AGENT_H
#define DEVICE_SRC_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "hot.h"
#include "picket/picket.h"

/**
 * What the public entry points share: they lock, read the time inside the lock
 * so that it never runs backwards from one thread to the next, and unlock.
 */

static inline void picket_agent_lock(struct picket_agent *agent)
{
    agent->port.lock(agent->port.context);
}

static inline void picket_agent_unlock(struct picket_agent *agent)
{
    agent->port.unlock(agent->port.context);
}

/** True if windows may be of that length. */
static inline bool picket_is_interval(uint32_t interval_ms)
{
    return interval_ms >= 1000u && interval_ms <= 86400000u;
}

/**
 * Port time as an offset into a window. It goes by age, so that times are right
 * for 49 days before the window's end, whenever it began.
 */
static inline uint32_t picket_window_offset_ms(const struct picket_window *window, uint32_t time_ms)
{
    uint32_t age_ms = (uint32_t)window->start_ms + window->length_ms - time_ms;

    return age_ms < window->length_ms ? window->length_ms - age_ms : 0;
}

/* A step of port time this large is taken for a clock that was set back. */
#define STEP_MS_MAX 0x80000000u

/** Port time, which may wrap; uptime_ms is the same, extended to 64 bits. */
static PICKET_HOT uint32_t picket_agent_read_time(struct picket_agent *agent)
{
    uint32_t now_ms = agent->port.now_ms(agent->port.context);
    uint64_t step_ms = (uint32_t)(now_ms - (uint32_t)agent->uptime_ms);

    if (step_ms < STEP_MS_MAX) {
        agent->uptime_ms += step_ms;
    }
    return (uint32_t)agent->uptime_ms;
}

/** Reads the time, so that the agent knows it. */
void picket_agent_advance(struct picket_agent *agent);

/** Milliseconds until the open window is due; 0 if it is. */
uint32_t picket_agent_due_ms(const struct picket_agent *agent);

/** Makes the open window the sealed one; there must be none yet. */
void picket_agent_seal(struct picket_agent *agent);

#endif
