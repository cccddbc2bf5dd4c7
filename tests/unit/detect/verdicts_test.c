/* SPDX-License-Identifier: MIT */
/* What a device tells of its settings: DEV_POLICY_DENIED, …_ROLLBACK, DEV_CONFIG_ERROR, and
 * what its filter found. */
#include "rig.h"

#define HOUR_US (60 * MIN_US)

enum { TCP = 6 };

static const struct intel_feed feed = {.name = "c2", .confidence = 60, .category = "c2"};
static const char *const list[] = {"203.0.113.7\n203.0.113.8\n"};

static struct picket_verdict_record verdict_of(enum picket_verdict_cause cause, const char *peer,
                                               uint32_t packets, uint32_t blocked)
{
    struct picket_verdict_record verdict = {.direction = PICKET_OUTBOUND,
                                            .cause = cause,
                                            .protocol = TCP,
                                            .address_size = 16,
                                            .has_port = true,
                                            .port = 23,
                                            .rule = cause == PICKET_CAUSE_RULE ? 3 : 0,
                                            .revision = 7,
                                            .packets = packets,
                                            .blocked = blocked};
    struct address address;

    if (address_parse(peer, strlen(peer), &address) != PICKET_OK) {
        abort();
    }
    memcpy(verdict.peer, address.bytes, sizeof(verdict.peer));
    return verdict;
}

static struct picket_settings_record policy_in(enum picket_policy_mode mode)
{
    return (struct picket_settings_record){.kind = PICKET_SETTINGS_POLICY,
                                           .revision = 7,
                                           .state = PICKET_STATE_IN_EFFECT,
                                           .mode = mode};
}

/** A minute's report with these facts. */
static void send_facts(struct rig *rig, int64_t start_us, struct picket_verdict_record *verdicts,
                       size_t verdict_count, struct picket_settings_record *settings)
{
    struct report report = rig_report(start_us, start_us + MIN_US, NULL, 0);

    report.facts.verdicts = verdicts;
    report.facts.verdict_count = verdict_count;
    report.facts.settings = settings;
    report.facts.settings_count = settings == NULL ? 0 : 1;
    rig_send(rig, &report);
}

TEST(mode_decides_which_packets_count)
{
    static const struct {
        enum picket_policy_mode mode;
        enum picket_verdict_cause cause;
        uint32_t packets, blocked;
        int64_t counted;
    } rows[] = {
        {PICKET_POLICY_OBSERVE, PICKET_CAUSE_RULE, 50, 0, 0},
        {PICKET_POLICY_ALERT, PICKET_CAUSE_RULE, 50, 0, 50},
        {PICKET_POLICY_ALERT, PICKET_CAUSE_OTHERS, 50, 0, 50},
        {PICKET_POLICY_ALERT, PICKET_CAUSE_INDICATOR, 50, 0, 0},
        {PICKET_POLICY_ENFORCE, PICKET_CAUSE_RULE, 50, 50, 50},
        {PICKET_POLICY_ENFORCE, PICKET_CAUSE_OTHERS, 50, 20, 20},
        {PICKET_POLICY_ENFORCE, PICKET_CAUSE_OTHERS, 50, 0, 0}, /* the way to the service */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct picket_settings_record settings = policy_in(rows[i].mode);
        struct picket_verdict_record verdict =
            verdict_of(rows[i].cause, "198.51.100.7", rows[i].packets, rows[i].blocked);

        send_facts(rig, 0, &verdict, 1, &settings);
        CHECK_UINT(rig->count, rows[i].counted > 0);
        if (rig->count == 1) {
            CHECK_TEXT(rig->findings[0].type, "DEV_POLICY_DENIED");
            CHECK_TEXT(rig->findings[0].key, "outbound");
            CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
            CHECK_UINT(rig->findings[0].measure.observed, rows[i].counted);
            CHECK_UINT(rig->findings[0].verdict_count, 1);
        }
        rig_free(rig);
    }
}

