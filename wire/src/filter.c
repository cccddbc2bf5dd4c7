/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

/** What an IPv4 address has in front of it in its IPv4-mapped form (RFC 4291 §2.5.5.2). */
#define IPV4_MAPPED UINT64_C(0xffff00000000)

/** The last step of MurmurHash3 with 128 bits (Appleby), which is a bijection. */
/*@ assigns \nothing; */
static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

/** Up to 8 bytes as one number. */
/*@ requires size <= 8 && \valid_read(at + (0 .. size - 1));
  @ assigns \nothing;
  @*/
static uint64_t get_number(const uint8_t *at, unsigned size)
{
    uint64_t number = 0;

    /*@ loop invariant i <= size;
      @ loop assigns i, number;
      @ loop variant size - i;
      @*/
    for (unsigned i = 0; i < size; i++) {
        number = number << 8 | at[i];
    }
    return number;
}

/** An address in its 16-byte form, as two numbers. */
struct halves {
    uint64_t high;
    uint64_t low;
};

/*@ requires picket_is_address(address, address_size);
  @ assigns \nothing;
  @*/
static struct halves get_halves(const uint8_t *address, uint8_t address_size)
{
    struct halves halves = {0, 0};

    if (address_size == 4) {
        halves.low = IPV4_MAPPED | get_number(address, 4);
    } else {
        halves.high = get_number(address, 8);
        halves.low = get_number(address + 8, 8);
    }
    return halves;
}

void picket_filter_locate(const struct picket_filter *filter, const uint8_t *address,
                          uint8_t address_size, struct picket_filter_slots *ret)
{
    struct halves halves = get_halves(address, address_size);
    uint64_t hash = mix(mix(halves.high ^ filter->seed) ^ halves.low);
    uint32_t length = filter->segment_length;
    uint64_t range = (uint64_t)filter->segment_count * length;
    uint32_t first = (uint32_t)((hash >> 32) * range >> 32);

    ret->positions[0] = first;
    ret->positions[1] = (first + length) ^ ((uint32_t)(hash >> 18) & (length - 1));
    ret->positions[2] = (first + 2 * length) ^ ((uint32_t)hash & (length - 1));
    ret->fingerprint = (uint8_t)(hash ^ hash >> 32);
}

bool picket_filter_has(const struct picket_filter *filter, const uint8_t *address,
                       uint8_t address_size)
{
    struct picket_filter_slots slots;
    uint8_t found = 0;

    picket_filter_locate(filter, address, address_size, &slots);
    /*@ loop invariant i <= 3;
      @ loop assigns i, found;
      @ loop variant 3 - i;
      @*/
    for (unsigned i = 0; i < 3; i++) {
        /* in a filter that was read it always is; one made by hand may contradict itself */
        if (slots.positions[i] >= filter->fingerprint_count) {
            return false;
        }
        found ^= filter->fingerprints[slots.positions[i]];
    }
    return found == slots.fingerprint;
}

uint32_t picket_indicators_shard(const uint8_t *address, uint8_t address_size, uint32_t shard_count)
{
    struct halves halves = get_halves(address, address_size);
    uint64_t hash = mix(mix(halves.high) ^ halves.low);

    return (uint32_t)((hash >> 32) * shard_count >> 32);
}

/** Below, at or above 0: where an address stands beside one of a list. */
/*@ requires \valid_read(item + (0 .. 15));
  @ assigns \nothing;
  @*/
static int compare(const uint8_t *item, struct halves halves)
{
    uint64_t high = get_number(item, 8);
    uint64_t low = get_number(item + 8, 8);

    if (halves.high != high) {
        return halves.high < high ? -1 : 1;
    }
    return halves.low < low ? -1 : halves.low > low;
}

bool picket_delta_has(const uint8_t *list, uint32_t count, const uint8_t *address,
                      uint8_t address_size)
{
    struct halves halves = get_halves(address, address_size);
    uint32_t first = 0;

    /*@ loop invariant first + count <= \at(count, Pre);
      @ loop assigns first, count;
      @ loop variant count;
      @*/
    while (count > 0) {
        uint32_t half = count / 2;
        int order = compare(list + (size_t)(first + half) * PICKET_DELTA_ITEM_BYTES, halves);

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
