/* SPDX-License-Identifier: MIT */
#include "model/severity.h"

#include "harness/check.h"

TEST(names_are_read_in_either_case)
{
    enum severity severity = SEVERITY_INFORMATIONAL;

    CHECK_UINT(severity_parse("High", &severity), PICKET_OK);
    CHECK_UINT(severity, SEVERITY_HIGH);
    CHECK_UINT(severity_parse("mEDIUM", &severity), PICKET_OK);
    CHECK_UINT(severity, SEVERITY_MEDIUM);
    for (int i = SEVERITY_INFORMATIONAL; i <= SEVERITY_HIGH; i++) {
        CHECK_UINT(severity_parse(severity_name((enum severity)i), &severity), PICKET_OK);
        CHECK_UINT(severity, i);
    }
}

TEST(other_names_are_not_found)
{
    enum severity severity = SEVERITY_LOW;

    CHECK_UINT(severity_parse("", &severity), PICKET_E_NOTFOUND);
    CHECK_UINT(severity_parse("Highest", &severity), PICKET_E_NOTFOUND);
    CHECK_UINT(severity, SEVERITY_LOW);
}

TEST(severities_compare)
{
    CHECK(SEVERITY_INFORMATIONAL < SEVERITY_LOW && SEVERITY_LOW < SEVERITY_MEDIUM &&
          SEVERITY_MEDIUM < SEVERITY_HIGH);
}

TEST_MAIN(TEST_ROW(names_are_read_in_either_case), TEST_ROW(other_names_are_not_found),
          TEST_ROW(severities_compare))
