/* SPDX-License-Identifier: MIT */
#ifndef WIRE_SRC_FORMAT_H
#define WIRE_SRC_FORMAT_H

#include <stdint.h>

/**
 * What encoder and decoder share and nobody else needs: the numbers of
 * spec/report.cddl.
 */

/** The upper three bits of an item's first byte (RFC 8949 §3.1). */
enum {
    CBOR_UINT = 0x00,
    CBOR_BYTES = 0x40,
    CBOR_TEXT = 0x60,
    CBOR_ARRAY = 0x80,
    CBOR_MAP = 0xa0,
    CBOR_SIMPLE = 0xe0,
    CBOR_FALSE = 0xf4,
    CBOR_TRUE = 0xf5,
};

/** Keys of a report. */
enum {
    KEY_VERSION = 0,
    KEY_BOOT = 1,
    KEY_SEQUENCE = 2,
    KEY_WINDOW = 3,
    KEY_BUILT_MS = 4,
    KEY_PART = 5,
    KEY_HAS_MORE = 6,
    KEY_CLOCK_MS = 7,
    KEY_COUNTERS = 8,
    KEY_REMAINDER = 9,
    KEY_HEARTBEAT = 10,
    KEY_SYSTEM = 11,
    KEY_FLOWS = 12,
};

/** Items of the rows that this build writes; a reader takes longer ones too. */
enum {
    WINDOW_ITEMS = 3,
    COUNTER_ITEMS = 6,
    REMAINDER_ITEMS = 5,
    HEARTBEAT_ITEMS = 3,
    SYSTEM_TEXTS = 5,
    FLOW_ITEMS = 10,
};

/** Bits of a flow's traits. */
enum {
    TRAIT_DIRECTION_SHIFT = 0,
    TRAIT_DIRECTION_MASK = 3,
    TRAIT_LOCAL_PORT = 1 << 2, /* the one port of a folded flow is the device's own */
    TRAIT_OUTCOME_SHIFT = 3,
    TRAIT_OUTCOME_MASK = 7,
    TRAIT_KIND_SHIFT = 6,
    TRAIT_KIND_MASK = 3,
    TRAIT_CAST_SHIFT = 8,
    TRAIT_CAST_MASK = 3,
    TRAITS_MAX = (1 << 10) - 1,
};

/** Limits of a heartbeat's interval. */
enum { INTERVAL_MS_MIN = 1000, INTERVAL_MS_MAX = 86400000 };

/**
 * Longest flow: traits and protocol of 2 + 1 and 1 + 1 bytes, two IPv6 addresses
 * with two ports, three numbers of 32 bits and four of 64.
 */
enum { FLOW_BYTES_MAX = 3 + 2 + (2 + 36) + 3 * 5 + 4 * 9 };

/** Writes a head of at most 9 bytes, without a check for room; returns its end. */
uint8_t *picket_wire_add_head(uint8_t *at, unsigned major, uint64_t value);

#endif
