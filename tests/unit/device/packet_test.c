/* SPDX-License-Identifier: MIT */
#include "packet.h"

#include "harness/check.h"
#include "picket/config.h"
#include "picket/picket.h"

#define IPV4(ihl, total, fragment, protocol)                                                       \
    0x40 | (ihl), 0, (total) >> 8, (total)&0xff, 0, 0, (fragment) >> 8, (fragment)&0xff, 64,       \
        (protocol), 0, 0, 10, 0, 0, 1, 192, 0, 2, 9
#define IPV6(payload, next)                                                                        \
    0x60, 0, 0, 0, (payload) >> 8, (payload)&0xff, (next), 64, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0,  \
        0, 0, 0, 0, 0, 0, 1, 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9
#define PORTS      0x9c, 0x40, 0x01, 0xbb /* 40000 > 443 */
#define TCP(flags) PORTS, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, (flags), 0, 0, 0, 0, 0, 0
#define UDP        PORTS, 0, 8, 0, 0

#define WHOLE    PICKET_KIND_WHOLE
#define FRAGMENT PICKET_KIND_FRAGMENT
#define CUT      PICKET_KIND_CUT
#define BAD      PICKET_KIND_BAD_LENGTH
#define OUT      PICKET_OUTBOUND
#define IN       PICKET_INBOUND
#define UNKNOWN  PICKET_DIRECTION_UNKNOWN

#define ALL 0xffffu /* captured: as many as the row has */

/* A datagram that goes out, and what the parser must say of it. */
struct row {
    const char *name;
    uint8_t bytes[96];
    uint16_t captured; /* or ALL */
    uint16_t size;     /* of the row's bytes */
    uint32_t length;   /* on the link */
    enum picket_flow_kind kind;
    uint8_t protocol;
    uint32_t counted;
    bool has_ports;
    enum picket_direction opener;
    bool is_certain;
};

