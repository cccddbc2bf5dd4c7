/* SPDX-License-Identifier: MIT */
#include "pipeline/pipeline.h"

#include "base/buf.h"
#include "base/json.h"
#include "failing_store.h"
#include "harness/check.h"
#include "pipeline_fixture.h"

#define STEP_TRIES 3

/* What a fleet does: known and new devices, boots, gaps, repeats, alerts, silence, a group. */
static const struct step {
    const char *device; /* NULL: time passes */
    uint32_t boot;
    uint32_t sequence;
    int minute;
    uint8_t peer;
    const char *group; /* an assignment */
} STEPS[] = {
    {NULL, 0, 0, 0, 0, NULL},      {"d1", 1, 1, 0, 7, NULL},  {"d2", 5, 1, 0, 7, NULL},
    {"d1", 1, 2, 1, 7, NULL},      {"d1", 1, 2, 1, 7, NULL},  {"d2", 5, 4, 4, 9, NULL},
    {"d3", 0, 0, 0, 0, "cameras"}, {NULL, 0, 0, 30, 0, NULL}, {"d1", 2, 1, 31, 7, NULL},
    {"d1", 1, 3, 32, 7, NULL},     {"d2", 5, 2, 33, 7, NULL}, {"d3", 1, 1, 33, 7, NULL},
    {NULL, 0, 0, 33, 0, NULL},     {NULL, 0, 0, 90, 0, NULL},
};

static bool step_taken(struct scene *scene, const struct step *step)
{
    struct answers answers = {0};
    enum picket_status status;

    if (step->device == NULL) {
        return pipeline_tick(scene->pipeline, NOON_US + step->minute * MINUTE_US, NULL) ==
               PICKET_OK;
    }
    if (step->group == NULL) {
        return submitted(
            scene, report_of(step->device, step->boot, step->sequence, step->minute, step->peer));
    }
    status = pipeline_assign(scene->pipeline, step->device, step->group, take_answer, &answers);
    return status == PICKET_OK && answers.good == 1;
}

static bool write_device(void *context, const struct device *device)
{
    device_write_json(context, NULL, device);
    return true;
}

static bool write_alert(void *context, const struct alert *alert)
{
    alert_write_json(context, NULL, alert, NULL);
    return true;
}

static bool write_contact(void *context, const char *device, const struct contact *contact)
{
    json_put_text(context, NULL, device);
    contact_write_json(context, NULL, contact);
    return true;
}

/* Everything that is stored, as text; the caller frees it. */
static char *dump(struct scene *scene)
{
    static const uint8_t addresses[][4] = {{198, 51, 100, 7}, {198, 51, 100, 9}};
    const struct store_filter all = {0};
    struct store *store = scene->store;
    struct buf buf;
    struct json json;
    size_t length;

    buf_init(&buf, 1u << 20);
    json_init(&json, &buf, true);
    json_open_array(&json, NULL);
    if (store->ops->each_device(store, &all, write_device, &json, NULL) != PICKET_OK ||
        store->ops->each_alert(store, &all, write_alert, &json, NULL) != PICKET_OK) {
        printf("the store can't be read\n");
    }
    if (store->ops->begin(store, NULL) != PICKET_OK ||
        store->ops->settle_contacts(store, "d1", NULL) != PICKET_OK ||
        store->ops->settle_contacts(store, "d2", NULL) != PICKET_OK ||
        store->ops->commit(store, NULL) != PICKET_OK) {
        printf("the ledger can't be settled\n");
    }
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        const struct peer peer = {.address = address_from_bytes(addresses[i], 4)};
        const struct store_filter of_peer = {.peer = &peer};

        if (store->ops->each_contact(store, &of_peer, write_contact, &json, NULL) != PICKET_OK) {
            printf("the ledger can't be read\n");
        }
    }
    json_close_array(&json);
    return buf_take(&buf, &length);
}

/* Plays the steps with the n-th call to the store failing, each step again until it is done: how
 * a device does it. True if the fault came. */
static bool play(unsigned n, char **ret_dump, unsigned *check_failures)
{
    struct store *store = failing_store_new();
    struct scene scene;
    bool has_failed = false;

    CHECK(scene_begin(&scene, store, 0, 1));
    failing(store)->calls_left = (int)n;
    for (size_t i = 0; i < sizeof(STEPS) / sizeof(STEPS[0]); i++) {
        unsigned tries = 1;

        while (!step_taken(&scene, &STEPS[i]) && tries < STEP_TRIES) {
            has_failed = true;
            tries++;
        }
        CHECK(tries < STEP_TRIES);
    }
    has_failed = has_failed || (n > 0 && failing(store)->calls_left == 0);
    failing(store)->calls_left = 0;
    *ret_dump = dump(&scene);
    scene_end(&scene);
    return has_failed;
}

TEST(every_call_to_the_store_can_fail_and_nothing_is_lost_or_counted_twice)
{
    char *expected, *actual;
    bool has_failed = true;
    unsigned n = 0;

    CHECK(!play(0, &expected, check_failures));
    CHECK(strstr(expected, "TI_IP_MATCH") != NULL && strstr(expected, "DEV_SILENT") != NULL);
    CHECK(strstr(expected, "\"address\": \"198.51.100.9\"") != NULL);
    while (has_failed && n < 1000) {
        n++;
        has_failed = play(n, &actual, check_failures);
        CHECK_TEXT(actual, expected);
        free(actual);
    }
    CHECK(n > 70 && n < 1000);
    free(expected);
}

TEST(full_disk_is_told_to_each_and_the_same_reports_pass_when_there_is_room)
{
    struct store *store = failing_store_new();
    struct scene scene;
    struct answers answers = {0};
    struct pipeline_stats stats;
    struct alert alert;

    CHECK(scene_begin(&scene, store, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7)));
    failing(store)->is_full = true;
    for (uint32_t sequence = 2; sequence <= 4; sequence++) {
        CHECK(pipeline_submit(scene.pipeline, report_of("d1", 1, sequence, 1, 7), take_answer,
                              &answers) == PICKET_OK);
        CHECK(pipeline_submit(scene.pipeline, report_of("new", 1, sequence, 1, 7), take_answer,
                              &answers) == PICKET_OK);
    }
    CHECK_UINT(answers.good, 0);
    CHECK_UINT(answers.bad, 6);
    CHECK_TEXT(answers.reason, "the disk is full, says the test");
    failing(store)->is_full = false;
    CHECK_UINT(stored_device(&scene, "d1").reports, 1);
    CHECK_TEXT(stored_device(&scene, "new").id, "");
    for (uint32_t sequence = 2; sequence <= 4; sequence++) {
        CHECK(submitted(&scene, report_of("d1", 1, sequence, 1, 7)));
    }
    CHECK_UINT(stored_device(&scene, "d1").reports, 4);
    CHECK_UINT(stored_device(&scene, "d1").repeats, 0);
    stored_alert(&scene, "TI_IP_MATCH", &alert);
    CHECK_UINT(alert.count, 4);
    pipeline_get_stats(scene.pipeline, &stats);
    CHECK_UINT(stats.failed, 6);
    CHECK_UINT(stats.reports, 4);
    CHECK_UINT(stats.devices, 1);
    CHECK_UINT(stats.alerts_changed, 4);
    scene_end(&scene);
}

TEST_MAIN(TEST_ROW(every_call_to_the_store_can_fail_and_nothing_is_lost_or_counted_twice),
          TEST_ROW(full_disk_is_told_to_each_and_the_same_reports_pass_when_there_is_room))
