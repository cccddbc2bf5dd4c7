/* SPDX-License-Identifier: MIT */
/* Windows, reports in parts, retries, and time. */
#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/picket.h"

#define DAY_MS 86400000u

static const struct talk web = {TCP, 40000, 443, 1, false};
static const struct talk dns = {UDP, 40000, 53, 1, true};

/* @p count flows of IPv4 and as many of IPv6, two packets each */
static void fill(struct fixture *fixture, uint16_t count)
{
    for (uint16_t i = 0; i < count; i++) {
        struct talk talk = {TCP, 40000, 443, (uint16_t)(i + 1), false};

        say(fixture, &talk, OUT, SYN);
        say(fixture, &talk, IN, SYN | ACK);
        talk.is_ipv6 = true;
        say(fixture, &talk, OUT, SYN);
        say(fixture, &talk, IN, SYN | ACK);
    }
}

TEST(nothing_is_due_before_the_interval_is_over)
{
    uint8_t bytes[512];
    size_t length = 99;
    struct fixture f;

    fixture_start(&f, 8, false);
    CHECK_UINT(picket_next_report_ms(&f.agent), 60000);
    f.now_ms += 59999;
    CHECK_UINT(picket_next_report_ms(&f.agent), 1);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_E_EMPTY);
    CHECK_UINT(length, 99);
    f.now_ms += 1;
    CHECK_UINT(picket_next_report_ms(&f.agent), 0);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.agent), 0); /* it waits to be confirmed */
    CHECK(picket_confirm_report(&f.agent) == PICKET_OK);
    CHECK_UINT(picket_next_report_ms(&f.agent), 60000);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_E_EMPTY);
}

TEST(the_head_says_when_the_window_was_and_how_the_agent_is_set)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    f.now_ms += 60000;
    f.clock_ms = 1700000000000;
    say(&f, &web, OUT, SYN);
    fixture_drain(&f, 4096);
    CHECK_UINT(f.first.boot, 7);
    CHECK_UINT(f.first.sequence, 1);
    CHECK_UINT(f.first.window_start_ms, 1000);
    CHECK_UINT(f.first.window_ms, 60000);
    CHECK_UINT(f.first.built_ms, 61000);
    CHECK_UINT(f.first.intervals, 1);
    CHECK(f.first.has_clock && f.first.has_heartbeat && f.first.has_system);
    CHECK_UINT(f.first.clock_ms, 1700000000000 - 60000);
    CHECK_UINT(f.first.heartbeat.interval_ms, 60000);
    CHECK_UINT(f.first.heartbeat.flow_capacity, 16);
    CHECK_UINT(f.first.heartbeat.flow_count, 1);
    CHECK_UINT(f.first.system.os.length, 10);
    CHECK(!f.has_fault && !f.first.has_more);
}

TEST(the_system_is_told_at_boot_and_then_once_a_day)
{
    unsigned told = 0;
    struct fixture f;

    fixture_start(&f, 8, false);
    for (uint32_t hour = 1; hour <= 4 * 24; hour++) {
        f.now_ms = 1000 + hour * 3600000u;
        fixture_drain(&f, 4096);
        told += f.first.has_system;
        CHECK(f.first.has_heartbeat);
        CHECK(hour != 1 || told == 1);
    }
    CHECK_UINT(f.reports, 96);
    CHECK_UINT(told, 1 + 4);
    CHECK(!f.has_fault);
}

TEST(the_firmware_is_told_by_its_hash_its_bill_of_materials_and_its_hardening)
{
    static const uint8_t digest[PICKET_SHA256_BYTES] = {[0] = 0xaa, [31] = 0xbb};
    struct fixture f = {.now_ms = 1000};
    struct picket_config config = fixture_config(&f, 8, false);
    struct picket_port port = fixture_port(&f);
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint8_t bytes[1024];
    size_t length = 0;
    uint32_t count;

    config.system.sbom = (struct picket_text){"urn:uuid:1", 10};
    config.system.firmware_sha256 = digest;
    config.system.hardening_known = PICKET_HARDENING_MEMORY_PROTECTION;
    CHECK(picket_init(&f.agent, &config, &port) == PICKET_OK);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(picket_report_open(&reader, bytes, length, &head, &count) == PICKET_OK);
    CHECK_UINT(head.system.sbom.length, 10);
    CHECK(memcmp(head.system.firmware_sha256, digest, sizeof(digest)) == 0);
    CHECK_UINT(head.system.hardening_known, PICKET_HARDENING_MEMORY_PROTECTION);
    CHECK_UINT(head.system.hardening_on, 0);
}

