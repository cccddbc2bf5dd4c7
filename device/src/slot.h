/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_SLOT_H
#define DEVICE_SRC_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hot.h"
#include "picket/picket.h"

/**
 * What a slot of a flow table is made of: the flow, the peer's address; if
 * exact, the local address and port. And the tag that each slot has beside it.
 */

/* Bits of picket_flow.selector. An exact flow has the peer's port, and both sides' bits. */
#define SELECTOR_PORT           0x0000ffffu
#define SELECTOR_PROTOCOL_SHIFT 16
#define SELECTOR_KIND_SHIFT     24
#define SELECTOR_AT_PEER        0x04000000u /* the port is the peer's */
#define SELECTOR_AT_LOCAL       0x08000000u
#define SELECTOR_RETIRED        0x80000000u /* another slot has the key now, or none was ever set */

/* Bits of picket_flow.traits. */
#define TRAIT_DIRECTION     0x03u
#define TRAIT_CAST          0x0cu
#define TRAIT_CAST_SHIFT    2
#define TRAIT_OUTCOME       0x70u
#define TRAIT_OUTCOME_SHIFT 4
#define TRAIT_ANSWERED      0x10u
#define TRAIT_REFUSED       0x20u
#define TRAIT_RESET         0x40u
#define TRAIT_PENDING       0x80u /* opened, and no answer yet */

/* The open and the sealed window's flows have states 1 and 2, by turns: picket_agent.open_state. */
#define STATE_IDLE 0u

static PICKET_HOT struct picket_flow *picket_slot_at(const struct picket_flow_table *table,
                                                     uint32_t slot)
{
    return (struct picket_flow *)(void *)(table->slots + (size_t)slot * table->slot_bytes);
}

static PICKET_HOT const uint8_t *picket_slot_key(const struct picket_flow *flow)
{
    return (const uint8_t *)(flow + 1);
}

static PICKET_HOT uint32_t picket_slot_word(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

static PICKET_HOT void picket_slot_count(struct picket_flow *flow, unsigned direction,
                                         uint32_t bytes, uint32_t now_ms)
{
    flow->packets[direction]++;
    flow->bytes[direction] += bytes;
    flow->last_ms = now_ms;
}

/** What a counted packet makes of the outcome that neither opens nor resets a connection. */
static PICKET_HOT void picket_slot_judge_answer(struct picket_flow *flow, unsigned direction)
{
    unsigned opener = flow->traits & TRAIT_DIRECTION;

    if (opener != direction &&
        (opener != PICKET_DIRECTION_UNKNOWN ||
         (flow->packets[PICKET_INBOUND] > 0 && flow->packets[PICKET_OUTBOUND] > 0))) {
        flow->traits = (uint8_t)((flow->traits & ~TRAIT_PENDING) | TRAIT_ANSWERED);
    }
}

/*
 * Slots come in groups of eight, whose tags are looked at all at once. A tag has
 * seven bits of its flow's hash; the eighth says that the slot is not idle. The
 * last group's tags have no slots behind them beyond the table's capacity; they
 * are never vacant.
 */
#define GROUP_SLOTS 8u
#define TAG_HASH    0x7fu
#define TAG_BUSY    0x80u
#define TAG_NONE    0xffu

#define IN_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

static PICKET_HOT uint64_t picket_slot_tags(const struct picket_flow_table *table, uint32_t first)
{
    uint64_t tags;

    memcpy(&tags, table->tags + first, sizeof(tags));
    return tags;
}

/** True if one of @p tags has the hash bits @p tag: adding leaves no carry for a byte of 0. */
static PICKET_HOT bool picket_slot_has_tag(uint64_t tags, uint8_t tag)
{
    uint64_t differing = (tags ^ IN_EACH_BYTE(tag)) & IN_EACH_BYTE(TAG_HASH);

    return (~(differing + IN_EACH_BYTE(TAG_HASH)) & IN_EACH_BYTE(TAG_BUSY)) != 0;
}

/** True if one of @p tags is of an idle slot. */
static PICKET_HOT bool picket_slot_has_vacant(uint64_t tags)
{
    return (~tags & IN_EACH_BYTE(TAG_BUSY)) != 0;
}

#endif