/* clang-format off */
static const struct row good_rows[] = {
    {"tcp syn", {IPV4(5, 40, 0, 6), TCP(0x02)}, ALL, 40, 40, WHOLE, 6, 40, true, OUT, true},
    {"tcp syn with ece and cwr", {IPV4(5, 40, 0, 6), TCP(0xc2)}, ALL, 40, 40, WHOLE, 6, 40, true, OUT, true},
    {"tcp syn ack", {IPV4(5, 40, 0, 6), TCP(0x12)}, ALL, 40, 40, WHOLE, 6, 40, true, IN, true},
    {"tcp ack", {IPV4(5, 40, 0, 6), TCP(0x10)}, ALL, 40, 40, WHOLE, 6, 40, true, UNKNOWN, false},
    {"tcp cut before its flags", {IPV4(5, 40, 0, 6), TCP(0x02)}, 33, 40, 40, WHOLE, 6, 40, true, UNKNOWN, false},
    {"tcp cut behind its ports", {IPV4(5, 40, 0, 6), TCP(0x02)}, 24, 40, 40, WHOLE, 6, 40, true, UNKNOWN, false},
    {"tcp cut within its ports", {IPV4(5, 40, 0, 6), TCP(0x02)}, 23, 40, 40, CUT, 6, 40, false, UNKNOWN, false},
    {"tcp cut at the IP header", {IPV4(5, 40, 0, 6), TCP(0x02)}, 20, 40, 40, CUT, 6, 40, false, UNKNOWN, false},
    {"total length ends within the ports", {IPV4(5, 23, 0, 6), TCP(0x02)}, ALL, 40, 46, CUT, 6, 23, false, UNKNOWN, false},
    {"udp", {IPV4(5, 28, 0, 17), UDP}, ALL, 28, 28, WHOLE, 17, 28, true, OUT, false},
    {"udp behind padding of the link", {IPV4(5, 28, 0, 17), UDP, 1, 2, 3, 4}, ALL, 32, 46, WHOLE, 17, 28, true, OUT, false},
    {"IP options before udp", {IPV4(6, 32, 0, 17), 1, 1, 1, 0, UDP}, ALL, 32, 32, WHOLE, 17, 32, true, OUT, false},
    {"an odd but possible header length", {IPV4(15, 68, 0, 17), [60] = 0x9c, 0x40, 1, 0xbb, 0, 8}, ALL, 68, 68, WHOLE, 17, 68, true, OUT, false},
    {"total length 0 is taken from the link", {IPV4(5, 0, 0, 6), TCP(0x10)}, ALL, 40, 9000, WHOLE, 6, 9000, true, UNKNOWN, false},
    {"first fragment has ports", {IPV4(5, 28, 0x2000, 17), UDP}, ALL, 28, 28, WHOLE, 17, 28, true, OUT, false},
    {"later fragment has none", {IPV4(5, 28, 0x0001, 17), UDP}, ALL, 28, 28, FRAGMENT, 17, 28, false, UNKNOWN, false},
    {"later fragment of icmp", {IPV4(5, 28, 0x1fff, 1), 8}, ALL, 28, 28, FRAGMENT, 1, 28, false, UNKNOWN, false},
    {"do not fragment is no fragment", {IPV4(5, 28, 0x4000, 17), UDP}, ALL, 28, 28, WHOLE, 17, 28, true, OUT, false},
    {"icmp echo request", {IPV4(5, 28, 0, 1), 8}, ALL, 28, 28, WHOLE, 1, 28, false, OUT, true},
    {"icmp echo reply", {IPV4(5, 28, 0, 1), 0}, ALL, 28, 28, WHOLE, 1, 28, false, IN, true},
    {"icmp unreachable", {IPV4(5, 28, 0, 1), 3}, ALL, 28, 28, WHOLE, 1, 28, false, OUT, true},
    {"icmp cut before its type", {IPV4(5, 28, 0, 1), 0}, 20, 28, 28, WHOLE, 1, 28, false, OUT, true},
    {"icmpv6 over IPv4 is another protocol", {IPV4(5, 28, 0, 58), 129}, ALL, 28, 28, WHOLE, 58, 28, false, OUT, false},
    {"gre is payload", {IPV4(5, 48, 0, 47), 0, 0, 8, 0, IPV4(5, 20, 0, 6)}, ALL, 48, 48, WHOLE, 47, 48, false, OUT, false},
    {"AH in IPv4 is a protocol of its own", {IPV4(5, 40, 0, 51), 6, 4}, ALL, 40, 40, WHOLE, 51, 40, false, OUT, false},
    {"claims more than the link had", {IPV4(5, 41, 0, 6), TCP(0x02)}, ALL, 40, 40, BAD, 6, 41, false, UNKNOWN, false},
    {"a fragment that claims too much", {IPV4(5, 41, 1, 17), UDP}, ALL, 40, 40, BAD, 17, 41, false, UNKNOWN, false},
    {"IPv6 tcp syn", {IPV6(20, 6), TCP(0x02)}, ALL, 60, 60, WHOLE, 6, 60, true, OUT, true},
    {"IPv6 udp", {IPV6(8, 17), UDP}, ALL, 48, 48, WHOLE, 17, 48, true, OUT, false},
    {"icmpv6 echo reply", {IPV6(8, 58), 129}, ALL, 48, 48, WHOLE, 58, 48, false, IN, true},
    {"icmpv6 neighbour solicitation", {IPV6(8, 58), 135}, ALL, 48, 48, WHOLE, 58, 48, false, OUT, true},
    {"icmp over IPv6 is another protocol", {IPV6(8, 1), 0}, ALL, 48, 48, WHOLE, 1, 48, false, OUT, false},
    {"no next header", {IPV6(0, 59)}, ALL, 40, 40, WHOLE, 59, 40, false, OUT, false},
    {"udp behind destination options", {IPV6(16, 60), 17, 0, 1, 4, 0, 0, 0, 0, UDP}, ALL, 56, 56, WHOLE, 17, 56, true, OUT, false},
    {"udp behind hop-by-hop of 16 bytes", {IPV6(24, 0), 17, 1, [56] = 0x9c, 0x40, 1, 0xbb}, ALL, 64, 64, WHOLE, 17, 64, true, OUT, false},
    {"udp behind routing", {IPV6(16, 43), 17, 0, [48] = 0x9c, 0x40, 1, 0xbb}, ALL, 56, 56, WHOLE, 17, 56, true, OUT, false},
    {"udp behind AH counts in words of four", {IPV6(20, 51), 17, 1, [52] = 0x9c, 0x40, 1, 0xbb}, ALL, 60, 60, WHOLE, 17, 60, true, OUT, false},
    {"first IPv6 fragment has ports", {IPV6(16, 44), 17, 0xff, 0, 1, 0, 0, 0, 1, UDP}, ALL, 56, 56, WHOLE, 17, 56, true, OUT, false},
    {"later IPv6 fragment has none", {IPV6(16, 44), 17, 0, 0, 8, 0, 0, 0, 1, UDP}, ALL, 56, 56, FRAGMENT, 17, 56, false, UNKNOWN, false},
    {"a fragment stops the walk", {IPV6(16, 44), 60, 0, 0, 8, 0, 0, 0, 1, 17, 0}, ALL, 56, 56, FRAGMENT, 60, 56, false, UNKNOWN, false},
    {"chain cut off by the capture", {IPV6(16, 60), 17, 0, 1, 4, 0, 0, 0, 0, UDP}, 47, 56, 56, CUT, 60, 56, false, UNKNOWN, false},
    {"chain that leads out of the datagram", {IPV6(16, 60), 17, 9, 1, 4, 0, 0, 0, 0, UDP}, ALL, 56, 56, CUT, 17, 56, false, UNKNOWN, false},
    {"esp hides the rest", {IPV6(16, 50), 17}, ALL, 56, 56, WHOLE, 50, 56, false, OUT, false},
    {"jumbogram counts its header", {IPV6(0, 0), 17, 0, 0xc2, 4, 0, 1, 0, 0, UDP}, ALL, 56, 65592, WHOLE, 17, 40, true, OUT, false},
    {"IPv6 claims more than the link had", {IPV6(17, 6), TCP(0x02)}, ALL, 56, 56, BAD, 6, 57, false, UNKNOWN, false},
    {"payload length ends within the ports", {IPV6(3, 17), UDP}, ALL, 48, 48, CUT, 17, 43, false, UNKNOWN, false},
};

