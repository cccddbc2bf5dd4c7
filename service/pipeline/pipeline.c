/* SPDX-License-Identifier: MIT */
#include "pipeline/pipeline.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/queue.h"
#include "base/time.h"
#include "model/identity_event.h"
#include "model/report.h"
#include "pipeline/work.h"

#define TICK_MS 1000

struct worker {
    struct work work;
    struct queue *queue; /* NULL without threads */
    pthread_t thread;
    bool is_running;
    int64_t (*now_us)(void *context);
    void *now_context;
};

struct pipeline {
    struct work_shared shared;
    struct worker *workers;
    size_t worker_count;
    bool is_threaded;
};

static struct worker *owner_of(struct pipeline *pipeline, const char *device)
{
    return &pipeline->workers[hash_stable(device, strlen(device)) % pipeline->worker_count];
}

static void tick_when_due(struct worker *worker, int64_t *last_us)
{
    int64_t now_us = worker->now_us(worker->now_context);
    struct err err = {""};
    enum picket_status status;

    if (now_us >= *last_us && now_us - *last_us < (int64_t)TICK_MS * TIME_US_PER_MS) {
        return; /* a clock that was set back counts as due */
    }
    *last_us = now_us;
    status = work_tick(&worker->work, now_us, &err);
    (void)status; /* logged, and the next tick finds the same again */
}

static void *run_worker(void *context)
{
    struct worker *worker = context;
    void *items[WORK_BATCH_MAX];
    int64_t last_tick_us = worker->now_us(worker->now_context);
    bool is_closed = false;

    while (!is_closed) {
        size_t count = queue_pop(worker->queue, items, WORK_BATCH_MAX, TICK_MS, &is_closed);

        if (count > 0) {
            work_batch(&worker->work, items, count);
        }
        if (!is_closed) {
            tick_when_due(worker, &last_tick_us);
        }
    }
    return NULL;
}

static enum picket_status start_worker(struct worker *worker, const struct pipeline_config *config)
{
    worker->queue = queue_new(config->queue_max);
    if (worker->queue == NULL) {
        return PICKET_E_NOMEM;
    }
    worker->now_us = config->now_us;
    worker->now_context = config->now_context;
    if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
        return PICKET_E_NOMEM;
    }
    worker->is_running = true;
    return PICKET_OK;
}

struct loading {
    struct pipeline *pipeline;
    enum picket_status status;
};

static bool take_device(void *context, const struct device *device)
{
    struct loading *loading = context;
    struct worker *worker = owner_of(loading->pipeline, device->id);

    loading->status = fleet_restore(&worker->work.fleet, device);
    atomic_fetch_add(&loading->pipeline->shared.devices, 1);
    return loading->status == PICKET_OK;
}

static enum picket_status load_devices(struct pipeline *pipeline, struct err *reterr)
{
    struct store *store = pipeline->shared.store;
    const struct store_filter all = {0};
    struct loading loading = {.pipeline = pipeline};
    enum picket_status status;

    status = store->ops->each_device(store, &all, take_device, &loading, reterr);
    return status != PICKET_OK ? status : loading.status;
}

enum picket_status pipeline_new(const struct pipeline_config *config, struct pipeline **ret,
                                struct err *reterr)
{
    struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
    enum picket_status status = PICKET_E_NOMEM;

    if (pipeline == NULL) {
        goto out;
    }
    pipeline->shared.store = config->store;
    pipeline->shared.intel = config->intel;
    pipeline->shared.rulebook = config->rulebook;
    pipeline->shared.downlink = config->downlink;
    pipeline->shared.ledger_keep_us = config->ledger_keep_us;
    pipeline->shared.keeps_flows = config->keeps_flows;
    pipeline->is_threaded = config->workers > 0;
    pipeline->worker_count = pipeline->is_threaded ? config->workers : 1;
    pipeline->workers = calloc(pipeline->worker_count, sizeof(*pipeline->workers));
    if (pipeline->workers == NULL) {
        pipeline->worker_count = 0;
        goto out;
    }
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        work_init(&pipeline->workers[i].work, &pipeline->shared);
    }
    status = load_devices(pipeline, reterr);
    for (size_t i = 0; i < config->workers && status == PICKET_OK; i++) {
        status = start_worker(&pipeline->workers[i], config);
    }
    if (status == PICKET_OK) {
        *ret = pipeline;
        pipeline = NULL; /* moved */
    }
out:
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory or threads for the workers");
    }
    pipeline_free(pipeline);
    return status;
}

void pipeline_free(struct pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        if (pipeline->workers[i].queue != NULL) {
            queue_close(pipeline->workers[i].queue);
        }
    }
    for (size_t i = 0; i < pipeline->worker_count; i++) {
        struct worker *worker = &pipeline->workers[i];

        if (worker->is_running) {
            pthread_join(worker->thread, NULL);
        }
        queue_free(worker->queue);
        work_deinit(&worker->work);
    }
    free(pipeline->workers);
    free(pipeline);
}

