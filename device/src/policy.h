/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_POLICY_H
#define DEVICE_SRC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "picket/picket.h"

struct picket_packet;

/**
 * The policy in effect, and what it says of packets.
 *
 * Its rules lie in one half of settings_storage. A policy with a trial is only
 * tried: it is committed when a report is confirmed that was built since it took
 * effect, because then the way to the service is open; if that does not happen in
 * time, the former policy, whose rules the other half still has, is in effect
 * again.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */
#if PICKET_POLICY

static inline bool picket_policy_is_active(const struct picket_agent *agent)
{
    return agent->policy.is_active;
}

bool picket_policy_is_on_trial(const struct picket_agent *agent);

/** The half of the storage that has no rules in effect; during a trial none is free. */
static inline unsigned picket_policy_free_half(const struct picket_agent *agent)
{
    return agent->policy.current ^ 1u;
}

/** Takes a policy into effect, whose rules are in the half of the storage that is free. */
enum picket_refusal picket_policy_take(struct picket_agent *agent,
                                       const struct picket_settings *settings);

/** Goes back if a trial is over. Cost: one pass over the flows, when it is. */
void picket_policy_end_trial(struct picket_agent *agent);

/** Called when a report was built, and when it was confirmed. */
void picket_policy_note_built(struct picket_agent *agent);
void picket_policy_note_confirmed(struct picket_agent *agent);

/**
 * Judges a packet that is already counted in its flow. If the verdict is settled,
 * and the packet passes, so do all packets of its flow, which are not asked about
 * again until picket_flow_forget_verdicts().
 *
 * @p opener: of its flow (enum picket_direction), or as far as the packet tells it if
 * there is no flow.
 *
 * Cost: as picket_policy_judge_activity(); what is not just allowed is noted as a
 *       fact.
 */
enum picket_verdict picket_policy_judge(struct picket_agent *agent,
                                        const struct picket_packet *packet, unsigned opener,
                                        bool *ret_is_settled);

#else

static inline bool picket_policy_is_active(const struct picket_agent *agent)
{
    (void)agent;
    return false;
}

static inline bool picket_policy_is_on_trial(const struct picket_agent *agent)
{
    (void)agent;
    return false;
}

static inline unsigned picket_policy_free_half(const struct picket_agent *agent)
{
    (void)agent;
    return 0;
}

static inline enum picket_refusal picket_policy_take(struct picket_agent *agent,
                                                     const struct picket_settings *settings)
{
    (void)agent;
    (void)settings;
    return PICKET_REFUSED_UNSUPPORTED;
}

static inline void picket_policy_end_trial(struct picket_agent *agent)
{
    (void)agent;
}

static inline void picket_policy_note_built(struct picket_agent *agent)
{
    (void)agent;
}

static inline void picket_policy_note_confirmed(struct picket_agent *agent)
{
    (void)agent;
}

static inline enum picket_verdict picket_policy_judge(struct picket_agent *agent,
                                                      const struct picket_packet *packet,
                                                      unsigned opener, bool *ret_is_settled)
{
    (void)agent;
    (void)packet;
    (void)opener;
    *ret_is_settled = true;
    return PICKET_PASS;
}

#endif

#endif
