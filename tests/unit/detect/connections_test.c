/* SPDX-License-Identifier: MIT */
/* CA_ACTIVE_CONNECTIONS: counts, window edges, late data, bounds. */
#include "rig.h"

enum { TCP = 6, UDP = 17 };

#define WINDOW_US (5 * MIN_US)
/* a window is closed when event time has passed its end by two intervals of 60 s */
#define LATE_US (2 * MIN_US)

#define RULE(min, max)                                                                             \
    "{'type': 'CA_ACTIVE_CONNECTIONS', 'enabled': true, 'min': " #min ", 'max': " #max "},"        \
    "{'type': 'REC_CLEARTEXT', 'enabled': false}"

static struct flow flow_at(unsigned number, int64_t first_us, int64_t last_us, uint64_t connections)
{
    struct flow flow = rig_flow("192.0.2.1", PICKET_OUTBOUND, TCP, (int32_t)(1000 + number));

    flow.first_us = first_us;
    flow.last_us = last_us;
    flow.connections = connections;
    return flow;
}

/** A minute's report with @p count distinct flows that lie at its start. */
static void send_minute(struct rig *rig, int64_t start_us, unsigned count)
{
    struct flow flows[64];
    struct report report = rig_report(start_us, start_us + MIN_US, flows, count);

    for (unsigned i = 0; i < count; i++) {
        flows[i] = flow_at(i, start_us, start_us, 1);
    }
    rig_send(rig, &report);
}

/** Empty reports until event time stands at @p until_us. */
static void pass_time(struct rig *rig, int64_t from_us, int64_t until_us)
{
    for (int64_t at = from_us; at < until_us; at += MIN_US) {
        send_minute(rig, at, 0);
    }
}

TEST(bounds_are_inclusive)
{
    static const struct {
        unsigned count;
        bool is_raised;
    } rows[] = {{1, true}, {2, false}, {3, false}, {4, false}, {5, true}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(RULE(2, 4));

        pass_time(rig, 0, WINDOW_US); /* the first window is not judged for min */
        send_minute(rig, WINDOW_US, rows[i].count);
        pass_time(rig, WINDOW_US + MIN_US, 2 * WINDOW_US + LATE_US);
        CHECK_UINT(rig->count, rows[i].is_raised);
        if (rows[i].is_raised && rig->count == 1) {
            CHECK_TEXT(rig->findings[0].type, "CA_ACTIVE_CONNECTIONS");
            CHECK_TEXT(rig->findings[0].key, "active_connections");
            CHECK_UINT(rig->findings[0].kind, FINDING_ALERT);
            CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
            CHECK_UINT(rig->findings[0].measure.observed, rows[i].count);
            CHECK_UINT(rig->findings[0].measure.min, 2);
            CHECK_UINT(rig->findings[0].measure.max, 4);
            CHECK_UINT(rig->findings[0].measure.start_us, WINDOW_US);
            CHECK_UINT(rig->findings[0].measure.end_us, 2 * WINDOW_US);
            CHECK_UINT(rig->findings[0].first_us, WINDOW_US);
            CHECK_UINT(rig->findings[0].last_us, 2 * WINDOW_US);
            CHECK_UINT(rig->findings[0].flow_count, rows[i].count);
        }
        rig_free(rig);
    }
}

TEST(flow_counts_once_or_as_often_as_it_was_opened)
{
    struct rig *rig = rig_new(RULE(0, 0));
    struct flow flows[3];

    for (int64_t minute = 0; minute < 3; minute++) {
        struct report report = rig_report(minute * MIN_US, (minute + 1) * MIN_US, flows, 3);

        /* lives all the time, was opened before; three times opened a minute; other direction */
        flows[0] = flow_at(1, minute * MIN_US, minute * MIN_US, 0);
        flows[0].peer_name = "broker.example.com"; /* ends with its report, evidence does not */
        flows[1] = flow_at(2, minute * MIN_US, minute * MIN_US, 3);
        flows[2] = flow_at(2, minute * MIN_US, minute * MIN_US, 0);
        flows[2].direction = PICKET_INBOUND;
        flows[2].local_port = flows[2].peer_port;
        flows[2].peer_port = FLOW_PORT_UNKNOWN;
        rig_send(rig, &report);
    }
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].measure.observed, 1 + 9 + 1);
    CHECK_UINT(rig->findings[0].flow_count, 3);
    CHECK(rig->findings[0].flows[0].peer_name == NULL);
    CHECK_UINT(rig->findings[0].flows[0].packets_in, 30); /* evidence is the sum of its reports */
    CHECK_TEXT(rig->findings[0].reason,
               "11 active connections in a window of 5 min; allowed are 0 to 0.");
    rig_free(rig);
}

