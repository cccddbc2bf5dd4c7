/* SPDX-License-Identifier: MIT */
#include "feed/lookup.h"

#include "base/json.h"
#include "base/time.h"

intel_record lookup_first(const struct intel_index *index, const struct observable *observable)
{
    intel_record record = 0;

    switch (observable->kind) {
    case OBSERVABLE_ADDRESS:
        intel_match(index, &observable->prefix.address, 1, &record);
        break;
    case OBSERVABLE_NAME:
        intel_match_names(index, &observable->text, 1, &record);
        break;
    case OBSERVABLE_CERTIFICATE:
    case OBSERVABLE_TLS_CLIENT:
        intel_match_fingerprints(index, observable->kind, &observable->text, 1, &record);
        break;
    }
    return record;
}

bool lookup_covers(const struct indicator *indicator, const struct observable *observable)
{
    return observable->kind != OBSERVABLE_ADDRESS ||
           indicator->observable.prefix.length <= observable->prefix.length;
}

static void put_duration(struct json *json, const char *key, int64_t duration_us)
{
    char text[TIME_TEXT_MAX];

    if (duration_us == 0) {
        json_put_null(json, key);
        return;
    }
    duration_format(duration_us, text);
    json_put_text(json, key, text);
}

static void write_record(struct json *json, const struct indicator *indicator,
                         const struct intel_feed *feed)
{
    json_open_object(json, NULL);
    indicator_write_json(json, "indicator", indicator);
    json_open_object(json, "feed");
    json_put_text(json, "name", feed->name);
    json_put_text(json, "source", feed->source);
    json_put_text(json, "licence", feed->licence);
    json_put_text(json, "category", feed->category);
    json_put_uint(json, "confidence", feed->confidence);
    put_duration(json, "half_life", feed->half_life_us);
    json_close_object(json);
    json_close_object(json);
}

void lookup_write_json(struct json *json, const struct intel_index *index,
                       const struct observable *observable)
{
    char value[OBSERVABLE_FORM_MAX];
    uint64_t total = 0;
    intel_record record = lookup_first(index, observable);

    observable_format(observable, value);
    json_open_object(json, NULL);
    json_put_text(json, "value", value);
    json_put_text(json, "kind", observable_kind_name(observable->kind));
    json_open_array(json, "items");
    for (; record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);
        struct intel_feed feed = intel_feed_of(index, record);

        if (lookup_covers(&indicator, observable)) {
            write_record(json, &indicator, &feed);
            total++;
        }
    }
    json_close_array(json);
    json_put_uint(json, "total", total);
    json_close_object(json);
}
