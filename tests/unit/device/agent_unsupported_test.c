/* SPDX-License-Identifier: MIT */
/* A device that has only one kind of settings built in refuses the other, and says so. */
#include "harness/check.h"
#include "picket/picket.h"
#include "settings_fixture.h"

TEST(settings_of_a_kind_that_is_not_built_in_are_refused)
{
    struct picket_settings policy = policy_of(5, PICKET_POLICY_OBSERVE, NULL);
    struct picket_settings configuration = configuration_of(5);
    struct settings_fixture f;

    settings_start(&f);
    CHECK(apply(&f, PICKET_POLICY ? &configuration : &policy) == PICKET_E_CONFLICT);
    CHECK_TEXT(report_of(&f, "settings"),
               PICKET_POLICY ? "settings 2: 0 state 0 mode 0, refused 11: 5 detail 0\n"
                             : "settings 1: 0 state 0 mode 0, refused 11: 5 detail 0\n");
    CHECK_TEXT(report_of(&f, "settings"), "");
    CHECK(apply(&f, PICKET_POLICY ? &policy : &configuration) == PICKET_OK);
    CHECK(is_sound(&f));
}

TEST_MAIN(TEST_ROW(settings_of_a_kind_that_is_not_built_in_are_refused))
