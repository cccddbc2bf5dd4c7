/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include "recording.h"

struct row {
    const char *text;
    const char *expected;
};

#define CHECK_ROWS(rows)                                                                           \
    for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) {                                \
        struct recording recording;                                                                \
                                                                                                   \
        CHECK_TEXT(record(read_lines, (rows)[i].text, &recording), (rows)[i].expected);            \
    }

TEST(every_kind_of_observable_may_stand_on_a_line)
{
    static const struct row rows[] = {
        {"198.51.100.7\n", "1 198.51.100.7\n"},
        {"198.51.100.7", "1 198.51.100.7\n"},
        {"198.51.100.0/24\r\n", "1 198.51.100.0/24\n"},
        {"2001:DB8::1\n2001:db8:1::/48\n", "1 2001:db8::1\n2 2001:db8:1::/48\n"},
        {"198.51.100.7:443\n[2001:db8::1]:53\n", "1 198.51.100.7:443\n2 [2001:db8::1]:53\n"},
        {"Bad.Example.\n*.worse.example\n.worst.example\n",
         "1 bad.example\n2 worse.example\n3 worst.example\n"},
        {"198[.]51[.]100[.]7\nbad[dot]example\n", "1 198.51.100.7\n2 bad.example\n"},
        {"0123456789abcdef0123456789ABCDEF\n", "1 0123456789abcdef0123456789abcdef\n"},
        {"t13d1516h2_8daaf6152771_b186095e22b6\n", "1 t13d1516h2_8daaf6152771_b186095e22b6\n"},
    };

    CHECK_ROWS(rows);
}

TEST(comments_headers_and_empty_lines_are_counted_as_blank)
{
    struct recording recording;

    CHECK_TEXT(record(read_lines,
                      "# one\n\n; two\n! three\n// four\n[Adblock Plus 2.0]\nserver:\n  \t\r\n"
                      "198.51.100.7\n",
                      &recording),
               "9 198.51.100.7\n");
    CHECK_UINT(recording.reading.lines, 9);
    CHECK_UINT(recording.reading.blank, 8);
}

TEST(what_stands_behind_a_value_describes_it)
{
    static const struct row rows[] = {
        {"198.51.100.7 # scans", "1 198.51.100.7 comment=scans\n"},
        {"198.51.100.7#scans", "1 198.51.100.7 comment=scans\n"},
        {"198.51.100.0/24 ; SBL1", "1 198.51.100.0/24 comment=SBL1\n"},
        {"bad.example;seen in a report", "1 bad.example comment=seen in a report\n"},
        {"198.51.100.7\tspam  and\tmore", "1 198.51.100.7 comment=spam and more\n"},
        {"198.51.100.7 // scans", "1 198.51.100.7 comment=scans\n"},
        {"198.51.100.7 some words", "1 198.51.100.7 comment=some words\n"},
        {"198.51.100.7 #", "1 198.51.100.7\n"},
        {"198.51.100.7 # \xff\x01 end", "1 198.51.100.7 comment=? end\n"},
        {"bad.example took too long to respond",
         "1 malformed: words behind a name, without a mark between them\n"},
    };

    CHECK_ROWS(rows);
}

TEST(a_count_of_lists_becomes_confidence_where_a_comment_says_that_it_is_one)
{
    static const struct row rows[] = {
        {"# IP\tnumber of (black)lists\n#\n198.51.100.7\t1\n198.51.100.8\t3\n198.51.100.9\t9\n",
         "3 198.51.100.7 confidence=30\n4 198.51.100.8 confidence=60\n"
         "5 198.51.100.9 confidence=95\n"},
        {"198.51.100.7\t3\n", "1 198.51.100.7 comment=3\n"},
    };

    CHECK_ROWS(rows);
}

TEST(a_range_becomes_the_prefixes_it_is_made_of)
{
    static const struct row rows[] = {
        {"198.51.100.0-198.51.100.255", "1 198.51.100.0/24\n"},
        {"198.51.100.1 - 198.51.100.6 # odd",
         "1 198.51.100.1 comment=odd\n1 198.51.100.2/31 comment=odd\n"
         "1 198.51.100.4/31 comment=odd\n1 198.51.100.6 comment=odd\n"},
        {"0.0.0.0-255.255.255.255", "1 0.0.0.0/0\n"},
        {"2001:db8::-2001:db8::ffff", "1 2001:db8::/112\n"},
        {"198.51.100.7-198.51.100.7", "1 198.51.100.7\n"},
        {"198.51.100.7-198.51.100.6", "1 malformed: not a range of addresses\n"},
        {"198.51.100.7-2001:db8::1", "1 malformed: not a range of addresses\n"},
        {"198.51.100.7-", "1 malformed: not a range of addresses\n"},
        {"bad-name.example", "1 bad-name.example\n"},
        {"198.51.100.7-bad.example", "1 malformed: not a range of addresses\n"},
    };

    CHECK_ROWS(rows);
}