TEST(flow_times_are_offsets_into_the_window)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    f.now_ms += 1500;
    say(&f, &web, OUT, SYN);
    f.now_ms += 2500;
    say(&f, &web, IN, SYN | ACK);
    f.now_ms += 6000;
    fixture_report(&f);
    CHECK_UINT(f.flows[0].first_ms, 1500);
    CHECK_UINT(f.flows[0].last_ms, 4000);
    CHECK_UINT(f.first.window_ms, 10000);
    say(&f, &web, OUT, ACK);
    f.now_ms += 100;
    fixture_report(&f);
    CHECK_UINT(f.flows[0].first_ms, 0);
    CHECK_UINT(f.flows[0].last_ms, 0);
    CHECK_UINT(f.first.window_start_ms, 11000);
}

TEST(port_time_may_wrap_within_a_window)
{
    struct fixture f;

    CHECK(fixture_start_at(&f, 8, false, 0xfffffc18u) == PICKET_OK); /* 1,000 ms to go */
    f.now_ms += 500;
    say(&f, &web, OUT, SYN);
    f.now_ms += 1500;
    say(&f, &web, IN, SYN | ACK);
    f.now_ms += 58000;
    fixture_drain(&f, 4096);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].first_ms, 500);
    CHECK_UINT(f.flows[0].last_ms, 2000);
    CHECK_UINT(f.first.window_start_ms, 0xfffffc18u);
    f.now_ms += 60000;
    fixture_drain(&f, 4096);
    CHECK_UINT(f.first.window_start_ms, 0xfffffc18u + UINT64_C(60000));
    CHECK(!f.has_fault);
}

TEST(a_clock_that_is_set_back_stands_still)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    f.now_ms = 50000;
    say(&f, &web, OUT, SYN);
    f.now_ms = 20000;
    say(&f, &web, IN, SYN | ACK);
    fixture_report(&f);
    CHECK_UINT(f.first.window_ms, 49000);
    CHECK_UINT(f.flows[0].first_ms, 49000);
    CHECK_UINT(f.flows[0].last_ms, 49000);
}

TEST(the_intervals_of_a_window_are_rounded_and_at_least_one)
{
    static const struct {
        uint32_t elapsed_ms;
        uint32_t intervals;
    } rows[] = {{0, 1}, {1, 1}, {59999, 1}, {89999, 1}, {90000, 2}, {150000, 3}, {6000000, 100}};
    struct fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fixture_start(&f, 8, false);
        f.now_ms += rows[i].elapsed_ms;
        fixture_report(&f);
        CHECK_UINT(f.first.intervals, rows[i].intervals);
    }
}

TEST(a_window_longer_than_its_limit_is_cut_at_its_beginning)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    for (int day = 0; day < 40; day++) {
        f.now_ms += DAY_MS;
        CHECK_UINT(picket_next_report_ms(&f.agent), 0);
    }
    say(&f, &web, OUT, SYN);
    say(&f, &dns, OUT, 0);
    fixture_drain(&f, 4096);
    CHECK_UINT(f.first.window_ms, PICKET_WINDOW_MS_MAX);
    CHECK_UINT(f.first.window_start_ms + f.first.window_ms, 1000 + UINT64_C(40) * DAY_MS);
    CHECK_UINT(f.flow_count, 2);
    CHECK_UINT(f.flows[0].first_ms, 0);
    CHECK_UINT(f.flows[0].last_ms, PICKET_WINDOW_MS_MAX);
    CHECK_UINT(f.flows[1].first_ms, PICKET_WINDOW_MS_MAX);
}

TEST(times_that_have_wrapped_stay_in_order)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    for (int day = 0; day < 60; day++) {
        f.now_ms += DAY_MS;
        CHECK_UINT(picket_next_report_ms(&f.agent), 0);
        if (day == 35) {
            say(&f, &web, OUT, SYN);
        }
    }
    fixture_drain(&f, 4096);
    CHECK_UINT(f.flow_count, 1);
    CHECK(f.flows[0].first_ms <= f.flows[0].last_ms);
}

