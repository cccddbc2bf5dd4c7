/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_TLS_SERVER_H
#define SERVICE_NET_TLS_SERVER_H

#include <stddef.h>

#include "net/tls.h"
#include "picket/status.h"

/**
 * The server's end of TLS 1.2 and 1.3 over OpenSSL: its certificate, and connections that use it.
 *
 * Made for many connections that are idle: no buffers while nothing is read or written, no
 * renegotiation, no resumption. Context: any thread; each connection belongs to one.
 */
struct err;
struct ssl_st; /* SSL of OpenSSL */
struct tls_server;

/** Reads certificate (with its chain) and key, PEM. The paths are kept. */
PICKET_MUST_CHECK enum picket_status tls_server_new(const char *certificate, const char *key,
                                                    struct tls_server **ret, struct err *reterr);
/** Connections may outlive it. NULL is allowed. */
void tls_server_free(struct tls_server *server);
/** Reads both anew, for connections from now on; on failure the old ones stay. */
PICKET_MUST_CHECK enum picket_status tls_server_reload(struct tls_server *server,
                                                       struct err *reterr);
/** A connection over @p socket, before its handshake; NULL if memory is out. The caller frees it
 * with SSL_free(), and closes the socket. */
struct ssl_st *tls_server_accept(struct tls_server *server, int socket);

/** What the client showed, the leaf first; how many. The caller frees each one's bytes with
 * tls_certificates_free(). */
size_t tls_certificates_get(const struct ssl_st *connection,
                            struct tls_certificate ret[TLS_CERTIFICATES_MAX]);
void tls_certificates_free(struct tls_certificate *certificates, size_t count);

#endif
