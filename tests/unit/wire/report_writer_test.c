/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include "harness/check.h"
#include "unit/wire/report_fixture.h"

/* Encodes @p put flows after announcing @p announced; 0 on failure. */
static size_t encode(uint8_t *bytes, size_t capacity, uint32_t announced, uint32_t put)
{
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    size_t length = 0;

    if (picket_report_begin(&writer, bytes, capacity, &head, announced) != PICKET_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < put; i++) {
        struct picket_flow_record flow = plain_flow((uint16_t)i);

        if (picket_report_put_flow(&writer, &flow) != PICKET_OK) {
            return 0;
        }
    }
    picket_report_finish(&writer, false, &length);
    return length;
}

TEST(fewer_flows_than_announced_give_the_same_bytes_as_announcing_them)
{
    static const struct {
        uint32_t announced, put; /* heads of 1, 2, 3 and 5 bytes */
    } rows[] = {{1, 0}, {2, 1}, {3, 3}, {25, 2}, {26, 25}, {64, 0}, {64, 30}, {6554, 3}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t expected[4096];
        uint8_t bytes[4096];
        size_t length = encode(bytes, sizeof(bytes), rows[i].announced, rows[i].put);
        size_t expected_length = encode(expected, sizeof(expected), rows[i].put, rows[i].put);

        CHECK(length > 0);
        CHECK_UINT(length, expected_length);
        CHECK(memcmp(bytes, expected, expected_length) == 0);
    }
}

TEST(flow_that_does_not_fit_leaves_the_report_good)
{
    uint8_t bytes[4096];
    size_t whole = encode(bytes, sizeof(bytes), 3, 3);

    for (size_t missing = 1; missing <= 25; missing++) {
        struct picket_report_head head = plain_head();
        struct picket_flow_record flow = plain_flow(443);
        struct picket_report_writer writer;
        struct picket_report_reader reader;
        uint32_t kept = 0;
        uint32_t flow_count = 0;
        size_t length = 0;

        CHECK(picket_report_begin(&writer, bytes, whole - missing, &head, 3) == PICKET_OK);
        while (picket_report_put_flow(&writer, &flow) == PICKET_OK) {
            kept++;
        }
        picket_report_finish(&writer, true, &length);
        CHECK(picket_report_open(&reader, bytes, length, &head, &flow_count) == PICKET_OK);
        CHECK_UINT(flow_count, kept);
        CHECK(kept == 2 || kept == 1);
        CHECK(head.has_more);
    }
}

TEST(head_that_does_not_fit_is_refused)
{
    uint8_t bytes[4096];
    size_t whole = encode(bytes, sizeof(bytes), 0, 0);

    for (size_t capacity = 0; capacity < whole; capacity++) {
        CHECK_UINT(encode(bytes, capacity, 0, 0), 0);
    }
    CHECK_UINT(encode(bytes, whole, 0, 0), whole);
}

TEST(more_flows_than_announced_never_outgrow_the_reserved_head)
{
    struct picket_report_head head = plain_head();
    struct picket_flow_record flow = plain_flow(443);
    struct picket_report_writer writer;
    uint8_t bytes[4096];

    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 2) == PICKET_OK);
    CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    CHECK(writer.row_head == 1);
    CHECK(picket_report_put_flow(&writer, &flow) == PICKET_E_SPACE);
}

TEST(report_never_outgrows_its_limit_however_large_the_buffer)
{
    static uint8_t bytes[PICKET_REPORT_BYTES_MAX + 64]; /* too large for a small stack */
    struct picket_report_head head = plain_head();
    struct picket_flow_record flow = plain_flow(443);
    struct picket_report_writer writer;
    size_t length = 0;

    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 6000) == PICKET_OK);
    while (picket_report_put_flow(&writer, &flow) == PICKET_OK) {
    }
    picket_report_finish(&writer, true, &length);
    CHECK(length <= PICKET_REPORT_BYTES_MAX && length > PICKET_REPORT_BYTES_MAX - 32);
}

TEST(text_over_its_limit_is_refused)
{
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    char text[PICKET_TEXT_MAX + 1] = {0};
    uint8_t bytes[4096];

    memset(text, 'v', sizeof(text));
    head.has_system = true;
    head.system.hardware = (struct picket_text){text, PICKET_TEXT_MAX};
    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_OK);
    head.system.hardware.length++;
    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_E_ARG);
}

TEST(a_protection_that_is_not_known_is_not_told_to_be_on)
{
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    struct picket_report_reader reader;
    struct picket_report_head told;
    uint8_t bytes[4096];
    uint32_t count;
    size_t length = 0;

    head.has_system = true;
    head.system.hardening_known = PICKET_HARDENING_STACK_PROTECTOR;
    head.system.hardening_on = 0xff;
    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_OK);
    picket_report_finish(&writer, false, &length);
    CHECK(picket_report_open(&reader, bytes, length, &told, &count) == PICKET_OK);
    CHECK_UINT(told.system.hardening_known, PICKET_HARDENING_STACK_PROTECTOR);
    CHECK_UINT(told.system.hardening_on, PICKET_HARDENING_STACK_PROTECTOR);
    CHECK(told.system.firmware_sha256 == NULL);
}

TEST(further_ipv4_flow_takes_at_most_24_bytes_and_ipv6_36)
{
    struct picket_report_head head = plain_head();
    struct picket_flow_record flow = plain_flow(443);
    struct picket_report_writer writer;
    uint8_t bytes[4096];
    size_t before;

    flow.connections = 12;
    flow.packets_in = 23;
    flow.packets_out = 21;
    flow.bytes_in = 18000;
    flow.bytes_out = 2300;
    flow.first_ms = 1000;
    flow.last_ms = 59000;
    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 2) == PICKET_OK);
    before = writer.cursor.length;
    CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    CHECK(writer.cursor.length - before <= 24);
    before = writer.cursor.length;
    flow.address_size = 16;
    CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    CHECK(writer.cursor.length - before <= 36);
}

TEST_MAIN(TEST_ROW(fewer_flows_than_announced_give_the_same_bytes_as_announcing_them),
          TEST_ROW(flow_that_does_not_fit_leaves_the_report_good),
          TEST_ROW(head_that_does_not_fit_is_refused),
          TEST_ROW(more_flows_than_announced_never_outgrow_the_reserved_head),
          TEST_ROW(report_never_outgrows_its_limit_however_large_the_buffer),
          TEST_ROW(text_over_its_limit_is_refused),
          TEST_ROW(a_protection_that_is_not_known_is_not_told_to_be_on),
          TEST_ROW(further_ipv4_flow_takes_at_most_24_bytes_and_ipv6_36))
