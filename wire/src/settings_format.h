/* SPDX-License-Identifier: MIT */
#ifndef WIRE_SRC_SETTINGS_FORMAT_H
#define WIRE_SRC_SETTINGS_FORMAT_H

#include <stdint.h>

#include "picket/settings.h"

/**
 * What readers and writers of settings share and nobody else needs: the numbers
 * of spec/settings.cddl.
 */

/** Items of an envelope, and of what its signature is over (RFC 9052 §4.2, §4.4). */
enum { ENVELOPE_ITEMS = 4 };

/** The protected header: a map of one pair, "alg" and the algorithm's number. */
enum {
    PROTECTED_BYTES = 3,
    PROTECTED_MAP = 0xa1,
    PROTECTED_ALG = 0x01,
    PROTECTED_EDDSA = 0x27, /* -8 */
    PROTECTED_ES256 = 0x26, /* -7 */
};

/** Keys of settings; those of a configuration's values are enum picket_setting. */
enum {
    SETTINGS_VERSION = 0,
    SETTINGS_KIND = 1,
    SETTINGS_REVISION = 2,
    SETTINGS_AUDIENCE = 3,
    POLICY_MODE = 4,
    POLICY_TRIAL_MS = 5,
    POLICY_DENIES_OTHERS = 6,
    POLICY_IPV4_RULES = 7,
    POLICY_IPV6_RULES = 8,
    POLICY_FILTER = 9,
    INDICATORS_SHARD = 4,
    INDICATORS_SHARD_COUNT = 5,
    INDICATORS_FILTER = 6,
    INDICATORS_LISTED = 7,
    INDICATORS_UNLISTED = 8,
};

/** Keys that settings of every kind have, those that a kind has besides, and a filter's items. */
enum { SETTINGS_PAIRS = 4, POLICY_PAIRS = 5, INDICATORS_PAIRS = 5, FILTER_ITEMS = 3 };

/** Where a rule has what; the ports are behind the address. */
enum {
    RULE_TRAITS = 0,
    RULE_PROTOCOL = 1,
    RULE_PREFIX_LENGTH = 2,
    RULE_ADDRESS = 3,
    RULE_BYTES = 7, /* without the address */
};

/** Bits of a rule's traits. */
enum {
    RULE_DENY = 1 << 0,
    RULE_DIRECTION_SHIFT = 1,
    RULE_DIRECTION_MASK = 3,
    RULE_ANY_PROTOCOL = 1 << 3,
    RULE_TRAITS_MAX = (1 << 4) - 1,
};

/** A number of 16 bits as a rule has it. */
/*@ requires \valid_read(at + (0 .. 1));
  @ assigns \nothing;
  @*/
static inline uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)((unsigned)at[0] << 8 | at[1]);
}

/** What is wrong with a rule, or NULL. */
/*@ requires address_size == 4 || address_size == 16;
  @ requires \valid_read(rule + (0 .. 7 + address_size - 1));
  @ assigns \nothing;
  @*/
const char *picket_wire_rule_fault(const uint8_t *rule, uint8_t address_size);

#endif
