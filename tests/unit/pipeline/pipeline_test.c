/* SPDX-License-Identifier: MIT */
#include "pipeline/pipeline.h"

#include "harness/check.h"
#include "pipeline_fixture.h"
#include "store/sqlite.h"

TEST(report_becomes_device_and_alert_with_evidence)
{
    struct scene scene;
    struct device device;
    struct alert alert;
    struct pipeline_stats stats;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    device = stored_device(&scene, "d1");
    CHECK_TEXT(device.group, "default");
    CHECK_UINT(device.reports, 1);
    CHECK_UINT(device.first_seen_us, NOON_US);
    CHECK_UINT(device.last_seen_us, NOON_US);
    CHECK_UINT(device.interval_ms, 60000);
    CHECK_UINT(device.counters.seen, 10);
    CHECK_UINT(device.boot.id, 1);
    CHECK_UINT(device.boot.highest, 1);
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_TEXT(alert.device, "d1");
    CHECK(alert.severity == SEVERITY_HIGH);
    CHECK_UINT(alert.count, 1);
    CHECK_UINT(alert.evidence.total.bytes_out, 500);
    CHECK_TEXT(alert.evidence.indicator.feed, "test");
    pipeline_get_stats(scene.pipeline, &stats);
    CHECK_UINT(stats.reports, 1);
    CHECK_UINT(stats.flows, 1);
    CHECK_UINT(stats.devices, 1);
    CHECK_UINT(stats.repeats, 0);
    CHECK_UINT(stats.alerts_changed, 1);
    scene_end(&scene);
}

TEST(repeat_is_acknowledged_and_counts_nothing_twice)
{
    struct scene scene;
    struct alert alert;
    struct device device;
    struct pipeline_stats stats;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 5, 7)));
    device = stored_device(&scene, "d1");
    CHECK_UINT(device.reports, 1);
    CHECK_UINT(device.repeats, 1);
    CHECK_UINT(device.counters.seen, 10);
    CHECK_UINT(device.last_seen_us, NOON_US); /* who repeats an old report proves nothing */
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_UINT(alert.count, 1);
    pipeline_get_stats(scene.pipeline, &stats);
    CHECK_UINT(stats.reports, 1);
    CHECK_UINT(stats.repeats, 1);
    scene_end(&scene);
}

/* Of another format: it has nothing to be known by but its bytes. */
static struct report *foreign_report(uint64_t digest, int minute)
{
    struct report *report = report_of("d1", 0, 0, minute, 7);

    report->format = "agent";
    report->digest = digest;
    report->head.has_counters = report->head.has_heartbeat = false;
    return report;
}

TEST(message_without_sequence_is_known_again_by_its_bytes_also_after_a_restart)
{
    struct scene scene;
    struct device device;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    for (uint64_t digest = 1; digest <= DEVICE_DIGESTS; digest++) {
        CHECK(submitted(&scene, foreign_report(digest, (int)digest)));
    }
    CHECK(submitted(&scene, foreign_report(1, 20)));
    scene_restart(&scene);
    CHECK(submitted(&scene, foreign_report(1, 21)));
    CHECK(submitted(&scene, foreign_report(DEVICE_DIGESTS, 22)));
    device = stored_device(&scene, "d1");
    CHECK_UINT(device.reports, DEVICE_DIGESTS);
    CHECK_UINT(device.repeats, 3);
    CHECK_TEXT(device.format, "agent");
    CHECK_UINT(device.boot.id, 0);
    CHECK_UINT(device.boot.missing, 0);
    CHECK(submitted(&scene, foreign_report(DEVICE_DIGESTS + 1, 23)));
    CHECK(submitted(&scene, foreign_report(1, 24))); /* too long ago to be known */
    CHECK_UINT(stored_device(&scene, "d1").reports, DEVICE_DIGESTS + 2);
    scene_end(&scene);
}

