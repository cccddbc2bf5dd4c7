/* SPDX-License-Identifier: MIT */
#include "model/report.h"

#include "base/arena.h"
#include "harness/check.h"

TEST(device_ids_have_a_small_alphabet_and_a_limit)
{
    char longest[DEVICE_ID_MAX + 2];

    CHECK(device_id_valid("a"));
    CHECK(device_id_valid("Camera_7.hall-2:b"));
    CHECK(!device_id_valid(""));
    CHECK(!device_id_valid("a b"));
    CHECK(!device_id_valid("a/b"));
    CHECK(!device_id_valid("a\n"));
    CHECK(!device_id_valid("caf\xc3\xa9"));
    memset(longest, 'x', sizeof(longest));
    longest[DEVICE_ID_MAX + 1] = '\0';
    CHECK(!device_id_valid(longest));
    longest[DEVICE_ID_MAX] = '\0';
    CHECK(device_id_valid(longest));
}

TEST(shift_moves_the_events_and_not_the_receipt)
{
    struct flow flows[2] = {{.first_us = 100, .last_us = 200}, {.first_us = 300, .last_us = 400}};
    struct report report = {.received_us = 1,
                            .window_start_us = 2,
                            .window_end_us = 3,
                            .flows = flows,
                            .flow_count = 2};

    report_shift(&report, 1000);
    CHECK_UINT(report.received_us, 1);
    CHECK_UINT(report.window_start_us, 1002);
    CHECK_UINT(report.window_end_us, 1003);
    CHECK_UINT(flows[0].first_us, 1100);
    CHECK_UINT(flows[0].last_us, 1200);
    CHECK_UINT(flows[1].first_us, 1300);
    CHECK_UINT(flows[1].last_us, 1400);
    report_shift(&report, -1000);
    CHECK_UINT(report.received_us, 1);
    CHECK_UINT(flows[1].last_us, 400);
}

/* A leak or a use after free is the sanitizer's to see. */
TEST(a_report_is_freed_with_its_arena)
{
    struct arena *arena = arena_new(10000);
    struct report *report = arena_alloc(arena, sizeof(*report));

    CHECK(report != NULL);
    if (report != NULL) {
        report->arena = arena;
    }
    report_free(report);
    report_free(NULL);
}

TEST_MAIN(TEST_ROW(device_ids_have_a_small_alphabet_and_a_limit),
          TEST_ROW(shift_moves_the_events_and_not_the_receipt),
          TEST_ROW(a_report_is_freed_with_its_arena))
