/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include "harness/check.h"
#include "store/sqlite.h"
#include "store_fixture.h"

#define GOOD(call) CHECK((call) == PICKET_OK)

static bool copy_device(void *context, const struct device *device)
{
    *(struct device *)context = *device;
    return true;
}

/* Ids one after another, to see which and in which order. */
static bool join_device(void *context, const struct device *device)
{
    strcat(context, device->id);
    return true;
}

static bool join_alert(void *context, const struct alert *alert)
{
    strcat(context, alert->id);
    return true;
}

static bool copy_alert(void *context, const struct alert *alert)
{
    *(struct alert *)context = *alert;
    evidence_repoint(&((struct alert *)context)->evidence);
    return true;
}

static bool count_boot(void *context, const struct boot *boot)
{
    uint32_t *ids = context;

    ids[++ids[0]] = boot->id;
    return true;
}

static struct device whole_device(void)
{
    struct device device = device_of("d1");

    snprintf(device.group, sizeof(device.group), "cameras");
    snprintf(device.os, sizeof(device.os), "ThreadX 6.4.1");
    snprintf(device.module_version, sizeof(device.module_version), "0.1.0");
    snprintf(device.sbom, sizeof(device.sbom), "urn:uuid:1");
    memset(device.firmware_sha256, 'f', sizeof(device.firmware_sha256) - 1);
    device.hardening_known = 0xff;
    device.hardening_on = 0x81;
    snprintf(device.format, sizeof(device.format), "rtos-module");
    for (unsigned i = 0; i < DEVICE_DIGESTS - 1; i++) {
        device.digests[i] = UINT64_MAX - i;
    }
    device.counters.seen = INT64_MAX;
    device.boot = (struct boot){.id = UINT32_MAX,
                                .highest = UINT32_MAX,
                                .window = UINT64_MAX,
                                .missing = 4,
                                .first_us = 5,
                                .started_us = -6};
    return device;
}

TEST(device_comes_back_as_it_was_put)
{
    struct store *store = store_at(NULL);
    struct device device = whole_device(), got = {0};
    const struct store_filter only = {.id = "d1"};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_boot(store, "d1", &device.boot, NULL)); /* either order will do */
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->commit(store, NULL));

    GOOD(store->ops->each_device(store, &only, copy_device, &got, NULL));
    CHECK_TEXT(got.id, "d1");
    CHECK_TEXT(got.group, "cameras");
    CHECK_TEXT(got.os, "ThreadX 6.4.1");
    CHECK_TEXT(got.stack, "");
    CHECK_TEXT(got.module_version, "0.1.0");
    CHECK_TEXT(got.sbom, "urn:uuid:1");
    CHECK_TEXT(got.firmware_sha256, device.firmware_sha256);
    CHECK_UINT(got.hardening_known, 0xff);
    CHECK_UINT(got.hardening_on, 0x81);
    CHECK_UINT(got.first_seen_us, 1000);
    CHECK_UINT(got.last_seen_us, 2000);
    CHECK_UINT(got.interval_ms, 60000);
    CHECK_UINT(got.reports, 3);
    CHECK_UINT(got.repeats, 1);
    CHECK_TEXT(got.format, "rtos-module");
    CHECK(memcmp(got.digests, device.digests, sizeof(got.digests)) == 0);
    CHECK(memcmp(&got.counters, &device.counters, sizeof(got.counters)) == 0);
    CHECK_UINT(got.boot.id, UINT32_MAX);
    CHECK_UINT(got.boot.highest, UINT32_MAX);
    CHECK_UINT(got.boot.window, UINT64_MAX);
    CHECK_UINT(got.boot.missing, 4);
    CHECK_UINT(got.boot.first_us, 5);
    CHECK(got.boot.started_us == -6);
    store_close(store);
}

TEST(putting_a_device_again_replaces_its_row_and_keeps_boots_and_alerts)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1"), got = {0};
    struct alert alert = alert_of("a", "d1", "T", 5);
    const struct store_filter all = {0};
    uint64_t count = 0;

    device.boot.id = 9;
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->put_boot(store, "d1", &(struct boot){.id = 9, .highest = 7}, NULL));
    GOOD(store->ops->put_alert(store, &alert, NULL));
    device.reports = 4;
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_device(store, &all, copy_device, &got, NULL));
    GOOD(store->ops->count_alerts(store, &all, &count, NULL));
    CHECK_UINT(got.reports, 4);
    CHECK_UINT(got.boot.highest, 7);
    CHECK_UINT(count, 1);
    store_close(store);
}

