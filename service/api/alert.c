/* SPDX-License-Identifier: MIT */
#include "model/alert.h"

#include <stdlib.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "model/catalogue.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

struct listing {
    const struct api *api;
    struct json *json;
    size_t count;
};

static bool put_item(void *context, const struct alert *alert)
{
    struct listing *listing = context;

    alert_write_json(listing->json, NULL, alert, listing->api->config.catalogue);
    listing->count++;
    return true;
}

/* Each false: the request was replied to with 400. */
static bool read_type(const struct api *api, struct http_request *request,
                      struct store_filter *filter)
{
    const char *text = http_request_query(request, "type");
    const struct catalogue_type *type = NULL;

    if (text == NULL) {
        return true;
    }
    type = catalogue_find(api->config.catalogue, text);
    if (type == NULL) {
        http_reply_error(request, 400, "type: there is no '%.40s'; GET /v1/catalogue lists them",
                         text);
        return false;
    }
    filter->type = type->id;
    return true;
}

static bool read_state(struct http_request *request, struct store_filter *filter)
{
    const char *text = http_request_query(request, "state");

    filter->only_open = text == NULL || strcmp(text, "open") == 0;
    if (!filter->only_open && strcmp(text, "all") != 0) {
        http_reply_error(request, 400, "state: allowed are open and all");
        return false;
    }
    return true;
}

static void list(const struct api *api, struct http_request *request, bool recommendations)
{
    struct store *store = api->config.store;
    struct store_filter filter = {.recommendations = recommendations,
                                  .device = http_request_query(request, "device")};
    struct page page;
    struct answer answer;
    struct listing listing = {.api = api, .json = &answer.json};
    struct err err = {""};
    uint64_t total = 0;
    enum picket_status status = PICKET_OK;

    if (!page_read(request, &page) || !read_type(api, request, &filter) ||
        !read_state(request, &filter) || !time_read(request, "since", &filter.since_us)) {
        return;
    }
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    status = store->ops->count_alerts(store, &filter, &total, &err);
    if (status == PICKET_OK) {
        filter.limit = page.limit;
        filter.offset = page.offset;
        status = store->ops->each_alert(store, &filter, put_item, &listing, &err);
    }
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    json_close_array(&answer.json);
    page_write(&answer.json, &page, total);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static void get_one(const struct api *api, struct http_request *request, bool recommendations)
{
    struct store *store = api->config.store;
    const struct store_filter filter = {
        .recommendations = recommendations, .id = http_request_segment(request, "id"), .limit = 1};
    struct answer answer;
    struct listing listing = {.api = api, .json = &answer.json};
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    answer_init(&answer);
    status = store->ops->each_alert(store, &filter, put_item, &listing, &err);
    if (status == PICKET_OK && listing.count == 0) {
        err_set(&err, "there is no %s '%.40s'", recommendations ? "recommendation" : "alert",
                filter.id);
        status = PICKET_E_NOTFOUND;
    }
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    answer_send(&answer, api, request);
}

void api_list_alerts(void *context, struct http_request *request)
{
    list(context, request, false);
}

void api_get_alert(void *context, struct http_request *request)
{
    get_one(context, request, false);
}

static bool take_alert(void *context, const struct alert *alert)
{
    *(struct alert *)context = *alert;
    return false;
}

/* Those of the service end with what they are about, which who raises them keeps in mind. */
static bool is_own(const struct alert *alert)
{
    return strncmp(alert->type, "SRV_", 4) == 0;
}

static enum picket_status resolve(const struct api *api, struct http_request *request,
                                  struct alert *alert, struct err *reterr)
{
    const struct api_config *config = &api->config;
    const struct store_filter filter = {.id = http_request_segment(request, "id"), .limit = 1};
    struct pipeline_end end;
    enum picket_status status =
        config->store->ops->each_alert(config->store, &filter, take_alert, alert, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (alert->id[0] == '\0') {
        err_set(reterr, "there is no alert '%.40s'", filter.id);
        return PICKET_E_NOTFOUND;
    }
    if (is_own(alert)) {
        err_set(reterr, "this alert is about the service, and ends with what it is about");
        return PICKET_E_CONFLICT;
    }
    end = (struct pipeline_end){.device = alert->device,
                                .type = alert->type,
                                .key = alert->key,
                                .now_us = config->now_us(config->now_context)};
    return alert->state == ALERT_OPEN
               ? pipeline_end_alert(config->pipeline, &end, reply_outcome, request)
               : PICKET_E_STATE;
}

void api_resolve_alert(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct alert *alert = calloc(1, sizeof(*alert));
    struct err err = {"out of memory"};
    enum picket_status status = PICKET_E_NOMEM;

    if (alert != NULL) {
        status = resolve(api, request, alert, &err);
    }
    if (status == PICKET_E_STATE) {
        http_reply(request, 204, NULL, NULL, 0); /* it is resolved already */
    } else if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
    }
    free(alert);
}

void api_list_recommendations(void *context, struct http_request *request)
{
    list(context, request, true);
}

void api_get_recommendation(void *context, struct http_request *request)
{
    get_one(context, request, true);
}
