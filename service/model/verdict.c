/* SPDX-License-Identifier: MIT */
#include "model/verdict.h"

#include <string.h>

#include "base/json.h"
#include "model/fact.h"
#include "model/fields.h"
#include "model/flow.h"

struct verdict verdict_from_record(const struct picket_verdict_record *record)
{
    return (struct verdict){
        .direction = record->direction,
        .cause = record->cause,
        .protocol = record->protocol,
        .peer = address_from_bytes(record->peer, record->address_size),
        .port = record->has_port ? record->port : FLOW_PORT_UNKNOWN,
        .rule = record->rule,
        .revision = record->revision,
        .packets = record->packets,
        .blocked = record->blocked,
    };
}

bool verdict_same(const struct verdict *a, const struct verdict *b)
{
    return a->direction == b->direction && a->cause == b->cause && a->protocol == b->protocol &&
           address_equal(&a->peer, &b->peer) && a->port == b->port && a->rule == b->rule &&
           a->revision == b->revision;
}

void verdict_add(struct verdict *verdict, const struct verdict *more)
{
    flow_count_add(&verdict->packets, more->packets);
    flow_count_add(&verdict->blocked, more->blocked);
}

void verdict_write_json(struct json *json, const char *key, const struct verdict *verdict)
{
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(verdict->protocol, protocol);
    json_open_object(json, key);
    json_put_text(json, "direction", direction_name(verdict->direction));
    json_put_text(json, "cause", verdict_cause_name(verdict->cause));
    json_put_text(json, "protocol", protocol);
    address_write_json(json, "peer", &verdict->peer);
    port_write_json(json, "port", verdict->port);
    if (verdict->cause == PICKET_CAUSE_RULE) {
        json_put_uint(json, "rule", verdict->rule);
    } else {
        json_put_null(json, "rule");
    }
    json_put_uint(json, "revision", verdict->revision);
    json_put_uint(json, "packets", verdict->packets);
    json_put_uint(json, "blocked", verdict->blocked);
    json_close_object(json);
}

static enum picket_direction read_direction(struct fields *fields)
{
    const char *const names[] = {direction_name(PICKET_OUTBOUND), direction_name(PICKET_INBOUND),
                                 direction_name(PICKET_DIRECTION_UNKNOWN)};

    return (enum picket_direction)fields_get_choice(fields, "direction", names, 3);
}

static enum picket_verdict_cause read_cause(struct fields *fields)
{
    const char *const names[] = {verdict_cause_name(PICKET_CAUSE_RULE),
                                 verdict_cause_name(PICKET_CAUSE_OTHERS),
                                 verdict_cause_name(PICKET_CAUSE_INDICATOR)};

    return (enum picket_verdict_cause)(PICKET_CAUSE_RULE +
                                       fields_get_choice(fields, "cause", names, 3));
}

const char *verdict_read_json(struct json_t *object, struct verdict *ret)
{
    struct fields fields;
    struct verdict verdict = {.port = FLOW_PORT_UNKNOWN};
    const char *peer;

    fields_init(&fields, object);
    verdict.direction = read_direction(&fields);
    verdict.cause = read_cause(&fields);
    if (!protocol_parse(fields_get_text(&fields, "protocol"), &verdict.protocol)) {
        fields_fail(&fields, "protocol");
    }
    peer = fields_get_text(&fields, "peer");
    if (address_parse(peer, strlen(peer), &verdict.peer) != PICKET_OK) {
        fields_fail(&fields, "peer");
    }
    if (!fields_is_null(&fields, "port")) {
        verdict.port = (int32_t)fields_get_uint(&fields, "port", UINT16_MAX);
    }
    if (!fields_is_null(&fields, "rule")) {
        verdict.rule = (uint32_t)fields_get_uint(&fields, "rule", UINT32_MAX);
    }
    verdict.revision = (uint32_t)fields_get_uint(&fields, "revision", UINT32_MAX);
    verdict.packets = fields_get_uint(&fields, "packets", FLOW_COUNT_MAX);
    verdict.blocked = fields_get_uint(&fields, "blocked", FLOW_COUNT_MAX);
    if (fields.fault == NULL) {
        *ret = verdict;
    }
    return fields.fault;
}
