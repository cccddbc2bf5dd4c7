/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "feed/lookup.h"
#include "intel/intel.h"

void api_get_indicator(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *value = http_request_segment(request, "value");
    struct snapshot *snapshot = NULL;
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX];
    struct answer answer;
    struct err err = {""};

    if (observable_parse(value, strlen(value), &observable, text, &err) != PICKET_OK) {
        http_reply_error(request, 400, "%s", err.text);
        return;
    }
    snapshot = snapshot_get(api->config.intel);
    answer_init(&answer);
    lookup_write_json(&answer.json, snapshot_value(snapshot), &observable);
    snapshot_put(snapshot);
    answer_send(&answer, api, request);
}