TEST(only_whole_unicast_flows_count)
{
    struct rig *rig = rig_new(RULE(0, 0));
    struct flow flows[3] = {flow_at(1, 0, 0, 1), flow_at(2, 0, 0, 1), flow_at(3, 0, 0, 1)};
    struct report report = rig_report(0, MIN_US, flows, 3);

    flows[0].cast = PICKET_MULTICAST;
    flows[1].kind = PICKET_KIND_FRAGMENT;
    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].measure.observed, 1);
    rig_free(rig);
}

TEST(window_is_judged_when_two_intervals_have_passed_and_not_before)
{
    struct rig *rig = rig_new(RULE(0, 2));
    struct report last = rig_report(WINDOW_US + MIN_US, WINDOW_US + LATE_US - 1, NULL, 0);

    send_minute(rig, 0, 3);
    pass_time(rig, MIN_US, WINDOW_US + MIN_US);
    rig_send(rig, &last); /* event time is one microsecond short */
    CHECK_UINT(rig->count, 0);
    last.window_end_us++;
    rig_send(rig, &last);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(late_report_counts_until_its_window_is_judged)
{
    struct rig *rig = rig_new(RULE(0, 3));

    send_minute(rig, 0, 2);
    pass_time(rig, MIN_US, WINDOW_US + LATE_US - MIN_US);
    {
        struct flow flows[2] = {flow_at(50, MIN_US, MIN_US, 1), flow_at(51, MIN_US, MIN_US, 1)};
        struct report late = rig_report(MIN_US, 2 * MIN_US, flows, 2);

        rig_send(rig, &late);
        CHECK_UINT(rig->count, 0);
        pass_time(rig, WINDOW_US + MIN_US, WINDOW_US + LATE_US);
        CHECK_UINT(rig->count, 1);
        CHECK_UINT(rig->findings[0].measure.observed, 4);
        rig_send(rig, &late); /* too late: neither counted anew nor judged again */
    }
    pass_time(rig, WINDOW_US + LATE_US, 2 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(flow_at_the_edge_is_in_the_window_that_its_times_touch)
{
    static const struct {
        int64_t first_us, last_us;
        unsigned counts[2];
    } rows[] = {
        {WINDOW_US - 1, WINDOW_US - 1, {1, 0}},
        {WINDOW_US, WINDOW_US, {0, 1}},
        {WINDOW_US - 1, WINDOW_US, {1, 1}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(RULE(0, 0));
        struct flow flow = flow_at(1, rows[i].first_us, rows[i].last_us, 1);
        struct report report = rig_report(WINDOW_US - MIN_US / 2, WINDOW_US + MIN_US / 2, &flow, 1);
        size_t told = 0;

        rig_send(rig, &report);
        rig_finish(rig);
        for (unsigned window = 0; window < 2; window++) {
            if (rows[i].counts[window] > 0) {
                CHECK(told < rig->count);
                CHECK_UINT(rig->findings[told].measure.start_us, window * WINDOW_US);
                CHECK_UINT(rig->findings[told].measure.observed, rows[i].counts[window]);
                told++;
            }
        }
        CHECK_UINT(rig->count, told);
        rig_free(rig);
    }
}

TEST(windows_before_the_epoch_are_aligned_as_well)
{
    struct rig *rig = rig_new(RULE(0, 0));
    struct flow flow = flow_at(1, -1, -1, 1);
    struct report report = rig_report(-MIN_US, 0, &flow, 1);

    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    CHECK(rig->findings[0].measure.start_us == -WINDOW_US);
    CHECK(rig->findings[0].measure.end_us == 0);
    rig_free(rig);
}

TEST(min_is_not_judged_without_a_heartbeat_nor_where_the_device_was_first_heard)
{
    struct rig *rig = rig_new(RULE(1, 30));
    struct report silent = rig_report(WINDOW_US, WINDOW_US + MIN_US, NULL, 0);

    silent.head.has_heartbeat = false;
    pass_time(rig, 0, WINDOW_US);                           /* first heard */
    rig_send(rig, &silent);                                 /* a report, but no heartbeat */
    pass_time(rig, 2 * WINDOW_US, 2 * WINDOW_US + LATE_US); /* both are judged here */
    CHECK_UINT(rig->count, 0);
    pass_time(rig, 2 * WINDOW_US + LATE_US, 3 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].measure.start_us, 2 * WINDOW_US);
    CHECK_UINT(rig->findings[0].measure.observed, 0);
    rig_free(rig);
}

TEST(two_clean_windows_end_it_once)
{
    struct rig *rig = rig_new(RULE(0, 2));

    send_minute(rig, 0, 3);
    pass_time(rig, MIN_US, WINDOW_US);
    pass_time(rig, WINDOW_US, 2 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1); /* one clean window is not enough */
    pass_time(rig, 2 * WINDOW_US + LATE_US, 3 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT_OVER);
    CHECK_TEXT(rig->findings[1].key, "active_connections");
    pass_time(rig, 3 * WINDOW_US + LATE_US, 6 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    rig_free(rig);
}

TEST(violation_between_clean_windows_begins_the_count_anew)
{
    struct rig *rig = rig_new(RULE(0, 2));

    send_minute(rig, 0, 3);
    pass_time(rig, MIN_US, 2 * WINDOW_US);
    send_minute(rig, 2 * WINDOW_US, 3);
    pass_time(rig, 2 * WINDOW_US + MIN_US, 4 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT);
    pass_time(rig, 4 * WINDOW_US + LATE_US, 5 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 3);
    CHECK_UINT(rig->findings[2].kind, FINDING_ALERT_OVER);
    rig_free(rig);
}

TEST(alert_of_an_earlier_run_ends_after_two_clean_windows)
{
    struct rig *rig = rig_new(RULE(0, 2) ", {'type': 'DEV_SILENT', 'enabled': false},"
                                         "{'type': 'DEV_EVENTS_DROPPED', 'enabled': false}");

    detect_device_restore(rig->device, 0, 60000, false);
    pass_time(rig, 0, 2 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].kind, FINDING_ALERT_OVER);
    rig_free(rig);
}

TEST(finish_judges_open_windows_against_max_only)
{
    struct rig *few = rig_new(RULE(10, 20)), *many = rig_new(RULE(10, 20));

    pass_time(few, 0, 2 * WINDOW_US);
    send_minute(few, 2 * WINDOW_US, 1);
    few->count = 0; /* what was complete is not the point here */
    rig_finish(few);
    CHECK_UINT(few->count, 0);
    send_minute(many, 0, 21);
    rig_finish(many);
    CHECK_UINT(many->count, 1);
    CHECK_UINT(many->findings[0].last_us, MIN_US); /* not later than what was heard */
    rig_finish(many);
    CHECK_UINT(many->count, 1);
    rig_free(few);
    rig_free(many);
}

TEST(connections_of_a_long_report_are_spread_over_its_windows)
{
    struct rig *rig = rig_new(RULE(0, 9));
    struct flow flow = flow_at(1, 0, 10 * WINDOW_US - 1, 100);
    struct report report = rig_report(0, 10 * WINDOW_US, &flow, 1);
    uint64_t packets = 0;

    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 10);
    for (size_t i = 0; i < rig->count; i++) {
        CHECK_UINT(rig->findings[i].measure.observed, 10);
        packets += rig->findings[i].flows[0].packets_in;
    }
    CHECK_UINT(packets, 10); /* counted once, not in each window */
    rig_free(rig);
}

TEST(report_of_more_windows_than_can_be_open_keeps_the_last_ones)
{
    struct rig *rig = rig_new(RULE(0, 0));
    struct flow flow = flow_at(1, 0, 1000 * WINDOW_US - 1, 1);
    struct report report = rig_report(0, 1000 * WINDOW_US, &flow, 1);

    rig_send(rig, &report); /* those two intervals old are judged at once */
    CHECK_UINT(rig->count, 63);
    CHECK_UINT(rig->findings[0].measure.start_us, (1000 - 64) * WINDOW_US);
    rig_finish(rig);
    CHECK_UINT(rig->count, 64);
    CHECK_UINT(rig->findings[63].measure.end_us, 1000 * WINDOW_US);
    rig_free(rig);
}

TEST(beyond_the_bound_the_count_goes_on_and_says_so)
{
    enum { FLOWS = 1500 };
    static struct flow flows[FLOWS];
    struct rig *rig = rig_new(RULE(0, 30));
    struct report report = rig_report(0, MIN_US, flows, FLOWS);

    for (unsigned i = 0; i < FLOWS; i++) {
        flows[i] = flow_at(i, 0, 0, 2);
    }
    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].measure.observed, 2 * FLOWS);
    CHECK_UINT(rig->findings[0].flow_count, 1024);
    CHECK_TEXT(rig->findings[0].reason,
               "3000 active connections in a window of 5 min; allowed are 0 to 30 (too many for "
               "telling repeats apart).");
    rig_free(rig);
}