static const struct row bad_rows[] = {
    {"nothing", {0}, 0, 0, 0, WHOLE, 0, 0, false, OUT, false},
    {"version 0", {0}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"version 5", {0x55}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"version 15", {0xf5}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"IPv4 header cut off", {IPV4(5, 40, 0, 6), TCP(2)}, 19, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"IPv4 options cut off", {IPV4(6, 44, 0, 6), 0, 0, 0, 0, TCP(2)}, 23, 44, 44, WHOLE, 0, 0, false, OUT, false},
    {"IPv4 header too short to be one", {IPV4(4, 40, 0, 6), TCP(2)}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"IPv4 header of no length", {IPV4(0, 40, 0, 6), TCP(2)}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"IPv4 total length below its header", {IPV4(6, 23, 0, 6), TCP(2)}, ALL, 40, 40, WHOLE, 0, 0, false, OUT, false},
    {"IPv6 header cut off", {IPV6(20, 6), TCP(2)}, 39, 60, 60, WHOLE, 0, 0, false, OUT, false},
};
/* clang-format on */

static enum picket_status parse(const struct row *row, bool is_inbound, struct picket_packet *ret)
{
    size_t captured = row->captured == ALL ? row->size : row->captured;

    return picket_packet_parse(row->bytes, captured, row->length, is_inbound, ret);
}

static bool is_as_said(const struct row *row)
{
    struct picket_packet packet;

    return parse(row, false, &packet) == PICKET_OK && packet.kind == row->kind &&
           packet.protocol == row->protocol && packet.bytes == row->counted &&
           packet.has_ports == row->has_ports && packet.opener == row->opener &&
           packet.is_opener_certain == row->is_certain &&
           packet.local_port == (row->has_ports ? 40000 : 0) &&
           packet.peer_port == (row->has_ports ? 443 : 0);
}

TEST(every_datagram_is_read_as_its_row_says)
{
    for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
        if (!is_as_said(&good_rows[i])) {
            printf("row \"%s\"\n", good_rows[i].name);
        }
        CHECK(is_as_said(&good_rows[i]));
    }
}

TEST(what_has_no_usable_header_is_malformed_and_leaves_the_output_alone)
{
    for (size_t i = 0; i < sizeof(bad_rows) / sizeof(bad_rows[0]); i++) {
        struct picket_packet packet = {.bytes = 4711};

        if (parse(&bad_rows[i], false, &packet) != PICKET_E_MALFORMED || packet.bytes != 4711) {
            printf("row \"%s\"\n", bad_rows[i].name);
        }
        CHECK(parse(&bad_rows[i], false, &packet) == PICKET_E_MALFORMED);
        CHECK_UINT(packet.bytes, 4711);
    }
}

TEST(the_way_of_a_packet_turns_peer_and_ports_and_opener)
{
    for (size_t i = 0; i < sizeof(good_rows) / sizeof(good_rows[0]); i++) {
        struct picket_packet out;
        struct picket_packet in;

        CHECK(parse(&good_rows[i], false, &out) == PICKET_OK);
        CHECK(parse(&good_rows[i], true, &in) == PICKET_OK);
        CHECK(in.peer == out.local && in.local == out.peer);
        CHECK_UINT(in.peer_port, out.local_port);
        CHECK_UINT(in.local_port, out.peer_port);
        CHECK_UINT(in.opener, out.opener == UNKNOWN ? UNKNOWN : PICKET_INBOUND - out.opener);
        CHECK_UINT(in.kind, out.kind);
        CHECK_UINT(in.bytes, out.bytes);
    }
}

