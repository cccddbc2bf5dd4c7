/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_SLOT_H
#define DEVICE_SRC_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "hot.h"
#include "indicators.h"
#include "picket/picket.h"

/**
 * What a slot of a flow table is made of: the flow, the peer's address; if
 * exact, the local address and port. And the tag that each slot has beside it.
 */

/*
 * Bits of picket_flow.selector. An exact flow has the peer's port, and both sides'
 * bits. With neither's, the port is the type and code of an ICMP flow.
 */
#define SELECTOR_PROTOCOL   0x000000ffu
#define SELECTOR_KIND_SHIFT 8
#define SELECTOR_AT_PEER    0x00000400u /* the port is the peer's */
#define SELECTOR_AT_LOCAL   0x00000800u
#define SELECTOR_RETIRED    0x00008000u /* another slot has the key now, or none was ever set */
#define SELECTOR_PORT_SHIFT 16

/** True for a flow of one ICMP type and code; its connections are its largest datagram's bytes. */
static PICKET_HOT bool picket_slot_is_icmp(uint32_t selector)
{
    return PICKET_COLLECT_ICMP && (selector & (SELECTOR_AT_PEER | SELECTOR_AT_LOCAL)) == 0 &&
           selector >> SELECTOR_PORT_SHIFT != 0;
}

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

/*
 * Bits of picket_flow.state. The open and the sealed window's flows have states
 * 1 and 2, by turns: picket_agent.open_state; idle ones have 0. A unicast flow is
 * settled for a direction if packets that go there and neither open nor reset a
 * connection can tell nothing new of it.
 */
#define STATE_WINDOW             0x03u
#define STATE_PASSED             0x04u /* by the policy in effect, if there is one */
#define STATE_SETTLED(direction) (0x08u << (direction))
#define STATE_NO_STRANGER        0x80u /* of known_state alone; see stranger.h */

static PICKET_HOT struct picket_flow *picket_slot_of(const struct picket_flow_table *table,
                                                     size_t slot, size_t slot_bytes)
{
    return (struct picket_flow *)(void *)(table->slots + slot * slot_bytes);
}

static PICKET_HOT struct picket_flow *picket_slot_at(const struct picket_flow_table *table,
                                                     size_t slot)
{
    return picket_slot_of(table, slot, table->slot_bytes);
}

static PICKET_HOT unsigned picket_slot_window(const struct picket_flow *flow)
{
    return flow->state & STATE_WINDOW;
}

/** True if the flow waits in the sealed window. */
static PICKET_HOT bool picket_slot_is_sealed(const struct picket_agent *agent,
                                             const struct picket_flow *flow)
{
    unsigned window = picket_slot_window(flow);

    return window != 0 && window != agent->open_state;
}