TEST(mode_of_another_revision_does_not_count)
{
    struct rig *rig = rig_new(NULL);
    struct picket_settings_record settings = policy_in(PICKET_POLICY_ALERT);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 50, 0);

    settings.revision = 8;
    send_facts(rig, 0, &verdict, 1, &settings);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(mode_is_remembered_from_an_earlier_report)
{
    struct rig *rig = rig_new(NULL);
    struct picket_settings_record settings = policy_in(PICKET_POLICY_ALERT);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 50, 0);

    send_facts(rig, 0, NULL, 0, &settings);
    send_facts(rig, MIN_US, &verdict, 1, NULL);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(hundred_packets_in_an_hour_are_medium)
{
    struct rig *rig = rig_new(NULL);
    struct picket_verdict_record few = verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 99, 99);
    struct picket_verdict_record one = verdict_of(PICKET_CAUSE_RULE, "198.51.100.8", 1, 1);

    send_facts(rig, 0, &few, 1, NULL);
    send_facts(rig, MIN_US, &one, 1, NULL);
    send_facts(rig, HOUR_US, &few, 1, NULL); /* another hour counts anew */
    CHECK_UINT(rig->count, 3);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_MEDIUM);
    CHECK_UINT(rig->findings[1].measure.observed, 100);
    CHECK_UINT(rig->findings[2].severity, SEVERITY_LOW);
    rig_free(rig);
}

TEST(denial_is_over_after_two_clean_hours)
{
    struct rig *rig = rig_new(NULL);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 1, 1);

    send_facts(rig, 0, &verdict, 1, NULL);
    for (int64_t at = MIN_US; at < 3 * HOUR_US; at += MIN_US) {
        send_facts(rig, at, NULL, 0, NULL);
    }
    CHECK_UINT(rig->count, 1);
    send_facts(rig, 3 * HOUR_US, NULL, 0, NULL);
    send_facts(rig, 3 * HOUR_US + MIN_US, NULL, 0, NULL);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT_OVER);
    CHECK_TEXT(rig->findings[1].key, "outbound");
    rig_free(rig);
}

TEST(denials_of_a_direction_are_one_finding_with_all_verdicts)
{
    struct rig *rig = rig_new(NULL);
    struct picket_verdict_record verdicts[3] = {
        verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 1, 1),
        verdict_of(PICKET_CAUSE_OTHERS, "2001:db8::7", 2, 2),
        verdict_of(PICKET_CAUSE_OTHERS, "198.51.100.9", 4, 4),
    };

    verdicts[1].direction = PICKET_INBOUND;
    send_facts(rig, 0, verdicts, 3, NULL);
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].key, "outbound");
    CHECK_UINT(rig->findings[0].verdict_count, 2);
    CHECK_UINT(rig->findings[0].measure.observed, 5);
    CHECK_TEXT(rig->findings[0].reason, "Outbound tcp/23 to 198.51.100.7 (and more) was blocked by "
                                        "policy revision 7: rule 3.");
    CHECK_TEXT(rig->findings[1].key, "inbound");
    CHECK_TEXT(rig->findings[1].reason, "Inbound tcp/23 from 2001:db8::7 was blocked by policy "
                                        "revision 7: no rule allows it.");
    rig_free(rig);
}

