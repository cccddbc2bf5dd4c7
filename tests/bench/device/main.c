/* SPDX-License-Identifier: MIT */
/*
 * The work of which tools/bench_device.py counts the instructions. Each call of
 * bench_observe() or bench_encode() is one measurement, and what these two call
 * is all that counts; the line on stdout before it says what is measured.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picket/picket.h"

#define SLOTS        64u   /* flows of a table */
#define PEERS        1000u /* flows offered to it */
#define NEW_FLOWS    32u   /* flows that find room in an empty table */
#define PACKETS      2000u /* measured for a row */
#define REPORT_BYTES 8192u

#define ENCODED_ROUNDS 20u /* of packets that a flow has when it is encoded */

#define IPV4_LENGTH 120u /* IP header included */
#define IPV6_LENGTH 140u /* a payload of 100 bytes */

#define TCP 6u
#define UDP 17u
#define SYN 0x02u
#define ACK 0x10u
#define PSH 0x08u

#define TCP_PORT       443u
#define UDP_PORT       5684u /* CoAP over DTLS */
#define EPHEMERAL_PORT 49152u

enum family {
    IPV4,
    IPV6,
    FAMILIES,
};

/* One datagram, ready to be observed. */
struct packet {
    uint8_t bytes[IPV6_LENGTH];
    struct picket_span span;
    struct picket_datagram datagram;
};

/* What all packets of a measurement have in common. */
struct stream {
    enum family family;
    uint8_t protocol;
    enum picket_direction direction;
};

struct bench {
    struct picket_agent agent;
    uint32_t now_ms;
    uint64_t ipv4[PICKET_IPV4_STORAGE_BYTES(SLOTS) / sizeof(uint64_t)];
    uint64_t ipv6[PICKET_IPV6_STORAGE_BYTES(SLOTS) / sizeof(uint64_t)];
    struct packet packets[PEERS];
    uint8_t report[REPORT_BYTES];
};

static const char *const family_names[FAMILIES] = {"IPv4", "IPv6"};
static const struct stream streams[] = {
    {IPV4, TCP, PICKET_OUTBOUND}, {IPV4, TCP, PICKET_INBOUND},  {IPV4, UDP, PICKET_OUTBOUND},
    {IPV4, UDP, PICKET_INBOUND},  {IPV6, TCP, PICKET_OUTBOUND}, {IPV6, TCP, PICKET_INBOUND},
    {IPV6, UDP, PICKET_OUTBOUND}, {IPV6, UDP, PICKET_INBOUND},
};

/* Never inlined or cloned: by their names the profile tells what is measured. */
__attribute__((noipa)) void bench_observe(struct picket_agent *agent, const struct packet *packets,
                                          size_t count, size_t rounds);
__attribute__((noipa)) enum picket_status bench_encode(struct picket_agent *agent, uint8_t *report,
                                                       size_t *ret_length);

void bench_observe(struct picket_agent *agent, const struct packet *packets, size_t count,
                   size_t rounds)
{
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < count; i++) {
            picket_observe(agent, &packets[i].datagram);
        }
    }
}

enum picket_status bench_encode(struct picket_agent *agent, uint8_t *report, size_t *ret_length)
{
    return picket_build_report(agent, report, REPORT_BYTES, ret_length);
}