/** An ICMP flow is one connection, unless the remainder has it. */
static PICKET_HOT uint16_t picket_slot_connections(const struct picket_flow *flow)
{
    return picket_slot_is_icmp(flow->selector) ? flow->connections > 0 : flow->connections;
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

static PICKET_HOT bool picket_slot_has_room(const struct picket_flow *flow, unsigned direction,
                                            uint32_t bytes)
{
    return flow->bytes[direction] <= UINT32_MAX - bytes;
}

static PICKET_HOT void picket_slot_count(struct picket_flow *flow, unsigned direction,
                                         uint32_t bytes, uint32_t now_ms)
{
    flow->packets[direction]++;
    flow->bytes[direction] += bytes;
    flow->last_ms = now_ms;
}

/** STATE_PASSED for a flow that nothing judges: without a policy and indicators, all. */
#if PICKET_POLICY
static PICKET_HOT unsigned picket_slot_passed(const struct picket_agent *agent)
{
    return agent->policy.is_active || picket_indicators_are_there(agent) ? 0 : STATE_PASSED;
}
#else
static PICKET_HOT unsigned picket_slot_passed(const struct picket_agent *agent)
{
    (void)agent;
    return STATE_PASSED;
}
#endif

/*
 * Slots come in groups of eight. A tag has six bits of its flow's hash; the others
 * say that the slot is not idle, and, where speed is asked for, that its flow is
 * slight: of one packet, not answered, and of the open window. What a slight flow
 * counts is in the remainder as well, until it is slight no more: it gives way
 * without an account. The last group's tags have no slots behind them beyond the
 * table's capacity; they are neither vacant nor slight.
 */
#define GROUP_SLOTS 8u
#define SLOT_NONE   SIZE_MAX
#define TAG_HASH    0x3fu
#define TAG_SLIGHT  (PICKET_FAST ? 0x40u : 0u)
#define TAG_BUSY    0x80u
#define TAG_NONE    (TAG_BUSY | TAG_HASH)

#if PICKET_FAST
/* The tags of a group are looked at all at once; the answers have a bit in each byte. */
#define IN_EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))
#define IS_LITTLE_ENDIAN   (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

static PICKET_HOT uint64_t picket_slot_tags(const struct picket_flow_table *table, size_t first)
{
    uint64_t tags;

    memcpy(&tags, table->tags + first, sizeof(tags));
    return tags;
}

/** Marks the bytes of @p tags that may have the tag: all that have, and rarely another. */
static PICKET_HOT uint64_t picket_slot_marks(uint64_t tags, uint32_t hash)
{
    uint64_t differing = (tags ^ IN_EACH_BYTE(hash & TAG_HASH)) & IN_EACH_BYTE(TAG_HASH);

    /* 0 borrows, and makes a 1 beside it do so */
    return (differing - IN_EACH_BYTE(1)) & IN_EACH_BYTE(0x80u);
}

/** The number of the first byte of @p marks that is not 0. */
static PICKET_HOT uint32_t picket_slot_pick(uint64_t marks)
{
    return (uint32_t)(IS_LITTLE_ENDIAN ? __builtin_ctzll(marks) : __builtin_clzll(marks)) / 8;
}

/** The number of a byte that has the lowest bit. */
static PICKET_HOT uint32_t picket_slot_pick_lowest(uint64_t marks)
{
    uint32_t number = (uint32_t)__builtin_ctzll(marks) / 8;

    return IS_LITTLE_ENDIAN ? number : GROUP_SLOTS - 1 - number;
}

/** @p marks without its first @p count bytes, fewer than eight. */
static PICKET_HOT uint64_t picket_slot_behind(uint64_t marks, uint32_t count)
{
    return IS_LITTLE_ENDIAN ? marks >> count * 8 << count * 8 : marks << count * 8 >> count * 8;
}

/** The first slot of a group, from @p slot on, that may have the tag; GROUP_SLOTS if none. */
static PICKET_HOT uint32_t picket_slot_next(const struct picket_flow_table *table, size_t first,
                                            uint32_t slot, uint8_t tag)
{
    uint64_t marks = picket_slot_marks(picket_slot_tags(table, first), tag);

    if (slot > 0) {
        marks = slot < GROUP_SLOTS ? picket_slot_behind(marks, slot) : 0;
    }
    return marks == 0 ? GROUP_SLOTS : picket_slot_pick(marks);
}

/** @p marks from byte @p first mod 8 on, and what is in front of that at the end. */
static PICKET_HOT uint64_t picket_slot_turn(uint64_t marks, uint32_t first)
{
    uint32_t on = IS_LITTLE_ENDIAN ? first * 8 : 0 - first * 8;

    return marks >> (on & 63) | marks << (-on & 63);
}

/* How many bytes are marked. */
static PICKET_HOT uint32_t picket_slot_number(uint64_t marks)
{
    return (uint32_t)((marks >> 7) * IN_EACH_BYTE(1) >> 56);
}

/** True if a slot of two groups is idle. */
static PICKET_HOT bool picket_slot_has_idle(const struct picket_flow_table *table, size_t left,
                                            size_t right)
{
    uint64_t tags = picket_slot_tags(table, left) & picket_slot_tags(table, right);

    return (tags & IN_EACH_BYTE(TAG_BUSY)) != IN_EACH_BYTE(TAG_BUSY);
}

/** It: in the emptier group, and one whose flow is forgotten, if there is one. */
static PICKET_HOT size_t picket_slot_idle(const struct picket_flow_table *table, size_t left,
                                          size_t right)
{
    uint64_t left_tags = picket_slot_tags(table, left);
    uint64_t right_tags = picket_slot_tags(table, right);
    uint64_t left_idle = ~left_tags & IN_EACH_BYTE(TAG_BUSY);
    uint64_t right_idle = ~right_tags & IN_EACH_BYTE(TAG_BUSY);
    uint64_t left_unused = (left_tags - IN_EACH_BYTE(1)) & left_idle;
    uint64_t right_unused = (right_tags - IN_EACH_BYTE(1)) & right_idle;

    if ((left_unused | right_unused) != 0) {
        left_idle = left_unused;
        right_idle = right_unused;
    }
    return picket_slot_number(left_idle) >= picket_slot_number(right_idle)
               ? left + picket_slot_pick(left_idle)
               : right + picket_slot_pick(right_idle);
}

/**
 * A slot of two groups whose flow is slight, and by that as good as any to give
 * way; SLOT_NONE if there is none. A flood of such flows pushes itself out, at
 * another slot each time: @p hash tells at which.
 */
static PICKET_HOT size_t picket_slot_slight(const struct picket_flow_table *table, size_t left,
                                            size_t right, uint32_t hash)
{
    uint64_t slight = picket_slot_tags(table, left) & IN_EACH_BYTE(TAG_SLIGHT);

    if (slight == 0) {
        slight = picket_slot_tags(table, right) & IN_EACH_BYTE(TAG_SLIGHT);
        left = right;
        if (slight == 0) {
            return SLOT_NONE;
        }
    }
    return left + (picket_slot_pick(picket_slot_turn(slight, hash)) + hash) % GROUP_SLOTS;
}
#else
static inline uint32_t picket_slot_next(const struct picket_flow_table *table, size_t first,
                                        uint32_t slot, uint8_t tag)
{
    while (slot < GROUP_SLOTS && (table->tags[first + slot] & TAG_HASH) != tag) {
        slot++;
    }
    return slot;
}
#endif

#endif
