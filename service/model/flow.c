/* SPDX-License-Identifier: MIT */
#include "model/flow.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/fields.h"
#include "picket/facts.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const direction_names[] = {
    [PICKET_OUTBOUND] = "outbound",
    [PICKET_INBOUND] = "inbound",
    [PICKET_DIRECTION_UNKNOWN] = "unknown",
};

static const char *const kind_names[] = {
    [PICKET_KIND_WHOLE] = "whole",
    [PICKET_KIND_FRAGMENT] = "fragment",
    [PICKET_KIND_CUT] = "cut",
    [PICKET_KIND_BAD_LENGTH] = "bad_length",
};

static const char *const cast_names[] = {
    [PICKET_UNICAST] = "unicast",
    [PICKET_MULTICAST] = "multicast",
    [PICKET_BROADCAST] = "broadcast",
    [PICKET_LOOPBACK] = "loopback",
};

/* Strongest first. */
static const struct {
    enum picket_outcome outcome;
    const char *name;
} outcomes[] = {
    {PICKET_ANSWERED, "answered"},
    {PICKET_RESET, "reset"},
    {PICKET_REFUSED, "refused"},
};
#define OUTCOMES COUNT_OF(outcomes)

static const struct {
    uint8_t number;
    const char *name;
} protocols[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"}, {58, "icmpv6"}};

/* By bit of enum flow_unknown. */
static const char *const unknown_names[] = {"connections", "packets", "bytes",
                                            "ip_headers",  "outcome", "times"};

bool flow_is_service_peers(const struct flow *flow)
{
    return flow->direction == PICKET_OUTBOUND || flow->local_port == FLOW_PORT_UNKNOWN ||
           (flow->direction == PICKET_DIRECTION_UNKNOWN && flow->peer_port != FLOW_PORT_UNKNOWN &&
            flow->peer_port <= flow->local_port);
}

int32_t flow_service_port(const struct flow *flow)
{
    return flow_is_service_peers(flow) ? flow->peer_port : flow->local_port;
}

bool flow_is_both_ways(const struct flow *flow)
{
    if ((flow->unknown & FLOW_PACKETS_UNKNOWN) == 0) {
        return flow->packets_in > 0 && flow->packets_out > 0;
    }
    return flow->bytes_in > 0 && flow->bytes_out > 0;
}

bool flow_is_inward(const struct flow *flow)
{
    if ((flow->unknown & FLOW_PACKETS_UNKNOWN) == 0) {
        return flow->packets_out == 0;
    }
    return (flow->unknown & FLOW_BYTES_UNKNOWN) == 0 && flow->bytes_out == 0;
}

void protocol_format(uint8_t protocol, char ret_text[PROTOCOL_TEXT_MAX])
{
    for (size_t i = 0; i < COUNT_OF(protocols); i++) {
        if (protocols[i].number == protocol) {
            snprintf(ret_text, PROTOCOL_TEXT_MAX, "%s", protocols[i].name);
            return;
        }
    }
    snprintf(ret_text, PROTOCOL_TEXT_MAX, "ip-%u", protocol);
}

/* Tries all there are, for there are few. */
bool protocol_parse(const char *text, uint8_t *ret)
{
    char name[PROTOCOL_TEXT_MAX];

    for (unsigned protocol = 0; protocol <= UINT8_MAX; protocol++) {
        protocol_format((uint8_t)protocol, name);
        if (strcmp(name, text) == 0) {
            *ret = (uint8_t)protocol;
            return true;
        }
    }
    return false;
}

const char *direction_name(enum picket_direction direction)
{
    return direction_names[direction];
}

const char *kind_name(enum picket_flow_kind kind)
{
    return kind_names[kind];
}

const char *cast_name(enum picket_cast cast)
{
    return cast_names[cast];
}

const char *outcome_name(uint8_t outcome, uint8_t unknown)
{
    for (size_t i = 0; i < OUTCOMES; i++) {
        if ((outcome & outcomes[i].outcome) != 0) {
            return outcomes[i].name;
        }
    }
    return (unknown & FLOW_OUTCOME_UNKNOWN) != 0 ? "unknown" : "unanswered";
}

bool flow_same(const struct flow *a, const struct flow *b)
{
    return a->direction == b->direction && a->kind == b->kind && a->cast == b->cast &&
           a->protocol == b->protocol && a->peer_port == b->peer_port &&
           a->local_port == b->local_port && a->has_local == b->has_local &&
           address_equal(&a->peer, &b->peer) &&
           (!a->has_local || address_equal(&a->local, &b->local));
}

void flow_count_add(uint64_t *sum, uint64_t more)
{
    *sum = *sum > FLOW_COUNT_MAX || more > FLOW_COUNT_MAX - *sum ? FLOW_COUNT_MAX : *sum + more;
}

void flow_add(struct flow *flow, const struct flow *more)
{
    flow->outcome |= more->outcome;
    flow->unknown |= more->unknown;
    flow_count_add(&flow->connections, more->connections);
    flow_count_add(&flow->packets_in, more->packets_in);
    flow_count_add(&flow->packets_out, more->packets_out);
    flow_count_add(&flow->bytes_in, more->bytes_in);
    flow_count_add(&flow->bytes_out, more->bytes_out);
    if (more->first_us < flow->first_us) {
        flow->first_us = more->first_us;
    }
    if (more->last_us > flow->last_us) {
        flow->last_us = more->last_us;
    }
}

static void put_count(struct json *json, const char *key, uint64_t count, bool is_unknown)
{
    if (is_unknown) {
        json_put_null(json, key);
    } else {
        json_put_uint(json, key, count < FLOW_COUNT_MAX ? count : FLOW_COUNT_MAX);
    }
}

void counts_write_json(struct json *json, const struct flow *flow)
{
    bool no_packets = (flow->unknown & FLOW_PACKETS_UNKNOWN) != 0;
    bool no_bytes = (flow->unknown & FLOW_BYTES_UNKNOWN) != 0;

    put_count(json, "connections", flow->connections,
              (flow->unknown & FLOW_CONNECTIONS_UNKNOWN) != 0);
    put_count(json, "packets_in", flow->packets_in, no_packets);
    put_count(json, "packets_out", flow->packets_out, no_packets);
    put_count(json, "bytes_in", flow->bytes_in, no_bytes);
    put_count(json, "bytes_out", flow->bytes_out, no_bytes);
    if (flow->unknown == 0) {
        return;
    }
    json_open_array(json, "unknown");
    for (size_t bit = 0; bit < COUNT_OF(unknown_names); bit++) {
        if ((flow->unknown >> bit & 1u) != 0) {
            json_put_text(json, NULL, unknown_names[bit]);
        }
    }
    json_close_array(json);
}

void port_write_json(struct json *json, const char *key, int32_t port)
{
    if (port == FLOW_PORT_UNKNOWN) {
        json_put_null(json, key);
    } else {
        json_put_int(json, key, port);
    }
}

void outcome_write_json(struct json *json, uint8_t outcome, uint8_t unknown)
{
    json_put_text(json, "outcome", outcome_name(outcome, unknown));
    json_open_array(json, "outcomes");
    for (size_t i = 0; i < OUTCOMES; i++) {
        if ((outcome & outcomes[i].outcome) != 0) {
            json_put_text(json, NULL, outcomes[i].name);
        }
    }
    json_close_array(json);
}

void flow_write_json(struct json *json, const char *key, const struct flow *flow)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(flow->protocol, protocol);
    json_open_object(json, key);
    json_put_text(json, "direction", direction_name(flow->direction));
    json_put_text(json, "kind", kind_name(flow->kind));
    json_put_text(json, "cast", cast_name(flow->cast));
    outcome_write_json(json, flow->outcome, flow->unknown);
    json_put_text(json, "protocol", protocol);
    address_write_json(json, "peer", &flow->peer);
    json_put_text(json, "peer_name", flow->peer_name);
    if (flow->has_local) {
        address_write_json(json, "local", &flow->local);
    } else {
        json_put_null(json, "local");
    }
    port_write_json(json, "peer_port", flow->peer_port);
    port_write_json(json, "local_port", flow->local_port);
    counts_write_json(json, flow);
    json_put_time(json, "first_seen", flow->first_us);
    json_put_time(json, "last_seen", flow->last_us);
    json_close_object(json);
}

