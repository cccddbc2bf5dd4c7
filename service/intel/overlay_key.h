/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_OVERLAY_KEY_H
#define SERVICE_INTEL_OVERLAY_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "intel/hashing.h"
#include "intel/image_parts.h"
#include "intel/overlay.h"

/** How an observable is found in an overlay; private to intel/overlay*.c. */

struct overlay_key {
    uint64_t high;
    uint64_t low;
    const char *text; /* borrowed */
    size_t text_length;
    uint32_t mark;
    uint8_t kind;
    uint8_t length;
    uint8_t only_subdomains;
};

/** True if the entry is that of the key. */
bool overlay_is_entry(const struct overlay *overlay, uint32_t entry, const struct overlay_key *key);
/** The entry of a key, or 0. */
uint32_t overlay_find_key(const struct overlay *overlay, const struct overlay_key *key);

/** Of the first @p length bits of an address. */
static inline struct overlay_key overlay_key_of_prefix(struct ipv6_key key, unsigned length,
                                                       uint64_t seed)
{
    uint64_t low = length <= 64 ? 0 : key.low & UINT64_MAX << (128 - length);
    uint64_t high = length == 0   ? 0
                    : length < 64 ? key.high & UINT64_MAX << (64 - length)
                                  : key.high;

    return (struct overlay_key){.high = high,
                                .low = low,
                                .text = "",
                                .mark = (uint32_t)hashing_prefix(high, low, length, seed),
                                .kind = OBSERVABLE_ADDRESS,
                                .length = (uint8_t)length};
}

static inline struct overlay_key overlay_key_of_text(enum observable_kind kind, const char *text,
                                                     bool only_subdomains, uint64_t seed)
{
    struct overlay_key key = {.text = text,
                              .text_length = strlen(text),
                              .kind = (uint8_t)kind,
                              .only_subdomains = only_subdomains};

    key.high = hashing_run(text, key.text_length, seed ^ (uint64_t)kind << 1u ^ only_subdomains);
    key.mark = (uint32_t)key.high;
    return key;
}

static inline struct overlay_key overlay_key(const struct observable *observable, uint64_t seed)
{
    if (observable->kind != OBSERVABLE_ADDRESS) {
        return overlay_key_of_text(observable->kind, observable->text, observable->only_subdomains,
                                   seed);
    }
    return overlay_key_of_prefix(ipv6_key_of(&observable->prefix.address),
                                 observable->prefix.length, seed);
}

/*
 * What chooses a place in the bitmap, which takes as many of the lower bits as it has
 * places; the mark of an address's key does, too.
 */

/** Of a /24: networks beside each other have places beside each other. */
static inline uint32_t overlay_place_of_ipv4(uint32_t ipv4)
{
    return ipv4 >> 8u;
}

static inline bool overlay_key_is_ipv4(const struct overlay_key *key)
{
    return key->length >= 96 && key->high == 0 && key->low >> 32u == 0xffff;
}

/** Of an IPv6 prefix the level: how many times 16 bits, at most 64, are surely in it. */
static inline unsigned overlay_level_of(unsigned length)
{
    return length / 16 < OVERLAY_LEVELS - 1 ? length / 16 : OVERLAY_LEVELS - 1;
}

/** Of what an IPv6 address has in common with all prefixes of a level. */
static inline uint32_t overlay_place_of_ipv6(uint64_t high, unsigned level)
{
    uint64_t bits = level == 0 ? 0 : high >> (64 - 16 * level);

    return (uint32_t)hashing_fold(bits ^ HASHING_SALT_A, HASHING_SALT_B + level);
}

/** Of the last @p length bytes of a name, at most OVERLAY_TAIL_MAX. */
static inline uint32_t overlay_place_of_tail(const char *tail, size_t length)
{
    return (uint32_t)(hashing_run(tail, length, length) >> 32u);
}

#endif
