/* SPDX-License-Identifier: MIT */
#include "recording.h"

#define HEAD "{\"name\":\"Shared\",\"version\":20260811,"

TEST(networks_and_bare_addresses_are_read_whatever_comes_first)
{
    struct recording recording;

    CHECK_TEXT(record(read_warning,
                      "{\"list\":[\n\"192.0.2.0/24\",\n\"192.0.2.1\",\n\"2001:db8::1\"],\n"
                      "\"matching_attributes\":[\"ip-src\"],\"name\":\"Shared\","
                      "\"type\":\"cidr\",\"version\":20260811}\n",
                      &recording),
               "2 192.0.2.0/24 comment=Shared\n3 192.0.2.1 comment=Shared\n"
               "4 2001:db8::1 comment=Shared\n");
    CHECK_UINT(recording.reading.lines, 5);
    CHECK_UINT(recording.reading.published_us / TIME_US_PER_S, 1786406400);
}

TEST(lists_of_names_may_have_addresses_and_top_level_domains)
{
    struct recording recording;

    CHECK_TEXT(record(read_warning,
                      HEAD "\"type\":\"hostname\",\"list\":[\"Example.com\",\".example.net\","
                           "\"192.0.2.1\",\"com\",\"\",7]}",
                      &recording),
               "1 example.com comment=Shared\n1 example.net comment=Shared\n"
               "1 192.0.2.1 comment=Shared\n1 unsupported: a top-level domain or a word\n"
               "1 malformed: empty, too long, or not text\n"
               "1 malformed: empty, too long, or not text\n");
    CHECK_TEXT(record(read_warning,
                      HEAD "\"type\":\"string\",\"list\":[\"example.com\"],"
                           "\"matching_attributes\":[\"url\",\"hostname\"]}",
                      &recording),
               "1 example.com comment=Shared\n");
}

TEST(hashes_of_files_are_no_fingerprints)
{
    struct recording recording;

    CHECK_TEXT(record(read_warning,
                      HEAD "\"type\":\"string\",\"matching_attributes\":[\"md5\",\"sha256\"],"
                           "\"list\":[\"0f343b0931126a20f133d67c2b018a3b\"]}",
                      &recording),
               "1 unsupported: a list about what is not looked up on the network\n");
    CHECK_TEXT(record(read_warning,
                      HEAD "\"type\":\"string\",\"matching_attributes\":[\"ja3-fingerprint-md5\"],"
                           "\"list\":[\"0f343b0931126a20f133d67c2b018a3b\",\"example.com\"]}",
                      &recording),
               "1 0f343b0931126a20f133d67c2b018a3b comment=Shared\n"
               "1 malformed: it is said to be something else than the name that it is\n");
    CHECK_TEXT(record(read_warning,
                      HEAD "\"type\":\"string\",\"matching_attributes\":[\"domain\"],"
                           "\"list\":[\"0f343b0931126a20f133d67c2b018a3b.example.com\"]}",
                      &recording),
               "1 0f343b0931126a20f133d67c2b018a3b.example.com comment=Shared\n");
}

TEST(types_that_cannot_be_looked_up_are_named)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {HEAD "\"type\":\"regex\",\"list\":[\"a.*\"]}",
         "1 unsupported: a list of type regex: only whole names and addresses are looked up\n"},
        {HEAD "\"type\":\"substring\",\"list\":[\"a\"]}",
         "1 unsupported: a list of type substring: only whole names and addresses are looked "
         "up\n"},
        {HEAD "\"type\":\"cuckoo\",\"list\":[\"a\"]}",
         "1 unsupported: a list of a type that is not known\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_warning, rows[i].text, &recording), rows[i].expected);
    }
}

TEST(what_is_no_list_or_ends_early_gives_nothing)
{
    static const struct {
        const char *text;
        enum picket_status status;
    } rows[] = {
        {"{\"name\":\"a\",\"type\":\"cidr\"}", PICKET_E_MALFORMED},
        {"{\"type\":\"cidr\",\"list\":{}}", PICKET_E_MALFORMED},
        {"[\"192.0.2.1\"]", PICKET_E_MALFORMED},
        {"{\"type\":\"cidr\",\"list\":[\"192.0.2.1\"]} {}", PICKET_E_MALFORMED},
        {"{\"type\":\"cidr\",\"list\":[\"192.0.2.1\"],\"list\":[]}", PICKET_E_MALFORMED},
        {"{\"type\":\"cidr\",\"list\":[\"192.0.2.1\"", PICKET_E_TRUNCATED},
        {"{\"type\":\"cidr\",\"list\":[\"192.0.2.1\"]", PICKET_E_TRUNCATED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_warning, rows[i].text, &recording), picket_strerror(rows[i].status));
        CHECK_UINT(recording.taken, 0);
    }
}

TEST_MAIN(TEST_ROW(networks_and_bare_addresses_are_read_whatever_comes_first),
          TEST_ROW(lists_of_names_may_have_addresses_and_top_level_domains),
          TEST_ROW(hashes_of_files_are_no_fingerprints),
          TEST_ROW(types_that_cannot_be_looked_up_are_named),
          TEST_ROW(what_is_no_list_or_ends_early_gives_nothing))
