/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_HTTP_H
#define SERVICE_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/tls.h"
#include "picket/status.h"

/**
 * HTTP/1.1 server over libmicrohttpd, with TLS or without; knows nothing about devices.
 *
 * Life of a request: the body is collected up to the route's maximum, the
 * route's handler is called once on the server's thread, and the handler, or
 * whoever it hands the request to, calls http_reply() exactly once, now or
 * later, from any thread. Until then the connection is suspended and costs no
 * thread.
 *
 * Refused before any handler is asked: a path that is not there (404), a method
 * it does not have (405), a body that is too large (413), and, while listening
 * on loopback, a Host that is neither an address nor localhost (403): a page of
 * another site must not reach the service under a name of its own.
 */
struct err;
struct http_request;
struct http_server;

typedef void http_handler(void *context, struct http_request *request);
/** Told of each reply of 400 and more, by whomever it was made, before it goes out. Context: any
 * thread. */
typedef void http_refused_fn(void *context, const struct http_request *request, unsigned status);

/** What a request must be like is said here; the handler sees only those that are. */
struct http_route {
    const char *method;            /* a route for GET answers HEAD as well */
    const char *pattern;           /* "/v1/devices/{id}/reports": "{name}" is one path segment */
    const char *const *query;      /* allowed parameters, NULL-terminated; NULL: none */
    const char *const *body_types; /* media types of the body, NULL-terminated; NULL: no body */
    size_t body_max;               /* bytes; a larger body is answered with 413; at most 1 MiB */
    bool is_public;                /* needs no token */
    http_refused_fn *refused;      /* or NULL */
    http_handler *handler;
};

/** Texts are borrowed for the server's life. */
struct http_config {
    const char *address; /* numeric, "127.0.0.1" or "::1" */
    uint16_t port;       /* 0: any free one */
    const char
        *name; /* host name that requests may use beside addresses and "localhost"; or NULL */
    const char *token;       /* that requests must bear; NULL or "": none */
    const char *certificate; /* paths, PEM; NULL: no TLS */
    const char *key;
    unsigned connections_max; /* half of them from one address */
    unsigned timeout_s;       /* of an idle connection */
};

PICKET_MUST_CHECK enum picket_status http_server_new(const struct http_config *config,
                                                     struct http_server **ret, struct err *reterr);
/** Adds a table of routes, borrowed for the server's life; before http_server_start(). */
PICKET_MUST_CHECK enum picket_status http_server_add(struct http_server *server,
                                                     const struct http_route *routes, size_t count,
                                                     void *context);
/** Reads certificate and key. */
PICKET_MUST_CHECK enum picket_status http_server_start(struct http_server *server,
                                                       struct err *reterr);
/** Reads certificate and key anew, for connections from now on; on failure the old ones stay.
 * Context: any thread. */
PICKET_MUST_CHECK enum picket_status http_server_reload(struct http_server *server,
                                                        struct err *reterr);
/** The port listened on. */
uint16_t http_server_port(const struct http_server *server);
/**
 * No handler runs after it returns, and none is called again; requests that
 * handlers were given can still be answered.
 */
void http_server_quiesce(struct http_server *server);
/** After every request was replied to; waits up to five seconds for clients to take the replies.
 * NULL is allowed. */
void http_server_free(struct http_server *server);

const char *http_request_path(const struct http_request *request);
/** The path segment that stood for "{name}", percent-decoded; NULL if there is none. */
const char *http_request_segment(const struct http_request *request, const char *name);
/** NULL if it is not there. */
const char *http_request_query(const struct http_request *request, const char *name);
/** The name of the query's parameter number @p index, from 0; NULL past the end. */
const char *http_request_query_name(const struct http_request *request, size_t index);
const char *http_request_header(const struct http_request *request, const char *name);
#define HTTP_SOURCE_MAX 46u
/** The client's numeric address. */
void http_request_source(const struct http_request *request, char ret_text[HTTP_SOURCE_MAX]);
/** What the client showed of itself, the leaf first: how many. Borrowed until the reply. */
size_t http_request_certificates(const struct http_request *request,
                                 struct tls_certificate ret[TLS_CERTIFICATES_MAX]);
const uint8_t *http_request_body(const struct http_request *request, size_t *ret_length);

/** One header more for the reply; both texts are copied. Before http_reply(). */
void http_reply_header(struct http_request *request, const char *name, const char *value);
/** Copies @p body. The request is gone afterwards. */
void http_reply(struct http_request *request, unsigned status, const char *content_type,
                const void *body, size_t length);
/** {"error": {"status": N, "reason": "…"}} */
void http_reply_error(struct http_request *request, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