static uint8_t read_outcomes(struct fields *fields)
{
    json_t *array = fields_get_array(fields, "outcomes");
    uint8_t set = 0;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        size_t row = 0;

        while (row < OUTCOMES && (name == NULL || strcmp(name, outcomes[row].name) != 0)) {
            row++;
        }
        if (row == OUTCOMES) {
            fields_fail(fields, "outcomes");
            return 0;
        }
        set |= (uint8_t)outcomes[row].outcome;
    }
    return set;
}

/* Nothing is unknown in what was stored before anything could be. */
static uint8_t read_unknown(struct fields *fields)
{
    uint8_t set = 0;
    json_t *array;

    if (json_object_get(fields->object, "unknown") == NULL) {
        return 0;
    }
    array = fields_get_array(fields, "unknown");
    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *name = json_string_value(json_array_get(array, i));
        size_t bit = 0;

        while (bit < COUNT_OF(unknown_names) &&
               (name == NULL || strcmp(name, unknown_names[bit]) != 0)) {
            bit++;
        }
        if (bit == COUNT_OF(unknown_names)) {
            fields_fail(fields, "unknown");
            return 0;
        }
        set |= (uint8_t)(1u << bit);
    }
    return set;
}

/* Null, and only null, if it is unknown. */
static uint64_t read_count(struct fields *fields, const char *name, bool is_unknown)
{
    if (!is_unknown) {
        return fields_get_uint(fields, name, FLOW_COUNT_MAX);
    }
    if (!fields_is_null(fields, name)) {
        fields_fail(fields, name);
    }
    return 0;
}

