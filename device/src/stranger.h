/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_STRANGER_H
#define DEVICE_SRC_STRANGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hot.h"
#include "locate.h"
#include "packet.h"
#include "picket/picket.h"
#include "plain.h"
#include "slot.h"

/**
 * The short way of a plain packet that begins a flow: a place is found by tags
 * alone, and written at once. It does what picket_flow_note() does, which has to
 * take all that needs a second thought: flows that the table has already, in
 * whatever state, and those for which one must give way that is not slight.
 */

/** Opens the short way where strangers may take it, and closes it where not. */
static inline void picket_stranger_adapt(struct picket_agent *agent)
{
    if (!PICKET_FAST) {
        return;
    }
    agent->known_state |= STATE_NO_STRANGER;
    if (!agent->is_exact && picket_slot_passed(agent) != 0) {
        agent->known_state &= (uint8_t)~STATE_NO_STRANGER;
    }
}

#if PICKET_FAST && PICKET_RECENT_FLOWS > 0

static PICKET_HOT struct picket_flow_table *picket_stranger_table(struct picket_agent *agent,
                                                                  const struct picket_plain *plain)
{
    return plain->address_bytes == 4 ? &agent->ipv4 : &agent->ipv6;
}

static PICKET_HOT struct picket_flow *picket_stranger_slot(const struct picket_flow_table *table,
                                                           size_t slot,
                                                           const struct picket_plain *plain)
{
    return picket_slot_of(table, slot, sizeof(struct picket_flow) + plain->address_bytes);
}

/* True if a slot that may have the flow by its tag has it. */
static PICKET_HOT bool picket_stranger_is_in(const struct picket_flow_table *table, size_t first,
                                             uint64_t marks, const struct picket_plain *plain,
                                             uint32_t selector)
{
    const uint8_t *peer = picket_plain_peer(plain);
    size_t last = plain->address_bytes - 4u;

    for (; marks != 0; marks &= marks - 1) {
        const struct picket_flow *flow =
            picket_stranger_slot(table, first + picket_slot_pick_lowest(marks), plain);

        if (picket_slot_word(picket_slot_key(flow) + last) == picket_slot_word(peer + last) &&
            flow->selector == selector) {
            return true;
        }
    }
    return false;
}

/* True if there may be a flow of the packet's peer. */
static PICKET_HOT bool picket_stranger_is_known(const struct picket_flow_table *table,
                                                struct picket_groups groups,
                                                const struct picket_plain *plain, uint32_t selector)
{
    uint64_t left = picket_slot_marks(picket_slot_tags(table, groups.left), groups.hash);
    uint64_t right = picket_slot_marks(picket_slot_tags(table, groups.right), groups.hash);

    return (left | right) != 0 &&
           (picket_stranger_is_in(table, groups.left, left, plain, selector) ||
            picket_stranger_is_in(table, groups.right, right, plain, selector));
}

/*
 * Takes a slot for a new flow with @p selector. SLOT_NONE if there is one with that
 * or with @p other already, or none to be had without a search.
 */
static PICKET_HOT size_t picket_stranger_place(struct picket_agent *agent,
                                               const struct picket_plain *plain, uint32_t selector,
                                               uint32_t other)
{
    const struct picket_flow_table *table = picket_stranger_table(agent, plain);
    struct picket_groups groups;
    uint64_t common;
    size_t slot;

    if ((agent->known_state & STATE_NO_STRANGER) != 0 || table->capacity == 0) {
        return SLOT_NONE;
    }
    common = picket_locate_peer(agent->config.hash_key, LOCATE_START, picket_plain_peer(plain),
                                plain->address_bytes);
    groups = picket_locate(table->capacity, common, other);
    if (other != selector && picket_stranger_is_known(table, groups, plain, other)) {
        return SLOT_NONE;
    }
    groups = picket_locate(table->capacity, common, selector);
    if (picket_stranger_is_known(table, groups, plain, selector)) {
        return SLOT_NONE;
    }
    if (picket_slot_has_idle(table, groups.left, groups.right)) {
        slot = picket_slot_idle(table, groups.left, groups.right);
        agent->open.flow_count++;
    } else {
        slot = picket_slot_slight(table, groups.left, groups.right, groups.hash);
        if (slot == SLOT_NONE) {
            return slot;
        }
    }
    table->tags[slot] = (uint8_t)(groups.hash | TAG_BUSY | TAG_SLIGHT);
    return slot;
}

