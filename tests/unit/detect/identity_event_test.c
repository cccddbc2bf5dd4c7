/* SPDX-License-Identifier: MIT */
/* ID_*, DEV_OVER_ALLOWANCE and DEV_MESSAGE_REFUSED: what doors saw of identities, or refused. */
#include "model/identity_event.h"
#include "rig.h"

static struct identity_event event_of(enum identity_event_kind kind, int64_t at_us)
{
    struct identity_event event = {.kind = kind,
                                   .subject = "d1",
                                   .source = "192.0.2.1",
                                   .count = 1,
                                   .first_us = at_us,
                                   .last_us = at_us,
                                   .claimed = "d1",
                                   .cause = REFUSED_MALFORMED,
                                   .reason = "byte 0: not a map"};

    memset(event.presented, 'a', sizeof(event.presented) - 1);
    memset(event.expected, 'b', sizeof(event.expected) - 1);
    return event;
}

static void note(struct rig *rig, const struct identity_event *event)
{
    const struct detect_terms terms = {rig->intel, rig->rules, rig->group};

    detect_identity(rig->device, event, &terms, rig_take, rig);
}

TEST(each_kind_is_a_type_with_its_severity_and_says_what_was_seen)
{
    static const struct {
        enum identity_event_kind kind;
        enum severity severity;
        const char *type;
        const char *key;
        const char *reason;
    } rows[] = {
        {IDENTITY_EVENT_CERTIFICATE_MISMATCH, SEVERITY_MEDIUM, "ID_CERT_MISMATCH", "certificate",
         "A client at 192.0.2.1 presented the certificate aaaaaaaaaaaaaaaa…, and the device was "
         "enrolled with bbbbbbbbbbbbbbbb…."},
        {IDENTITY_EVENT_CERTIFICATE_EXPIRED, SEVERITY_MEDIUM, "ID_CERT_EXPIRED", "certificate",
         "A client at 192.0.2.1 presented the certificate aaaaaaaaaaaaaaaa…, which was valid until "
         "1970-01-01 00:00:00 UTC; the device was last let in before the service began."},
        {IDENTITY_EVENT_TOKEN_EXPIRED, SEVERITY_LOW, "ID_TOKEN_EXPIRED", "token",
         "A client at 192.0.2.1 presented a token that was valid until "
         "1970-01-01 00:00:00 UTC."},
        {IDENTITY_EVENT_TOKEN_INVALID, SEVERITY_LOW, "ID_TOKEN_INVALID", "token",
         "1 attempts to be this device with a token or key that is not its own; the last came from "
         "192.0.2.1."},
        {IDENTITY_EVENT_REVOKED_USED, SEVERITY_MEDIUM, "ID_REVOKED_USED", "revoked",
         "A credential of the device that was revoked was used from 192.0.2.1."},
        {IDENTITY_EVENT_UNKNOWN, SEVERITY_LOW, "ID_UNKNOWN", "192.0.2.1",
         "1 attempts from 192.0.2.1 with an identity that was never enrolled; the last as "
         "\"d1\"."},
        {IDENTITY_EVENT_OVER_ALLOWANCE, SEVERITY_LOW, "DEV_OVER_ALLOWANCE", "allowance",
         "The device sends more than it may; messages from 192.0.2.1 are refused."},
        {IDENTITY_EVENT_MESSAGE_REFUSED, SEVERITY_LOW, "DEV_MESSAGE_REFUSED", "malformed",
         "A message that came from 192.0.2.1 was refused: byte 0: not a map."},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        const struct identity_event event = event_of(rows[i].kind, MIN_US);

        note(rig, &event);
        CHECK_UINT(rig->count, 1);
        CHECK_TEXT(rig->findings[0].type, rows[i].type);
        CHECK_TEXT(rig->findings[0].key, rows[i].key);
        CHECK_TEXT(rig->findings[0].reason, rows[i].reason);
        CHECK_UINT(rig->findings[0].severity, rows[i].severity);
        CHECK_UINT(rig->findings[0].first_us, MIN_US);
        rig_free(rig);
    }
}

TEST(device_that_speaks_as_another_is_a_mismatch_of_its_own)
{
    struct rig *rig = rig_new(NULL);
    struct identity_event event = event_of(IDENTITY_EVENT_CERTIFICATE_MISMATCH, 0);

    snprintf(event.claimed, sizeof(event.claimed), "d2");
    note(rig, &event);
    CHECK_TEXT(rig->findings[0].key, "foreign");
    CHECK_TEXT(rig->findings[0].reason, "From 192.0.2.1 the device tried to speak as d2.");
    rig_free(rig);
}

