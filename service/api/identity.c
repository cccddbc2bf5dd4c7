/* SPDX-License-Identifier: MIT */
/* Credentials of devices, tokens that enrol one, authorities that devices are trusted by. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/time.h"
#include "ingest/enrolment.h"
#include "pipeline/pipeline.h"

#define VALID_FOR_DEFAULT "P7D"
#define VALID_FOR_MAX_US  (INT64_C(3660) * 86400 * TIME_US_PER_S)

static int64_t now_of(const struct api *api)
{
    return api->config.now_us(api->config.now_context);
}

/* The body's object, of texts alone and with no other members than @p names; else the request was
 * replied to with 400, and NULL. */
static json_t *read_wish(struct http_request *request, const char *const *names, const char *form)
{
    size_t length = 0;
    const uint8_t *body = http_request_body(request, &length);
    json_t *wish = json_loadb((const char *)body, length, JSON_REJECT_DUPLICATES, NULL);
    size_t known = 0;

    for (; *names != NULL; names++) {
        known += json_string_value(json_object_get(wish, *names)) != NULL;
    }
    if (!json_is_object(wish) || known != json_object_size(wish)) {
        http_reply_error(request, 400, "the body must be %s", form);
        json_decref(wish);
        wish = NULL;
    }
    return wish;
}

/* "" if it is not there. */
static const char *text_of(const json_t *wish, const char *name)
{
    const char *text = json_string_value(json_object_get(wish, name));

    return text == NULL ? "" : text;
}

/* The number in the path; 0, which nothing has, if it is none. */
static uint64_t number_of(const struct http_request *request)
{
    const char *text = http_request_segment(request, "number");
    unsigned long long number = 0;

    errno = 0;
    number = strtoull(text, NULL, 10);
    return text[strspn(text, "0123456789")] != '\0' || errno != 0 ? 0 : number;
}

static void reply_done(struct http_request *request, enum picket_status status,
                       const struct err *err)
{
    if (status == PICKET_OK) {
        http_reply(request, 204, NULL, NULL, 0);
    } else {
        reply_failure(request, status, err->text);
    }
}

/* --- credentials --- */

static void put_credential(void *context, const struct credential *credential, int64_t last_used_us)
{
    credential_write_json(context, NULL, credential, last_used_us);
}

