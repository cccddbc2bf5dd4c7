/* SPDX-License-Identifier: MIT */
#ifndef PICKET_NETXDUO_PACKET_H
#define PICKET_NETXDUO_PACKET_H

#include "picket_netxduo.h"

/**
 * Fills @p spans, of which there are PICKET_NETXDUO_SPANS, and all of a datagram but its
 * direction, from a packet that may be chained. Parts without a byte are left out; marks
 * or a length that a driver has set wrong never lead out of a part.
 */
void picket_netxduo_gather(const NX_PACKET *packet, struct picket_span *spans,
                           struct picket_datagram *ret_datagram);

/**
 * Before the first packet of an instance; @p is_late: it has run before the port saw it,
 * and what it has passed until now is missed.
 */
void picket_netxduo_count_begin(struct picket_netxduo_instance *instance, bool is_late);

/**
 * For each inbound packet that is looked at: the stack has counted it, and since the last
 * one perhaps others, which were kept from the port.
 */
void picket_netxduo_count_missed(struct picket_netxduo_instance *instance);

#endif
