/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DEVICE_AGENT_FIXTURE_H
#define TESTS_UNIT_DEVICE_AGENT_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "picket/picket.h"

/**
 * An agent with a clock that is set by hand, packets by the line, and its
 * reports read back with the decoder that the service uses.
 */

#define FIXTURE_SLOTS_MAX 256u
#define FIXTURE_FLOWS_MAX 512u

#define TCP    6u
#define UDP    17u
#define ICMP   1u
#define ICMPV6 58u

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define ACK 0x10u

#define OUT PICKET_OUTBOUND
#define IN  PICKET_INBOUND

struct fixture {
    struct picket_agent agent;
    uint32_t now_ms;
    uint64_t clock_ms;
    unsigned locks;
    bool is_locked;
    bool has_lock_fault;

    /* what the reports said that were confirmed since fixture_forget() */
    struct picket_report_head first; /* the head of part 0 that came last */
    struct picket_flow_record flows[FIXTURE_FLOWS_MAX];
    size_t flow_count;
    unsigned reports;
    uint32_t last_sequence;
    bool has_fault; /* a report that can't be decoded, or out of order */

    /* sums over those reports, remainder included */
    uint64_t packets;
    uint64_t bytes;
    uint64_t connections;
    struct picket_counters counters;

    uint64_t ipv4[FIXTURE_SLOTS_MAX * PICKET_IPV4_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint64_t ipv6[FIXTURE_SLOTS_MAX * PICKET_IPV6_EXACT_STORAGE_BYTES(1) / 8 + 1];
};

/** One conversation of the device 10.0.0.1 or 2001:db8::1 with peer number @c peer. */
struct talk {
    uint8_t protocol;
    uint16_t local_port;
    uint16_t peer_port;
    uint16_t peer;
    bool is_ipv6;
};

static inline uint32_t fixture_now_ms(void *context)
{
    return ((struct fixture *)context)->now_ms;
}

static inline uint64_t fixture_clock_ms(void *context)
{
    return ((struct fixture *)context)->clock_ms;
}

static inline void fixture_lock(void *context)
{
    struct fixture *fixture = context;

    fixture->has_lock_fault |= fixture->is_locked;
    fixture->is_locked = true;
    fixture->locks++;
}

static inline void fixture_unlock(void *context)
{
    struct fixture *fixture = context;

    fixture->has_lock_fault |= !fixture->is_locked;
    fixture->is_locked = false;
}

/** Room for @p slots flows of each IP version. */
static inline struct picket_config fixture_config(struct fixture *fixture, size_t slots,
                                                  bool is_exact)
{
    struct picket_config config = {0};

    config.boot = 7;
    config.interval_ms = 60000;
    config.hash_key[0] = 0x243f6a88u;
    config.hash_key[1] = 0x85a308d3u;
    config.hash_key[2] = 0x13198a2eu;
    config.hash_key[3] = 0x03707344u;
    config.exact_flows = is_exact;
    config.ipv4_storage = fixture->ipv4;
    config.ipv4_storage_bytes =
        is_exact ? PICKET_IPV4_EXACT_STORAGE_BYTES(slots) : PICKET_IPV4_STORAGE_BYTES(slots);
    config.ipv6_storage = fixture->ipv6;
    config.ipv6_storage_bytes =
        is_exact ? PICKET_IPV6_EXACT_STORAGE_BYTES(slots) : PICKET_IPV6_STORAGE_BYTES(slots);
    config.system.os = (struct picket_text){"Testos 1.0", 10};
    return config;
}

static inline struct picket_port fixture_port(struct fixture *fixture)
{
    return (struct picket_port){.context = fixture,
                                .now_ms = fixture_now_ms,
                                .lock = fixture_lock,
                                .unlock = fixture_unlock,
                                .clock_ms = fixture_clock_ms};
}

static inline enum picket_status fixture_start_at(struct fixture *fixture, size_t slots,
                                                  bool is_exact, uint32_t now_ms)
{
    struct picket_config config;
    struct picket_port port;

    memset(fixture, 0, sizeof(*fixture));
    fixture->now_ms = now_ms;
    config = fixture_config(fixture, slots, is_exact);
    port = fixture_port(fixture);
    return picket_init(&fixture->agent, &config, &port);
}

static inline void fixture_start(struct fixture *fixture, size_t slots, bool is_exact)
{
    fixture->has_fault |= fixture_start_at(fixture, slots, is_exact, 1000) != PICKET_OK;
}

static inline void put_u16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/** Writes an IP header with room for @p payload bytes behind it; returns its size. */
static inline size_t put_ip_header(uint8_t *bytes, const struct talk *talk,
                                   enum picket_direction direction, size_t payload)
{
    size_t size = talk->is_ipv6 ? 16 : 4;
    uint8_t *addresses = bytes + (talk->is_ipv6 ? 8 : 12);
    uint8_t *local = addresses + (direction == IN ? size : 0);
    uint8_t *peer = addresses + (direction == IN ? 0 : size);

