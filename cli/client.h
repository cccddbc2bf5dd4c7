/* SPDX-License-Identifier: MIT */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stddef.h>

#include "base/buf.h"
#include "picket/status.h"

/**
 * HTTP client of a running service.
 *
 * Life: new, any number of requests over one kept connection, free.
 * Context: one thread; a request blocks, at most for a minute.
 */
struct client;
struct err;
struct json_t;

#define CLIENT_TYPE_MAX    64u
#define CLIENT_URL_DEFAULT "http://127.0.0.1:8480"

/** What to ask for. Texts are borrowed for the call. */
struct client_request {
    const char *method;
    const char *path;         /* from "/v1/…"; segments already escaped */
    const char *content_type; /* NULL if there is no body */
    const void *body;
    size_t length;
};

struct client_reply {
    unsigned status;
    unsigned retry_after_s;             /* 0 if the service did not say */
    char content_type[CLIENT_TYPE_MAX]; /* "" if the service did not say */
    struct buf body; /* the caller calls buf_deinit(), also when the call failed */
};

/**
 * Which service, and how the two know each other. What is NULL comes from the
 * environment (PICKET_URL, PICKET_TOKEN, PICKET_CA, PICKET_CERT, PICKET_KEY), else
 * from CLIENT_URL_DEFAULT; without an authority those of the system count.
 */
struct client_place {
    const char *url;
    const char *token;
    const char *authority;   /* paths of PEM files: who certifies the service, */
    const char *certificate; /* what the service is shown, */
    const char *key;         /* and its private key */
};

/** Fills in what comes from the environment, or is the default; NULL stays what is in neither. */
void client_place_settle(struct client_place *place);

/**
 * Reads every file there and then, so that a program may give up the right to.
 *
 * Errors: PICKET_E_ARG, PICKET_E_IO, PICKET_E_LIMIT, with a sentence.
 */
PICKET_MUST_CHECK enum picket_status client_new(const struct client_place *place,
                                                struct client **ret, struct err *reterr);
/** NULL is allowed. */
void client_free(struct client *client);
/** The service's address, for messages. */
const char *client_url(const struct client *client);

/** Errors: PICKET_E_IO, with the URL tried and what to do. Any HTTP status is PICKET_OK. */
PICKET_MUST_CHECK enum picket_status client_send(struct client *client,
                                                 const struct client_request *request,
                                                 struct client_reply *ret, struct err *reterr);

/** The sentence for a status that is not 2xx: the service's reason, and what to do about it. */
void client_explain(const struct client_reply *reply, struct err *reterr);

/**
 * One request that must succeed: the answer's JSON, NULL if it has none. The
 * caller lets it go with json_decref().
 */
PICKET_MUST_CHECK enum picket_status client_ask(struct client *client,
                                                const struct client_request *request,
                                                struct json_t **ret, struct err *reterr);

/** Adds @p text to a path or query, percent-encoded. */
void client_escape(struct buf *out, const char *text);

#endif
