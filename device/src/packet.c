/* SPDX-License-Identifier: MIT */
#include "packet.h"

#include <string.h>

#include "picket/config.h"

#define IPV4_HEADER_BYTES 20u
#define IPV6_HEADER_BYTES 40u

/* IPv6 extension headers (IANA protocol numbers) */
#define EXTENSION_HOP_BY_HOP  0u
#define EXTENSION_ROUTING     43u
#define EXTENSION_FRAGMENT    44u
#define EXTENSION_AH          51u
#define EXTENSION_DESTINATION 60u
#define EXTENSION_BYTES_MIN   8u

/* Types of ICMP and ICMPv6 that answer one of the other side. */
#define ICMP_PAIRS 7u
static const struct {
    uint8_t reply;
    uint8_t request;
} icmp_pairs[ICMP_PAIRS] = {
    {0, 8},     /* echo */
    {14, 13},   /* timestamp */
    {16, 15},   /* information */
    {18, 17},   /* address mask */
    {129, 128}, /* ICMPv6: echo */
    {134, 133}, /* a router */
    {136, 135}, /* a neighbour */
};

/*@ requires \valid_read(bytes + (0 .. 1));
  @ assigns \nothing;
  @*/
static uint16_t get_u16(const uint8_t *bytes)
{
    return (uint16_t)((unsigned)bytes[0] << 8 | bytes[1]);
}

/*@ assigns \nothing; */
static uint8_t reverse(uint8_t direction)
{
    return direction == PICKET_INBOUND ? PICKET_OUTBOUND : PICKET_INBOUND;
}

/* Without a transport header nothing tells who opened the flow. */
/*@ requires \valid(packet);
  @ assigns packet->kind, packet->opener;
  @*/
static void set_headless(struct picket_packet *packet, enum picket_flow_kind kind)
{
    packet->kind = (uint8_t)kind;
    packet->opener = PICKET_DIRECTION_UNKNOWN;
}

/*@ requires \valid(packet) && \valid_read(header + (0 .. available - 1));
  @ assigns packet->tcp_flags, packet->opener, packet->is_opener_certain;
  @*/
static void read_tcp(struct picket_packet *packet, const uint8_t *header, size_t available)
{
    packet->tcp_flags = available > 13 ? header[13] : 0;
    if ((packet->tcp_flags & PICKET_TCP_SYN) == 0) {
        packet->opener = PICKET_DIRECTION_UNKNOWN;
        return;
    }
    packet->is_opener_certain = true;
    if ((packet->tcp_flags & PICKET_TCP_ACK) != 0) {
        packet->opener = reverse(packet->direction);
    }
}

/*@ requires \valid(packet) && \valid_read(header + (0 .. available - 1));
  @ assigns packet->kind, packet->opener, packet->is_opener_certain;
  @ assigns packet->has_ports, packet->peer_port, packet->local_port, packet->tcp_flags;
  @*/
static void read_ports(struct picket_packet *packet, const uint8_t *header, size_t available)
{
    bool is_inbound = packet->direction == PICKET_INBOUND;

    if (available < 4) {
        set_headless(packet, PICKET_KIND_CUT);
        return;
    }
    packet->has_ports = true;
    packet->peer_port = get_u16(header + (is_inbound ? 0 : 2));
    packet->local_port = get_u16(header + (is_inbound ? 2 : 0));
    if (packet->protocol == PICKET_PROTOCOL_TCP) {
        read_tcp(packet, header, available);
    }
}

/*@ assigns \nothing; */
static uint8_t request_of(uint8_t type)
{
    /*@ loop invariant 0 <= i <= ICMP_PAIRS;
      @ loop assigns i;
      @ loop variant ICMP_PAIRS - i;
      @*/
    for (unsigned i = 0; i < ICMP_PAIRS; i++) {
        if (icmp_pairs[i].reply == type) {
            return icmp_pairs[i].request;
        }
    }
    return type;
}

/*@ requires \valid(packet) && \valid_read(header + (0 .. available - 1));
  @ assigns packet->opener, packet->is_opener_certain, packet->icmp;
  @*/
static void read_icmp(struct picket_packet *packet, const uint8_t *header, size_t available)
{
    uint8_t request;

    packet->is_opener_certain = true;
    if (available < 2) {
        return;
    }
    request = request_of(header[0]);
    if (header[0] != request) {
        packet->opener = reverse(packet->direction);
    }
    packet->icmp = (uint16_t)((unsigned)request << 8 | header[1]);
}

/*@ requires \valid(packet) && \valid_read(header + (0 .. available - 1));
  @ assigns packet->kind, packet->opener, packet->is_opener_certain, packet->icmp;
  @ assigns packet->has_ports, packet->peer_port, packet->local_port, packet->tcp_flags;
  @*/
