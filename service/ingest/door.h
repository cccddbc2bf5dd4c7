/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_DOOR_H
#define SERVICE_INGEST_DOOR_H

#include <stdatomic.h>
#include <stdint.h>

#include "picket/status.h"
#include "pipeline/pipeline.h"

/**
 * What all doors share: what comes in is decoded, submitted and, if it is refused, counted by its
 * cause, whichever door it came to.
 */
struct err;
struct identity_book;
struct ingest_message;
struct json;

/** Causes a message is refused for. */
enum ingest_refusal {
    INGEST_MALFORMED,    /* not a report, or one of no device */
    INGEST_UNAUTHORIZED, /* without the token, or as nobody who is known */
    INGEST_TOO_LARGE,
    INGEST_FOREIGN_TYPE,   /* the content type says that it is no report */
    INGEST_FOREIGN_TOPIC,  /* another device's, or one that has no meaning */
    INGEST_NEWER,          /* by a module newer than this service */
    INGEST_OVER_ALLOWANCE, /* more messages than the device may send */
    INGEST_BUSY,           /* a queue or the disk was full; devices send again */
    INGEST_OTHER,
    INGEST_REFUSALS
};

struct ingest_door {
    struct pipeline *pipeline;      /* borrowed */
    struct identity_book *identity; /* borrowed */
    int64_t (*now_us)(void *context);
    void *now_context;
    atomic_uint_fast64_t refused[INGEST_REFUSALS];
};

/** Context: any thread. */
void ingest_count_refusal(struct ingest_door *door, enum ingest_refusal refusal);
/** {"malformed": N, …}. Context: any thread. */
void ingest_write_refused(struct json *json, const char *key, const struct ingest_door *door);

/**
 * Decodes a message and hands its report to the pipeline, which calls @p done once, perhaps before
 * this returns. *ret_sequence, the report's, is there before that.
 *
 * Errors: as ingest_decode(), with a sentence; PICKET_E_FULL and PICKET_E_NOMEM pass, all others
 *         are for good. Nothing is counted.
 */
PICKET_MUST_CHECK enum picket_status ingest_submit(struct ingest_door *door,
                                                   const struct ingest_message *message,
                                                   pipeline_done_fn *done, void *done_context,
                                                   uint32_t *ret_sequence, struct err *reterr);

#endif
