/* SPDX-License-Identifier: MIT */
/* Later fragments count in the flow of their first one, if that was seen before them. */
#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/picket.h"

#define PIECES     3u
#define LAST_BYTES 1048u
#define FULL_BYTES 1480u

static const struct talk dns = {UDP, 40000, 53, 1, false};
static const struct talk dns6 = {UDP, 40000, 53, 1, true};
static const struct talk coap = {UDP, 40001, 5683, 1, false};
static const struct talk coap6 = {UDP, 40001, 5683, 1, true};

/* Bytes that the IP headers of one piece have; a fragment header is one of them. */
static unsigned header_bytes(const struct talk *talk)
{
    return talk->is_ipv6 ? 48 : 20;
}

/* One piece of a datagram with 4,000 bytes of data. Later ones have no ports to be had. */
static void say_piece(struct fixture *fixture, const struct talk *talk,
                      enum picket_direction direction, uint16_t identification, unsigned piece)
{
    static const unsigned sizes[PIECES] = {FULL_BYTES, FULL_BYTES, LAST_BYTES};
    struct talk carrier = *talk;
    uint8_t bytes[1600];
    unsigned header = header_bytes(talk);
    unsigned offset = piece * FULL_BYTES;
    unsigned has_more = piece < PIECES - 1;

    memset(bytes, 0xff, sizeof(bytes));
    if (talk->is_ipv6) {
        carrier.protocol = 44;
        put_ip_header(bytes, &carrier, direction, sizes[piece] + 8);
        memset(bytes + 40, 0, 8);
        bytes[40] = talk->protocol;
        put_u16(bytes + 42, offset | has_more);
        put_u16(bytes + 46, identification);
    } else {
        put_ip_header(bytes, talk, direction, sizes[piece]);
        put_u16(bytes + 4, identification);
        put_u16(bytes + 6, offset / 8 | has_more << 13);
    }
    if (piece == 0) {
        put_u16(bytes + header, direction == IN ? talk->peer_port : talk->local_port);
        put_u16(bytes + header + 2, direction == IN ? talk->local_port : talk->peer_port);
    }
    observe(fixture, direction, bytes, header + sizes[piece], header + sizes[piece]);
}

static const struct picket_flow_record *find_flow(const struct fixture *fixture,
                                                  const struct talk *talk)
{
    for (size_t i = 0; i < fixture->flow_count; i++) {
        const struct picket_flow_record *flow = &fixture->flows[i];

        if (flow->kind == PICKET_KIND_WHOLE && flow->protocol == talk->protocol &&
            (flow->has_peer_port ? flow->peer_port == talk->peer_port
                                 : flow->local_port == talk->local_port)) {
            return flow;
        }
    }
    return NULL;
}

static uint64_t count_fragments(const struct fixture *fixture)
{
    uint64_t packets = 0;

    for (size_t i = 0; i < fixture->flow_count; i++) {
        if (fixture->flows[i].kind == PICKET_KIND_FRAGMENT) {
            packets += fixture->flows[i].packets_in + fixture->flows[i].packets_out;
        }
    }
    return packets;
}

TEST(a_datagram_of_4000_bytes_counts_in_one_flow_whichever_way_it_goes)
{
    static const struct talk *const talks[] = {&dns, &dns6};
    struct fixture f;

    for (size_t i = 0; i < 2; i++) {
        const struct picket_flow_record *flow;
        unsigned bytes = 4008 + PIECES * header_bytes(talks[i]);

        fixture_start(&f, 8, false);
        for (unsigned piece = 0; piece < PIECES; piece++) {
            say_piece(&f, talks[i], OUT, 7, piece);
        }
        for (unsigned piece = 0; piece < PIECES; piece++) {
            say_piece(&f, talks[i], IN, 7, piece);
        }
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 1);
        flow = &f.flows[0];
        CHECK_UINT(flow->kind, PICKET_KIND_WHOLE);
        CHECK_UINT(flow->direction, OUT);
        CHECK_UINT(flow->connections, 1);
        CHECK_UINT(flow->outcome, PICKET_ANSWERED);
        CHECK_UINT(flow->packets_out, 3);
        CHECK_UINT(flow->packets_in, 3);
        CHECK_UINT(flow->bytes_out, bytes);
        CHECK_UINT(flow->bytes_in, bytes);
    }
}

TEST(interleaved_datagrams_in_any_order_behind_their_first_pieces_are_kept_apart)
{
    static const struct talk *const talks[][2] = {{&dns, &coap}, {&dns6, &coap6}};
    struct fixture f;

    for (size_t i = 0; i < 2; i++) {
        fixture_start(&f, 8, false);
        say_piece(&f, talks[i][0], IN, 1, 0);
        say_piece(&f, talks[i][1], IN, 2, 0);
        say_piece(&f, talks[i][0], IN, 1, 2);
        say_piece(&f, talks[i][1], IN, 2, 2);
        say_piece(&f, talks[i][1], IN, 2, 2); /* sent twice */
        say_piece(&f, talks[i][0], IN, 1, 1);
        say_piece(&f, talks[i][1], IN, 2, 1);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 2);
        CHECK(find_flow(&f, talks[i][0]) != NULL && find_flow(&f, talks[i][1]) != NULL);
        CHECK_UINT(find_flow(&f, talks[i][0])->packets_in, 3);
        CHECK_UINT(find_flow(&f, talks[i][1])->packets_in, 4);
    }
}

TEST(a_piece_that_comes_before_the_first_is_a_flow_of_kind_fragment)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say_piece(&f, &dns, IN, 1, 2);
    say_piece(&f, &dns, IN, 1, 1);
    say_piece(&f, &dns, IN, 1, 0);
    say_piece(&f, &dns, IN, 1, 1);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 2);
    CHECK_UINT(count_fragments(&f), 2);
    CHECK_UINT(find_flow(&f, &dns)->packets_in, 2);
    CHECK_UINT(f.bytes, 4008 + 60 + FULL_BYTES + 20);
}