    memset(bytes, 0, talk->is_ipv6 ? 40 : 20);
    if (talk->is_ipv6) {
        bytes[0] = 0x60;
        put_u16(bytes + 4, (unsigned)payload);
        bytes[6] = talk->protocol;
        put_u16(local, 0x2001);
        put_u16(local + 2, 0xdb8);
        memcpy(peer, local, 4);
        peer[5] = 1;
    } else {
        bytes[0] = 0x45;
        put_u16(bytes + 2, (unsigned)payload + 20);
        bytes[9] = talk->protocol;
        local[0] = 10;
        peer[0] = 192;
        peer[1] = 0;
    }
    local[size - 1] = 1;
    put_u16(peer + size - 2, talk->peer);
    return talk->is_ipv6 ? 40 : 20;
}

static inline void observe(struct fixture *fixture, enum picket_direction direction,
                           const uint8_t *bytes, size_t captured, size_t length)
{
    struct picket_span span = {bytes, captured};
    struct picket_datagram datagram = {direction, &span, 1, length};

    picket_observe(&fixture->agent, &datagram);
}

/** One packet: @p sign is the TCP flags or the ICMP type; the payload is 20 bytes with headers. */
static inline void say(struct fixture *fixture, const struct talk *talk,
                       enum picket_direction direction, unsigned sign)
{
    uint8_t bytes[60];
    size_t header = put_ip_header(bytes, talk, direction, 20);

    memset(bytes + header, 0, 20);
    if (talk->protocol == TCP || talk->protocol == UDP) {
        put_u16(bytes + header, direction == IN ? talk->peer_port : talk->local_port);
        put_u16(bytes + header + 2, direction == IN ? talk->local_port : talk->peer_port);
    }
    bytes[header + (talk->protocol == TCP ? 13 : 0)] |= (uint8_t)(talk->protocol == UDP ? 0 : sign);
    observe(fixture, direction, bytes, header + 20, header + 20);
}

static inline void fixture_add_remainder(struct fixture *fixture,
                                         const struct picket_remainder *remainder)
{
    fixture->packets += remainder->packets_in + remainder->packets_out;
    fixture->bytes += remainder->bytes_in + remainder->bytes_out;
    fixture->connections += remainder->connections;
}

static inline void fixture_add_head(struct fixture *fixture, const struct picket_report_head *head)
{
    fixture->has_fault |= head->has_counters != (head->part == 0);
    fixture->has_fault |= fixture->last_sequence + 1 != head->sequence;
    fixture->last_sequence = head->sequence;
    fixture->reports++;
    if (head->part > 0) {
        return;
    }
    fixture->first = *head;
    fixture->counters.seen += head->counters.seen;
    fixture->counters.kept += head->counters.kept;
    fixture->counters.folded += head->counters.folded;
    fixture->counters.malformed += head->counters.malformed;
    fixture->counters.filtered += head->counters.filtered;
    fixture->counters.dropped += head->counters.dropped;
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        fixture_add_remainder(fixture, &head->remainder[i]);
    }
}

/** Takes a report in as a service would. */
static inline void fixture_read(struct fixture *fixture, const uint8_t *bytes, size_t length)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint32_t count = 0;

    if (picket_report_open(&reader, bytes, length, &head, &count) != PICKET_OK) {
        fixture->has_fault = true;
        return;
    }
    fixture_add_head(fixture, &head);
    while (picket_report_next_flow(&reader, &flow)) {
        fixture->packets += flow.packets_in + flow.packets_out;
        fixture->bytes += flow.bytes_in + flow.bytes_out;
        fixture->connections += flow.connections;
        fixture->has_fault |= fixture->flow_count == FIXTURE_FLOWS_MAX;
        if (fixture->flow_count < FIXTURE_FLOWS_MAX) {
            fixture->flows[fixture->flow_count++] = flow;
        }
    }
}

/** Builds, reads and confirms every report that is due, in buffers of @p capacity bytes. */
static inline void fixture_drain(struct fixture *fixture, size_t capacity)
{
    uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    size_t length = 0;

    while (picket_build_report(&fixture->agent, bytes, capacity, &length) == PICKET_OK) {
        fixture_read(fixture, bytes, length);
        fixture->has_fault |= picket_confirm_report(&fixture->agent) != PICKET_OK;
    }
}

/** Closes the window and reads it whole; what was read before is forgotten. */
static inline void fixture_report(struct fixture *fixture)
{
    fixture->flow_count = 0;
    fixture->reports = 0;
    fixture->packets = 0;
    fixture->bytes = 0;
    fixture->connections = 0;
    memset(&fixture->counters, 0, sizeof(fixture->counters));
    fixture->has_fault |= picket_seal_window(&fixture->agent) != PICKET_OK;
    fixture_drain(fixture, PICKET_REPORT_BYTES_MAX);
}

#endif
