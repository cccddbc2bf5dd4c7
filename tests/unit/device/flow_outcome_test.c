/* SPDX-License-Identifier: MIT */
/* Who opened a flow, what became of it, and which packets belong together. */
#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/picket.h"

#define UNKNOWN  PICKET_DIRECTION_UNKNOWN
#define ANSWERED ((uint8_t)PICKET_ANSWERED)
#define REFUSED  ((uint8_t)PICKET_REFUSED)
#define RESET    ((uint8_t)PICKET_RESET)
#define STEPS    6

static const struct talk web = {TCP, 40000, 443, 1, false};
static const struct talk shell = {TCP, 22, 50000, 1, false};
static const struct talk dns = {UDP, 40000, 53, 1, false};
static const struct talk coap = {UDP, 5683, 61000, 1, true};
static const struct talk ntp = {UDP, 123, 123, 1, false};
static const struct talk ping = {ICMP, 0, 0, 1, false};
static const struct talk tunnel = {47, 0, 0, 1, false};

struct step {
    int way; /* 0: the row ends, 1: out, 2: in */
    unsigned sign;
};

/* Packets of one conversation, and the one flow they make. */
struct row {
    const char *name;
    const struct talk *talk;
    struct step steps[STEPS];
    enum picket_direction direction;
    uint8_t outcome;
    uint32_t connections;
};

#define O(sign)                                                                                    \
    {                                                                                              \
        1, (sign)                                                                                  \
    }
#define I(sign)                                                                                    \
    {                                                                                              \
        2, (sign)                                                                                  \
    }

/* clang-format off */
static const struct row rows[] = {
    {"syn without answer", &web, {O(SYN)}, OUT, 0, 1},
    {"syn sent again", &web, {O(SYN), O(SYN), O(SYN)}, OUT, 0, 3},
    {"handshake", &web, {O(SYN), I(SYN | ACK), O(ACK)}, OUT, ANSWERED, 1},
    {"refused", &web, {O(SYN), I(RST | ACK)}, OUT, REFUSED, 1},
    {"reset by the peer after the handshake", &web, {O(SYN), I(SYN | ACK), O(ACK), I(RST)}, OUT, ANSWERED | RESET, 1},
    {"reset by the device after the handshake", &web, {O(SYN), I(SYN | ACK), O(RST)}, OUT, ANSWERED | RESET, 1},
    {"given up before an answer", &web, {O(SYN), O(RST)}, OUT, 0, 1},
    {"refused at first, then accepted", &web, {O(SYN), I(RST | ACK), O(SYN), I(SYN | ACK)}, OUT, ANSWERED | REFUSED, 2},
    {"accepted, then refused", &web, {O(SYN), I(SYN | ACK), O(FIN | ACK), O(SYN), I(RST | ACK)}, OUT, ANSWERED | REFUSED, 2},
    {"first seen at its syn ack", &web, {I(SYN | ACK), O(ACK)}, OUT, ANSWERED, 0},
    {"inbound handshake", &shell, {I(SYN), O(SYN | ACK), I(ACK)}, IN, ANSWERED, 1},
    {"inbound and refused", &shell, {I(SYN), O(RST | ACK)}, IN, REFUSED, 1},
    {"inbound, first seen at its syn ack", &shell, {O(SYN | ACK), I(ACK)}, IN, ANSWERED, 0},
    {"the device opened from the lower port", &shell, {O(SYN), I(SYN | ACK), O(ACK)}, OUT, ANSWERED, 1},
    {"seen from its middle, one way", &web, {O(ACK), O(ACK)}, UNKNOWN, 0, 0},
    {"seen from its middle, both ways", &web, {O(ACK), I(ACK)}, UNKNOWN, ANSWERED, 0},
    {"seen from its middle, then reset", &web, {O(ACK), I(RST)}, UNKNOWN, RESET, 0},
    {"udp question", &dns, {O(0)}, OUT, 0, 1},
    {"udp question and answers", &dns, {O(0), I(0), I(0), O(0)}, OUT, ANSWERED, 1},
    {"udp asked by the peer", &coap, {I(0), O(0)}, IN, ANSWERED, 1},
    {"udp announced from the lower port", &coap, {O(0), I(0), O(0)}, OUT, ANSWERED, 1},
    {"udp with equal ports, asked by the device", &ntp, {O(0), I(0)}, OUT, ANSWERED, 1},
    {"udp with equal ports, asked by the peer", &ntp, {I(0), O(0)}, IN, ANSWERED, 1},
    {"echo", &ping, {O(8), I(0), O(8), I(0)}, OUT, ANSWERED, 1},
    {"echo without reply", &ping, {O(8), O(8)}, OUT, 0, 1},
    {"echo asked by the peer", &ping, {I(8), O(0)}, IN, ANSWERED, 1},
    {"echo first seen at its reply", &ping, {I(0)}, OUT, ANSWERED, 1},
    {"icmp error from the peer", &ping, {I(3)}, IN, 0, 1},
    {"another protocol", &tunnel, {I(0), O(0)}, IN, ANSWERED, 1},
    {"another protocol, the device first", &tunnel, {O(0), I(0)}, OUT, ANSWERED, 1},
};
/* clang-format on */

