/* SPDX-License-Identifier: MIT */
#include "picket/facts.h"

#include "harness/check.h"
#include "unit/wire/report_fixture.h"

#define SECTIONS_END (PICKET_SECTION_NAMES + PICKET_SECTIONS)

/* One flow, then sections of @p each records after announcing @p announced; 0 on failure. */
static size_t encode(uint8_t *bytes, size_t capacity, uint32_t announced, uint32_t each,
                     unsigned *ret_put)
{
    struct picket_report_head head = plain_head();
    struct picket_flow_record flow = plain_flow(443);
    struct picket_report_writer writer;
    size_t length = 0;

    if (picket_report_begin(&writer, bytes, capacity, &head, 1) != PICKET_OK ||
        picket_report_put_flow(&writer, &flow) != PICKET_OK) {
        return 0;
    }
    *ret_put = put_facts(&writer, announced, each);
    picket_report_finish(&writer, false, &length);
    return length;
}

static unsigned count_records(struct picket_report_reader *reader)
{
    unsigned count = 0;

    for (unsigned section = PICKET_SECTION_NAMES; section < SECTIONS_END; section++) {
        count += picket_report_seek(reader, (enum picket_section)section);
    }
    return count;
}

TEST(fewer_records_than_announced_give_the_same_bytes_as_announcing_them)
{
    static const struct {
        uint32_t announced, put; /* heads of 1, 2, 3 and 5 bytes */
    } rows[] = {{2, 1}, {30, 2}, {200, 3}, {20000, 1}, {300, 30}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t expected[16384];
        uint8_t bytes[16384];
        unsigned put = 0;
        size_t length = encode(bytes, sizeof(bytes), rows[i].announced, rows[i].put, &put);
        size_t expected_length = encode(expected, sizeof(expected), rows[i].put, rows[i].put, &put);

        CHECK_UINT(put, rows[i].put * PICKET_SECTIONS);
        CHECK(length > 0);
        CHECK_UINT(length, expected_length);
        CHECK(memcmp(bytes, expected, expected_length) == 0);
    }
}

TEST(whatever_the_room_a_report_is_good_and_has_the_records_that_were_put)
{
    static const uint32_t announced[] = {2, 200}; /* the head that is reserved is right, too long */
    uint8_t bytes[4096];
    unsigned all = 0;
    size_t whole = encode(bytes, sizeof(bytes), 2, 2, &all);

    CHECK_UINT(all, 2 * PICKET_SECTIONS);
    for (size_t i = 0; i < 2 * (whole - 60); i++) {
        size_t capacity = 60 + i / 2;
        struct picket_report_reader reader;
        struct picket_report_head head;
        uint32_t flow_count = 0;
        unsigned put = 0;
        size_t length = encode(bytes, capacity, announced[i % 2], 2, &put);

        CHECK(length > 0 && length <= capacity && put < all);
        CHECK(picket_report_open(&reader, bytes, length, &head, &flow_count) == PICKET_OK);
        CHECK_UINT(count_records(&reader), put);
        CHECK_UINT(flow_count, 1);
    }
}

TEST(more_records_than_announced_never_outgrow_the_reserved_head)
{
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    uint8_t bytes[4096];

    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_OK);
    CHECK(put_facts(&writer, 1, 100) > PICKET_SECTIONS);
    CHECK_UINT(writer.row_head, 1);
    CHECK_UINT(writer.record_count, 3); /* 1 + 3 x 7 items: a head of one byte */
}

TEST(what_names_do_not_have_is_refused_and_leaves_the_section_good)
{
    static const struct {
        const char *text;
        size_t length;
        bool is_good;
    } rows[] = {
        {"a", 1, true},        {"_dns-sd.udp~!", 13, true},
        {"", 0, false},        {"a b", 3, false},
        {"aB", 2, false},      {"a\x7f", 2, false},
        {"\x1b[2J", 4, false}, {"\xc3\xa4", 2, false},
        {"a\0b", 3, false},    {"@[`{", 4, true},
    };
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    uint8_t bytes[1024];

    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_OK);
    CHECK(picket_report_open_section(&writer, PICKET_SECTION_METRICS, 20) == PICKET_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_metric_record metric = {.name = {rows[i].text, rows[i].length}};
        size_t before = writer.cursor.length;

        CHECK(picket_report_put_metric(&writer, &metric) ==
              (rows[i].is_good ? PICKET_OK : PICKET_E_ARG));
        CHECK((writer.cursor.length > before) == rows[i].is_good);
    }
    CHECK_UINT(writer.record_count, 3);
}

