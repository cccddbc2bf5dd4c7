/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/ingest.h"
#include "model/report.h"
#include "net/http.h"
#include "picket/report.h"
#include "pipeline/downlink.h"
#include "pipeline/pipeline.h"

#define RETRY_AFTER_QUEUE "1"  /* seconds: workers empty a queue in less */
#define RETRY_AFTER_STORE "30" /* a person has to make room first */
#define ANSWER_BYTES_MAX  64
#define SETTINGS_TYPE     "application/cose"

/* A report between its submission and its commit. */
struct pending {
    struct http_request *request;
    uint32_t sequence;
    bool takes_settings; /* as an answer */
};

/* What each status of a reply is counted as. */
static const struct {
    unsigned status;
    enum ingest_refusal refusal;
} refusals[] = {
    {400, INGEST_MALFORMED},    {401, INGEST_UNAUTHORIZED}, {413, INGEST_TOO_LARGE},
    {415, INGEST_FOREIGN_TYPE}, {422, INGEST_NEWER},        {503, INGEST_BUSY},
};

static const char *const refusal_names[INGEST_REFUSALS] = {
    [INGEST_MALFORMED] = "malformed", [INGEST_UNAUTHORIZED] = "unauthorized",
    [INGEST_TOO_LARGE] = "too_large", [INGEST_FOREIGN_TYPE] = "foreign_type",
    [INGEST_NEWER] = "newer",         [INGEST_BUSY] = "busy",
    [INGEST_OTHER] = "other",
};

static void count_refusal(void *context, unsigned status)
{
    struct ingest_http *door = context;
    enum ingest_refusal refusal = INGEST_OTHER;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].status == status) {
            refusal = refusals[i].refusal;
        }
    }
    atomic_fetch_add(&door->refused[refusal], 1);
}

void ingest_write_refused(struct json *json, const char *key, const struct ingest_http *door)
{
    json_open_object(json, key);
    for (size_t i = 0; i < INGEST_REFUSALS; i++) {
        json_put_uint(json, refusal_names[i], atomic_load(&door->refused[i]));
    }
    json_close_object(json);
}

static void refuse_for_now(struct http_request *request, const char *retry_after,
                           const char *reason)
{
    http_reply_header(request, "Retry-After", retry_after);
    http_reply_error(request, 503, "%s; send the report again later", reason);
}

static void acknowledge(void *context, const struct pipeline_outcome *outcome)
{
    struct pending *pending = context;
    const struct downlink_settings *settings = outcome->settings;
    char answer[ANSWER_BYTES_MAX];

    if (outcome->status != PICKET_OK) {
        refuse_for_now(pending->request, RETRY_AFTER_STORE, outcome->reason);
    } else if (settings != NULL && pending->takes_settings) {
        http_reply(pending->request, 200, SETTINGS_TYPE, settings->envelope,
                   settings->envelope_length);
    } else {
        int length =
            snprintf(answer, sizeof(answer), "{\"sequence\":%" PRIu32 "}", pending->sequence);

        http_reply(pending->request, 200, "application/json", answer, (size_t)length);
    }
    free(pending);
}

static void refuse_bytes(struct http_request *request, enum picket_status status,
                         const struct err *err)
{
    if (status == PICKET_E_VERSION) {
        http_reply_error(request, 422, "%s; sent by a newer module: update the service", err->text);
    } else if (status == PICKET_E_NOMEM) {
        refuse_for_now(request, RETRY_AFTER_QUEUE, err->text);
    } else {
        http_reply_error(request, 400, "this is no report: %s", err->text);
    }
}

/* A device that does not know them is not sent what it has no room for. */
static bool takes_settings(const struct http_request *request)
{
    const char *accepted = http_request_header(request, "Accept");

    return accepted != NULL && strstr(accepted, SETTINGS_TYPE) != NULL;
}

static void submit(struct ingest_http *door, struct http_request *request, struct report *report)
{
    struct pending *pending = malloc(sizeof(*pending));
    enum picket_status status = PICKET_E_NOMEM;

    if (pending != NULL) {
        *pending = (struct pending){.request = request,
                                    .sequence = report->head.sequence,
                                    .takes_settings = takes_settings(request)};
        status = pipeline_submit(door->pipeline, report, acknowledge, pending);
    }
    if (status != PICKET_OK) {
        report_free(report);
        free(pending);
        refuse_for_now(request, RETRY_AFTER_QUEUE, picket_strerror(status));
    }
}

static void take_report(void *context, struct http_request *request)
{
    struct ingest_http *door = context;
    const char *device = http_request_segment(request, "id");
    struct report *report = NULL;
    struct err err = {""};
    size_t length = 0;
    const uint8_t *bytes = http_request_body(request, &length);
    enum picket_status status = PICKET_OK;

    if (!device_id_valid(device)) {
        http_reply_error(request, 400,
                         "this is no device id: allowed are 1 to %u letters, digits and . _ : -",
                         DEVICE_ID_MAX);
        return;
    }
    status = ingest_decode(
        &(struct ingest_message){.device = device,
                                 .content_type = http_request_header(request, "Content-Type"),
                                 .bytes = bytes,
                                 .length = length,
                                 .received_us = door->now_us(door->now_context)},
        &report, &err);
    if (status != PICKET_OK) {
        refuse_bytes(request, status, &err);
        return;
    }
    submit(door, request, report);
}

const struct http_route *ingest_http_routes(size_t *ret_count)
{
    static const char *const types[] = {"application/vnd.picket.report+cbor", "application/cbor",
                                        "application/json", "application/octet-stream", NULL};
    static const struct http_route routes[] = {
        {.method = "POST",
         .pattern = "/v1/devices/{id}/reports",
         .body_types = types,
         .body_max = PICKET_REPORT_BYTES_MAX,
         .refused = count_refusal,
         .handler = take_report},
    };

    *ret_count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}
