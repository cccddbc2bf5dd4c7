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

/** What the server shows of itself; texts of PEM, which must outlive the server. */
struct http_tls {
    struct buf certificate; /* empty: there is no TLS */
    struct buf key;
};

#define HTTP_TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

/** Paths NULL: no TLS. http_tls_deinit() also if this fails. */
PICKET_MUST_CHECK enum picket_status http_tls_init(struct http_tls *tls, const char *certificate,
                                                   const char *key, struct err *reterr);
void http_tls_deinit(struct http_tls *tls);

/** A connection that has begun, before its handshake. */
void http_tls_ask(struct MHD_Connection *connection);
/** The client's chain, borrowed from the connection; 0 if it showed none. */
size_t http_tls_certificates(struct MHD_Connection *connection,
                             struct tls_certificate ret[TLS_CERTIFICATES_MAX]);

#endif
