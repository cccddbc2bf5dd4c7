/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_HTTP_TLS_H
#define SERVICE_NET_HTTP_TLS_H

#include <stddef.h>

#include "base/buf.h"
#include "net/tls.h"
#include "picket/status.h"

/**
 * The HTTP server's TLS: 1.2 or 1.3, every client is asked for a certificate and none refused for
 * it. Private to net.
 */
struct MHD_Connection;
struct err;

struct snapshot_cell;

/** What the server shows of itself. */
struct http_tls {
    const char *certificate; /* paths, borrowed; NULL: there is no TLS */
    const char *key;
    struct buf certificate_text; /* of the start, in PEM: libmicrohttpd wants them for its life */
    struct buf key_text;
    struct snapshot_cell *shown; /* the pair that new connections get */
};

#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/** Paths NULL: no TLS. http_tls_deinit() also if this fails, and when no connection is left. */
PICKET_MUST_CHECK enum picket_status http_tls_init(struct http_tls *tls, const char *certificate,
                                                   const char *key, struct err *reterr);
void http_tls_deinit(struct http_tls *tls);
/** Reads both files anew, for connections from now on; on failure the old ones stay. Context: any
 * thread. */
PICKET_MUST_CHECK enum picket_status http_tls_reload(struct http_tls *tls, struct err *reterr);

/** A connection that has begun, before its handshake: it has the present pair until its end. */
void http_tls_begin(const struct http_tls *tls, struct MHD_Connection *connection, void **place);
/** A connection is over. */
void http_tls_end(void **place);
/** The client's chain, borrowed from the connection; 0 if it showed none. */
size_t http_tls_certificates(struct MHD_Connection *connection,
                             struct tls_certificate ret[TLS_CERTIFICATES_MAX]);

#endif
