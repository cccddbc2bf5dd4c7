/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/door.h"
#include "ingest/identity.h"
#include "ingest/ingest.h"
#include "model/report.h"
#include "net/http.h"
#include "picket/report.h"
#include "pipeline/downlink.h"
#include "pipeline/pipeline.h"

#define RETRY_AFTER_QUEUE "1"  /* seconds: workers empty a queue in less */
#define RETRY_AFTER_STORE "30" /* a person has to make room first */
#define RETRY_AFTER_RATE  "60" /* by then there is something of the allowance again */
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
    enum refused_cause cause;
} refusals[] = {
    {400, REFUSED_MALFORMED},      {401, REFUSED_UNAUTHORIZED}, {413, REFUSED_TOO_LARGE},
    {403, REFUSED_FOREIGN_TOPIC},  {415, REFUSED_FOREIGN_TYPE}, {422, REFUSED_NEWER},
    {429, REFUSED_OVER_ALLOWANCE}, {503, REFUSED_BUSY},
};

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

static void refuse_message(struct ingest_door *door, struct http_request *request,
                           const struct ingest_message *message, enum picket_status status,
                           const struct err *err)
{
    bool is_newer = status == PICKET_E_VERSION;
    char source[HTTP_SOURCE_MAX];

    if (status == PICKET_E_NOMEM || status == PICKET_E_FULL) {
        refuse_for_now(request, RETRY_AFTER_QUEUE, err->text);
        return;
    }
    http_request_source(request, source);
    identity_note_refused(door->identity, message->device,
                          is_newer ? REFUSED_NEWER : REFUSED_MALFORMED, err->text, source,
                          message->received_us);
    if (is_newer) {
        http_reply_error(request, 422, "%s; sent by a newer module: update the service", err->text);
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
        refuse_message(door, request, message, status, &err);
    }
}

/* --- who it is --- */

/* The sender has to tell what is wrong by itself: a reply that says it would help an attacker. */
static const struct {
    unsigned status; /* 0: it is let in */
    const char *reason;
} replies[IDENTITY_VERDICTS] = {
    [IDENTITY_GOOD] = {0, ""},
    [IDENTITY_NONE] = {401, "the device must show who it is: with a certificate, or with "
                            "Authorization: Bearer and its key"},
    [IDENTITY_UNKNOWN] = {401, "not authorized as this device"},
    [IDENTITY_MISMATCH] = {401, "not authorized as this device"},
    [IDENTITY_FOREIGN] = {403, "a device may speak as itself only"},
    [IDENTITY_EXPIRED] = {401, "not authorized as this device"},
    [IDENTITY_INVALID] = {401, "not authorized as this device"},
    [IDENTITY_REVOKED] = {401, "not authorized as this device"},
    [IDENTITY_BUSY] = {503, "the device can't be enrolled now"},
};

/* "Bearer" and a key or a token, or a shared access signature as a whole; NULL if there is none. */
static const char *read_key(const struct http_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = http_request_header(request, "Authorization");
    bool is_bearer =
        authorization != NULL && strncasecmp(authorization, scheme, sizeof(scheme) - 1) == 0;

    return is_bearer ? authorization + sizeof(scheme) - 1 : authorization;
}

static enum identity_verdict check(struct ingest_door *door, const struct http_request *request,
                                   int64_t now_us, char ret_source[HTTP_SOURCE_MAX],
                                   struct identity_pass *ret)
{
    struct tls_certificate certificates[TLS_CERTIFICATES_MAX];
    const char *key = identity_is_open(door->identity) ? NULL : read_key(request);
    const struct identity_claim claim = {.device = http_request_segment(request, "id"),
                                         .certificates = certificates,
                                         .certificate_count =
                                             http_request_certificates(request, certificates),
                                         .key = (const uint8_t *)key,
                                         .key_length = key == NULL ? 0 : strlen(key),
                                         .source = ret_source,
                                         .now_us = now_us};

