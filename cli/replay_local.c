/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/config.h"
#include "app/lists.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "cli/input.h"
#include "cli/replay.h"
#include "detect/rules.h"
#include "ingest/ingest.h"
#include "intel/intel.h"
#include "model/catalogue.h"
#include "model/report.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define RULES_BYTES_MAX (1024u * 1024u)

/* What one device's reports held. */
struct totals {
    uint64_t reports;
    uint64_t flows;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/* The service's analysis, whole, in this process. */
struct local {
    const struct replay_options *options;
    struct replay_devices devices;
    char ids[REPLAY_DEVICES_MAX][ADDRESS_TEXT_MAX];
    struct totals totals[REPLAY_DEVICES_MAX];
    struct replay_facts *facts;
    struct replay_verdicts *verdicts;
    struct config config; /* only for its lists */
    struct lists *lists;
    size_t indicators; /* distinct ones, of all lists */
    struct catalogue *catalogue;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct store *store;
    struct pipeline *pipeline;
};

/* What pipeline said of one thing it was given. */
struct outcome {
    enum picket_status status;
    char reason[256];
};

static void note_outcome(void *context, const struct pipeline_outcome *told)
{
    struct outcome *outcome = context;

    outcome->status = told->status;
    (void)snprintf(outcome->reason, sizeof(outcome->reason), "%s", told->reason);
}

static void free_index(void *index)
{
    intel_index_free(index);
}

/* The lists, as the service itself reads them. */
static enum picket_status build_index(struct local *local, struct intel_index **ret,
                                      struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    enum picket_status status = PICKET_E_NOMEM;

    if (builder != NULL) {
        status = lists_read(&local->config, builder, NULL, 0, &local->lists, reterr);
    }
    if (status == PICKET_OK) {
        status = intel_build(builder, ret, reterr);
    }
    intel_builder_free(builder);
    return status;
}

static enum picket_status load_lists(struct local *local, struct err *reterr)
{
    const struct replay_options *options = local->options;
    struct intel_index *index = NULL;
    enum picket_status status = PICKET_OK;

