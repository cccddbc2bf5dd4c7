/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/buf.h"
#include "harness/check.h"

static void write_sample(struct json *json)
{
    json_open_object(json, NULL);
    json_put_text(json, "name", "camera");
    json_put_null(json, "owner");
    json_open_array(json, "counts");
    json_put_int(json, NULL, -1);
    json_put_uint(json, NULL, 2);
    json_close_array(json);
    json_open_object(json, "empty");
    json_close_object(json);
    json_put_raw(json, "raw", "[1]", 3);
    json_put_hex(json, "key", "\x00\xaf", 2);
    json_put_bool(json, "is_on", true);
    json_close_object(json);
}

TEST(members_are_separated_and_nested)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 1000);
    json_init(&json, &buf, false);
    write_sample(&json);
    CHECK_TEXT(buf.bytes, "{\"name\":\"camera\",\"owner\":null,\"counts\":[-1,2],\"empty\":{},"
                          "\"raw\":[1],\"key\":\"00af\",\"is_on\":true}");
    buf_deinit(&buf);
}

TEST(pretty_output_is_indented_by_two)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 1000);
    json_init(&json, &buf, true);
    write_sample(&json);
    CHECK_TEXT(buf.bytes, "{\n  \"name\": \"camera\",\n  \"owner\": null,\n  \"counts\": [\n"
                          "    -1,\n    2\n  ],\n  \"empty\": {},\n  \"raw\": [1],\n"
                          "  \"key\": \"00af\",\n  \"is_on\": true\n}");
    buf_deinit(&buf);
}

TEST(integers_keep_all_64_bits)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 1000);
    json_init(&json, &buf, false);
    json_open_array(&json, NULL);
    json_put_int(&json, NULL, INT64_MIN);
    json_put_int(&json, NULL, INT64_MAX);
    json_put_uint(&json, NULL, UINT64_MAX);
    json_close_array(&json);
    CHECK_TEXT(buf.bytes, "[-9223372036854775808,9223372036854775807,18446744073709551615]");
    buf_deinit(&buf);
}

TEST(text_is_escaped_and_repaired)
{
    static const struct {
        const char *text;
        size_t length;
        const char *expected;
    } rows[] = {
        {"a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\""},
        {"\n\r\t\b\f", 5, "\"\\n\\r\\t\\b\\f\""},
        {"\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\""},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", 11,
         "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"\xff", 1, "\"\xef\xbf\xbd\""},                                 /* never valid */
        {"\xc3", 1, "\"\xef\xbf\xbd\""},                                 /* cut */
        {"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 /* overlong */
        {"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* surrogate */
        {"\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xe2\x82x", 3, "\"\xef\xbf\xbd\xef\xbf\xbdx\""},
        {"a\xc3\xa9z", 2, "\"a\xef\xbf\xbd\""}, /* the length ends inside a sequence */
        {"", 0, "\"\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf buf;
        struct json json;

        buf_init(&buf, 1000);
        json_init(&json, &buf, false);
        json_put_text_n(&json, NULL, rows[i].text, rows[i].length);
        CHECK_TEXT(buf.bytes, rows[i].expected);
        buf_deinit(&buf);
    }
}

TEST(missing_text_is_null_and_times_are_rfc_3339)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 1000);
    json_init(&json, &buf, false);
    json_open_object(&json, NULL);
    json_put_text(&json, "text", NULL);
    json_put_time(&json, "at", INT64_C(1795544451123456));
    json_put_time_or_null(&json, "over", 0);
    json_put_time_or_null(&json, "due", 1000000);
    json_close_object(&json);
    CHECK_TEXT(buf.bytes, "{\"text\":null,\"at\":\"2026-11-24T18:20:51.123456Z\",\"over\":null,"
                          "\"due\":\"1970-01-01T00:00:01.000000Z\"}");
    buf_deinit(&buf);
}

TEST_MAIN(TEST_ROW(members_are_separated_and_nested), TEST_ROW(pretty_output_is_indented_by_two),
          TEST_ROW(integers_keep_all_64_bits), TEST_ROW(text_is_escaped_and_repaired),
          TEST_ROW(missing_text_is_null_and_times_are_rfc_3339))
