/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_CONFIGURATION_H
#define DEVICE_SRC_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "picket/picket.h"

/**
 * How the module works, as the service wants it: what a configuration gives takes
 * the place of what picket_init() was given, and what it does not give is again as
 * it was there.
 *
 * A configuration waits until all that was counted before it is reported: the
 * window that was open is sealed, and when the last of its reports is confirmed,
 * the tables are made anew if it asks for others, and what the next window has
 * counted by then goes to the remainder.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */

/** Those built in. */
#define PICKET_COLLECTORS_BUILT_IN                                                                 \
    ((PICKET_COLLECT_HEARTBEAT ? (unsigned)PICKET_COLLECTOR_HEARTBEAT : 0u) |                      \
     (PICKET_COLLECT_SYSTEM ? (unsigned)PICKET_COLLECTOR_SYSTEM : 0u) |                            \
     (PICKET_COLLECT_DNS ? (unsigned)PICKET_COLLECTOR_DNS : 0u) |                                  \
     (PICKET_COLLECT_TLS ? (unsigned)PICKET_COLLECTOR_TLS : 0u) |                                  \
     (PICKET_COLLECT_LISTEN ? (unsigned)PICKET_COLLECTOR_LISTEN : 0u) |                            \
     (PICKET_COLLECT_START ? (unsigned)PICKET_COLLECTOR_START : 0u) |                              \
     (PICKET_COLLECT_EVENT ? (unsigned)PICKET_COLLECTOR_EVENT : 0u) |                              \
     (PICKET_COLLECT_METRIC ? (unsigned)PICKET_COLLECTOR_METRIC : 0u))

/** How often the system is told, where nothing else is asked for. */
#define PICKET_LOW_INTERVAL_MS 86400000u

#if PICKET_CONFIGURATION

/** True if the collector is on. */
static inline bool picket_collects(const struct picket_agent *agent,
                                   enum picket_collector_bit collector)
{
    return (agent->configuration.collectors & (unsigned)collector) != 0;
}

static inline uint32_t picket_low_interval_ms(const struct picket_agent *agent)
{
    return agent->config.low_interval_ms > 0 ? agent->config.low_interval_ms
                                             : PICKET_LOW_INTERVAL_MS;
}

/** True if picket_init() can take the intervals. */
bool picket_configuration_is_good(const struct picket_config *config);

/** Takes over what picket_init() was given. */
void picket_configuration_init(struct picket_agent *agent, const struct picket_config *config);

/**
 * Takes a configuration, to be in effect later. *ret_detail becomes the number of
 * the value that can't be done, if there is one.
 */
enum picket_refusal picket_configuration_take(struct picket_agent *agent,
                                              const struct picket_settings *settings,
                                              uint32_t *ret_detail);

bool picket_configuration_is_pending(const struct picket_agent *agent);

/**
 * Called when a sealed window was reported, all of it.
 *
 * Cost: if new tables are due, one pass over the flows and their storage.
 */
void picket_configuration_end_window(struct picket_agent *agent);

/** Called when a window opens. */
void picket_configuration_open_window(struct picket_agent *agent);

/** Notes that the open window has a fact of the section; some are of weight. */
void picket_configuration_note_fact(struct picket_agent *agent, enum picket_section section);

/** When the open window is due because of them, in milliseconds since boot; UINT64_MAX: not. */
uint64_t picket_configuration_due_ms(const struct picket_agent *agent);

#else

static inline bool picket_collects(const struct picket_agent *agent,
                                   enum picket_collector_bit collector)
{
    (void)agent;
    return (PICKET_COLLECTORS_BUILT_IN & (unsigned)collector) != 0;
}

static inline uint32_t picket_low_interval_ms(const struct picket_agent *agent)
{
    (void)agent;
    return PICKET_LOW_INTERVAL_MS;
}

static inline bool picket_configuration_is_good(const struct picket_config *config)
{
    (void)config;
    return true;
}

static inline void picket_configuration_init(struct picket_agent *agent,
                                             const struct picket_config *config)
{
    (void)agent;
    (void)config;
}

static inline enum picket_refusal picket_configuration_take(struct picket_agent *agent,
                                                            const struct picket_settings *settings,
                                                            uint32_t *ret_detail)
{
    (void)agent;
    (void)settings;
    (void)ret_detail;
    return PICKET_REFUSED_UNSUPPORTED;
}

static inline bool picket_configuration_is_pending(const struct picket_agent *agent)
{
    (void)agent;
    return false;
}

static inline void picket_configuration_end_window(struct picket_agent *agent)
{
    (void)agent;
}

static inline void picket_configuration_open_window(struct picket_agent *agent)
{
    (void)agent;
}

static inline void picket_configuration_note_fact(struct picket_agent *agent,
                                                  enum picket_section section)
{
    (void)agent;
    (void)section;
}

static inline uint64_t picket_configuration_due_ms(const struct picket_agent *agent)
{
    (void)agent;
    return UINT64_MAX;
}

#endif

#endif
