/* SPDX-License-Identifier: MIT */
#include "picket/wire.h"

#include "harness/check.h"

struct item {
    size_t length;
    uint8_t bytes[16];
    enum picket_status status;
    size_t offset; /* of the fault, or behind the item */
};

TEST(numbers_of_every_size_are_read)
{
    static const struct {
        size_t length;
        uint8_t bytes[9];
        uint64_t value;
    } rows[] = {
        {1, {0x17}, 23},
        {2, {0x18, 0x18}, 24},
        {3, {0x19, 0x01, 0x00}, 256},
        {5, {0x1a, 0x00, 0x01, 0x00, 0x00}, 65536},
        {9, {0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, UINT64_MAX},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_reader reader;

        picket_reader_init(&reader, rows[i].bytes, rows[i].length);
        CHECK_UINT(picket_reader_get_uint(&reader), rows[i].value);
        CHECK(reader.status == PICKET_OK);
        CHECK_UINT(reader.offset, rows[i].length);
    }
}

TEST(longer_forms_than_needed_are_refused)
{
    static const uint8_t forms[][9] = {
        {0x18, 0x17},
        {0x19, 0x00, 0xff},
        {0x1a, 0x00, 0x00, 0xff, 0xff},
        {0x1b, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff},
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct picket_reader reader;

        picket_reader_init(&reader, forms[i], sizeof(forms[i]));
        CHECK_UINT(picket_reader_get_uint(&reader), 0);
        CHECK(reader.status == PICKET_E_MALFORMED);
        CHECK_UINT(reader.offset, 0);
        CHECK(reader.fault != NULL);
    }
}

TEST(number_above_its_limit_is_refused_at_its_place)
{
    static const uint8_t bytes[] = {0x00, 0x18, 0x64};
    struct picket_reader reader;

    picket_reader_init(&reader, bytes, sizeof(bytes));
    (void)picket_reader_get_uint(&reader);
    CHECK_UINT(picket_reader_get_uint_max(&reader, 99), 0);
    CHECK(reader.status == PICKET_E_LIMIT);
    CHECK_UINT(reader.offset, 1);

    picket_reader_init(&reader, bytes + 1, sizeof(bytes) - 1);
    CHECK_UINT(picket_reader_get_uint_max(&reader, 100), 100);
    CHECK(reader.status == PICKET_OK);
}

TEST(first_error_sticks_and_answers_are_empty)
{
    static const uint8_t bytes[] = {0x61, 'a', 0x01};
    struct picket_reader reader;
    const uint8_t *string = bytes;
    const char *text = "";

    picket_reader_init(&reader, bytes, sizeof(bytes));
    CHECK_UINT(picket_reader_get_uint(&reader), 0);
    CHECK_UINT(picket_reader_get_text(&reader, &text), 0);
    CHECK(text == NULL);
    CHECK_UINT(picket_reader_get_bytes(&reader, &string), 0);
    CHECK(string == NULL);
    CHECK_UINT(picket_reader_get_array(&reader), 0);
    CHECK_UINT(picket_reader_get_map(&reader), 0);
    CHECK(!picket_reader_get_bool(&reader));
    picket_reader_fail(&reader, PICKET_E_LIMIT, 2, "a later fault");
    CHECK(reader.status == PICKET_E_MALFORMED);
    CHECK_UINT(reader.offset, 0);
}

TEST(counts_beyond_the_bytes_left_are_refused)
{
    static const uint8_t array[] = {0x83, 0x01, 0x02};
    static const uint8_t map[] = {0xa2, 0x01, 0x02, 0x03};
    struct picket_reader reader;

    picket_reader_init(&reader, array, sizeof(array));
    CHECK_UINT(picket_reader_get_array(&reader), 0);
    CHECK(reader.status == PICKET_E_TRUNCATED);
    picket_reader_init(&reader, map, sizeof(map));
    CHECK_UINT(picket_reader_get_map(&reader), 0);
    CHECK(reader.status == PICKET_E_TRUNCATED);
}

TEST(text_must_be_utf_8)
{
    static const struct {
        const char *text;
        enum picket_status status;
    } rows[] = {
        {"plain", PICKET_OK},
        {"\xc2\x80", PICKET_OK},
        {"\xe0\xa0\x80", PICKET_OK},
        {"\xed\x9f\xbf", PICKET_OK},
        {"\xf0\x90\x80\x80", PICKET_OK},
        {"\xf4\x8f\xbf\xbf", PICKET_OK},
        {"\x80", PICKET_E_MALFORMED},
        {"\xc1\xbf", PICKET_E_MALFORMED},
        {"\xc2", PICKET_E_MALFORMED},
        {"\xe0\x9f\xbf", PICKET_E_MALFORMED},
        {"\xe1\x80", PICKET_E_MALFORMED},
        {"\xed\xa0\x80", PICKET_E_MALFORMED},
        {"\xf0\x8f\xbf\xbf", PICKET_E_MALFORMED},
        {"\xf4\x90\x80\x80", PICKET_E_MALFORMED},
        {"\xf5\x80\x80\x80", PICKET_E_MALFORMED},
        {"a\xffz", PICKET_E_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t length = strlen(rows[i].text);
        uint8_t bytes[16] = {(uint8_t)(0x60 | length)};
        struct picket_reader reader;
        const char *text;

        memcpy(bytes + 1, rows[i].text, length);
        picket_reader_init(&reader, bytes, length + 1);
        CHECK_UINT(picket_reader_get_text(&reader, &text),
                   rows[i].status == PICKET_OK ? length : 0);
        CHECK(reader.status == rows[i].status);
    }
}

TEST(keys_ascend_strictly)
{
    static const uint8_t bytes[] = {0x00, 0x05, 0x05};
    struct picket_reader reader;
    uint64_t next_key = 0;

    picket_reader_init(&reader, bytes, sizeof(bytes));
    CHECK_UINT(picket_reader_get_key(&reader, &next_key), 0);
    CHECK_UINT(picket_reader_get_key(&reader, &next_key), 5);
    CHECK(reader.status == PICKET_OK);
    (void)picket_reader_get_key(&reader, &next_key);
    CHECK(reader.status == PICKET_E_MALFORMED);
    CHECK_UINT(reader.offset, 2);
}

TEST(skip_passes_over_whole_items_and_no_others)
{
    static const struct item rows[] = {
        {1, {0x17}, PICKET_OK, 1},
        {3, {0x42, 0x01, 0x02}, PICKET_OK, 3},
        {1, {0xf5}, PICKET_OK, 1},
        {1, {0x80}, PICKET_OK, 1},
        {2, {0xa0, 0x00}, PICKET_OK, 1},
        {6, {0x83, 0x01, 0x82, 0x02, 0x03, 0x04}, PICKET_OK, 6},
        {6, {0xa2, 0x01, 0x80, 0x02, 0xa0, 0x07}, PICKET_OK, 5},
        {8, {0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80}, PICKET_OK, 8},
        {9, {0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x80}, PICKET_E_LIMIT, 8},
        {9, {0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x01}, PICKET_OK, 9},
        {4, {0xa2, 0x01, 0x00, 0x01}, PICKET_E_TRUNCATED, 0},
        {5, {0xa2, 0x01, 0x00, 0x01, 0x00}, PICKET_E_MALFORMED, 3},
        {3, {0x82, 0x01, 0x20}, PICKET_E_MALFORMED, 2},
        {3, {0x81, 0x62, 0x61}, PICKET_E_TRUNCATED, 1},
        {2, {0x9f, 0xff}, PICKET_E_MALFORMED, 0},
        {1, {0xf7}, PICKET_E_MALFORMED, 0},
        {0, {0}, PICKET_E_TRUNCATED, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_reader reader;

        picket_reader_init(&reader, rows[i].bytes, rows[i].length);
        picket_reader_skip(&reader);
        CHECK(reader.status == rows[i].status);
        CHECK_UINT(reader.offset, rows[i].offset);
    }
}

TEST(every_status_has_words)
{
    CHECK_TEXT(picket_strerror(PICKET_OK), "good");
    CHECK_TEXT(picket_strerror(PICKET_E_CONFLICT), "it clashes with what is there");
    CHECK_TEXT(picket_strerror((enum picket_status) - 99), "unknown status");
}

TEST_MAIN(TEST_ROW(numbers_of_every_size_are_read), TEST_ROW(longer_forms_than_needed_are_refused),
          TEST_ROW(number_above_its_limit_is_refused_at_its_place),
          TEST_ROW(first_error_sticks_and_answers_are_empty),
          TEST_ROW(counts_beyond_the_bytes_left_are_refused), TEST_ROW(text_must_be_utf_8),
          TEST_ROW(keys_ascend_strictly), TEST_ROW(skip_passes_over_whole_items_and_no_others),
          TEST_ROW(every_status_has_words))