/* @p count destination options, and udp behind them */
static enum picket_status parse_chain(unsigned count, struct picket_packet *ret)
{
    uint8_t bytes[40 + 8 * 300 + 8] = {IPV6(8 * 300 + 8, 60)};
    size_t size = 40 + 8 * (size_t)count + 8;

    for (unsigned i = 0; i < count; i++) {
        bytes[40 + 8 * i] = i + 1 < count ? 60 : 17;
    }
    bytes[4] = (uint8_t)((size - 40) >> 8);
    bytes[5] = (uint8_t)(size - 40);
    return picket_packet_parse(bytes, size, (uint32_t)size, false, ret);
}

TEST(a_chain_of_extension_headers_is_walked_up_to_its_bound)
{
    struct picket_packet packet;

    CHECK(parse_chain(PICKET_EXTENSION_HEADERS, &packet) == PICKET_OK);
    CHECK_UINT(packet.kind, PICKET_KIND_WHOLE);
    CHECK_UINT(packet.protocol, 17);
    CHECK(parse_chain(PICKET_EXTENSION_HEADERS + 1, &packet) == PICKET_OK);
    CHECK_UINT(packet.kind, PICKET_KIND_CUT);
    CHECK_UINT(packet.protocol, 60);
    CHECK(parse_chain(300, &packet) == PICKET_OK);
    CHECK_UINT(packet.kind, PICKET_KIND_CUT);
    CHECK_UINT(packet.protocol, 60);
}

TEST(the_destination_says_whom_a_packet_was_for)
{
    static const struct {
        uint8_t destination[4];
        enum picket_cast cast;
    } rows[] = {
        {{192, 0, 2, 9}, PICKET_UNICAST},         {{126, 255, 255, 255}, PICKET_UNICAST},
        {{127, 0, 0, 1}, PICKET_LOOPBACK},        {{127, 255, 255, 255}, PICKET_LOOPBACK},
        {{128, 0, 0, 0}, PICKET_UNICAST},         {{223, 255, 255, 255}, PICKET_UNICAST},
        {{224, 0, 0, 0}, PICKET_MULTICAST},       {{239, 255, 255, 255}, PICKET_MULTICAST},
        {{240, 0, 0, 0}, PICKET_UNICAST},         {{255, 255, 255, 254}, PICKET_UNICAST},
        {{255, 255, 255, 255}, PICKET_BROADCAST},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[28] = {IPV4(5, 28, 0, 17), UDP};
        struct picket_packet packet;

        memcpy(bytes + 16, rows[i].destination, 4);
        CHECK(picket_packet_parse(bytes, 28, 28, true, &packet) == PICKET_OK);
        CHECK_UINT(packet.cast, rows[i].cast);
        CHECK(packet.peer == bytes + 12);
    }
}

TEST(the_IPv6_destination_says_whom_a_packet_was_for)
{
    static const struct {
        uint8_t destination[16];
        enum picket_cast cast;
    } rows[] = {
        {{0x20, 1}, PICKET_UNICAST},
        {{0xfe, 0x80, [15] = 1}, PICKET_UNICAST},
        {{0xff, 2, [15] = 1}, PICKET_MULTICAST},
        {{[15] = 1}, PICKET_LOOPBACK},
        {{[15] = 2}, PICKET_UNICAST},
        {{[14] = 1, [15] = 1}, PICKET_UNICAST},
        {{[1] = 1, [15] = 1}, PICKET_UNICAST},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[48] = {IPV6(8, 17), UDP};
        struct picket_packet packet;

        memcpy(bytes + 24, rows[i].destination, 16);
        CHECK(picket_packet_parse(bytes, 48, 48, false, &packet) == PICKET_OK);
        CHECK_UINT(packet.cast, rows[i].cast);
    }
}

TEST_MAIN(TEST_ROW(every_datagram_is_read_as_its_row_says),
          TEST_ROW(what_has_no_usable_header_is_malformed_and_leaves_the_output_alone),
          TEST_ROW(the_way_of_a_packet_turns_peer_and_ports_and_opener),
          TEST_ROW(a_chain_of_extension_headers_is_walked_up_to_its_bound),
          TEST_ROW(the_destination_says_whom_a_packet_was_for),
          TEST_ROW(the_IPv6_destination_says_whom_a_packet_was_for))