static void play(struct fixture *fixture, const struct row *row)
{
    for (size_t i = 0; i < STEPS && row->steps[i].way != 0; i++) {
        say(fixture, row->talk, row->steps[i].way == 1 ? OUT : IN, row->steps[i].sign);
    }
}

static bool is_as_said(const struct fixture *fixture, const struct row *row)
{
    const struct picket_flow_record *flow = &fixture->flows[0];

    return !fixture->has_fault && fixture->flow_count == 1 && flow->direction == row->direction &&
           flow->outcome == row->outcome && flow->connections == row->connections &&
           flow->protocol == row->talk->protocol && flow->kind == PICKET_KIND_WHOLE;
}

static void check_rows(unsigned *check_failures, bool is_exact)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        fixture_start(&f, 16, is_exact);
        play(&f, &rows[i]);
        fixture_report(&f);
        if (!is_as_said(&f, &rows[i])) {
            printf("row \"%s\"\n", rows[i].name);
        }
        CHECK(is_as_said(&f, &rows[i]));
    }
}

TEST(packets_of_one_conversation_make_the_flow_their_row_says)
{
    check_rows(check_failures, false);
}

TEST(exact_flows_follow_the_same_rules)
{
    check_rows(check_failures, true);
}

TEST(a_folded_flow_has_the_port_of_the_side_that_did_not_open_it)
{
    struct fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct talk *talk = rows[i].talk;
        bool has_ports = talk->local_port != 0;
        bool is_at_peer = rows[i].direction == OUT || rows[i].direction == UNKNOWN;

        fixture_start(&f, 16, false);
        play(&f, &rows[i]);
        fixture_report(&f);
        CHECK_UINT(f.flows[0].has_peer_port, has_ports && is_at_peer);
        CHECK_UINT(f.flows[0].has_local_port, has_ports && !is_at_peer);
        CHECK_UINT(f.flows[0].peer_port, is_at_peer ? talk->peer_port : 0);
        CHECK_UINT(f.flows[0].local_port, is_at_peer ? 0 : talk->local_port);
        CHECK(!f.flows[0].has_local);
    }
}

TEST(an_exact_flow_has_both_ends)
{
    struct fixture f;

    fixture_start(&f, 16, true);
    say(&f, &coap, IN, 0);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK(f.flows[0].has_local && f.flows[0].has_peer_port && f.flows[0].has_local_port);
    CHECK_UINT(f.flows[0].peer_port, coap.peer_port);
    CHECK_UINT(f.flows[0].local_port, coap.local_port);
    CHECK_UINT(f.flows[0].local[15], 1);
    CHECK_UINT(f.flows[0].peer[5], 1);
}

TEST(a_polling_client_is_one_flow_however_many_ports_it_uses)
{
    struct fixture f;

    fixture_start(&f, 16, false);
    for (uint16_t port = 40000; port < 40060; port++) {
        struct talk poll = {TCP, port, 443, 1, false};

        say(&f, &poll, OUT, SYN);
        say(&f, &poll, IN, SYN | ACK);
        say(&f, &poll, OUT, ACK);
    }
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].connections, 60);
    CHECK_UINT(f.flows[0].packets_out, 120);
    CHECK_UINT(f.flows[0].packets_in, 60);
    CHECK_UINT(f.flows[0].bytes_in, 60 * 40);
}

TEST(exact_flows_differ_in_every_part_of_the_key)
{
    static const struct talk talks[] = {
        {TCP, 40000, 443, 1, false}, {TCP, 40001, 443, 1, false}, {TCP, 40000, 444, 1, false},
        {UDP, 40000, 443, 1, false}, {TCP, 40000, 443, 2, false}, {TCP, 40000, 443, 1, true},
        {TCP, 443, 40000, 1, false},
    };
    size_t count = sizeof(talks) / sizeof(talks[0]);
    struct fixture f;

    fixture_start(&f, 64, true);
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < count; i++) {
            say(&f, &talks[i], OUT, SYN);
        }
    }
    fixture_report(&f);
    CHECK_UINT(f.flow_count, count);
    for (size_t i = 0; i < f.flow_count; i++) {
        CHECK_UINT(f.flows[i].packets_out, 2);
    }
}

