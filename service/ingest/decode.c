/* SPDX-License-Identifier: MIT */
#include "ingest/ingest.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "ingest/facts.h"
#include "model/report.h"
#include "picket/report.h"

/** A byte of a report becomes at most 14: a record of a name of one letter is the worst. */
#define REPORT_ARENA_BYTES_MAX (2u * 1024u * 1024u)

/** A device's clock may be ahead of ours by this much and is still believed. */
#define CLOCK_AHEAD_MS_MAX 300000u

/** Event time of the window's start, from the clock if there is one to believe. */
static int64_t window_start(struct picket_report_head *head, int64_t received_us)
{
    uint64_t received_ms = (uint64_t)received_us / TIME_US_PER_MS;
    uint64_t latest_ms = received_ms + CLOCK_AHEAD_MS_MAX;
    uint64_t age_ms = head->built_ms - head->window_start_ms;

    if (head->has_clock && age_ms <= latest_ms && head->clock_ms <= latest_ms - age_ms) {
        return (int64_t)head->clock_ms * TIME_US_PER_MS;
    }
    head->has_clock = false;
    if (age_ms > received_ms) {
        return 0; /* an uptime that began before 1970: not to be believed either */
    }
    return received_us - (int64_t)age_ms * TIME_US_PER_MS;
}

static void set_flow(struct flow *flow, const struct picket_flow_record *record,
                     int64_t window_start_us)
{
    *flow = (struct flow){
        .direction = record->direction,
        .kind = record->kind,
        .cast = record->cast,
        .outcome = record->outcome,
        .protocol = record->protocol,
        .peer = address_from_bytes(record->peer, record->address_size),
        .has_local = record->has_local,
        .peer_port = record->has_peer_port ? record->peer_port : FLOW_PORT_UNKNOWN,
        .local_port = record->has_local_port ? record->local_port : FLOW_PORT_UNKNOWN,
        .connections = record->connections,
        .packets_in = record->packets_in,
        .packets_out = record->packets_out,
        .bytes_in = record->bytes_in,
        .bytes_out = record->bytes_out,
        .first_us = window_start_us + (int64_t)record->first_ms * TIME_US_PER_MS,
        .last_us = window_start_us + (int64_t)record->last_ms * TIME_US_PER_MS,
    };
    if (record->has_local) {
        flow->local = address_from_bytes(record->local, record->address_size);
    }
}

/** A report without its contents, and a copy of @p bytes beside it; NULL if memory is out. */
static struct report *report_new(const char *device, const uint8_t *bytes, size_t length,
                                 const uint8_t **ret_copy)
{
    struct arena *arena = arena_new(REPORT_ARENA_BYTES_MAX);
    struct report *report;
    char *copy;

    if (arena == NULL) {
        return NULL;
    }
    report = arena_alloc(arena, sizeof(*report));
    copy = arena_text(arena, (const char *)bytes, length);
    if (report == NULL || copy == NULL) {
        goto out;
    }
    report->arena = arena;
    report->device = arena_text(arena, device, strlen(device));
    if (report->device == NULL) {
        goto out;
    }
    *ret_copy = (const uint8_t *)copy;
    return report;
out:
    arena_free(arena);
    return NULL;
}

/** False if memory is out. */
static bool read_flows(struct picket_report_reader *reader, uint32_t flow_count,
                       struct report *report)
{
    struct picket_flow_record record;

    report->flow_count = flow_count;
    report->flows = arena_alloc(report->arena, flow_count * sizeof(*report->flows));
    if (report->flows == NULL) {
        return false;
    }
    for (size_t i = 0; picket_report_next_flow(reader, &record); i++) {
        set_flow(&report->flows[i], &record, report->window_start_us);
    }
    return true;
}

enum picket_status ingest_decode_report(const uint8_t *bytes, size_t length, const char *device,
                                        int64_t received_us, struct report **ret,
                                        struct err *reterr)
{
    struct picket_report_reader reader;
    struct report *report;
    uint32_t flow_count;
    enum picket_status status;

    assert(received_us >= 0);
    if (length > PICKET_REPORT_BYTES_MAX) {
        length = PICKET_REPORT_BYTES_MAX + 1; /* enough to be refused */
    }
    report = report_new(device, bytes, length, &bytes); /* texts point into the copy */
    if (report == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = picket_report_open(&reader, bytes, length, &report->head, &flow_count);
    if (status != PICKET_OK) {
        err_set(reterr, "byte %zu: %s", reader.cursor.offset, reader.cursor.fault);
        goto out;
    }
    report->received_us = received_us;
    report->window_start_us = window_start(&report->head, received_us);
    report->window_end_us =
        report->window_start_us + (int64_t)report->head.window_ms * TIME_US_PER_MS;
    if (!read_flows(&reader, flow_count, report) || !facts_read(&reader, report) ||
        !facts_name_peers(report)) {
        err_set(reterr, "out of memory");
        status = PICKET_E_NOMEM;
        goto out;
    }
    *ret = report;
    report = NULL;
out:
    report_free(report);
    return status;
}

static void put_head(struct json *json, const struct picket_report_head *head)
{
    json_put_uint(json, "version", PICKET_REPORT_VERSION);
    json_put_uint(json, "boot", head->boot);
    json_put_uint(json, "sequence", head->sequence);
    json_put_uint(json, "part", head->part);
    json_put_bool(json, "has_more", head->has_more);
    json_put_uint(json, "window_start_ms", head->window_start_ms);
    json_put_uint(json, "window_ms", head->window_ms);
    json_put_uint(json, "intervals", head->intervals);
    json_put_uint(json, "built_ms", head->built_ms);
    if (head->has_clock) {
        json_put_uint(json, "clock_ms", head->clock_ms);
    }
}

static void put_flow(struct json *json, const struct picket_flow_record *flow)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(flow->protocol, protocol);
    json_open_object(json, NULL);
    json_put_text(json, "direction", direction_name(flow->direction));
    json_put_text(json, "kind", kind_name(flow->kind));
    json_put_text(json, "cast", cast_name(flow->cast));
    outcome_write_json(json, flow->outcome, 0);
    json_put_text(json, "protocol", protocol);
    address_write_bytes_json(json, "peer", flow->peer, flow->address_size);
    if (flow->has_local) {
        address_write_bytes_json(json, "local", flow->local, flow->address_size);
    }
    if (flow->has_peer_port) {
        json_put_uint(json, "peer_port", flow->peer_port);
    }
    if (flow->has_local_port) {
        json_put_uint(json, "local_port", flow->local_port);
    }
    json_put_uint(json, "connections", flow->connections);
    json_put_uint(json, "packets_in", flow->packets_in);
    json_put_uint(json, "packets_out", flow->packets_out);
    json_put_uint(json, "bytes_in", flow->bytes_in);
    json_put_uint(json, "bytes_out", flow->bytes_out);
    json_put_uint(json, "first_ms", flow->first_ms);
    json_put_uint(json, "last_ms", flow->last_ms);
    json_close_object(json);
}

void ingest_write_json(struct json *json, const char *key, const uint8_t *bytes, size_t length)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint32_t flow_count;

    if (picket_report_open(&reader, bytes, length, &head, &flow_count) != PICKET_OK) {
        json_put_null(json, key);
        return;
    }
    json_open_object(json, key);
    put_head(json, &head);
    facts_write_sections(json, &head);
    json_open_array(json, "flows");
    while (picket_report_next_flow(&reader, &flow)) {
        put_flow(json, &flow);
    }
    json_close_array(json);
    facts_write_json(json, &reader);
    json_close_object(json);
}
