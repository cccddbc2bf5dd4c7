/* SPDX-License-Identifier: MIT */
#include "model/indicator.h"

#include "base/json.h"

static void put_time_or_null(struct json *json, const char *key, int64_t time_us)
{
    if (time_us == 0) {
        json_put_null(json, key);
    } else {
        json_put_time(json, key, time_us);
    }
}

void indicator_write_json(struct json *json, const char *key, const struct indicator *indicator)
{
    char value[PREFIX_TEXT_MAX];

    prefix_format(&indicator->prefix, value);
    json_open_object(json, key);
    json_put_text(json, "value", value);
    json_put_text(json, "feed", indicator->feed);
    json_put_uint(json, "line", indicator->line);
    json_put_uint(json, "confidence", indicator->confidence);
    json_put_text(json, "category", indicator->category);
    json_put_text(json, "comment", indicator->comment);
    put_time_or_null(json, "listed_from", indicator->listed_from_us);
    put_time_or_null(json, "expires", indicator->expires_us);
    json_close_object(json);
}
