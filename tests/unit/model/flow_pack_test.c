/* SPDX-License-Identifier: MIT */
#include "model/flow_pack.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "harness/check.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)

static struct flow flow_to(uint8_t last)
{
    return (struct flow){
        .direction = PICKET_OUTBOUND,
        .outcome = PICKET_ANSWERED,
        .protocol = PROTOCOL_TCP,
        .peer = address_from_bytes((const uint8_t[]){192, 0, 2, last}, 4),
        .peer_port = 443,
        .local_port = FLOW_PORT_UNKNOWN,
        .connections = 1,
        .packets_in = 2,
        .packets_out = 3,
        .bytes_in = 400,
        .bytes_out = 70000,
        .first_us = 1000000,
        .last_us = 2000000,
    };
}

/* One that differs from it in each member. */
static struct flow other_flow(void)
{
    static const uint8_t peer[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

    return (struct flow){
        .direction = PICKET_DIRECTION_UNKNOWN,
        .kind = PICKET_KIND_BAD_LENGTH,
        .cast = PICKET_LOOPBACK,
        .outcome = UINT8_MAX,
        .unknown = FLOW_UNKNOWN_ALL,
        .protocol = UINT8_MAX,
        .peer = address_from_bytes(peer, 16),
        .peer_name = "www.example.com",
        .has_local = true,
        .local = address_from_bytes((const uint8_t[]){10, 0, 0, 1}, 4),
        .peer_port = FLOW_PORT_UNKNOWN,
        .local_port = UINT16_MAX,
        .connections = UINT64_MAX,
        .packets_in = 0,
        .packets_out = UINT64_MAX,
        .bytes_in = INT64_MAX,
        .bytes_out = 1,
        .first_us = INT64_MIN,
        .last_us = INT64_MAX,
    };
}

static bool is_equal(const struct flow *a, const struct flow *b)
{
    bool has_name = a->peer_name != NULL;

    return flow_same(a, b) && has_name == (b->peer_name != NULL) &&
           (!has_name || strcmp(a->peer_name, b->peer_name) == 0) && a->outcome == b->outcome &&
           a->unknown == b->unknown && a->connections == b->connections &&
           a->packets_in == b->packets_in && a->packets_out == b->packets_out &&
           a->bytes_in == b->bytes_in && a->bytes_out == b->bytes_out &&
           a->first_us == b->first_us && a->last_us == b->last_us;
}

static bool is_equal_report(const struct flow_report *a, const struct flow_report *b)
{
    bool is_same = a->device == b->device && a->boot == b->boot && a->sequence == b->sequence &&
                   a->received_us == b->received_us && a->start_us == b->start_us &&
                   a->end_us == b->end_us && a->flow_count == b->flow_count;

    for (size_t i = 0; i < a->flow_count && is_same; i++) {
        is_same = is_equal(&a->flows[i], &b->flows[i]);
    }
    return is_same;
}

/* How many bytes it takes; 0 if what comes back is something else. */
static size_t round_trip(const struct flow_report *reports, size_t count)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *again = NULL;
    size_t again_count = 0, length = 0;
    struct buf pack;

    buf_init(&pack, FLOW_PACK_BYTES_MAX);
    flow_pack_write(&pack, reports, count);
    if (flow_pack_read((const uint8_t *)pack.bytes, pack.length, arena, &again, &again_count) ==
            PICKET_OK &&
        again_count == count) {
        length = pack.length;
    }
    for (size_t i = 0; i < count && length > 0; i++) {
        length = is_equal_report(&reports[i], &again[i]) ? length : 0;
    }
    arena_free(arena);
    buf_deinit(&pack);
    return length;
}

static struct flow_report report_of(const struct flow *flows, size_t count)
{
    return (struct flow_report){.device = 7,
                                .boot = UINT32_MAX,
                                .sequence = 12,
                                .received_us = 1764000061000000,
                                .start_us = 1764000000000000,
                                .end_us = 1764000060000000,
                                .flows = flows,
                                .flow_count = count};
}

TEST(every_member_comes_back)
{
    const struct flow flows[] = {flow_to(1), other_flow(), flow_to(2), other_flow()};
    struct flow_report reports[] = {report_of(flows, 4), report_of(flows + 1, 2),
                                    report_of(NULL, 0)};

    reports[1].device = UINT32_MAX;
    reports[1].boot = 0;
    reports[1].received_us = INT64_MIN;
    reports[1].start_us = INT64_MAX;
    reports[2].end_us = INT64_MIN;
    CHECK(round_trip(reports, 3) > 0);
    CHECK(round_trip(reports, 0) > 0);
}

