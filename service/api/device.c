/* SPDX-License-Identifier: MIT */
#include "model/device.h"

#include <jansson.h>

#include "api/resource.h"
#include "base/err.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

struct listing {
    struct json *json;
    size_t count;
};

static bool put_item(void *context, const struct device *device)
{
    struct listing *listing = context;

    device_write_json(listing->json, NULL, device);
    listing->count++;
    return true;
}

void api_list_devices(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store *store = api->config.store;
    struct pipeline_stats stats;
    struct store_filter filter = {0};
    struct page page;
    struct answer answer;
    struct listing listing = {.json = &answer.json};
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (!page_read(request, &page)) {
        return;
    }
    filter.limit = page.limit;
    filter.offset = page.offset;
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    status = store->ops->each_device(store, &filter, put_item, &listing, &err);
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    json_close_array(&answer.json);
    pipeline_get_stats(api->config.pipeline, &stats);
    page_write(&answer.json, &page, stats.devices);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

/* The device with its boots (what has come of each, and what is missing, in its own numbers), and
 * with what was refused. */
struct showing {
    struct json *json;
    struct store *store;
    struct err *reterr;
    size_t count;
    enum picket_status status;
};

static bool put_boot(void *context, const struct boot *boot)
{
    struct json *json = context;

    json_open_object(json, NULL);
    json_put_uint(json, "boot", boot->id);
    json_put_uint(json, "highest", boot->highest);
    json_put_uint(json, "missing", boot->missing);
    json_put_time(json, "first_received", boot->first_us);
    json_close_object(json);
    return true;
}

static bool put_refused(void *context, const struct device_refused *refused)
{
    device_refused_write_json(context, NULL, refused);
    return true;
}

static bool put_device(void *context, const struct device *device)
{
    struct showing *showing = context;
    const struct store_ops *ops = showing->store->ops;

    showing->count++;
    json_open_object(showing->json, NULL);
    device_write_members(showing->json, device);
    json_open_array(showing->json, "boots");
    showing->status =
        ops->each_boot(showing->store, device->id, put_boot, showing->json, showing->reterr);
    json_close_array(showing->json);
    json_open_array(showing->json, "refused");
    if (showing->status == PICKET_OK) {
        showing->status = ops->each_refused(showing->store, device->id, put_refused, showing->json,
                                            showing->reterr);
    }
    json_close_array(showing->json);
    json_close_object(showing->json);
    return true;
}

void api_get_device(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store *store = api->config.store;
    const struct store_filter filter = {.id = http_request_segment(request, "id"), .limit = 1};
    struct answer answer;
    struct err err = {""};
    struct showing showing = {.json = &answer.json, .store = store, .reterr = &err};
    enum picket_status status = PICKET_OK;

    answer_init(&answer);
    status = store->ops->each_device(store, &filter, put_device, &showing, &err);
    if (status == PICKET_OK) {
        status = showing.status;
    }
    if (status == PICKET_OK && showing.count == 0) {
        err_set(&err, "there is no device '%.128s'", filter.id);
        status = PICKET_E_NOTFOUND;
    }
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    answer_send(&answer, api, request);
}

static bool put_contact(void *context, const char *device, const struct contact *contact)
{
    (void)device;
    contact_write_json(context, NULL, contact);
    return true;
}

static bool count_device(void *context, const struct device *device)
{
    (void)device;
    ++*(size_t *)context;
    return true;
}

enum picket_status device_check(struct store *store, const char *id, struct err *reterr)
{
    const struct store_filter only = {.id = id, .limit = 1};
    size_t count = 0;
    enum picket_status status = store->ops->each_device(store, &only, count_device, &count, reterr);

    if (status == PICKET_OK && count == 0) {
        err_set(reterr, "there is no device '%.128s'", id);
        status = PICKET_E_NOTFOUND;
    }
    return status;
}

/* If that can't be, the listing lacks the last reports. */
static void settle(struct store *store, const char *device)
{
    enum picket_status status = store->ops->begin(store, NULL);

    if (status != PICKET_OK) {
        return;
    }
    status = store->ops->settle_contacts(store, device, NULL);
    (void)!store_end(store, status, NULL);
}

static enum picket_status list_peers(struct store *store, const struct store_filter *filter,
                                     const struct page *page, struct json *json, struct err *reterr)
{
    struct store_ledger ledger;
    enum picket_status status = device_check(store, filter->device, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    settle(store, filter->device);
    status = store->ops->get_ledger(store, filter->device, &ledger, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    json_open_object(json, NULL);
    json_open_array(json, "items");
    status = store->ops->each_contact(store, filter, put_contact, json, reterr);
    json_close_array(json);
    json_put_uint(json, "evicted", ledger.evicted);
    page_write(json, page, ledger.contacts);
    json_close_object(json);
    return status;
}

void api_list_device_peers(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store_filter filter = {.device = http_request_segment(request, "id")};
    struct page page;
    struct answer answer;
    struct err err = {""};
    enum picket_status status;

    if (!page_read(request, &page)) {
        return;
    }
    filter.limit = page.limit;
    filter.offset = page.offset;
    answer_init(&answer);
    status = list_peers(api->config.store, &filter, &page, &answer.json, &err);
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    answer_send(&answer, api, request);
}

void api_put_device_group(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *device = http_request_segment(request, "id");
    size_t length = 0;
    const uint8_t *body = http_request_body(request, &length);
    json_t *wish = json_loadb((const char *)body, length, JSON_REJECT_DUPLICATES, NULL);
    const char *group = json_string_value(json_object_get(wish, "group"));
    enum picket_status status = PICKET_OK;

    if (group == NULL || json_object_size(wish) != 1) {
        http_reply_error(request, 400, "the body must be {\"group\": \"name\"}");
    } else if (!device_id_valid(device)) {
        http_reply_error(request, 400,
                         "this is no device id: allowed are 1 to %u letters, digits and . _ : -",
                         DEVICE_ID_MAX);
    } else if (!group_exists(api, group)) {
        http_reply_error(request, 404,
                         "there is no group '%.64s': make it first (picket group set)", group);
    } else {
        status = pipeline_assign(api->config.pipeline, device, group, reply_outcome, request);
    }
    if (status != PICKET_OK) {
        reply_failure(request, status, NULL);
    }
    json_decref(wish);
}
