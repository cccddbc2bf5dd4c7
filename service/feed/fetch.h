/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_FETCH_H
#define SERVICE_FEED_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

struct buf;
struct err;

#define FETCH_ETAG_MAX 256u

/** Where and how a feed is fetched. Texts are borrowed; NULL or "" if there is none. */
struct fetch_request {
    const char *url; /* http://, https:// */
    const char *proxy;
    const char *ca_file;          /* NULL: the system's */
    const char *certificate_file; /* of this client, PEM */
    const char *key_file;
    const char *user; /* "name:password", or "" */
    const char *bearer_token;
    const char *accept; /* media type; "" for any */
    uint32_t timeout_ms;
    size_t bytes_max; /* as it comes over the wire */
};

/** What a server said last time, so that it need not send the same again (RFC 9110, §13). */
struct fetch_state {
    char etag[FETCH_ETAG_MAX];
    int64_t modified_us; /* 0: not known */
};

/** What came back. */
struct fetch_answer {
    bool is_unchanged; /* 304: nothing was sent */
    long http_status;
    int64_t retry_after_us; /* from now on; 0 if not said */
    struct fetch_state state;
    char content_type[128];
};

/**
 * Fetches a document; what comes is added to @p content, whose limit holds.
 * Redirects are followed, only to http and https and not from https to http.
 *
 * Context: blocks until it is done, timeout_ms at most, or @p is_stopped (asked
 *          now and then; may be NULL) says so.
 * Errors:  PICKET_E_IO with the reason and the HTTP status (ret is set then, too),
 *          PICKET_E_LIMIT over bytes_max, PICKET_E_TIMEOUT… as picket/status.h has them.
 */
PICKET_MUST_CHECK enum picket_status fetch(const struct fetch_request *request,
                                           const struct fetch_state *last,
                                           bool (*is_stopped)(void *context), void *context,
                                           struct buf *content, struct fetch_answer *ret,
                                           struct err *reterr);

#endif
