/* SPDX-License-Identifier: MIT */
/* The shortcut for plain packets, and that for known conversations, change no result. */
#include "plain.h"

#include "agent_fixture.h"
#include "harness/check.h"
#include "packet.h"
#include "picket/picket.h"

#define ROUNDS 200000u

/* A generator of its own (xorshift), so that every run and platform sees the same packets. */
static uint32_t roll(uint32_t *state, uint32_t sides)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (uint32_t)((uint64_t)*state * sides >> 32);
}

static bool is_same(const struct picket_packet *a, const struct picket_packet *b)
{
    return a->peer == b->peer && a->local == b->local && a->bytes == b->bytes &&
           a->peer_port == b->peer_port && a->local_port == b->local_port &&
           a->protocol == b->protocol && a->cast == b->cast && a->kind == b->kind &&
           a->tcp_flags == b->tcp_flags && a->has_ports == b->has_ports &&
           a->is_opener_certain == b->is_opener_certain && a->address_bytes == b->address_bytes &&
           a->direction == b->direction && a->opener == b->opener &&
           a->is_fragmented == b->is_fragmented && a->identification == b->identification;
}

/* A packet of few peers and ports; @p flaws of its bytes are anything. Returns its size. */
static size_t invent(uint32_t *state, unsigned flaws, enum picket_direction direction,
                     uint8_t bytes[64])
{
    static const uint8_t protocols[] = {TCP, TCP, TCP, UDP, UDP, ICMP, ICMPV6, 44};
    struct talk talk = {protocols[roll(state, sizeof(protocols))], (uint16_t)(1 + roll(state, 3)),
                        (uint16_t)(1 + roll(state, 3)), (uint16_t)roll(state, 12),
                        roll(state, 2) == 1};
    size_t header = put_ip_header(bytes, &talk, direction, 20);

    memset(bytes + header, 0, 20);
    put_u16(bytes + header, direction == IN ? talk.peer_port : talk.local_port);
    put_u16(bytes + header + 2, direction == IN ? talk.local_port : talk.peer_port);
    bytes[header + 13] = (uint8_t)(roll(state, 4) == 0 ? roll(state, 32) : ACK);
    if (roll(state, 16) == 0) { /* to everyone, to a group, to oneself */
        static const uint8_t firsts[] = {0xff, 0xe0, 0x7f, 0};

        bytes[talk.is_ipv6 ? 24 : 16] = firsts[roll(state, sizeof(firsts))];
    }
    for (unsigned i = 0; i < flaws; i++) {
        bytes[roll(state, (uint32_t)header + 20)] = (uint8_t)roll(state, 256);
    }
    return header + 20;
}

static bool read_plain(const struct picket_datagram *datagram, struct picket_plain *ret)
{
    const uint8_t *header = datagram->spans[0].bytes;
    bool is_ipv4 = picket_plain_is_ipv4(header);

    *ret = picket_plain_at(header, is_ipv4, datagram->direction == IN);
    return picket_plain_is_there(datagram) &&
           (is_ipv4 ? picket_plain_is_good_ipv4(datagram) : picket_plain_is_good_ipv6(datagram)) &&
           picket_plain_kind(header, is_ipv4) != PICKET_PLAIN_OTHER;
}

TEST(a_plain_packet_is_read_as_the_parser_reads_it)
{
    uint32_t state = 0x2545f491u;
    unsigned taken = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        enum picket_direction direction = (enum picket_direction)roll(&state, 2);
        uint8_t bytes[64];
        size_t size = invent(&state, roll(&state, 3), direction, bytes);
        struct picket_span span = {bytes, roll(&state, 8) == 0 ? roll(&state, 61) : size};
        struct picket_datagram datagram = {direction, &span, 1, span.length + roll(&state, 3)};
        struct picket_packet expected;
        struct picket_packet packet;
        struct picket_plain plain;

        if (!read_plain(&datagram, &plain)) {
            continue;
        }
        taken++;
        packet = picket_plain_packet(&plain);
        CHECK(picket_packet_parse(bytes, span.length, (uint32_t)datagram.length, direction == IN,
                                  &expected) == PICKET_OK);
        CHECK(is_same(&packet, &expected));
    }
    CHECK(taken > ROUNDS / 4);
}

