/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include <string.h>

#include "agent.h"
#include "collect.h"
#include "configuration.h"
#include "fact.h"
#include "flow.h"
#include "hot.h"
#include "picket/picket.h"
#include "policy.h"
#include "slot.h"

static const struct picket_collector *const collectors[] = {
#if PICKET_COLLECT_HEARTBEAT
    &picket_heartbeat_collector,
#endif
#if PICKET_COLLECT_SYSTEM
    &picket_system_collector,
#endif
    NULL,
};

/*
 * Bytes by which a head can grow until it is built again: the time it was built
 * from one byte to nine, and a clock that has become known. They are kept free,
 * so that a report that fitted once fits the same buffer for ever.
 */
#define HEAD_GROWTH (8u + 10u)

static void fill_clock(const struct picket_agent *agent, struct picket_report_head *head)
{
    uint64_t clock_ms = 0;
    uint64_t age_ms = head->built_ms - head->window_start_ms;

    if (agent->port.clock_ms != NULL) {
        clock_ms = agent->port.clock_ms(agent->port.context);
    }
    if (clock_ms > age_ms) {
        head->has_clock = true;
        head->clock_ms = clock_ms - age_ms;
    }
}

static void fill_counters(const struct picket_agent *agent, struct picket_counters *counters)
{
    const struct picket_window *window = &agent->sealed;

    counters->kept = agent->kept;
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        counters->folded += window->remainder[i].packets_in + window->remainder[i].packets_out;
    }
    counters->malformed = window->malformed;
    counters->filtered = window->filtered;
    counters->dropped = window->dropped;
    counters->seen = counters->kept + counters->folded + counters->malformed + counters->filtered +
                     counters->dropped;
}

static void fill_head(const struct picket_agent *agent, struct picket_report_head *head)
{
    const struct picket_window *window = &agent->sealed;

    memset(head, 0, sizeof(*head));
    head->boot = agent->config.boot;
    head->sequence = agent->sequence;
    head->part = agent->part;
    head->window_start_ms = window->start_ms;
    head->window_ms = window->length_ms;
    head->intervals = window->intervals;
    head->built_ms = agent->uptime_ms;
    fill_clock(agent, head);
    if (agent->part > 0) {
        return;
    }
    head->has_counters = true;
    fill_counters(agent, &head->counters);
    head->has_remainder = true;
    memcpy(head->remainder, window->remainder, sizeof(head->remainder));
    for (size_t i = 0; collectors[i] != NULL; i++) {
        if (collectors[i]->is_due(agent)) {
            collectors[i]->fill(agent, head);
        }
    }
}

/* Of 4 or 16 bytes, which need no call if they are constants. */
static PICKET_HOT void copy_address(uint8_t to[16], const uint8_t *from, size_t bytes)
{
    if (PICKET_FAST && bytes == 16) {
        memcpy(to, from, 16);
    } else {
        memcpy(to, from, PICKET_FAST ? 4 : bytes);
    }
}

/*
 * Puts a sealed flow into words. What *ret has no use for is left as it was, and so
 * is what all flows of the table have alike.
 */
static void describe(const struct picket_flow_table *table, const struct picket_flow *flow,
                     const struct picket_window *window, struct picket_flow_record *ret)
{
    const uint8_t *key = picket_slot_key(flow);
    size_t bytes = table->address_bytes;
    uint32_t selector = flow->selector;

    ret->direction = (enum picket_direction)(flow->traits & TRAIT_DIRECTION);
    ret->kind = (enum picket_flow_kind)(selector >> SELECTOR_KIND_SHIFT & 3u);
    ret->cast = (enum picket_cast)((flow->traits & TRAIT_CAST) >> TRAIT_CAST_SHIFT);
    ret->outcome = (flow->traits & TRAIT_OUTCOME) >> TRAIT_OUTCOME_SHIFT;
    ret->protocol = (uint8_t)selector;
    copy_address(ret->peer, key, bytes);
    ret->has_peer_port = (selector & SELECTOR_AT_PEER) != 0;
    ret->has_local_port = (selector & SELECTOR_AT_LOCAL) != 0;
    ret->peer_port = (uint16_t)(selector >> SELECTOR_PORT_SHIFT);
    ret->local_port = (uint16_t)(selector >> SELECTOR_PORT_SHIFT);
    if (table->is_exact) {
        copy_address(ret->local, key + bytes, bytes);
        ret->local_port = (uint16_t)picket_slot_word(key + 2 * bytes);
    }
    ret->connections = flow->connections;
    ret->packets_in = flow->packets[PICKET_INBOUND];
    ret->packets_out = flow->packets[PICKET_OUTBOUND];
    ret->bytes_in = flow->bytes[PICKET_INBOUND];
    ret->bytes_out = flow->bytes[PICKET_OUTBOUND];
    ret->last_ms = picket_window_offset_ms(window, flow->last_ms);
    ret->first_ms = picket_window_offset_ms(window, flow->first_ms);
    if (ret->first_ms > ret->last_ms) {
        ret->first_ms = 0; /* so long ago that its time has wrapped */
    }
}

/*
 * Puts the sealed flows of slots table->next to @p end, and returns the first
 * slot that found no room, or @p end.
 */