    config_init(&local->config);
    for (size_t i = 0; i < options->list_count && status == PICKET_OK; i++) {
        status = config_set_option(&local->config, "--intel", options->lists[i], reterr);
    }
    if (status == PICKET_OK) {
        status = build_index(local, &index, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    local->indicators = intel_index_count(index);
    if (!snapshot_publish(local->intel, index, free_index)) {
        intel_index_free(index);
        status = PICKET_E_NOMEM;
    }
    return status;
}

static void free_rulebook(void *book)
{
    rulebook_free(book);
}

static enum picket_status put_group(struct store *store, const char *name, const char *text,
                                    struct err *reterr)
{
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store->ops->put_group(store, name, text, reterr);
    return store_end(store, status, reterr);
}

/* Reads the rules, keeps them as a group, and adds them to @p book. */
static enum picket_status read_rules(struct local *local, struct rulebook *book,
                                     char ret_group[GROUP_NAME_MAX + 1], struct err *reterr)
{
    struct buf text;
    struct rules *rules = NULL;
    enum picket_status status = PICKET_OK;

    buf_init(&text, RULES_BYTES_MAX);
    status = input_read(local->options->group_rules, &text, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = rules_parse(text.length == 0 ? "" : text.bytes, text.length, &rules, reterr);
    if (status != PICKET_OK) {
        err_prefix(reterr, "%s", local->options->group_rules);
        goto out;
    }
    (void)snprintf(ret_group, GROUP_NAME_MAX + 1, "%s", rules_name(rules));
    status = put_group(local->store, ret_group, text.bytes, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = rulebook_add(book, rules);
    rules = NULL;
out:
    rules_free(rules);
    buf_deinit(&text);
    return status;
}

static enum picket_status load_rules(struct local *local, char ret_group[GROUP_NAME_MAX + 1],
                                     struct err *reterr)
{
    struct rulebook *book = rulebook_new();
    enum picket_status status = book == NULL ? PICKET_E_NOMEM : PICKET_OK;

    if (status == PICKET_OK && local->options->group_rules != NULL) {
        status = read_rules(local, book, ret_group, reterr);
    }
    if (status == PICKET_OK && !snapshot_publish(local->rulebook, book, free_rulebook)) {
        status = PICKET_E_NOMEM;
    }
    if (status != PICKET_OK) {
        rulebook_free(book);
    }
    return status;
}

static enum picket_status assign_all(struct local *local, const char *group, struct err *reterr)
{
    struct outcome outcome = {.status = PICKET_OK};

    for (size_t i = 0; i < local->devices.count; i++) {
        enum picket_status status =
            pipeline_assign(local->pipeline, local->ids[i], group, note_outcome, &outcome);

        status = status == PICKET_OK ? outcome.status : status;
        if (status != PICKET_OK) {
            err_set(reterr, "%s can't be put into the group %s: %s", local->ids[i], group,
                    outcome.reason);
            return status;
        }
    }
    return PICKET_OK;
}

static enum picket_status start(struct local *local, struct err *reterr)
{
    char group[GROUP_NAME_MAX + 1] = GROUP_NAME_DEFAULT;
    struct pipeline_config config = {0};
    enum picket_status status = catalogue_load(&local->catalogue, reterr);

    local->facts = replay_facts_new();
    local->verdicts = replay_verdicts_new();
    local->intel = snapshot_cell_new();
    local->rulebook = snapshot_cell_new();
    if (status == PICKET_OK && (local->facts == NULL || local->verdicts == NULL ||
                                local->intel == NULL || local->rulebook == NULL)) {
        status = PICKET_E_NOMEM;
    }
    if (status == PICKET_OK) {
        status = store_open_sqlite(NULL, &local->store, reterr);
    }
    if (status == PICKET_OK) {
        status = load_lists(local, reterr);
    }
    if (status == PICKET_OK) {
        status = load_rules(local, group, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    config.queue_max = 1;
    config.store = local->store;
    config.intel = local->intel;
    config.rulebook = local->rulebook;
    status = pipeline_new(&config, &local->pipeline, reterr);
    if (status == PICKET_OK && strcmp(group, GROUP_NAME_DEFAULT) != 0) {
        status = assign_all(local, group, reterr);
    }
    return status;
}

static void stop(struct local *local)
{
    pipeline_free(local->pipeline);
    store_close(local->store);
    snapshot_cell_free(local->rulebook);
    snapshot_cell_free(local->intel);
    catalogue_free(local->catalogue);
    replay_facts_free(local->facts);
    replay_verdicts_free(local->verdicts);
    free(local->lists);
    free(local);
}

static void add_totals(struct totals *totals, const struct report *report)
{
    totals->reports++;
    totals->flows += report->flow_count;
    for (size_t i = 0; i < report->flow_count; i++) {
        totals->packets_in += report->flows[i].packets_in;
        totals->packets_out += report->flows[i].packets_out;
        totals->bytes_in += report->flows[i].bytes_in;
        totals->bytes_out += report->flows[i].bytes_out;
    }
}

static enum picket_status take_report(void *context, size_t device, const uint8_t *bytes,
                                      size_t length, int64_t now_us, struct err *reterr)
{
    struct local *local = context;
    struct outcome outcome = {.status = PICKET_OK};
    struct report *report = NULL;
    enum picket_status status =
        ingest_decode_report(bytes, length, local->ids[device], now_us, &report, reterr);

    if (status != PICKET_OK) {
        err_prefix(reterr, "a report of %s does not decode", local->ids[device]);
        return status;
    }
    add_totals(&local->totals[device], report);
    status = replay_facts_note(local->facts, device, report, reterr);
    if (status == PICKET_OK) {
        status = replay_verdicts_note(local->verdicts, device, report, reterr);
    }
    if (status != PICKET_OK) {
        report_free(report);
        return status;
    }
    status = pipeline_submit(local->pipeline, report, note_outcome, &outcome);
    if (status != PICKET_OK) {
        report_free(report);
        err_set(reterr, "a report was refused: %s", picket_strerror(status));
    } else if (outcome.status != PICKET_OK) {
        err_set(reterr, "a report was refused: %s", outcome.reason);
        status = outcome.status;
    }
    return status;
}

static enum picket_status tick(void *context, int64_t now_us, struct err *reterr)
{
    struct local *local = context;

    return pipeline_tick(local->pipeline, now_us, reterr);
}

static void write_lists(struct json *json, const struct local *local)
{
    json_open_array(json, "lists");
    for (size_t i = 0; i < local->lists->count; i++) {
        const struct feed_load *load = &local->lists->loads[i];

        json_open_object(json, NULL);
        json_put_text(json, "file", local->config.intel_lists[i]);
        json_put_uint(json, "lines", load->lines);
        json_put_uint(json, "accepted", load->accepted);
        json_put_uint(json, "duplicate", load->duplicate);
        json_put_uint(json, "malformed", load->malformed);
        json_put_uint(json, "reserved", load->reserved);
        json_open_array(json, "first_malformed");
        for (size_t j = 0; j < load->reason_count; j++) {
            json_open_object(json, NULL);
            json_put_uint(json, "line", load->reasons[j].line);
            json_put_text(json, "reason", load->reasons[j].reason);
            json_close_object(json);
        }
        json_close_array(json);
        json_close_object(json);
    }
    json_close_array(json);
    json_put_uint(json, "indicators", local->indicators);
}

static void write_devices(struct json *json, const struct local *local)
{
    json_open_array(json, "devices");
    for (size_t i = 0; i < local->devices.count; i++) {
        const struct totals *totals = &local->totals[i];

        json_open_object(json, NULL);
        json_put_text(json, "id", local->ids[i]);
        json_put_uint(json, "reports", totals->reports);
        json_put_uint(json, "flows", totals->flows);
        json_put_uint(json, "packets_in", totals->packets_in);
        json_put_uint(json, "packets_out", totals->packets_out);
        json_put_uint(json, "bytes_in", totals->bytes_in);
        json_put_uint(json, "bytes_out", totals->bytes_out);
        replay_facts_write(json, local->facts, i);
        replay_verdicts_write(json, local->verdicts, i);
        json_close_object(json);
    }
    json_close_array(json);
    json_put_uint(json, "devices_left_out", local->devices.left_out);
}

struct alert_list {
    struct json *json;
    const struct catalogue *catalogue;
};

static bool write_alert(void *context, const struct alert *alert)
{
    const struct alert_list *list = context;

    alert_write_json(list->json, NULL, alert, list->catalogue);
    return true;
}

static enum picket_status write_alerts(struct json *json, const char *key, bool recommendations,
                                       const struct local *local, struct err *reterr)
{
    struct store_filter filter = {.recommendations = recommendations};
    struct alert_list list = {json, local->catalogue};
    enum picket_status status = PICKET_OK;

    json_open_array(json, key);
    status = local->store->ops->each_alert(local->store, &filter, write_alert, &list, reterr);
    json_close_array(json);
    return status;
}

static enum picket_status write_document(const struct local *local,
                                         const struct replay_source *source, struct buf *out,
                                         struct err *reterr)
{
    struct json json;
    enum picket_status status = PICKET_OK;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    replay_write_captures(&json, local->options, source);
    write_lists(&json, local);
    write_devices(&json, local);
    status = write_alerts(&json, "alerts", false, local, reterr);
    if (status == PICKET_OK) {
        status = write_alerts(&json, "recommendations", true, local, reterr);
    }
    json_close_object(&json);
    buf_add_text(out, "\n");
    return status;
}

enum picket_status replay_local(const struct replay_options *options, struct buf *out,
                                struct err *reterr)
{
    struct local *local = calloc(1, sizeof(*local));
    struct replay_source *source = NULL;
    struct replay_run_config config = {.boot = 1,
                                       .interval_ms = (uint32_t)(options->interval_s * 1000),
                                       .flows = (uint32_t)options->flows,
                                       .settings = options->settings,
                                       .sink = {local, take_report, tick}};
    enum picket_status status = PICKET_E_NOMEM;

    if (local == NULL) {
        return status;
    }
    local->options = options;
    status = devices_find(options, &local->devices, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    config.agents = local->devices.count;
    for (size_t i = 0; i < local->devices.count; i++) {
        address_format(&local->devices.addresses[i], local->ids[i]);
    }
    status = start(local, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = source_open(options->captures, options->capture_count, &source, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = replay_devices(&local->devices, source, &config, reterr);
    if (status == PICKET_OK) {
        status = pipeline_finish(local->pipeline, reterr);
    }
    if (status == PICKET_OK) {
        status = write_document(local, source, out, reterr);
    }
out:
    source_close(source);
    stop(local);
    return status;
}
