/* SPDX-License-Identifier: MIT */
#include "alert/alert.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* A hostile device that invents a peer for each packet must not take all memory. */
#define OPEN_MAX 4096u

struct entry {
    uint64_t hash; /* of what repeats fold on; a linear look over these is quick enough */
    struct alert *alert;
};

struct alert_book {
    struct entry *entries;
    size_t count;
    size_t capacity;
    struct alert *resolved; /* handed back, and kept until the next call */
};

struct alert_book *alert_book_new(void)
{
    return calloc(1, sizeof(struct alert_book));
}

void alert_book_free(struct alert_book *book)
{
    if (book == NULL) {
        return;
    }
    for (size_t i = 0; i < book->count; i++) {
        free(book->entries[i].alert);
    }
    free(book->resolved);
    free(book->entries);
    free(book);
}

static bool is_recommendation(const struct finding *finding)
{
    return finding->kind == FINDING_RECOMMENDATION || finding->kind == FINDING_RECOMMENDATION_OVER;
}

static bool is_over(const struct finding *finding)
{
    return finding->kind == FINDING_ALERT_OVER || finding->kind == FINDING_RECOMMENDATION_OVER;
}

static uint64_t hash_fold(bool is_advice, const char *type, const char *key)
{
    char text[TYPE_ID_MAX + FINDING_KEY_MAX + 4];
    int length = snprintf(text, sizeof(text), "%d\n%s\n%s", is_advice, type, key);

    return hash_stable(text, (size_t)length);
}

static struct entry *find(const struct alert_book *book, bool is_advice, const char *type,
                          const char *key)
{
    uint64_t hash = hash_fold(is_advice, type, key);

    for (size_t i = 0; i < book->count; i++) {
        const struct alert *alert = book->entries[i].alert;

        if (book->entries[i].hash == hash && alert->is_recommendation == is_advice &&
            strcmp(alert->type, type) == 0 && strcmp(alert->key, key) == 0) {
            return &book->entries[i];
        }
    }
    return NULL;
}

const struct alert *alert_book_find(const struct alert_book *book, const char *type,
                                    const char *key)
{
    const struct entry *entry = find(book, false, type, key);

    return entry == NULL ? NULL : entry->alert;
}

static enum picket_status reserve(struct alert_book *book)
{
    size_t capacity = book->capacity == 0 ? 8 : book->capacity * 2;
    struct entry *entries;

    if (book->count == OPEN_MAX) {
        return PICKET_E_LIMIT;
    }
    if (book->count < book->capacity) {
        return PICKET_OK;
    }
    entries = realloc(book->entries, capacity * sizeof(*entries));
    if (entries == NULL) {
        return PICKET_E_NOMEM;
    }
    book->entries = entries;
    book->capacity = capacity;
    return PICKET_OK;
}

static enum picket_status add(struct alert_book *book, const struct alert *alert,
                              struct alert **ret)
{
    struct alert *copy;
    enum picket_status status;

    status = reserve(book);
    if (status != PICKET_OK) {
        return status;
    }
    copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return PICKET_E_NOMEM;
    }
    *copy = *alert;
    evidence_repoint(&copy->evidence);
    book->entries[book->count++] = (struct entry){
        .hash = hash_fold(alert->is_recommendation, alert->type, alert->key),
        .alert = copy,
    };
    *ret = copy;
    return PICKET_OK;
}

enum picket_status alert_book_restore(struct alert_book *book, const struct alert *alert)
{
    struct alert *copy;

    assert(alert->state == ALERT_OPEN);
    return add(book, alert, &copy);
}

/* The same findings give the same ids in every run and on every machine. */
static void set_id(struct alert *alert)
{
    char text[DEVICE_ID_MAX + TYPE_ID_MAX + FINDING_KEY_MAX + 32];
    int length = snprintf(text, sizeof(text), "%s\n%s\n%s\n%" PRId64, alert->device, alert->type,
                          alert->key, alert->first_us);

    snprintf(alert->id, sizeof(alert->id), "%016" PRIx64, hash_stable(text, (size_t)length));
}

static enum picket_status open_alert(struct alert_book *book, const char *device,
                                     const struct finding *finding, struct alert **ret)
{
    struct alert alert = {
        .is_recommendation = is_recommendation(finding),
        .severity = finding->severity,
        .state = ALERT_OPEN,
        .first_us = finding->first_us,
        .last_us = finding->last_us,
    };

    assert(strlen(device) < sizeof(alert.device) && strlen(finding->type) < sizeof(alert.type));
    snprintf(alert.device, sizeof(alert.device), "%s", device);
    snprintf(alert.type, sizeof(alert.type), "%s", finding->type);
    snprintf(alert.key, sizeof(alert.key), "%s", finding->key);
    set_id(&alert);
    return add(book, &alert, ret);
}

