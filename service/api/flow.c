/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "model/contact.h"
#include "model/flow_pack.h"
#include "model/observable.h"
#include "model/report.h"
#include "store/store.h"

#define PLACE_TEXT_MAX (DEVICE_ID_MAX + 64u)

struct listing {
    struct json *json;
    size_t limit;
    size_t count;
    struct store_flow_place last; /* of the page */
};

/* One more than the page has is asked for, and tells that there is a next one. */
static bool put_item(void *context, const struct store_flow *item)
{
    struct listing *listing = context;
    struct json *json = listing->json;

    if (listing->count++ == listing->limit) {
        return false;
    }
    listing->last = *item->place;
    json_open_object(json, NULL);
    json_put_text(json, "device", item->device);
    json_put_uint(json, "boot", item->report->boot);
    json_put_uint(json, "sequence", item->report->sequence);
    json_put_time(json, "received", item->report->received_us);
    flow_write_json(json, "flow", item->flow);
    json_close_object(json);
    return true;
}

/* --- where a page begins: "DAY.END.SKIP.DEVICE" --- */

static void put_next(struct json *json, const struct listing *listing)
{
    const struct store_flow_place *place = &listing->last;
    char text[PLACE_TEXT_MAX];

    if (listing->count <= listing->limit) {
        json_put_null(json, "next");
        return;
    }
    snprintf(text, sizeof(text), "%" PRId32 ".%" PRId64 ".%" PRIu32 ".%s", place->day,
             place->end_us, place->skip, place->device);
    json_put_text(json, "next", text);
}

static bool parse_number(const char **text, long long min, long long max, long long *ret)
{
    char *end = NULL;

    errno = 0;
    *ret = strtoll(*text, &end, 10);
    if (end == *text || *end != '.' || errno != 0 || *ret < min || *ret > max) {
        return false;
    }
    *text = end + 1;
    return true;
}

/* False: the request was replied to with 400. */
static bool read_after(struct http_request *request, struct store_flow_filter *filter,
                       struct store_flow_place *ret)
{
    const char *text = http_request_query(request, "after");
    long long day, end_us, skip;

    if (text == NULL) {
        return true;
    }
    if (!parse_number(&text, INT32_MIN, INT32_MAX, &day) ||
        !parse_number(&text, INT64_MIN, INT64_MAX, &end_us) ||
        !parse_number(&text, 1, UINT32_MAX, &skip) || !device_id_valid(text)) {
        http_reply_error(request, 400, "after: allowed is what a page has as next");
        return false;
    }
    *ret = (struct store_flow_place){.day = (int32_t)day, .end_us = end_us, .skip = (uint32_t)skip};
    memcpy(ret->device, text, strlen(text) + 1);
    filter->after = ret;
    return true;
}

/* --- whose flows --- */

/** A peer, and what its name lies in. */
struct asked_peer {
    struct peer peer;
    char name[OBSERVABLE_TEXT_MAX];
};

static bool parse_peer(const char *text, struct asked_peer *ret)
{
    struct observable observable;

    if (observable_parse(text, strlen(text), &observable, ret->name, NULL) != PICKET_OK) {
        return false;
    }
    ret->peer = (struct peer){.address = observable.prefix.address};
    if (observable.kind == OBSERVABLE_NAME) {
        ret->peer = (struct peer){.name = observable.text};
        return !observable.only_subdomains;
    }
    return observable.kind == OBSERVABLE_ADDRESS && observable.prefix.length == 128 &&
           observable.port == 0 && observable.protocol == 0;
}

/* False: the request was replied to with 400. */
static bool read_whose(struct http_request *request, struct store_flow_filter *filter,
                       struct asked_peer *ret)
{
    const char *peer = http_request_query(request, "peer");

    filter->device = http_request_query(request, "device");
    if ((filter->device == NULL) == (peer == NULL)) {
        http_reply_error(request, 400, "give a device or a peer");
        return false;
    }
    if (peer != NULL && !parse_peer(peer, ret)) {
        http_reply_error(request, 400, "peer: allowed is an address or a name");
        return false;
    }
    filter->peer = peer != NULL ? &ret->peer : NULL;
    return true;
}

void api_list_flows(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store *store = api->config.store;
    struct store_flow_filter filter = {.since_us = INT64_MIN, .until_us = INT64_MAX};
    struct store_flow_place after;
    struct asked_peer peer;
    struct page page;
    struct answer answer;
    struct listing listing = {.json = &answer.json};
    struct err err = {""};
    enum picket_status status;

    if (!page_read(request, &page) || !read_whose(request, &filter, &peer) ||
        !time_read(request, "since", &filter.since_us) ||
        !time_read(request, "until", &filter.until_us) || !read_after(request, &filter, &after)) {
        return;
    }
    listing.limit = page.limit;
    filter.limit = page.limit + 1;
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    status = filter.device == NULL ? PICKET_OK : device_check(store, filter.device, &err);
    if (status == PICKET_OK) {
        status = store->ops->each_flow(store, &filter, put_item, &listing, &err);
    }
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    json_close_array(&answer.json);
    put_next(&answer.json, &listing);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}
