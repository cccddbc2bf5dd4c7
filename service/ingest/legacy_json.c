/* SPDX-License-Identifier: MIT */
/* A report that is not of ours as JSON: what it became here. */
#include "base/json.h"
#include "ingest/facts.h"
#include "ingest/legacy.h"
#include "ingest/rtos_module.h"

static void put_text(struct json *json, const char *key, struct picket_text text)
{
    json_put_text_n(json, key, text.bytes, text.length);
}

static void put_errors(struct json *json, const struct facts *facts)
{
    json_open_array(json, "configuration_errors");
    for (size_t i = 0; i < facts->configuration_error_count; i++) {
        const struct configuration_error *error = &facts->configuration_errors[i];

        json_open_object(json, NULL);
        put_text(json, "name", error->name);
        put_text(json, "error", error->error);
        put_text(json, "text", error->text);
        json_close_object(json);
    }
    json_close_array(json);
}

static void put_passed_over(struct json *json, const struct report *report)
{
    json_open_array(json, "passed_over");
    for (size_t i = 0; i < report->passed_over_count; i++) {
        json_open_object(json, NULL);
        put_text(json, "name", report->passed_over[i].name);
        json_put_uint(json, "count", report->passed_over[i].count);
        json_close_object(json);
    }
    json_close_array(json);
}

void legacy_write_json(struct json *json, const char *key, const struct report *report)
{
    const struct facts *facts = &report->facts;

    json_open_object(json, key);
    json_put_text(json, "format", report->format);
    json_put_bool(json, "has_clock", report->head.has_clock);
    json_put_time(json, "window_start", report->window_start_us);
    json_put_time(json, "window_end", report->window_end_us);
    facts_write_sections(json, &report->head);
    json_open_array(json, "flows");
    for (size_t i = 0; i < report->flow_count; i++) {
        flow_write_json(json, NULL, &report->flows[i]);
    }
    json_close_array(json);
    facts_write_kept(json, facts);
    if (facts->configuration_error_count > 0) {
        put_errors(json, facts);
    }
    if (facts->events_collected > 0 || facts->events_dropped > 0) {
        json_put_uint(json, "events_collected", facts->events_collected);
        json_put_uint(json, "events_dropped", facts->events_dropped);
    }
    put_passed_over(json, report);
    json_close_object(json);
}

enum picket_status ingest_message_write_json(struct json *json, const char *key,
                                             const struct ingest_message *message,
                                             struct err *reterr)
{
    struct report *report = NULL;
    enum picket_status status = ingest_decode(message, &report, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (report->format == NULL) {
        ingest_write_json(json, key, message->bytes, message->length);
    } else if (report->format == ingest_format_name(INGEST_RTOS_MODULE)) {
        rtos_module_write_json(json, key, message->bytes, message->length);
    } else {
        legacy_write_json(json, key, report);
    }
    report_free(report);
    return PICKET_OK;
}