void api_list_credentials(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct answer answer;
    uint64_t refused = 0;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    refused = enrolment_each_credential(api->config.identity, http_request_segment(request, "id"),
                                        put_credential, &answer.json);
    json_close_array(&answer.json);
    json_put_uint(&answer.json, "refused", refused);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

/* What was made, and its key, which nobody is told again. */
static void send_credential(const struct api *api, struct http_request *request,
                            const struct credential *credential, const char *key)
{
    struct answer answer;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    credential_write_json(&answer.json, "credential", credential, 0);
    json_put_text(&answer.json, "key", key);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static enum picket_status add_credential(const struct api *api, const char *device,
                                         const json_t *wish, char ret_key[ENROLMENT_KEY_MAX],
                                         struct credential *ret, struct err *reterr)
{
    struct identity_book *book = api->config.identity;
    const char *kind = text_of(wish, "kind");
    int64_t now_us = now_of(api);

    if (strcmp(kind, "certificate") == 0) {
        return enrolment_add_certificate(book, device, text_of(wish, "certificate"), now_us, ret,
                                         reterr);
    }
    if (strcmp(kind, "key") == 0) {
        return enrolment_make_key(book, device, now_us, ret_key, ret, reterr);
    }
    if (strcmp(kind, "shared_key") == 0) {
        return enrolment_add_shared_key(book, device, text_of(wish, "key"), now_us, ret, reterr);
    }
    err_set(reterr, "kind: allowed are certificate, key and shared_key");
    return PICKET_E_ARG;
}

void api_post_credential(void *context, struct http_request *request)
{
    static const char *const names[] = {"kind", "certificate", "key", NULL};
    const struct api *api = context;
    json_t *wish = read_wish(request, names,
                             "{\"kind\": \"key\"}, {\"kind\": \"certificate\", \"certificate\": "
                             "PEM} or {\"kind\": \"shared_key\", \"key\": base64}");
    struct credential added;
    char key[ENROLMENT_KEY_MAX] = "";
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (wish == NULL) {
        return;
    }
    status = add_credential(api, http_request_segment(request, "id"), wish, key, &added, &err);
    if (status == PICKET_OK) {
        send_credential(api, request, &added, key[0] == '\0' ? NULL : key);
    } else {
        reply_failure(request, status, err.text);
    }
    json_decref(wish);
}

static void revoke(const struct api *api, struct http_request *request, uint64_t number)
{
    struct err err = {""};
    enum picket_status status = enrolment_revoke(
        api->config.identity, http_request_segment(request, "id"), number, now_of(api), &err);

    reply_done(request, status, &err);
}

void api_delete_credentials(void *context, struct http_request *request)
{
    revoke(context, request, 0);
}

void api_delete_credential(void *context, struct http_request *request)
{
    uint64_t number = number_of(request);

    if (number == 0) {
        http_reply_error(request, 404, "there is no such credential");
        return;
    }
    revoke(context, request, number);
}

/* --- tokens --- */

static void put_token(void *context, const struct enrolment_token *token)
{
    enrolment_token_write_json(context, NULL, token);
}

void api_list_tokens(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct answer answer;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    enrolment_each_token(api->config.identity, put_token, &answer.json);
    json_close_array(&answer.json);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static enum picket_status make_token(const struct api *api, const json_t *wish,
                                     struct enrolment_token *token, char ret_key[ENROLMENT_KEY_MAX],
                                     struct err *reterr)
{
    const char *valid_for = text_of(wish, "valid_for");
    int64_t valid_us = 0;

    if (duration_parse(valid_for[0] == '\0' ? VALID_FOR_DEFAULT : valid_for, &valid_us) !=
            PICKET_OK ||
        valid_us > VALID_FOR_MAX_US) {
        err_set(reterr, "valid_for: allowed is a duration like P7D or PT12H, up to ten years");
        return PICKET_E_ARG;
    }
    if (strlen(text_of(wish, "device")) > DEVICE_ID_MAX ||
        strlen(text_of(wish, "group")) > GROUP_NAME_MAX) {
        err_set(reterr, "device or group is too long");
        return PICKET_E_ARG;
    }
    if (text_of(wish, "group")[0] != '\0' && !group_exists(api, text_of(wish, "group"))) {
        err_set(reterr, "there is no group '%.64s': make it first (picket group set)",
                text_of(wish, "group"));
        return PICKET_E_NOTFOUND;
    }
    *token = (struct enrolment_token){.valid_until_us = now_of(api) + valid_us};
    (void)snprintf(token->device, sizeof(token->device), "%s", text_of(wish, "device"));
    (void)snprintf(token->group, sizeof(token->group), "%s", text_of(wish, "group"));
    return enrolment_make_token(api->config.identity, token, now_of(api), ret_key, reterr);
}

void api_post_token(void *context, struct http_request *request)
{
    static const char *const names[] = {"device", "group", "valid_for", NULL};
    const struct api *api = context;
    json_t *wish = read_wish(request, names,
                             "{\"device\": an id, or its beginning and *, \"group\": a name, "
                             "\"valid_for\": a duration}");
    struct enrolment_token token;
    char key[ENROLMENT_KEY_MAX];
    struct answer answer;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (wish == NULL) {
        return;
    }
    status = make_token(api, wish, &token, key, &err);
    json_decref(wish);
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    enrolment_token_write_json(&answer.json, "token", &token);
    json_put_text(&answer.json, "key", key);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

void api_delete_token(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct err err = {""};
    enum picket_status status =
        enrolment_withdraw_token(api->config.identity, number_of(request), &err);

    reply_done(request, status, &err);
}

/* --- authorities --- */

static void put_authority(void *context, const struct authority *authority,
                          const struct authority_list *list)
{
    authority_write_json(context, NULL, authority, list);
}

void api_list_authorities(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct answer answer;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    enrolment_each_authority(api->config.identity, put_authority, &answer.json);
    json_close_array(&answer.json);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static enum picket_status add_authority(const struct api *api, const json_t *wish,
                                        struct authority *ret, struct err *reterr)
{
    const char *group = text_of(wish, "group");

    if (group[0] != '\0' && !group_exists(api, group)) {
        err_set(reterr, "there is no group '%.64s': make it first (picket group set)", group);
        return PICKET_E_NOTFOUND;
    }
    return enrolment_add_authority(api->config.identity, text_of(wish, "certificate"), group,
                                   now_of(api), ret, reterr);
}

void api_post_authority(void *context, struct http_request *request)
{
    static const char *const names[] = {"certificate", "group", NULL};
    const struct api *api = context;
    json_t *wish = read_wish(request, names, "{\"certificate\": PEM, \"group\": a name}");
    struct authority added;
    struct answer answer;
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (wish == NULL) {
        return;
    }
    status = add_authority(api, wish, &added, &err);
    json_decref(wish);
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    answer_init(&answer);
    authority_write_json(&answer.json, NULL, &added, NULL);
    answer_send(&answer, api, request);
}

void api_delete_authority(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct err err = {""};
    enum picket_status status =
        enrolment_remove_authority(api->config.identity, number_of(request), &err);

    reply_done(request, status, &err);
}
