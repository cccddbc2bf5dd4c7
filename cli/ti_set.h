/* SPDX-License-Identifier: MIT */
#ifndef CLI_TI_SET_H
#define CLI_TI_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/status.h"

/**
 * A set of addresses for `picket ti match`: membership and nothing else, made of a
 * plain list in a fraction of the time that an index takes.
 *
 * Life: new, any number of adds, one seal, then questions. Context: one thread.
 */
struct err;
struct ti_set;

/** NULL if memory is out. */
struct ti_set *ti_set_new(void);
/** NULL is allowed. */
void ti_set_free(struct ti_set *set);

/** Adds all addresses from @p first to @p last. PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status ti_set_add_ipv4(struct ti_set *set, uint32_t first,
                                                     uint32_t last);
PICKET_MUST_CHECK enum picket_status ti_set_add_ipv6(struct ti_set *set,
                                                     const struct prefix *prefix);
/** Makes ready what was added. PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status ti_set_seal(struct ti_set *set);

/** True if any address of the version was added. */
bool ti_set_is_of_ipv4(const struct ti_set *set);
bool ti_set_is_of_ipv6(const struct ti_set *set);
/** ret[i] says if addresses[i], in host order, is in the set. */
void ti_set_match_ipv4(const struct ti_set *set, const uint32_t *addresses, size_t count,
                       bool *ret);
bool ti_set_has_ipv6(const struct ti_set *set, const struct address *address);

#endif