TEST(devices_are_listed_by_id_within_limit_and_offset)
{
    struct store *store = store_at(NULL);
    const struct store_filter all = {0}, two = {.limit = 2}, rest = {.limit = 5, .offset = 2};
    char ids[16] = "", first[16] = "", last[16] = "";

    GOOD(store->ops->begin(store, NULL));
    for (const char *id = "dbac"; *id != '\0'; id++) {
        struct device device = device_of((char[]){*id, '\0'});

        GOOD(store->ops->put_device(store, &device, NULL));
    }
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_device(store, &all, join_device, ids, NULL));
    GOOD(store->ops->each_device(store, &two, join_device, first, NULL));
    GOOD(store->ops->each_device(store, &rest, join_device, last, NULL));
    CHECK_TEXT(ids, "abcd");
    CHECK_TEXT(first, "ab");
    CHECK_TEXT(last, "cd");
    store_close(store);
}

TEST(newest_sixteen_boots_are_kept_in_the_order_they_came)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    uint32_t ids[64] = {0};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    for (uint32_t i = 1; i <= 20; i++) {
        /* The clock is set back between boots: order must not hang on it. */
        const struct boot boot = {.id = i, .first_us = 1000 - (int64_t)i};

        GOOD(store->ops->put_boot(store, "d1", &boot, NULL));
    }
    GOOD(store->ops->put_boot(store, "d1", &(struct boot){.id = 10, .highest = 3}, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_boot(store, "d1", count_boot, ids, NULL));
    CHECK_UINT(ids[0], 16);
    CHECK_UINT(ids[1], 20);
    CHECK_UINT(ids[11], 10); /* put again, but it came when it came */
    CHECK_UINT(ids[16], 5);
    store_close(store);
}

static bool take_standing(void *context, const struct device_standing *standing)
{
    struct device_standing *standings = context;

    while (standings->kind != PICKET_SETTINGS_UNKNOWN) {
        standings++;
    }
    *standings = *standing;
    return true;
}

TEST(how_settings_stand_is_kept_for_each_device_and_kind)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    struct device_standing kept[DEVICE_STANDINGS_MAX + 1] = {{0}};
    struct device_standing row = {.kind = PICKET_SETTINGS_INDICATORS,
                                  .revision = UINT32_MAX,
                                  .state = PICKET_STATE_IN_EFFECT,
                                  .told_us = 5};
    const struct device_standing refused = {.kind = PICKET_SETTINGS_POLICY,
                                            .revision = 2,
                                            .state = PICKET_STATE_ON_TRIAL,
                                            .refusal = PICKET_REFUSED_VALUE,
                                            .refused_revision = 7,
                                            .told_us = 9,
                                            .confirmed_revision = 1,
                                            .confirmed_us = 8};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->put_standing(store, "d1", &row, NULL));
    row.revision = 3; /* in its place */
    GOOD(store->ops->put_standing(store, "d1", &row, NULL));
    GOOD(store->ops->put_standing(store, "d1", &refused, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_standing(store, "d2", take_standing, kept, NULL));
    CHECK_UINT(kept[0].kind, PICKET_SETTINGS_UNKNOWN);
    GOOD(store->ops->each_standing(store, "d1", take_standing, kept, NULL));
    CHECK_UINT(kept[0].kind, refused.kind);
    CHECK_UINT(kept[0].revision, refused.revision);
    CHECK_UINT(kept[0].state, refused.state);
    CHECK_UINT(kept[0].refusal, refused.refusal);
    CHECK_UINT(kept[0].refused_revision, refused.refused_revision);
    CHECK_UINT(kept[0].told_us, refused.told_us);
    CHECK_UINT(kept[0].confirmed_revision, refused.confirmed_revision);
    CHECK_UINT(kept[0].confirmed_us, refused.confirmed_us);
    CHECK_UINT(kept[1].revision, 3);
    CHECK_UINT(kept[2].kind, PICKET_SETTINGS_UNKNOWN);
    store_close(store);
}

/* a..f: d1 and d2, types T and U, one resolved, one recommendation. */
static void put_alerts(struct store *store, unsigned *check_failures)
{
    struct device d1 = device_of("d1"), d2 = device_of("d2");
    struct alert alerts[] = {
        alert_of("a", "d1", "T", 10), alert_of("b", "d1", "U", 30), alert_of("c", "d2", "T", 20),
        alert_of("d", "d2", "U", 20), alert_of("e", "d1", "T", 40), alert_of("f", "d1", "R", 50),
    };

    alerts[4].state = ALERT_RESOLVED;
    alerts[5].is_recommendation = true;
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &d1, NULL));
    GOOD(store->ops->put_device(store, &d2, NULL));
    for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++) {
        GOOD(store->ops->put_alert(store, &alerts[i], NULL));
    }
    GOOD(store->ops->commit(store, NULL));
}

