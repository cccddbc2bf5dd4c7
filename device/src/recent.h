/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_RECENT_H
#define DEVICE_SRC_RECENT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "hot.h"
#include "packet.h"
#include "picket/picket.h"
#include "plain.h"
#include "slot.h"

/**
 * The flow that each peer's packets were found in last, so that most packets need
 * no look-up.
 *
 * An entry is no more than a hint: the slot itself says whose peer, protocol and
 * port it has. A peer's entry is forgotten when a flow of that peer is made, so
 * that what a hint leads to is what a look-up would find.
 */

#if PICKET_RECENT_PEERS > 0

/**
 * The entry that may know of the peer. The factor's first and last byte are of the
 * golden ratio, so that neighbours spread whichever way the processor reads words.
 */
static PICKET_HOT uint16_t *picket_recent_of(struct picket_flow_table *table, const uint8_t *peer,
                                             size_t address_bytes)
{
    uint32_t scattered = picket_slot_word(peer + address_bytes - 4) * 0x9e37799du;

    return &table->recent[(uint64_t)scattered * PICKET_RECENT_PEERS >> 32];
}

static inline void picket_recent_init(struct picket_flow_table *table)
{
    memset(table->recent, 0xff, sizeof(table->recent));
}

static PICKET_HOT void picket_recent_forget(struct picket_flow_table *table,
                                            const struct picket_packet *packet)
{
    *picket_recent_of(table, packet->peer, packet->address_bytes) = UINT16_MAX;
}

static PICKET_HOT void picket_recent_remember(struct picket_flow_table *table,
                                              const struct picket_packet *packet, uint32_t slot)
{
    if (slot < UINT16_MAX) {
        *picket_recent_of(table, packet->peer, packet->address_bytes) = (uint16_t)slot;
    }
}

/* Of a flow that the likelier side has opened: services have the lower ports. */
static PICKET_HOT uint32_t picket_recent_selector(const struct picket_plain *plain)
{
    uint32_t ports = picket_plain_ports(plain);
    uint32_t peer_port = ports >> 16;
    uint32_t local_port = ports & SELECTOR_PORT;
    uint32_t protocol = (uint32_t)picket_plain_protocol(plain) << SELECTOR_PROTOCOL_SHIFT;

    return protocol | (peer_port <= local_port ? SELECTOR_AT_PEER | peer_port
                                               : SELECTOR_AT_LOCAL | local_port);
}

/**
 * Counts a packet whose flow is known, is of the likelier kind, and learns
 * nothing new from it; false if not so. For tables that are not exact.
 */
static PICKET_HOT bool picket_recent_count(struct picket_agent *agent,
                                           struct picket_flow_table *table,
                                           const struct picket_plain *plain, uint32_t now_ms)
{
    unsigned direction = plain->direction;
    const uint8_t *peer = picket_plain_peer(plain);
    uint32_t slot = *picket_recent_of(table, peer, plain->address_bytes);
    struct picket_flow *flow;

    if (slot >= table->capacity) {
        return false;
    }
    flow = picket_slot_at(table, slot);
    if (memcmp(picket_slot_key(flow), peer, plain->address_bytes) != 0 ||
        flow->state != agent->open_state ||
        (picket_plain_tcp_flags(plain) & (PICKET_TCP_SYN | PICKET_TCP_RST)) != 0 ||
        flow->bytes[direction] > UINT32_MAX - plain->bytes ||
        flow->selector != picket_recent_selector(plain)) {
        return false;
    }
    picket_slot_count(flow, direction, plain->bytes, now_ms);
    picket_slot_judge_answer(flow, direction);
    agent->open.counters.kept++;
    return true;
}

#else

static inline void picket_recent_init(struct picket_flow_table *table)
{
    (void)table;
}

static inline void picket_recent_forget(struct picket_flow_table *table,
                                        const struct picket_packet *packet)
{
    (void)table;
    (void)packet;
}

static inline void picket_recent_remember(struct picket_flow_table *table,
                                          const struct picket_packet *packet, uint32_t slot)
{
    (void)table;
    (void)packet;
    (void)slot;
}

#endif

#endif