TEST(each_member_alone_makes_a_flow_another)
{
    struct flow flows[2][12];
    struct flow_report report;

    for (size_t i = 0; i < 12; i++) {
        flows[0][i] = flow_to(1);
        flows[1][i] = other_flow();
    }
    for (size_t i = 0; i < 2; i++) {
        struct flow from = flows[1 - i][0], *to = flows[i];

        to[0].direction = from.direction;
        to[1].kind = from.kind;
        to[2].cast = from.cast;
        to[3].protocol = from.protocol;
        to[4].peer = from.peer;
        to[5].peer_name = from.peer_name;
        to[6].has_local = from.has_local;
        to[6].local = from.local;
        to[7].peer_port = from.peer_port;
        to[8].local_port = from.local_port;
        to[9].outcome = from.outcome;
        to[10].first_us = from.first_us;
        report = report_of(flows[i], 12);
        CHECK(round_trip(&report, 1) > 0);
    }
}

TEST(what_flows_have_in_common_is_there_once)
{
    struct flow flows[200];
    struct flow_report alone = report_of(flows, 1), many = report_of(flows, 200);

    for (size_t i = 0; i < 200; i++) {
        flows[i] = other_flow();
        flows[i].connections = flows[i].packets_out = flows[i].bytes_in = i % 10;
        flows[i].first_us = many.start_us + (int64_t)i;
        flows[i].last_us = flows[i].first_us + 60;
    }
    CHECK(round_trip(&alone, 1) < 90);
    CHECK(round_trip(&many, 1) < 200 * 15);
}

TEST(span_reaches_as_far_as_any_flow)
{
    struct flow flows[] = {flow_to(1), flow_to(2)};
    struct flow_report report = report_of(flows, 2);
    struct flow_span span;

    flows[0].first_us = report.start_us - 5;
    flows[0].last_us = report.start_us;
    flows[1].first_us = report.end_us;
    flows[1].last_us = report.received_us + 7;
    span = flow_report_span(&report);
    CHECK(span.start_us == report.start_us - 5 && span.end_us == report.received_us + 7);
    report.flow_count = 0;
    span = flow_report_span(&report);
    CHECK(span.start_us == report.start_us && span.end_us == report.received_us);
    report.received_us = report.start_us - 1;
    span = flow_report_span(&report);
    CHECK(span.start_us == report.received_us && span.end_us == report.end_us);
}

static enum picket_status read_copy(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    uint8_t *copy = malloc(length + 1); /* so that a sanitizer sees what is read behind it */
    const struct flow_report *reports = NULL;
    size_t count = 0;
    enum picket_status status;

    memcpy(copy, bytes, length);
    status = flow_pack_read(copy, length, arena, &reports, &count);
    free(copy);
    arena_free(arena);
    return status;
}

TEST(pack_that_is_cut_anywhere_or_goes_on_is_refused)
{
    const struct flow flows[] = {flow_to(1), other_flow(), flow_to(1)};
    const struct flow_report report = report_of(flows, 3);
    struct buf pack;

    buf_init(&pack, FLOW_PACK_BYTES_MAX);
    flow_pack_write(&pack, &report, 1);
    CHECK(read_copy((const uint8_t *)pack.bytes, pack.length) == PICKET_OK);
    for (size_t length = 0; length < pack.length; length++) {
        CHECK(read_copy((const uint8_t *)pack.bytes, length) == PICKET_E_MALFORMED);
    }
    CHECK(read_copy((const uint8_t *)pack.bytes, pack.length + 1) == PICKET_E_MALFORMED);
    pack.bytes[0] = 3;
    CHECK(read_copy((const uint8_t *)pack.bytes, pack.length) == PICKET_E_VERSION);
    buf_deinit(&pack);
}

