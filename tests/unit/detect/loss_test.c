/* SPDX-License-Identifier: MIT */
/* DEV_EVENTS_DROPPED: traffic that could not be inspected. */
#include "rig.h"

#define WINDOW_US (60 * MIN_US)
#define LATE_US   (2 * MIN_US)

static void send_counts(struct rig *rig, int64_t start_us, uint64_t seen, uint64_t folded,
                        uint64_t dropped)
{
    struct report report = rig_report(start_us, start_us + MIN_US, NULL, 0);

    report.head.has_counters = true;
    report.head.counters.seen = seen;
    report.head.counters.folded = folded;
    report.head.counters.dropped = dropped;
    rig_send(rig, &report);
}

static void pass_time(struct rig *rig, int64_t from_us, int64_t until_us)
{
    for (int64_t at = from_us; at < until_us; at += MIN_US) {
        send_counts(rig, at, 0, 0, 0);
    }
}

TEST(share_decides_over_1000_packets_at_once)
{
    enum { NOTHING = -1 };
    static const struct {
        uint64_t seen, folded, dropped;
        int severity;
        int64_t percent;
    } rows[] = {
        {10000, 100, 0, NOTHING, 0},
        {10000, 101, 0, SEVERITY_LOW, 2},
        {10000, 0, 101, SEVERITY_LOW, 2},
        {10000, 50, 51, SEVERITY_LOW, 2},
        {10000, 1999, 0, SEVERITY_LOW, 20},
        {10000, 1000, 1000, SEVERITY_MEDIUM, 20},
        {1004, 200, 0, SEVERITY_LOW, 20}, /* 19.92 % is not 20 % */
        {1000, 11, 0, SEVERITY_LOW, 2},
        {999, 500, 0, NOTHING, 0}, /* too few before the window ends */
        {1000, 600, 600, SEVERITY_MEDIUM, 100},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, SEVERITY_MEDIUM, 100},
        {UINT64_MAX, 1000, 0, NOTHING, 0},
        {UINT64_MAX / 128, UINT64_MAX / 6400, 0, SEVERITY_LOW, 2},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);

        send_counts(rig, 0, rows[i].seen, rows[i].folded, rows[i].dropped);
        CHECK_UINT(rig->count, rows[i].severity != NOTHING);
        if (rig->count == 1) {
            CHECK_UINT(rig->findings[0].severity, (unsigned)rows[i].severity);
            CHECK_UINT(rig->findings[0].measure.observed, rows[i].percent);
        }
        if (rig->count != (rows[i].severity != NOTHING)) {
            printf("row %zu\n", i);
        }
        rig_free(rig);
    }
}

TEST(finding_tells_both_parts)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, WINDOW_US, 10000, 300, 40);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "DEV_EVENTS_DROPPED");
    CHECK_TEXT(rig->findings[0].key, "events_dropped");
    CHECK_TEXT(rig->findings[0].reason,
               "Of 10000 packets in a window of 60 min, 300 were only counted (flow table full: "
               "their peers could not be inspected) and 40 were lost before the module saw them.");
    CHECK_TEXT(rig->findings[0].measure.name, "loss_percent");
    CHECK_UINT(rig->findings[0].measure.start_us, WINDOW_US);
    CHECK_UINT(rig->findings[0].measure.end_us, 2 * WINDOW_US);
    CHECK_UINT(rig->findings[0].measure.max, 1);
    CHECK_UINT(rig->findings[0].last_us, WINDOW_US + MIN_US); /* the window is still open */
    rig_free(rig);
}

TEST(window_is_told_of_once_at_each_severity)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, 0, 1000, 50, 0);
    send_counts(rig, MIN_US, 1000, 50, 0);
    CHECK_UINT(rig->count, 1);
    send_counts(rig, 2 * MIN_US, 1000, 900, 0);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_MEDIUM);
    send_counts(rig, 3 * MIN_US, 1000, 900, 0);
    pass_time(rig, 4 * MIN_US, WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    send_counts(rig, WINDOW_US + LATE_US, 1000, 50, 0); /* the next window */
    CHECK_UINT(rig->count, 3);
    rig_free(rig);
}

TEST(small_window_is_judged_at_its_end)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, 0, 100, 50, 0);
    pass_time(rig, MIN_US, WINDOW_US + LATE_US - MIN_US);
    CHECK_UINT(rig->count, 0);
    pass_time(rig, WINDOW_US + LATE_US - MIN_US, WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
    rig_free(rig);
}

TEST(report_belongs_to_the_window_in_which_it_began)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, WINDOW_US - 1, 2000, 100, 0);
    CHECK_UINT(rig->findings[0].measure.start_us, 0);
    send_counts(rig, WINDOW_US, 2000, 100, 0);
    CHECK_UINT(rig->findings[1].measure.start_us, WINDOW_US);
    CHECK_UINT(rig->count, 2);
    rig_free(rig);
}

TEST(reports_without_counters_count_nothing)
{
    struct rig *rig = rig_new(NULL);
    struct report report = rig_report(0, MIN_US, NULL, 0);

    report.head.counters.seen = report.head.counters.folded = 5000;
    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(two_clean_windows_end_it)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, 0, 2000, 100, 0);
    pass_time(rig, MIN_US, 2 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1);
    pass_time(rig, 2 * WINDOW_US + LATE_US, 3 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT_OVER);
    CHECK_TEXT(rig->findings[1].key, "events_dropped");
    rig_free(rig);
}

TEST(finish_judges_what_is_open)
{
    struct rig *rig = rig_new(NULL);

    send_counts(rig, 0, 100, 2, 0);
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(parameters_move_limits_and_window)
{
    struct rig *rig = rig_new("{'type': 'DEV_EVENTS_DROPPED', 'limit_percent': 5,"
                              "'medium_percent': 50, 'window': 'PT10M'}");

    send_counts(rig, 0, 10000, 500, 0);
    CHECK_UINT(rig->count, 0);
    send_counts(rig, 10 * MIN_US, 10000, 501, 0);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    send_counts(rig, 20 * MIN_US, 10000, 5000, 0);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_MEDIUM);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(share_decides_over_1000_packets_at_once), TEST_ROW(finding_tells_both_parts),
          TEST_ROW(window_is_told_of_once_at_each_severity),
          TEST_ROW(small_window_is_judged_at_its_end),
          TEST_ROW(report_belongs_to_the_window_in_which_it_began),
          TEST_ROW(reports_without_counters_count_nothing), TEST_ROW(two_clean_windows_end_it),
          TEST_ROW(finish_judges_what_is_open), TEST_ROW(parameters_move_limits_and_window))
