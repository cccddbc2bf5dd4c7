/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_OVERLAY_KEY_H
#define SERVICE_INTEL_OVERLAY_KEY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "intel/hashing.h"
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

uint32_t overlay_find_key(const struct overlay *overlay, const struct overlay_key *key);

static inline void overlay_read_address(const struct address *address, uint64_t *ret_high,
                                        uint64_t *ret_low)
{
    memcpy(ret_high, address->bytes, sizeof(*ret_high));
    memcpy(ret_low, address->bytes + 8, sizeof(*ret_low));
    *ret_high = __builtin_bswap64(*ret_high);
    *ret_low = __builtin_bswap64(*ret_low);
}

/** Of a prefix, whose bits behind the length are zero. */
static inline struct overlay_key overlay_key_of_prefix(uint64_t high, uint64_t low, unsigned length,
                                                       uint64_t seed)
{
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
    uint64_t high, low;

    if (observable->kind != OBSERVABLE_ADDRESS) {
        return overlay_key_of_text(observable->kind, observable->text, observable->only_subdomains,
                                   seed);
    }
    overlay_read_address(&observable->prefix.address, &high, &low);
    return overlay_key_of_prefix(high, low, observable->prefix.length, seed);
}

/*
 * What chooses a place in the bitmap, which takes as many of the lower bits as it has
 * places: networks beside each other have places beside each other.
 */

static inline uint32_t overlay_place_of_ipv4(uint32_t ipv4)
{
    return ipv4 >> 8u;
}

/** The block that an IPv4 address is of: coarser, so that all blocks stay in the nearest cache. */
static inline uint32_t overlay_block_of(uint32_t ipv4)
{
    return ipv4 >> 12u & (OVERLAY_BLOCKS - 1);
}

static inline bool overlay_key_is_ipv4(const struct overlay_key *key)
{
    return key->length >= 96 && key->high == 0 && key->low >> 32u == 0xffff;
}

static inline uint32_t overlay_place_of_ipv6(uint64_t high)
{
    return (uint32_t)(high >> 32u);
}

/** Of the last @p length bytes of a name, at most OVERLAY_TAIL_MAX. */
static inline uint32_t overlay_place_of_tail(const char *tail, size_t length)
{
    return (uint32_t)(hashing_run(tail, length, length) >> 32u);
}

/** The places that concern a key, from this one on; more than there are means all. */
static inline uint32_t overlay_place(const struct overlay_key *key, size_t *ret_count)
{
    size_t tail = key->text_length < OVERLAY_TAIL_MAX ? key->text_length : OVERLAY_TAIL_MAX;
    bool is_ipv4 = overlay_key_is_ipv4(key);
    unsigned bits = is_ipv4 ? 96 + 24 : 32;

    *ret_count = 1;
    if (key->kind != OBSERVABLE_ADDRESS) {
        return overlay_place_of_tail(key->text + key->text_length - tail, tail);
    }
    *ret_count = key->length < bits ? (size_t)1 << (bits - key->length) : 1;
    return is_ipv4 ? overlay_place_of_ipv4((uint32_t)key->low) : overlay_place_of_ipv6(key->high);
}

#endif
