/* SPDX-License-Identifier: MIT */
/* CA_ACTIVE_CONNECTIONS: how many flows are alive in a window, or are opened in it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "detect/judge.h"

static uint64_t at_least_one(uint64_t connections)
{
    return connections > 0 ? connections : 1;
}

/** Where connections are not told, each pair of ports is one at least. */
static int64_t ports_of(const struct flow *flow)
{
    return (flow->unknown & FLOW_CONNECTIONS_UNKNOWN) == 0
               ? flow_service_port(flow)
               : flow->peer_port * INT64_C(65537) + flow->local_port;
}

/** By what makes a flow distinct: peer, service port, protocol, direction. */
static int compare_flows(const struct flow *a, const struct flow *b)
{
    int order = memcmp(a->peer.bytes, b->peer.bytes, sizeof(a->peer.bytes));
    int64_t a_ports = ports_of(a), b_ports = ports_of(b);

    if (order == 0) {
        order = (a_ports > b_ports) - (a_ports < b_ports);
    }
    if (order == 0) {
        order = (a->protocol > b->protocol) - (a->protocol < b->protocol);
    }
    return order != 0 ? order : (a->direction > b->direction) - (a->direction < b->direction);
}

static int compare_times(const void *left, const void *right)
{
    const struct flow *a = left, *b = right;
    int order = (a->first_us > b->first_us) - (a->first_us < b->first_us);

    return order != 0 ? order : compare_flows(a, b);
}

