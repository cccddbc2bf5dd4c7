/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/door.h"
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

static void count_refusal(void *context, unsigned status)
{
    enum ingest_refusal refusal = INGEST_OTHER;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].status == status) {
            refusal = refusals[i].refusal;
        }
    }
    ingest_count_refusal(context, refusal);
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

static void refuse_message(struct http_request *request, enum picket_status status,
                           const struct err *err)
{
    if (status == PICKET_E_VERSION) {
        http_reply_error(request, 422, "%s; sent by a newer module: update the service", err->text);
    } else if (status == PICKET_E_NOMEM || status == PICKET_E_FULL) {
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

static void submit(struct ingest_door *door, struct http_request *request,
                   const struct ingest_message *message)
{
    struct pending *pending = malloc(sizeof(*pending));
    struct err err = {"out of memory"};
    enum picket_status status = PICKET_E_NOMEM;

    if (pending != NULL) {
        *pending = (struct pending){.request = request, .takes_settings = takes_settings(request)};
        status = ingest_submit(door, message, acknowledge, pending, &pending->sequence, &err);
    }
    if (status != PICKET_OK) {
        free(pending);
        refuse_message(request, status, &err);
    }
}

static void take_report(void *context, struct http_request *request)
{
    struct ingest_door *door = context;
    struct ingest_message message = {.device = http_request_segment(request, "id"),
                                     .content_type = http_request_header(request, "Content-Type"),
                                     .received_us = door->now_us(door->now_context)};

    if (!device_id_valid(message.device)) {
        http_reply_error(request, 400,
                         "this is no device id: allowed are 1 to %u letters, digits and . _ : -",
                         DEVICE_ID_MAX);
        return;
    }
    message.bytes = http_request_body(request, &message.length);
    submit(door, request, &message);
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