static bool take_refused(void *context, const struct device_refused *refused)
{
    ((struct device_refused *)context)[refused->cause] = *refused;
    return true;
}

TEST(what_was_refused_is_summed_for_each_device_and_cause_and_the_last_one_told)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    struct device_refused kept[REFUSED_CAUSES] = {{0}};
    const struct device_refused rows[] = {
        {.cause = REFUSED_MALFORMED, .count = 2, .last_us = 5, .source = "::1", .reason = "one"},
        {.cause = REFUSED_MALFORMED, .count = 3, .last_us = 7, .source = "::2", .reason = "two"},
        {.cause = REFUSED_NEWER, .count = INT64_MAX, .last_us = 8},
        {.cause = REFUSED_NEWER, .count = 1, .last_us = 9}, /* a sum that can't be told */
    };

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        GOOD(store->ops->add_refused(store, "d1", &rows[i], NULL));
    }
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_refused(store, "d2", take_refused, kept, NULL));
    CHECK_UINT(kept[REFUSED_MALFORMED].count, 0);
    GOOD(store->ops->each_refused(store, "d1", take_refused, kept, NULL));
    CHECK_UINT(kept[REFUSED_MALFORMED].count, 5);
    CHECK_UINT(kept[REFUSED_MALFORMED].last_us, 7);
    CHECK_TEXT(kept[REFUSED_MALFORMED].source, "::2");
    CHECK_TEXT(kept[REFUSED_MALFORMED].reason, "two");
    CHECK_UINT(kept[REFUSED_NEWER].count, INT64_MAX);
    CHECK_UINT(kept[REFUSED_NEWER].last_us, 9);
    store_close(store);
}

TEST(each_filter_narrows_the_alerts_and_newest_come_first)
{
    static const struct {
        struct store_filter filter;
        const char *ids;
        uint64_t count;
    } rows[] = {
        {{0}, "ebcda", 5},
        {{.recommendations = true}, "f", 1},
        {{.id = "c"}, "c", 1},
        {{.id = "f"}, "", 0}, /* a recommendation */
        {{.device = "d1"}, "eba", 3},
        {{.type = "T"}, "eca", 3},
        {{.only_open = true}, "bcda", 4},
        {{.since_us = 20}, "ebcd", 4},
        {{.device = "d1", .type = "T", .only_open = true, .since_us = 5}, "a", 1},
        {{.limit = 2}, "eb", 5},
        {{.limit = 2, .offset = 1}, "bc", 5},
        {{.offset = 4}, "a", 5},
        {{.device = "no such"}, "", 0},
        {{.device = "' OR 1 --"}, "", 0},
    };
    struct store *store = store_at(NULL);

    put_alerts(store, check_failures);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char ids[16] = "";
        uint64_t count = 99;

        GOOD(store->ops->each_alert(store, &rows[i].filter, join_alert, ids, NULL));
        GOOD(store->ops->count_alerts(store, &rows[i].filter, &count, NULL));
        CHECK_TEXT(ids, rows[i].ids);
        CHECK_UINT(count, rows[i].count);
    }
    store_close(store);
}

TEST(alert_comes_back_with_its_evidence)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    struct alert alert = alert_of("a", "d1", "TI_IP_MATCH", 5), got = {0};
    const struct store_filter all = {0};

    snprintf(alert.key, sizeof(alert.key), "198.51.100.7");
    snprintf(alert.reason, sizeof(alert.reason), "it said \"no\"");
    alert.count = 7;
    alert.resolved_us = 8;
    alert.evidence.total = (struct flow){.protocol = 6,
                                         .peer_port = 443,
                                         .local_port = FLOW_PORT_UNKNOWN,
                                         .connections = 2,
                                         .bytes_out = 120};
    alert.evidence.flows[0] = alert.evidence.total;
    alert.evidence.flow_count = 1;
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->put_alert(store, &alert, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_alert(store, &all, copy_alert, &got, NULL));
    CHECK_TEXT(got.key, "198.51.100.7");
    CHECK_TEXT(got.reason, "it said \"no\"");
    CHECK(got.severity == SEVERITY_HIGH && got.state == ALERT_OPEN);
    CHECK_UINT(got.count, 7);
    CHECK_UINT(got.resolved_us, 8);
    CHECK_UINT(got.evidence.flow_count, 1);
    CHECK_UINT(got.evidence.flows[0].bytes_out, 120);
    CHECK_UINT(got.evidence.total.connections, 2);
    store_close(store);
}

