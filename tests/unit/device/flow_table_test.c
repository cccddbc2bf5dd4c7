/* SPDX-License-Identifier: MIT */
/* A table that is too small, or counters that are: totals stay exact. */
#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/picket.h"

static const struct talk web = {TCP, 40000, 443, 1, false};

/* One SYN to each of @p count peers; TCP and UDP, IPv4 and IPv6 by turns. */
static void sweep(struct fixture *fixture, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        struct talk talk = {i % 2 == 0 ? TCP : UDP, 40000, 443, (uint16_t)(1000 + i), i % 4 > 1};

        say(fixture, &talk, i % 3 == 0 ? IN : OUT, SYN);
    }
}

static void check_counters(unsigned *check_failures, const struct fixture *fixture)
{
    const struct picket_counters *counters = &fixture->counters;

    CHECK_UINT(counters->seen, counters->kept + counters->folded + counters->malformed +
                                   counters->filtered + counters->dropped);
    CHECK_UINT(fixture->packets, counters->kept + counters->folded);
    CHECK(!fixture->has_fault);
}

TEST(ten_thousand_peers_through_64_slots_leave_the_totals_exact)
{
    struct fixture f;

    fixture_start(&f, 64, false);
    sweep(&f, 10000);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 128);
    CHECK_UINT(f.packets, 10000);
    CHECK_UINT(f.bytes, 5000 * 40 + 5000 * 60);
    CHECK_UINT(f.counters.seen, 10000);
    CHECK_UINT(f.counters.kept, 128);
    CHECK_UINT(f.counters.folded, 10000 - 128);
    check_counters(check_failures, &f);
}

TEST(the_remainder_is_kept_by_class_and_way)
{
    static const uint8_t protocols[] = {TCP, UDP, ICMP, ICMPV6, 47};
    static const enum picket_remainder_class classes[] = {
        PICKET_REMAINDER_TCP, PICKET_REMAINDER_UDP, PICKET_REMAINDER_ICMP, PICKET_REMAINDER_ICMP,
        PICKET_REMAINDER_OTHER};
    struct fixture f;

    for (size_t i = 0; i < sizeof(protocols); i++) {
        struct talk talk = {protocols[i], 40000, 443, 1, false};
        const struct picket_remainder *remainder = &f.first.remainder[classes[i]];

        fixture_start(&f, 0, false);
        say(&f, &talk, OUT, SYN);
        say(&f, &talk, OUT, SYN);
        say(&f, &talk, IN, SYN | ACK);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 0);
        CHECK_UINT(remainder->packets_out, 2);
        CHECK_UINT(remainder->bytes_out, 80);
        CHECK_UINT(remainder->packets_in, 1);
        CHECK_UINT(remainder->bytes_in, 40);
        CHECK_UINT(remainder->connections, protocols[i] == TCP ? 2 : 0);
        CHECK_UINT(f.packets, 3);
        check_counters(check_failures, &f);
    }
}

TEST(connections_of_flows_that_gave_way_are_in_the_remainder)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    for (uint16_t i = 0; i < 500; i++) {
        struct talk talk = {i % 2 == 0 ? TCP : UDP, 40000, 443, i, false};

        say(&f, &talk, OUT, SYN);
    }
    fixture_report(&f);
    CHECK_UINT(f.connections, 500);
    CHECK_UINT(f.flow_count, 8);
}

TEST(a_full_table_goes_on_counting_the_flows_it_has)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    say(&f, &web, IN, SYN | ACK);
    for (uint16_t i = 0; i < 1000; i++) {
        struct talk scan = {TCP, 40000, 80, (uint16_t)(i + 2), false};

        say(&f, &scan, OUT, SYN);
        say(&f, &web, OUT, ACK);
    }
    fixture_report(&f);
    for (size_t i = 0; i < f.flow_count; i++) {
        if (f.flows[i].peer_port == 443) {
            CHECK_UINT(f.flows[i].packets_out, 1001);
            CHECK_UINT(f.flows[i].connections, 1);
            CHECK_UINT(f.flows[i].outcome, PICKET_ANSWERED);
        }
    }
    CHECK_UINT(f.flow_count, 8);
    CHECK_UINT(f.packets, 2002);
    CHECK_UINT(f.counters.folded, 1000 - 7);
}

/* Fills a table of 2 slots with two talks, then a third: which of the two is gone? */
static uint16_t find_loser(struct fixture *fixture, const struct talk *third)
{
    bool is_there[3] = {false};

    say(fixture, third, OUT, SYN);
    fixture_report(fixture);
    for (size_t i = 0; i < fixture->flow_count; i++) {
        uint8_t peer = fixture->flows[i].peer[3];

        is_there[peer < 3 ? peer : 0] = true;
    }
    return is_there[1] ? 2 : 1;
}

