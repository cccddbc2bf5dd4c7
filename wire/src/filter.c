/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

/** What an IPv4 address has in front of it in its IPv4-mapped form (RFC 4291 §2.5.5.2). */
#define IPV4_MAPPED UINT32_C(0xffff)

/** What keeps factors from being 0: the golden ratio's bits. */
#define HASH_KEY UINT32_C(0x9e3779b9)

/*@ requires \valid_read(at + (0 .. 3));
  @ assigns \nothing;
  @*/
static uint32_t get_u32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/** An address in its 16-byte form. */
struct words {
    uint32_t at[4];
};

/*@ requires picket_is_address(address, address_size);
  @ assigns \nothing;
  @*/
static inline struct words get_words(const uint8_t *address, uint8_t address_size)
{
    struct words words = {{0, 0, IPV4_MAPPED, 0}};

    if (address_size == 16) {
        words.at[0] = get_u32(address);
        words.at[1] = get_u32(address + 4);
        words.at[2] = get_u32(address + 8);
    }
    words.at[3] = get_u32(address + (address_size - 4));
    return words;
}

/** The mixing step of wyhash32 (Wang Yi): one multiplication for two words. */
/*@ assigns \nothing; */
static uint64_t mix(uint64_t state, uint32_t a, uint32_t b)
{
    return (uint64_t)((uint32_t)state ^ a) * ((uint32_t)(state >> 32) ^ b);
}

/*@ assigns \nothing; */
static inline uint64_t hash(uint64_t seed, struct words words)
{
    uint64_t state = mix(seed, words.at[0] ^ HASH_KEY, words.at[1] ^ HASH_KEY);

    return mix(mix(state, words.at[2], words.at[3]), HASH_KEY, HASH_KEY);
}

/*@ requires \valid_read(filter) && picket_is_address(address, address_size);
  @ assigns \nothing;
  @*/
static inline struct picket_filter_slots locate(const struct picket_filter *filter,
                                                const uint8_t *address, uint8_t address_size)
{
    struct picket_filter_slots slots;
    uint64_t hashed = hash(filter->seed, get_words(address, address_size));
    uint32_t low = (uint32_t)hashed;
    uint32_t high = (uint32_t)(hashed >> 32);
    uint32_t both = low ^ high;
    uint32_t length = filter->segment_length;
    uint32_t range = filter->segment_count * length;
    uint32_t first = (uint32_t)((uint64_t)both * range >> 32);

    slots.positions[0] = first;
    slots.positions[1] = (first + length) ^ (low >> 14 & (length - 1));
    slots.positions[2] = (first + 2 * length) ^ (both & (length - 1));
    slots.fingerprint = (uint8_t)high;
    return slots;
}

void picket_filter_locate(const struct picket_filter *filter, const uint8_t *address,
                          uint8_t address_size, struct picket_filter_slots *ret)
{
    *ret = locate(filter, address, address_size);
}

bool picket_filter_has(const struct picket_filter *filter, const uint8_t *address,
                       uint8_t address_size)
{
    struct picket_filter_slots slots = locate(filter, address, address_size);
    const uint8_t *fingerprints = filter->fingerprints;

    /* in a filter that was read they are all inside; one made by hand may contradict itself */
    return slots.positions[0] < filter->fingerprint_count &&
           slots.positions[1] < filter->fingerprint_count &&
           slots.positions[2] < filter->fingerprint_count &&
           (fingerprints[slots.positions[0]] ^ fingerprints[slots.positions[1]] ^
            fingerprints[slots.positions[2]]) == slots.fingerprint;
}

uint32_t picket_indicators_shard(const uint8_t *address, uint8_t address_size, uint32_t shard_count)
{
    uint64_t hashed = hash(0, get_words(address, address_size));

    return (uint32_t)((uint64_t)(uint32_t)(hashed ^ hashed >> 32) * shard_count >> 32);
}

/** Below, at or above 0: where an address stands beside one of a list. */
/*@ requires \valid_read(item + (0 .. 15));
  @ assigns \nothing;
  @*/
static int compare(const uint8_t *item, struct words words)
{
    /*@ loop invariant 0 <= i <= 4;
      @ loop assigns i;
      @ loop variant 4 - i;
      @*/
    for (unsigned i = 0; i < 4; i++) {
        uint32_t word = get_u32(item + (size_t)4 * i);

        if (words.at[i] != word) {
            return words.at[i] < word ? -1 : 1;
        }
    }
    return 0;
}

bool picket_delta_has(const uint8_t *list, uint32_t count, const uint8_t *address,
                      uint8_t address_size)
{
    struct words words = get_words(address, address_size);
    uint32_t first = 0;

    /*@ loop invariant first + count <= \at(count, Pre);
      @ loop assigns first, count;
      @ loop variant count;
      @*/
    while (count > 0) {
        uint32_t half = count / 2;
        int order = compare(list + (size_t)(first + half) * PICKET_DELTA_ITEM_BYTES, words);

        if (order == 0) {
            return true;
        }
        if (order > 0) {
            first += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return false;
}
