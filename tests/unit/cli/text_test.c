/* SPDX-License-Identifier: MIT */
#include "cli/text.h"

#include "base/buf.h"
#include "base/time.h"
#include "harness/check.h"

TEST(what_could_move_the_cursor_or_is_no_utf8_is_made_harmless)
{
    static const struct {
        const char *text;
        const char *safe;
    } rows[] = {
        {"plain text", "plain text"},
        {"\x1b[2Jgone", "?[2Jgone"},
        {"two\nlines\r\t", "two?lines??"},
        {"caf\xc3\xa9 \xe2\x82\xac", "caf\xc3\xa9 \xe2\x82\xac"},
        {"c1 \xc2\x9b", "c1 ?"},
        {"turned \xe2\x80\xae", "turned ?"},
        {"\x7f", "?"},
        {"\xc3", "?"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},
        {"\xed\xa0\x80", "???"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out;

        buf_init(&out, 256);
        text_add_safe(&out, rows[i].text);
        CHECK_TEXT(out.bytes, rows[i].safe);
        buf_deinit(&out);
    }
}

TEST(numbers_are_written_as_people_read_them)
{
    struct buf out;

    buf_init(&out, 256);
    text_add_count(&out, 0);
    buf_add_text(&out, " ");
    text_add_count(&out, 999);
    buf_add_text(&out, " ");
    text_add_count(&out, 1234567);
    buf_add_text(&out, " ");
    text_add_counted(&out, 1, "flow");
    buf_add_text(&out, " ");
    text_add_counted(&out, 2, "flow");
    buf_add_text(&out, " ");
    text_add_bytes(&out, 9999);
    buf_add_text(&out, " ");
    text_add_bytes(&out, 999950);
    buf_add_text(&out, " ");
    text_add_bytes(&out, 20872986);
    CHECK_TEXT(out.bytes, "0 999 1,234,567 1 flow 2 flows 9,999 B 1.0 MB 20.9 MB");
    buf_deinit(&out);
}

TEST(times_are_short_and_durations_in_their_largest_unit)
{
    struct buf out;

    buf_init(&out, 256);
    text_add_time(&out, 0);
    buf_add_text(&out, ", ");
    text_add_duration(&out, 60 * (int64_t)TIME_US_PER_S);
    buf_add_text(&out, ", ");
    text_add_duration(&out, 12000 * (int64_t)TIME_US_PER_S);
    buf_add_text(&out, ", ");
    text_add_duration(&out, 7 * 86400 * (int64_t)TIME_US_PER_S);
    CHECK_TEXT(out.bytes, "1970-01-01 00:00:00, 60 s, 3 h 20 min, 7 days");
    buf_deinit(&out);
}

TEST(columns_are_as_wide_as_their_widest_cell_and_no_line_ends_in_blanks)
{
    static const char *const heads[] = {"NAME", ">COUNT", "NOTE"};
    struct table *table = table_new(heads, 3);
    struct buf out;

    buf_init(&out, 1024);
    table_add(table, "caf\xc3\xa9");
    text_add_count(table_cell(table), 7);
    table_add(table, "");
    table_add(table, "longer name");
    text_add_count(table_cell(table), 1234567);
    table_add(table, "x");
    table_write(table, &out, 2);
    CHECK_TEXT(out.bytes, "  NAME             COUNT  NOTE\n"
                          "  caf\xc3\xa9                 7\n"
                          "  longer name  1,234,567  x\n");
    table_free(table);
    buf_deinit(&out);
}

TEST_MAIN(TEST_ROW(what_could_move_the_cursor_or_is_no_utf8_is_made_harmless),
          TEST_ROW(numbers_are_written_as_people_read_them),
          TEST_ROW(times_are_short_and_durations_in_their_largest_unit),
          TEST_ROW(columns_are_as_wide_as_their_widest_cell_and_no_line_ends_in_blanks))