static void require(bool is_so, const char *what)
{
    if (!is_so) {
        fprintf(stderr, "bench: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static uint32_t now_ms(void *context)
{
    return ((struct bench *)context)->now_ms++;
}

static void be_exclusive(void *context)
{
    (void)context;
}

static void start(struct bench *bench)
{
    const struct picket_port port = {
        .context = bench, .now_ms = now_ms, .lock = be_exclusive, .unlock = be_exclusive};
    const struct picket_config config = {
        .boot = 1,
        .interval_ms = 60000,
        .hash_key = {0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
        .ipv4_storage = bench->ipv4,
        .ipv4_storage_bytes = sizeof(bench->ipv4),
        .ipv6_storage = bench->ipv6,
        .ipv6_storage_bytes = sizeof(bench->ipv6),
    };

    bench->now_ms = 0;
    require(picket_init(&bench->agent, &config, &port) == PICKET_OK, "the agent did not start");
}

static void put_u16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

/* Addresses of the ranges set aside for benchmarks (RFC 2544, RFC 5180). */
static size_t put_ip_header(uint8_t *bytes, const struct stream *stream, unsigned peer)
{
    static const uint8_t ipv4[] = {198, 18, 0, 1};
    static const uint8_t ipv6[16] = {0x20, 0x01, 0, 0x02};
    bool is_ipv6 = stream->family == IPV6;
    size_t size = is_ipv6 ? sizeof(ipv6) : sizeof(ipv4);
    uint8_t *source = bytes + (is_ipv6 ? 8 : 12);
    uint8_t *other = source + (stream->direction == PICKET_OUTBOUND ? size : 0);

    bytes[0] = is_ipv6 ? 0x60 : 0x45;
    put_u16(bytes + (is_ipv6 ? 4 : 2), is_ipv6 ? IPV6_LENGTH - 40 : IPV4_LENGTH);
    bytes[is_ipv6 ? 6 : 9] = stream->protocol;
    memcpy(source, is_ipv6 ? ipv6 : ipv4, size);
    memcpy(source + size, source, size);
    other[1]++; /* the peer's network */
    put_u16(other + size - 2, peer);
    return is_ipv6 ? 40 : 20;
}

/* A packet between the device's ephemeral port and the service of @p peer. */
static void make_packet(struct packet *packet, const struct stream *stream, unsigned peer,
                        uint8_t tcp_flags)
{
    static const uint8_t tls_data[] = {0x17, 0x03, 0x03, 0x00, 0x4b};
    uint8_t *transport;
    unsigned port = stream->protocol == TCP ? TCP_PORT : UDP_PORT;
    bool is_outbound = stream->direction == PICKET_OUTBOUND;
    size_t length = stream->family == IPV6 ? IPV6_LENGTH : IPV4_LENGTH;

    memset(packet, 0, sizeof(*packet));
    transport = packet->bytes + put_ip_header(packet->bytes, stream, peer);
    put_u16(transport + (is_outbound ? 0 : 2), EPHEMERAL_PORT + peer);
    put_u16(transport + (is_outbound ? 2 : 0), port);
    if (stream->protocol == TCP) {
        transport[12] = 0x50;
        transport[13] = tcp_flags;
        memcpy(transport + 20, tls_data, sizeof(tls_data));
    }
    packet->span = (struct picket_span){packet->bytes, length};
    packet->datagram = (struct picket_datagram){stream->direction, &packet->span, 1, length};
}

static void make_packets(struct bench *bench, const struct stream *stream, const unsigned *peers,
                         size_t count, uint8_t tcp_flags)
{
    for (size_t i = 0; i < count; i++) {
        make_packet(&bench->packets[i], stream, peers[i], tcp_flags);
    }
}

/* Packets both ways with each peer: @p flags are those of TCP, the device's and the peer's. */
static void talk(struct bench *bench, const struct stream *stream, const unsigned *peers,
                 size_t count, const uint8_t flags[2])
{
    const struct stream out = {stream->family, stream->protocol, PICKET_OUTBOUND};
    const struct stream in = {stream->family, stream->protocol, PICKET_INBOUND};
    struct packet packet;

    for (size_t i = 0; i < count; i++) {
        make_packet(&packet, &out, peers[i], flags[0]);
        picket_observe(&bench->agent, &packet.datagram);
        make_packet(&packet, &in, peers[i], flags[1]);
        picket_observe(&bench->agent, &packet.datagram);
    }
}

static void open_flows(struct bench *bench, const struct stream *stream, const unsigned *peers,
                       size_t count)
{
    static const uint8_t handshake[] = {SYN, SYN | ACK};

    start(bench);
    talk(bench, stream, peers, count, handshake);
}

/* Opens flows in an empty table; which of them it kept is what its report says. */
static size_t find_kept(struct bench *bench, const struct stream *stream, const unsigned *peers,
                        size_t count, unsigned ret_kept[SLOTS])
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint32_t kept = 0;
    size_t length = 0;

    open_flows(bench, stream, peers, count);
    require(picket_seal_window(&bench->agent) == PICKET_OK &&
                picket_build_report(&bench->agent, bench->report, REPORT_BYTES, &length) ==
                    PICKET_OK &&
                picket_report_open(&reader, bench->report, length, &head, &kept) == PICKET_OK &&
                kept <= SLOTS && !head.has_more,
            "the report is not as it should be");
    for (size_t i = 0; picket_report_next_flow(&reader, &flow); i++) {
        const uint8_t *end = flow.peer + flow.address_size;

        ret_kept[i] = (unsigned)(end[-2] << 8 | end[-1]);
    }
    return kept;
}

/* Starts with @p count flows that each have a place in the table; tells with whom they are. */
static void start_with(struct bench *bench, const struct stream *stream, size_t count,
                       unsigned ret_peers[SLOTS])
{
    unsigned kept[SLOTS];
    size_t held = 0;

    for (unsigned peer = 0; peer < PEERS && held < count; peer++) {
        ret_peers[held] = peer;
        held += find_kept(bench, stream, ret_peers, held + 1, kept) == held + 1;
    }
    require(held == count, "the table does not hold what it should");
    open_flows(bench, stream, ret_peers, count);
}

static void observe(struct bench *bench, const struct stream *stream, size_t count, size_t rounds,
                    const char *measured)
{
    printf("%s packet %zu %s\n", family_names[stream->family], count * rounds, measured);
    bench_observe(&bench->agent, bench->packets, count, rounds);
}

static void measure_known(struct bench *bench, const struct stream *stream, size_t flows,
                          const char *measured)
{
    unsigned peers[SLOTS];

    start_with(bench, stream, flows, peers);
    make_packets(bench, stream, peers, flows, ACK | PSH);
    observe(bench, stream, flows, PACKETS / flows, measured);
}

static void measure_new(struct bench *bench, const struct stream *stream)
{
    unsigned peers[SLOTS];

    start_with(bench, stream, NEW_FLOWS, peers);
    make_packets(bench, stream, peers, NEW_FLOWS, SYN);
    start(bench); /* that they find room is known now */
    observe(bench, stream, NEW_FLOWS, 1, "new flow");
}

/* The table is full, and each packet is of a flow that it has never seen. */
static void measure_strangers(struct bench *bench, const struct stream *stream)
{
    unsigned peers[SLOTS];
    unsigned strangers[PEERS];

    for (unsigned i = 0; i < PEERS; i++) {
        strangers[i] = PEERS + i;
    }
    start_with(bench, stream, SLOTS, peers);
    make_packets(bench, stream, strangers, PEERS, SYN);
    observe(bench, stream, PEERS, 1, "full table, new flow");
}

/* All peers take turns, those with a place in the table and the others. */
static void measure_turns(struct bench *bench, const struct stream *stream)
{
    unsigned peers[PEERS];

    for (unsigned i = 0; i < PEERS; i++) {
        peers[i] = i;
    }
    open_flows(bench, stream, peers, PEERS);
    make_packets(bench, stream, peers, PEERS, ACK | PSH);
    observe(bench, stream, PEERS, PACKETS / PEERS, "1,000 flows offered");
}

/* Encodes @p flows flows with traffic of some rounds; returns the size of the report. */
static size_t encode(struct bench *bench, const struct stream *stream, size_t flows)
{
    static const uint8_t exchange[] = {ACK | PSH, ACK | PSH};
    unsigned peers[SLOTS];
    size_t length = 0;

    start_with(bench, stream, flows, peers);
    for (unsigned round = 0; round < ENCODED_ROUNDS; round++) {
        talk(bench, stream, peers, flows, exchange);
    }
    require(picket_seal_window(&bench->agent) == PICKET_OK, "the window did not close");
    printf("%s encode %zu\n", family_names[stream->family], flows);
    require(bench_encode(&bench->agent, bench->report, &length) == PICKET_OK, "no report");
    return length;
}

static void measure(struct bench *bench, const struct stream *stream)
{
    size_t one = 0;
    size_t all = 0;

    measure_known(bench, stream, 1, "hot flow");
    measure_known(bench, stream, SLOTS - 1, "63 flows");
    measure_new(bench, stream);
    measure_known(bench, stream, SLOTS, "full table, known flow");
    measure_strangers(bench, stream);
    measure_turns(bench, stream);
    one = encode(bench, stream, 1);
    all = encode(bench, stream, SLOTS);
    printf("%s further %u %zu\n", family_names[stream->family], SLOTS - 1, all - one);
}

int main(void)
{
    static struct bench bench; /* too large for a stack */

    for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        measure(&bench, &streams[i]);
    }
    return EXIT_SUCCESS;
}
