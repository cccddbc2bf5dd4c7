/* SPDX-License-Identifier: MIT */
#include "base/time.h"

#include <stdbool.h>

#include "harness/check.h"

static const struct {
    int64_t time_us;
    const char *text;
} instants[] = {
    {0, "1970-01-01T00:00:00.000000Z"},
    {-1, "1969-12-31T23:59:59.999999Z"},
    {INT64_C(1795544451123456), "2026-11-24T18:20:51.123456Z"},
    {INT64_C(951782400000000), "2000-02-29T00:00:00.000000Z"},
    {INT64_C(-62167219200000000), "0000-01-01T00:00:00.000000Z"},
    {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
};

TEST(times_are_written_in_utc_with_microseconds)
{
    char text[TIME_TEXT_MAX];

    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        time_format(instants[i].time_us, text);
        CHECK_TEXT(text, instants[i].text);
    }
}

TEST(times_outside_four_digit_years_are_the_nearest_inside)
{
    char text[TIME_TEXT_MAX];

    time_format(INT64_MAX, text);
    CHECK_TEXT(text, "9999-12-31T23:59:59.999999Z");
    time_format(INT64_MIN, text);
    CHECK_TEXT(text, "0000-01-01T00:00:00.000000Z");
}

TEST(written_times_are_read_back)
{
    for (size_t i = 0; i < sizeof(instants) / sizeof(instants[0]); i++) {
        int64_t time_us = 1;

        CHECK_UINT(time_parse(instants[i].text, &time_us), PICKET_OK);
        CHECK_UINT(time_us, instants[i].time_us);
    }
}

TEST(fraction_is_optional_and_cut_at_microseconds)
{
    int64_t time_us = 0;

    CHECK_UINT(time_parse("1970-01-01T00:00:01Z", &time_us), PICKET_OK);
    CHECK_UINT(time_us, 1000000);
    CHECK_UINT(time_parse("1970-01-01T00:00:01.5Z", &time_us), PICKET_OK);
    CHECK_UINT(time_us, 1500000);
    CHECK_UINT(time_parse("1970-01-01T00:00:01.1234569Z", &time_us), PICKET_OK);
    CHECK_UINT(time_us, 1123456);
}

TEST(what_is_no_time_is_refused)
{
    static const char *const rows[] = {
        "",
        "1970",
        "1970-01-01",
        "1970-01-01T00:00:00",
        "1970-01-01 00:00:00Z",
        "1970-01-01T00:00:00.Z",
        "1970-01-01T00:00:00Zx",
        "1970-01-01T00:00:00+01:00",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z",
        "-970-01-01T00:00:00Z",
        "1970-01-01T00:00: 0Z",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t time_us = 42;
        bool is_refused = time_parse(rows[i], &time_us) == PICKET_E_MALFORMED && time_us == 42;
        const char *accepted = is_refused ? "none" : rows[i];

        CHECK_TEXT(accepted, "none");
    }
}

TEST(durations_are_read)
{
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"PT0S", 0},           {"PT5M", 300},
        {"P1D", 86400},        {"PT90S", 90},
        {"PT1H", 3600},        {"P1DT2H", 93600},
        {"P1DT1H1M1S", 90061}, {"PT72H", 259200},
        {"PT1H1S", 3601},      {"P106751991D", INT64_C(9223372022400)},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t duration_us = -1;

        CHECK_UINT(duration_parse(rows[i].text, &duration_us), PICKET_OK);
        CHECK_UINT(duration_us, rows[i].seconds * TIME_US_PER_S);
    }
}

TEST(what_is_no_duration_is_refused)
{
    static const char *const rows[] = {
        "",      "P",      "PT",     "5M",      "P5M",         "P1Y",
        "P1W",   "PT5",    "PTM",    "PT5M ",   " PT5M",       "pt5m",
        "PT-5M", "PT1.5S", "PT1M1H", "PT1M1M",  "P1DT",        "P1D1H",
        "PTT1S", "P1H",    "PT1D",   "PT5MT1S", "P106751992D", "PT99999999999999999999S",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t duration_us = 42;
        bool is_refused =
            duration_parse(rows[i], &duration_us) == PICKET_E_MALFORMED && duration_us == 42;
        const char *accepted = is_refused ? "none" : rows[i];

        CHECK_TEXT(accepted, "none");
    }
}

TEST(durations_are_written_in_their_largest_units)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "PT0S"},
        {90, "PT1M30S"},
        {300, "PT5M"},
        {86400, "P1D"},
        {93600, "P1DT2H"},
        {90061, "P1DT1H1M1S"},
        {INT64_C(9223372036854), "P106751991DT4H54S"},
    };
    char text[TIME_TEXT_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        duration_format(rows[i].seconds * TIME_US_PER_S, text);
        CHECK_TEXT(text, rows[i].text);
    }
}

TEST(sentences_have_times_to_the_second_and_durations_about)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "0 s"},        {119, "119 s"},          {120, "2 min"},
        {7199, "119 min"}, {7200, "2 h"},           {12000, "3 h 20 min"},
        {86400, "24 h"},   {172799, "47 h 59 min"}, {172800, "2 days"},
    };
    char text[TIME_TEXT_MAX];

    time_say(INT64_C(1795544451123456), text);
    CHECK_TEXT(text, "2026-11-24 18:20:51 UTC");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        duration_say(rows[i].seconds * TIME_US_PER_S, text);
        CHECK_TEXT(text, rows[i].text);
    }
}

TEST_MAIN(TEST_ROW(times_are_written_in_utc_with_microseconds),
          TEST_ROW(times_outside_four_digit_years_are_the_nearest_inside),
          TEST_ROW(written_times_are_read_back),
          TEST_ROW(fraction_is_optional_and_cut_at_microseconds),
          TEST_ROW(what_is_no_time_is_refused), TEST_ROW(durations_are_read),
          TEST_ROW(what_is_no_duration_is_refused),
          TEST_ROW(durations_are_written_in_their_largest_units),
          TEST_ROW(sentences_have_times_to_the_second_and_durations_about))