static bool stop(void *context, const struct alert *alert)
{
    (void)alert;
    (*(unsigned *)context)++;
    return false;
}

TEST(callback_ends_a_listing)
{
    struct store *store = store_at(NULL);
    const struct store_filter all = {0};
    unsigned calls = 0;

    put_alerts(store, check_failures);
    GOOD(store->ops->each_alert(store, &all, stop, &calls, NULL));
    CHECK_UINT(calls, 1);
    store_close(store);
}

static bool join_group(void *context, const char *name, const char *rules_json,
                       uint64_t device_count)
{
    char *text = context;

    sprintf(text + strlen(text), "%s %s %u;", name, rules_json, (unsigned)device_count);
    return true;
}

TEST(groups_are_listed_by_name_with_their_devices)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    char text[128] = "";

    snprintf(device.group, sizeof(device.group), "b");
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_group(store, "b", "{}", NULL));
    GOOD(store->ops->put_group(store, "a", "{}", NULL));
    GOOD(store->ops->put_group(store, "c", "{}", NULL));
    GOOD(store->ops->put_group(store, "a", "{\"x\":1}", NULL));
    GOOD(store->ops->delete_group(store, "c", NULL));
    CHECK(store->ops->delete_group(store, "c", NULL) == PICKET_E_NOTFOUND);
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_group(store, join_group, text, NULL));
    CHECK_TEXT(text, "a {\"x\":1} 0;b {} 1;");
    store_close(store);
}

static bool join_settings(void *context, const struct store_settings *settings)
{
    char *text = context;

    sprintf(text + strlen(text), "%s %u %u %.*s;", settings->group, (unsigned)settings->kind,
            (unsigned)settings->revision, (int)settings->envelope_length,
            (const char *)settings->envelope);
    return true;
}

TEST(settings_are_listed_by_group_and_kind_and_go_with_their_group)
{
    static const struct store_settings rows[] = {
        {"b", PICKET_SETTINGS_CONFIGURATION, 7, (const uint8_t *)"c7", 2},
        {"b", PICKET_SETTINGS_POLICY, 1, (const uint8_t *)"p1", 2},
        {"a", PICKET_SETTINGS_POLICY, 3, (const uint8_t *)"p3", 2},
        {"b", PICKET_SETTINGS_POLICY, 2, (const uint8_t *)"p2", 2},
    };
    struct store *store = store_at(NULL);
    char text[128] = "";

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_group(store, "a", "{}", NULL));
    GOOD(store->ops->put_group(store, "b", "{}", NULL));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        GOOD(store->ops->put_settings(store, &rows[i], NULL));
    }
    GOOD(store->ops->commit(store, NULL));
    GOOD(store->ops->each_settings(store, join_settings, text, NULL));
    CHECK_TEXT(text, "a 1 3 p3;b 1 2 p2;b 2 7 c7;");
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->delete_group(store, "b", NULL));
    GOOD(store->ops->commit(store, NULL));
    text[0] = '\0';
    GOOD(store->ops->each_settings(store, join_settings, text, NULL));
    CHECK_TEXT(text, "a 1 3 p3;");
    store_close(store);
}

static bool join_feed(void *context, const struct store_feed *feed)
{
    char *text = context;

    snprintf(text + strlen(text), 256 - strlen(text), "%s %s %s;", feed->name, feed->settings,
             feed->state);
    return true;
}

TEST(feeds_are_kept_replaced_and_deleted)
{
    struct store *store = store_at(NULL);
    char text[256] = "";

    CHECK(store != NULL);
    CHECK(store->ops->begin(store, NULL) == PICKET_OK);
    CHECK(store->ops->put_feed(store, &(struct store_feed){"b", "{}", "{}"}, NULL) == PICKET_OK);
    CHECK(store->ops->put_feed(store, &(struct store_feed){"a", "{}", "{}"}, NULL) == PICKET_OK);
    CHECK(store->ops->put_feed(store, &(struct store_feed){"b", "[1]", "[2]"}, NULL) == PICKET_OK);
    CHECK(store->ops->commit(store, NULL) == PICKET_OK);
    CHECK(store->ops->each_feed(store, join_feed, text, NULL) == PICKET_OK);
    CHECK_TEXT(text, "a {} {};b [1] [2];");

    text[0] = '\0';
    CHECK(store->ops->begin(store, NULL) == PICKET_OK);
    CHECK(store->ops->delete_feed(store, "a", NULL) == PICKET_OK);
    CHECK(store->ops->commit(store, NULL) == PICKET_OK);
    CHECK(store->ops->each_feed(store, join_feed, text, NULL) == PICKET_OK);
    CHECK_TEXT(text, "b [1] [2];");
    store_close(store);
}

