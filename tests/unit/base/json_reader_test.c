/* SPDX-License-Identifier: MIT */
#include "base/json_reader.h"

#include <stdlib.h>

#include "base/err.h"
#include "harness/check.h"

/** A copy without a byte behind it, so that the sanitizer sees a step too far. */
static enum picket_status read_all(const char *text, size_t length, struct err *ret_err)
{
    char *copy = malloc(length > 0 ? length : 1);
    struct json_reader reader;
    enum picket_status status;

    memcpy(copy, text, length);
    json_reader_init(&reader, copy, length);
    json_reader_value(&reader);
    status = json_reader_check(&reader, ret_err);
    if (status == PICKET_OK && !json_reader_is_done(&reader)) {
        status = PICKET_E_CONFLICT;
    }
    free(copy);
    return status;
}

TEST(what_the_grammar_allows_is_read)
{
    static const char *const rows[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-12.5e+10",
        "1E2",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud800\"",
        "[]",
        "{}",
        " [ ] ",
        "[[],{}]",
        "[1 , 2]",
        "{\"\":[]}",
        "{\"a\":{\"b\":[1,{\"c\":null}]},\"d\":-1}",
        "\t\r\n[\n1\n]\n",
        "\"a text that is longer than a machine word, \xe2\x82\xac\"",
        "                          7",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {""};

        CHECK_UINT(read_all(rows[i], strlen(rows[i]), &err), PICKET_OK);
        CHECK_TEXT(err.text, "");
    }
}

TEST(what_the_grammar_forbids_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        const char *sentence;
    } rows[] = {
        {"[1,]", "line 1, byte 4: no value"},
        {"[,1]", "line 1, byte 2: no value"},
        {"[1 2]", "line 1, byte 4: neither a comma nor the end of the array"},
        {"[1}", "line 1, byte 3: neither a comma nor the end of the array"},
        {"{1:2}", "line 1, byte 2: not the name of a member"},
        {"{\"a\" 1}", "line 1, byte 6: no colon behind a name"},
        {"{\"a\":}", "line 1, byte 6: no value"},
        {"{\"a\":1,}", "line 1, byte 8: not the name of a member"},
        {"{\"a\":1 \"b\":2}", "line 1, byte 8: neither a comma nor the end of the object"},
        {"01", "line 1, byte 2: a number that JSON does not have"},
        {"[1.]", "line 1, byte 4: a number that JSON does not have"},
        {"[-]", "line 1, byte 3: a number that JSON does not have"},
        {"[1e]", "line 1, byte 4: a number that JSON does not have"},
        {"[.5]", "line 1, byte 2: no value"},
        {"[+1]", "line 1, byte 2: no value"},
        {"[NaN]", "line 1, byte 2: no value"},
        {"[trux]", "line 1, byte 5: neither true, false nor null"},
        {"[\n\n \"\\q\"]", "line 3, byte 6: an escape that JSON does not have"},
        {"[\"\\u12g4\"]", "line 1, byte 3: an escape that JSON does not have"},
        {"[\"a\nb\"]", "line 1, byte 4: a control character in a text"},
        {"[\"eight bytes and then \xff\"]", "line 1, byte 24: bytes that are not UTF-8"},
        {"['a']", "line 1, byte 2: no value"},
        {"[1/**/]", "line 1, byte 3: neither a comma nor the end of the array"},
        {"\xef\xbb\xbf[]", "line 1, byte 1: no value"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {""};

        CHECK_UINT(read_all(rows[i].text, strlen(rows[i].text), &err), PICKET_E_MALFORMED);
        CHECK_TEXT(err.text, rows[i].sentence);
    }
}

TEST(text_that_ends_early_is_truncated_wherever_it_ends)
{
    const char *text =
        "{\"a\": [1, -2.5e3, true, null, {\"b\": \"\\u00e9\\n\xe2\x82\xac\"}], \"c\": 1}";

    for (size_t length = 0; length < strlen(text); length++) {
        struct err err;
        enum picket_status status = read_all(text, length, &err);
        bool is_inside = length > 0 && ((unsigned char)text[length - 1] == 0xe2 ||
                                        (unsigned char)text[length - 1] == 0x82);

        CHECK_UINT(status, is_inside ? PICKET_E_MALFORMED : PICKET_E_TRUNCATED);
    }
}

TEST(nesting_ends_at_its_limit)
{
    char text[2 * JSON_READER_DEPTH_MAX + 2];
    struct err err;

    memset(text, '[', sizeof(text) / 2);
    memset(text + sizeof(text) / 2, ']', sizeof(text) / 2);
    CHECK_UINT(read_all(text, sizeof(text), &err), PICKET_E_LIMIT);
    CHECK_UINT(read_all(text + 1, sizeof(text) - 2, &err), PICKET_OK);
}

