/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_INGEST_H
#define SERVICE_INGEST_INGEST_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Doors and formats: what comes from outside becomes a canonical report, or is
 * refused with a reason and counted.
 */
struct err;
struct http_route;
struct json;
struct pipeline;
struct report;

/**
 * Decodes a native report into an arena of its own.
 *
 * Event time: the report's own clock if it has one that is at most five minutes
 * ahead of @p received_us; else @p received_us less the time since the window,
 * as the device's uptime tells it (then head.has_clock is false, and the
 * pipeline steadies the times with what it knows of the boot).
 *
 * Ownership: @p bytes is not needed afterwards; the caller, or the pipeline it
 *            submits to, frees *ret with report_free().
 * Errors:    as picket_report_open(), with the offset and the reason in @p reterr.
 */
PICKET_MUST_CHECK enum picket_status ingest_decode(const uint8_t *bytes, size_t length,
                                                   const char *device, int64_t received_us,
                                                   struct report **ret, struct err *reterr);

/**
 * Everything in a report, as JSON; the same in `picket decode --json` and in
 * spec/vectors. null if picket_report_open() refuses it.
 */
void ingest_write_json(struct json *json, const char *key, const uint8_t *bytes, size_t length);

/** Causes a report is refused for at the door. */
enum ingest_refusal {
    INGEST_MALFORMED,    /* not a report, or one of no device */
    INGEST_UNAUTHORIZED, /* without the token */
    INGEST_TOO_LARGE,
    INGEST_FOREIGN_TYPE, /* the content type says that it is no report */
    INGEST_NEWER,        /* by a module newer than this service */
    INGEST_BUSY,         /* a queue or the disk was full; devices send again */
    INGEST_OTHER,
    INGEST_REFUSALS
};

/** The HTTP door. */
struct ingest_http {
    struct pipeline *pipeline; /* borrowed */
    int64_t (*now_us)(void *context);
    void *now_context;
    atomic_uint_fast64_t refused[INGEST_REFUSALS]; /* counted by the door */
};

/** {"malformed": N, …}. Context: any thread. */
void ingest_write_refused(struct json *json, const char *key, const struct ingest_http *door);

/** Routes for http_server_add() with a struct ingest_http as context: POST
 * /v1/devices/{id}/reports. */
const struct http_route *ingest_http_routes(size_t *ret_count);

#endif
