/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include "base/err.h"
#include "base/time.h"
#include "harness/check.h"
#include "model/report.h"
#include "picket/report.h"

#define RECEIVED_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define RECEIVED_US (RECEIVED_MS * TIME_US_PER_MS)

/* A minute's window that ended five seconds before the report was built. */
static struct picket_report_head example_head(void)
{
    return (struct picket_report_head){
        .boot = 7,
        .sequence = 3,
        .window_start_ms = 120000,
        .window_ms = 60000,
        .intervals = 1,
        .built_ms = 185000,
        .has_system = true,
        .system.os = {"ThreadX 6.4.1", 13},
    };
}

/* Encodes @p head with one exact and one folded flow, decodes it, and wipes the bytes. */
static struct report *decode(const struct picket_report_head *head, int64_t received_us)
{
    const struct picket_flow_record exact = {.direction = PICKET_INBOUND,
                                             .outcome = PICKET_ANSWERED | PICKET_RESET,
                                             .protocol = 6,
                                             .address_size = 4,
                                             .has_local = true,
                                             .has_peer_port = true,
                                             .has_local_port = true,
                                             .peer_port = 40000,
                                             .local_port = 22,
                                             .peer = {198, 51, 100, 7},
                                             .local = {10, 0, 0, 2},
                                             .connections = 1,
                                             .packets_in = 2,
                                             .packets_out = 3,
                                             .bytes_in = 80,
                                             .bytes_out = 120,
                                             .first_ms = 1000,
                                             .last_ms = 2500};
    const struct picket_flow_record folded = {
        .protocol = 58, .address_size = 16, .peer = {0x20, 1}};
    struct picket_report_writer writer;
    struct report *report = NULL;
    struct err err = {""};
    uint8_t bytes[1024];
    size_t length = 0;

    if (picket_report_begin(&writer, bytes, sizeof(bytes), head, 2) != PICKET_OK ||
        picket_report_put_flow(&writer, &exact) != PICKET_OK ||
        picket_report_put_flow(&writer, &folded) != PICKET_OK) {
        return NULL;
    }
    picket_report_finish(&writer, false, &length);
    if (ingest_decode(bytes, length, "cam-1", received_us, &report, &err) != PICKET_OK) {
        return NULL;
    }
    memset(bytes, 0xee, sizeof(bytes));
    return report;
}

TEST(report_keeps_nothing_of_the_input)
{
    struct picket_report_head head = example_head();
    struct report *report = decode(&head, RECEIVED_US);

    CHECK_TEXT(report->device, "cam-1");
    CHECK_UINT(report->head.system.os.length, 13);
    CHECK(memcmp(report->head.system.os.bytes, "ThreadX 6.4.1", 13) == 0);
    CHECK(report->head.system.stack.bytes == NULL);
    CHECK_UINT(report->received_us, RECEIVED_US);
    report_free(report);
}

TEST(flows_become_canonical)
{
    struct picket_report_head head = example_head();
    struct report *report = decode(&head, RECEIVED_US);
    const struct flow *flow = &report->flows[0];
    char text[ADDRESS_TEXT_MAX];

    CHECK_UINT(report->flow_count, 2);
    address_format(&flow->peer, text);
    CHECK_TEXT(text, "198.51.100.7");
    address_format(&flow->local, text);
    CHECK_TEXT(text, "10.0.0.2");
    CHECK(flow->direction == PICKET_INBOUND && flow->has_local);
    CHECK(flow->outcome == (PICKET_ANSWERED | PICKET_RESET));
    CHECK(flow->peer_port == 40000 && flow->local_port == 22);
    CHECK_UINT(flow->first_us, report->window_start_us + 1000 * TIME_US_PER_MS);
    CHECK_UINT(flow->last_us, report->window_start_us + 2500 * TIME_US_PER_MS);
    CHECK(report->flows[1].peer_port == FLOW_PORT_UNKNOWN);
    CHECK(report->flows[1].local_port == FLOW_PORT_UNKNOWN && !report->flows[1].has_local);
    report_free(report);
}

TEST(event_time_is_the_devices_clock_unless_it_is_more_than_five_minutes_ahead)
{
    static const struct {
        uint64_t clock_ms; /* at the window's start, 65 s before the report was built */
        bool is_believed;
    } rows[] = {
        {RECEIVED_MS - 65000, true},
        {RECEIVED_MS - 86400000, true},
        {RECEIVED_MS - 65000 + 300000, true},
        {RECEIVED_MS - 65000 + 300001, false},
        {1000, true},
        {UINT64_MAX, false},
        {UINT64_MAX / 1000, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_report_head head = example_head();
        int64_t expected_ms = rows[i].is_believed ? (int64_t)rows[i].clock_ms : RECEIVED_MS - 65000;
        struct report *report;

        head.has_clock = true;
        head.clock_ms = rows[i].clock_ms;
        report = decode(&head, RECEIVED_US);
        CHECK_UINT(report->window_start_us, expected_ms * TIME_US_PER_MS);
        CHECK_UINT(report->window_end_us, (expected_ms + 60000) * TIME_US_PER_MS);
        CHECK(report->head.has_clock == rows[i].is_believed);
        report_free(report);
    }
}

TEST(without_a_clock_the_uptime_is_set_against_the_receipt)
{
    struct picket_report_head head = example_head();
    struct report *report = decode(&head, RECEIVED_US + 123);

    CHECK(!report->head.has_clock);
    CHECK_UINT(report->window_start_us, RECEIVED_US + 123 - 65000 * TIME_US_PER_MS);
    report_free(report);
}

TEST(impossible_uptime_does_not_overflow)
{
    struct picket_report_head head = example_head();
    struct report *report;

    head.built_ms = UINT64_MAX;
    head.has_clock = true;
    head.clock_ms = RECEIVED_MS;
    report = decode(&head, RECEIVED_US);
    CHECK(!report->head.has_clock);
    CHECK_UINT(report->window_start_us, 0);
    report_free(report);
}

TEST(refusal_names_offset_and_reason)
{
    struct report *report = NULL;
    struct err err = {""};

    CHECK(ingest_decode((const uint8_t *)"{\"boot\": 1}", 11, "cam-1", RECEIVED_US, &report,
                        &err) == PICKET_E_MALFORMED);
    CHECK(report == NULL);
    CHECK_TEXT(err.text, "byte 0: a map is expected here");
}

TEST_MAIN(TEST_ROW(report_keeps_nothing_of_the_input), TEST_ROW(flows_become_canonical),
          TEST_ROW(event_time_is_the_devices_clock_unless_it_is_more_than_five_minutes_ahead),
          TEST_ROW(without_a_clock_the_uptime_is_set_against_the_receipt),
          TEST_ROW(impossible_uptime_does_not_overflow), TEST_ROW(refusal_names_offset_and_reason))