TEST(gap_is_counted_as_missing_until_it_is_filled)
{
    struct scene scene;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 1)));
    CHECK(submitted(&scene, report_of("d1", 1, 4, 3, 1)));
    CHECK_UINT(stored_device(&scene, "d1").boot.missing, 2);
    CHECK(submitted(&scene, report_of("d1", 1, 2, 3, 1)));
    CHECK_UINT(stored_device(&scene, "d1").boot.missing, 1);
    CHECK_UINT(stored_device(&scene, "d1").reports, 3);
    scene_end(&scene);
}

TEST(sequence_below_the_window_is_taken_for_a_repeat)
{
    struct scene scene;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 100, 0, 1)));
    CHECK(submitted(&scene, report_of("d1", 1, 36, 0, 1)));
    CHECK_UINT(stored_device(&scene, "d1").repeats, 1);
    CHECK(submitted(&scene, report_of("d1", 1, 37, 0, 1)));
    CHECK_UINT(stored_device(&scene, "d1").reports, 2);
    scene_end(&scene);
}

TEST(late_report_of_an_earlier_boot_counts_once_and_keeps_the_current_boot)
{
    struct scene scene;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 9, 1, 0, 1)));
    CHECK(submitted(&scene, report_of("d1", 4, 1, 1, 1)));
    CHECK(submitted(&scene, report_of("d1", 9, 2, 2, 1)));
    CHECK(submitted(&scene, report_of("d1", 9, 2, 2, 1)));
    CHECK_UINT(stored_device(&scene, "d1").reports, 3);
    CHECK_UINT(stored_device(&scene, "d1").repeats, 1);
    CHECK_UINT(stored_device(&scene, "d1").boot.id, 4);
    scene_restart(&scene);
    CHECK(submitted(&scene, report_of("d1", 9, 2, 2, 1)));
    CHECK(submitted(&scene, report_of("d1", 4, 2, 3, 1)));
    CHECK_UINT(stored_device(&scene, "d1").reports, 4);
    CHECK_UINT(stored_device(&scene, "d1").repeats, 2);
    CHECK_UINT(stored_device(&scene, "d1").boot.id, 4);
    scene_end(&scene);
}

TEST(more_boots_than_are_kept_still_know_the_newest_after_a_restart)
{
    struct scene scene;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    for (uint32_t boot = 1; boot <= 40; boot++) {
        CHECK(submitted(&scene, report_of("d1", boot, 1, 0, 1)));
    }
    scene_restart(&scene);
    for (uint32_t boot = 25; boot <= 40; boot++) {
        CHECK(submitted(&scene, report_of("d1", boot, 1, 0, 1)));
    }
    CHECK_UINT(stored_device(&scene, "d1").reports, 40);
    CHECK_UINT(stored_device(&scene, "d1").repeats, 16);
    CHECK_UINT(stored_device(&scene, "d1").boot.id, 40);
    scene_end(&scene);
}

TEST(restart_goes_on_folding_into_the_open_alert)
{
    struct scene scene;
    struct alert before, after;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    stored_alert(&scene, "TI_IP_MATCH", &before);
    scene_restart(&scene);
    CHECK(submitted(&scene, report_of("d1", 1, 2, 1, 7)));
    stored_alert(&scene, "TI_IP_MATCH", &after);
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 1);
    CHECK_TEXT(after.id, before.id);
    CHECK_UINT(after.count, 2);
    CHECK_UINT(after.evidence.total.bytes_out, 1000);
    CHECK_UINT(stored_device(&scene, "d1").counters.seen, 20);
    scene_end(&scene);
}

TEST(device_known_from_before_a_restart_is_missed_and_heard_again)
{
    struct scene scene;
    struct alert alert;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 1)));
    scene_restart(&scene);
    CHECK(pipeline_tick(scene.pipeline, NOON_US + MINUTE_US, NULL) == PICKET_OK);
    CHECK_UINT(alert_count(&scene, "DEV_SILENT"), 0);
    CHECK(pipeline_tick(scene.pipeline, NOON_US + 30 * MINUTE_US, NULL) == PICKET_OK);
    stored_alert(&scene, "DEV_SILENT", &alert);
    CHECK_TEXT(alert.device, "d1");
    CHECK(alert.state == ALERT_OPEN);
    scene_restart(&scene);
    CHECK(submitted(&scene, report_of("d1", 1, 2, 31, 1)));
    stored_alert(&scene, "DEV_SILENT", &alert);
    CHECK(alert.state == ALERT_RESOLVED);
    CHECK_UINT(alert.resolved_us, NOON_US + 31 * MINUTE_US);
    scene_end(&scene);
}