static void read_counts(struct fields *fields, struct flow *flow)
{
    bool no_packets, no_bytes;

    flow->unknown = read_unknown(fields);
    no_packets = (flow->unknown & FLOW_PACKETS_UNKNOWN) != 0;
    no_bytes = (flow->unknown & FLOW_BYTES_UNKNOWN) != 0;
    flow->connections =
        read_count(fields, "connections", (flow->unknown & FLOW_CONNECTIONS_UNKNOWN) != 0);
    flow->packets_in = read_count(fields, "packets_in", no_packets);
    flow->packets_out = read_count(fields, "packets_out", no_packets);
    flow->bytes_in = read_count(fields, "bytes_in", no_bytes);
    flow->bytes_out = read_count(fields, "bytes_out", no_bytes);
}

static uint8_t read_protocol(struct fields *fields)
{
    uint8_t protocol = 0;

    if (!protocol_parse(fields_get_text(fields, "protocol"), &protocol)) {
        fields_fail(fields, "protocol");
    }
    return protocol;
}

static struct address read_address(struct fields *fields, const char *name)
{
    const char *text = fields_get_text(fields, name);
    struct address address = {{0}};

    if (address_parse(text, strlen(text), &address) != PICKET_OK) {
        fields_fail(fields, name);
    }
    return address;
}

/* NULL if it is null, or missing in what was stored before there were names. */
static const char *read_name(struct fields *fields, const char *name)
{
    const char *text;

    if (json_object_get(fields->object, name) == NULL || fields_is_null(fields, name)) {
        return NULL;
    }
    text = fields_get_text(fields, name);
    if (text[0] == '\0' || strlen(text) > PICKET_NAME_MAX) {
        fields_fail(fields, name);
    }
    return text;
}

static int32_t read_port(struct fields *fields, const char *name)
{
    return fields_is_null(fields, name) ? FLOW_PORT_UNKNOWN
                                        : (int32_t)fields_get_uint(fields, name, UINT16_MAX);
}

const char *flow_read_json(struct json_t *object, struct flow *ret)
{
    struct fields fields;
    struct flow flow = {0};

    fields_init(&fields, object);
    flow.direction = (enum picket_direction)fields_get_choice(&fields, "direction", direction_names,
                                                              COUNT_OF(direction_names));
    flow.kind =
        (enum picket_flow_kind)fields_get_choice(&fields, "kind", kind_names, COUNT_OF(kind_names));
    flow.cast =
        (enum picket_cast)fields_get_choice(&fields, "cast", cast_names, COUNT_OF(cast_names));
    flow.outcome = read_outcomes(&fields);
    flow.protocol = read_protocol(&fields);
    flow.peer = read_address(&fields, "peer");
    flow.peer_name = read_name(&fields, "peer_name");
    flow.has_local = !fields_is_null(&fields, "local");
    if (flow.has_local) {
        flow.local = read_address(&fields, "local");
    }
    flow.peer_port = read_port(&fields, "peer_port");
    flow.local_port = read_port(&fields, "local_port");
    read_counts(&fields, &flow);
    flow.first_us = fields_get_time(&fields, "first_seen");
    flow.last_us = fields_get_time(&fields, "last_seen");
    if (fields.fault == NULL) {
        *ret = flow;
    }
    return fields.fault;
}
