/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_API_RESOURCE_H
#define SERVICE_API_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/buf.h"
#include "base/json.h"
#include "net/http.h"
#include "picket/status.h"

/**
 * What the files of the API share: answers, listings, and the handlers of the
 * one table in api.c. Private to api.
 */
struct err;
struct pipeline_outcome;

struct api {
    struct api_config config;
    uint8_t etag_key[16]; /* random: nobody can make two answers look alike */
};

/** An answer under construction: open, write members, send. */
struct answer {
    struct buf body;
    struct json json;
};

void answer_init(struct answer *answer);
/**
 * Replies 200 with the answer, or 304 if the client has it already, and frees it.
 */
void answer_send(struct answer *answer, const struct api *api, struct http_request *request);
/** Frees the answer and replies with what the store said. */
void answer_fail(struct answer *answer, struct http_request *request, enum picket_status status,
                 const struct err *err);
/** A status of the store, of a worker or of memory as an error reply. */
void reply_failure(struct http_request *request, enum picket_status status, const char *reason);

/** Of what a worker did for @p request, which is replied to: 204, or as reply_failure(). */
void reply_outcome(void *request, const struct pipeline_outcome *outcome);

#define PAGE_LIMIT_MAX 1000u

/** Which part of a listing is asked for: query parameters "limit" and "offset". */
struct page {
    size_t limit;
    size_t offset;
};

/** False: the request was replied to with 400. */
bool page_read(struct http_request *request, struct page *ret);
/** A query parameter that is a time: *ret stays as it is if it is not there. False: the request was
 * replied to with 400. */
bool time_read(struct http_request *request, const char *name, int64_t *ret);
/** Members "total" and "next" (the offset that follows, or null) of a listing. */
void page_write(struct json *json, const struct page *page, uint64_t total);

/* Handlers. */
void api_get_status(void *context, struct http_request *request);
void api_list_devices(void *context, struct http_request *request);
void api_get_device(void *context, struct http_request *request);
void api_list_device_peers(void *context, struct http_request *request);
void api_list_device_settings(void *context, struct http_request *request);
void api_put_device_group(void *context, struct http_request *request);
void api_list_flows(void *context, struct http_request *request);
void api_list_alerts(void *context, struct http_request *request);
void api_get_alert(void *context, struct http_request *request);
void api_resolve_alert(void *context, struct http_request *request);
void api_list_recommendations(void *context, struct http_request *request);
void api_get_recommendation(void *context, struct http_request *request);
void api_list_groups(void *context, struct http_request *request);
void api_get_group(void *context, struct http_request *request);
void api_put_group(void *context, struct http_request *request);
void api_delete_group(void *context, struct http_request *request);
void api_get_group_settings(void *context, struct http_request *request);
void api_put_group_settings(void *context, struct http_request *request);
void api_list_feeds(void *context, struct http_request *request);
void api_get_feed(void *context, struct http_request *request);
void api_put_feed(void *context, struct http_request *request);
void api_delete_feed(void *context, struct http_request *request);
void api_refresh_feed(void *context, struct http_request *request);
void api_put_indicators(void *context, struct http_request *request);
void api_delete_indicators(void *context, struct http_request *request);
void api_list_indicators(void *context, struct http_request *request);
void api_get_indicator(void *context, struct http_request *request);
void api_list_credentials(void *context, struct http_request *request);
void api_post_credential(void *context, struct http_request *request);
void api_delete_credentials(void *context, struct http_request *request);
void api_delete_credential(void *context, struct http_request *request);
void api_list_tokens(void *context, struct http_request *request);
void api_post_token(void *context, struct http_request *request);
void api_delete_token(void *context, struct http_request *request);
void api_list_authorities(void *context, struct http_request *request);
void api_post_authority(void *context, struct http_request *request);
void api_delete_authority(void *context, struct http_request *request);
void api_list_catalogue(void *context, struct http_request *request);
void api_get_catalogue_type(void *context, struct http_request *request);
void api_get_console_file(void *context, struct http_request *request);

/** PICKET_E_NOTFOUND, with a sentence, if there is no device of that id. */
PICKET_MUST_CHECK enum picket_status device_check(struct store *store, const char *id,
                                                  struct err *reterr);
/** True if there is a group of that name. */
bool group_exists(const struct api *api, const char *name);
/** Puts the group "default" into a store that lacks it. */
PICKET_MUST_CHECK enum picket_status group_seed(struct store *store, struct err *reterr);

#endif
