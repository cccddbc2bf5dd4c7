/* SPDX-License-Identifier: MIT */
#include "feed/reader.h"

#include "recording.h"

#define FIELDS "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\n"

TEST(types_that_a_network_shows_are_read)
{
    struct recording recording;

    CHECK_TEXT(record(read_zeek,
                      FIELDS "198.51.100.7\tIntel::ADDR\tA\tscans\r\n"
                             "198.51.100.0/24\tIntel::SUBNET\tA\t-\n"
                             "bad.example\tIntel::DOMAIN\t-\t-\n"
                             "0123456789abcdef0123456789abcdef\tIntel::JA3\tA\tx\n"
                             "http://198.51.100.7:81/x\tIntel::URL\tA\tx\n",
                      &recording),
               "2 198.51.100.7 comment=scans\n"
               "3 198.51.100.0/24 comment=A\n"
               "4 bad.example\n"
               "5 0123456789abcdef0123456789abcdef comment=x\n"
               "6 198.51.100.7:81 comment=x\n");
    CHECK_UINT(recording.reading.lines, 6);
    CHECK_UINT(recording.reading.blank, 1);
}

TEST(columns_may_stand_in_any_order)
{
    struct recording recording;

    CHECK_TEXT(record(read_zeek,
                      "#separator \\x09\n"
                      "#fields\tmeta.url\tindicator_type\tmeta.do_notice\tindicator\n"
                      "https://r.example/\tIntel::ADDR\tF\t198.51.100.7\n",
                      &recording),
               "3 198.51.100.7 reference=https://r.example/\n");
}

TEST(other_types_are_unsupported)
{
    struct recording recording;

    CHECK_TEXT(record(read_zeek,
                      FIELDS "0123456789abcdef0123456789abcdef\tIntel::FILE_HASH\tA\tx\n"
                             "a@bad.example\tIntel::EMAIL\tA\tx\n"
                             "0123456789abcdef0123456789abcdef01234567\tIntel::CERT_HASH\tA\tx\n"
                             "good.example/x\tIntel::URL\tA\tx\n",
                      &recording),
               "2 unsupported: of a type that no network shows\n"
               "3 unsupported: of a type that no network shows\n"
               "4 unsupported: the SHA-1 of a certificate\n"
               "5 unsupported: a URL that is not about all of its host\n");
}

TEST(rows_that_contradict_themselves_are_malformed)
{
    struct recording recording;

    CHECK_TEXT(record(read_zeek,
                      FIELDS "bad.example\tIntel::ADDR\tA\tx\n"
                             "198.51.100.7\tIntel::DOMAIN\tA\tx\n"
                             "198.51.100.7\tIntel::ADDR\tA\n"
                             "198.51.100.7\tADDR\tA\tx\n"
                             "-\tIntel::ADDR\tA\tx\n",
                      &recording),
               "2 malformed: the value is not of the type that its row says\n"
               "3 malformed: the value is not of the type that its row says\n"
               "4 malformed: not as many columns as #fields names\n"
               "5 malformed: a type that Zeek does not have\n"
               "6 malformed: empty, too long, or not text\n");
}

TEST(without_columns_nothing_can_be_read)
{
    struct recording recording;

    CHECK_TEXT(record(read_zeek, "198.51.100.7\tIntel::ADDR\tA\tx\n", &recording),
               "1 malformed: not as many columns as #fields names\n");
    CHECK_TEXT(record(read_zeek, "#fields\n198.51.100.7\n", &recording),
               "2 malformed: not as many columns as #fields names\n");
}

TEST_MAIN(TEST_ROW(types_that_a_network_shows_are_read), TEST_ROW(columns_may_stand_in_any_order),
          TEST_ROW(other_types_are_unsupported),
          TEST_ROW(rows_that_contradict_themselves_are_malformed),
          TEST_ROW(without_columns_nothing_can_be_read))
