/* SPDX-License-Identifier: MIT */
#include "recording.h"

#define INDICATOR(rest) "{\"type\":\"indicator\"," rest "}"
#define PATTERN         "\"pattern\":\"[ipv4-addr:value = '192.0.2.1']\""
#define BUNDLE(all)     "{\"type\":\"bundle\",\"objects\":[" all "]}"

TEST(indicator_is_told_with_all_that_is_said_of_it)
{
    struct recording recording;

    CHECK_TEXT(record(read_stix,
                      "{\"objects\":[\n{" PATTERN ",\"type\":\"indicator\","
                      "\"spec_version\":\"2.1\",\"id\":\"indicator--1\",\"name\":\"Mozi\","
                      "\"description\":\"A\\nbotnet\",\"confidence\":75,"
                      "\"indicator_types\":[\"malicious-activity\",\"attribution\"],"
                      "\"labels\":[\"x\"],\"pattern_type\":\"stix\",\"revoked\":false,"
                      "\"valid_from\":\"2026-01-02T03:04:05.678Z\","
                      "\"valid_until\":\"2027-01-02T03:04:05Z\","
                      "\"modified\":\"2026-02-03T04:05:06Z\"}],\"type\":\"bundle\"}\n",
                      &recording),
               "2 192.0.2.1 confidence=75 category=malicious-activity comment=Mozi; A botnet "
               "reference=indicator--1 from=2026-01-02T03:04:05 until=2026-02-03T04:05:06 "
               "expires=2027-01-02T03:04:05\n");
    CHECK_UINT(recording.reading.lines, 2);
    CHECK_UINT(recording.reading.published_us / TIME_US_PER_S, 1770091506);
}

TEST(stix_2_0_says_its_category_in_labels)
{
    struct recording recording;

    CHECK_TEXT(record(read_stix,
                      "{\"type\":\"bundle\",\"spec_version\":\"2.0\",\"objects\":[" INDICATOR(
                          PATTERN ",\"labels\":[\"c2\"]") "]}",
                      &recording),
               "1 192.0.2.1 category=c2\n");
}

TEST(indicators_that_do_not_hold_are_passed_over)
{
    static const struct {
        const char *rest;
        const char *expected;
    } rows[] = {
        {PATTERN ",\"revoked\":true", "1 revoked: it was revoked\n"},
        {PATTERN ",\"pattern_type\":\"snort\"",
         "1 unsupported: a pattern in another language than STIX\n"},
        {PATTERN ",\"indicator_types\":[\"benign\"]", "1 unsupported: it says what is benign\n"},
        {"\"name\":\"a\"", "1 malformed: an indicator without a pattern\n"},
        {"\"pattern\":7", "1 malformed: an indicator without a pattern\n"},
        {"\"pattern\":\"[\"", "1 malformed: a pattern breaks the grammar of STIX\n"},
        {PATTERN ",\"confidence\":101", "1 192.0.2.1\n"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;
        char text[512];

        snprintf(text, sizeof(text), BUNDLE(INDICATOR("%s")), rows[i].rest);
        CHECK_TEXT(record(read_stix, text, &recording), rows[i].expected);
    }
}

TEST(other_objects_are_no_indicators)
{
    struct recording recording;

    CHECK_TEXT(record(read_stix,
                      BUNDLE("{\"type\":\"ipv4-addr\",\"value\":\"192.0.2.1\"},"
                             "{\"type\":\"malware\",\"pattern\":\"[ipv4-addr:value = "
                             "'192.0.2.1']\"},{\"pattern\":\"\"}"),
                      &recording),
               "");
}

TEST(envelopes_follow_one_another)
{
    struct recording recording;

    CHECK_TEXT(record(read_stix,
                      "{\"more\":true,\"objects\":[" INDICATOR(PATTERN) "],\"next\":\"2\"}\n{}\n"
                                                                        "{\"objects\":[" INDICATOR(
                                                                            PATTERN) "]}\n",
                      &recording),
               "1 192.0.2.1\n3 192.0.2.1\n");
}

TEST(what_is_no_bundle_or_ends_early_is_refused)
{
    static const struct {
        const char *text;
        enum picket_status status;
    } rows[] = {
        {"{\"type\":\"indicator\"}", PICKET_E_MALFORMED},
        {"[]", PICKET_E_MALFORMED},
        {"{\"objects\":{}}", PICKET_E_MALFORMED},
        {BUNDLE("7"), PICKET_E_MALFORMED},
        {BUNDLE(INDICATOR(PATTERN "," PATTERN)), PICKET_E_MALFORMED},
        {BUNDLE("") " x", PICKET_E_MALFORMED},
        {"{\"objects\":[" INDICATOR(PATTERN), PICKET_E_TRUNCATED},
        {"{\"objects\":[" INDICATOR(PATTERN) "]", PICKET_E_TRUNCATED},
        {"{}", PICKET_OK},
        {"{\"type\":\"bundle\",\"id\":\"bundle--1\"}", PICKET_OK},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct recording recording;

        CHECK_TEXT(record(read_stix, rows[i].text, &recording),
                   rows[i].status == PICKET_OK ? "" : picket_strerror(rows[i].status));
    }
}

TEST(pattern_of_a_megabyte_is_passed_over)
{
    struct feed_options options = {.format = FEED_FORMAT_STIX};
    struct recording recording;
    size_t length = (size_t)1 << 20;
    char *text = malloc(length);
    static const char head[] = "{\"objects\":[{\"type\":\"indicator\",\"pattern\":\"";

    memset(text, '(', length);
    memcpy(text, head, strlen(head));
    memcpy(text + length - 4, "\"}]}", 4);
    CHECK_UINT(record_bytes(read_stix, text, length, &options, &recording), PICKET_OK);
    CHECK_TEXT(recording.text, "1 unsupported: a pattern longer than is read\n");
    free(text);
}

TEST_MAIN(TEST_ROW(indicator_is_told_with_all_that_is_said_of_it),
          TEST_ROW(stix_2_0_says_its_category_in_labels),
          TEST_ROW(indicators_that_do_not_hold_are_passed_over),
          TEST_ROW(other_objects_are_no_indicators), TEST_ROW(envelopes_follow_one_another),
          TEST_ROW(what_is_no_bundle_or_ends_early_is_refused),
          TEST_ROW(pattern_of_a_megabyte_is_passed_over))