TEST(an_identification_used_again_means_the_datagram_that_began_last)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say_piece(&f, &dns, IN, 5, 0);
    say_piece(&f, &coap, IN, 5, 0); /* another pair of ports, and all else alike */
    say_piece(&f, &dns, IN, 5, 1);
    say_piece(&f, &dns, IN, 5, 2);
    fixture_report(&f);
    CHECK_UINT(find_flow(&f, &dns)->packets_in, 1);
    CHECK_UINT(find_flow(&f, &coap)->packets_in, 3);
}

TEST(pieces_that_differ_in_what_makes_a_datagram_are_not_taken_for_its_own)
{
    static const struct talk others[] = {
        {UDP, 40000, 53, 2, false}, {TCP, 40000, 53, 1, false}, {UDP, 40000, 53, 1, true}};
    struct fixture f;

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        fixture_start(&f, 8, false);
        say_piece(&f, &dns, IN, 5, 0);
        say_piece(&f, &others[i], IN, 5, 1);
        fixture_report(&f);
        CHECK_UINT(count_fragments(&f), 1);
    }
    fixture_start(&f, 8, false);
    say_piece(&f, &dns, IN, 5, 0);
    say_piece(&f, &dns, IN, 6, 1);
    say_piece(&f, &dns, OUT, 5, 1);
    fixture_report(&f);
    CHECK_UINT(count_fragments(&f), 2);
}

TEST(later_pieces_of_ipv6_may_name_another_protocol)
{
    struct talk options = dns6;
    struct fixture f;

    options.protocol = 60; /* of a header that only the first piece has (RFC 8200 §4.5) */
    fixture_start(&f, 8, false);
    say_piece(&f, &dns6, IN, 5, 0);
    say_piece(&f, &options, IN, 5, 1);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].protocol, UDP);
    CHECK_UINT(f.flows[0].packets_in, 2);
}

TEST(a_large_echo_counts_in_one_flow)
{
    static const struct talk ping = {ICMP, 0, 0, 1, false};
    struct fixture f;

    fixture_start(&f, 8, false);
    say_piece(&f, &ping, IN, 5, 0);
    say_piece(&f, &ping, IN, 5, 1);
    say_piece(&f, &ping, IN, 5, 2);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].packets_in, 3);
    CHECK_UINT(f.flows[0].connections, 1);
}

TEST(a_piece_that_comes_a_minute_late_belongs_to_no_flow)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say_piece(&f, &dns, IN, 5, 0);
    f.now_ms += 59000;
    say_piece(&f, &dns, IN, 5, 1);
    f.now_ms += 3000;
    say_piece(&f, &dns, IN, 5, 2);
    fixture_report(&f);
    CHECK_UINT(count_fragments(&f), 1);
    CHECK_UINT(find_flow(&f, &dns)->packets_in, 2);
}

TEST(a_flood_of_first_pieces_costs_the_oldest_and_no_count)
{
    struct fixture f;

    fixture_start(&f, 64, false);
    say_piece(&f, &dns, IN, 5, 0);
    for (uint16_t i = 0; i < 1000; i++) {
        say_piece(&f, &coap, IN, (uint16_t)(1000 + i), 0);
    }
    say_piece(&f, &dns, IN, 5, 1);
    for (uint16_t i = 1000 - PICKET_FRAGMENTS - 1; i < 1000; i++) {
        say_piece(&f, &coap, IN, (uint16_t)(1000 + i), 1);
    }
    fixture_report(&f);
    CHECK_UINT(count_fragments(&f), 2); /* that of dns, and one that was just too old */
    CHECK_UINT(find_flow(&f, &coap)->packets_in, 1000 + PICKET_FRAGMENTS);
    CHECK_UINT(f.packets, 1001 + 1 + PICKET_FRAGMENTS + 1);
    CHECK_UINT(f.bytes, f.packets * (FULL_BYTES + 20));
    CHECK_UINT(f.counters.kept, f.packets);
}

TEST(exact_flows_keep_fragments_apart_unless_told_otherwise)
{
    struct fixture f;

    for (int is_associated = 0; is_associated < 2; is_associated++) {
        fixture_start(&f, 8, true);
        f.agent.is_associating = is_associated;
        for (unsigned piece = 0; piece < PIECES; piece++) {
            say_piece(&f, &dns, IN, 5, piece);
        }
        fixture_report(&f);
        CHECK_UINT(f.flow_count, is_associated ? 1 : 2);
        CHECK_UINT(count_fragments(&f), is_associated ? 0 : 2);
        CHECK_UINT(f.bytes, 4008 + 60);
    }
}

TEST_MAIN(TEST_ROW(a_datagram_of_4000_bytes_counts_in_one_flow_whichever_way_it_goes),
          TEST_ROW(interleaved_datagrams_in_any_order_behind_their_first_pieces_are_kept_apart),
          TEST_ROW(a_piece_that_comes_before_the_first_is_a_flow_of_kind_fragment),
          TEST_ROW(an_identification_used_again_means_the_datagram_that_began_last),
          TEST_ROW(pieces_that_differ_in_what_makes_a_datagram_are_not_taken_for_its_own),
          TEST_ROW(later_pieces_of_ipv6_may_name_another_protocol),
          TEST_ROW(a_large_echo_counts_in_one_flow),
          TEST_ROW(a_piece_that_comes_a_minute_late_belongs_to_no_flow),
          TEST_ROW(a_flood_of_first_pieces_costs_the_oldest_and_no_count),
          TEST_ROW(exact_flows_keep_fragments_apart_unless_told_otherwise))
