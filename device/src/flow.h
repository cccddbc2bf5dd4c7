/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_FLOW_H
#define DEVICE_SRC_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/picket.h"

struct picket_packet;

/**
 * The table of flows, over the caller's storage: no chains, no list, no heap.
 *
 * A flow lives in one of two groups of eight slots that its keyed hash points
 * to; a look-up compares one word of tags for each. A slot is idle, or counts for
 * the open window, or waits in the sealed one until a report with it is
 * confirmed. Then it is idle again, but keeps its key: a flow that goes on is
 * found there, and so is who opened it, until another flow needs the slot.
 *
 * A new flow takes the slot of the one that matters least, whose counts go to the
 * remainder of its class: idle ones first, then the unanswered before the
 * answered, then the one with the fewest packets. Flows of the sealed window never
 * give way. So totals are exact whatever happens. Where speed is asked for, a place
 * is found by the tags if a slot is idle or a flow slight (slot.h), and most first
 * packets take a shorter way (stranger.h).
 *
 * Nothing here locks; the caller holds the agent's lock.
 */

/** More would overflow the multiplications that choose a slot. */
#define FLOWS_MAX 0x80000000u

static inline size_t picket_flow_slot_bytes(size_t address_bytes, bool is_exact)
{
    return sizeof(struct picket_flow) +
           (is_exact ? 2 * address_bytes + sizeof(uint32_t) : address_bytes);
}

/** The bytes that @p flows need; their slots are fewer than SIZE_MAX bytes. */
static inline size_t picket_flow_storage_bytes(size_t flows, size_t address_bytes, bool is_exact)
{
    return flows * picket_flow_slot_bytes(address_bytes, is_exact) + PICKET_TAG_BYTES(flows);
}

/** How many flows a storage holds. */
static inline uint32_t picket_flow_capacity(size_t storage_bytes, size_t address_bytes,
                                            bool is_exact)
{
    size_t capacity = storage_bytes / (picket_flow_slot_bytes(address_bytes, is_exact) + 1);

    capacity = capacity < FLOWS_MAX ? capacity : FLOWS_MAX;
    while (capacity > 0 &&
           picket_flow_storage_bytes(capacity, address_bytes, is_exact) > storage_bytes) {
        capacity--; /* once at most: a slot is larger than what eights add */
    }
    return (uint32_t)capacity;
}

/** @p address_bytes: 4 or 16. */
void picket_flow_table_init(struct picket_flow_table *table, void *storage, size_t storage_bytes,
                            size_t address_bytes, bool is_exact);

/** Counts one packet, in its flow or in the remainder; then the policy has its say. */
enum picket_verdict picket_flow_note(struct picket_agent *agent, const struct picket_packet *packet,
                                     uint32_t now_ms);

/** The same for a packet that the parser need not read; see plain.h. */
enum picket_verdict picket_flow_note_plain(struct picket_agent *agent, const uint8_t *header,
                                           uint8_t direction, uint32_t now_ms);

/** Packets in the flows of the open window, which is about to close. */
uint64_t picket_flow_seal(struct picket_agent *agent);

/** Lets the policy judge all flows anew. */
void picket_flow_forget_verdicts(struct picket_agent *agent);

/** Moves what the open window has counted in flows of the table to the remainder. */
void picket_flow_fold_all(struct picket_agent *agent, struct picket_flow_table *table);

/** Empties a flow that has been reported, but keeps its key and who opened it. */
void picket_flow_settle(struct picket_flow_table *table, uint32_t slot);

#endif
