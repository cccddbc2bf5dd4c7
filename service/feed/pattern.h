/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_PATTERN_H
#define SERVICE_FEED_PATTERN_H

#include <stddef.h>

#include "feed/format.h"
#include "picket/status.h"

/**
 * Patterns of STIX indicators (STIX 2.0 part 5, STIX 2.1 §9), as far as one thing
 * seen on the network is enough to make them hold.
 *
 * A pattern is taken apart into its alternatives. An alternative becomes an
 * observable only if seeing that observable, and nothing else, makes the whole
 * pattern hold: "[ipv4-addr:value = A OR file:name = F]" gives A, while
 * "[ipv4-addr:value = A AND file:name = F]" gives nothing, since A alone would be
 * a false alarm. An address AND a port, AND tcp or udp, are one observable.
 * A URL gives its host as it does in every feed (feed/reader.h).
 * Whatever can't be said is passed over with its reason and never guessed: NOT, !=, <,
 * >, MATCHES, EXISTS, ISSUPERSET, wildcards that are not whole labels, observations
 * joined by AND or FOLLOWEDBY, START, WITHIN and REPEATS, a name with a port.
 */
struct observable;

/** Takes what a pattern gives, in order; borrowed for the call. */
struct pattern_sink {
    enum picket_status (*take)(void *context, const struct observable *observable);
    void (*skip)(void *context, enum feed_skip skip, const char *reason);
    void *context;
};

/** Those of all parts of a pattern, before and after what AND makes of them. */
#define PATTERN_ALTERNATIVES_MAX 16384u

/**
 * Reads a pattern, unescaped from JSON. Bad grammar is one skip and gives nothing.
 *
 * Errors: what the sink returns; PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status pattern_read(const char *pattern, size_t length,
                                                  const struct pattern_sink *sink);

#endif
