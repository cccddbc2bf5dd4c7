/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "pipeline/downlink.h"
#include "store/store.h"

struct standings {
    char group[GROUP_NAME_MAX + 1];
    bool is_known;                                      /* the device */
    struct device_standing items[DEVICE_STANDINGS_MAX]; /* by kind, from the first */
};

static bool take_device(void *context, const struct device *device)
{
    struct standings *standings = context;

    standings->is_known = true;
    snprintf(standings->group, sizeof(standings->group), "%s", device->group);
    return false;
}

static bool take_standing(void *context, const struct device_standing *standing)
{
    struct standings *standings = context;

    standings->items[standing->kind - PICKET_SETTINGS_POLICY] = *standing;
    return true;
}

static uint32_t desired_revision(const struct downlink *downlink, const char *group,
                                 enum picket_settings_kind kind)
{
    const struct downlink_settings *settings = downlink_find(downlink, group, kind);
    struct downlink_indicators indicators;

    if (kind == PICKET_SETTINGS_INDICATORS) {
        return downlink_get_indicators(downlink, group, &indicators) ? indicators.revision : 0;
    }
    return settings != NULL ? settings->revision : 0;
}

static enum picket_status read_standings(struct store *store, const char *device,
                                         struct standings *ret, struct err *reterr)
{
    const struct store_filter only = {.id = device, .limit = 1};
    enum picket_status status = store->ops->each_device(store, &only, take_device, ret, reterr);

    if (status == PICKET_OK && !ret->is_known) {
        err_set(reterr, "there is no device '%.128s'", device);
        status = PICKET_E_NOTFOUND;
    }
    return status != PICKET_OK
               ? status
               : store->ops->each_standing(store, device, take_standing, ret, reterr);
}

void api_list_device_settings(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *device = http_request_segment(request, "id");
    struct standings standings = {0};
    struct snapshot *snapshot;
    struct answer answer;
    struct err err = {""};
    enum picket_status status;

    answer_init(&answer);
    status = read_standings(api->config.store, device, &standings, &err);
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    snapshot = snapshot_get(api->config.downlink);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    for (size_t i = 0; i < DEVICE_STANDINGS_MAX; i++) {
        struct device_standing *standing = &standings.items[i];
        uint32_t desired;

        standing->kind = (enum picket_settings_kind)(PICKET_SETTINGS_POLICY + i);
        desired = desired_revision(snapshot_value(snapshot), standings.group, standing->kind);
        if (desired != 0 || standing->told_us != 0) {
            standing_write_json(&answer.json, NULL, standing, desired);
        }
    }
    snapshot_put(snapshot);
    json_close_array(&answer.json);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}