TEST(the_unanswered_flow_gives_way_before_the_answered)
{
    static const struct talk talks[2] = {{TCP, 40000, 443, 1, false}, {TCP, 40000, 443, 2, false}};
    static const struct talk third = {TCP, 40000, 443, 3, false};
    struct fixture f;

    for (uint16_t answered = 0; answered < 2; answered++) {
        const struct talk *other = &talks[1 - answered];

        fixture_start(&f, 2, false);
        say(&f, &talks[answered], OUT, SYN);
        for (int i = 0; i < 10; i++) {
            say(&f, other, OUT, SYN);
        }
        say(&f, &talks[answered], IN, SYN | ACK);
        CHECK_UINT(find_loser(&f, &third), other->peer);
    }
}

TEST(of_two_unanswered_flows_the_one_with_fewer_packets_gives_way)
{
    static const struct talk talks[2] = {{TCP, 40000, 443, 1, false}, {TCP, 40000, 443, 2, false}};
    static const struct talk third = {TCP, 40000, 443, 3, false};
    struct fixture f;

    for (uint16_t heavy = 0; heavy < 2; heavy++) {
        fixture_start(&f, 2, false);
        say(&f, &talks[0], OUT, SYN);
        say(&f, &talks[1], OUT, SYN);
        say(&f, &talks[heavy], OUT, SYN);
        CHECK_UINT(find_loser(&f, &third), talks[1 - heavy].peer);
    }
}

TEST(a_flood_of_single_packets_pushes_out_nothing_but_itself)
{
    struct fixture f;
    unsigned repeated = 0;

    fixture_start(&f, 64, false);
    for (uint16_t i = 0; i < 2 * 30; i++) { /* two packets each, and no answer */
        struct talk talk = {UDP, 40000, 514, (uint16_t)(i / 2), false};

        say(&f, &talk, OUT, 0);
    }
    sweep(&f, 5000);
    fixture_report(&f);
    for (size_t i = 0; i < f.flow_count; i++) {
        repeated += f.flows[i].peer_port == 514 && f.flows[i].packets_out == 2;
    }
    CHECK_UINT(repeated, 30);
    CHECK_UINT(f.packets, 5060);
    check_counters(check_failures, &f);
}

TEST(a_flood_does_not_push_out_one_packet_that_is_an_answer)
{
    struct fixture f;
    unsigned kept = 0;

    fixture_start(&f, 64, false);
    for (uint16_t i = 0; i < 20; i++) {
        struct talk talk = {TCP, 40000, 8883, i, false};

        say(&f, &talk, OUT, SYN);
        say(&f, &talk, IN, SYN | ACK);
    }
    fixture_report(&f);
    for (uint16_t i = 0; i < 20; i++) {
        struct talk talk = {TCP, 40000, 8883, i, false};

        say(&f, &talk, IN, ACK);
    }
    sweep(&f, 5000);
    fixture_report(&f);
    for (size_t i = 0; i < f.flow_count; i++) {
        kept += f.flows[i].peer_port == 8883;
    }
    CHECK_UINT(kept, 20);
}

TEST(a_flow_that_is_only_remembered_gives_way_first)
{
    static const struct talk talks[2] = {{TCP, 40000, 443, 1, false}, {TCP, 40000, 443, 2, false}};
    static const struct talk third = {TCP, 40000, 443, 3, false};
    struct fixture f;

    for (uint16_t idle = 0; idle < 2; idle++) {
        fixture_start(&f, 2, false);
        say(&f, &talks[0], OUT, SYN);
        say(&f, &talks[1], OUT, SYN);
        say(&f, &talks[idle], IN, SYN | ACK);
        fixture_report(&f);
        say(&f, &talks[1 - idle], OUT, SYN);
        say(&f, &third, OUT, SYN);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 2);
        CHECK_UINT(f.counters.folded, 0);
    }
}

TEST(flows_of_a_report_under_way_never_give_way)
{
    uint8_t bytes[4096];
    size_t length = 0;
    struct fixture f;

    fixture_start(&f, 64, false);
    sweep(&f, 1000);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    sweep(&f, 1000);
    fixture_drain(&f, 4096);
    CHECK_UINT(f.packets, 1000);
    CHECK_UINT(f.flow_count, 128);
    fixture_report(&f);
    CHECK_UINT(f.packets, 1000);
    CHECK_UINT(f.counters.seen, 1000);
    CHECK(!f.has_fault);
}