static size_t find_place(const struct window *window, const struct flow *flow)
{
    size_t low = 0;

    for (size_t left = window->flow_count; left > 0;) {
        size_t half = left / 2;

        if (compare_flows(&window->flows[low + half], flow) < 0) {
            low += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return low;
}

static bool reserve(struct windows *windows, struct window *window)
{
    size_t capacity = window->flow_capacity == 0 ? 8 : 2 * window->flow_capacity;
    struct flow *flows;

    if (windows->flow_count == WINDOW_FLOWS_MAX) {
        return false;
    }
    if (window->flow_count < window->flow_capacity) {
        return true;
    }
    flows = realloc(window->flows, capacity * sizeof(*flows));
    if (flows == NULL) {
        return false;
    }
    window->flows = flows;
    window->flow_capacity = capacity;
    return true;
}

static void note(struct windows *windows, struct window *window, const struct flow *flow)
{
    size_t place = find_place(window, flow);

    if (place < window->flow_count && compare_flows(&window->flows[place], flow) == 0) {
        flow_add(&window->flows[place], flow);
        return;
    }
    if (!reserve(windows, window)) {
        count_add(&window->beyond, at_least_one(flow->connections));
        return;
    }
    memmove(window->flows + place + 1, window->flows + place,
            (window->flow_count - place) * sizeof(*window->flows));
    window->flows[place] = *flow;
    window->flows[place].peer_name = NULL; /* the report's, which the window outlives */
    window->flow_count++;
    windows->flow_count++;
}

static uint64_t count_connections(const struct window *window)
{
    uint64_t count = window->beyond;

    for (size_t i = 0; i < window->flow_count; i++) {
        count_add(&count, at_least_one(window->flows[i].connections));
    }
    return count;
}

/** The flows as evidence, by time; their order by key is not needed any more: the window closes. */
static void take_evidence(struct finding *finding, struct window *window)
{
    if (window->flow_count > 0) {
        qsort(window->flows, window->flow_count, sizeof(*window->flows), compare_times);
    }
    finding->flows = window->flows;
    finding->flow_count = window->flow_count;
}

static void tell(const struct judging *judging, struct window *window, enum finding_kind kind)
{
    const struct rule_connections *rule = &judging->rules->connections;
    uint64_t count = count_connections(window);
    struct finding finding = {.kind = kind,
                              .type = "CA_ACTIVE_CONNECTIONS",
                              .severity = SEVERITY_LOW,
                              .key = "active_connections",
                              .measure = {.is_set = true,
                                          .name = "active_connections",
                                          .observed = (int64_t)count,
                                          .min = rule->min,
                                          .max = rule->max}};
    char length[TIME_TEXT_MAX];

    finding_take_window(&finding, judging->state, &judging->state->connections, window);
    duration_say(rule->window_us, length);
    if (kind == FINDING_ALERT) {
        take_evidence(&finding, window);
        finding_explain(&finding,
                        "%" PRIu64 " active connections in a window of %s; allowed are %" PRId64
                        " to %" PRId64 "%s.",
                        count, length, rule->min, rule->max,
                        window->beyond == 0 ? "" : " (too many for telling repeats apart)");
    } else {
        finding_explain(&finding,
                        "Active connections were within %" PRId64 " to %" PRId64
                        " in two windows of %s in a row.",
                        rule->min, rule->max, length);
    }
    judging_emit(judging, &rule->rule, &finding);
}

/** A count can be too small only where the device lived through the window and told of all. */
static bool is_violated(const struct judging *judging, const struct window *window)
{
    const struct rule_connections *rule = &judging->rules->connections;
    uint64_t count = count_connections(window);
    bool is_min_judged = window->has_heartbeat && !window->is_least &&
                         window->number > judging->state->connections.first_number;

    return count > (uint64_t)rule->max || (is_min_judged && count < (uint64_t)rule->min);
}

static void close_oldest(const struct judging *judging)
{
    struct windows *windows = &judging->state->connections;
    struct window *window = &windows->items[0];
    bool is_wrong = is_violated(judging, window);

    if (is_wrong) {
        tell(judging, window, FINDING_ALERT);
    }
    if (windows_note_verdict(windows, is_wrong)) {
        tell(judging, window, FINDING_ALERT_OVER);
    }
    windows_close_oldest(windows);
}

/** The windows that a report touches; of a very long one, the last that can be open. */
struct span {
    int64_t first;
    int64_t last;
};

static struct span span_of(const struct report *report, int64_t length_us)
{
    bool is_empty = report->window_end_us <= report->window_start_us;
    struct span span = {.first = window_number(report->window_start_us, length_us)};

    span.last = is_empty ? span.first : window_number(report->window_end_us - 1, length_us);
    if (span.last - span.first >= (int64_t)WINDOWS_MAX) {
        span.first = span.last - (int64_t)WINDOWS_MAX + 1;
    }
    return span;
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/**
 * Counts one flow in every window it touches. Its connections are spread evenly:
 * a report that waited for its link covers hours, and not all was opened at its
 * start. Its packets and bytes go to the first window alone, so that sums stay exact.
 */
static void note_flow(struct windows *windows, struct span span, const struct flow *flow)
{
    struct flow share = *flow;
    int64_t first = clamp(window_number(flow->first_us, windows->length_us), span.first, span.last);
    int64_t last = clamp(window_number(flow->last_us, windows->length_us), first, span.last);
    uint64_t touched = (uint64_t)(last - first) + 1;

    share.connections = flow->connections / touched + (flow->connections % touched != 0);
    for (int64_t number = first; number <= last; number++) {
        struct window *window = windows_open(windows, number);

        if (window != NULL) {
            window->is_least |= (flow->unknown & FLOW_CONNECTIONS_UNKNOWN) != 0;
            note(windows, window, &share);
            share.packets_in = share.packets_out = share.bytes_in = share.bytes_out = 0;
        }
    }
}

static void open_windows(const struct judging *judging, struct span span)
{
    struct windows *windows = &judging->state->connections;

    if (!windows->has_first) {
        windows->has_first = true;
        windows->first_number = span.last;
    }
    for (int64_t number = span.first; number <= span.last; number++) {
        struct window *window;

        while (windows->count == WINDOWS_MAX && windows->items[0].number < number) {
            close_oldest(judging);
        }
        window = windows_open(windows, number);
        if (window != NULL) {
            window->has_heartbeat |= judging->report->head.has_heartbeat;
        }
    }
}

void connections_report(const struct judging *judging)
{
    const struct report *report = judging->report;
    struct windows *windows = &judging->state->connections;
    struct span span;

    windows_set_length(windows, judging->rules->connections.window_us);
    span = span_of(report, windows->length_us);
    open_windows(judging, span);
    for (size_t i = 0; i < report->flow_count; i++) {
        if (report->flows[i].cast == PICKET_UNICAST && report->flows[i].kind == PICKET_KIND_WHOLE) {
            note_flow(windows, span, &report->flows[i]);
        }
    }
    while (windows_is_due(windows, judging->state->event_us, judging->state->interval_ms)) {
        close_oldest(judging);
    }
}

void connections_finish(const struct judging *judging)
{
    struct windows *windows = &judging->state->connections;

    for (size_t i = 0; i < windows->count; i++) {
        if (count_connections(&windows->items[i]) > (uint64_t)judging->rules->connections.max) {
            tell(judging, &windows->items[i], FINDING_ALERT);
        }
    }
    windows_forget(windows);
}

void connections_off(const struct judging *judging)
{
    windows_forget(&judging->state->connections);
}
