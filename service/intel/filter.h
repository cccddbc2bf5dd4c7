/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_FILTER_H
#define SERVICE_INTEL_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/settings.h"
#include "picket/status.h"

/**
 * Making of the filter that a policy takes to a device: every address that is
 * put in is found there, and about one in 256 of all others, which is why the
 * service looks a device's find up again. Where an address lies is wire's
 * picket_filter_locate(), so that maker and reader can't disagree.
 *
 * Nothing here locks, logs or reads a clock.
 */
struct err;
struct filter;

#define FILTER_ADDRESSES_MAX 1000000u

/**
 * Makes a filter; the same addresses, in whatever order and however often, and
 * the same @p seed give the same bytes.
 *
 * Ownership: @p addresses is borrowed; the caller frees *ret with filter_free().
 * Context:   any thread; about 40 bytes and a microsecond for each address.
 * Errors:    PICKET_E_EMPTY without addresses, PICKET_E_LIMIT over
 *            FILTER_ADDRESSES_MAX or if no seed is found, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status filter_build(const struct address *addresses, size_t count,
                                                  uint64_t seed, struct filter **ret);

/**
 * filter_build() of text with an address a line: '#' and ';' begin a comment;
 * blanks, CRLF and a byte-order mark are fine. A line that is wrong, or a prefix of
 * more than one address, refuses the list.
 *
 * Errors: PICKET_E_MALFORMED too; each with a sentence that names the line.
 */
PICKET_MUST_CHECK enum picket_status filter_build_list(const char *text, size_t length,
                                                       uint64_t seed, struct filter **ret,
                                                       struct err *reterr);

/** Fingerprints, each a byte, of a filter of @p count different addresses, of which there are some.
 */
size_t filter_bytes(size_t count);

/** What goes into a policy; borrowed while the filter lives. */
const struct picket_filter *filter_content(const struct filter *filter);

/** NULL is allowed. */
void filter_free(struct filter *filter);

#endif
