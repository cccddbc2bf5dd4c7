/* SPDX-License-Identifier: MIT */
#ifndef TESTS_FUZZ_LEGACY_RUN_H
#define TESTS_FUZZ_LEGACY_RUN_H

#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/utf8.h"
#include "ingest/ingest.h"
#include "model/report.h"

/** What every message of another format has to keep to. */
static inline void legacy_require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static inline void legacy_require_text(struct picket_text text)
{
    legacy_require(text.length <= PICKET_TEXT_MAX);
    for (size_t i = 0, length; i < text.length; i += length) {
        length = utf8_length(text.bytes + i, text.length - i);
        legacy_require(length > 0 && (uint8_t)text.bytes[i] >= ' ');
    }
}

static inline void legacy_require_report(const struct report *report)
{
    legacy_require(report->format != NULL && report->window_start_us <= report->window_end_us);
    for (size_t i = 0; i < report->flow_count; i++) {
        const struct flow *flow = &report->flows[i];

        legacy_require(flow->unknown != 0 && flow->first_us <= flow->last_us);
        legacy_require(flow->peer_port <= UINT16_MAX && flow->local_port <= UINT16_MAX);
        legacy_require((flow->unknown & FLOW_PACKETS_UNKNOWN) == 0 || flow->packets_in == 0);
    }
    for (size_t i = 0; i < report->passed_over_count; i++) {
        legacy_require_text(report->passed_over[i].name);
    }
    for (size_t i = 0; i < report->facts.event_count; i++) {
        legacy_require_text(report->facts.events[i].text);
    }
}

static inline void legacy_run(const struct ingest_message *message)
{
    struct report *report = NULL;
    struct err err = {""};
    struct buf out;
    struct json json;

    if (ingest_decode(message, &report, &err) != PICKET_OK) {
        legacy_require(err.text[0] != '\0' && report == NULL);
        return;
    }
    if (report->format != NULL) {
        legacy_require_report(report);
    }
    report_free(report);
    buf_init(&out, (size_t)1 << 26);
    json_init(&json, &out, false);
    legacy_require(ingest_message_write_json(&json, NULL, message, &err) == PICKET_OK);
    legacy_require(!out.is_failed && out.length > 0);
    buf_deinit(&out);
}

#endif
