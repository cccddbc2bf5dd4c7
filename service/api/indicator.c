/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "detect/rules.h"
#include "detect/score.h"
#include "model/device.h"
#include "store/store.h"

static bool take_group(void *context, const struct device *device)
{
    (void)snprintf(context, GROUP_NAME_MAX + 1, "%s", device->group);
    return false;
}

/* The group that a device is in; that of devices without one if it is not known. */
static enum picket_status find_group(const struct api *api, const char *device,
                                     char ret_group[GROUP_NAME_MAX + 1], struct err *reterr)
{
    const struct store_filter filter = {.id = device};
    struct store *store = api->config.store;

    (void)snprintf(ret_group, GROUP_NAME_MAX + 1, "%s", GROUP_NAME_DEFAULT);
    return device == NULL ? PICKET_OK
                          : store->ops->each_device(store, &filter, take_group, ret_group, reterr);
}

static void send_indicator(const struct api *api, struct http_request *request,
                           const struct score_question *question)
{
    struct snapshot *intel = snapshot_get(api->config.intel);
    struct snapshot *rulebook = snapshot_get(api->config.rulebook);
    struct answer answer;

    answer_init(&answer);
    score_write_json(&answer.json, NULL, snapshot_value(intel), question,
                     rulebook_find(snapshot_value(rulebook), question->group));
    snapshot_put(rulebook);
    snapshot_put(intel);
    answer_send(&answer, api, request);
}

void api_get_indicator(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *value = http_request_segment(request, "value");
    const char *device = http_request_query(request, "device");
    char text[OBSERVABLE_TEXT_MAX];
    char group[GROUP_NAME_MAX + 1];
    struct score_question question = {.device = device == NULL ? "" : device,
                                      .group = group,
                                      .at_us = api->config.now_us(api->config.now_context)};
    struct err err = {""};
    enum picket_status status =
        observable_parse(value, strlen(value), &question.observable, text, &err);

    if (status == PICKET_OK) {
        status = find_group(api, device, group, &err);
    }
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    send_indicator(api, request, &question);
}