static void note_status(void *context, const struct pipeline_outcome *outcome)
{
    *(enum picket_status *)context = outcome->status;
}

TEST(alert_that_a_person_ends_is_resolved_and_what_comes_then_is_another_one)
{
    struct scene scene;
    struct alert first;
    uint64_t open_count = 0;
    enum picket_status status = PICKET_E_IO;
    const struct store_filter open = {.type = "TI_IP_MATCH", .only_open = true};
    struct pipeline_end end = {.device = "d1", .now_us = NOON_US + 5 * MINUTE_US};

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    stored_alert(&scene, "TI_IP_MATCH", &first);
    CHECK(first.id[0] != '\0' && first.state == ALERT_OPEN);
    scene_restart(&scene);
    end.type = first.type;
    end.key = first.key;
    CHECK(pipeline_end_alert(scene.pipeline, &end, note_status, &status) == PICKET_OK);
    CHECK(status == PICKET_OK);
    stored_alert(&scene, "TI_IP_MATCH", &first);
    CHECK(first.state == ALERT_RESOLVED);
    CHECK_UINT(first.resolved_us, NOON_US + 5 * MINUTE_US);
    CHECK(pipeline_end_alert(scene.pipeline, &end, note_status, &status) == PICKET_OK);
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 1);
    CHECK(submitted(&scene, report_of("d1", 1, 2, 10, 7)));
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 2);
    CHECK(scene.store->ops->count_alerts(scene.store, &open, &open_count, NULL) == PICKET_OK);
    CHECK_UINT(open_count, 1);
    scene_end(&scene);
}

/* Built 1 s after the window's end, and underway for delay_us. */
static struct report *without_clock(uint32_t sequence, uint64_t start_ms, int64_t delay_us)
{
    struct report *report = report_of("d1", 1, sequence, 0, 7);

    report->head.has_clock = false;
    report->head.window_start_ms = start_ms;
    report->head.built_ms = start_ms + 61000;
    report_shift(report, delay_us + NOON_US + (int64_t)start_ms * 1000 - report->window_start_us);
    report->received_us = NOON_US + (int64_t)report->head.built_ms * 1000 + delay_us;
    return report;
}

TEST(times_without_a_clock_stand_on_the_line_of_the_quickest_report)
{
    struct scene scene;
    struct report *report;
    struct alert alert;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, without_clock(1, 0, 2000000)));
    CHECK_UINT(stored_device(&scene, "d1").boot.started_us, NOON_US + 2000000);
    CHECK(submitted(&scene, without_clock(2, 60000, 500000)));
    CHECK_UINT(stored_device(&scene, "d1").boot.started_us, NOON_US + 500000);
    scene_restart(&scene);
    report = without_clock(3, 120000, 9000000);
    CHECK(submitted(&scene, report));
    CHECK_UINT(stored_device(&scene, "d1").boot.started_us, NOON_US + 500000);
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_UINT(alert.first_us, NOON_US + 2000000);
    CHECK_UINT(alert.last_us, NOON_US + 180000000 + 500000); /* not 9 s late */
    CHECK_UINT(stored_device(&scene, "d1").last_seen_us, NOON_US + 181000000 + 9000000);
    scene_end(&scene);
}