/* The first part is built for @p capacity bytes, and then again with more and with less room. */
static void check_rebuild(unsigned *check_failures, size_t capacity)
{
    uint8_t first[4096];
    uint8_t again[8192];
    size_t first_length = 0;
    size_t again_length = 0;
    struct fixture f;

    fixture_start(&f, 128, false);
    fill(&f, 20);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.agent, first, capacity, &first_length) == PICKET_OK);
    fill(&f, 30); /* the next window goes on beside it */
    CHECK(picket_build_report(&f.agent, again, first_length - 1, &again_length) == PICKET_E_SPACE);
    CHECK(picket_build_report(&f.agent, again, sizeof(again), &again_length) == PICKET_OK);
    CHECK_UINT(again_length, first_length);
    CHECK(memcmp(first, again, first_length) == 0);
    CHECK(picket_confirm_report(&f.agent) == PICKET_OK);
    CHECK(picket_confirm_report(&f.agent) == PICKET_E_STATE);
    fixture_read(&f, first, first_length);
    fixture_drain(&f, capacity);
    CHECK_UINT(f.flow_count, 40);
    CHECK_UINT(f.packets, 80);
    CHECK(!f.has_fault);
}

TEST(a_report_built_again_is_the_same_report)
{
    for (size_t capacity = 250; capacity < 1500; capacity += 50) {
        check_rebuild(check_failures, capacity);
    }
}

TEST(a_report_that_fitted_fits_again_whatever_time_has_passed)
{
    uint8_t buffer[1500];
    size_t length = 0;
    struct fixture f;

    for (size_t capacity = 250; capacity < sizeof(buffer); capacity++) {
        fixture_start(&f, 128, false);
        fill(&f, 24);
        CHECK(picket_seal_window(&f.agent) == PICKET_OK);
        CHECK(picket_build_report(&f.agent, buffer, capacity, &length) == PICKET_OK);
        f.clock_ms = 1700000000000; /* known only now, and days later */
        f.now_ms += 500000000;
        CHECK(picket_build_report(&f.agent, buffer, capacity, &length) == PICKET_OK);
    }
}

TEST(a_window_goes_out_in_as_many_parts_as_the_buffer_asks_for)
{
    size_t smallest = 0;
    struct fixture f;

    for (size_t capacity = 100; capacity < 1000; capacity += 13) {
        fixture_start(&f, 128, false);
        fill(&f, 24);
        CHECK(picket_seal_window(&f.agent) == PICKET_OK);
        fixture_drain(&f, capacity);
        if (f.reports == 0) {
            CHECK(smallest == 0); /* once it fits, it fits with more room too */
            continue;
        }
        smallest = smallest == 0 ? capacity : smallest;
        CHECK(f.reports > 1);
        CHECK_UINT(f.flow_count, 48);
        CHECK_UINT(f.packets, 96);
        CHECK_UINT(f.counters.seen, 96);
        CHECK(!f.has_fault);
        CHECK_UINT(f.last_sequence, f.reports);
    }
    CHECK(smallest > 0 && smallest < 300);
}

TEST(only_the_last_part_says_that_no_more_follow)
{
    uint8_t bytes[400];
    size_t length = 0;
    uint32_t part = 0;
    struct picket_report_reader reader;
    struct picket_report_head head = {.has_more = true};
    uint32_t count;
    struct fixture f;

    fixture_start(&f, 64, false);
    fill(&f, 24);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    while (picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_OK) {
        CHECK(head.has_more);
        CHECK(picket_report_open(&reader, bytes, length, &head, &count) == PICKET_OK);
        CHECK_UINT(head.part, part++);
        CHECK_UINT(head.window_start_ms, 1000);
        CHECK(head.has_counters == (head.part == 0) && head.has_system == (head.part == 0));
        CHECK(picket_seal_window(&f.agent) == PICKET_E_STATE);
        CHECK(picket_confirm_report(&f.agent) == PICKET_OK);
    }
    CHECK(!head.has_more && part > 2);
    fixture_report(&f);
    CHECK_UINT(f.first.part, 0); /* the next window begins anew */
}

