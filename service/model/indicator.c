/* SPDX-License-Identifier: MIT */
#include "model/indicator.h"

#include "base/json.h"

const char *indicator_role_name(enum indicator_role role)
{
    static const char *const names[] = {[INDICATOR_LISTED] = "listed",
                                        [INDICATOR_WARNED] = "warned",
                                        [INDICATOR_POPULAR] = "popular",
                                        [INDICATOR_ALLOWED] = "allowed"};

    return names[role];
}

void indicator_write_json(struct json *json, const char *key, const struct indicator *indicator)
{
    char value[OBSERVABLE_FORM_MAX];

    observable_format(&indicator->observable, value);
    json_open_object(json, key);
    json_put_text(json, "value", value);
    json_put_text(json, "kind", observable_kind_name(indicator->observable.kind));
    json_put_text(json, "role", indicator_role_name(indicator->role));
    json_put_text(json, "feed", indicator->feed);
    json_put_uint(json, "line", indicator->line);
    json_put_uint(json, "confidence", indicator->confidence);
    json_put_text(json, "category", indicator->category);
    json_put_text(json, "comment", indicator->comment);
    json_put_text(json, "reference", indicator->reference);
    json_put_text(json, "scope", indicator->scope);
    json_put_time_or_null(json, "listed_from", indicator->listed_from_us);
    json_put_time_or_null(json, "listed_until", indicator->listed_until_us);
    json_put_time_or_null(json, "expires", indicator->expires_us);
    json_close_object(json);
}
