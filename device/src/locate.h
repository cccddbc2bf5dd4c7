/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_LOCATE_H
#define DEVICE_SRC_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "hot.h"
#include "slot.h"

/**
 * Where in a table a flow may be: in two groups of slots, which a hash under the
 * agent's secret key points to. An attacker who can't see the values can't choose
 * colliding flows; had he found some, a look-up would still visit no more slots.
 */

/** What a hash begins with. */
#define LOCATE_START UINT64_C(0x9e3779b97f4a7c15)

/** The mixing step of wyhash32: one multiplication for two words. */
static PICKET_HOT uint64_t picket_locate_mix(uint64_t state, uint32_t a, uint32_t b)
{
    return (uint64_t)((uint32_t)state ^ a) * ((uint32_t)(state >> 32) ^ b);
}

/** What all flows with a peer have in common; @p state: what they have beside it, or LOCATE_START.
 */
static PICKET_HOT uint64_t picket_locate_peer(const uint32_t key[4], uint64_t state,
                                              const uint8_t *peer, size_t address_bytes)
{
    if (address_bytes == 16) {
        state = picket_locate_mix(state, picket_slot_word(peer) ^ key[0],
                                  picket_slot_word(peer + 4) ^ key[1]);
        return picket_locate_mix(state, picket_slot_word(peer + 8) ^ key[2],
                                 picket_slot_word(peer + 12) ^ key[3]);
    }
    return picket_locate_mix(state, picket_slot_word(peer) ^ key[0], key[1]);
}

/** The first slots of the two groups, and what a flow's tag has of its hash. */
struct picket_groups {
    size_t left;
    size_t right;
    uint32_t hash; /* its last six bits are in the tag */
};

static PICKET_HOT uint8_t picket_locate_tag(const struct picket_groups *groups)
{
    return groups->hash & TAG_HASH;
}

/* The first slot of a group; a last one that is not full gets no more than its share. */
static PICKET_HOT size_t picket_locate_group(uint32_t hash, uint32_t capacity)
{
    return (size_t)((uint64_t)hash * capacity >> 32) & ~(size_t)(GROUP_SLOTS - 1);
}

/** Where a flow must be with the selector, and with that in common. */
static PICKET_HOT struct picket_groups picket_locate(uint32_t capacity, uint64_t common,
                                                     uint32_t selector)
{
    uint64_t mixed = picket_locate_mix(common, selector, 0);
    uint32_t hash = (uint32_t)(mixed ^ mixed >> 32);

    return (struct picket_groups){
        .left = picket_locate_group(hash, capacity),
        .right = picket_locate_group(hash << 16 | hash >> 16, capacity),
        .hash = hash,
    };
}

#endif