static enum picket_status submit(struct pipeline *pipeline, struct work_item *item)
{
    struct worker *worker = owner_of(pipeline, item->id);
    enum picket_status status;

    if (!pipeline->is_threaded) {
        void *items[] = {item};

        work_batch(&worker->work, items, 1);
        return PICKET_OK;
    }
    status = queue_push(worker->queue, item);
    if (status != PICKET_OK) {
        atomic_fetch_add(&pipeline->shared.refused, 1);
    }
    return status;
}

/* Submits a copy; if that fails, what it refers to is still the caller's. */
static enum picket_status submit_for(struct pipeline *pipeline, const char *id,
                                     const struct work_item *what)
{
    struct work_item *item = malloc(sizeof(*item));
    enum picket_status status;

    if (item == NULL) {
        return PICKET_E_NOMEM;
    }
    *item = *what;
    snprintf(item->id, sizeof(item->id), "%s", id);
    status = submit(pipeline, item);
    if (status != PICKET_OK) {
        free(item);
    }
    return status;
}

enum picket_status pipeline_submit(struct pipeline *pipeline, struct report *report,
                                   pipeline_done_fn *done, void *done_context)
{
    const struct work_item what = {.report = report, .done = done, .done_context = done_context};

    assert(device_id_valid(report->device)); /* the door has seen to it */
    return submit_for(pipeline, report->device, &what);
}

enum picket_status pipeline_assign(struct pipeline *pipeline, const char *device, const char *group,
                                   pipeline_done_fn *done, void *done_context)
{
    struct work_item what = {.done = done, .done_context = done_context};

    if (!device_id_valid(device) || strlen(group) > GROUP_NAME_MAX) {
        return PICKET_E_ARG;
    }
    snprintf(what.group, sizeof(what.group), "%s", group);
    return submit_for(pipeline, device, &what);
}

enum picket_status pipeline_judge_past(struct pipeline *pipeline, const struct pipeline_past *past,
                                       pipeline_done_fn *done, void *done_context)
{
    const struct work_item what = {.past = past, .done = done, .done_context = done_context};

    assert(device_id_valid(past->device)); /* the store has it from a report */
    return submit_for(pipeline, past->device, &what);
}

enum picket_status pipeline_note_identity(struct pipeline *pipeline,
                                          const struct identity_event *event,
                                          pipeline_done_fn *done, void *done_context)
{
    struct work_item what = {
        .identity = malloc(sizeof(*what.identity)), .done = done, .done_context = done_context};
    enum picket_status status;

    if (what.identity == NULL) {
        return PICKET_E_NOMEM;
    }
    *what.identity = *event;
    status = submit_for(pipeline, event->subject, &what);
    if (status != PICKET_OK) {
        free(what.identity);
    }
    return status;
}

enum picket_status pipeline_end_alert(struct pipeline *pipeline, const struct pipeline_end *end,
                                      pipeline_done_fn *done, void *done_context)
{
    struct work_item what = {
        .end = malloc(sizeof(*what.end)), .done = done, .done_context = done_context};
    enum picket_status status;

    if (what.end == NULL) {
        return PICKET_E_NOMEM;
    }
    what.end->now_us = end->now_us;
    snprintf(what.end->type, sizeof(what.end->type), "%s", end->type);
    snprintf(what.end->key, sizeof(what.end->key), "%s", end->key);
    status = submit_for(pipeline, end->device, &what);
    if (status != PICKET_OK) {
        free(what.end);
    }
    return status;
}

enum picket_status pipeline_tick(struct pipeline *pipeline, int64_t now_us, struct err *reterr)
{
    struct err err = {""};
    enum picket_status status;

    assert(!pipeline->is_threaded);
    status = work_tick(&pipeline->workers[0].work, now_us, &err);
    if (status != PICKET_OK) {
        err_set(reterr, "%s", err.text);
    }
    return status;
}

enum picket_status pipeline_finish(struct pipeline *pipeline, struct err *reterr)
{
    struct err err = {""};
    enum picket_status status;

    assert(!pipeline->is_threaded);
    status = work_finish(&pipeline->workers[0].work, &err);
    if (status != PICKET_OK) {
        err_set(reterr, "%s", err.text);
    }
    return status;
}

void pipeline_get_stats(struct pipeline *pipeline, struct pipeline_stats *ret)
{
    struct work_shared *shared = &pipeline->shared;

    *ret = (struct pipeline_stats){
        .reports = atomic_load(&shared->reports),
        .repeats = atomic_load(&shared->repeats),
        .flows = atomic_load(&shared->flows),
        .refused = atomic_load(&shared->refused),
        .failed = atomic_load(&shared->failed),
        .devices = atomic_load(&shared->devices),
        .filter_confirmed = atomic_load(&shared->filter_confirmed),
        .filter_withdrawn = atomic_load(&shared->filter_withdrawn),
        .listed_weak = atomic_load(&shared->listed_weak),
        .listed_allowed = atomic_load(&shared->listed_allowed),
        .alerts_changed = atomic_load(&shared->alerts_changed),
    };
}
