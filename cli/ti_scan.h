/* SPDX-License-Identifier: MIT */
#ifndef CLI_TI_SCAN_H
#define CLI_TI_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

/**
 * Addresses in the text of a log or a list, as grepcidr 2.0 finds them: an address is a
 * whole run of letters, digits and dots (and colons, in IPv6), without leading zeros, and
 * may follow letters that can't belong to it. The two versions are looked for on their
 * own: "::ffff:192.0.2.1" is one of each.
 */

/** Finds the next one from *at on, which moves behind it; false if there is no more. */
bool ti_scan_ipv4(const char *text, size_t length, size_t *at, uint32_t *ret);
bool ti_scan_ipv6(const char *text, size_t length, size_t *at, struct address *ret);

/**
 * Four numbers from @p text on, before @p end: where they end, or NULL. Leading zeros
 * are good only if @p is_lax. *ret is in host order.
 */
const char *ti_read_ipv4(const char *text, const char *end, bool is_lax, uint32_t *ret);

/** So many bytes can be read from where ti_read_ipv4_fast() begins. */
#define TI_FAST_BYTES 18u

/**
 * The same without leading zeros, and without a branch that depends on how long the
 * numbers are: in lists of addresses none of them can be foreseen.
 */
const char *ti_read_ipv4_fast(const char *text, uint32_t *ret);
/** The same on every processor; some have instructions that do all four numbers at once. */
const char *ti_read_ipv4_words(const char *text, uint32_t *ret);

#endif
