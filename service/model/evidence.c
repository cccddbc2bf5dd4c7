/* SPDX-License-Identifier: MIT */
#include "model/alert.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "model/fields.h"

static void write_bound(struct json *json, const char *key, int64_t value, int64_t none)
{
    if (value == none) {
        json_put_null(json, key);
    } else {
        json_put_int(json, key, value);
    }
}

static void write_measure(struct json *json, const struct measure *measure)
{
    if (!measure->is_set) {
        json_put_null(json, "measure");
        return;
    }
    json_open_object(json, "measure");
    json_put_text(json, "name", measure->name);
    json_put_time(json, "start", measure->start_us);
    json_put_time(json, "end", measure->end_us);
    json_put_int(json, "observed", measure->observed);
    write_bound(json, "min", measure->min, INT64_MIN);
    write_bound(json, "max", measure->max, INT64_MAX);
    json_close_object(json);
}

static void write_listing(struct json *json, const struct evidence *evidence)
{
    if (!evidence->has_indicator) {
        json_put_null(json, "indicator");
        return;
    }
    indicator_write_json(json, "indicator", &evidence->indicator);
    json_put_text(json, "source", evidence->source);
    json_put_text(json, "licence", evidence->licence);
    score_terms_write_json(json, "score", &evidence->score);
}

void evidence_write_json(struct json *json, const char *key, const struct evidence *evidence)
{
    json_open_object(json, key);
    if (evidence->flow_count > 0) {
        flow_write_json(json, "total", &evidence->total);
    } else {
        json_put_null(json, "total");
    }
    json_open_array(json, "flows");
    for (size_t i = 0; i < evidence->flow_count; i++) {
        flow_write_json(json, NULL, &evidence->flows[i]);
    }
    json_close_array(json);
    json_put_uint(json, "flows_left_out", evidence->flows_left_out);
    json_open_array(json, "verdicts");
    for (size_t i = 0; i < evidence->verdict_count; i++) {
        verdict_write_json(json, NULL, &evidence->verdicts[i]);
    }
    json_close_array(json);
    json_put_uint(json, "verdicts_left_out", evidence->verdicts_left_out);
    write_listing(json, evidence);
    write_measure(json, &evidence->measure);
    json_close_object(json);
}

void evidence_keep_name(struct evidence *evidence, size_t place, const struct flow *flow)
{
    char *name = evidence->peer_names[place];

    if (name[0] == '\0' && flow->peer_name != NULL) {
        snprintf(name, sizeof(evidence->peer_names[place]), "%s", flow->peer_name);
    }
}

void evidence_repoint(struct evidence *evidence)
{
    for (size_t i = 0; i < evidence->flow_count; i++) {
        const char *name = evidence->peer_names[i];

        evidence->flows[i].peer_name = name[0] == '\0' ? NULL : name;
    }
    evidence->total.peer_name = evidence->flows[0].peer_name; /* the total began with it */
    if (evidence->has_indicator) {
        evidence->indicator.observable.text = evidence->value;
        evidence->indicator.feed = evidence->feed;
        evidence->indicator.category = evidence->category;
        evidence->indicator.comment = evidence->comment;
        evidence->indicator.reference = evidence->reference;
        evidence->indicator.scope = "";
    }
    if (evidence->measure.is_set) {
        evidence->measure.name = evidence->measure_name;
    }
}

/* What evidence had not in its first versions. */
static bool is_stored(const struct fields *fields, const char *name)
{
    return json_object_get(fields->object, name) != NULL;
}

static int64_t read_time_or_zero(struct fields *fields, const char *name)
{
    return fields_is_null(fields, name) ? 0 : fields_get_time(fields, name);
}

static const char *read_indicator(json_t *object, struct evidence *evidence)
{
    struct indicator *indicator = &evidence->indicator;
    struct fields fields;
    const char *value;

    fields_init(&fields, object);
    value = fields_get_text(&fields, "value");
    if (observable_parse(value, strlen(value), &indicator->observable, evidence->value, NULL) !=
        PICKET_OK) {
        fields_fail(&fields, "value");
    }
    fields_copy_text(&fields, "feed", evidence->feed, sizeof(evidence->feed));
    indicator->line = (uint32_t)fields_get_uint(&fields, "line", UINT32_MAX);
    indicator->confidence = (uint8_t)fields_get_uint(&fields, "confidence", 100);
    fields_copy_text(&fields, "category", evidence->category, sizeof(evidence->category));
    fields_copy_text(&fields, "comment", evidence->comment, sizeof(evidence->comment));
    indicator->listed_from_us = read_time_or_zero(&fields, "listed_from");
    indicator->expires_us = read_time_or_zero(&fields, "expires");
    if (is_stored(&fields, "listed_until")) {
        fields_copy_text(&fields, "reference", evidence->reference, sizeof(evidence->reference));
        indicator->listed_until_us = read_time_or_zero(&fields, "listed_until");
    }
    evidence->has_indicator = true;
    return fields.fault;
}

