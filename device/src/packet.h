/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_PACKET_H
#define DEVICE_SRC_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/report.h"

/**
 * The parser of IP headers: one datagram in, one summary out.
 *
 * Only the outermost IP header is looked at; what a tunnel carries is payload.
 * Pure functions: no state, no lock, no clock.
 */

#define PICKET_PROTOCOL_ICMP   1u
#define PICKET_PROTOCOL_TCP    6u
#define PICKET_PROTOCOL_UDP    17u
#define PICKET_PROTOCOL_ICMPV6 58u

#define PICKET_TCP_SYN 0x02u
#define PICKET_TCP_RST 0x04u
#define PICKET_TCP_ACK 0x10u

/** One datagram, seen from the device. */
struct picket_packet {
    const uint8_t *peer; /* borrowed from the header */
    const uint8_t *local;
    uint32_t bytes;      /* as the IP header claims, that header included */
    uint16_t peer_port;  /* 0 unless has_ports */
    uint16_t local_port; /* 0 unless has_ports */
    uint16_t icmp;       /* type and code, of a reply those of its request; 0 unless there */
    uint8_t protocol;
    uint8_t cast;      /* enum picket_cast */
    uint8_t kind;      /* enum picket_flow_kind */
    uint8_t tcp_flags; /* 0 unless TCP, and there */
    bool has_ports;
    bool is_opener_certain;  /* false: an earlier packet of the flow knows better */
    uint8_t address_bytes;   /* 4 or 16 */
    uint8_t direction;       /* PICKET_OUTBOUND or PICKET_INBOUND */
    uint8_t opener;          /* enum picket_direction: who opened the flow, judged by this packet */
    bool is_fragmented;      /* one of several fragments */
    uint32_t identification; /* of their datagram; 0 unless is_fragmented */
    uint32_t transport;      /* offset of the transport header, if has_ports */
};

/*@ predicate picket_has_addresses(struct picket_packet *packet) =
  @     (packet->address_bytes == 4 || packet->address_bytes == 16) &&
  @     \valid_read(packet->peer + (0 .. packet->address_bytes - 1)) &&
  @     \valid_read(packet->local + (0 .. packet->address_bytes - 1));
  @*/

/**
 * Reads the headers of one datagram.
 *
 * @p captured bytes are there, @p length were on the link.
 *
 * Ownership: *ret borrows @p bytes.
 * Errors:    PICKET_E_MALFORMED if there is no IP header with addresses, or
 *            one whose lengths contradict each other; *ret untouched.
 * Cost:      at most PICKET_EXTENSION_HEADERS steps.
 */
/*@ requires \valid_read(bytes + (0 .. captured - 1));
  @ requires \valid(ret) && \separated(ret, bytes + (0 .. captured - 1));
  @ assigns *ret;
  @ ensures \result == PICKET_OK || \result == PICKET_E_MALFORMED;
  @ ensures \result == PICKET_OK ==> picket_has_addresses(ret);
  @ ensures \result != PICKET_OK ==> *ret == \old(*ret);
  @*/
PICKET_MUST_CHECK enum picket_status picket_packet_parse(const uint8_t *bytes, size_t captured,
                                                         uint32_t length, bool is_inbound,
                                                         struct picket_packet *ret);

#endif