TEST(refusals_are_told_with_their_reason)
{
    static const struct {
        enum picket_settings_kind kind;
        enum picket_refusal refusal;
        uint32_t held, refused, detail;
        const char *type, *key, *reason;
    } rows[] = {
        {PICKET_SETTINGS_POLICY, PICKET_REFUSED_RETURNED, 7, 8, 0, "DEV_POLICY_ROLLBACK", "policy",
         "Policy revision 8 was taken back: the trial ended without a confirmed report; revision "
         "7 is in effect."},
        {PICKET_SETTINGS_POLICY, PICKET_REFUSED_RETURNED, 0, 1, 0, "DEV_POLICY_ROLLBACK", "policy",
         "Policy revision 1 was taken back: the trial ended without a confirmed report; none is "
         "in effect."},
        {PICKET_SETTINGS_POLICY, PICKET_REFUSED_REVISION, 7, 6, 0, "DEV_CONFIG_ERROR", "policy",
         "Policy revision 6 was refused: not newer than what the device has; revision 7 "
         "is in effect."},
        {PICKET_SETTINGS_CONFIGURATION, PICKET_REFUSED_VALUE, 0, 3, PICKET_SETTING_IPV4_FLOWS,
         "DEV_CONFIG_ERROR", "configuration",
         "Configuration revision 3 was refused: the device can't do what is asked of ipv4_flows; "
         "none is in effect."},
        {PICKET_SETTINGS_UNKNOWN, PICKET_REFUSED_SIGNATURE, 0, 0, 0, "DEV_CONFIG_ERROR", "unknown",
         "Settings were refused: not signed by a key that the device knows."},
        {PICKET_SETTINGS_UNKNOWN, (enum picket_refusal)200, 0, 0, 0, "DEV_CONFIG_ERROR", "unknown",
         "Settings were refused: the device has a reason that this build does not know."},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct picket_settings_record settings = {.kind = rows[i].kind,
                                                  .revision = rows[i].held,
                                                  .refusal = rows[i].refusal,
                                                  .refused_revision = rows[i].refused,
                                                  .detail = rows[i].detail};

        send_facts(rig, 0, NULL, 0, &settings);
        CHECK_UINT(rig->count, 1);
        CHECK_TEXT(rig->findings[0].type, rows[i].type);
        CHECK_TEXT(rig->findings[0].key, rows[i].key);
        CHECK_TEXT(rig->findings[0].reason, rows[i].reason);
        CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
        rig_free(rig);
    }
}

TEST(refusal_is_over_when_newer_settings_are_in_effect)
{
    struct rig *rig = rig_new(NULL);
    struct picket_settings_record settings = policy_in(PICKET_POLICY_OBSERVE);

    settings.refusal = PICKET_REFUSED_VALUE;
    settings.refused_revision = 8;
    send_facts(rig, 0, NULL, 0, &settings);
    settings.refusal = PICKET_REFUSED_NOT;
    send_facts(rig, MIN_US, NULL, 0, &settings); /* the same as before */
    settings.revision = 9;
    settings.state = PICKET_STATE_ON_TRIAL;
    send_facts(rig, 2 * MIN_US, NULL, 0, &settings);
    CHECK_UINT(rig->count, 1);
    settings.state = PICKET_STATE_IN_EFFECT;
    send_facts(rig, 3 * MIN_US, NULL, 0, &settings);
    CHECK_UINT(rig->count, 3); /* of both types: the book knows which is open */
    CHECK_UINT(rig->findings[1].kind, FINDING_ALERT_OVER);
    CHECK_UINT(rig->findings[2].kind, FINDING_ALERT_OVER);
    CHECK_TEXT(rig->findings[1].type, "DEV_POLICY_ROLLBACK");
    CHECK_TEXT(rig->findings[2].type, "DEV_CONFIG_ERROR");
    rig_free(rig);
}

TEST(rules_that_are_off_raise_nothing)
{
    struct rig *rig = rig_new("{'type': 'DEV_POLICY_DENIED', 'enabled': false},"
                              "{'type': 'DEV_POLICY_ROLLBACK', 'enabled': false},"
                              "{'type': 'DEV_CONFIG_ERROR', 'enabled': false}");
    struct picket_settings_record settings = policy_in(PICKET_POLICY_ENFORCE);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_RULE, "198.51.100.7", 50, 50);

    settings.refusal = PICKET_REFUSED_RETURNED;
    send_facts(rig, 0, &verdict, 1, &settings);
    settings.refusal = PICKET_REFUSED_FORM;
    send_facts(rig, MIN_US, &verdict, 1, &settings);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

static struct rig *new_listed_rig(const char *rules)
{
    struct rig *rig = rig_new(rules);

    rig->intel = rig_index(&feed, list, 1);
    return rig;
}

