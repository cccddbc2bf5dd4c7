/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_INSPECT_H
#define DEVICE_SRC_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

#include "packet.h"
#include "picket/picket.h"

/**
 * Sorts out the few packets that have facts in their payload, and gives that to
 * the collector that reads it.
 */

#define PICKET_DNS_PORT         53u
#define PICKET_TLS_HANDSHAKE    22u /* the first byte of a record (RFC 8446 §5.1) */
#define PICKET_TCP_OFFSET_AT    12u
#define PICKET_UDP_HEADER_BYTES 8u
#define PICKET_TCP_HEADER_BYTES 20u

/** Where the payload begins: the TCP header says it itself. */
static inline size_t picket_inspect_payload(const struct picket_packet *packet,
                                            const uint8_t *header)
{
    const uint8_t *transport = header + packet->transport;

    if (packet->protocol == PICKET_PROTOCOL_UDP) {
        return packet->transport + PICKET_UDP_HEADER_BYTES;
    }
    return packet->transport + (transport[PICKET_TCP_OFFSET_AT] >> 4) * 4u;
}

/** True for an answer of a DNS server, and for a segment that begins like a TLS handshake. */
static inline bool picket_inspect_is_wanted(const struct picket_packet *packet,
                                            const struct picket_span *header)
{
    size_t end = header->length < packet->bytes ? header->length : packet->bytes;
    size_t payload;

    if (!packet->has_ports) {
        return false;
    }
    if (packet->protocol == PICKET_PROTOCOL_UDP) {
        return PICKET_COLLECT_DNS && packet->peer_port == PICKET_DNS_PORT &&
               packet->direction == PICKET_INBOUND;
    }
    if (!PICKET_COLLECT_TLS || end < packet->transport + PICKET_TCP_HEADER_BYTES) {
        return false;
    }
    payload = picket_inspect_payload(packet, header->bytes);
    return payload < end && header->bytes[payload] == PICKET_TLS_HANDSHAKE;
}

/** Puts what lies in pieces together, as far as there is room; returns how much that is. */
size_t picket_inspect_gather(const struct picket_datagram *datagram, uint8_t *bytes,
                             size_t capacity);

/**
 * Reads the facts of a packet that is wanted.
 *
 * Context: without the agent's lock, which is taken for one fact at a time.
 */
void picket_inspect(struct picket_agent *agent, const struct picket_datagram *datagram,
                    const struct picket_packet *packet);

#endif
