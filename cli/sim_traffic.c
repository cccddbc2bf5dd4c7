/* SPDX-License-Identifier: MIT */
#include "cli/sim_traffic.h"

#include <string.h>

#include "cli/sim_scenario.h"

#define IPV4_BYTES 20u
#define IPV6_BYTES 40u
#define TCP_BYTES  20u
#define UDP_BYTES  8u
#define DNS_BYTES  512u

#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u

#define PORTS_FIRST 49152u /* ephemeral ones (RFC 6335 §6) */
#define PORTS       16384u

#define TYPE_A    1u
#define TYPE_AAAA 28u

/* One flow on the wire: a packet each way, of which only lengths and flags change. */
struct wire {
    struct picket_agent *agent;
    uint8_t bytes[2][IPV6_BYTES + TCP_BYTES + DNS_BYTES]; /* by enum picket_direction */
    size_t ip_bytes;
    size_t header_bytes; /* IP and transport */
    bool is_tcp;
    uint64_t packets;
};

static void put_u16(uint8_t *at, size_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* --- addresses --- */

/* The n-th address of a network, its size permitting. */
static struct address address_at(const struct prefix *prefix, uint64_t n)
{
    struct address address = prefix->address;
    unsigned bits = 128u - prefix->length;

    n &= bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
    for (unsigned i = 15; n > 0; i--, n >>= 8) {
        address.bytes[i] = (uint8_t)(address.bytes[i] | n);
    }
    return address;
}

static struct address own_address(uint32_t device, bool is_ipv4)
{
    struct prefix network = {.length = 104}; /* 10.0.0.0/8 */

    network.address = address_from_bytes((const uint8_t[4]){10, 0, 0, 0}, 4);
    if (!is_ipv4) {
        network = (struct prefix){.address = {{0xfd}}, .length = 64};
    }
    return address_at(&network, device + UINT64_C(1));
}

/* --- packets --- */

static void put_header(struct wire *wire, enum picket_direction direction, bool is_ipv4,
                       const struct address *source, const struct address *destination)
{
    uint8_t *bytes = wire->bytes[direction];
    uint8_t protocol = wire->is_tcp ? 6 : 17;

    memset(bytes, 0, wire->header_bytes);
    if (is_ipv4) {
        bytes[0] = 0x45;
        bytes[6] = 0x40; /* may not be cut */
        bytes[8] = 64;
        bytes[9] = protocol;
        memcpy(bytes + 12, source->bytes + 12, 4);
        memcpy(bytes + 16, destination->bytes + 12, 4);
    } else {
        bytes[0] = 0x60;
        bytes[6] = protocol;
        bytes[7] = 64;
        memcpy(bytes + 8, source->bytes, 16);
        memcpy(bytes + 24, destination->bytes, 16);
    }
    if (wire->is_tcp) {
        bytes[wire->ip_bytes + 12] = TCP_BYTES / 4 << 4;
    }
}

static void begin(struct wire *wire, const struct address *own, unsigned own_port,
                  const struct address *peer, unsigned port)
{
    bool is_ipv4 = address_is_ipv4(peer);

    wire->ip_bytes = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
    wire->header_bytes = wire->ip_bytes + (wire->is_tcp ? TCP_BYTES : UDP_BYTES);
    put_header(wire, PICKET_OUTBOUND, is_ipv4, own, peer);
    put_header(wire, PICKET_INBOUND, is_ipv4, peer, own);
    put_u16(wire->bytes[PICKET_OUTBOUND] + wire->ip_bytes, own_port);
    put_u16(wire->bytes[PICKET_OUTBOUND] + wire->ip_bytes + 2, port);
    put_u16(wire->bytes[PICKET_INBOUND] + wire->ip_bytes, port);
    put_u16(wire->bytes[PICKET_INBOUND] + wire->ip_bytes + 2, own_port);
}

/* Of @p payload bytes on the wire @p shown are there: the device code reads no further. */
static void send(struct wire *wire, enum picket_direction direction, unsigned flags, size_t payload,
                 size_t shown)
{
    uint8_t *bytes = wire->bytes[direction];
    size_t length = wire->header_bytes + payload;
    struct picket_span span = {bytes, wire->header_bytes + shown};
    struct picket_datagram datagram = {direction, &span, 1, length};

    if (wire->ip_bytes == IPV4_BYTES) {
        put_u16(bytes + 2, length);
    } else {
        put_u16(bytes + 4, length - IPV6_BYTES);
    }
    if (wire->is_tcp) {
        bytes[wire->ip_bytes + 13] = (uint8_t)flags;
    } else {
        put_u16(bytes + wire->ip_bytes + 4, length - wire->ip_bytes);
    }
    (void)picket_observe(wire->agent, &datagram);
    wire->packets++;
}

/* --- talks --- */

static void talk_tcp(struct wire *wire, const struct sim_talk *talk)
{
    send(wire, PICKET_OUTBOUND, TCP_SYN, 0, 0);
    if (talk->outcome == SIM_REFUSED) {
        send(wire, PICKET_INBOUND, TCP_RST | TCP_ACK, 0, 0);
    }
    if (talk->outcome != SIM_ANSWERED) {
        return;
    }
    send(wire, PICKET_INBOUND, TCP_SYN | TCP_ACK, 0, 0);
    for (unsigned i = 0; i < talk->rounds; i++) {
        send(wire, PICKET_OUTBOUND, TCP_PSH | TCP_ACK, talk->request_bytes, 0);
        send(wire, PICKET_INBOUND, TCP_PSH | TCP_ACK, talk->answer_bytes, 0);
    }
    send(wire, PICKET_OUTBOUND, TCP_FIN | TCP_ACK, 0, 0);
    send(wire, PICKET_INBOUND, TCP_FIN | TCP_ACK, 0, 0);
}

static void talk_udp(struct wire *wire, const struct sim_talk *talk)
{
    for (unsigned i = 0; i < talk->rounds; i++) {
        send(wire, PICKET_OUTBOUND, 0, talk->request_bytes, 0);
        if (talk->outcome == SIM_ANSWERED) {
            send(wire, PICKET_INBOUND, 0, talk->answer_bytes, 0);
        }
    }
}

/* A question of one name (RFC 1035 §4.1); how long it is. */
static size_t put_question(uint8_t *at, const char *host, unsigned type)
{
    static const uint8_t head[12] = {0, 1, 1, 0, 0, 1}; /* number 1, recursion, one question */
    size_t length = sizeof(head);

    memcpy(at, head, sizeof(head));
    while (*host != '\0') {
        size_t label = strcspn(host, ".");

        at[length] = (uint8_t)label;
        memcpy(at + length + 1, host, label);
        length += 1 + label;
        host += label + (host[label] == '.');
    }
    at[length] = 0;
    put_u16(at + length + 1, type);
    put_u16(at + length + 3, 1);
    return length + 5;
}

static void talk_dns(struct wire *wire, const struct sim_talk *talk)
{
    bool is_ipv4 = address_is_ipv4(&talk->answer);
    size_t address_bytes = is_ipv4 ? 4 : 16;
    unsigned type = is_ipv4 ? TYPE_A : TYPE_AAAA;
    const uint8_t record[12] = {0xc0, 12, 0,    (uint8_t)type, 0, 1,
                                0,    0,  0x0e, 0x10,          0, (uint8_t)address_bytes};
    uint8_t *answer = wire->bytes[PICKET_INBOUND] + wire->header_bytes;
    size_t length =
        put_question(wire->bytes[PICKET_OUTBOUND] + wire->header_bytes, talk->host, type);

    send(wire, PICKET_OUTBOUND, 0, length, length);
    if (talk->outcome != SIM_ANSWERED) {
        return;
    }
    (void)put_question(answer, talk->host, type);
    answer[2] = 0x81; /* an answer, */
    answer[3] = 0x80; /* recursion available */
    answer[7] = 1;    /* one record */
    memcpy(answer + length, record, sizeof(record));
    memcpy(answer + length + sizeof(record), talk->answer.bytes + 16 - address_bytes,
           address_bytes);
    length += sizeof(record) + address_bytes;
    send(wire, PICKET_INBOUND, 0, length, length);
}

typedef void talk_fn(struct wire *wire, const struct sim_talk *talk);
static talk_fn *const talks[] = {[SIM_TCP] = talk_tcp, [SIM_UDP] = talk_udp, [SIM_DNS] = talk_dns};

static bool is_due(const struct sim_talk *talk, const struct sim_moment *moment)
{
    /* Multiplied with a prime, so that those of a small share are spread over the fleet. */
    return moment->device * UINT64_C(61) % 100 < talk->percent &&
           (moment->window + moment->device) % talk->every == 0;
}

static void play_talk(struct wire *wire, const struct sim_talk *talk,
                      const struct sim_moment *moment)
{
    struct address own = own_address(moment->device, address_is_ipv4(&talk->to.address));
    uint64_t first = (moment->device + (talk->moves ? (uint64_t)moment->window : 0)) * talk->peers;
    unsigned port = talk->protocol == SIM_DNS ? 53 : talk->port;

    wire->is_tcp = talk->protocol == SIM_TCP;
    for (unsigned i = 0; i < talk->peers; i++) {
        struct address peer = address_at(&talk->to, first + i);

        begin(wire, &own, PORTS_FIRST + (moment->window + i) % PORTS, &peer, port);
        talks[talk->protocol](wire, talk);
    }
}

uint64_t sim_traffic_play(const struct sim_scenario *scenario, const struct sim_moment *moment,
                          struct picket_agent *agent, uint64_t *uptime_ms)
{
    struct wire wire = {.agent = agent};
    uint64_t start_ms = *uptime_ms;
    uint64_t interval_ms = scenario->interval_s * UINT64_C(1000);

    for (size_t i = 0; i < scenario->count; i++) {
        *uptime_ms = start_ms + interval_ms * i / scenario->count;
        if (is_due(&scenario->talks[i], moment)) {
            play_talk(&wire, &scenario->talks[i], moment);
        }
    }
    *uptime_ms = start_ms + interval_ms;
    return wire.packets;
}
