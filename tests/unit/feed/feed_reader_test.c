/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include "recording.h"

TEST(text_is_made_fit_to_be_shown)
{
    static const struct {
        const char *text;
        size_t size;
        const char *expected;
    } rows[] = {
        {"plain", 32, "plain"},
        {"  two\t\r\n words \x01\x7f", 32, "two words"},
        {"caf\xc3\xa9", 32, "caf\xc3\xa9"},
        {"caf\xe9!", 32, "caf?!"},
        {"\xed\xa0\x80\xc0\xaf\xf5", 32, "??????"},
        {"\xc2\x9b"
         "31m",
         32, "31m"},
        {"abcdef", 4, "abc"},
        {"ab\xc3\xa9", 4, "ab"},
        {"ab  cd", 4, "ab"},
        {"", 4, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[32];

        CHECK_UINT(reader_clean(rows[i].text, strlen(rows[i].text), text, rows[i].size),
                   strlen(rows[i].expected));
        CHECK_TEXT(text, rows[i].expected);
    }
}

TEST(times_are_read_as_feeds_write_them)
{
    static const struct {
        const char *text;
        const char *expected; /* NULL: none */
    } rows[] = {
        {"2026-08-22T03:00:29Z", "2026-08-22T03:00:29.000000Z"},
        {"2026-08-22T03:00:29.5+02:00", "2026-08-22T01:00:29.500000Z"},
        {"2026-08-22T03:00:29-0130", "2026-08-22T04:30:29.000000Z"},
        {"2024-04-04 07:03:03", "2024-04-04T07:03:03.000000Z"},
        {"2024-04-04 07:03:03 UTC", "2024-04-04T07:03:03.000000Z"},
        {"2018-06-06 16:44:05 (UTC)", "2018-06-06T16:44:05.000000Z"},
        {"2024-02-29", "2024-02-29T00:00:00.000000Z"},
        {"2024/02/29", "2024-02-29T00:00:00.000000Z"},
        {"1770000000", "2026-02-02T02:40:00.000000Z"},
        {"1770000000.25", "2026-02-02T02:40:00.250000Z"},
        {"1770000000123", "2026-02-02T02:40:00.123000Z"},
        {"0001-01-01", "0001-01-01T00:00:00.000000Z"},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"},
        {"2023-02-29", NULL},
        {"2023-13-01", NULL},
        {"2023-12-01T24:00:00Z", NULL},
        {"2023-12-01T", NULL},
        {"2023-12-01 10:00:00 CET", NULL},
        {"2023-12-01T10:00:00.Z", NULL},
        {"12345", NULL},
        {"1770000000123456", NULL},
        {"", NULL},
        {"-", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t time_us = 42;
        char text[TIME_TEXT_MAX];
        bool is_time = reader_time(rows[i].text, strlen(rows[i].text), &time_us);

        CHECK(is_time == (rows[i].expected != NULL));
        time_format(time_us, text);
        CHECK_TEXT(text, is_time ? rows[i].expected : "1970-01-01T00:00:00.000042Z");
    }
}

TEST(lines_are_cut_off_one_by_one)
{
    struct reader_text rest = {" one \r\n\ntwo", 11}, line;

    CHECK(reader_next_line(&rest, &line));
    CHECK(line.length == 3 && memcmp(line.text, "one", 3) == 0);
    CHECK(reader_next_line(&rest, &line));
    CHECK_UINT(line.length, 0);
    CHECK(reader_next_line(&rest, &line));
    CHECK(line.length == 3 && memcmp(line.text, "two", 3) == 0);
    CHECK(!reader_next_line(&rest, &line));
}

TEST_MAIN(TEST_ROW(text_is_made_fit_to_be_shown), TEST_ROW(times_are_read_as_feeds_write_them),
          TEST_ROW(lines_are_cut_off_one_by_one))