static void read_transport(struct picket_packet *packet, const uint8_t *header, size_t available)
{
    bool is_ipv4 = packet->address_bytes == 4;

    if (packet->protocol == PICKET_PROTOCOL_TCP || packet->protocol == PICKET_PROTOCOL_UDP) {
        read_ports(packet, header, available);
    } else if (packet->protocol == (is_ipv4 ? PICKET_PROTOCOL_ICMP : PICKET_PROTOCOL_ICMPV6)) {
        read_icmp(packet, header, available);
    }
}

/*@ requires \valid_read(destination + (0 .. 3));
  @ assigns \nothing;
  @*/
static enum picket_cast ipv4_cast(const uint8_t *destination)
{
    static const uint8_t everyone[4] = {0xff, 0xff, 0xff, 0xff};
    uint8_t first = destination[0];

    if (first == 127) {
        return PICKET_LOOPBACK;
    }
    if (first < 224) {
        return PICKET_UNICAST;
    }
    if (first < 240) {
        return PICKET_MULTICAST;
    }
    return memcmp(destination, everyone, sizeof(everyone)) == 0 ? PICKET_BROADCAST : PICKET_UNICAST;
}

/*@ requires \valid_read(destination + (0 .. 15));
  @ assigns \nothing;
  @*/
static enum picket_cast ipv6_cast(const uint8_t *destination)
{
    static const uint8_t oneself[16] = {[15] = 1};

    if (destination[0] == 0xff) {
        return PICKET_MULTICAST;
    }
    if (destination[0] != 0) {
        return PICKET_UNICAST;
    }
    return memcmp(destination, oneself, sizeof(oneself)) == 0 ? PICKET_LOOPBACK : PICKET_UNICAST;
}

/* @p addresses: the source's, and behind it the destination's. */
/*@ requires \valid(packet) && (address_bytes == 4 || address_bytes == 16);
  @ requires \valid_read(addresses + (0 .. 2 * address_bytes - 1));
  @ assigns *packet;
  @ ensures picket_has_addresses(packet);
  @*/
static void start(struct picket_packet *packet, bool is_inbound, const uint8_t *addresses,
                  uint8_t address_bytes)
{
    const uint8_t *destination = addresses + address_bytes;
    uint8_t direction = is_inbound ? PICKET_INBOUND : PICKET_OUTBOUND;

    packet->peer = is_inbound ? addresses : destination;
    packet->local = is_inbound ? destination : addresses;
    packet->peer_port = 0;
    packet->local_port = 0;
    packet->icmp = 0;
    packet->kind = PICKET_KIND_WHOLE;
    packet->tcp_flags = 0;
    packet->has_ports = false;
    packet->is_opener_certain = false;
    packet->address_bytes = address_bytes;
    packet->direction = direction;
    packet->opener = direction;
    packet->is_fragmented = false;
    packet->identification = 0;
}

/*@ requires \valid(packet);
  @ assigns packet->is_fragmented, packet->identification;
  @*/
static void set_fragmented(struct picket_packet *packet, uint32_t identification)
{
    packet->is_fragmented = true;
    packet->identification = identification;
}

/* The readers of the IP headers return where the transport header begins; 0 if malformed. */
/*@ requires \valid(packet) && captured >= IPV4_HEADER_BYTES;
  @ requires \valid_read(bytes + (0 .. captured - 1));
  @ assigns *packet;
  @ ensures \result > 0 ==> picket_has_addresses(packet);
  @ ensures \result == 0 ==> *packet == \old(*packet);
  @*/
static size_t read_ipv4(struct picket_packet *packet, const uint8_t *bytes, size_t captured,
                        uint32_t length, bool is_inbound)
{
    uint32_t header = (bytes[0] & 0x0fu) * 4u;
    uint32_t total = get_u16(bytes + 2);

    if (total == 0) {
        total = length; /* the network card cuts this one into segments later */
    } else if (total < header) {
        return 0;
    }
    if (header < IPV4_HEADER_BYTES || captured < header) {
        return 0;
    }
    start(packet, is_inbound, bytes + 12, 4);
    packet->bytes = total;
    packet->protocol = bytes[9];
    packet->cast = (uint8_t)ipv4_cast(bytes + 16);
    if ((get_u16(bytes + 6) & 0x3fffu) != 0) {
        set_fragmented(packet, get_u16(bytes + 4));
    }
    if ((get_u16(bytes + 6) & 0x1fffu) != 0) {
        set_headless(packet, PICKET_KIND_FRAGMENT);
    }
    return header;
}

/*@ assigns \nothing; */
static bool is_extension(uint8_t protocol)
{
    return protocol == EXTENSION_HOP_BY_HOP || protocol == EXTENSION_ROUTING ||
           protocol == EXTENSION_FRAGMENT || protocol == EXTENSION_AH ||
           protocol == EXTENSION_DESTINATION;
}

