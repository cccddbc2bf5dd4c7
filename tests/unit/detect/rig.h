/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DETECT_RIG_H
#define TESTS_UNIT_DETECT_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/time.h"
#include "detect/detect.h"
#include "detect/rules.h"
#include "harness/check.h"
#include "intel/intel.h"
#include "model/finding.h"
#include "model/indicator.h"
#include "model/report.h"
#include "model/score.h"

/** A device on a test rig: reports go in, findings are kept. */

#define RIG_FINDINGS_MAX 64u
#define RIG_FLOWS_MAX    16u
#define S_US             TIME_US_PER_S
#define MIN_US           (60 * INT64_C(1000000))

struct rig {
    struct detect_device *device;
    struct rules *rules;
    const char *group; /* of the device: by itself that of the rules */
    struct intel_index *intel;
    size_t count;
    struct finding findings[RIG_FINDINGS_MAX];
    struct flow flows[RIG_FINDINGS_MAX][RIG_FLOWS_MAX];
    struct indicator indicators[RIG_FINDINGS_MAX];
    struct score scores[RIG_FINDINGS_MAX];
};

/** Rules from JSON with ' for "; NULL are the defaults. */
static inline void rig_set_rules(struct rig *rig, const char *text)
{
    char json[1024];
    struct err err = {""};

    rules_free(rig->rules);
    rig->rules = NULL;
    rig->group = text == NULL ? "default" : "g";
    if (text == NULL) {
        rig->rules = rules_new_default("default");
        return;
    }
    snprintf(json, sizeof(json), "{'name': 'g', 'rules': [%s]}", text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    if (rules_parse(json, strlen(json), &rig->rules, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        abort();
    }
}

static inline struct rig *rig_new(const char *rules)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    if (rig == NULL) {
        abort();
    }
    rig->device = detect_device_new("d1");
    rig_set_rules(rig, rules);
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    detect_device_free(rig->device);
    rules_free(rig->rules);
    intel_index_free(rig->intel);
    free(rig);
}

static inline void rig_take(void *context, const char *device, const struct finding *finding)
{
    struct rig *rig = context;
    size_t kept = finding->flow_count < RIG_FLOWS_MAX ? finding->flow_count : RIG_FLOWS_MAX;

    if (rig->count == RIG_FINDINGS_MAX || strcmp(device, "d1") != 0) {
        printf("a finding too many, or of another device\n");
        abort();
    }
    rig->findings[rig->count] = *finding;
    if (kept > 0) {
        memcpy(rig->flows[rig->count], finding->flows, kept * sizeof(*finding->flows));
    }
    rig->findings[rig->count].flows = rig->flows[rig->count];
    if (finding->indicator != NULL) {
        rig->indicators[rig->count] = *finding->indicator;
        rig->findings[rig->count].indicator = &rig->indicators[rig->count];
        rig->scores[rig->count] = *finding->score;
        rig->findings[rig->count].score = &rig->scores[rig->count];
    }
    rig->count++;
}

/** "VALUE [expires=S] [until=S] [confidence=N] [category=TEXT] [scope=TEXT]" */
static inline void rig_add(struct intel_builder *builder, char *line)
{
    struct indicator indicator = {.category = "", .comment = "", .reference = "", .scope = ""};
    char text[OBSERVABLE_TEXT_MAX];
    char *rest = NULL;
    char *word = strtok_r(line, " ", &rest);

    if (observable_parse(word, strlen(word), &indicator.observable, text, NULL) != PICKET_OK) {
        printf("no observable: %s\n", word);
        abort();
    }
    for (word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(word, '=');

        *value++ = '\0';
        if (strcmp(word, "category") == 0) {
            indicator.category = value;
        } else if (strcmp(word, "scope") == 0) {
            indicator.scope = value;
        } else if (strcmp(word, "confidence") == 0) {
            indicator.confidence = (uint8_t)atoi(value);
        } else if (strcmp(word, "until") == 0) {
            indicator.listed_until_us = atoi(value) * S_US;
        } else if (strcmp(word, "expires") == 0) {
            indicator.expires_us = atoi(value) * S_US;
        } else {
            abort();
        }
    }
    if (intel_add(builder, &indicator) != PICKET_OK) {
        abort();
    }
}

/** Begins a feed that need not name its source and licence. */
static inline void rig_begin(struct intel_builder *builder, const struct intel_feed *feed)
{
    struct intel_feed whole = *feed;

    whole.source = whole.source == NULL ? "" : whole.source;
    whole.licence = whole.licence == NULL ? "" : whole.licence;
    if (intel_begin_feed(builder, &whole) != PICKET_OK) {
        abort();
    }
}

/** An index of some lists, of lines as rig_add() has them. */
static inline struct intel_index *rig_index(const struct intel_feed *feeds,
                                            const char *const *lists, size_t count)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct err err = {""};

    for (size_t i = 0; i < count; i++) {
        char *list = strdup(lists[i]);
        char *rest = NULL;

        if (list == NULL) {
            abort();
        }
        rig_begin(builder, &feeds[i]);
        for (char *line = strtok_r(list, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest)) {
            rig_add(builder, line);
        }
        free(list);
    }
    if (intel_build(builder, &index, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        abort();
    }
    intel_builder_free(builder);
    return index;
}

static inline struct flow rig_flow(const char *peer, enum picket_direction direction,
                                   uint8_t protocol, int32_t port)
{
    struct flow flow = {.direction = direction,
                        .protocol = protocol,
                        .peer_port = direction == PICKET_OUTBOUND ? port : FLOW_PORT_UNKNOWN,
                        .local_port = direction == PICKET_OUTBOUND ? FLOW_PORT_UNKNOWN : port,
                        .connections = 1,
                        .packets_in = 10,
                        .packets_out = 10,
                        .bytes_in = 5000,
                        .bytes_out = 3000,
                        .outcome = PICKET_ANSWERED};

    if (address_parse(peer, strlen(peer), &flow.peer) != PICKET_OK) {
        abort();
    }
    return flow;
}

/** A report of [start, end) with a heartbeat of 60 s, received at its end. */
static inline struct report rig_report(int64_t start_us, int64_t end_us, struct flow *flows,
                                       size_t count)
{
    struct report report = {.device = "d1",
                            .received_us = end_us,
                            .window_start_us = start_us,
                            .window_end_us = end_us,
                            .flows = flows,
                            .flow_count = count};

    report.head.has_heartbeat = true;
    report.head.heartbeat.interval_ms = 60000;
    return report;
}

static inline void rig_send(struct rig *rig, const struct report *report)
{
    const struct detect_terms terms = {rig->intel, rig->rules, rig->group};

    detect_report(rig->device, report, &terms, rig_take, rig);
}

static inline void rig_look_back(struct rig *rig, const struct detect_past *past)
{
    const struct detect_terms terms = {rig->intel, rig->rules, rig->group};

    detect_past(rig->device, past, &terms, rig_take, rig);
}

static inline void rig_tick(struct rig *rig, int64_t now_us)
{
    detect_tick(rig->device, now_us, rig->rules, rig_take, rig);
}

static inline void rig_finish(struct rig *rig)
{
    detect_finish(rig->device, rig->rules, rig_take, rig);
}

#endif
