/* SPDX-License-Identifier: MIT */
#include "picket/settings.h"

#include <inttypes.h>
#include <stdlib.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "model/settings.h"
#include "pipeline/downlink.h"
#include "store/store.h"

/* --- the store --- */

static enum picket_status write_settings(struct store *store, const struct store_settings *settings,
                                         struct err *reterr)
{
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store->ops->put_settings(store, settings, reterr);
    return store_end(store, status, reterr);
}

static void free_downlink(void *downlink)
{
    downlink_free(downlink);
}

enum picket_status api_publish_downlink(struct store *store, struct snapshot_cell *cell,
                                        struct err *reterr)
{
    struct downlink *downlink = NULL;
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    /* Within a transaction, so that of two who publish the later one has what both put. */
    status = downlink_load(store, &downlink, reterr);
    if (status == PICKET_OK && !snapshot_publish(cell, downlink, free_downlink)) {
        downlink_free(downlink);
        err_set(reterr, "out of memory for the settings of groups");
        status = PICKET_E_NOMEM;
    }
    store->ops->rollback(store);
    return status;
}

/* --- handlers --- */

/* What is in an envelope; the texts of @p ret point into it. */
static enum picket_status read_envelope(const uint8_t *bytes, size_t length,
                                        struct picket_settings *ret, struct err *reterr)
{
    struct picket_envelope envelope;
    const char *fault = NULL;
    size_t offset = 0;
    enum picket_status status = picket_envelope_open(bytes, length, &envelope);

    if (status != PICKET_OK) {
        err_set(reterr, "this is no envelope of settings, as `picket settings sign` makes it: %s",
                picket_strerror(status));
        return status;
    }
    status = picket_settings_read(envelope.payload, envelope.payload_length, ret, &offset, &fault);
    if (status != PICKET_OK) {
        err_set(reterr, "the settings are wrong at byte %zu of the payload: %s", offset,
                fault != NULL ? fault : picket_strerror(status));
    }
    return status;
}

static void put_item(struct json *json, const struct downlink_settings *stored)
{
    struct picket_settings settings;

    /* It was read before it was stored. */
    if (read_envelope(stored->envelope, stored->envelope_length, &settings, NULL) == PICKET_OK) {
        settings_write_json(json, NULL, &settings);
    }
}

static void put_indicators(struct json *json, const struct downlink_indicators *indicators)
{
    json_open_object(json, NULL);
    json_put_text(json, "kind", settings_kind_name(PICKET_SETTINGS_INDICATORS));
    json_put_uint(json, "revision", indicators->revision);
    json_put_uint(json, "shards", indicators->shard_count);
    json_put_uint(json, "addresses", indicators->addresses);
    json_put_uint(json, "bytes", indicators->bytes);
    json_close_object(json);
}

void api_get_group_settings(void *context, struct http_request *request)
{
    static const enum picket_settings_kind kinds[] = {PICKET_SETTINGS_POLICY,
                                                      PICKET_SETTINGS_CONFIGURATION};
    const struct api *api = context;
    const char *name = http_request_segment(request, "name");
    struct snapshot *snapshot = snapshot_get(api->config.downlink);
    struct downlink_indicators indicators;
    struct answer answer;
    uint64_t total = 0;

    if (!group_exists(api, name)) {
        http_reply_error(request, 404, "there is no group '%.64s'", name);
        goto out;
    }
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        const struct downlink_settings *stored =
            downlink_find(snapshot_value(snapshot), name, kinds[i]);

        if (stored != NULL) {
            put_item(&answer.json, stored);
            total++;
        }
    }
    if (downlink_get_indicators(snapshot_value(snapshot), name, &indicators)) {
        put_indicators(&answer.json, &indicators);
        total++;
    }
    json_close_array(&answer.json);
    json_put_uint(&answer.json, "total", total);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
out:
    snapshot_put(snapshot);
}

/* The revision that the group has of a kind; 0 if none. */
static uint32_t stored_revision(const struct api *api, const char *group,
                                enum picket_settings_kind kind)
{
    struct snapshot *snapshot = snapshot_get(api->config.downlink);
    const struct downlink_settings *stored = downlink_find(snapshot_value(snapshot), group, kind);
    uint32_t revision = stored != NULL ? stored->revision : 0;

    snapshot_put(snapshot);
    return revision;
}

static void reply_settings(const struct api *api, struct http_request *request,
                           const struct picket_settings *settings)
{
    struct answer answer;

    answer_init(&answer);
    settings_write_json(&answer.json, NULL, settings);
    answer_send(&answer, api, request);
}

void api_put_group_settings(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store_settings stored = {.group = http_request_segment(request, "name")};
    struct picket_settings settings;
    struct err err = {""};
    enum picket_status status = PICKET_OK;
    uint32_t revision;

    stored.envelope = http_request_body(request, &stored.envelope_length);
    status = read_envelope(stored.envelope, stored.envelope_length, &settings, &err);
    if (status != PICKET_OK) {
        http_reply_error(request, 400, "%s", err.text);
        return;
    }
    if (settings.kind == PICKET_SETTINGS_INDICATORS) {
        http_reply_error(request, 400,
                         "indicators are made by the service: give the group indicator_bytes");
        return;
    }
    if (!group_exists(api, stored.group)) {
        http_reply_error(request, 404,
                         "there is no group '%.64s': make it first (picket group set)",
                         stored.group);
        return;
    }
    revision = stored_revision(api, stored.group, settings.kind);
    if (settings.revision <= revision) {
        http_reply_error(request, 409,
                         "revision %" PRIu32 " is not newer than %" PRIu32
                         ", which the group has: devices refuse what is not newer",
                         settings.revision, revision);
        return;
    }
    stored.kind = settings.kind;
    stored.revision = settings.revision;
    status = write_settings(api->config.store, &stored, &err);
    if (status == PICKET_OK) {
        status = api_publish_downlink(api->config.store, api->config.downlink, &err);
    }
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    reply_settings(api, request, &settings);
}