TEST(clock_set_back_begins_a_new_count)
{
    struct rig *rig = rig_new(RULE(0, 2));
    int64_t future_us = INT64_C(4000000000) * S_US;

    send_minute(rig, future_us, 3);
    send_minute(rig, 0, 3); /* the open window is judged, and time begins anew */
    CHECK_UINT(rig->count, 1);
    pass_time(rig, MIN_US, WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].measure.start_us, 0);
    rig_free(rig);
}

TEST(impossible_times_do_no_harm)
{
    static const int64_t times[] = {INT64_MIN, INT64_MIN + 1, -1, INT64_MAX - 1, INT64_MAX};
    struct rig *rig = rig_new(RULE(1, 2));

    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            struct flow flow = flow_at(1, times[k], times[i], UINT64_MAX);
            struct report report = rig_report(times[i], times[k], &flow, 1);

            rig->count = 0;
            rig_send(rig, &report);
        }
    }
    rig->count = 0;
    rig_finish(rig);
    CHECK(rig->count <= 64);
    rig_free(rig);
}

TEST(rule_switched_off_forgets_its_half_counted_windows)
{
    struct rig *rig = rig_new(RULE(2, 30));

    pass_time(rig, 0, WINDOW_US);
    send_minute(rig, WINDOW_US, 1);
    rig_set_rules(rig, NULL);
    pass_time(rig, WINDOW_US + MIN_US, 2 * WINDOW_US);
    rig_set_rules(rig, RULE(2, 30));
    pass_time(rig, 2 * WINDOW_US, 2 * WINDOW_US + LATE_US);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(bounds_are_inclusive), TEST_ROW(flow_counts_once_or_as_often_as_it_was_opened),
          TEST_ROW(only_whole_unicast_flows_count),
          TEST_ROW(window_is_judged_when_two_intervals_have_passed_and_not_before),
          TEST_ROW(late_report_counts_until_its_window_is_judged),
          TEST_ROW(flow_at_the_edge_is_in_the_window_that_its_times_touch),
          TEST_ROW(windows_before_the_epoch_are_aligned_as_well),
          TEST_ROW(min_is_not_judged_without_a_heartbeat_nor_where_the_device_was_first_heard),
          TEST_ROW(two_clean_windows_end_it_once),
          TEST_ROW(violation_between_clean_windows_begins_the_count_anew),
          TEST_ROW(alert_of_an_earlier_run_ends_after_two_clean_windows),
          TEST_ROW(finish_judges_open_windows_against_max_only),
          TEST_ROW(connections_of_a_long_report_are_spread_over_its_windows),
          TEST_ROW(report_of_more_windows_than_can_be_open_keeps_the_last_ones),
          TEST_ROW(beyond_the_bound_the_count_goes_on_and_says_so),
          TEST_ROW(clock_set_back_begins_a_new_count), TEST_ROW(impossible_times_do_no_harm),
          TEST_ROW(rule_switched_off_forgets_its_half_counted_windows))
