/* SPDX-License-Identifier: MIT */
#include "model/alert.h"

#include "base/json.h"
#include "model/catalogue.h"

const char *alert_state_name(enum alert_state state)
{
    return state == ALERT_OPEN ? "open" : "resolved";
}

void alert_write_json(struct json *json, const char *key, const struct alert *alert,
                      const struct catalogue *catalogue)
{
    const struct catalogue_type *type =
        catalogue == NULL ? NULL : catalogue_find(catalogue, alert->type);

    json_open_object(json, key);
    json_put_text(json, "id", alert->id);
    json_put_text(
        json, "kind",
        catalogue_kind_name(alert->is_recommendation ? CATALOGUE_RECOMMENDATION : CATALOGUE_ALERT));
    json_put_text(json, "type", alert->type);
    if (type != NULL) {
        json_put_uint(json, "type_version", type->version);
        json_put_text(json, "name", type->name);
    }
    json_put_text(json, "severity", severity_name(alert->severity));
    json_put_text(json, "state", alert_state_name(alert->state));
    json_put_text(json, "device", alert->device);
    json_put_text(json, "key", alert->key);
    json_put_text(json, "reason", alert->reason);
    json_put_time(json, "first_seen", alert->first_us);
    json_put_time(json, "last_seen", alert->last_us);
    if (alert->state == ALERT_OPEN) {
        json_put_null(json, "resolved_at");
    } else {
        json_put_time(json, "resolved_at", alert->resolved_us);
    }
    json_put_uint(json, "count", alert->count);
    evidence_write_json(json, "evidence", &alert->evidence);
    if (type != NULL) {
        catalogue_write_guidance(json, catalogue, type);
    }
    json_close_object(json);
}