TEST(rule_switches_off_and_sets_the_severity)
{
    struct rig *off = rig_new("{'type': 'ID_REVOKED_USED', 'enabled': false}");
    struct rig *high = rig_new("{'type': 'ID_REVOKED_USED', 'severity': 'High'}");
    const struct identity_event event = event_of(IDENTITY_EVENT_REVOKED_USED, 0);

    note(off, &event);
    CHECK_UINT(off->count, 0);
    note(high, &event);
    CHECK_UINT(high->findings[0].severity, SEVERITY_HIGH);
    rig_free(off);
    rig_free(high);
}

TEST(certificate_is_not_told_within_its_grace)
{
    static const struct {
        int64_t at_us;
        size_t count;
    } rows[] = {{60 * MIN_US, 0}, {60 * MIN_US + 1, 1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new("{'type': 'ID_CERT_EXPIRED', 'grace': 'PT1H'}");
        const struct identity_event event =
            event_of(IDENTITY_EVENT_CERTIFICATE_EXPIRED, rows[i].at_us);

        note(rig, &event);
        CHECK_UINT(rig->count, rows[i].count);
        rig_free(rig);
    }
}

TEST(invalid_tokens_are_medium_from_five_in_ten_minutes)
{
    static const struct {
        int64_t at_us;
        uint64_t count;
        int64_t observed;
        enum severity severity;
    } rows[] = {
        {0, 1, 1, SEVERITY_LOW},
        {MIN_US, 3, 4, SEVERITY_LOW},
        {10 * MIN_US, 1, 5, SEVERITY_MEDIUM},
        {10 * MIN_US + 1, 1, 1, SEVERITY_LOW}, /* the count begins anew */
        {9 * MIN_US, 4, 4, SEVERITY_LOW},      /* and when the clock was set back */
        {9 * MIN_US, 1, 5, SEVERITY_MEDIUM},
    };
    struct rig *rig = rig_new(NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct identity_event event = event_of(IDENTITY_EVENT_TOKEN_INVALID, rows[i].at_us);

        event.count = rows[i].count;
        note(rig, &event);
        CHECK_UINT(rig->findings[i].measure.observed, rows[i].observed);
        CHECK_UINT(rig->findings[i].severity, rows[i].severity);
    }
    CHECK_UINT(rig->findings[0].measure.max, 4);
    rig_free(rig);
}

TEST(strangers_are_counted_by_source_and_medium_from_twenty_in_an_hour)
{
    struct rig *rig = rig_new(NULL);
    struct identity_event event = event_of(IDENTITY_EVENT_UNKNOWN, 0);

    event.count = 19;
    note(rig, &event);
    snprintf(event.source, sizeof(event.source), "192.0.2.2");
    note(rig, &event);
    event.count = 1;
    note(rig, &event);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[2].severity, SEVERITY_MEDIUM);
    CHECK_TEXT(rig->findings[2].key, "192.0.2.2");
    rig_free(rig);
}

static void count_finding(void *context, const char *device, const struct finding *finding)
{
    unsigned *counts = context;

    (void)device;
    if (finding->kind == FINDING_ALERT) {
        counts[0]++;
    } else {
        counts[1] += finding->kind == FINDING_ALERT_OVER && strcmp(finding->key, "10.0.0.0") == 0;
    }
}

TEST(source_that_was_heard_longest_ago_makes_room_and_its_alert_ends)
{
    struct rig *rig = rig_new(NULL);
    const struct detect_terms terms = {NULL, rig->rules, rig->group};
    unsigned counts[2] = {0};

    for (int i = 0; i <= 256; i++) {
        struct identity_event event = event_of(IDENTITY_EVENT_UNKNOWN, i);

        snprintf(event.source, sizeof(event.source), "10.0.%d.%d", i / 256, i % 256);
        detect_identity(rig->device, &event, &terms, count_finding, counts);
    }
    CHECK_UINT(counts[0], 257);
    CHECK_UINT(counts[1], 1);
    rig_free(rig);
}

TEST(two_places_are_told_if_the_first_is_back_soon_enough)
{
    struct rig *rig = rig_new(NULL);
    struct identity_event event = event_of(IDENTITY_EVENT_DUPLICATE_SESSION, MIN_US);

    snprintf(event.other_source, sizeof(event.other_source), "198.51.100.1");
    event.overlap_us = MIN_US + 1;
    note(rig, &event);
    CHECK_UINT(rig->count, 0);
    event.overlap_us = MIN_US;
    note(rig, &event);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_HIGH);
    CHECK_TEXT(rig->findings[0].reason, "The device came from 192.0.2.1, then from 198.51.100.1, "
                                        "and 60 s later from 192.0.2.1 again.");
    rig_free(rig);
}