TEST(impossible_uptimes_and_counters_do_no_harm)
{
    struct scene scene;
    struct report *report;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    for (uint32_t sequence = 1; sequence <= 3; sequence++) {
        report = report_of("d1", 1, sequence, 0, 7);
        report->head.has_clock = false;
        report->head.built_ms = UINT64_MAX;
        report->head.window_start_ms = UINT64_MAX;
        report->head.counters = (struct picket_counters){.seen = UINT64_MAX, .kept = INT64_MAX};
        CHECK(submitted(&scene, report));
    }
    CHECK_UINT(stored_device(&scene, "d1").counters.seen, INT64_MAX);
    CHECK_UINT(stored_device(&scene, "d1").counters.kept, INT64_MAX);
    CHECK_UINT(stored_device(&scene, "d1").boot.started_us, 0);
    scene_end(&scene);
}

TEST(system_texts_are_kept_until_told_anew)
{
    struct scene scene;
    struct report *report = report_of("d1", 1, 1, 0, 1);
    struct device device;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    report->head.has_system = true;
    report->head.system.os = (struct picket_text){"ThreadX 6.4.1 and more", 13};
    report->head.system.hardware = (struct picket_text){"STM32H563", 9};
    CHECK(submitted(&scene, report));
    report = report_of("d1", 1, 2, 1, 1);
    report->head.has_system = true;
    report->head.system.os = (struct picket_text){"FreeRTOS", 8};
    CHECK(submitted(&scene, report));
    CHECK(submitted(&scene, report_of("d1", 1, 3, 2, 1)));
    device = stored_device(&scene, "d1");
    CHECK_TEXT(device.os, "FreeRTOS");
    CHECK_TEXT(device.hardware, "STM32H563");
    scene_end(&scene);
}

TEST(identity_of_the_firmware_is_that_of_the_one_told_last)
{
    static const uint8_t digest[PICKET_SHA256_BYTES] = {0x0a, 0xff};
    struct scene scene;
    struct report *report = report_of("d1", 1, 1, 0, 1);
    struct device device;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    report->head.has_system = true;
    report->head.system = (struct picket_system){.sbom = {"urn:uuid:1", 10},
                                                 .firmware_sha256 = digest,
                                                 .hardening_known = 3,
                                                 .hardening_on = 1};
    CHECK(submitted(&scene, report));
    CHECK(submitted(&scene, report_of("d1", 1, 2, 1, 1)));
    device = stored_device(&scene, "d1");
    CHECK_TEXT(device.sbom, "urn:uuid:1");
    CHECK(memcmp(device.firmware_sha256, "0aff000", 7) == 0);
    CHECK_UINT(strlen(device.firmware_sha256), 64);
    CHECK_UINT(device.hardening_known, 3);
    CHECK_UINT(device.hardening_on, 1);
    report = report_of("d1", 1, 3, 2, 1);
    report->head.has_system = true;
    CHECK(submitted(&scene, report));
    device = stored_device(&scene, "d1");
    CHECK_TEXT(device.sbom, "");
    CHECK_TEXT(device.firmware_sha256, "");
    CHECK_UINT(device.hardening_known, 0);
    scene_end(&scene);
}

TEST(device_is_assigned_to_a_group_before_and_after_it_is_heard)
{
    struct scene scene;
    struct answers answers = {0};
    char long_name[GROUP_NAME_MAX + 2];

    memset(long_name, 'g', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(pipeline_assign(scene.pipeline, "d1", "cameras", take_answer, &answers) == PICKET_OK);
    CHECK_TEXT(stored_device(&scene, "d1").group, "cameras");
    CHECK_UINT(stored_device(&scene, "d1").first_seen_us, 0);
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 1)));
    CHECK_TEXT(stored_device(&scene, "d1").group, "cameras");
    CHECK_UINT(stored_device(&scene, "d1").first_seen_us, NOON_US);
    CHECK(pipeline_assign(scene.pipeline, "d1", "locks", take_answer, &answers) == PICKET_OK);
    CHECK_TEXT(stored_device(&scene, "d1").group, "locks");
    CHECK_UINT(answers.good, 2);
    CHECK(pipeline_assign(scene.pipeline, "d 1", "g", take_answer, &answers) == PICKET_E_ARG);
    CHECK(pipeline_assign(scene.pipeline, "d1", long_name, take_answer, &answers) == PICKET_E_ARG);
    CHECK_UINT(answers.good + answers.bad, 2);
    scene_end(&scene);
}

