/* SPDX-License-Identifier: MIT */
#include "recording.h"

TEST(networks_are_read_and_metadata_dates_the_list)
{
    struct recording recording;

    CHECK_TEXT(record(read_ndjson,
                      "{\"cidr\":\"192.0.2.0/24\",\"sblid\":\"SBL1\",\"rir\":\"ripencc\"}\r\n"
                      "\n"
                      "{\"cidr\":\"2001:db8::/32\"}\n"
                      "{\"type\":\"metadata\",\"timestamp\":1744682874,\"records\":2}\n",
                      &recording),
               "1 192.0.2.0/24 reference=SBL1\n3 2001:db8::/32\n");
    CHECK_UINT(recording.reading.lines, 4);
    CHECK_UINT(recording.reading.blank, 2);
    CHECK_UINT(recording.reading.published_us / TIME_US_PER_S, 1744682874);
}

TEST(wrong_lines_are_named_and_the_others_are_read)
{
    struct recording recording;

    CHECK_TEXT(record(read_ndjson,
                      "{\"cidr\":\"192.0.2.1/24\"}\n"
                      "{\"cidr\":\"example.com\"}\n"
                      "{\"cidr\":\"192.0.2.0/24\"} x\n"
                      "{\"cidr\":\n"
                      "192.0.2.0\n"
                      "{\"rir\":\"ripencc\"}\n"
                      "{\"asn\":64496,\"domain\":\"example.com\"}\n"
                      "{\"ip\":\"192.0.2.9\"}\n"
                      "{\"indicator\":\"c2.example.com\"}\n",
                      &recording),
               "1 malformed: not a prefix: bits behind its length are set, or it is out of range\n"
               "2 malformed: it is said to be something else than the name that it is\n"
               "3 malformed: byte 25: something stands behind the value\n"
               "4 malformed: byte 9: it ends in the middle of a value\n"
               "5 malformed: byte 1: an object was expected\n"
               "6 malformed: neither cidr, ip nor indicator is there\n"
               "7 unsupported: the number of an autonomous system\n"
               "8 192.0.2.9\n"
               "9 c2.example.com\n");
}

TEST(list_that_ends_in_the_middle_of_a_line_is_truncated)
{
    struct recording recording;

    CHECK_TEXT(record(read_ndjson, "{\"cidr\":\"192.0.2.0/24\"}\n{\"cidr\":\"198.51", &recording),
               picket_strerror(PICKET_E_TRUNCATED));
    CHECK_UINT(recording.taken, 1);
}

TEST_MAIN(TEST_ROW(networks_are_read_and_metadata_dates_the_list),
          TEST_ROW(wrong_lines_are_named_and_the_others_are_read),
          TEST_ROW(list_that_ends_in_the_middle_of_a_line_is_truncated))
