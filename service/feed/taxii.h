/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_TAXII_H
#define SERVICE_FEED_TAXII_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "feed/fetch.h"
#include "picket/status.h"

/**
 * Polls a collection of a TAXII 2.1 server (OASIS, §5.4).
 *
 * What was revoked or taken out of a collection can't be told by what was added to
 * it since. So a poll first asks whether anything was added, and if so fetches the
 * whole collection, indicators only: the same all or nothing as with a document and
 * its ETag, and what was read from it takes the place of what was there.
 */
struct buf;
struct err;

#define TAXII_PAGE_OBJECTS 1000u /* asked for; a server may give fewer */
#define TAXII_PAGES_MAX    4096u

/** What the collection had last time. */
struct taxii_state {
    char added_last[FETCH_TIME_MAX]; /* "" if not known: then all is fetched */
};

struct taxii_answer {
    bool is_unchanged;      /* nothing was added since */
    long http_status;       /* the last one */
    int64_t retry_after_us; /* from now on; 0 if not said */
    size_t pages;
    struct taxii_state state;
};

/**
 * Adds the envelopes of all pages to @p content, each on a line of its own, which
 * the STIX reader (FEED_FORMAT_STIX) takes as one feed.
 *
 * request: its url is that of the collection ("…/collections/ID/"), with or without
 *          "objects/"; bytes_max holds for each page, timeout_ms and the limit of
 *          @p content for all of them; accept is not looked at.
 * Context: as fetch().
 * Errors:  those of fetch(); PICKET_E_MALFORMED for an answer that is no envelope, or
 *          that goes on with a page it gave before; PICKET_E_LIMIT over TAXII_PAGES_MAX.
 *          *ret is set in each case; http_status is 0 if no answer came, the state
 *          @p last if not all came.
 */
PICKET_MUST_CHECK enum picket_status taxii_poll(const struct fetch_request *request,
                                                const struct taxii_state *last,
                                                bool (*is_stopped)(void *context), void *context,
                                                struct buf *content, struct taxii_answer *ret,
                                                struct err *reterr);

#endif