TEST(what_the_filter_found_is_told_of_if_it_is_listed)
{
    struct rig *rig = new_listed_rig(NULL);
    struct picket_verdict_record verdicts[4] = {
        verdict_of(PICKET_CAUSE_INDICATOR, "203.0.113.7", 5, 0),
        verdict_of(PICKET_CAUSE_INDICATOR, "198.51.100.7", 5, 0), /* not listed */
        verdict_of(PICKET_CAUSE_INDICATOR, "203.0.113.7", 5, 0),
        verdict_of(PICKET_CAUSE_RULE, "203.0.113.8", 5, 0), /* not the filter's */
    };
    struct intel_counts counts;

    verdicts[2].port = 443;
    send_facts(rig, 0, verdicts, 4, NULL);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "TI_IP_MATCH");
    CHECK_TEXT(rig->findings[0].key, "203.0.113.7");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
    CHECK_UINT(rig->findings[0].flow_count, 0);
    CHECK_UINT(rig->findings[0].verdict_count, 2);
    CHECK(rig->findings[0].indicator != NULL);
    CHECK_UINT(rig->findings[0].last_us, MIN_US);
    CHECK_TEXT(rig->findings[0].reason,
               "Outbound tcp/23 to 203.0.113.7 was found by the device's filter, but had no room "
               "in the report; 203.0.113.7 is on list \"c2\".");
    counts = detect_device_take_intel_counts(rig->device);
    CHECK_UINT(counts.confirmed, 2);
    CHECK_UINT(counts.withdrawn, 1);
    counts = detect_device_take_intel_counts(rig->device);
    CHECK_UINT(counts.confirmed + counts.withdrawn, 0);
    rig_free(rig);
}

TEST(peer_whose_flow_is_reported_is_told_of_once)
{
    struct rig *rig = new_listed_rig(NULL);
    struct flow flow = rig_flow("203.0.113.7", PICKET_OUTBOUND, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_INDICATOR, "203.0.113.7", 20, 0);

    report.facts.verdicts = &verdict;
    report.facts.verdict_count = 1;
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_HIGH);
    CHECK_UINT(rig->findings[0].flow_count, 1);
    CHECK_UINT(rig->findings[0].verdict_count, 1);
    rig_free(rig);
}

TEST(what_the_filter_found_inbound_is_low_and_can_be_left_out)
{
    struct rig *rig = new_listed_rig(NULL);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_INDICATOR, "203.0.113.7", 5, 0);

    verdict.direction = PICKET_INBOUND;
    send_facts(rig, 0, &verdict, 1, NULL);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    rig_set_rules(rig, "{'type': 'TI_IP_MATCH', 'directions': ['outbound']}");
    send_facts(rig, MIN_US, &verdict, 1, NULL);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(without_lists_everything_the_filter_found_is_withdrawn)
{
    struct rig *rig = rig_new(NULL);
    struct picket_verdict_record verdict = verdict_of(PICKET_CAUSE_INDICATOR, "203.0.113.7", 5, 0);

    send_facts(rig, 0, &verdict, 1, NULL);
    CHECK_UINT(rig->count, 0);
    CHECK_UINT(detect_device_take_intel_counts(rig->device).withdrawn, 1);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(mode_decides_which_packets_count),
          TEST_ROW(mode_of_another_revision_does_not_count),
          TEST_ROW(mode_is_remembered_from_an_earlier_report),
          TEST_ROW(hundred_packets_in_an_hour_are_medium),
          TEST_ROW(denial_is_over_after_two_clean_hours),
          TEST_ROW(denials_of_a_direction_are_one_finding_with_all_verdicts),
          TEST_ROW(refusals_are_told_with_their_reason),
          TEST_ROW(refusal_is_over_when_newer_settings_are_in_effect),
          TEST_ROW(rules_that_are_off_raise_nothing),
          TEST_ROW(what_the_filter_found_is_told_of_if_it_is_listed),
          TEST_ROW(peer_whose_flow_is_reported_is_told_of_once),
          TEST_ROW(what_the_filter_found_inbound_is_low_and_can_be_left_out),
          TEST_ROW(without_lists_everything_the_filter_found_is_withdrawn))