    http_request_source(request, ret_source);
    return identity_check(door->identity, &claim, ret);
}

/* True if the sender may; else the request was replied to. */
static bool identify(struct ingest_door *door, struct http_request *request, int64_t now_us)
{
    char source[HTTP_SOURCE_MAX];
    struct identity_pass pass;
    enum identity_verdict verdict = check(door, request, now_us, source, &pass);

    if (verdict == IDENTITY_BUSY) {
        refuse_for_now(request, RETRY_AFTER_STORE, replies[verdict].reason);
    } else if (verdict != IDENTITY_GOOD) {
        http_reply_error(request, replies[verdict].status, "%s", replies[verdict].reason);
    } else if (!identity_allows(door->identity, &pass, source, now_us)) {
        verdict = IDENTITY_INVALID;
        http_reply_header(request, "Retry-After", RETRY_AFTER_RATE);
        http_reply_error(request, 429, "the device sends more than it may; send it again later");
    } else {
        identity_begin(door->identity, &pass, source, now_us);
    }
    return verdict == IDENTITY_GOOD;
}

/* --- counting --- */

/* What the server refused before it asked anyone whose it is. */
static void note_unread(struct ingest_door *door, const struct http_request *request,
                        enum refused_cause cause)
{
    const char *reason = cause == REFUSED_TOO_LARGE ? "the body is larger than 65536 bytes"
                                                    : "the content type is not known here";
    int64_t now_us = door->now_us(door->now_context);
    char source[HTTP_SOURCE_MAX];
    struct identity_pass pass;

    if (check(door, request, now_us, source, &pass) == IDENTITY_GOOD) {
        identity_note_refused(door->identity, pass.device, cause, reason, source, now_us);
    }
}

static void count_refusal(void *context, const struct http_request *request, unsigned status)
{
    enum refused_cause cause = REFUSED_OTHER;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].status == status) {
            cause = refusals[i].cause;
        }
    }
    ingest_count_refusal(context, cause);
    if (cause == REFUSED_TOO_LARGE || cause == REFUSED_FOREIGN_TYPE) {
        note_unread(context, request, cause);
    }
}

static void note_impossible(struct ingest_door *door, const struct http_request *request,
                            int64_t now_us)
{
    char source[HTTP_SOURCE_MAX];

    http_request_source(request, source);
    identity_note_unknown(door->identity, http_request_segment(request, "id"), source, now_us);
}

static void take_report(void *context, struct http_request *request)
{
    struct ingest_door *door = context;
    struct ingest_message message = {.device = http_request_segment(request, "id"),
                                     .content_type = http_request_header(request, "Content-Type"),
                                     .received_us = door->now_us(door->now_context)};

    if (!device_id_valid(message.device)) {
        note_impossible(door, request, message.received_us);
        http_reply_error(request, 400,
                         "this is no device id: allowed are 1 to %u letters, digits and . _ : -",
                         DEVICE_ID_MAX);
        return;
    }
    if (identify(door, request, message.received_us)) {
        message.bytes = http_request_body(request, &message.length);
        submit(door, request, &message);
    }
}

static const char *const types[] = {"application/vnd.picket.report+cbor", "application/cbor",
                                    "application/json", "application/octet-stream", NULL};

#define REPORTS                                                                                    \
    .method = "POST", .pattern = "/v1/devices/{id}/reports", .body_types = types,                  \
    .body_max = PICKET_REPORT_BYTES_MAX, .refused = count_refusal, .handler = take_report

/* Where everyone may come in, the server's token is all there is. */
static const struct http_route open_routes[] = {{REPORTS}};
static const struct http_route own_routes[] = {{REPORTS, .is_public = true}};

const struct http_route *ingest_http_routes(bool is_open, size_t *ret_count)
{
    *ret_count = sizeof(open_routes) / sizeof(open_routes[0]);
    return is_open ? open_routes : own_routes;
}
