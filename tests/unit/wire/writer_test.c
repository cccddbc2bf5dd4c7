/* SPDX-License-Identifier: MIT */
#include "picket/wire.h"

#include "harness/check.h"

TEST(numbers_take_their_shortest_form)
{
    static const struct {
        uint64_t value;
        size_t size;
        uint8_t bytes[9];
    } rows[] = {
        {0, 1, {0x00}},
        {23, 1, {0x17}},
        {24, 2, {0x18, 0x18}},
        {255, 2, {0x18, 0xff}},
        {256, 3, {0x19, 0x01, 0x00}},
        {65535, 3, {0x19, 0xff, 0xff}},
        {65536, 5, {0x1a, 0x00, 0x01, 0x00, 0x00}},
        {UINT32_MAX, 5, {0x1a, 0xff, 0xff, 0xff, 0xff}},
        {UINT64_C(4294967296), 9, {0x1b, 0, 0, 0, 1, 0, 0, 0, 0}},
        {UINT64_MAX, 9, {0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_writer writer;
        uint8_t bytes[9];

        picket_writer_init(&writer, bytes, sizeof(bytes));
        picket_writer_put_uint(&writer, rows[i].value);
        CHECK(writer.status == PICKET_OK);
        CHECK_UINT(writer.length, rows[i].size);
        CHECK_UINT(picket_wire_head_size(rows[i].value), rows[i].size);
        CHECK(memcmp(bytes, rows[i].bytes, rows[i].size) == 0);
    }
}

TEST(every_type_has_its_head)
{
    static const uint8_t expected[] = {0xa1, 0x01, 0x84, 0xf4, 0xf5, 0x42,
                                       0xde, 0xad, 0x63, 'a',  'b',  'c'};
    struct picket_writer writer;
    uint8_t bytes[sizeof(expected)];

    picket_writer_init(&writer, bytes, sizeof(bytes));
    picket_writer_put_map(&writer, 1);
    picket_writer_put_uint(&writer, 1);
    picket_writer_put_array(&writer, 4);
    picket_writer_put_bool(&writer, false);
    picket_writer_put_bool(&writer, true);
    picket_writer_put_bytes(&writer, (const uint8_t *)"\xde\xad", 2);
    picket_writer_put_text(&writer, "abc", 3);
    CHECK(writer.status == PICKET_OK);
    CHECK_UINT(writer.length, sizeof(expected));
    CHECK(memcmp(bytes, expected, sizeof(expected)) == 0);
}

TEST(empty_strings_need_no_bytes_behind_them)
{
    struct picket_writer writer;
    uint8_t bytes[2];

    picket_writer_init(&writer, bytes, sizeof(bytes));
    picket_writer_put_bytes(&writer, NULL, 0);
    picket_writer_put_text(&writer, NULL, 0);
    CHECK(writer.status == PICKET_OK);
    CHECK_UINT(writer.length, 2);
}

TEST(nothing_is_written_beyond_the_capacity)
{
    uint8_t bytes[4] = {0xee, 0xee, 0xee, 0xee};
    struct picket_writer writer;

    picket_writer_init(&writer, bytes, 3);
    picket_writer_put_uint(&writer, 1);
    picket_writer_put_uint(&writer, 65536);
    CHECK(writer.status == PICKET_E_SPACE);
    CHECK_UINT(writer.length, 1);
    CHECK_UINT(bytes[3], 0xee);
}

TEST(first_error_sticks)
{
    uint8_t bytes[2];
    struct picket_writer writer;

    picket_writer_init(&writer, bytes, sizeof(bytes));
    picket_writer_put_text(&writer, "abc", 3);
    picket_writer_put_uint(&writer, 1);
    CHECK(writer.status == PICKET_E_SPACE);
    CHECK(writer.length <= sizeof(bytes));
}

TEST_MAIN(TEST_ROW(numbers_take_their_shortest_form), TEST_ROW(every_type_has_its_head),
          TEST_ROW(empty_strings_need_no_bytes_behind_them),
          TEST_ROW(nothing_is_written_beyond_the_capacity), TEST_ROW(first_error_sticks))
