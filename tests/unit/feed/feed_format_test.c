/* SPDX-License-Identifier: MIT */
#include "feed/format.h"

#include "recording.h"

TEST(formats_have_names)
{
    for (unsigned i = 0; i < FEED_FORMATS; i++) {
        enum feed_format format = FEED_FORMAT_AUTO;

        CHECK(feed_format_parse(feed_format_name((enum feed_format)i), &format) == PICKET_OK);
        CHECK_UINT(format, i);
    }
    CHECK(feed_format_parse("yaml", &(enum feed_format){0}) == PICKET_E_NOTFOUND);
}

TEST(the_format_is_told_by_the_content)
{
    static const struct {
        const char *text;
        enum feed_format format;
    } rows[] = {
        {"198.51.100.7\n", FEED_FORMAT_LINES},
        {"\n\n# ip, and more\n198.51.100.7\n", FEED_FORMAT_CSV},
        {"# a list\n198.51.100.7 # one, two\n", FEED_FORMAT_LINES},
        {"198.51.100.7; one, two\n", FEED_FORMAT_LINES},
        {"198.51.100.7\t10\n", FEED_FORMAT_LINES},
        {"[2001:db8::1]:443\n", FEED_FORMAT_LINES},
        {"[Adblock Plus 2.0]\n||bad.example^\n", FEED_FORMAT_LINES},
        {"||bad.example^$third-party,script\n||worse.example^\n", FEED_FORMAT_LINES},
        {"address=/bad.example/#\n", FEED_FORMAT_LINES},
        {"local-zone: \"bad.example\" always_null\n", FEED_FORMAT_LINES},
        {"198.51.100.7,1,10\n", FEED_FORMAT_CSV},
        {"\"a\",\"198.51.100.7\"\n", FEED_FORMAT_CSV},
        {"# ja3_md5,Firstseen\n0123456789abcdef0123456789abcdef,x\n", FEED_FORMAT_CSV},
        {"Start\tEnd\n198.51.100.0\t198.51.100.255\n", FEED_FORMAT_CSV},
        {"#fields\tindicator\tindicator_type\n198.51.100.7\tIntel::ADDR\n", FEED_FORMAT_ZEEK},
        {"{\"cidr\":\"198.51.100.0/24\"}\n{\"cidr\":\"203.0.113.0/24\"}\n", FEED_FORMAT_NDJSON},
        {"{\"list\": [\"198.51.100.0/24\"], \"name\": \"x\", \"type\": \"cidr\"}",
         FEED_FORMAT_WARNING},
        {"{\"Event\": {\"info\": \"x\", \"Attribute\": [{\"type\": \"ip-dst\", \"to_ids\": true, "
         "\"value\": \"198.51.100.7\"}]}}",
         FEED_FORMAT_MISP},
        {"{\"type\": \"bundle\", \"id\": \"bundle--1\", \"objects\": [{\"type\": \"indicator\", "
         "\"pattern\": \"[ipv4-addr:value = '198.51.100.7']\", \"pattern_type\": \"stix\", "
         "\"valid_from\": \"2026-01-01T00:00:00Z\"}]}",
         FEED_FORMAT_STIX},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        if (strncmp(record(feed_read, rows[i].text, &recording), "the ", 4) == 0 ||
            recording.reading.format != rows[i].format || recording.taken == 0) {
            printf("%s\n", rows[i].text);
            CHECK_TEXT(feed_format_name(recording.reading.format),
                       feed_format_name(rows[i].format));
            CHECK(recording.taken > 0);
        }
    }
}

TEST(what_is_no_feed_is_refused)
{
    static const struct {
        const char *bytes;
        size_t length;
        enum picket_status expected;
    } rows[] = {
        {"", 0, PICKET_E_EMPTY},
        {"\n\n \n", 4, PICKET_E_EMPTY},
        {"# only\n; comments\n", 18, PICKET_E_EMPTY},
        {"#fields\tindicator\tindicator_type\n", 32, PICKET_E_EMPTY},
        {"ip,port\n", 8, PICKET_E_EMPTY},
        {"\n <!DOCTYPE html><p>198.51.100.7</p>", 37, PICKET_E_MALFORMED},
        {"<?xml version='1.0'?>", 21, PICKET_E_MALFORMED},
        {"%PDF-1.7\n198.51.100.7\n", 22, PICKET_E_MALFORMED},
        {"\x7f"
         "ELF\n198.51.100.7\n",
         17, PICKET_E_MALFORMED},
        {"\x28\xb5\x2f\xfd\n198.51.100.7\n", 18, PICKET_E_MALFORMED},
        {"\x1f\x8b\n198.51.100.7\n", 16, PICKET_E_MALFORMED},
        {"Error 503: try again later\n", 27, PICKET_E_MALFORMED},
        {"\0\0\0\0", 4, PICKET_E_MALFORMED},
        {"\xff\xd8\xff\xe0\n\x01\x02\n", 8, PICKET_E_MALFORMED},
        {"{\"type\": \"bundle\", \"objects\": [", 31, PICKET_E_TRUNCATED},
    };
    static const struct feed_options options = {.format = FEED_FORMAT_AUTO};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(picket_strerror(record_bytes(feed_read, rows[i].bytes, rows[i].length, &options,
                                                &recording)),
                   picket_strerror(rows[i].expected));
    }
}

TEST(unsupported_content_alone_is_a_feed_all_the_same)
{
    struct recording recording;

    CHECK_TEXT(record(feed_read, "AS64496 ; x\n", &recording),
               "1 unsupported: the number of an autonomous system\n");
}

TEST(a_format_that_is_named_and_columns_that_are_given_are_not_guessed)
{
    static const struct feed_options lines = {.format = FEED_FORMAT_LINES};
    static const struct feed_options columns = {.columns = {.value = 2}};
    struct recording recording;

    CHECK(record_bytes(feed_read, "ip,port\n198.51.100.7,x\n", 23, &lines, &recording) ==
          PICKET_OK);
    CHECK_TEXT(recording.text, "1 malformed: neither an address nor a domain name\n"
                               "2 198.51.100.7 comment=x\n");
    CHECK(record_bytes(feed_read, "x\t198.51.100.7\n", 15, &columns, &recording) == PICKET_OK);
    CHECK_UINT(recording.reading.format, FEED_FORMAT_CSV);
    CHECK_TEXT(recording.text, "1 198.51.100.7\n");
}

TEST_MAIN(TEST_ROW(formats_have_names), TEST_ROW(the_format_is_told_by_the_content),
          TEST_ROW(what_is_no_feed_is_refused),
          TEST_ROW(unsupported_content_alone_is_a_feed_all_the_same),
          TEST_ROW(a_format_that_is_named_and_columns_that_are_given_are_not_guessed))