static void keep_flow(struct evidence *evidence, const struct flow *flow)
{
    if (evidence->flow_count == 0) {
        evidence->total = *flow;
    } else {
        flow_add(&evidence->total, flow);
    }
    for (size_t i = 0; i < evidence->flow_count; i++) {
        if (flow_same(&evidence->flows[i], flow)) {
            flow_add(&evidence->flows[i], flow);
            evidence_keep_name(evidence, i, flow);
            return;
        }
    }
    if (evidence->flow_count == ALERT_FLOWS_MAX) {
        evidence->flows_left_out++;
        return;
    }
    evidence->flows[evidence->flow_count] = *flow;
    evidence_keep_name(evidence, evidence->flow_count++, flow);
}

static void keep_verdict(struct evidence *evidence, const struct verdict *verdict)
{
    for (size_t i = 0; i < evidence->verdict_count; i++) {
        if (verdict_same(&evidence->verdicts[i], verdict)) {
            verdict_add(&evidence->verdicts[i], verdict);
            return;
        }
    }
    if (evidence->verdict_count == ALERT_VERDICTS_MAX) {
        evidence->verdicts_left_out += evidence->verdicts_left_out < INT64_MAX;
        return;
    }
    evidence->verdicts[evidence->verdict_count++] = *verdict;
}

static void keep_indicator(struct evidence *evidence, const struct finding *finding)
{
    const struct indicator *indicator = finding->indicator;

    evidence->has_indicator = true;
    evidence->indicator = *indicator;
    snprintf(evidence->value, sizeof(evidence->value), "%s", indicator->observable.text);
    snprintf(evidence->feed, sizeof(evidence->feed), "%s", indicator->feed);
    snprintf(evidence->category, sizeof(evidence->category), "%s", indicator->category);
    snprintf(evidence->comment, sizeof(evidence->comment), "%s", indicator->comment);
    snprintf(evidence->reference, sizeof(evidence->reference), "%s", indicator->reference);
    if (finding->score != NULL) {
        evidence->score = *finding->score;
        snprintf(evidence->source, sizeof(evidence->source), "%s", finding->source);
        snprintf(evidence->licence, sizeof(evidence->licence), "%s", finding->licence);
    }
}

static void keep_measure(struct evidence *evidence, const struct measure *measure)
{
    evidence->measure = *measure;
    snprintf(evidence->measure_name, sizeof(evidence->measure_name), "%s", measure->name);
}

/* Reason, indicator and measure come from one finding, so that they agree. */
static void take_reason(struct alert *alert, const struct finding *finding)
{
    alert->severity = finding->severity;
    snprintf(alert->reason, sizeof(alert->reason), "%s", finding->reason);
    if (finding->indicator != NULL) {
        keep_indicator(&alert->evidence, finding);
    }
    if (finding->measure.is_set) {
        keep_measure(&alert->evidence, &finding->measure);
    }
}

static void fold(struct alert *alert, const struct finding *finding)
{
    alert->count++;
    alert->first_us = finding->first_us < alert->first_us ? finding->first_us : alert->first_us;
    alert->last_us = finding->last_us > alert->last_us ? finding->last_us : alert->last_us;
    if (finding->severity >= alert->severity) {
        take_reason(alert, finding);
    }
    for (size_t i = 0; i < finding->flow_count; i++) {
        keep_flow(&alert->evidence, &finding->flows[i]);
    }
    for (size_t i = 0; i < finding->verdict_count; i++) {
        keep_verdict(&alert->evidence, &finding->verdicts[i]);
    }
    evidence_repoint(&alert->evidence);
}

static const struct alert *resolve(struct alert_book *book, struct entry *entry, int64_t over_us)
{
    struct alert *alert = entry->alert;

    alert->state = ALERT_RESOLVED;
    alert->resolved_us = over_us;
    *entry = book->entries[--book->count];
    book->resolved = alert;
    return alert;
}

enum picket_status alert_book_take(struct alert_book *book, const char *device,
                                   const struct finding *finding, const struct alert **ret_changed)
{
    struct entry *entry = find(book, is_recommendation(finding), finding->type, finding->key);
    struct alert *alert;
    enum picket_status status;

    free(book->resolved);
    book->resolved = NULL;
    if (is_over(finding)) {
        *ret_changed = entry == NULL ? NULL : resolve(book, entry, finding->last_us);
        return PICKET_OK;
    }
    if (entry != NULL) {
        alert = entry->alert;
    } else {
        status = open_alert(book, device, finding, &alert);
        if (status != PICKET_OK) {
            return status;
        }
    }
    fold(alert, finding);
    *ret_changed = alert;
    return PICKET_OK;
}
