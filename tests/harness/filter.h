/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HARNESS_FILTER_H
#define TESTS_HARNESS_FILTER_H

#include <string.h>

#include "picket/settings.h"

/**
 * Makes small filters for tests, by peeling: a slot that one key alone uses is
 * set last, when the key's other two are known.
 */

#define FILTER_KEYS_MAX  400u
#define FILTER_SLOTS_MAX 1024u

/** Storage for one filter over IPv6 or IPv4 addresses. */
struct filter_maker {
    uint8_t fingerprints[FILTER_SLOTS_MAX];
    uint16_t users[FILTER_SLOTS_MAX]; /* keys that use a slot and are not peeled */
    uint16_t keys[FILTER_SLOTS_MAX];  /* their numbers, combined by XOR */
    uint16_t order[FILTER_KEYS_MAX];  /* keys, and the slots they leave last, as they are peeled */
    uint16_t slots[FILTER_KEYS_MAX];
};

/** Tells the maker that a key is used by nobody, or by one more. */
static inline void filter_count(struct filter_maker *maker, const struct picket_filter *filter,
                                const uint8_t *address, uint8_t address_size, uint16_t key,
                                int change)
{
    struct picket_filter_slots slots;

    picket_filter_locate(filter, address, address_size, &slots);
    for (unsigned i = 0; i < 3; i++) {
        maker->users[slots.positions[i]] = (uint16_t)(maker->users[slots.positions[i]] + change);
        maker->keys[slots.positions[i]] ^= key;
    }
}

/** Peels all keys; false if some use no slot alone: another seed is needed. */
static inline bool filter_peel(struct filter_maker *maker, const struct picket_filter *filter,
                               const uint8_t *addresses, uint8_t address_size, unsigned count)
{
    unsigned peeled = 0;
    bool has_progressed = true;

    memset(maker, 0, sizeof(*maker));
    for (unsigned key = 0; key < count; key++) {
        filter_count(maker, filter, addresses + key * address_size, address_size, (uint16_t)key, 1);
    }
    while (has_progressed) {
        has_progressed = false;
        for (unsigned slot = 0; slot < filter->fingerprint_count; slot++) {
            if (maker->users[slot] == 1) {
                uint16_t key = maker->keys[slot];

                maker->order[peeled] = key;
                maker->slots[peeled++] = (uint16_t)slot;
                filter_count(maker, filter, addresses + key * address_size, address_size, key, -1);
                has_progressed = true;
            }
        }
    }
    return peeled == count;
}

/**
 * A filter of @p count different addresses, one behind another; its fingerprints
 * are @p maker's. @p ret has the shape that it is to get. False if it has no room.
 */
static inline bool filter_make(struct filter_maker *maker, const uint8_t *addresses,
                               uint8_t address_size, unsigned count, struct picket_filter *ret)
{
    ret->fingerprint_count = (size_t)(ret->segment_count + 2) * ret->segment_length;
    ret->fingerprints = maker->fingerprints;
    for (ret->seed = 1; !filter_peel(maker, ret, addresses, address_size, count); ret->seed++) {
        if (ret->seed == 100) {
            return false;
        }
    }
    for (unsigned left = count; left > 0; left--) {
        struct picket_filter_slots slots;
        uint8_t *last = &maker->fingerprints[maker->slots[left - 1]];

        picket_filter_locate(ret, addresses + maker->order[left - 1] * address_size, address_size,
                             &slots);
        *last = slots.fingerprint;
        for (unsigned i = 0; i < 3; i++) {
            if (&maker->fingerprints[slots.positions[i]] != last) {
                *last ^= maker->fingerprints[slots.positions[i]];
            }
        }
    }
    return true;
}

#endif
