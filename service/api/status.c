/* SPDX-License-Identifier: MIT */
#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "intel/intel.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

static void write_pipeline(struct json *json, struct pipeline *pipeline)
{
    struct pipeline_stats stats;

    pipeline_get_stats(pipeline, &stats);
    json_open_object(json, "pipeline");
    json_put_uint(json, "reports", stats.reports);
    json_put_uint(json, "repeats", stats.repeats);
    json_put_uint(json, "flows", stats.flows);
    json_put_uint(json, "refused", stats.refused);
    json_put_uint(json, "failed", stats.failed);
    json_put_uint(json, "devices", stats.devices);
    json_put_uint(json, "filter_confirmed", stats.filter_confirmed);
    json_put_uint(json, "filter_withdrawn", stats.filter_withdrawn);
    json_put_uint(json, "listed_weak", stats.listed_weak);
    json_put_uint(json, "listed_allowed", stats.listed_allowed);
    json_put_uint(json, "alerts_changed", stats.alerts_changed);
    json_close_object(json);
}

static void write_intel(struct json *json, struct snapshot_cell *cell)
{
    struct snapshot *snapshot = snapshot_get(cell);
    struct intel_stats stats;

    intel_get_stats(snapshot_value(snapshot), &stats);
    json_put_uint(json, "indicators", intel_index_count(snapshot_value(snapshot)));
    snapshot_put(snapshot);
    json_open_object(json, "intel");
    json_open_object(json, "observables");
    for (unsigned kind = 1; kind <= OBSERVABLE_KINDS; kind++) {
        json_put_uint(json, observable_kind_name((enum observable_kind)kind),
                      stats.observables[kind]);
    }
    json_close_object(json);
    json_put_uint(json, "records", stats.records);
    json_put_uint(json, "feeds", stats.feeds);
    json_put_uint(json, "changes", stats.changes);
    json_put_uint(json, "image_bytes", stats.image_bytes);
    json_put_uint(json, "lookup_bytes", stats.lookup_bytes);
    json_put_hex(json, "build", &stats.build_id, sizeof(stats.build_id));
    json_close_object(json);
}

static enum picket_status write_open(struct json *json, const char *key, struct store *store,
                                     bool recommendations, struct err *reterr)
{
    const struct store_filter filter = {.only_open = true, .recommendations = recommendations};
    uint64_t count = 0;
    enum picket_status status = store->ops->count_alerts(store, &filter, &count, reterr);

    if (status == PICKET_OK) {
        json_put_uint(json, key, count);
    }
    return status;
}

void api_get_status(void *context, struct http_request *request)
{
    const struct api *api = context;
    const struct api_config *config = &api->config;
    int64_t now_us = config->now_us(config->now_context);
    struct answer answer;
    struct json *json = &answer.json;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    answer_init(&answer);
    json_open_object(json, NULL);
    json_put_text(json, "version", config->version);
    json_put_time(json, "now", now_us);
    json_put_time(json, "started", config->started_us);
    json_put_int(json, "uptime_s", (now_us - config->started_us) / TIME_US_PER_S);
    write_intel(json, config->intel);
    write_pipeline(json, config->pipeline);
    status = write_open(json, "open_alerts", config->store, false, &err);
    if (status == PICKET_OK) {
        status = write_open(json, "open_recommendations", config->store, true, &err);
    }
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    config->write_status(config->status_context, json);
    json_close_object(json);
    answer_send(&answer, api, request);
}