TEST(a_connection_that_opens_later_is_told_apart_from_one_of_unknown_opener)
{
    struct fixture f;

    fixture_start(&f, 16, false);
    say(&f, &web, OUT, ACK);
    say(&f, &web, IN, ACK);
    say(&f, &web, OUT, SYN);
    say(&f, &web, IN, SYN | ACK);
    say(&f, &web, OUT, ACK);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 2);
    for (size_t i = 0; i < f.flow_count; i++) {
        bool is_known = f.flows[i].direction == OUT;

        CHECK_UINT(f.flows[i].connections, is_known ? 1 : 0);
        CHECK_UINT(f.flows[i].packets_in + f.flows[i].packets_out, is_known ? 3 : 2);
    }
    say(&f, &web, OUT, ACK); /* goes on as the later one */
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].direction, OUT);
}

TEST(both_sides_may_open_flows_to_each_other)
{
    static const struct talk back = {TCP, 443, 51000, 1, false};
    struct fixture f;

    fixture_start(&f, 16, false);
    say(&f, &web, OUT, SYN);
    say(&f, &back, IN, SYN);
    say(&f, &web, IN, SYN | ACK);
    say(&f, &back, OUT, SYN | ACK);
    say(&f, &web, OUT, ACK);
    say(&f, &back, IN, ACK);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 2);
    CHECK(f.flows[0].direction != f.flows[1].direction);
    for (size_t i = 0; i < f.flow_count; i++) {
        CHECK_UINT(f.flows[i].packets_in + f.flows[i].packets_out, 3);
        CHECK_UINT(f.flows[i].outcome, ANSWERED);
        CHECK_UINT(f.flows[i].has_peer_port, f.flows[i].direction == OUT);
    }
}

/* A UDP packet between port 1900 of peer 1 and port 1900 of @p group or of the device. */
static void say_ssdp(struct fixture *fixture, enum picket_direction direction, bool is_to_group)
{
    static const struct talk ssdp = {UDP, 1900, 1900, 1, false};
    static const uint8_t group[4] = {239, 255, 255, 250};
    uint8_t bytes[40] = {0};

    put_ip_header(bytes, &ssdp, direction, 20);
    if (is_to_group) {
        memcpy(bytes + 16, group, sizeof(group));
    }
    put_u16(bytes + 20, 1900);
    put_u16(bytes + 22, 1900);
    observe(fixture, direction, bytes, sizeof(bytes), sizeof(bytes));
}

TEST(multicast_in_has_its_sender_as_peer_and_a_unicast_answer_belongs_to_it)
{
    struct fixture f;

    fixture_start(&f, 16, false);
    say_ssdp(&f, IN, true);
    say_ssdp(&f, OUT, false);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].cast, PICKET_MULTICAST);
    CHECK_UINT(f.flows[0].direction, IN);
    CHECK_UINT(f.flows[0].peer[0], 192);
    CHECK_UINT(f.flows[0].packets_out, 1);
}

TEST(unicast_does_not_hide_in_a_multicast_flow)
{
    struct fixture f;

    for (int is_answered = 0; is_answered < 2; is_answered++) {
        fixture_start(&f, 16, false);
        say_ssdp(&f, IN, true);
        if (is_answered) {
            say_ssdp(&f, OUT, false);
        }
        say_ssdp(&f, IN, false);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 2);
        CHECK(f.flows[0].cast != f.flows[1].cast);
    }
}

TEST(multicast_out_has_the_group_as_peer)
{
    struct fixture f;

    fixture_start(&f, 16, false);
    say_ssdp(&f, OUT, true);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].cast, PICKET_MULTICAST);
    CHECK_UINT(f.flows[0].direction, OUT);
    CHECK_UINT(f.flows[0].peer[0], 239);
}

TEST_MAIN(TEST_ROW(packets_of_one_conversation_make_the_flow_their_row_says),
          TEST_ROW(exact_flows_follow_the_same_rules),
          TEST_ROW(a_folded_flow_has_the_port_of_the_side_that_did_not_open_it),
          TEST_ROW(an_exact_flow_has_both_ends),
          TEST_ROW(a_polling_client_is_one_flow_however_many_ports_it_uses),
          TEST_ROW(exact_flows_differ_in_every_part_of_the_key),
          TEST_ROW(a_connection_that_opens_later_is_told_apart_from_one_of_unknown_opener),
          TEST_ROW(both_sides_may_open_flows_to_each_other),
          TEST_ROW(multicast_in_has_its_sender_as_peer_and_a_unicast_answer_belongs_to_it),
          TEST_ROW(unicast_does_not_hide_in_a_multicast_flow),
          TEST_ROW(multicast_out_has_the_group_as_peer))
