/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_ITEM_H
#define SERVICE_INTEL_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * One indicator in a builder; private to intel. There are millions, so they are small, and are
 * sorted as they are by what they are about, their key:
 *
 *   bits 61..63  family
 *   IPv4         bits 8..39 address, 0..7 length of the prefix
 *   IPv6         bits 0..31 number of a struct item_ipv6, which the order then goes by
 *   text         bits 33..40 255 less its length, bit 32 not only subdomains, 0..31 its number
 */
struct item {
    uint64_t key; /* once entries are numbered: the number of its entry */
    uint32_t line;
    uint32_t terms;
};

static inline uint64_t item_key(unsigned family, uint64_t rest)
{
    return (uint64_t)family << 61u | rest;
}

static inline uint64_t item_key_ipv4(unsigned family, uint32_t address, unsigned length)
{
    return item_key(family, (uint64_t)address << 8u | length);
}

/** Without the number of the text. */
static inline uint64_t item_key_text(unsigned family, size_t length, bool only_subdomains)
{
    return item_key(family, (uint64_t)(255u - length) << 33u | (uint64_t)!only_subdomains << 32u);
}

static inline unsigned item_family(uint64_t key)
{
    return (unsigned)(key >> 61u);
}

/** Sorts by key; equal ones keep their order. False if memory is out. */
bool item_sort(struct item *items, size_t count);

#endif