static uint32_t put_flows(const struct picket_agent *agent, const struct picket_flow_table *table,
                          uint32_t end, struct picket_report_writer *writer)
{
    uint32_t slot = writer->flow_count < agent->flows_left ? table->next : end;
    struct picket_flow_record record = {.address_size = table->address_bytes,
                                        .has_local = table->is_exact};

    for (; slot < end; slot++) {
        const struct picket_flow *flow = picket_slot_at(table, slot);

        if ((table->tags[slot] & TAG_BUSY) == 0 || !picket_slot_is_sealed(agent, flow)) {
            continue;
        }
        describe(table, flow, &agent->sealed, &record);
        if (picket_slot_is_icmp(flow->selector)) {
            record.connections = flow->connections > 0;
            if (picket_report_reserve(writer, PICKET_ICMP_ROOM) != PICKET_OK) {
                return slot;
            }
        }
        if (picket_report_put_flow(writer, &record) != PICKET_OK) {
            picket_report_release(writer,
                                  picket_slot_is_icmp(flow->selector) ? PICKET_ICMP_ROOM : 0);
            return slot;
        }
    }
    return end;
}

/* The first part is worth sending without any fact: it has the counters. */
static bool has_progress(const struct picket_agent *agent, uint32_t flows, uint32_t facts)
{
    bool needs_facts = agent->part > 0 && agent->facts.left > 0;

    return flows + facts > 0 || (agent->flows_left == 0 && !needs_facts);
}

/* Built again, a report must have the records it had: it may have arrived. */
static enum picket_status encode(struct picket_agent *agent, uint8_t *buffer, size_t capacity,
                                 size_t *ret_length)
{
    uint32_t ipv4_limit = agent->is_built ? agent->ipv4.end : agent->ipv4.capacity;
    uint32_t ipv6_limit = agent->is_built ? agent->ipv6.end : agent->ipv6.capacity;
    struct picket_report_writer writer;
    struct picket_report_head head;
    enum picket_status status;
    uint32_t ends[2]; /* of the slots that the report covers */
    uint32_t facts = 0;
    size_t room;
    bool has_all_flows;
    bool is_roomy; /* for all facts */

    fill_head(agent, &head);
    if (!agent->is_built) {
        capacity -= capacity < HEAD_GROWTH ? capacity : HEAD_GROWTH;
    }
    status = picket_report_begin(&writer, buffer, capacity, &head, agent->flows_left);
    if (status != PICKET_OK) {
        return status;
    }
    room = writer.cursor.capacity;
    ends[0] = put_flows(agent, &agent->ipv4, ipv4_limit, &writer);
    ends[1] = agent->ipv6.next;
    if (ends[0] == ipv4_limit) {
        ends[1] = put_flows(agent, &agent->ipv6, ipv6_limit, &writer);
    }
    has_all_flows = ends[0] == ipv4_limit && ends[1] == ipv6_limit;
    is_roomy = PICKET_FACTS && agent->facts.left > 0 && has_all_flows &&
               picket_fact_put(agent, &writer, &facts);
    if (PICKET_COLLECT_ICMP && writer.cursor.capacity < room) {
        status = picket_icmp_put(agent, ends, &writer);
    }
    if (is_roomy) {
        picket_fact_put_rest(agent, &writer, &facts);
    }
    if (status != PICKET_OK || (agent->is_built ? !has_all_flows || facts != agent->facts.built
                                                : !has_progress(agent, writer.flow_count, facts))) {
        return PICKET_E_SPACE;
    }
    agent->ipv4.end = ends[0];
    agent->ipv6.end = ends[1];
    agent->facts.built = facts;
    agent->is_built = true;
    picket_report_finish(
        &writer, writer.flow_count < agent->flows_left || facts < agent->facts.left, ret_length);
    return PICKET_OK;
}

enum picket_status picket_build_report(struct picket_agent *agent, uint8_t *buffer, size_t capacity,
                                       size_t *ret_length)
{
    enum picket_status status = PICKET_E_EMPTY;

    if (agent == NULL || buffer == NULL || ret_length == NULL) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    picket_agent_advance(agent);
    picket_policy_end_trial(agent);
    if (!agent->is_sealed && picket_agent_due_ms(agent) == 0) {
        picket_agent_seal(agent);
    }
    if (agent->is_sealed) {
        status = encode(agent, buffer, capacity, ret_length);
    }
    if (status == PICKET_OK) {
        picket_policy_note_built(agent);
    }
    picket_agent_unlock(agent);
    return status;
}

/* Lets go of the flows that the report had. */
static void settle_flows(struct picket_agent *agent, struct picket_flow_table *table)
{
    for (; table->next < table->end; table->next++) {
        if (picket_slot_is_sealed(agent, picket_slot_at(table, table->next))) {
            picket_flow_settle(table, table->next);
            agent->flows_left--;
        }
    }
}

enum picket_status picket_confirm_report(struct picket_agent *agent)
{
    enum picket_status status = PICKET_E_STATE;

    if (agent == NULL) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    if (agent->is_built) {
        settle_flows(agent, &agent->ipv4);
        settle_flows(agent, &agent->ipv6);
        if (PICKET_FACTS) {
            picket_fact_settle(agent);
        }
        agent->sequence++;
        agent->part++;
        agent->is_built = false;
        agent->is_sealed = agent->flows_left > 0 || agent->facts.left > 0;
        picket_policy_note_confirmed(agent);
        if (!agent->is_sealed) {
            picket_configuration_end_window(agent);
        }
        status = PICKET_OK;
    }
    picket_agent_unlock(agent);
    return status;
}