static struct rules *parsed_rules(const char *text)
{
    struct rules *rules = NULL;
    struct err err = {""};

    if (rules_parse(text, strlen(text), &rules, &err) != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return rules;
}

TEST(rules_of_the_devices_own_group_judge_it)
{
    struct scene scene;
    struct rulebook *rulebook = rulebook_new();
    struct answers answers = {0};

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(rulebook_add(rulebook, parsed_rules("{\"name\": \"quiet\", \"rules\": [{\"type\": "
                                              "\"TI_IP_MATCH\", \"enabled\": false}]}")) ==
          PICKET_OK);
    CHECK(snapshot_publish(scene.rulebook, rulebook, free_rulebook));
    CHECK(pipeline_assign(scene.pipeline, "d1", "quiet", take_answer, &answers) == PICKET_OK);
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 0);
    CHECK(submitted(&scene, report_of("d2", 1, 1, 0, 7)));
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 1);
    scene_end(&scene);
}

TEST(device_that_can_not_be_read_fails_its_own_reports_only)
{
    struct scene scene;
    struct answers answers = {0};
    struct alert alert;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    CHECK(submitted(&scene, report_of("d2", 1, 1, 0, 1)));
    sqlite3_exec(((struct sqlite_store *)scene.store)->writer.db,
                 "UPDATE alert SET evidence = 'damaged' WHERE device = 'd1'", NULL, NULL, NULL);
    scene_restart(&scene);
    CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, 2, 1, 7), take_answer, &answers) ==
          PICKET_OK);
    CHECK_UINT(answers.bad, 1);
    CHECK(strstr(answers.reason, "evidence") != NULL);
    CHECK_UINT(stored_device(&scene, "d1").reports, 1);
    CHECK(submitted(&scene, report_of("d2", 1, 2, 1, 1)));

    CHECK(pipeline_tick(scene.pipeline, NOON_US + MINUTE_US, NULL) == PICKET_OK);
    CHECK(pipeline_tick(scene.pipeline, NOON_US + 30 * MINUTE_US, NULL) == PICKET_E_MALFORMED);
    CHECK_UINT(alert_count(&scene, "DEV_SILENT"), 1);
    stored_alert(&scene, "DEV_SILENT", &alert);
    CHECK_TEXT(alert.device, "d2");
    scene_end(&scene);
}

TEST_MAIN(TEST_ROW(device_that_can_not_be_read_fails_its_own_reports_only),
          TEST_ROW(report_becomes_device_and_alert_with_evidence),
          TEST_ROW(repeat_is_acknowledged_and_counts_nothing_twice),
          TEST_ROW(message_without_sequence_is_known_again_by_its_bytes_also_after_a_restart),
          TEST_ROW(gap_is_counted_as_missing_until_it_is_filled),
          TEST_ROW(sequence_below_the_window_is_taken_for_a_repeat),
          TEST_ROW(late_report_of_an_earlier_boot_counts_once_and_keeps_the_current_boot),
          TEST_ROW(more_boots_than_are_kept_still_know_the_newest_after_a_restart),
          TEST_ROW(restart_goes_on_folding_into_the_open_alert),
          TEST_ROW(device_known_from_before_a_restart_is_missed_and_heard_again),
          TEST_ROW(alert_that_a_person_ends_is_resolved_and_what_comes_then_is_another_one),
          TEST_ROW(times_without_a_clock_stand_on_the_line_of_the_quickest_report),
          TEST_ROW(impossible_uptimes_and_counters_do_no_harm),
          TEST_ROW(system_texts_are_kept_until_told_anew),
          TEST_ROW(identity_of_the_firmware_is_that_of_the_one_told_last),
          TEST_ROW(device_is_assigned_to_a_group_before_and_after_it_is_heard),
          TEST_ROW(rules_of_the_devices_own_group_judge_it))