TEST(a_buffer_too_small_loses_nothing)
{
    uint8_t bytes[600];
    size_t length = 0;
    struct fixture f;

    fixture_start(&f, 8, false);
    fill(&f, 3);
    f.now_ms += 60000;
    for (size_t capacity = 0; capacity < 100; capacity++) {
        CHECK(picket_build_report(&f.agent, bytes, capacity, &length) == PICKET_E_SPACE);
        CHECK(picket_confirm_report(&f.agent) == PICKET_E_STATE);
    }
    fixture_drain(&f, sizeof(bytes));
    CHECK_UINT(f.flow_count, 6);
    CHECK_UINT(f.packets, 12);
    CHECK(!f.has_fault);
}

TEST(while_the_link_is_down_the_open_window_grows_and_nothing_is_lost)
{
    uint8_t bytes[1024];
    size_t length = 0;
    struct fixture f;

    fixture_start(&f, 32, false);
    for (int minute = 0; minute < 100; minute++) {
        fill(&f, 10);
        f.now_ms += 60000;
        CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    }
    fixture_drain(&f, sizeof(bytes));
    CHECK_UINT(f.packets, 100 * 40);
    CHECK_UINT(f.counters.seen, 100 * 40);
    CHECK_UINT(f.first.intervals, 99);
    CHECK_UINT(f.first.window_ms, 99 * 60000);
    CHECK(!f.has_fault);
}

/*
 * Ten thousand peers, none like the other, through tables of 64, in a hundred
 * intervals: packets of the direction, length and IP version that @p peer says.
 * Returns the bytes of all its packets.
 */
static uint64_t meet(struct fixture *fixture, uint16_t peer)
{
    uint8_t bytes[100] = {0};
    struct talk talk = {peer % 3 == 0 ? UDP : TCP, 40000, 443, peer, peer % 2 == 0};
    size_t payload = 20 + peer % 37u;
    uint64_t sum = 0;

    for (unsigned i = 0; i <= peer % 4u; i++) {
        enum picket_direction direction = i % 2 == 0 ? OUT : IN;
        size_t header = put_ip_header(bytes, &talk, direction, payload);

        put_u16(bytes + header, direction == IN ? 443 : 40000);
        put_u16(bytes + header + 2, direction == IN ? 40000 : 443);
        bytes[header + 13] = i == 0 ? SYN : ACK;
        observe(fixture, direction, bytes, header + payload, header + payload);
        sum += header + payload;
    }
    return sum;
}

TEST(ten_thousand_peers_while_the_link_is_down_are_summed_up_to_the_packet_and_byte)
{
    uint8_t report[1024];
    size_t length = 0;
    uint64_t packets = 0;
    uint64_t bytes = 0;
    uint64_t connections = 0;
    uint32_t intervals = 0;
    uint64_t end_ms = 1000;
    struct fixture f;

    fixture_start(&f, 64, false);
    for (uint16_t peer = 0; peer < 10000; peer++) {
        bytes += meet(&f, peer);
        packets += peer % 4u + 1;
        connections += peer % 3 != 0; /* of a UDP flow that had no place, nobody knows */
        if (peer % 100 == 99) {
            f.now_ms += 60000;
            CHECK(picket_build_report(&f.agent, report, sizeof(report), &length) == PICKET_OK);
        }
    }
    while (picket_build_report(&f.agent, report, sizeof(report), &length) == PICKET_OK) {
        fixture_read(&f, report, length);
        CHECK(picket_confirm_report(&f.agent) == PICKET_OK);
        if (f.first.sequence == f.last_sequence) { /* a window begins where the last one ended */
            CHECK_UINT(f.first.window_start_ms, end_ms);
            end_ms += f.first.window_ms;
            intervals += f.first.intervals;
        }
    }
    CHECK_UINT(f.packets, packets);
    CHECK_UINT(f.bytes, bytes);
    CHECK(f.connections >= connections);
    CHECK_UINT(f.counters.seen, packets);
    CHECK_UINT(f.counters.kept + f.counters.folded, packets);
    CHECK(f.counters.folded > packets * 9 / 10);
    CHECK_UINT(intervals, 100);
    CHECK_UINT(end_ms, f.now_ms);
    CHECK(!f.has_fault);
}

