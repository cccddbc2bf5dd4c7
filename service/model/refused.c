/* SPDX-License-Identifier: MIT */
#include "model/refused.h"

#include <stddef.h>

#include "base/json.h"

const char *refused_cause_name(enum refused_cause cause)
{
    static const char *const names[REFUSED_CAUSES] = {
        [REFUSED_MALFORMED] = "malformed",
        [REFUSED_UNAUTHORIZED] = "unauthorized",
        [REFUSED_TOO_LARGE] = "too_large",
        [REFUSED_FOREIGN_TYPE] = "foreign_type",
        [REFUSED_FOREIGN_TOPIC] = "foreign_topic",
        [REFUSED_NEWER] = "newer",
        [REFUSED_OVER_ALLOWANCE] = "over_allowance",
        [REFUSED_BUSY] = "busy",
        [REFUSED_OTHER] = "other",
    };

    return names[cause];
}

void device_refused_write_json(struct json *json, const char *key,
                               const struct device_refused *refused)
{
    json_open_object(json, key);
    json_put_text(json, "cause", refused_cause_name(refused->cause));
    json_put_uint(json, "count", refused->count);
    json_put_time(json, "last", refused->last_us);
    json_put_text(json, "source", refused->source);
    json_put_text(json, "reason", refused->reason);
    json_close_object(json);
}
