/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_PIPELINE_PIPELINE_FIXTURE_H
#define TESTS_UNIT_PIPELINE_PIPELINE_FIXTURE_H

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "detect/rules.h"
#include "intel/intel.h"
#include "model/report.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define NOON_US   INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define MINUTE_US INT64_C(60000000)
#define DAY_US    (1440 * MINUTE_US)

#define LEDGER_KEEP_US (365 * DAY_US)

/** A store, one listed address (198.51.100.7), the default rules, and a pipeline over them. */
struct scene {
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct pipeline *pipeline;
    int64_t later_us; /* a clock, for tests that need one */
};

static inline void free_index(void *index)
{
    intel_index_free(index);
}

static inline void free_rulebook(void *rulebook)
{
    rulebook_free(rulebook);
}

static inline int64_t no_clock(void *context)
{
    (void)context;
    return NOON_US;
}

static inline bool scene_publish(struct scene *scene)
{
    static const char address[] = "198.51.100.7";
    const struct intel_feed feed = {
        .name = "test", .source = "", .licence = "", .category = "c2", .confidence = 90};
    struct indicator indicator = {.category = "", .comment = "", .reference = "", .scope = ""};
    char text[OBSERVABLE_TEXT_MAX];
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    bool is_good = observable_parse(address, sizeof(address) - 1, &indicator.observable, text,
                                    NULL) == PICKET_OK &&
                   intel_begin_feed(builder, &feed) == PICKET_OK &&
                   intel_add(builder, &indicator) == PICKET_OK &&
                   intel_build(builder, &index, NULL) == PICKET_OK;

    intel_builder_free(builder);
    scene->intel = snapshot_cell_new();
    scene->rulebook = snapshot_cell_new();
    return is_good && snapshot_publish(scene->intel, index, free_index) &&
           snapshot_publish(scene->rulebook, rulebook_new(), free_rulebook);
}

static inline struct pipeline *scene_pipeline(const struct scene *scene, size_t workers,
                                              size_t queue_max)
{
    const struct pipeline_config config = {
        .workers = workers,
        .queue_max = queue_max,
        .store = scene->store,
        .intel = scene->intel,
        .rulebook = scene->rulebook,
        .ledger_keep_us = LEDGER_KEEP_US,
        .now_us = no_clock,
    };
    struct pipeline *pipeline = NULL;
    struct err err = {""};

    if (pipeline_new(&config, &pipeline, &err) != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return pipeline;
}

/** Takes @p store; NULL: one in memory. */
static inline bool scene_begin(struct scene *scene, struct store *store, size_t workers,
                               size_t queue_max)
{
    *scene = (struct scene){.store = store};
    if (store == NULL && store_open_sqlite(NULL, &scene->store, NULL) != PICKET_OK) {
        return false;
    }
    if (!scene_publish(scene)) {
        return false;
    }
    scene->pipeline = scene_pipeline(scene, workers, queue_max);
    return scene->pipeline != NULL;
}

static inline void scene_end(struct scene *scene)
{
    pipeline_free(scene->pipeline);
    snapshot_cell_free(scene->intel);
    snapshot_cell_free(scene->rulebook);
    store_close(scene->store);
}

/** The service ends and starts again, over the same store. */
static inline void scene_restart(struct scene *scene)
{
    pipeline_free(scene->pipeline);
    scene->pipeline = scene_pipeline(scene, 0, 1);
}

/** A report of one minute that ended at NOON + @p minute, with one flow to 198.51.100.@p peer. */
static inline struct report *report_of(const char *device, uint32_t boot, uint32_t sequence,
                                       int minute, uint8_t peer)
{
    const uint8_t address[4] = {198, 51, 100, peer};
    struct arena *arena = arena_new(1u << 16);
    struct report *report = arena_alloc(arena, sizeof(*report));
    struct flow *flow = arena_alloc(arena, sizeof(*flow));
    int64_t end_us = NOON_US + minute * MINUTE_US;

    report->arena = arena;
    report->device = arena_text(arena, device, strlen(device));
    report->received_us = end_us;
    report->window_start_us = end_us - MINUTE_US;
    report->window_end_us = end_us;
    report->head.boot = boot;
    report->head.sequence = sequence;
    report->head.has_clock = true;
    report->head.window_ms = 60000;
    report->head.intervals = 1;
    report->head.has_heartbeat = true;
    report->head.heartbeat.interval_ms = 60000;
    report->head.has_counters = true;
    report->head.counters = (struct picket_counters){.seen = 10, .kept = 10};
    *flow = (struct flow){
        .direction = PICKET_OUTBOUND,
        .outcome = PICKET_ANSWERED,
        .protocol = 6,
        .peer = address_from_bytes(address, sizeof(address)),
        .peer_port = 443,
        .local_port = FLOW_PORT_UNKNOWN,
        .connections = 1,
        .packets_in = 4,
        .packets_out = 5,
        .bytes_in = 400,
        .bytes_out = 500,
        .first_us = report->window_start_us,
        .last_us = report->window_end_us,
    };
    report->flows = flow;
    report->flow_count = 1;
    return report;
}

/** What came of submissions; any thread. */
struct answers {
    atomic_uint good;
    atomic_uint bad;
    char reason[512]; /* of the last bad one */
};

static inline void take_answer(void *context, const struct pipeline_outcome *outcome)
{
    struct answers *answers = context;

    if (outcome->status == PICKET_OK) {
        atomic_fetch_add(&answers->good, 1);
    } else {
        snprintf(answers->reason, sizeof(answers->reason), "%s", outcome->reason);
        atomic_fetch_add(&answers->bad, 1);
    }
}

/** True if the report was taken and its answer, given at once, is good. */
static inline bool submitted(struct scene *scene, struct report *report)
{
    struct answers answers = {0};

    if (pipeline_submit(scene->pipeline, report, take_answer, &answers) != PICKET_OK) {
        report_free(report);
        return false;
    }
    return answers.good == 1 && answers.bad == 0;
}

static inline bool copy_device(void *context, const struct device *device)
{
    *(struct device *)context = *device;
    return false;
}

/** The stored row; its id is "" if there is none. */
static inline struct device stored_device(struct scene *scene, const char *id)
{
    const struct store_filter only = {.id = id};
    struct device device = {0};

    if (scene->store->ops->each_device(scene->store, &only, copy_device, &device, NULL) !=
        PICKET_OK) {
        printf("device %s can't be read\n", id);
    }
    return device;
}

static inline bool copy_alert(void *context, const struct alert *alert)
{
    *(struct alert *)context = *alert;
    evidence_repoint(&((struct alert *)context)->evidence);
    return false;
}

/** The newest alert of the type; its id is "" if there is none. */
static inline void stored_alert(struct scene *scene, const char *type, struct alert *ret)
{
    const struct store_filter of_type = {.type = type};

    memset(ret, 0, sizeof(*ret));
    if (scene->store->ops->each_alert(scene->store, &of_type, copy_alert, ret, NULL) != PICKET_OK) {
        printf("alerts can't be read\n");
    }
}

static inline uint64_t alert_count(struct scene *scene, const char *type)
{
    const struct store_filter of_type = {.type = type};
    uint64_t count = 0;

    return scene->store->ops->count_alerts(scene->store, &of_type, &count, NULL) == PICKET_OK
               ? count
               : 999;
}

#endif
