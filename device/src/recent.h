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
 * The slots in which flows were found last, so that most packets need no look-up.
 *
 * An entry is no more than a hint where a flow of its peer and port may be: the
 * slot itself says what it has. Of unicast flows that either side may have opened
 * there is one for a peer and port, so that it is what a look-up would find.
 */

#if PICKET_RECENT_FLOWS > 0

/*
 * Neighbours spread whichever way the processor reads words: the first byte is of
 * the golden ratio, and by the last one, as many neighbours as there are entries
 * have one each, up to 256.
 */
#define RECENT_FACTOR (PICKET_RECENT_FLOWS > 128 ? 0x9e37799du : 0x9e37799eu)

/** The entry for a peer and port. */
static PICKET_HOT picket_hint *picket_recent_of(struct picket_agent *agent, const uint8_t *peer,
                                                size_t address_bytes, uint32_t selector)
{
    uint32_t word = picket_slot_word(peer + address_bytes - 4) ^ selector;

    return &agent->hints[(uint64_t)(word * RECENT_FACTOR) * PICKET_RECENT_FLOWS >> 32];
}

/** What was found for a packet whose opener is the likelier one; in a table that is not exact. */
static PICKET_HOT void picket_recent_remember(struct picket_agent *agent,
                                              const struct picket_packet *packet, uint32_t selector,
                                              uint32_t slot)
{
    if (slot <= PICKET_HINT_MAX) {
        *picket_recent_of(agent, packet->peer, packet->address_bytes, selector) = (picket_hint)slot;
    }
}

#define PORT_ABOVE 0xffff0000u /* of two ports in a word; as in a selector */

/* Of the flow that is looked for first: services have the lower ports. */
static PICKET_HOT uint32_t picket_recent_selector(const struct picket_plain *plain)
{
    uint32_t ports = picket_plain_ports(plain);
    uint32_t turned = ports << 16 | ports >> 16;
    uint32_t protocol = picket_plain_protocol(plain);

    return ports <= turned ? (ports & PORT_ABOVE) + protocol + SELECTOR_AT_PEER
                           : (turned & PORT_ABOVE) + protocol + SELECTOR_AT_LOCAL;
}

/** The flow, if it is known, that a quiet packet can only add to; or NULL. */
static PICKET_HOT struct picket_flow *picket_recent_find(struct picket_agent *agent,
                                                         const struct picket_flow_table *table,
                                                         const struct picket_plain *plain)
{
    const uint8_t *peer = picket_plain_peer(plain);
    size_t last = plain->address_bytes - 4u;
    uint32_t selector = picket_recent_selector(plain);
    uint32_t slot = *picket_recent_of(agent, peer, plain->address_bytes, selector);
    unsigned settled = STATE_SETTLED(plain->direction);
    struct picket_flow *flow;

    if (slot >= table->capacity) {
        return NULL;
    }
    flow = picket_slot_of(table, slot, sizeof(*flow) + plain->address_bytes);
    if (picket_slot_word(picket_slot_key(flow) + last) != picket_slot_word(peer + last) ||
        flow->selector != selector || memcmp(picket_slot_key(flow), peer, last) != 0 ||
        ((flow->state ^ agent->known_state) & (STATE_WINDOW | STATE_PASSED | settled)) != 0 ||
        !picket_slot_has_room(flow, plain->direction, plain->bytes)) {
        return NULL;
    }
    return flow;
}

#else

static inline void picket_recent_remember(struct picket_agent *agent,
                                          const struct picket_packet *packet, uint32_t selector,
                                          uint32_t slot)
{
    (void)agent;
    (void)packet;
    (void)selector;
    (void)slot;
}

#endif

#endif
