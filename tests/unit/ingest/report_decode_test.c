/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "harness/check.h"
#include "model/report.h"
#include "picket/facts.h"
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

/* Names of the peer of the first flow and of another address, and one of everything else. */
static bool put_facts(struct picket_report_writer *writer)
{
    static const struct picket_name_record names[] = {
        {.name = {"gone.example.com", 16}},
        {.name = {"z.example.com", 13}, .address_size = 4, .address = {203, 0, 113, 1}},
        {.name = {"broker.example.com", 18}, .address_size = 4, .address = {198, 51, 100, 7}},
        {.name = {"alias.example.com", 17}, .address_size = 4, .address = {198, 51, 100, 7}},
    };
    const struct picket_tls_record tls = {
        .address_size = 16, .port = 443, .server_name = {"broker.example.com", 18}};
    const struct picket_listener_record listener = {.protocol = 6, .port = 22};
    const struct picket_start_record start = {.cause = PICKET_START_WATCHDOG, .starts = 9};
    const struct picket_event_record event = {.name = {"login_failed", 12}, .text = {"root", 4}};
    const struct picket_metric_record metric = {.name = {"battery_mv", 10}, .value = 3312};
    const struct picket_icmp_record icmp = {.flow = 1, .type = 128};
    const struct picket_lost_record lost = {.section = PICKET_SECTION_TLS, .count = 12};
    bool is_put = picket_report_open_section(writer, PICKET_SECTION_NAMES, 4) == PICKET_OK;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        is_put = is_put && picket_report_put_name(writer, &names[i]) == PICKET_OK;
    }
    return is_put && picket_report_open_section(writer, PICKET_SECTION_TLS, 1) == PICKET_OK &&
           picket_report_put_tls(writer, &tls) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_LISTENERS, 1) == PICKET_OK &&
           picket_report_put_listener(writer, &listener) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_STARTS, 1) == PICKET_OK &&
           picket_report_put_start(writer, &start) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_EVENTS, 1) == PICKET_OK &&
           picket_report_put_event(writer, &event) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_METRICS, 1) == PICKET_OK &&
           picket_report_put_metric(writer, &metric) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_ICMP, 1) == PICKET_OK &&
           picket_report_put_icmp(writer, &icmp) == PICKET_OK &&
           picket_report_open_section(writer, PICKET_SECTION_LOST, 1) == PICKET_OK &&
           picket_report_put_lost(writer, &lost) == PICKET_OK;
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
        picket_report_put_flow(&writer, &folded) != PICKET_OK || !put_facts(&writer)) {
        return NULL;
    }
    picket_report_finish(&writer, false, &length);
    if (ingest_decode_report(bytes, length, "cam-1", received_us, &report, &err) != PICKET_OK) {
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

static bool is_text(struct picket_text text, const char *expected)
{
    return text.length == strlen(expected) && memcmp(text.bytes, expected, text.length) == 0;
}

TEST(facts_are_kept)
{
    struct picket_report_head head = example_head();
    struct report *report = decode(&head, RECEIVED_US);
    const struct facts *facts = &report->facts;

    CHECK_UINT(facts->name_count, 4);
    CHECK(is_text(facts->names[0].name, "gone.example.com") && facts->names[0].address_size == 0);
    CHECK(is_text(facts->names[3].name, "alias.example.com") && facts->names[3].address[0] == 198);
    CHECK(facts->tls_count == 1 && is_text(facts->tls[0].server_name, "broker.example.com"));
    CHECK(facts->listener_count == 1 && facts->listeners[0].port == 22);
    CHECK(facts->start_count == 1 && facts->starts[0].cause == PICKET_START_WATCHDOG);
    CHECK(facts->event_count == 1 && is_text(facts->events[0].name, "login_failed"));
    CHECK(is_text(facts->events[0].text, "root"));
    CHECK(facts->metric_count == 1 && facts->metrics[0].value == 3312);
    CHECK(facts->icmp_count == 1 && facts->icmp[0].flow == 1 && facts->icmp[0].type == 128);
    CHECK(facts->lost_count == 1 && facts->lost[0].count == 12);
    report_free(report);
}

TEST(peer_has_the_first_name_that_the_report_tells_of_its_address)
{
    struct picket_report_head head = example_head();
    struct report *report = decode(&head, RECEIVED_US);

    CHECK_TEXT(report->flows[0].peer_name, "broker.example.com");
    CHECK(report->flows[1].peer_name == NULL);
    report_free(report);
}

/* A report full of the shortest names: its arena must hold what the wire can carry. */
TEST(report_of_the_largest_size_with_the_smallest_records_is_taken)
{
    const struct picket_name_record name = {
        .name = {"n", 1}, .address_size = 4, .address = {198, 51, 100, 7}};
    const struct picket_name_record gone = {.name = {"n", 1}};
    uint8_t *bytes = malloc(PICKET_REPORT_BYTES_MAX);

    for (unsigned has_address = 0; has_address < 2; has_address++) {
        struct picket_report_head head = example_head();
        struct picket_report_writer writer;
        struct report *report = NULL;
        struct err err = {""};
        size_t length = 0;

        CHECK(picket_report_begin(&writer, bytes, PICKET_REPORT_BYTES_MAX, &head, 0) == PICKET_OK);
        CHECK(picket_report_open_section(&writer, PICKET_SECTION_NAMES, 30000) == PICKET_OK);
        while (picket_report_put_name(&writer, has_address ? &name : &gone) == PICKET_OK) {
        }
        picket_report_finish(&writer, false, &length);
        CHECK(length > PICKET_REPORT_BYTES_MAX - 16);
        CHECK(ingest_decode_report(bytes, length, "cam-1", RECEIVED_US, &report, &err) ==
              PICKET_OK);
        CHECK(report != NULL && report->facts.name_count > (has_address ? 9000 : 21000));
        report_free(report);
    }
    free(bytes);
}

TEST(report_that_is_far_too_long_is_refused_for_its_length)
{
    size_t length = (size_t)4 * 1024 * 1024;
    uint8_t *bytes = calloc(1, length);
    struct report *report = NULL;
    struct err err = {""};

    bytes[0] = 0xa8;
    bytes[2] = 1;
    CHECK(ingest_decode_report(bytes, length, "cam-1", RECEIVED_US, &report, &err) ==
          PICKET_E_LIMIT);
    CHECK_TEXT(err.text, "byte 65536: more bytes than a report may have");
    free(bytes);
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

    CHECK(ingest_decode_report((const uint8_t *)"{\"boot\": 1}", 11, "cam-1", RECEIVED_US, &report,
                               &err) == PICKET_E_MALFORMED);
    CHECK(report == NULL);
    CHECK_TEXT(err.text, "byte 0: a map is expected here");
}

TEST_MAIN(TEST_ROW(report_keeps_nothing_of_the_input), TEST_ROW(flows_become_canonical),
          TEST_ROW(facts_are_kept),
          TEST_ROW(peer_has_the_first_name_that_the_report_tells_of_its_address),
          TEST_ROW(report_of_the_largest_size_with_the_smallest_records_is_taken),
          TEST_ROW(report_that_is_far_too_long_is_refused_for_its_length),
          TEST_ROW(event_time_is_the_devices_clock_unless_it_is_more_than_five_minutes_ahead),
          TEST_ROW(without_a_clock_the_uptime_is_set_against_the_receipt),
          TEST_ROW(impossible_uptime_does_not_overflow), TEST_ROW(refusal_names_offset_and_reason))
