/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_STANDING_H
#define DEVICE_SRC_STANDING_H

#include <stdbool.h>
#include <stdint.h>

#include "picket/picket.h"

struct picket_report_writer;

/**
 * How settings stand: for each kind, what holds, and what was refused last.
 *
 * Every window tells of a kind as soon as something of it was applied or refused.
 * What it tells is kept when it is sealed, so that its reports say the same however
 * often they are built. A refusal goes when a report that has it was confirmed.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */
#if PICKET_SETTINGS

/** True if picket_init() can take the audience and the storage. */
bool picket_standing_is_good(const struct picket_config *config);

/** Takes over what picket_init() was given. */
void picket_standing_init(struct picket_agent *agent, const struct picket_config *config);

static inline struct picket_settings_record *picket_standing_of(struct picket_agent *agent,
                                                                enum picket_settings_kind kind)
{
    return &agent->standings.now[kind];
}

static inline bool picket_standing_is(const struct picket_agent *agent,
                                      enum picket_settings_kind kind,
                                      enum picket_settings_state state)
{
    return agent->standings.now[kind].state == state;
}

/** The revision of a kind that is committed; of indicators, which are sent anew, none is. */
uint32_t picket_standing_committed(const struct picket_agent *agent,
                                   enum picket_settings_kind kind);

/** Notes why settings were refused; the kind's earlier refusal is forgotten. */
void picket_standing_refuse(struct picket_agent *agent, enum picket_settings_kind kind,
                            enum picket_refusal refusal, uint32_t revision, uint32_t detail);

/** Called when the open window becomes the sealed one; adds to the facts that are left. */
void picket_standing_seal(struct picket_agent *agent);

/**
 * Puts the sealed window's records that are left into a report; built again, it
 * gets those it had. False if one found no room; *count grows by those that did.
 */
bool picket_standing_put(struct picket_agent *agent, struct picket_report_writer *writer,
                         uint32_t *count);

/** Lets go of the records that the report had. */
void picket_standing_settle(struct picket_agent *agent);

#else

static inline bool picket_standing_is_good(const struct picket_config *config)
{
    (void)config;
    return true;
}

static inline void picket_standing_init(struct picket_agent *agent,
                                        const struct picket_config *config)
{
    (void)agent;
    (void)config;
}

static inline void picket_standing_seal(struct picket_agent *agent)
{
    (void)agent;
}

static inline bool picket_standing_put(struct picket_agent *agent,
                                       struct picket_report_writer *writer, uint32_t *count)
{
    (void)agent;
    (void)writer;
    (void)count;
    return true;
}

static inline void picket_standing_settle(struct picket_agent *agent)
{
    (void)agent;
}

#endif

#endif