TEST(tables_of_any_size_keep_totals_exact)
{
    struct fixture f;

    for (size_t slots = 0; slots < 20; slots++) {
        fixture_start(&f, slots, slots % 2 == 1);
        sweep(&f, 300);
        fixture_report(&f);
        CHECK_UINT(f.packets, 300);
        CHECK(f.flow_count <= 2 * slots);
        check_counters(check_failures, &f);
    }
}

/* A segment of @p bytes that the network card is to cut: its total length is 0. */
static void say_large(struct fixture *fixture, enum picket_direction direction, size_t bytes)
{
    uint8_t header[40] = {0};

    put_ip_header(header, &web, direction, 20);
    put_u16(header + 2, 0);
    put_u16(header + 20, direction == IN ? web.peer_port : web.local_port);
    put_u16(header + 22, direction == IN ? web.local_port : web.peer_port);
    observe(fixture, direction, header, sizeof(header), bytes);
}

TEST(byte_counters_that_would_overflow_are_moved_to_the_remainder_first)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    for (int i = 0; i < 5; i++) {
        say_large(&f, OUT, 3000000000u);
        say_large(&f, IN, 1000000000u);
    }
    fixture_report(&f);
    CHECK_UINT(f.bytes, 20000000000u);
    CHECK_UINT(f.packets, 10);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.first.heartbeat.flow_count, 1);
    CHECK_UINT(f.counters.folded, 8);
    check_counters(check_failures, &f);
}

TEST(a_known_conversation_does_not_overflow_the_byte_counter_either)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, ACK);
    say_large(&f, OUT, UINT32_MAX - 90);
    for (int i = 0; i < 10; i++) {
        say(&f, &web, OUT, ACK);
    }
    fixture_report(&f);
    CHECK_UINT(f.bytes, 11 * 40 + (uint64_t)UINT32_MAX - 90);
    CHECK_UINT(f.flow_count, 1);
    CHECK(f.counters.folded > 0);
    check_counters(check_failures, &f);
}

TEST(a_connection_counter_that_would_overflow_is_moved_to_the_remainder_first)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    for (int i = 0; i < 65535 + 10; i++) {
        say(&f, &web, OUT, SYN);
    }
    fixture_report(&f);
    CHECK_UINT(f.connections, 65545);
    CHECK_UINT(f.packets, 65545);
    CHECK_UINT(f.flow_count, 1);
    check_counters(check_failures, &f);
}

/* How many of 20 times @p count flows find no slot in a table of 64. */
static unsigned count_lost(uint16_t count)
{
    unsigned lost = 0;
    struct fixture f;

    for (uint16_t round = 0; round < 20; round++) {
        fixture_start(&f, 64, false);
        for (uint16_t i = 0; i < count; i++) {
            struct talk talk = {TCP, 40000, 443, (uint16_t)(round * 256 + i), round % 2 == 1};

            say(&f, &talk, OUT, SYN);
        }
        fixture_report(&f);
        lost += count - (unsigned)f.flow_count;
    }
    return lost;
}

TEST(a_table_keeps_nearly_as_many_flows_as_it_has_slots)
{
    CHECK_UINT(count_lost(32), 0);
    CHECK(count_lost(48) < 20 * 48 / 200);
    CHECK(count_lost(58) < 20 * 58 / 50);
    CHECK(count_lost(64) < 20 * 64 / 20);
    CHECK(count_lost(64) > 0);
}

TEST_MAIN(TEST_ROW(ten_thousand_peers_through_64_slots_leave_the_totals_exact),
          TEST_ROW(the_remainder_is_kept_by_class_and_way),
          TEST_ROW(connections_of_flows_that_gave_way_are_in_the_remainder),
          TEST_ROW(a_full_table_goes_on_counting_the_flows_it_has),
          TEST_ROW(the_unanswered_flow_gives_way_before_the_answered),
          TEST_ROW(of_two_unanswered_flows_the_one_with_fewer_packets_gives_way),
          TEST_ROW(a_flood_of_single_packets_pushes_out_nothing_but_itself),
          TEST_ROW(a_flood_does_not_push_out_one_packet_that_is_an_answer),
          TEST_ROW(a_flow_that_is_only_remembered_gives_way_first),
          TEST_ROW(flows_of_a_report_under_way_never_give_way),
          TEST_ROW(tables_of_any_size_keep_totals_exact),
          TEST_ROW(byte_counters_that_would_overflow_are_moved_to_the_remainder_first),
          TEST_ROW(a_known_conversation_does_not_overflow_the_byte_counter_either),
          TEST_ROW(a_connection_counter_that_would_overflow_is_moved_to_the_remainder_first),
          TEST_ROW(a_table_keeps_nearly_as_many_flows_as_it_has_slots))
