/* SPDX-License-Identifier: MIT */
#include "ingest/door.h"

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/ingest.h"
#include "model/report.h"

static const char *const refusal_names[INGEST_REFUSALS] = {
    [INGEST_MALFORMED] = "malformed",
    [INGEST_UNAUTHORIZED] = "unauthorized",
    [INGEST_TOO_LARGE] = "too_large",
    [INGEST_FOREIGN_TYPE] = "foreign_type",
    [INGEST_FOREIGN_TOPIC] = "foreign_topic",
    [INGEST_NEWER] = "newer",
    [INGEST_OVER_ALLOWANCE] = "over_allowance",
    [INGEST_BUSY] = "busy",
    [INGEST_OTHER] = "other",
};

void ingest_count_refusal(struct ingest_door *door, enum ingest_refusal refusal)
{
    atomic_fetch_add(&door->refused[refusal], 1);
}

void ingest_write_refused(struct json *json, const char *key, const struct ingest_door *door)
{
    json_open_object(json, key);
    for (size_t i = 0; i < INGEST_REFUSALS; i++) {
        json_put_uint(json, refusal_names[i], atomic_load(&door->refused[i]));
    }
    json_close_object(json);
}

enum picket_status ingest_submit(struct ingest_door *door, const struct ingest_message *message,
                                 pipeline_done_fn *done, void *done_context, uint32_t *ret_sequence,
                                 struct err *reterr)
{
    struct report *report = NULL;
    enum picket_status status = ingest_decode(message, &report, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    *ret_sequence = report->head.sequence;
    status = pipeline_submit(door->pipeline, report, done, done_context);
    if (status != PICKET_OK) {
        report_free(report);
        err_set(reterr, "%s", picket_strerror(status));
        status = PICKET_E_FULL; /* or about to stop, or memory is out: it passes */
    }
    return status;
}
