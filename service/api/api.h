/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_API_API_H
#define SERVICE_API_API_H

#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * The REST API (spec/api.yaml) and the console's files: one table of routes,
 * one file per resource. Handlers run on the server's thread and read from the
 * store; writes go through the store and are published before the answer.
 * Who may call is the server's to check, by its token.
 */
struct api;
struct catalogue;
struct err;
struct http_route;
struct identity_book;
struct json;
struct keeper;
struct pipeline;
struct rulebook;
struct snapshot_cell;
struct store;

struct api_config {
    const char *version; /* of the service; everything here is borrowed */
    struct store *store;
    struct pipeline *pipeline;
    struct snapshot_cell *intel;
    struct keeper *keeper;          /* who publishes there */
    struct snapshot_cell *rulebook; /* the API publishes new versions here, */
    struct snapshot_cell *downlink; /* and here (of struct downlink) */
    struct identity_book *identity;
    const struct catalogue *catalogue;
    int64_t (*now_us)(void *context);
    void *now_context;
    int64_t started_us;
    /* Puts the members of /v1/status that only the program knows: lists, reports_refused,
     * ledger_days, flow_days, data_folder. Called on the server's thread. */
    void (*write_status)(void *context, struct json *json);
    void *status_context;
};

/** A store without the group "default" gets it. */
PICKET_MUST_CHECK enum picket_status api_new(const struct api_config *config, struct api **ret,
                                             struct err *reterr);
/** NULL is allowed. */
void api_free(struct api *api);
/** Routes for http_server_add() with the api as context. */
const struct http_route *api_routes(size_t *ret_count);

/** Reads every group of the store into a rulebook; used at start and after each change. */
PICKET_MUST_CHECK enum picket_status api_load_rulebook(struct store *store, struct rulebook **ret,
                                                       struct err *reterr);

/** What the store holds becomes what devices are told; used at start and after each change. */
PICKET_MUST_CHECK enum picket_status
api_publish_downlink(struct store *store, struct snapshot_cell *cell, struct err *reterr);

#endif
