/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_DOOR_H
#define SERVICE_INGEST_DOOR_H

#include <stdatomic.h>
#include <stdint.h>

#include "model/refused.h"
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

struct ingest_door {
    struct pipeline *pipeline;      /* borrowed */
    struct identity_book *identity; /* borrowed */
    int64_t (*now_us)(void *context);
    void *now_context;
    atomic_uint_fast64_t refused[REFUSED_CAUSES];
};

/** Context: any thread. */
void ingest_count_refusal(struct ingest_door *door, enum refused_cause cause);
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