/*
 * The flow is slight: it is counted in its slot, and in the remainder as well. So
 * it can give way without an account.
 */
static PICKET_HOT void picket_stranger_write(struct picket_agent *agent, size_t slot,
                                             const struct picket_plain *plain, uint32_t selector,
                                             enum picket_remainder_class class, unsigned traits)
{
    struct picket_flow *flow =
        picket_stranger_slot(picket_stranger_table(agent, plain), slot, plain);
    struct picket_remainder *remainder = &agent->open.remainder[class];
    bool is_inbound = plain->direction == PICKET_INBOUND;
    bool is_connection = traits != PICKET_DIRECTION_UNKNOWN;

    memset(flow->packets, 0, sizeof(flow->packets));
    memset(flow->bytes, 0, sizeof(flow->bytes));
    flow->packets[plain->direction] = 1;
    flow->bytes[plain->direction] = plain->bytes;
    flow->first_ms = flow->last_ms = (uint32_t)agent->uptime_ms;
    flow->selector = selector;
    flow->connections = is_connection;
    flow->traits = (uint8_t)traits;
    flow->state = agent->known_state & (STATE_WINDOW | STATE_PASSED);
    memcpy(flow + 1, picket_plain_peer(plain), plain->address_bytes);
    remainder->connections += is_connection;
    if (is_inbound) {
        remainder->packets_in++;
        remainder->bytes_in += plain->bytes;
    } else {
        remainder->packets_out++;
        remainder->bytes_out += plain->bytes;
    }
}

/* The selector of its flow, if the port that counts is at the peer's side, or at this one. */
static PICKET_HOT uint32_t picket_stranger_select(const struct picket_plain *plain, bool is_at_peer)
{
    uint32_t ports = picket_plain_ports(plain);
    uint32_t protocol = picket_plain_protocol(plain);

    return is_at_peer ? ports - (uint16_t)ports + protocol + SELECTOR_AT_PEER
                      : (ports << 16) + protocol + SELECTOR_AT_LOCAL;
}

/** Counts a packet that opens a connection; false if picket_flow_note() has to. */
static PICKET_HOT bool picket_stranger_note_opening(struct picket_agent *agent,
                                                    const struct picket_plain *plain)
{
    uint32_t selector = picket_stranger_select(plain, plain->direction == PICKET_OUTBOUND);
    size_t slot = picket_stranger_place(agent, plain, selector, selector);

    if (slot == SLOT_NONE) {
        return false;
    }
    picket_stranger_write(agent, slot, plain, selector, PICKET_REMAINDER_TCP,
                          plain->direction | TRAIT_PENDING);
    return true;
}

/** The same for one that neither opens nor resets a connection. */
static PICKET_HOT bool picket_stranger_note_quiet(struct picket_agent *agent,
                                                  const struct picket_plain *plain)
{
    bool is_tcp = picket_plain_protocol(plain) == PICKET_PROTOCOL_TCP;
    uint32_t ports = picket_plain_ports(plain);
    bool is_at_peer = is_tcp ? ports >> 16 <= (uint16_t)ports : plain->direction == PICKET_OUTBOUND;
    uint32_t selector = picket_stranger_select(plain, is_at_peer);
    size_t slot =
        picket_stranger_place(agent, plain, selector, picket_stranger_select(plain, !is_at_peer));

    if (slot == SLOT_NONE) {
        return false;
    }
    if (is_tcp) {
        picket_stranger_write(agent, slot, plain, selector, PICKET_REMAINDER_TCP,
                              PICKET_DIRECTION_UNKNOWN);
    } else {
        picket_stranger_write(agent, slot, plain, selector, PICKET_REMAINDER_UDP, plain->direction);
    }
    return true;
}

#endif

#endif
