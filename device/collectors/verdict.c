/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <string.h>

#include "fact.h"
#include "picket/picket.h"
#include "standing.h"

/* Key of a fact; what of the address is not in use is cut off. */
struct verdict_key {
    uint32_t revision;
    uint16_t port;
    uint8_t has_port;
    uint8_t direction;
    uint8_t cause;
    uint8_t rule;
    uint8_t protocol;
    uint8_t address_size;
    uint8_t peer[16];
};

struct verdict {
    uint32_t packets;
    uint32_t blocked;
};

#if PICKET_POLICY
/* The service's port, as picket_flow_record has it. */
static uint16_t port_of(const struct picket_activity *activity)
{
    bool is_at_peer = activity->direction == PICKET_OUTBOUND ||
                      (activity->direction == PICKET_DIRECTION_UNKNOWN &&
                       activity->peer_port <= activity->local_port);

    return is_at_peer ? activity->peer_port : activity->local_port;
}

/* Of the policy in effect; of the indicators, if none is. */
static uint32_t revision_of(struct picket_agent *agent)
{
    uint32_t revision = picket_standing_of(agent, PICKET_SETTINGS_POLICY)->revision;

    return revision != 0 ? revision
                         : picket_standing_of(agent, PICKET_SETTINGS_INDICATORS)->revision;
}

void picket_verdict_note(struct picket_agent *agent, const struct picket_activity *activity,
                         enum picket_verdict_cause cause, uint32_t rule, bool is_blocked)
{
    struct verdict_key key = {
        .revision = revision_of(agent),
        .port = port_of(activity),
        .has_port = activity->has_ports,
        .direction = (uint8_t)activity->direction,
        .cause = (uint8_t)cause,
        .rule = (uint8_t)rule, /* one of PICKET_RULES_MAX */
        .protocol = activity->protocol,
        .address_size = activity->address_size,
    };
    size_t key_bytes = offsetof(struct verdict_key, peer) + activity->address_size;
    struct picket_fact_key fact_key = {(const uint8_t *)&key, key_bytes, "", 0};
    struct picket_fact *fact;

    memcpy(key.peer, activity->peer, activity->address_size);
    fact = picket_fact_note(agent, PICKET_SECTION_VERDICTS, &fact_key, sizeof(struct verdict));
    if (fact != NULL) {
        struct verdict *verdict = picket_fact_body(fact);

        verdict->packets += verdict->packets < UINT32_MAX;
        verdict->blocked += is_blocked && verdict->blocked < UINT32_MAX;
    }
}
#endif

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const struct verdict *verdict = picket_fact_body(fact);
    struct verdict_key key = {0};
    struct picket_verdict_record record = {.packets = verdict->packets,
                                           .blocked = verdict->blocked};

    (void)agent;
    memcpy(&key, picket_fact_key(fact), fact->key_bytes);
    record.direction = (enum picket_direction)key.direction;
    record.cause = (enum picket_verdict_cause)key.cause;
    record.protocol = key.protocol;
    record.address_size = key.address_size;
    record.has_port = key.has_port;
    record.port = key.port;
    record.rule = key.rule;
    record.revision = key.revision;
    memcpy(record.peer, key.peer, key.address_size);
    return picket_report_put_verdict(writer, &record);
}

const struct picket_fact_collector picket_verdict_collector = {PICKET_SECTION_VERDICTS, put};
