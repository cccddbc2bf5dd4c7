/* SPDX-License-Identifier: MIT */
#include "model/contact.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"

uint16_t contact_outcomes(const struct contact *contact)
{
    return (uint16_t)(contact->flow.outcome | contact->flow.unknown << 8);
}

void contact_set_outcomes(struct contact *contact, uint16_t outcomes)
{
    contact->flow.outcome = (uint8_t)(outcomes & UINT8_MAX);
    contact->flow.unknown = (uint8_t)(outcomes >> 8);
}

struct peer contact_peer(const struct contact *contact)
{
    return (struct peer){.name = contact->flow.peer_name, .address = contact->flow.peer};
}

static bool is_same_peer(const struct flow *a, const struct flow *b)
{
    if (a->peer_name == NULL || b->peer_name == NULL) {
        return a->peer_name == b->peer_name && address_equal(&a->peer, &b->peer);
    }
    return strcmp(a->peer_name, b->peer_name) == 0;
}

bool contact_same(const struct contact *a, const struct contact *b)
{
    return is_same_peer(&a->flow, &b->flow) && a->flow.protocol == b->flow.protocol &&
           a->flow.direction == b->flow.direction && a->flow.peer_port == b->flow.peer_port &&
           a->flow.local_port == b->flow.local_port;
}

static void put_address(struct json *json, const struct address *address)
{
    static const struct address none;

    if (address_equal(address, &none)) {
        json_put_null(json, "address");
    } else {
        address_write_json(json, "address", address);
    }
}

void contact_write_json(struct json *json, const char *key, const struct contact *contact)
{
    const struct flow *flow = &contact->flow;
    char protocol[PROTOCOL_TEXT_MAX];

    protocol_format(flow->protocol, protocol);
    json_open_object(json, key);
    json_put_text(json, "name", flow->peer_name);
    put_address(json, &flow->peer);
    json_put_text(json, "protocol", flow->protocol == 0 ? "name" : protocol);
    json_put_text(json, "direction", direction_name(flow->direction));
    port_write_json(json, "port", flow_service_port(flow));
    outcome_write_json(json, flow->outcome, flow->unknown);
    json_put_uint(json, "reports", contact->reports);
    counts_write_json(json, flow);
    json_put_time(json, "first_seen", flow->first_us);
    json_put_time(json, "last_seen", flow->last_us);
    json_close_object(json);
}