/* What the two say must be the same, byte for byte. */
static void check_reports(unsigned *check_failures, struct fixture *a, struct fixture *b)
{
    static uint8_t bytes[2][PICKET_REPORT_BYTES_MAX];
    size_t lengths[2] = {0, 0};

    CHECK(picket_seal_window(&a->agent) == PICKET_OK && picket_seal_window(&b->agent) == PICKET_OK);
    CHECK(picket_build_report(&a->agent, bytes[0], sizeof(bytes[0]), &lengths[0]) == PICKET_OK);
    CHECK(picket_build_report(&b->agent, bytes[1], sizeof(bytes[1]), &lengths[1]) == PICKET_OK);
    CHECK_UINT(lengths[0], lengths[1]);
    CHECK(memcmp(bytes[0], bytes[1], lengths[0]) == 0);
    CHECK(picket_confirm_report(&a->agent) == PICKET_OK);
    CHECK(picket_confirm_report(&b->agent) == PICKET_OK);
}

TEST(a_known_conversation_counts_as_if_it_were_looked_up)
{
    static const size_t slots[] = {1, 8, 11, 64};
    uint32_t state = 0x9e3779b9u;
    struct fixture a;
    struct fixture b;

    for (unsigned round = 0; round < ROUNDS / 100; round++) {
        bool is_exact = round % 8 == 0;

        if (round % 10 == 0) {
            fixture_start(&a, slots[round / 10 % 4], is_exact);
            fixture_start(&b, slots[round / 10 % 4], is_exact);
        }
        for (unsigned i = 0; i < 100; i++) {
            enum picket_direction direction = (enum picket_direction)roll(&state, 2);
            uint8_t bytes[64];
            size_t size = invent(&state, roll(&state, 10) == 0, direction, bytes);
            struct picket_span cut[2] = {{bytes, 1}, {bytes + 1, size - 1}};

            observe(&a, direction, bytes, size, size);
            picket_observe(&b.agent, &(struct picket_datagram){direction, cut, 2, size});
        }
        a.now_ms += 1000;
        b.now_ms += 1000;
        check_reports(check_failures, &a, &b);
    }
}

/* UDP between port 1900 of the device and 2000 of a peer; in to a group if it @p is_to_group. */
static void say_to_both(struct fixture *a, struct fixture *b, uint16_t peer,
                        enum picket_direction direction, bool is_to_group)
{
    struct talk talk = {UDP, 1900, 2000, peer, false};
    uint8_t bytes[64] = {0};
    size_t size = put_ip_header(bytes, &talk, direction, 20) + 20;
    struct picket_span cut[2] = {{bytes, 1}, {bytes + 1, size - 1}};

    if (is_to_group) {
        bytes[16] = 239;
    }
    put_u16(bytes + 20, direction == IN ? 2000 : 1900);
    put_u16(bytes + 22, direction == IN ? 1900 : 2000);
    observe(a, direction, bytes, size, size);
    picket_observe(&b->agent, &(struct picket_datagram){direction, cut, 2, size});
}

TEST(a_new_flow_to_a_group_gets_the_answers_that_a_look_up_would_give_it)
{
    struct fixture a;
    struct fixture b;

    fixture_start(&a, 64, false);
    fixture_start(&b, 64, false);
    for (uint16_t peer = 1; peer < 30; peer++) {
        say_to_both(&a, &b, peer, IN, false);
        say_to_both(&a, &b, peer, OUT, false);
        say_to_both(&a, &b, peer, IN, true);
        say_to_both(&a, &b, peer, OUT, false);
    }
    check_reports(check_failures, &a, &b);
}

TEST(an_answer_goes_to_the_unicast_flow_before_one_to_a_group)
{
    struct fixture a;
    struct fixture b;

    for (uint16_t peer = 1; peer < 30; peer++) {
        fixture_start(&a, 64, false);
        fixture_start(&b, 64, false);
        say_to_both(&a, &b, peer, IN, true);
        for (int i = 0; i < 3; i++) {
            say_to_both(&a, &b, peer, IN, false);
            say_to_both(&a, &b, peer, OUT, false);
        }
        check_reports(check_failures, &a, &b);
        fixture_start(&a, 64, false);
        say_to_both(&a, &b, peer, IN, true);
        say_to_both(&a, &b, peer, IN, false);
        say_to_both(&a, &b, peer, OUT, false);
        fixture_report(&a);
        CHECK_UINT(a.flow_count, 2);
        for (size_t i = 0; i < a.flow_count; i++) {
            CHECK_UINT(a.flows[i].packets_out, a.flows[i].cast == PICKET_UNICAST);
        }
    }
}

TEST_MAIN(TEST_ROW(a_plain_packet_is_read_as_the_parser_reads_it),
          TEST_ROW(a_known_conversation_counts_as_if_it_were_looked_up),
          TEST_ROW(a_new_flow_to_a_group_gets_the_answers_that_a_look_up_would_give_it),
          TEST_ROW(an_answer_goes_to_the_unicast_flow_before_one_to_a_group))
