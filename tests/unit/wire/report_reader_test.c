/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include <stdlib.h>

#include "harness/check.h"
#include "unit/wire/report_fixture.h"

/* What each kind of damage is refused for is in spec/vectors/; here stands what holds for all. */

static size_t encode_everything(uint8_t *bytes, size_t capacity)
{
    struct picket_report_head head = plain_head();
    struct picket_flow_record flow = plain_flow(443);
    struct picket_report_writer writer;
    size_t length = 0;

    head.has_clock = true;
    head.clock_ms = 1767225600000;
    head.has_counters = true;
    head.counters = (struct picket_counters){.seen = 11, .kept = 11};
    head.has_remainder = true;
    head.has_heartbeat = true;
    head.heartbeat.interval_ms = 60000;
    head.has_system = true;
    head.system.os = (struct picket_text){"ThreadX 6.4.1", 13};
    if (picket_report_begin(&writer, bytes, capacity, &head, 1) != PICKET_OK ||
        picket_report_put_flow(&writer, &flow) != PICKET_OK ||
        put_facts(&writer, 2, 2) != 2 * PICKET_SECTIONS) {
        return 0;
    }
    picket_report_finish(&writer, false, &length);
    return length;
}

static enum picket_status open_copy(const uint8_t *bytes, size_t length,
                                    struct picket_report_reader *reader)
{
    uint8_t *copy = malloc(length + (length == 0)); /* exact: a byte too far is seen */
    struct picket_report_head head;
    uint32_t flow_count;
    enum picket_status status;

    memcpy(copy, bytes, length);
    status = picket_report_open(reader, copy, length, &head, &flow_count);
    free(copy);
    return status;
}

TEST(every_cut_is_refused_within_the_input)
{
    uint8_t bytes[1024];
    size_t length = encode_everything(bytes, sizeof(bytes));

    CHECK(length > 0);
    for (size_t cut = 0; cut < length; cut++) {
        struct picket_report_reader reader;

        CHECK(open_copy(bytes, cut, &reader) == PICKET_E_TRUNCATED);
        CHECK(reader.cursor.offset <= cut);
        CHECK(reader.cursor.fault != NULL);
    }
}

TEST(every_flipped_bit_is_survived)
{
    uint8_t bytes[1024];
    size_t length = encode_everything(bytes, sizeof(bytes));

    for (size_t bit = 0; bit < length * 8; bit++) {
        struct picket_report_reader reader;
        enum picket_status status;

        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        status = open_copy(bytes, length, &reader);
        CHECK((status == PICKET_OK) == (reader.cursor.fault == NULL));
        CHECK(reader.cursor.offset <= length);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

TEST(refusal_returns_nothing)
{
    uint8_t bytes[1024];
    size_t length = encode_everything(bytes, sizeof(bytes));
    struct picket_report_head head = {.boot = 77};
    struct picket_report_reader reader;
    uint32_t flow_count = 99;

    CHECK(picket_report_open(&reader, bytes, length - 1, &head, &flow_count) == PICKET_E_TRUNCATED);
    CHECK_UINT(head.boot, 77);
    CHECK_UINT(flow_count, 99);
}

TEST(report_longer_than_the_limit_is_refused_but_its_version_comes_first)
{
    uint8_t *bytes = calloc(1, PICKET_REPORT_BYTES_MAX + 1);
    struct picket_report_reader reader;

    bytes[0] = 0xa8;
    bytes[2] = 1;
    CHECK(open_copy(bytes, PICKET_REPORT_BYTES_MAX + 1, &reader) == PICKET_E_LIMIT);
    CHECK_UINT(reader.cursor.offset, PICKET_REPORT_BYTES_MAX);
    bytes[2] = 2;
    CHECK(open_copy(bytes, PICKET_REPORT_BYTES_MAX + 1, &reader) == PICKET_E_VERSION);
    CHECK_UINT(reader.cursor.offset, 2);
    free(bytes);
}

TEST(flows_come_in_order_and_then_end)
{
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    struct picket_report_reader reader;
    struct picket_flow_record flow;
    uint8_t bytes[4096];
    uint32_t flow_count = 0;
    size_t length = 0;

    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 40) == PICKET_OK);
    for (uint16_t port = 0; port < 40; port++) {
        flow = plain_flow(port);
        CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    }
    picket_report_finish(&writer, false, &length);
    CHECK(picket_report_open(&reader, bytes, length, &head, &flow_count) == PICKET_OK);
    CHECK_UINT(flow_count, 40);
    for (uint16_t port = 0; port < 40; port++) {
        CHECK(picket_report_next_flow(&reader, &flow));
        CHECK_UINT(flow.peer_port, port);
        CHECK_UINT(flow.last_ms, 2600);
    }
    CHECK(!picket_report_next_flow(&reader, &flow));
}

TEST_MAIN(TEST_ROW(every_cut_is_refused_within_the_input), TEST_ROW(every_flipped_bit_is_survived),
          TEST_ROW(refusal_returns_nothing),
          TEST_ROW(report_longer_than_the_limit_is_refused_but_its_version_comes_first),
          TEST_ROW(flows_come_in_order_and_then_end))
