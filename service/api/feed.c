/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "feed/keeper.h"
#include "intel/live.h"

static int64_t now_us(const struct api *api)
{
    return api->config.now_us(api->config.now_context);
}

/* A keeper's refusal is the client's fault more often than a worker's. */
static void reply_refusal(struct http_request *request, enum picket_status status,
                          const struct err *err)
{
    if (status == PICKET_E_CONFLICT) {
        http_reply_error(request, 409, "%s", err->text);
    } else {
        reply_failure(request, status, err->text);
    }
}

static void reply_unknown(struct http_request *request, const char *name)
{
    http_reply_error(request, 404, "there is no feed '%.64s'", name);
}

void api_list_feeds(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct answer answer;
    size_t total = 0;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    total = keeper_write_feeds(api->config.keeper, &answer.json);
    json_close_array(&answer.json);
    json_put_uint(&answer.json, "total", total);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static void send_feed(const struct api *api, struct http_request *request)
{
    const char *name = http_request_segment(request, "name");
    struct answer answer;

    answer_init(&answer);
    if (keeper_write_feed(api->config.keeper, NULL, name, &answer.json)) {
        answer_send(&answer, api, request);
    } else {
        buf_deinit(&answer.body);
        reply_unknown(request, name);
    }
}

void api_get_feed(void *context, struct http_request *request)
{
    send_feed(context, request);
}

void api_put_feed(void *context, struct http_request *request)
{
    const struct api *api = context;
    size_t length = 0;
    const uint8_t *body = http_request_body(request, &length);
    struct err err = {""};
    enum picket_status status =
        keeper_put_feed(api->config.keeper, http_request_segment(request, "name"),
                        (const char *)body, length, now_us(api), &err);

    if (status != PICKET_OK) {
        reply_refusal(request, status, &err);
        return;
    }
    send_feed(api, request);
}

void api_delete_feed(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct err err = {""};
    enum picket_status status = keeper_remove_feed(
        api->config.keeper, http_request_segment(request, "name"), now_us(api), &err);

    if (status != PICKET_OK) {
        reply_refusal(request, status, &err);
        return;
    }
    http_reply(request, 204, NULL, NULL, 0);
}

void api_refresh_feed(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct err err = {""};
    enum picket_status status =
        keeper_refresh_feed(api->config.keeper, http_request_segment(request, "name"), &err);

    if (status != PICKET_OK) {
        reply_refusal(request, status, &err);
        return;
    }
    send_feed(api, request);
}

/* --- indicators of a feed --- */

/* A request between its submission and its being on disk. */
struct pending {
    struct keeper_push push;
    const struct api *api;
    struct http_request *request;
};

static void acknowledge(struct keeper_push *push)
{
    struct pending *pending = push->context;
    struct answer answer;

    if (push->status != PICKET_OK) {
        reply_refusal(pending->request, push->status, &push->err);
    } else {
        answer_init(&answer);
        json_open_object(&answer.json, NULL);
        json_put_uint(&answer.json, "count", push->count);
        json_close_object(&answer.json);
        answer_send(&answer, pending->api, pending->request);
    }
    free(pending);
}

static void push(const struct api *api, struct http_request *request, enum intel_change_kind kind)
{
    struct pending *pending = calloc(1, sizeof(*pending));

    if (pending == NULL) {
        reply_failure(request, PICKET_E_NOMEM, NULL);
        return;
    }
    pending->api = api;
    pending->request = request;
    pending->push = (struct keeper_push){.feed = http_request_segment(request, "name"),
                                         .kind = kind,
                                         .done = acknowledge,
                                         .context = pending};
    pending->push.body = (const char *)http_request_body(request, &pending->push.length);
    keeper_push(api->config.keeper, &pending->push);
}

void api_put_indicators(void *context, struct http_request *request)
{
    push(context, request, INTEL_PUT);
}

void api_delete_indicators(void *context, struct http_request *request)
{
    push(context, request, INTEL_REMOVE);
}

struct listing {
    struct json *json;
    const char *feed;
    struct page page;
    size_t total;
};

static bool put_indicator(void *context, const struct indicator *indicator)
{
    struct listing *listing = context;

    if (strcmp(indicator->feed, listing->feed) != 0) {
        return true;
    }
    if (listing->total >= listing->page.offset &&
        listing->total - listing->page.offset < listing->page.limit) {
        indicator_write_json(listing->json, NULL, indicator);
    }
    listing->total++;
    return true;
}

void api_list_indicators(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct snapshot *snapshot = NULL;
    struct answer answer;
    struct listing listing = {.json = &answer.json, .feed = http_request_segment(request, "name")};
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (!page_read(request, &listing.page)) {
        return;
    }
    if (!keeper_has_feed(api->config.keeper, listing.feed)) {
        reply_unknown(request, listing.feed);
        return;
    }
    snapshot = snapshot_get(api->config.intel);
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    status = intel_each(snapshot_value(snapshot), put_indicator, &listing);
    json_close_array(&answer.json);
    page_write(&answer.json, &listing.page, listing.total);
    json_close_object(&answer.json);
    snapshot_put(snapshot);
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    answer_send(&answer, api, request);
}
