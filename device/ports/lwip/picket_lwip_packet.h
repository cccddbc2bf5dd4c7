/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LWIP_PACKET_H
#define PICKET_LWIP_PACKET_H

#include <stdbool.h>

#include <lwip/pbuf.h>

#include "picket_lwip.h"

/**
 * Fills @p spans, of which there are PICKET_LWIP_SPANS, and all of a datagram but its
 * direction, from a packet that may be chained; of an Ethernet frame (@p is_frame) from
 * what is behind its header and VLAN tags. Parts without a byte are left out; lengths that
 * disagree never lead out of a part. False if it is a frame without IP: nothing is filled.
 */
bool picket_lwip_gather(const struct pbuf *packet, bool is_frame, struct picket_span *spans,
                        struct picket_datagram *ret_datagram);

#endif