TEST(times_of_whole_milliseconds_take_less_and_all_come_back)
{
    struct flow flows[20];
    const struct flow_report report = report_of(flows, 20);
    size_t coarse, fine;

    for (uint8_t i = 0; i < 20; i++) {
        flows[i] = flow_to(i);
        flows[i].first_us = report.start_us + i * 1234000;
        flows[i].last_us = flows[i].first_us + i * 567000;
    }
    coarse = round_trip(&report, 1);
    flows[19].first_us++;
    CHECK(round_trip(&report, 1) > 0);
    flows[19].last_us++; /* its length is whole, its beginning is not */
    fine = round_trip(&report, 1);
    CHECK(coarse > 0 && coarse + 40 <= fine);
}

TEST(pack_of_the_first_version_is_read)
{
    /* a report of 2 ms with a flow from 1 to 2 ms behind its beginning, received 1 ms later */
    static const uint8_t bytes[] = {1, 1, 0,  14, 2,   0, 0xa0, 0x1f, 0xd0, 0xf, 1,
                                    0, 1, 64, 6,  192, 0, 2,    1,    188,  3,   0,
                                    2, 1, 2,  3,  4,   5, 0xd0, 0xf,  0xd0, 0xf};
    const struct flow *flow;
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *reports = NULL;
    size_t count = 0;

    CHECK(flow_pack_read(bytes, sizeof(bytes), arena, &reports, &count) == PICKET_OK);
    CHECK(count == 1 && reports->boot == 7 && reports->end_us == 2000);
    CHECK(reports->received_us == 3000 && reports->flow_count == 1);
    flow = reports->flows;
    CHECK(flow->first_us == 1000 && flow->last_us == 2000);
    CHECK(flow->peer_port == 443 && flow->bytes_out == 5);
    arena_free(arena);
}

TEST(unit_that_no_version_has_is_refused)
{
    static const uint8_t units[] = {0, 2, 100};

    for (size_t i = 0; i < sizeof(units); i++) {
        const uint8_t bytes[] = {2, units[i], 0, 0, 0};

        CHECK(read_copy(bytes, sizeof(bytes)) == PICKET_E_MALFORMED);
    }
    CHECK(read_copy((const uint8_t[]){2, 1, 0, 0, 0}, 5) == PICKET_OK);
    CHECK(read_copy((const uint8_t[]){0, 1, 0, 0, 0}, 5) == PICKET_E_MALFORMED);
}

TEST(counts_that_the_bytes_can_not_hold_are_refused_before_there_is_room_for_them)
{
    /* version, reports, and one of them with as many flows as there can be */
    static const uint8_t many_reports[] = {1, 0xff, 0xff, 3};
    static const uint8_t many_flows[] = {1, 1, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 0x80, 0x20, 0, 0};

    CHECK(read_copy(many_reports, sizeof(many_reports)) == PICKET_E_MALFORMED);
    CHECK(read_copy(many_flows, sizeof(many_flows)) == PICKET_E_MALFORMED);
}

TEST(memory_that_runs_out_is_no_damage)
{
    struct flow flows[100];
    const struct flow_report report = report_of(flows, 100);
    struct arena *arena = arena_new(4096);
    const struct flow_report *reports = NULL;
    size_t count = 0;
    struct buf pack;

    for (size_t i = 0; i < 100; i++) {
        flows[i] = flow_to((uint8_t)i);
    }
    buf_init(&pack, FLOW_PACK_BYTES_MAX);
    flow_pack_write(&pack, &report, 1);
    CHECK(flow_pack_read((const uint8_t *)pack.bytes, pack.length, arena, &reports, &count) ==
          PICKET_E_NOMEM);
    arena_free(arena);
    buf_deinit(&pack);
    buf_init(&pack, 100);
    flow_pack_write(&pack, &report, 1);
    CHECK(pack.is_failed);
    buf_deinit(&pack);
}

TEST_MAIN(TEST_ROW(every_member_comes_back), TEST_ROW(each_member_alone_makes_a_flow_another),
          TEST_ROW(what_flows_have_in_common_is_there_once),
          TEST_ROW(span_reaches_as_far_as_any_flow),
          TEST_ROW(pack_that_is_cut_anywhere_or_goes_on_is_refused),
          TEST_ROW(times_of_whole_milliseconds_take_less_and_all_come_back),
          TEST_ROW(pack_of_the_first_version_is_read),
          TEST_ROW(unit_that_no_version_has_is_refused),
          TEST_ROW(counts_that_the_bytes_can_not_hold_are_refused_before_there_is_room_for_them),
          TEST_ROW(memory_that_runs_out_is_no_damage))
