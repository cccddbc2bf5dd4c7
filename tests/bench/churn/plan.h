/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_CHURN_PLAN_H
#define TESTS_BENCH_CHURN_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "intel/live.h"

/**
 * What is listed after so many updates, as a formula: the oracle needs no memory of
 * what was done, and any thread can ask it about any version.
 *
 * A number of indicators never change. Beside them are PLAN_ITEMS observables that
 * do: update u is about the observable u modulo PLAN_ITEMS, and puts it in if it is
 * out and out if it is in. The line of its record says how often that was.
 */
#define PLAN_ITEMS 16384u

/** Room for what one update or question points to. */
struct plan_text {
    char bytes[OBSERVABLE_TEXT_MAX];
};

/** An indicator that never changes: an IPv4 host, found under plan_fixed_address(). */
struct indicator plan_fixed(uint32_t number);
uint32_t plan_fixed_address(uint32_t number);
/** An address in the /24 of a fixed one that nothing is listed for. */
uint32_t plan_missing_address(uint32_t number, uint32_t random);
/** An address with nothing listed anywhere near. */
uint32_t plan_far_address(uint32_t random);
/** An IPv4 address given as a number. */
struct address plan_address_of(uint32_t ipv4);

/** Kinds of items that change, by number. */
enum plan_kind {
    PLAN_HOST,    /* in the /24 of a fixed one */
    PLAN_NETWORK, /* an IPv4 /24 */
    PLAN_IPV6,    /* a /64 */
    PLAN_NAME,
    PLAN_KINDS,
};
enum plan_kind plan_kind(uint32_t item);

/** The line of an item's record after so many updates; 0 if it has none. */
uint32_t plan_line(uint32_t item, uint64_t updates);
/** An item as it is after so many updates, which list it. */
struct indicator plan_indicator(uint32_t item, uint64_t updates, struct plan_text *text);
/** Update number @p update. */
struct intel_change plan_change(uint64_t update, struct plan_text *text);

/** Something that the item covers, or, of a number that is no item's, nothing does. */
uint32_t plan_ipv4_in(uint32_t item, uint32_t random);
struct address plan_ipv6_in(uint32_t item, uint32_t random);
void plan_name_in(uint32_t item, uint32_t random, struct plan_text *ret);

extern const struct intel_feed plan_feed;

#endif
