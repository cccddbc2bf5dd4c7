/* SPDX-License-Identifier: MIT */
#include "model/fact.h"

#include "harness/check.h"

TEST(sections_have_names_or_numbers)
{
    static const struct {
        unsigned section;
        const char *name;
    } rows[] = {{13, "names"},      {14, "tls"},         {15, "listeners"}, {16, "starts"},
                {17, "events"},     {18, "metrics"},     {19, "icmp"},      {20, "lost"},
                {21, "verdicts"},   {22, "settings"},    {0, "section-0"},  {12, "section-12"},
                {23, "section-23"}, {255, "section-255"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[SECTION_TEXT_MAX];

        section_format((enum picket_section)rows[i].section, text);
        CHECK_TEXT(text, rows[i].name);
    }
}

TEST(every_start_cause_has_a_name)
{
    CHECK_TEXT(start_cause_name(PICKET_START_UNKNOWN), "unknown");
    CHECK_TEXT(start_cause_name(PICKET_START_POWER_ON), "power_on");
    CHECK_TEXT(start_cause_name(PICKET_START_SOFTWARE), "software");
    CHECK_TEXT(start_cause_name(PICKET_START_WATCHDOG), "watchdog");
    CHECK_TEXT(start_cause_name(PICKET_START_FAULT), "fault");
    CHECK_TEXT(start_cause_name(PICKET_START_BROWN_OUT), "brown_out");
    CHECK_TEXT(start_cause_name(PICKET_START_EXTERNAL), "external");
}

TEST(refusals_are_named_and_those_of_later_versions_numbered)
{
    static const struct {
        unsigned refusal;
        const char *name;
    } rows[] = {{0, "not"},
                {9, "no_service"},
                {11, "unsupported"},
                {12, "refusal-12"},
                {255, "refusal-255"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[REFUSAL_TEXT_MAX];

        refusal_format((enum picket_refusal)rows[i].refusal, text);
        CHECK_TEXT(text, rows[i].name);
    }
}

TEST(versions_of_tls_are_named_and_others_numbered)
{
    static const struct {
        uint16_t version;
        const char *name;
    } rows[] = {{0x0304, "TLS 1.3"},  {0x0303, "TLS 1.2"},        {0x0300, "SSL 3.0"},
                {0xfefd, "DTLS 1.2"}, {0x7f1c, "version 0x7f1c"}, {1, "version 0x0001"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[TLS_VERSION_TEXT_MAX];

        tls_version_format(rows[i].version, text);
        CHECK_TEXT(text, rows[i].name);
    }
}

TEST_MAIN(TEST_ROW(sections_have_names_or_numbers), TEST_ROW(every_start_cause_has_a_name),
          TEST_ROW(refusals_are_named_and_those_of_later_versions_numbered),
          TEST_ROW(versions_of_tls_are_named_and_others_numbered))
