/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

#include "harness/check.h"

TEST(length_is_of_what_rfc_3629_allows)
{
    static const struct {
        const char *text;
        size_t length;
        size_t expected;
    } rows[] = {
        {"a", 1, 1},
        {"", 0, 0},
        {"\0", 1, 1},
        {"\xc3\xa9", 2, 2},
        {"\xc3", 1, 0},
        {"\xc1\x81", 2, 0}, /* overlong */
        {"\xe2\x82\xac", 3, 3},
        {"\xe0\x9f\xbf", 3, 0},
        {"\xed\xa0\x80", 3, 0}, /* a surrogate */
        {"\xee\x80\x80", 3, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"\xf4\x90\x80\x80", 4, 0}, /* above U+10FFFF */
        {"\x80", 1, 0},
        {"\xff", 1, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_UINT(utf8_length(rows[i].text, rows[i].length), rows[i].expected);
    }
}

TEST(every_character_that_is_put_has_its_length)
{
    static const uint32_t firsts[] = {0, 0x80, 0x800, 0x10000, 0x10ffff};

    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        char text[UTF8_MAX];
        size_t length = utf8_put(firsts[i], text);

        CHECK_UINT(length, i < 4 ? i + 1 : 4);
        CHECK_UINT(utf8_length(text, length), length);
    }
}

TEST(cut_leaves_whole_characters)
{
    const char *text = "a\xe2\x82\xac"
                       "b";

    CHECK_UINT(utf8_cut(text, 5, 9), 5);
    CHECK_UINT(utf8_cut(text, 5, 4), 4);
    CHECK_UINT(utf8_cut(text, 5, 3), 1);
    CHECK_UINT(utf8_cut(text, 5, 2), 1);
    CHECK_UINT(utf8_cut(text, 5, 0), 0);
}

TEST_MAIN(TEST_ROW(length_is_of_what_rfc_3629_allows),
          TEST_ROW(every_character_that_is_put_has_its_length),
          TEST_ROW(cut_leaves_whole_characters))
