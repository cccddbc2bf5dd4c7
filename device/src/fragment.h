/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_FRAGMENT_H
#define DEVICE_SRC_FRAGMENT_H

#include "picket/config.h"

struct picket_agent;
struct picket_packet;

/**
 * Later fragments have no ports: they count in the flow of their first one, if
 * that was seen before them. The last few first fragments are remembered for the
 * minute that a host may wait for the rest; a new one takes the place of the one
 * that was noted first. What finds nothing here stays a flow of kind fragment.
 *
 * Nothing here locks; the caller holds the agent's lock.
 */
#if PICKET_FRAGMENTS > 0

/** Remembers a first fragment; puts into a later one what its first one said. */
void picket_fragment_associate(struct picket_agent *agent, struct picket_packet *packet);

#else

static inline void picket_fragment_associate(struct picket_agent *agent,
                                             struct picket_packet *packet)
{
    (void)agent;
    (void)packet;
}

#endif

#endif