TEST(who_opened_a_flow_is_remembered_across_windows)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    say(&f, &web, IN, SYN | ACK);
    fixture_report(&f);
    say(&f, &web, IN, ACK);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].direction, OUT);
    CHECK_UINT(f.flows[0].connections, 0);
    CHECK_UINT(f.flows[0].packets_in, 1);
    CHECK_UINT(f.flows[0].packets_out, 0);
    CHECK_UINT(f.flows[0].outcome, PICKET_ANSWERED);
    say(&f, &web, IN, RST); /* of a connection that was answered two windows ago */
    fixture_report(&f);
    CHECK_UINT(f.flows[0].outcome, PICKET_RESET);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 0);
}

TEST(an_answer_that_comes_in_the_next_window_still_counts_as_one)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    fixture_report(&f);
    CHECK_UINT(f.flows[0].outcome, 0);
    say(&f, &web, IN, RST | ACK);
    fixture_report(&f);
    CHECK_UINT(f.flows[0].direction, OUT);
    CHECK_UINT(f.flows[0].outcome, PICKET_REFUSED);
}

TEST(who_opened_a_flow_is_remembered_while_its_report_waits)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    say(&f, &dns, OUT, 0);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    say(&f, &web, IN, ACK);
    say(&f, &dns, IN, 0);
    say(&f, &web, OUT, ACK);
    fixture_drain(&f, 4096);
    CHECK_UINT(f.flow_count, 2);
    CHECK_UINT(f.packets, 2);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 2);
    CHECK_UINT(f.packets, 3);
    for (size_t i = 0; i < f.flow_count; i++) {
        CHECK_UINT(f.flows[i].direction, OUT);
        CHECK_UINT(f.flows[i].packets_in, 1);
        CHECK_UINT(f.flows[i].outcome, PICKET_ANSWERED);
    }
    say(&f, &web, IN, ACK); /* one flow, though two slots have known it */
    say(&f, &web, OUT, ACK);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].direction, OUT);
}

TEST(udp_counts_one_connection_for_each_window_with_traffic)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    for (int window = 0; window < 3; window++) {
        say(&f, &dns, OUT, 0);
        say(&f, &dns, IN, 0);
        say(&f, &dns, OUT, 0);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 1);
        CHECK_UINT(f.flows[0].connections, 1);
    }
}

TEST(an_empty_window_is_reported_too)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    fixture_report(&f);
    CHECK_UINT(f.reports, 1);
    CHECK_UINT(f.flow_count, 0);
    CHECK(f.first.has_heartbeat && f.first.has_counters && f.first.has_remainder);
}

TEST_MAIN(TEST_ROW(nothing_is_due_before_the_interval_is_over),
          TEST_ROW(the_head_says_when_the_window_was_and_how_the_agent_is_set),
          TEST_ROW(the_system_is_told_at_boot_and_then_once_a_day),
          TEST_ROW(the_firmware_is_told_by_its_hash_its_bill_of_materials_and_its_hardening),
          TEST_ROW(flow_times_are_offsets_into_the_window),
          TEST_ROW(port_time_may_wrap_within_a_window),
          TEST_ROW(a_clock_that_is_set_back_stands_still),
          TEST_ROW(the_intervals_of_a_window_are_rounded_and_at_least_one),
          TEST_ROW(a_window_longer_than_its_limit_is_cut_at_its_beginning),
          TEST_ROW(times_that_have_wrapped_stay_in_order),
          TEST_ROW(a_report_built_again_is_the_same_report),
          TEST_ROW(a_report_that_fitted_fits_again_whatever_time_has_passed),
          TEST_ROW(a_window_goes_out_in_as_many_parts_as_the_buffer_asks_for),
          TEST_ROW(only_the_last_part_says_that_no_more_follow),
          TEST_ROW(a_buffer_too_small_loses_nothing),
          TEST_ROW(while_the_link_is_down_the_open_window_grows_and_nothing_is_lost),
          TEST_ROW(ten_thousand_peers_while_the_link_is_down_are_summed_up_to_the_packet_and_byte),
          TEST_ROW(who_opened_a_flow_is_remembered_across_windows),
          TEST_ROW(an_answer_that_comes_in_the_next_window_still_counts_as_one),
          TEST_ROW(who_opened_a_flow_is_remembered_while_its_report_waits),
          TEST_ROW(udp_counts_one_connection_for_each_window_with_traffic),
          TEST_ROW(an_empty_window_is_reported_too))
