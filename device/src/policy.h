/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_POLICY_H
#define DEVICE_SRC_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "flow.h"
#include "picket/picket.h"

struct picket_packet;

/**
 * The policy in effect, and what it says of packets.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */

/**
 * Judges a packet that is already counted in its flow. If the verdict is settled,
 * and the packet passes, so do all packets of its flow, which are not asked about
 * again until picket_policy_forget().
 *
 * @p opener: of its flow (enum picket_direction), or as the packet tells it if there
 * is no flow.
 */
enum picket_verdict picket_policy_judge(struct picket_agent *agent,
                                        const struct picket_packet *packet, unsigned opener,
                                        uint32_t now_ms, bool *ret_is_settled);

/** Lets each flow be judged anew: a policy came, changed, or went. Cost: visits each slot. */
static inline void picket_policy_forget(struct picket_agent *agent)
{
    picket_flow_forget_verdicts(agent);
}

#endif