static bool count_device(void *context, const struct device *device)
{
    (void)device;
    (*(unsigned *)context)++;
    return true;
}

TEST(service_itself_is_no_device)
{
    struct store *store = store_at(NULL);
    unsigned count = 0;

    CHECK(store->ops->each_device(store, &(struct store_filter){0}, count_device, &count, NULL) ==
          PICKET_OK);
    CHECK(store->ops->each_device(store, &(struct store_filter){.id = STORE_SERVICE_ID},
                                  count_device, &count, NULL) == PICKET_OK);
    CHECK_UINT(count, 0);
    CHECK(!device_id_valid(STORE_SERVICE_ID));
    store_close(store);
}

TEST(rollback_undoes_all_of_a_transaction)
{
    struct store *store = store_at(NULL);
    struct device device = device_of("d1");
    const struct store_filter all = {0};
    char ids[16] = "", after[16] = "";

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->each_device(store, &all, join_device, ids, NULL));
    store->ops->rollback(store);
    GOOD(store->ops->each_device(store, &all, join_device, after, NULL));
    CHECK_TEXT(ids, "d1"); /* its own puts are seen within a transaction */
    CHECK_TEXT(after, "");
    store_close(store);
}

TEST(alert_of_no_device_fails_the_commit)
{
    struct store *store = store_at(NULL);
    struct alert alert = alert_of("a", "nobody", "T", 5);
    struct err err = {""};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_alert(store, &alert, NULL));
    CHECK(store->ops->commit(store, &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "FOREIGN KEY") != NULL);
    store->ops->rollback(store);
    store_close(store);
}

static bool join_plan(void *context, struct sqlite_row *row)
{
    char step[200];

    row->column = 3;
    sqlite_row_text(row, step, sizeof(step));
    sprintf((char *)context + strlen(context), "%s;", step);
    return true;
}

TEST(every_alert_listing_is_served_in_order_by_its_index)
{
    static const struct {
        const char *narrowing;
        const char *index;
    } rows[] = {
        {"", "alert_by_time"},
        {"AND last_us >= 5", "alert_by_time"},
        {"AND device = 'd'", "alert_by_device"},
        {"AND device = 'd' AND last_us >= 5", "alert_by_device"},
        {"AND type = 't'", "alert_by_type"},
        {"AND type = 't' AND last_us >= 5", "alert_by_type"},
        {"AND state = 0", "alert_open"},
        {"AND device = 'd' AND state = 0", "alert_open_by_device"},
    };
    struct store *store = store_at(NULL);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char sql[300], index[64], plan[600] = "";

        snprintf(sql, sizeof(sql),
                 "EXPLAIN QUERY PLAN SELECT id, evidence FROM alert WHERE is_recommendation = 0 %s"
                 " ORDER BY last_us DESC, id LIMIT 10",
                 rows[i].narrowing);
        snprintf(index, sizeof(index), "SEARCH alert USING INDEX %s (", rows[i].index);
        GOOD(sqlite_select((struct sqlite_store *)store, sql, NULL, 0, join_plan, plan, NULL));
        if (strstr(plan, index) == NULL || strstr(plan, "TEMP B-TREE") != NULL) {
            CHECK_TEXT(plan, index);
        }
    }
    store_close(store);
}

TEST_MAIN(TEST_ROW(device_comes_back_as_it_was_put),
          TEST_ROW(putting_a_device_again_replaces_its_row_and_keeps_boots_and_alerts),
          TEST_ROW(devices_are_listed_by_id_within_limit_and_offset),
          TEST_ROW(newest_sixteen_boots_are_kept_in_the_order_they_came),
          TEST_ROW(how_settings_stand_is_kept_for_each_device_and_kind),
          TEST_ROW(what_was_refused_is_summed_for_each_device_and_cause_and_the_last_one_told),
          TEST_ROW(each_filter_narrows_the_alerts_and_newest_come_first),
          TEST_ROW(alert_comes_back_with_its_evidence), TEST_ROW(callback_ends_a_listing),
          TEST_ROW(groups_are_listed_by_name_with_their_devices),
          TEST_ROW(settings_are_listed_by_group_and_kind_and_go_with_their_group),
          TEST_ROW(feeds_are_kept_replaced_and_deleted), TEST_ROW(service_itself_is_no_device),
          TEST_ROW(rollback_undoes_all_of_a_transaction),
          TEST_ROW(alert_of_no_device_fails_the_commit),
          TEST_ROW(every_alert_listing_is_served_in_order_by_its_index))
