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
#define FETCH_TIME_MAX 64u

/** Connections that stay open from one request to the next; of one thread at a time. */
struct fetch_connections;

/** NULL if memory is out. */
struct fetch_connections *fetch_connections_new(void);
/** After all requests. NULL is allowed. */
void fetch_connections_free(struct fetch_connections *connections);

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
    uint32_t connect_ms;                   /* for a connection to be there; 0: as long as for all */
    uint32_t stall_s;                      /* if nothing came for so long; 0: as long as for all */
    size_t bytes_max;                      /* as it comes over the wire */
    bool stays;                            /* no redirect is followed */
    struct fetch_connections *connections; /* or NULL: one of its own */
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
    char added_last[FETCH_TIME_MAX]; /* TAXII 2.1: X-TAXII-Date-Added-Last; "" if not said */
};

/**
 * Fetches a document; what comes is added to @p content, whose limit holds.
 * Redirects are followed, five at most, only to http and https and never from
 * https to http, unless the request stays; name, password and token go to the first host alone.
 * Proxies of the environment are not used. No sentence tells a secret, nor the URL.
 *
 * Context: blocks until it is done, timeout_ms at most, or @p is_stopped (asked
 *          about once a second; may be NULL) says so. Any thread.
 * Errors:  PICKET_E_IO with the reason: no connection, a certificate that does not
 *          hold, no whole answer in time, an HTTP status other than 200 and 304 (then
 *          *ret is set, too); PICKET_E_LIMIT over bytes_max; PICKET_E_STATE if it was
 *          stopped; PICKET_E_NOMEM. @p content may have a part of the document then.
 */
PICKET_MUST_CHECK enum picket_status fetch(const struct fetch_request *request,
                                           const struct fetch_state *last,
                                           bool (*is_stopped)(void *context), void *context,
                                           struct buf *content, struct fetch_answer *ret,
                                           struct err *reterr);

#endif