TEST(members_are_found_in_any_order_and_by_any_spelling)
{
    static const char *const names[] = {"type", "value", "absent"};
    const char *text = "[{\"x\":{\"type\":1},\"v\\u0061lue\":[2],\n\"type\":\"a\"}, 7]";
    struct json_span values[3];
    struct json_reader reader, inside;
    int64_t number = 0;

    json_reader_init(&reader, text, strlen(text));
    CHECK(json_reader_enter(&reader, JSON_KIND_ARRAY));
    CHECK(json_reader_item(&reader));
    json_reader_members(&reader, names, 3, values);
    CHECK(json_span_equals(&values[0], "a"));
    CHECK_UINT(values[0].line, 2);
    CHECK_UINT(values[1].kind, JSON_KIND_ARRAY);
    CHECK_UINT(values[2].kind, JSON_KIND_NOTHING);

    json_reader_init_span(&inside, &values[1]);
    CHECK(json_reader_enter(&inside, JSON_KIND_ARRAY));
    CHECK(json_reader_item(&inside));
    values[1] = json_reader_value(&inside);
    CHECK(json_span_integer(&values[1], &number));
    CHECK_UINT(number, 2);
    CHECK(!json_reader_item(&inside));
    CHECK(json_reader_is_done(&inside));

    CHECK(json_reader_item(&reader));
    CHECK_UINT(json_reader_value(&reader).kind, JSON_KIND_NUMBER);
    CHECK(!json_reader_item(&reader));
    CHECK(json_reader_is_done(&reader));
    CHECK_UINT(json_reader_check(&reader, NULL), PICKET_OK);
}

TEST(member_that_is_there_twice_is_refused)
{
    static const char *const names[] = {"a"};
    const char *text = "{\"a\":1,\"b\":2,\"b\":3,\"\\u0061\":4}";
    struct json_span value;
    struct json_reader reader;
    struct err err;

    json_reader_init(&reader, text, strlen(text));
    json_reader_members(&reader, names, 1, &value);
    CHECK_UINT(json_reader_check(&reader, &err), PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "line 1, byte 29: an object has a member twice");
}

TEST(what_is_expected_and_is_not_there_is_a_failure)
{
    struct json_reader reader;
    struct err err;

    json_reader_init(&reader, " {}", 3);
    CHECK(!json_reader_enter(&reader, JSON_KIND_ARRAY));
    CHECK(json_reader_is_done(&reader));
    CHECK_UINT(json_reader_value(&reader).kind, JSON_KIND_NOTHING);
    CHECK_UINT(json_reader_check(&reader, &err), PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "line 1, byte 2: an array was expected");
}

TEST(texts_are_unescaped_and_cut_between_characters)
{
    static const struct {
        const char *json;
        size_t size;
        const char *text;
    } rows[] = {
        {"\"plain\"", 32, "plain"},
        {"\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 32, "a\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00E9\\u20ac\\ud83d\\ude00\"", 32, "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", 32, "\xef\xbf\xbd"},
        {"\"\\ude00x\"", 32, "\xef\xbf\xbdx"},
        {"\"\\ud83d\\u0041\"", 32,
         "\xef\xbf\xbd"
         "A"},
        {"\"\\ude00\\ude00\"", 32, "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\"\\ud83d\\n\"", 32, "\xef\xbf\xbd\n"},
        {"\"abc\"", 3, "ab"},
        {"\"abc\"", 1, ""},
        {"\"a\xe2\x82\xac\"", 4, "a"},
        {"\"a\\u20ac\"", 5, "a\xe2\x82\xac"},
        {"17", 32, ""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_reader reader;
        struct json_span span;
        char text[32];

        json_reader_init(&reader, rows[i].json, strlen(rows[i].json));
        span = json_reader_value(&reader);
        CHECK_UINT(json_span_text(&span, text, rows[i].size), strlen(rows[i].text));
        CHECK_TEXT(text, rows[i].text);
    }
}

TEST(numbers_are_whole_and_fit)
{
    static const struct {
        const char *json;
        bool is_good;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-17", true, -17},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"99999999999999999999", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"1\"", false, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_reader reader;
        struct json_span span;
        int64_t value = 0;

        json_reader_init(&reader, rows[i].json, strlen(rows[i].json));
        span = json_reader_value(&reader);
        CHECK_UINT(json_span_integer(&span, &value), rows[i].is_good);
        CHECK_UINT(value, rows[i].value);
    }
}

TEST_MAIN(TEST_ROW(what_the_grammar_allows_is_read),
          TEST_ROW(what_the_grammar_forbids_is_refused_with_its_place),
          TEST_ROW(text_that_ends_early_is_truncated_wherever_it_ends),
          TEST_ROW(nesting_ends_at_its_limit),
          TEST_ROW(members_are_found_in_any_order_and_by_any_spelling),
          TEST_ROW(member_that_is_there_twice_is_refused),
          TEST_ROW(what_is_expected_and_is_not_there_is_a_failure),
          TEST_ROW(texts_are_unescaped_and_cut_between_characters),
          TEST_ROW(numbers_are_whole_and_fit))