TEST(the_dialects_of_name_servers_and_content_blockers_are_read)
{
    static const struct row rows[] = {
        {"||bad.example^\n||worse.example^|\n||worst.example",
         "1 bad.example\n2 worse.example\n3 worst.example\n"},
        {"||bad.example^$third-party",
         "1 unsupported: a rule of a content blocker with conditions\n"},
        {"@@||good.example^", "1 unsupported: an exception of a content blocker\n"},
        {"address=/bad.example/#\nserver=/worse.example/\nlocal=/a.example/b.example/",
         "1 bad.example\n2 worse.example\n3 a.example\n3 b.example\n"},
        {"address=/bad.example", "1 malformed: no '/' behind the name\n"},
        {"local-zone: \"bad.example.\" always_null\nlocal-data: 'worse.example A 0.0.0.0'",
         "1 bad.example\n2 worse.example\n"},
        {"0.0.0.0 bad.example\n127.0.0.1\tworse.example # why\n:: a.example b.example",
         "1 bad.example\n2 worse.example\n3 a.example\n3 b.example\n"},
        {"127.0.0.1 localhost localhost.localdomain\n0.0.0.0 0.0.0.0\n",
         "1 unsupported: a name of the machine itself\n"
         "1 unsupported: a name of the machine itself\n"
         "2 unsupported: a name of the machine itself\n"},
    };

    CHECK_ROWS(rows);
}

TEST(a_url_counts_as_its_host_only_if_that_is_what_it_is_about)
{
    static const struct row rows[] = {
        {"http://bad.example\nhxxps[:]//worse[.]example/\nhttp://worst.example:8080",
         "1 bad.example\n2 worse.example\n3 worst.example\n"},
        {"http://good.example/their/bad.bin",
         "1 unsupported: a URL that is not about all of its host\n"},
        {"good.example/bad.bin", "1 unsupported: a URL that is not about all of its host\n"},
        {"http://198.51.100.7/bins/sh", "1 198.51.100.7:80\n"},
        {"https://user@198.51.100.7:8443/x?y=z", "1 198.51.100.7:8443\n"},
        {"http://[2001:db8::1]/x", "1 [2001:db8::1]:80\n"},
        {"198.51.100.7:81/x", "1 198.51.100.7:81\n"},
        {"http:///x", "1 malformed: a URL: only its host can be looked for\n"},
        {"http://198.51.100.300/x", "1 malformed: a URL without a proper host\n"},
    };

    CHECK_ROWS(rows);
}

TEST(what_no_network_shows_is_unsupported)
{
    static const struct row rows[] = {
        {"/bins/sh", "1 unsupported: a path of a URL\n"},
        {"AS64496 ; of a name", "1 unsupported: the number of an autonomous system\n"},
        {"0123456789abcdef0123456789abcdef01234567", "1 unsupported: the hash of a file\n"},
        {"someone@bad.example", "1 unsupported: an e-mail address\n"},
    };

    CHECK_ROWS(rows);
}

TEST(what_is_wrong_is_named_with_its_line)
{
    static const struct row rows[] = {
        {"198.51.100.7\n198.51.100.300\n", "1 198.51.100.7\n2 malformed: not an address\n"},
        {"198.51.100.1/24",
         "1 malformed: not a prefix: bits behind its length are set, or it is out of range\n"},
        {"198.51.100.0/33",
         "1 malformed: not a prefix: bits behind its length are set, or it is out of range\n"},
        {"198.51.100.7:0",
         "1 malformed: not a port: a number from 1 to 65535 is, also with /tcp or /udp\n"},
        {"com", "1 malformed: neither an address nor a domain name\n"},
        {"bad..example\nbad.198\n_a-1.b2",
         "1 malformed: neither an address nor a domain name\n"
         "2 malformed: neither an address nor a domain name\n3 _a-1.b2\n"},
        {"b\xc3\xa4"
         "d.example",
         "1 malformed: neither an address nor a domain name\n"},
    };

    CHECK_ROWS(rows);
}

