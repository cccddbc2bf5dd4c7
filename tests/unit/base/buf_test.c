/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include <stdlib.h>

#include "harness/check.h"

TEST(pieces_stand_behind_each_other_and_end_in_nul)
{
    struct buf buf;

    buf_init(&buf, 100);
    buf_add(&buf, "ab\0c", 4);
    buf_add_text(&buf, "de");
    buf_addf(&buf, "%d-%s", 7, "x");
    CHECK_UINT(buf.length, 9);
    CHECK(memcmp(buf.bytes, "ab\0cde7-x", 10) == 0);
    CHECK(!buf.is_failed);
    buf_deinit(&buf);
}

TEST(growth_keeps_what_is_there)
{
    struct buf buf;

    buf_init(&buf, 100000);
    for (unsigned i = 0; i < 10000; i++) {
        buf_addf(&buf, "%05u", i);
    }
    CHECK_UINT(buf.length, 50000);
    CHECK(memcmp(buf.bytes, "0000000001", 10) == 0);
    CHECK_TEXT(buf.bytes + 49990, "0999809999");
    buf_deinit(&buf);
}

TEST(exactly_the_maximum_fits)
{
    struct buf buf;

    buf_init(&buf, 8);
    buf_add_text(&buf, "12345678");
    CHECK(!buf.is_failed);
    CHECK_TEXT(buf.bytes, "12345678");
    buf_add(&buf, "", 0);
    CHECK(!buf.is_failed);
    buf_deinit(&buf);
}

TEST(first_failure_sticks_and_nothing_is_handed_over)
{
    struct buf buf;
    size_t length = 77;

    buf_init(&buf, 8);
    buf_add_text(&buf, "123456");
    buf_addf(&buf, "%s", "789");
    CHECK(buf.is_failed);
    buf_add_text(&buf, "7");
    CHECK_UINT(buf.length, 6);
    CHECK(buf_take(&buf, &length) == NULL);
    CHECK_UINT(length, 77);
    buf_deinit(&buf);
}

TEST(taken_bytes_leave_the_buf_empty_and_usable)
{
    struct buf buf;
    size_t length = 0;
    char *first, *second;

    buf_init(&buf, 20);
    buf_add_text(&buf, "first");
    first = buf_take(&buf, &length);
    buf_add_text(&buf, "second");
    second = buf_take(&buf, NULL);
    CHECK_TEXT(first, "first");
    CHECK_UINT(length, 5);
    CHECK_TEXT(second, "second");
    free(first);
    free(second);
}

TEST(what_is_reserved_is_filled_where_it_lies_and_not_beyond_the_maximum)
{
    struct buf buf;
    const char *first;

    buf_init(&buf, 2000);
    buf_add_text(&buf, "a");
    buf_reserve(&buf, 1999);
    first = buf.bytes;
    for (size_t i = 0; i < 1999; i++) {
        buf_add_text(&buf, "b");
    }
    CHECK(!buf.is_failed);
    CHECK(buf.bytes == first);
    CHECK_UINT(buf.length, 2000);
    buf_reserve(&buf, 1);
    CHECK(buf.is_failed);
    buf_deinit(&buf);
}

TEST(an_empty_buf_is_taken_as_an_empty_text)
{
    struct buf buf;
    char *text;

    buf_init(&buf, 0);
    text = buf_take(&buf, NULL);
    CHECK_TEXT(text, "");
    free(text);
}

TEST_MAIN(TEST_ROW(pieces_stand_behind_each_other_and_end_in_nul),
          TEST_ROW(growth_keeps_what_is_there), TEST_ROW(exactly_the_maximum_fits),
          TEST_ROW(first_failure_sticks_and_nothing_is_handed_over),
          TEST_ROW(taken_bytes_leave_the_buf_empty_and_usable),
          TEST_ROW(what_is_reserved_is_filled_where_it_lies_and_not_beyond_the_maximum),
          TEST_ROW(an_empty_buf_is_taken_as_an_empty_text))
