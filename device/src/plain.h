/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_PLAIN_H
#define DEVICE_SRC_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
    uint32_t bytes;        /* as the IP header claims, that header included */
    uint8_t address_bytes; /* 4 or 16 */
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

static PICKET_HOT uint32_t picket_plain_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static PICKET_HOT uint8_t picket_plain_protocol(const struct picket_plain *plain)
{
    return plain->header[plain->address_bytes == 4 ? 9 : 6];
}

static PICKET_HOT const uint8_t *picket_plain_transport(const struct picket_plain *plain)
{
    return plain->header + (plain->address_bytes == 4 ? PLAIN_IPV4_BYTES : PLAIN_IPV6_BYTES);
}

/* The destination lies behind the source, and the transport header behind that. */
static PICKET_HOT const uint8_t *picket_plain_destination(const struct picket_plain *plain)
{
    return picket_plain_transport(plain) - plain->address_bytes;
}

static PICKET_HOT const uint8_t *picket_plain_source(const struct picket_plain *plain)
{
    return picket_plain_destination(plain) - plain->address_bytes;
}

static PICKET_HOT const uint8_t *picket_plain_peer(const struct picket_plain *plain)
{
    return plain->direction == PICKET_INBOUND ? picket_plain_source(plain)
                                              : picket_plain_destination(plain);
}

/** The peer's port, and below it the local one. */
static PICKET_HOT uint32_t picket_plain_ports(const struct picket_plain *plain)
{
    uint32_t ports = picket_plain_u32(picket_plain_transport(plain));

    return plain->direction == PICKET_INBOUND ? ports : ports << 16 | ports >> 16;
}

static PICKET_HOT uint8_t picket_plain_tcp_flags(const struct picket_plain *plain)
{
    return picket_plain_protocol(plain) == PICKET_PROTOCOL_TCP
               ? picket_plain_transport(plain)[PLAIN_TCP_FLAGS_AT]
               : 0;
}

/* True if the packet is no fragment; compared as the processor reads words. */
static PICKET_HOT bool picket_plain_is_whole(const uint8_t *header)
{
    static const uint8_t mask_bytes[] = {0x3f, 0xff};
    uint16_t mask;
    uint16_t word;

    memcpy(&mask, mask_bytes, sizeof(mask));
    memcpy(&word, header + 6, sizeof(word));
    return (word & mask) == 0;
}

/** True if the first span has an IPv4 header that may be plain, or any of IPv6. */
static PICKET_HOT bool picket_plain_is_there(const struct picket_datagram *datagram)
{
    return datagram->span_count > 0 &&
           datagram->spans[0].length >= PLAIN_IPV4_BYTES + PLAIN_TRANSPORT_BYTES;
}

/** True for IPv4 without options. */
static PICKET_HOT bool picket_plain_is_ipv4(const uint8_t *header)
{
    return header[0] == 0x45;
}

/** The packet behind a plain header. */
static PICKET_HOT struct picket_plain picket_plain_at(const uint8_t *header, bool is_ipv4,
                                                      uint8_t direction)
{
    return is_ipv4 ? (struct picket_plain){header, picket_plain_u16(header + 2), 4, direction}
                   : (struct picket_plain){header, PLAIN_IPV6_BYTES + picket_plain_u16(header + 4),
                                           16, direction};
}

/** What the transport header says of a packet whose IP header is plain. */
enum picket_plain_kind {
    PICKET_PLAIN_QUIET,   /* it neither opens nor resets a connection */
    PICKET_PLAIN_OPENING, /* or resets one */
    PICKET_PLAIN_OTHER,   /* it is not plain */
};

static PICKET_HOT enum picket_plain_kind picket_plain_kind(const uint8_t *header, bool is_ipv4)
{
    struct picket_plain plain = picket_plain_at(header, is_ipv4, 0);

    if (picket_plain_protocol(&plain) == PICKET_PROTOCOL_TCP) {
        return (picket_plain_transport(&plain)[PLAIN_TCP_FLAGS_AT] &
                (PICKET_TCP_SYN | PICKET_TCP_RST)) != 0
                   ? PICKET_PLAIN_OPENING
                   : PICKET_PLAIN_QUIET;
    }
    return picket_plain_protocol(&plain) == PICKET_PROTOCOL_UDP ? PICKET_PLAIN_QUIET
                                                                : PICKET_PLAIN_OTHER;
}

/* The two look at headers that are there, as far as IP goes; false if the parser is needed. */
static PICKET_HOT bool picket_plain_is_good_ipv4(const struct picket_datagram *datagram)
{
    const uint8_t *header = datagram->spans[0].bytes;
    uint32_t bytes = picket_plain_at(header, true, 0).bytes;

    return header[16] < 224 && header[16] != 127 && picket_plain_is_whole(header) &&
           bytes >= PLAIN_IPV4_BYTES + PLAIN_TRANSPORT_BYTES && bytes <= (uint32_t)datagram->length;
}

static PICKET_HOT bool picket_plain_is_good_ipv6(const struct picket_datagram *datagram)
{
    const uint8_t *header = datagram->spans[0].bytes;
    const uint32_t least = PLAIN_IPV6_BYTES + PLAIN_TRANSPORT_BYTES;
    uint32_t bytes = picket_plain_at(header, false, 0).bytes;

    return header[0] >> 4 == 6 && datagram->spans[0].length >= least && header[24] != 0xff &&
           header[24] != 0 && bytes >= least && bytes <= (uint32_t)datagram->length;
}

/** The same in the parser's words. */
static PICKET_HOT struct picket_packet picket_plain_packet(const struct picket_plain *plain)
{
    bool is_inbound = plain->direction == PICKET_INBOUND;
    uint8_t flags = picket_plain_tcp_flags(plain);
    uint32_t ports = picket_plain_ports(plain);
    struct picket_packet packet = {
        .peer = picket_plain_peer(plain),
        .local = is_inbound ? picket_plain_destination(plain) : picket_plain_source(plain),
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
        .transport = plain->address_bytes == 4 ? PLAIN_IPV4_BYTES : PLAIN_IPV6_BYTES,
    };

    if (packet.is_opener_certain) {
        packet.opener ^= (flags & PICKET_TCP_ACK) != 0; /* the other side's */
    } else if (packet.protocol == PICKET_PROTOCOL_TCP) {
        packet.opener = PICKET_DIRECTION_UNKNOWN;
    }
    return packet;
}

#endif
