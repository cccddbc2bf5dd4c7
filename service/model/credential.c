/* SPDX-License-Identifier: MIT */
#include "model/credential.h"

#include <string.h>

#include "base/json.h"

const char *credential_kind_name(enum credential_kind kind)
{
    static const char *const names[CREDENTIAL_KINDS] = {
        [CREDENTIAL_CERTIFICATE] = "certificate",
        [CREDENTIAL_KEY] = "key",
        [CREDENTIAL_SHARED_KEY] = "shared_key",
    };

    return names[kind];
}

bool enrolment_device_matches(const char *pattern, const char *device)
{
    size_t length = strlen(pattern);

    if (length > 0 && pattern[length - 1] == '*') {
        return strncmp(pattern, device, length - 1) == 0;
    }
    return strcmp(pattern, device) == 0;
}

static void put_time(struct json *json, const char *key, int64_t time_us)
{
    json_put_time_or_null(json, key, time_us == CREDENTIAL_NEVER ? 0 : time_us);
}

static void put_text_or_null(struct json *json, const char *key, const char *text)
{
    json_put_text(json, key, text[0] == '\0' ? NULL : text);
}

void credential_write_json(struct json *json, const char *key, const struct credential *credential,
                           int64_t last_used_us)
{
    json_open_object(json, key);
    json_put_uint(json, "number", credential->number);
    json_put_text(json, "device", credential->device);
    json_put_text(json, "kind", credential_kind_name(credential->kind));
    json_put_hex(json, "sha256", credential->digest, sizeof(credential->digest));
    json_put_time(json, "added", credential->added_us);
    put_time(json, "valid_until", credential->valid_until_us);
    put_time(json, "revoked", credential->revoked_us);
    json_put_time_or_null(json, "last_used", last_used_us);
    json_close_object(json);
}

void enrolment_token_write_json(struct json *json, const char *key,
                                const struct enrolment_token *token)
{
    json_open_object(json, key);
    json_put_uint(json, "number", token->number);
    json_put_text(json, "device", token->device);
    put_text_or_null(json, "group", token->group);
    json_put_time(json, "added", token->added_us);
    json_put_time(json, "valid_until", token->valid_until_us);
    put_time(json, "used", token->used_us);
    put_text_or_null(json, "used_by", token->used_by);
    json_close_object(json);
}

void authority_write_json(struct json *json, const char *key, const struct authority *authority,
                          const struct authority_list *list)
{
    json_open_object(json, key);
    json_put_uint(json, "number", authority->number);
    json_put_text(json, "subject", authority->subject);
    put_text_or_null(json, "group", authority->group);
    json_put_time(json, "added", authority->added_us);
    json_put_time(json, "valid_until", authority->valid_until_us);
    if (list == NULL) {
        json_put_null(json, "revoked");
    } else {
        json_open_object(json, "revoked");
        json_put_uint(json, "count", list->count);
        put_time(json, "valid_until", list->valid_until_us);
        json_close_object(json);
    }
    json_close_object(json);
}