/*@ assigns \nothing;
  @ ensures \result <= 2048;
  @*/
static size_t extension_bytes(uint8_t protocol, uint8_t length)
{
    if (protocol == EXTENSION_FRAGMENT) {
        return EXTENSION_BYTES_MIN;
    }
    return protocol == EXTENSION_AH ? (length + 2u) * 4u : (length + 1u) * 8u;
}

/* The bytes that are there without what the link padded. A jumbogram's length is an option. */
/*@ requires \valid_read(packet);
  @ assigns \nothing;
  @ ensures \result <= captured;
  @*/
static size_t clip(size_t captured, const struct picket_packet *packet)
{
    bool is_jumbo = packet->address_bytes == 16 && packet->bytes == IPV6_HEADER_BYTES;

    return is_jumbo || captured < packet->bytes ? captured : packet->bytes;
}

/* Walks to the transport header and returns its offset; the protocol becomes the last one named. */
/*@ requires \valid(packet) && \valid_read(bytes + (0 .. available - 1));
  @ assigns packet->protocol, packet->kind, packet->opener;
  @ assigns packet->is_fragmented, packet->identification;
  @ ensures \result >= IPV6_HEADER_BYTES;
  @*/
static size_t walk_extensions(struct picket_packet *packet, const uint8_t *bytes, size_t available)
{
    size_t offset = IPV6_HEADER_BYTES;

    /*@ loop invariant count <= PICKET_EXTENSION_HEADERS;
      @ loop invariant IPV6_HEADER_BYTES <= offset <= IPV6_HEADER_BYTES + count * 2048;
      @ loop assigns count, offset, packet->protocol, packet->kind, packet->opener;
      @ loop assigns packet->is_fragmented, packet->identification;
      @ loop variant PICKET_EXTENSION_HEADERS - count;
      @*/
    for (unsigned count = 0; is_extension(packet->protocol); count++) {
        const uint8_t *header = bytes + offset;
        uint8_t here = packet->protocol;

        if (count == PICKET_EXTENSION_HEADERS || available < offset + EXTENSION_BYTES_MIN) {
            set_headless(packet, PICKET_KIND_CUT);
            break;
        }
        packet->protocol = header[0];
        offset += extension_bytes(here, header[1]);
        if (here == EXTENSION_FRAGMENT && (get_u16(header + 2) & 0xfff9u) != 0) {
            set_fragmented(packet, (uint32_t)get_u16(header + 4) << 16 | get_u16(header + 6));
        }
        if (here == EXTENSION_FRAGMENT && get_u16(header + 2) >> 3 != 0) {
            set_headless(packet, PICKET_KIND_FRAGMENT);
            break; /* what follows is no header */
        }
    }
    return offset;
}

/*@ requires \valid(packet) && \valid_read(bytes + (0 .. captured - 1));
  @ assigns *packet;
  @ ensures \result > 0 ==> picket_has_addresses(packet);
  @ ensures \result == 0 ==> *packet == \old(*packet);
  @*/
static size_t read_ipv6(struct picket_packet *packet, const uint8_t *bytes, size_t captured,
                        bool is_inbound)
{
    if (captured < IPV6_HEADER_BYTES) {
        return 0;
    }
    start(packet, is_inbound, bytes + 8, 16);
    packet->bytes = IPV6_HEADER_BYTES + get_u16(bytes + 4);
    packet->protocol = bytes[6];
    packet->cast = (uint8_t)ipv6_cast(bytes + 24);
    return walk_extensions(packet, bytes, clip(captured, packet));
}

enum picket_status picket_packet_parse(const uint8_t *bytes, size_t captured, uint32_t length,
                                       bool is_inbound, struct picket_packet *ret)
{
    size_t offset = 0;

    if (captured < IPV4_HEADER_BYTES) {
        return PICKET_E_MALFORMED;
    }
    if (bytes[0] >> 4 == 4) {
        offset = read_ipv4(ret, bytes, captured, length, is_inbound);
    } else if (bytes[0] >> 4 == 6) {
        offset = read_ipv6(ret, bytes, captured, is_inbound);
    }
    if (offset == 0) {
        return PICKET_E_MALFORMED;
    }
    if (ret->bytes > length) {
        set_headless(ret, PICKET_KIND_BAD_LENGTH);
    } else if (ret->kind == PICKET_KIND_WHOLE) {
        size_t available = clip(captured, ret);

        offset = offset < available ? offset : available;
        ret->transport = (uint32_t)offset;
        read_transport(ret, bytes + offset, available - offset);
    }
    return PICKET_OK;
}
