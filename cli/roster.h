/* SPDX-License-Identifier: MIT */
#ifndef CLI_ROSTER_H
#define CLI_ROSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/status.h"

/**
 * Who is a device among those whose packets pass: addresses, each with a number
 * from 0 on, in the order in which they came.
 *
 * All memory is taken at the start, and a look-up costs the same whoever chose
 * the addresses. What it is that the addresses are of, the caller knows: a MAC
 * is one, too, in its last six bytes.
 */
struct roster;

/** NULL if memory is out. */
struct roster *roster_new(size_t capacity);
/** NULL is allowed. */
void roster_free(struct roster *roster);

/** The number of @p address; false if it has none. */
bool roster_find(const struct roster *roster, const struct address *address, size_t *ret_number);
/** The same, for one that may be new. Errors: PICKET_E_FULL. */
PICKET_MUST_CHECK enum picket_status
roster_admit(struct roster *roster, const struct address *address, size_t *ret_number);
size_t roster_count(const struct roster *roster);
const struct address *roster_at(const struct roster *roster, size_t number);

/** Source and destination of an IP datagram; false if the header is cut off or of no known
 * version. */
bool datagram_ends(const uint8_t *bytes, size_t captured, struct address *ret_source,
                   struct address *ret_destination);

#endif