TEST(texts_over_their_limit_are_refused)
{
    char letters[PICKET_NAME_MAX + 1];
    struct picket_name_record name = {.name = {letters, PICKET_NAME_MAX}};
    struct picket_tls_record tls = {.address_size = 4, .server_name = {letters, PICKET_NAME_MAX}};
    struct picket_event_record event = {.name = {letters, PICKET_TEXT_MAX},
                                        .text = {letters, PICKET_TEXT_MAX}};
    struct picket_report_head head = plain_head();
    struct picket_report_writer writer;
    uint8_t bytes[2048];

    memset(letters, 'n', sizeof(letters));
    CHECK(picket_report_begin(&writer, bytes, sizeof(bytes), &head, 0) == PICKET_OK);
    CHECK(picket_report_open_section(&writer, PICKET_SECTION_NAMES, 2) == PICKET_OK);
    CHECK(picket_report_put_name(&writer, &name) == PICKET_OK);
    name.name.length++;
    CHECK(picket_report_put_name(&writer, &name) == PICKET_E_ARG);
    CHECK(picket_report_open_section(&writer, PICKET_SECTION_TLS, 2) == PICKET_OK);
    CHECK(picket_report_put_tls(&writer, &tls) == PICKET_OK);
    tls.server_name.length++;
    CHECK(picket_report_put_tls(&writer, &tls) == PICKET_E_ARG);
    CHECK(picket_report_open_section(&writer, PICKET_SECTION_EVENTS, 2) == PICKET_OK);
    CHECK(picket_report_put_event(&writer, &event) == PICKET_OK);
    event.text.length++;
    CHECK(picket_report_put_event(&writer, &event) == PICKET_E_ARG);
    event.text.length = 0;
    event.name.length++;
    CHECK(picket_report_put_event(&writer, &event) == PICKET_E_ARG);
}

TEST(section_without_room_for_a_record_is_left_out)
{
    uint8_t bytes[4096];
    unsigned put = 0;
    size_t plain = encode(bytes, sizeof(bytes), 0, 0, &put) - 3 * PICKET_SECTIONS;
    uint8_t keys = (uint8_t)(bytes[0] - PICKET_SECTIONS);

    for (size_t more = 0; more <= 3; more++) { /* key, head and stride leave no byte for a record */
        CHECK_UINT(encode(bytes, plain + more, 1, 1, &put), plain);
        CHECK_UINT(bytes[0], keys);
    }
}

TEST(sections_are_read_in_any_order_and_flows_stay_where_they_were)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    struct picket_name_record name;
    struct picket_event_record event;
    uint32_t flow_count = 0;
    unsigned put = 0;
    uint8_t bytes[2048];
    size_t length = encode(bytes, sizeof(bytes), 2, 2, &put);

    CHECK(picket_report_open(&reader, bytes, length, &head, &flow_count) == PICKET_OK);
    CHECK(!picket_report_next_name(&reader, &name)); /* nothing was sought */
    CHECK_UINT(picket_report_seek(&reader, PICKET_SECTION_EVENTS), 2);
    CHECK(!picket_report_next_name(&reader, &name)); /* another section was */
    CHECK(picket_report_next_event(&reader, &event));
    CHECK(picket_report_next_flow(&reader, &flow) && flow.peer_port == 443);
    CHECK(picket_report_next_event(&reader, &event));
    CHECK_UINT(event.last_ms, 60000);
    CHECK(event.text.length == 7 && memcmp(event.text.bytes, "J\xc3\xbcrgen", 7) == 0);
    CHECK(!picket_report_next_event(&reader, &event));
    for (unsigned round = 0; round < 2; round++) {
        CHECK_UINT(picket_report_seek(&reader, PICKET_SECTION_NAMES), 2);
        CHECK(picket_report_next_name(&reader, &name));
        CHECK(name.address_size == 16 && name.address[0] == 0x20 && name.name.length == 18);
    }
}

TEST(certificate_that_has_an_id_was_seen)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_tls_record tls;
    uint32_t flow_count = 0;
    unsigned put = 0;
    uint8_t bytes[2048];
    size_t length = encode(bytes, sizeof(bytes), 1, 1, &put);

    CHECK(picket_report_open(&reader, bytes, length, &head, &flow_count) == PICKET_OK);
    CHECK_UINT(picket_report_seek(&reader, PICKET_SECTION_TLS), 1);
    CHECK(picket_report_next_tls(&reader, &tls));
    CHECK(tls.has_certificate && tls.has_certificate_id);
}

TEST_MAIN(TEST_ROW(fewer_records_than_announced_give_the_same_bytes_as_announcing_them),
          TEST_ROW(whatever_the_room_a_report_is_good_and_has_the_records_that_were_put),
          TEST_ROW(more_records_than_announced_never_outgrow_the_reserved_head),
          TEST_ROW(what_names_do_not_have_is_refused_and_leaves_the_section_good),
          TEST_ROW(texts_over_their_limit_are_refused),
          TEST_ROW(section_without_room_for_a_record_is_left_out),
          TEST_ROW(sections_are_read_in_any_order_and_flows_stay_where_they_were),
          TEST_ROW(certificate_that_has_an_id_was_seen))
