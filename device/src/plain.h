/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_PLAIN_H
#define DEVICE_SRC_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hot.h"
#include "packet.h"
#include "picket/picket.h"

/**
 * A look at what nearly every packet is: a whole unicast datagram of TCP or UDP,
 * in one piece, without IP options or extension headers, and with at least 14
 * bytes behind the IP header. What it takes, it reads as picket_packet_parse()
 * does; everything else is left to that one.
 */

struct picket_plain {
    const uint8_t *header; /* borrowed */
    const uint8_t *transport;
    const uint8_t *source; /* behind it the destination */
    uint32_t bytes;        /* as the IP header claims, that header included */
    uint8_t address_bytes; /* 4 or 16 */
    uint8_t protocol_at;   /* in the header */
    uint8_t direction;
};

#define PLAIN_IPV4_BYTES      20u
#define PLAIN_IPV6_BYTES      40u
#define PLAIN_TRANSPORT_BYTES 14u /* up to the TCP flags */
#define PLAIN_TCP_FLAGS_AT    13u

static PICKET_HOT uint32_t picket_plain_u16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 8 | bytes[1];
}

static PICKET_HOT uint8_t picket_plain_protocol(const struct picket_plain *plain)
{
    return plain->header[plain->protocol_at];
}

static PICKET_HOT const uint8_t *picket_plain_peer(const struct picket_plain *plain)
{
    return plain->direction == PICKET_INBOUND ? plain->source
                                              : plain->source + plain->address_bytes;
}

/** The peer's port, and below it the local one. */
static PICKET_HOT uint32_t picket_plain_ports(const struct picket_plain *plain)
{
    uint32_t ports =
        picket_plain_u16(plain->transport) << 16 | picket_plain_u16(plain->transport + 2);

    return plain->direction == PICKET_INBOUND ? ports : ports << 16 | ports >> 16;
}

static PICKET_HOT uint8_t picket_plain_tcp_flags(const struct picket_plain *plain)
{
    return picket_plain_protocol(plain) == PICKET_PROTOCOL_TCP
               ? plain->transport[PLAIN_TCP_FLAGS_AT]
               : 0;
}

/* True for what both IP versions ask of a plain packet. */
static PICKET_HOT bool picket_plain_is_sound(const struct picket_plain *plain, uint32_t length)
{
    uint32_t least = (uint32_t)(plain->transport - plain->header) + PLAIN_TRANSPORT_BYTES;
    uint8_t protocol = picket_plain_protocol(plain);

    return plain->bytes >= least && plain->bytes <= length &&
           (protocol == PICKET_PROTOCOL_TCP || protocol == PICKET_PROTOCOL_UDP);
}

static PICKET_HOT bool picket_plain_ipv4(const struct picket_datagram *datagram,
                                         struct picket_plain *ret)
{
    const uint8_t *header = datagram->spans[0].bytes;

    if (datagram->spans[0].length < PLAIN_IPV4_BYTES + PLAIN_TRANSPORT_BYTES || header[0] != 0x45 ||
        (picket_plain_u16(header + 6) & 0x3fffu) != 0 || header[16] >= 224 || header[16] == 127) {
        return false;
    }
    *ret = (struct picket_plain){
        .header = header,
        .transport = header + PLAIN_IPV4_BYTES,
        .source = header + 12,
        .bytes = picket_plain_u16(header + 2),
        .address_bytes = 4,
        .protocol_at = 9,
        .direction = datagram->direction == PICKET_INBOUND,
    };
    return picket_plain_is_sound(ret, (uint32_t)datagram->length);
}

static PICKET_HOT bool picket_plain_ipv6(const struct picket_datagram *datagram,
                                         struct picket_plain *ret)
{
    const uint8_t *header = datagram->spans[0].bytes;

    if (datagram->spans[0].length < PLAIN_IPV6_BYTES + PLAIN_TRANSPORT_BYTES ||
        header[0] >> 4 != 6 || header[24] == 0xff || header[24] == 0) {
        return false;
    }
    *ret = (struct picket_plain){
        .header = header,
        .transport = header + PLAIN_IPV6_BYTES,
        .source = header + 8,
        .bytes = PLAIN_IPV6_BYTES + picket_plain_u16(header + 4),
        .address_bytes = 16,
        .protocol_at = 6,
        .direction = datagram->direction == PICKET_INBOUND,
    };
    return picket_plain_is_sound(ret, (uint32_t)datagram->length);
}

/** The same in the parser's words. */
static PICKET_HOT struct picket_packet picket_plain_packet(const struct picket_plain *plain)
{
    bool is_inbound = plain->direction == PICKET_INBOUND;
    uint8_t flags = picket_plain_tcp_flags(plain);
    uint32_t ports = picket_plain_ports(plain);
    struct picket_packet packet = {
        .peer = picket_plain_peer(plain),
        .local = is_inbound ? plain->source + plain->address_bytes : plain->source,
        .bytes = plain->bytes,
        .peer_port = (uint16_t)(ports >> 16),
        .local_port = (uint16_t)ports,
        .protocol = picket_plain_protocol(plain),
        .cast = PICKET_UNICAST,
        .kind = PICKET_KIND_WHOLE,
        .tcp_flags = flags,
        .has_ports = true,
        .is_opener_certain = (flags & PICKET_TCP_SYN) != 0,
        .address_bytes = plain->address_bytes,
        .direction = plain->direction,
        .opener = plain->direction,
        .transport = (uint32_t)(plain->transport - plain->header),
    };

    if (packet.is_opener_certain) {
        packet.opener ^= (flags & PICKET_TCP_ACK) != 0; /* the other side's */
    } else if (packet.protocol == PICKET_PROTOCOL_TCP) {
        packet.opener = PICKET_DIRECTION_UNKNOWN;
    }
    return packet;
}

#endif
