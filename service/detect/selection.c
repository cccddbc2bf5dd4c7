/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/judge.h"

struct sorting {
    const struct judging *judging;
    const struct selection *selection;
};

static int compare_flows(const void *left, const void *right, void *context)
{
    const struct flow *a = *(const struct flow *const *)left;
    const struct flow *b = *(const struct flow *const *)right;
    const struct sorting *sorting = context;
    int order = sorting->selection->compare(sorting->judging, a, b);

    if (order == 0) {
        order = (a->first_us > b->first_us) - (a->first_us < b->first_us);
    }
    /* both lie in the report's array: its order decides last */
    return order != 0 ? order : (a > b) - (a < b);
}

static size_t count_wanted(const struct judging *judging, const struct selection *selection)
{
    size_t count = 0;

    for (size_t i = 0; i < judging->report->flow_count; i++) {
        count += selection->is_wanted(judging, &judging->report->flows[i]);
    }
    return count;
}

/** Copies the wanted flows, sorted, to @p flows; @p order is scratch of the same count. */
static void collect(const struct judging *judging, const struct selection *selection,
                    const struct flow **order, struct flow *flows)
{
    struct sorting sorting = {.judging = judging, .selection = selection};
    size_t count = 0;

    for (size_t i = 0; i < judging->report->flow_count; i++) {
        if (selection->is_wanted(judging, &judging->report->flows[i])) {
            order[count++] = &judging->report->flows[i];
        }
    }
    qsort_r(order, count, sizeof(*order), compare_flows, &sorting);
    for (size_t i = 0; i < count; i++) {
        flows[i] = *order[i];
    }
}

static void judge_each(const struct judging *judging, const struct selection *selection)
{
    for (size_t i = 0; i < judging->report->flow_count; i++) {
        if (selection->is_wanted(judging, &judging->report->flows[i])) {
            selection->judge(judging, &judging->report->flows[i], 1);
        }
    }
}

void selection_judge(const struct judging *judging, const struct selection *selection)
{
    size_t count = count_wanted(judging, selection);
    const struct flow **order;
    struct flow *flows;

    if (count == 0) {
        return;
    }
    order = malloc(count * sizeof(*order));
    flows = malloc(count * sizeof(*flows));
    if (order == NULL || flows == NULL) {
        judge_each(judging, selection);
        count = 0;
    } else {
        collect(judging, selection, order, flows);
    }
    for (size_t begin = 0, end = 0; begin < count; begin = end) {
        while (end < count && selection->compare(judging, &flows[begin], &flows[end]) == 0) {
            end++;
        }
        selection->judge(judging, flows + begin, end - begin);
    }
    free(order);
    free(flows);
}

int compare_peers(const struct judging *judging, const struct flow *a, const struct flow *b)
{
    (void)judging;
    return memcmp(a->peer.bytes, b->peer.bytes, sizeof(a->peer.bytes));
}

void finding_explain(struct finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(finding->reason, sizeof(finding->reason), format, arguments);
    va_end(arguments);
}

void finding_take_window(struct finding *finding, const struct detect_device *state,
                         const struct windows *windows, const struct window *window)
{
    int64_t end_us = window_end_us(windows, window);

    finding->first_us = finding->measure.start_us = window_start_us(windows, window);
    finding->measure.end_us = end_us;
    finding->last_us = state->event_us < end_us ? state->event_us : end_us;
}

void finding_take_flows(struct finding *finding, const struct flow *flows, size_t count,
                        struct flow *ret_total)
{
    struct flow total = flows[0];

    for (size_t i = 1; i < count; i++) {
        flow_add(&total, &flows[i]);
    }
    finding->first_us = total.first_us;
    finding->last_us = total.last_us;
    finding->flows = flows;
    finding->flow_count = count;
    if (ret_total != NULL) {
        *ret_total = total;
    }
}

bool is_answered(const struct flow *flow)
{
    return (flow->outcome & (PICKET_ANSWERED | PICKET_RESET)) != 0 ||
           (flow->outcome == 0 && flow_is_both_ways(flow));
}

void service_format(const struct flow *flow, char ret_text[SERVICE_TEXT_MAX])
{
    char protocol[PROTOCOL_TEXT_MAX];
    int32_t port = flow_service_port(flow);

    protocol_format(flow->protocol, protocol);
    if (port == FLOW_PORT_UNKNOWN) {
        snprintf(ret_text, SERVICE_TEXT_MAX, "%s", protocol);
    } else {
        snprintf(ret_text, SERVICE_TEXT_MAX, "%s/%u", protocol, (unsigned)port & UINT16_MAX);
    }
}

struct flow flow_of_verdict(const struct judging *judging, const struct verdict *verdict)
{
    bool is_inbound = verdict->direction == PICKET_INBOUND;

    return (struct flow){.direction = verdict->direction,
                         .protocol = verdict->protocol,
                         .peer = verdict->peer,
                         .peer_port = is_inbound ? FLOW_PORT_UNKNOWN : verdict->port,
                         .local_port = is_inbound ? verdict->port : FLOW_PORT_UNKNOWN,
                         .packets_in = is_inbound ? verdict->packets : 0,
                         .packets_out = is_inbound ? 0 : verdict->packets,
                         .first_us = judging->report->window_start_us,
                         .last_us = judging->report->window_end_us};
}
