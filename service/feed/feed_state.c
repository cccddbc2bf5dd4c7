/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "feed/feed.h"

#define DAY_US          (INT64_C(86400) * TIME_US_PER_S)
#define RETRY_US        (INT64_C(60) * TIME_US_PER_S)
#define RETRY_STEPS_MAX 16u
#define HASH_TEXT_MAX   20u

int64_t feed_due_us(int64_t now_us, int64_t period_us, uint32_t failures, int64_t retry_after_us)
{
    int64_t wait_us = period_us;

    if (failures > 0) {
        uint32_t steps = failures - 1 < RETRY_STEPS_MAX ? failures - 1 : RETRY_STEPS_MAX;
        int64_t retry_us = RETRY_US << steps;

        wait_us = retry_us < period_us ? retry_us : period_us;
    }
    if (retry_after_us > DAY_US) {
        retry_after_us = DAY_US;
    }
    return now_us + (retry_after_us > wait_us ? retry_after_us : wait_us);
}

void feed_state_deinit(struct feed_state *state)
{
    free(state->account);
    state->account = NULL;
}

static void write_shown(struct json *json, const struct feed_state *state)
{
    json_put_time_or_null(json, "made", state->made_us);
    json_put_time_or_null(json, "tried", state->tried_us);
    json_put_time_or_null(json, "loaded", state->loaded_us);
    json_put_time_or_null(json, "due", state->due_us);
    json_put_uint(json, "failures", state->failures);
    json_put_uint(json, "indicators", state->indicators);
    json_put_bool(json, "is_stale", state->is_stale);
    json_put_bool(json, "is_poor", state->is_poor);
    json_put_bool(json, "is_leaving", state->is_leaving);
    if (state->refusal[0] == '\0') {
        json_put_null(json, "refusal");
    } else {
        json_put_text(json, "refusal", state->refusal);
    }
    if (state->account == NULL) {
        json_put_null(json, "load");
    } else {
        json_put_raw(json, "load", state->account, strlen(state->account));
    }
}

void feed_state_write_json(struct json *json, const char *key, const struct feed_state *state)
{
    json_open_object(json, key);
    write_shown(json, state);
    json_close_object(json);
}

void feed_state_save_json(struct json *json, const struct feed_state *state)
{
    char hash[HASH_TEXT_MAX];

    (void)snprintf(hash, sizeof(hash), "%016" PRIx64, state->content);
    json_open_object(json, NULL);
    write_shown(json, state);
    json_put_time_or_null(json, "renewed", state->renewed_us);
    json_put_text(json, "content", hash);
    json_put_text(json, "etag", state->fetched.etag);
    json_put_time_or_null(json, "modified", state->fetched.modified_us);
    json_close_object(json);
}

/* --- reading back --- */

static bool read_time(const json_t *root, const char *key, int64_t *ret)
{
    const json_t *value = json_object_get(root, key);

    return json_is_null(value) ||
           (json_is_string(value) && time_parse(json_string_value(value), ret) == PICKET_OK);
}

static bool read_text(const json_t *root, const char *key, char *ret, size_t capacity)
{
    const json_t *value = json_object_get(root, key);

    if (json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) >= capacity) {
        return false;
    }
    memcpy(ret, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_number(const json_t *root, const char *key, uint64_t max, uint64_t *ret)
{
    const json_t *value = json_object_get(root, key);
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < 0 || (uint64_t)number > max) {
        return false;
    }
    *ret = (uint64_t)number;
    return true;
}

static bool read_state(const json_t *root, struct feed_state *state)
{
    uint64_t failures = 0;
    char hash[HASH_TEXT_MAX] = "";

    if (!read_time(root, "made", &state->made_us) || !read_time(root, "tried", &state->tried_us) ||
        !read_time(root, "loaded", &state->loaded_us) || !read_time(root, "due", &state->due_us) ||
        !read_time(root, "renewed", &state->renewed_us) ||
        !read_time(root, "modified", &state->fetched.modified_us) ||
        !read_number(root, "failures", UINT32_MAX, &failures) ||
        !read_number(root, "indicators", INTEL_RECORDS_MAX, &state->indicators) ||
        !read_text(root, "refusal", state->refusal, sizeof(state->refusal)) ||
        !read_text(root, "etag", state->fetched.etag, sizeof(state->fetched.etag)) ||
        !read_text(root, "content", hash, sizeof(hash))) {
        return false;
    }
    state->failures = (uint32_t)failures;
    state->content = strtoull(hash, NULL, 16);
    state->is_stale = json_is_true(json_object_get(root, "is_stale"));
    state->is_poor = json_is_true(json_object_get(root, "is_poor"));
    state->is_leaving = json_is_true(json_object_get(root, "is_leaving"));
    if (json_is_object(json_object_get(root, "load"))) {
        state->account = json_dumps(json_object_get(root, "load"), JSON_COMPACT);
    }
    return true;
}

enum picket_status feed_state_parse(const char *text, size_t length, struct feed_state *ret,
                                    struct err *reterr)
{
    struct feed_state state = {0};
    json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    enum picket_status status = PICKET_OK;

    if (!json_is_object(root) || !read_state(root, &state)) {
        err_set(reterr, "the state of the feed is damaged");
        feed_state_deinit(&state);
        status = PICKET_E_MALFORMED;
    } else {
        *ret = state;
    }
    json_decref(root);
    return status;
}