TEST(comments_above_say_where_and_what_the_lines_below_are)
{
    struct recording recording;

    CHECK_TEXT(record(read_lines,
                      "# Aliases: one, two\n"
                      "# Reference: https://first.example/\n"
                      "# Reference: https://second.example/\n"
                      "\n"
                      "a.example\n"
                      "\n"
                      "b.example # own\n"
                      "# Reference: https://third.example/\n"
                      "c.example\n"
                      "# Report of a laboratory\n"
                      "d.example\n"
                      "\n"
                      "e.example\n",
                      &recording),
               "5 a.example comment=one, two reference=https://first.example/\n"
               "7 b.example comment=own reference=https://first.example/\n"
               "9 c.example comment=one, two reference=https://third.example/\n"
               "11 d.example comment=Report of a laboratory\n"
               "13 e.example comment=one, two\n");
}

TEST(a_list_says_when_it_was_made)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"# Last update: Sat, 22 Aug 2026 03:00:29 +0200\n", "2026-08-22T01:00:29"},
        {"; Last-Modified: Mon, 14 Sep 2015 04:39:22 GMT\n", "2015-09-14T04:39:22"},
        {"# This File Date  : Fri Oct 20 12:20:48 UTC 2017\n", "2017-10-20T12:20:48"},
        {"# Last updated: 2024-04-04 07:03:03 UTC      #\n", "2024-04-04T07:03:03"},
        {"# Last updated: never\n", "1970-01-01T00:00:00"},
        {"# Last updated: 99 99 9999 Foo\n", "1970-01-01T00:00:00"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;
        char text[TIME_TEXT_MAX];

        record(read_lines, rows[i].text, &recording);
        time_format(recording.reading.published_us, text);
        text[19] = '\0';
        CHECK_TEXT(text, rows[i].expected);
    }
}

TEST(nul_bytes_and_endless_lines_are_passed_over)
{
    static const struct feed_options options = {.format = FEED_FORMAT_LINES};
    static const char text[] = "198.51\0.100.7\n\0\0\n198.51.100.8\n";
    struct recording recording;
    char *line = malloc(100000);

    CHECK(record_bytes(read_lines, text, sizeof(text) - 1, &options, &recording) == PICKET_OK);
    CHECK_UINT(recording.taken, 1);
    CHECK_UINT(recording.skipped[FEED_MALFORMED], 2);
    if (line != NULL) {
        memset(line, 'a', 100000);
        memcpy(line + 99987, "\n198.51.100.8", 13);
        CHECK(record_bytes(read_lines, line, 100000, &options, &recording) == PICKET_OK);
        CHECK_TEXT(recording.text,
                   "1 malformed: the line is longer than 4096 bytes\n2 198.51.100.8\n");
    }
    free(line);
}

static enum picket_status refuse(void *context, const struct indicator *indicator)
{
    (void)indicator;
    ++*(unsigned *)context;
    return PICKET_E_LIMIT;
}

TEST(what_the_sink_says_ends_the_reading)
{
    static const struct feed_options options = {.format = FEED_FORMAT_LINES};
    static const char text[] = "198.51.100.0-198.51.100.6\n198.51.100.8\n";
    unsigned count = 0;
    struct feed_sink sink = {refuse, recording_skip, &count};
    struct feed_reading reading = {0};

    CHECK(read_lines(text, strlen(text), &options, &sink, &reading, NULL) == PICKET_E_LIMIT);
    CHECK_UINT(count, 1);
}

TEST_MAIN(TEST_ROW(every_kind_of_observable_may_stand_on_a_line),
          TEST_ROW(comments_headers_and_empty_lines_are_counted_as_blank),
          TEST_ROW(what_stands_behind_a_value_describes_it),
          TEST_ROW(a_count_of_lists_becomes_confidence_where_a_comment_says_that_it_is_one),
          TEST_ROW(a_range_becomes_the_prefixes_it_is_made_of),
          TEST_ROW(the_dialects_of_name_servers_and_content_blockers_are_read),
          TEST_ROW(a_url_counts_as_its_host_only_if_that_is_what_it_is_about),
          TEST_ROW(what_no_network_shows_is_unsupported),
          TEST_ROW(what_is_wrong_is_named_with_its_line),
          TEST_ROW(comments_above_say_where_and_what_the_lines_below_are),
          TEST_ROW(a_list_says_when_it_was_made),
          TEST_ROW(nul_bytes_and_endless_lines_are_passed_over),
          TEST_ROW(what_the_sink_says_ends_the_reading))