static void read_score(struct fields *fields, struct evidence *evidence)
{
    const char *fault;

    if (!is_stored(fields, "score")) {
        return;
    }
    fields_copy_text(fields, "source", evidence->source, sizeof(evidence->source));
    fields_copy_text(fields, "licence", evidence->licence, sizeof(evidence->licence));
    fault = score_terms_read_json(fields_get_object(fields, "score"), &evidence->score);
    if (fault != NULL) {
        fields_fail(fields, fault);
    }
}

static const char *read_measure(json_t *object, struct evidence *evidence)
{
    struct measure *measure = &evidence->measure;
    struct fields fields;

    fields_init(&fields, object);
    fields_copy_text(&fields, "name", evidence->measure_name, sizeof(evidence->measure_name));
    measure->start_us = fields_get_time(&fields, "start");
    measure->end_us = fields_get_time(&fields, "end");
    measure->observed = fields_get_int(&fields, "observed");
    measure->min = fields_is_null(&fields, "min") ? INT64_MIN : fields_get_int(&fields, "min");
    measure->max = fields_is_null(&fields, "max") ? INT64_MAX : fields_get_int(&fields, "max");
    measure->is_set = true;
    return fields.fault;
}

static const char *read_flows(json_t *array, struct evidence *evidence)
{
    const char *fault = NULL;

    if (json_array_size(array) > ALERT_FLOWS_MAX) {
        return "flows";
    }
    for (size_t i = 0; i < json_array_size(array) && fault == NULL; i++) {
        fault = flow_read_json(json_array_get(array, i), &evidence->flows[i]);
        evidence_keep_name(evidence, i, &evidence->flows[i]);
        evidence->flow_count++;
    }
    return fault;
}

/* What was stored before there were policies has none. */
static const char *read_verdicts(struct fields *fields, struct evidence *evidence)
{
    json_t *array = json_object_get(fields->object, "verdicts");
    const char *fault = NULL;

    if (array == NULL) {
        return NULL;
    }
    if (!json_is_array(array) || json_array_size(array) > ALERT_VERDICTS_MAX) {
        return "verdicts";
    }
    for (size_t i = 0; i < json_array_size(array) && fault == NULL; i++) {
        fault = verdict_read_json(json_array_get(array, i), &evidence->verdicts[i]);
        evidence->verdict_count++;
    }
    evidence->verdicts_left_out = fields_get_uint(fields, "verdicts_left_out", INT64_MAX);
    return fault;
}

/* A part that may be null. */
static void read_part(struct fields *fields, const char *name,
                      const char *(*read)(json_t *, struct evidence *), struct evidence *evidence)
{
    const char *fault;

    if (fields_is_null(fields, name)) {
        return;
    }
    fault = read(fields_get_object(fields, name), evidence);
    if (fault != NULL) {
        fields_fail(fields, fault);
    }
}

static const char *read_total(json_t *object, struct evidence *evidence)
{
    return flow_read_json(object, &evidence->total);
}

enum picket_status evidence_parse(const char *text, size_t length, struct evidence *ret,
                                  struct err *reterr)
{
    enum picket_status status = PICKET_E_MALFORMED;
    struct evidence evidence = {0};
    struct fields fields;
    json_error_t error;
    const char *fault;
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

    if (root == NULL) {
        err_set(reterr, "stored evidence is no JSON at byte %d: %s", error.position, error.text);
        goto out;
    }
    fields_init(&fields, root);
    read_part(&fields, "total", read_total, &evidence);
    fault = read_flows(fields_get_array(&fields, "flows"), &evidence);
    if (fault != NULL) {
        fields_fail(&fields, fault);
    }
    evidence.flows_left_out = fields_get_uint(&fields, "flows_left_out", INT64_MAX);
    fault = read_verdicts(&fields, &evidence);
    if (fault != NULL) {
        fields_fail(&fields, fault);
    }
    read_part(&fields, "indicator", read_indicator, &evidence);
    read_score(&fields, &evidence);
    read_part(&fields, "measure", read_measure, &evidence);
    if (fields.fault != NULL) {
        err_set(reterr, "stored evidence has no good \"%s\"", fields.fault);
        goto out;
    }
    *ret = evidence;
    evidence_repoint(ret);
    status = PICKET_OK;
out:
    json_decref(root);
    return status;
}
