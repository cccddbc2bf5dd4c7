/* SPDX-License-Identifier: MIT */
/* DEV_SILENT: when nothing comes any more. */
#include "rig.h"

#define HOUR_US (60 * MIN_US)
#define DAY_US  (24 * HOUR_US)

static void send_at(struct rig *rig, int64_t received_us)
{
    struct report report = rig_report(received_us - MIN_US, received_us, NULL, 0);

    rig_send(rig, &report);
}

TEST(silence_is_low_then_medium_and_each_is_told_once)
{
    static const struct {
        int64_t now_us;
        size_t count;
        enum severity severity;
    } rows[] = {
        {1000 * MIN_US + 3 * MIN_US, 0, 0},
        {1000 * MIN_US + 3 * MIN_US + 1, 1, SEVERITY_LOW},
        {1000 * MIN_US + HOUR_US, 1, 0},
        {1000 * MIN_US + DAY_US, 1, 0},
        {1000 * MIN_US + DAY_US + 1, 2, SEVERITY_MEDIUM},
        {1000 * MIN_US + 3 * DAY_US, 2, 0},
    };
    struct rig *rig = rig_new(NULL);

    send_at(rig, 1000 * MIN_US);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t before = rig->count;

        rig_tick(rig, rows[i].now_us);
        CHECK_UINT(rig->count, rows[i].count);
        if (rig->count > before) {
            CHECK_UINT(rig->findings[before].severity, rows[i].severity);
            CHECK_UINT(rig->findings[before].kind, FINDING_ALERT);
            CHECK_TEXT(rig->findings[before].type, "DEV_SILENT");
            CHECK_TEXT(rig->findings[before].key, "silent");
        }
    }
    CHECK_UINT(rig->findings[0].measure.observed, 180);
    CHECK_UINT(rig->findings[1].measure.observed, 86400);
    CHECK_UINT(rig->findings[0].first_us, 1000 * MIN_US);
    CHECK_TEXT(rig->findings[0].reason,
               "No report for 3 min; the last one came at 1970-01-01 16:40:00 UTC, and one is "
               "due within 3 min.");
    rig_free(rig);
}

TEST(report_that_arrives_ends_it_and_says_how_long)
{
    struct rig *rig = rig_new(NULL);

    send_at(rig, 0);
    rig_tick(rig, 10 * MIN_US);
    send_at(rig, 61 * MIN_US);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT_OVER);
    CHECK_TEXT(rig->findings[1].key, "silent");
    CHECK_UINT(rig->findings[1].measure.observed, 61 * 60);
    CHECK_TEXT(rig->findings[1].reason, "Heard again after 61 min of silence.");
    send_at(rig, 62 * MIN_US);
    CHECK_UINT(rig->count, 2);
    rig_tick(rig, 70 * MIN_US);
    CHECK_UINT(rig->count, 3); /* and the next silence is told of anew */
    CHECK_UINT(rig->findings[2].first_us, 62 * MIN_US);
    CHECK_UINT(rig->findings[2].measure.observed, 8 * 60);
    rig_free(rig);
}

TEST(limit_follows_the_interval_and_is_at_least_30_seconds)
{
    static const struct {
        uint32_t interval_ms; /* 0: never told */
        int64_t limit_us;
    } rows[] = {{0, 180 * S_US},
                {1000, 30 * S_US},
                {10000, 30 * S_US},
                {11000, 33 * S_US},
                {600000, 1800 * S_US}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct report report = rig_report(0, 0, NULL, 0);

        report.head.has_heartbeat = rows[i].interval_ms > 0;
        report.head.heartbeat.interval_ms = rows[i].interval_ms;
        rig_send(rig, &report);
        rig_tick(rig, rows[i].limit_us);
        CHECK_UINT(rig->count, 0);
        rig_tick(rig, rows[i].limit_us + 1);
        CHECK_UINT(rig->count, 1);
        rig_free(rig);
    }
}

TEST(parameters_move_both_limits)
{
    struct rig *rig = rig_new("{'type': 'DEV_SILENT', 'intervals': 5, 'medium_after': 'PT10M'}");

    send_at(rig, 0);
    rig_tick(rig, 5 * MIN_US);
    CHECK_UINT(rig->count, 0);
    rig_tick(rig, 5 * MIN_US + 1);
    CHECK_UINT(rig->count, 1);
    rig_tick(rig, 10 * MIN_US + 1);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_MEDIUM);
    rig_free(rig);
}

TEST(silence_goes_by_the_time_of_receipt)
{
    struct rig *rig = rig_new(NULL);
    struct report report = rig_report(0, MIN_US, NULL, 0);

    report.received_us = DAY_US; /* the device's clock is far behind */
    rig_send(rig, &report);
    rig_tick(rig, DAY_US + MIN_US);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(device_never_heard_is_not_silent)
{
    struct rig *rig = rig_new(NULL);

    rig_tick(rig, DAY_US);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(restart_of_the_service_is_no_silence_of_the_device)
{
    struct rig *rig = rig_new(NULL);

    detect_device_restore(rig->device, 0, 60000, false);
    rig_tick(rig, 2 * DAY_US); /* the first moment the service could have heard it */
    rig_tick(rig, 2 * DAY_US + 3 * MIN_US);
    CHECK_UINT(rig->count, 0);
    rig_tick(rig, 2 * DAY_US + 3 * MIN_US + 1);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM); /* counted from when it was heard */
    rig_free(rig);
}

TEST(report_after_a_restart_ends_what_may_be_open)
{
    struct rig *rig = rig_new(NULL);

    detect_device_restore(rig->device, 0, 60000, false);
    send_at(rig, DAY_US);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].kind, FINDING_ALERT_OVER);
    send_at(rig, DAY_US + MIN_US);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(silence_is_low_then_medium_and_each_is_told_once),
          TEST_ROW(report_that_arrives_ends_it_and_says_how_long),
          TEST_ROW(limit_follows_the_interval_and_is_at_least_30_seconds),
          TEST_ROW(parameters_move_both_limits), TEST_ROW(silence_goes_by_the_time_of_receipt),
          TEST_ROW(device_never_heard_is_not_silent),
          TEST_ROW(restart_of_the_service_is_no_silence_of_the_device),
          TEST_ROW(report_after_a_restart_ends_what_may_be_open))
