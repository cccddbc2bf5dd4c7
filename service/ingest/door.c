/* SPDX-License-Identifier: MIT */
#include "ingest/door.h"

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/ingest.h"
#include "model/report.h"

void ingest_count_refusal(struct ingest_door *door, enum refused_cause cause)
{
    atomic_fetch_add(&door->refused[cause], 1);
}

void ingest_write_refused(struct json *json, const char *key, const struct ingest_door *door)
{
    json_open_object(json, key);
    for (size_t i = 0; i < REFUSED_CAUSES; i++) {
        json_put_uint(json, refused_cause_name((enum refused_cause)i),
                      atomic_load(&door->refused[i]));
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
