/* SPDX-License-Identifier: MIT */
/* ID_REPLAY: sequence numbers that come again with other content, boots that go on beside others.
 */
#include "rig.h"

static struct report report_of(uint32_t boot, uint32_t sequence, struct flow *flow)
{
    int64_t end_us = sequence * MIN_US;
    struct report report = rig_report(end_us - MIN_US, end_us, flow, flow == NULL ? 0 : 1);

    report.head.boot = boot;
    report.head.sequence = sequence;
    report.head.window_start_ms = (sequence - 1) * 60000u;
    report.head.window_ms = 60000;
    return report;
}

static void send(struct rig *rig, uint32_t boot, uint32_t sequence, struct flow *flow)
{
    const struct report report = report_of(boot, sequence, flow);

    rig_send(rig, &report);
}

static void repeat(struct rig *rig, const struct report *report)
{
    const struct detect_terms terms = {rig->intel, rig->rules, rig->group};

    detect_repeat(rig->device, report, &terms, rig_take, rig);
}

static struct flow a_flow(uint64_t packets)
{
    struct flow flow = rig_flow("198.51.100.7", PICKET_OUTBOUND, PROTOCOL_TCP, 443);

    flow.packets_out = packets;
    return flow;
}

TEST(same_report_again_is_no_replay_whenever_it_was_built_and_wherever_its_times_stand)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = a_flow(3);
    struct flow later = flow;
    struct report again;

    flow.first_us = 5 * S_US;
    send(rig, 7, 1, &flow);
    later.first_us = 8 * S_US;
    again = report_of(7, 1, &later);
    again.window_start_us += 3 * S_US; /* as a report without a clock is read the second time */
    again.window_end_us += 3 * S_US;
    again.head.built_ms = 99000;
    later.last_us = 3 * S_US;
    repeat(rig, &again);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(other_content_under_a_known_number_is_told_at_once)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = a_flow(3);
    struct flow other = a_flow(4);
    struct report again = report_of(7, 1, &other);

    send(rig, 7, 1, &flow);
    send(rig, 7, 2, NULL);
    repeat(rig, &again);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "ID_REPLAY");
    CHECK_TEXT(rig->findings[0].key, "sequence");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_HIGH);
    CHECK_TEXT(rig->findings[0].reason,
               "Report 1 of boot 7 came again with other content: it was made up, or two devices "
               "use this identity, or the device starts with the same boot id each time.");
    again = report_of(7, 2, &other); /* a flow more */
    repeat(rig, &again);
    CHECK_UINT(rig->count, 2);
    rig_free(rig);
}

TEST(what_is_below_the_window_or_never_came_is_not_compared)
{
    struct rig *rig = rig_new("{'type': 'ID_REPLAY', 'window': 2}");
    struct flow flow = a_flow(3);
    const struct report first = report_of(7, 1, &flow);
    const struct report second = report_of(7, 2, &flow);
    const struct report fourth = report_of(7, 4, &flow);

    send(rig, 7, 1, NULL);
    send(rig, 7, 2, NULL);
    repeat(rig, &first);
    CHECK_UINT(rig->count, 1); /* one below the highest */
    send(rig, 7, 3, NULL);
    repeat(rig, &first);
    CHECK_UINT(rig->count, 1);
    repeat(rig, &second);
    CHECK_UINT(rig->count, 2);
    repeat(rig, &fourth); /* the service was started anew: it only knows that it came */
    CHECK_UINT(rig->count, 2);
    send(rig, 7, 66, NULL); /* so far ahead that 2 shares its place */
    repeat(rig, &second);
    CHECK_UINT(rig->count, 2);
    rig_free(rig);
}

TEST(late_report_is_compared_as_those_in_order_are)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = a_flow(3);
    const struct report second = report_of(7, 2, &flow);

    send(rig, 7, 1, NULL);
    send(rig, 7, 3, NULL);
    send(rig, 7, 2, NULL);
    repeat(rig, &second);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(boot_that_goes_on_after_a_later_one_is_told_from_its_third_report_on)
{
    struct rig *rig = rig_new(NULL);

    send(rig, 7, 1, NULL);
    send(rig, 8, 1, NULL);
    send(rig, 7, 2, NULL);
    send(rig, 8, 2, NULL);
    send(rig, 7, 3, NULL);
    CHECK_UINT(rig->count, 0);
    send(rig, 8, 3, NULL);
    send(rig, 7, 4, NULL);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].key, "boot");
    CHECK_TEXT(rig->findings[0].reason,
               "Boot 7 went on with report 4 although boot 8 had begun after it, 3 times so far: "
               "two devices seem to use this identity.");
    rig_free(rig);
}

TEST(reports_of_former_boots_that_come_late_are_no_replay)
{
    struct rig *rig = rig_new(NULL);

    for (uint32_t sequence = 10; sequence > 0; sequence--) { /* the last one came first */
        send(rig, 7, sequence, NULL);
        if (sequence == 10) {
            send(rig, 8, 1, NULL);
        }
    }
    for (uint32_t boot = 9; boot < 40; boot++) {
        send(rig, boot, 1, NULL);
        send(rig, boot, 2, NULL);
    }
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(rule_that_is_off_tells_nothing)
{
    struct rig *rig = rig_new("{'type': 'ID_REPLAY', 'enabled': false}");
    struct flow flow = a_flow(3);
    const struct report again = report_of(7, 1, &flow);

    send(rig, 7, 1, NULL);
    repeat(rig, &again);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST_MAIN(
    TEST_ROW(same_report_again_is_no_replay_whenever_it_was_built_and_wherever_its_times_stand),
    TEST_ROW(other_content_under_a_known_number_is_told_at_once),
    TEST_ROW(what_is_below_the_window_or_never_came_is_not_compared),
    TEST_ROW(late_report_is_compared_as_those_in_order_are),
    TEST_ROW(boot_that_goes_on_after_a_later_one_is_told_from_its_third_report_on),
    TEST_ROW(reports_of_former_boots_that_come_late_are_no_replay),
    TEST_ROW(rule_that_is_off_tells_nothing))