static void send_at(struct rig *rig, int64_t received_us)
{
    struct report report = rig_report(received_us - MIN_US, received_us, NULL, 0);

    report.received_us = received_us;
    rig_send(rig, &report);
}

#define HOUR_US (60 * MIN_US)

TEST(refused_messages_are_over_when_reports_come_and_none_was_refused_for_two_hours)
{
    static const struct {
        enum identity_event_kind kind;
        enum refused_cause cause;
        const char *type;
        const char *key;
    } rows[] = {
        {IDENTITY_EVENT_MESSAGE_REFUSED, REFUSED_MALFORMED, "DEV_MESSAGE_REFUSED", "malformed"},
        {IDENTITY_EVENT_MESSAGE_REFUSED, REFUSED_NEWER, "DEV_MESSAGE_REFUSED", "newer"},
        {IDENTITY_EVENT_OVER_ALLOWANCE, REFUSED_OVER_ALLOWANCE, "DEV_OVER_ALLOWANCE", "allowance"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct identity_event event = event_of(rows[i].kind, HOUR_US);

        event.cause = rows[i].cause;
        note(rig, &event);
        send_at(rig, 2 * HOUR_US);
        event.first_us = event.last_us = 2 * HOUR_US + 1;
        note(rig, &event);
        send_at(rig, 3 * HOUR_US + 1);
        send_at(rig, 4 * HOUR_US);
        CHECK_UINT(rig->count, 2);
        send_at(rig, 4 * HOUR_US + 1);
        CHECK_UINT(rig->count, 3);
        CHECK_UINT(rig->findings[2].kind, FINDING_ALERT_OVER);
        CHECK_TEXT(rig->findings[2].type, rows[i].type);
        CHECK_TEXT(rig->findings[2].key, rows[i].key);
        CHECK_UINT(rig->findings[2].first_us, 2 * HOUR_US + 1);
        CHECK_UINT(rig->findings[2].last_us, 4 * HOUR_US + 1);
        send_at(rig, 9 * HOUR_US);
        CHECK_UINT(rig->count, 3);
        rig_free(rig);
    }
}

TEST(clock_that_was_set_back_begins_the_two_hours_anew)
{
    struct rig *rig = rig_new(NULL);
    const struct identity_event event = event_of(IDENTITY_EVENT_MESSAGE_REFUSED, 100 * HOUR_US);

    note(rig, &event);
    send_at(rig, HOUR_US);
    send_at(rig, 3 * HOUR_US - 1);
    CHECK_UINT(rig->count, 1);
    send_at(rig, 3 * HOUR_US);
    CHECK_UINT(rig->count, 2);
    rig_free(rig);
}

TEST(refusals_before_a_restart_are_over_two_hours_after_the_first_report)
{
    struct rig *rig = rig_new("{'type': 'DEV_SILENT', 'enabled': false}");
    size_t before;

    detect_device_restore(rig->device, HOUR_US, 60000, false);
    send_at(rig, 9 * HOUR_US);
    before = rig->count;
    send_at(rig, 11 * HOUR_US - 1);
    CHECK_UINT(rig->count, before);
    send_at(rig, 11 * HOUR_US);
    CHECK_UINT(rig->count, before + REFUSED_CAUSES);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(each_kind_is_a_type_with_its_severity_and_says_what_was_seen),
          TEST_ROW(device_that_speaks_as_another_is_a_mismatch_of_its_own),
          TEST_ROW(rule_switches_off_and_sets_the_severity),
          TEST_ROW(certificate_is_not_told_within_its_grace),
          TEST_ROW(invalid_tokens_are_medium_from_five_in_ten_minutes),
          TEST_ROW(strangers_are_counted_by_source_and_medium_from_twenty_in_an_hour),
          TEST_ROW(source_that_was_heard_longest_ago_makes_room_and_its_alert_ends),
          TEST_ROW(refused_messages_are_over_when_reports_come_and_none_was_refused_for_two_hours),
          TEST_ROW(clock_that_was_set_back_begins_the_two_hours_anew),
          TEST_ROW(refusals_before_a_restart_are_over_two_hours_after_the_first_report),
          TEST_ROW(two_places_are_told_if_the_first_is_back_soon_enough))
