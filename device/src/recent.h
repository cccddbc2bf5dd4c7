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
 * The flows of recent conversations, so that most packets need no look-up.
 *
 * For a few peers, two entries say in which slot the last look-up found the flow
 * of a pair of ports; whose peer and protocol they are, the slot itself says. A
 * peer's entries are forgotten when a flow of that peer is made, so that an entry
 * never says anything but what a look-up would find.
 */

#if PICKET_RECENT_PEERS > 0

/** The entries that may know conversations with the peer: for even and odd local ports. */
static PICKET_HOT struct picket_recent *picket_recent_of(struct picket_flow_table *table,
                                                         const uint8_t *peer, size_t address_bytes)
{
    uint32_t scattered = picket_slot_word(peer + address_bytes - 4) * 0x9e3779b1u;

    return table->recent[(uint64_t)scattered * PICKET_RECENT_PEERS >> 32];
}

static PICKET_HOT void picket_recent_forget(struct picket_flow_table *table,
                                            const struct picket_packet *packet)
{
    struct picket_recent *recent = picket_recent_of(table, packet->peer, packet->address_bytes);

    recent[0].flow = NULL;
    recent[1].flow = NULL;
}

/** What was found for a packet with ports, in a table that is not exact. */
static PICKET_HOT void picket_recent_remember(struct picket_flow_table *table,
                                              const struct picket_packet *packet,
                                              struct picket_flow *flow)
{
    struct picket_recent *recent = picket_recent_of(table, packet->peer, packet->address_bytes);
    uint32_t ports = (uint32_t)packet->peer_port << 16 | packet->local_port;

    recent[ports & 1] = (struct picket_recent){flow, ports};
}

/** Counts a packet whose flow is known and that has nothing new to say; false if not so. */
static PICKET_HOT bool picket_recent_count(struct picket_agent *agent,
                                           struct picket_flow_table *table,
                                           const struct picket_plain *plain, uint32_t now_ms)
{
    unsigned direction = plain->direction;
    const uint8_t *peer = picket_plain_peer(plain);
    uint32_t ports = picket_plain_ports(plain);
    struct picket_recent *recent = &picket_recent_of(table, peer, plain->address_bytes)[ports & 1];
    struct picket_flow *flow = recent->flow;

    if (flow == NULL || recent->ports != ports || flow->state != agent->open_state ||
        memcmp(picket_slot_key(flow), peer, plain->address_bytes) != 0 ||
        (uint8_t)(flow->selector >> SELECTOR_PROTOCOL_SHIFT) != picket_plain_protocol(plain) ||
        (picket_plain_tcp_flags(plain) & (PICKET_TCP_SYN | PICKET_TCP_RST)) != 0 ||
        flow->bytes[direction] > UINT32_MAX - plain->bytes) {
        return false;
    }
    picket_slot_count(flow, direction, plain->bytes, now_ms);
    picket_slot_judge_answer(flow, direction);
    agent->open.counters.kept++;
    return true;
}

#else

static inline void picket_recent_forget(struct picket_flow_table *table,
                                        const struct picket_packet *packet)
{
    (void)table;
    (void)packet;
}

static inline void picket_recent_remember(struct picket_flow_table *table,
                                          const struct picket_packet *packet,
                                          struct picket_flow *flow)
{
    (void)table;
    (void)packet;
    (void)flow;
}

#endif

#endif
