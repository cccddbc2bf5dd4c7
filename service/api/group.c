/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "api/resource.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "detect/rules.h"
#include "model/device.h"
#include "store/store.h"

/* --- the store --- */

struct loading {
    struct rulebook *book;
    enum picket_status status;
    struct err *reterr;
};

static bool take_group(void *context, const char *name, const char *rules_json,
                       uint64_t device_count)
{
    struct loading *loading = context;
    struct rules *rules = NULL;

    (void)device_count;
    loading->status = rules_parse(rules_json, strlen(rules_json), &rules, loading->reterr);
    if (loading->status != PICKET_OK) {
        err_prefix(loading->reterr, "the stored group %s", name);
        return false;
    }
    loading->status = rulebook_add(loading->book, rules);
    if (loading->status != PICKET_OK) {
        rules_free(rules);
        err_set(loading->reterr, "out of memory for the groups");
    }
    return loading->status == PICKET_OK;
}

enum picket_status api_load_rulebook(struct store *store, struct rulebook **ret, struct err *reterr)
{
    struct loading loading = {.book = rulebook_new(), .reterr = reterr};
    enum picket_status status = PICKET_E_NOMEM;

    if (loading.book == NULL) {
        err_set(reterr, "out of memory for the groups");
        return status;
    }
    status = store->ops->each_group(store, take_group, &loading, reterr);
    status = status == PICKET_OK ? loading.status : status;
    if (status != PICKET_OK) {
        rulebook_free(loading.book);
        return status;
    }
    *ret = loading.book;
    return PICKET_OK;
}

/* One write in a transaction of its own: NULL @p rules deletes the group. */
static enum picket_status write_group(struct store *store, const char *name, const char *rules,
                                      struct err *reterr)
{
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = rules == NULL ? store->ops->delete_group(store, name, reterr)
                           : store->ops->put_group(store, name, rules, reterr);
    return store_end(store, status, reterr);
}

struct search {
    const char *name;
    bool is_found;
    uint64_t device_count;
};

static bool compare_group(void *context, const char *name, const char *rules_json,
                          uint64_t device_count)
{
    struct search *search = context;

    (void)rules_json;
    if (strcmp(search->name, name) == 0) {
        search->is_found = true;
        search->device_count = device_count;
    }
    return !search->is_found;
}

enum picket_status group_seed(struct store *store, struct err *reterr)
{
    struct search search = {.name = GROUP_NAME_DEFAULT};
    enum picket_status status = store->ops->each_group(store, compare_group, &search, reterr);

    if (status != PICKET_OK || search.is_found) {
        return status;
    }
    /* Without rules: so it follows the defaults of each build until it is changed. */
    return write_group(store, GROUP_NAME_DEFAULT, "{\"name\":\"" GROUP_NAME_DEFAULT "\"}", reterr);
}

/* --- the rulebook --- */

static void free_rulebook(void *book)
{
    rulebook_free(book);
}

/* What the store holds now becomes what the workers judge by. */
static enum picket_status publish(const struct api *api, struct err *reterr)
{
    struct rulebook *book = NULL;
    enum picket_status status = api_load_rulebook(api->config.store, &book, reterr);

    if (status == PICKET_OK && !snapshot_publish(api->config.rulebook, book, free_rulebook)) {
        rulebook_free(book);
        err_set(reterr, "out of memory for the groups");
        status = PICKET_E_NOMEM;
    }
    if (status != PICKET_OK) {
        err_prefix(reterr, "stored, but not in force before a restart");
    }
    return status;
}

/* The rules of exactly this group; NULL if there is none. */
static const struct rules *find_rules(const struct rulebook *book, const char *name)
{
    const struct rules *rules = rulebook_find(book, name);

    return strcmp(rules_name(rules), name) == 0 ? rules : NULL;
}

bool group_exists(const struct api *api, const char *name)
{
    struct snapshot *snapshot = snapshot_get(api->config.rulebook);
    bool exists = find_rules(snapshot_value(snapshot), name) != NULL;

    snapshot_put(snapshot);
    return exists;
}

/* --- handlers --- */

struct listing {
    struct json *json;
    uint64_t count;
};

static bool put_item(void *context, const char *name, const char *rules_json, uint64_t device_count)
{
    struct listing *listing = context;

    (void)rules_json;
    json_open_object(listing->json, NULL);
    json_put_text(listing->json, "name", name);
    json_put_uint(listing->json, "device_count", device_count);
    json_close_object(listing->json);
    listing->count++;
    return true;
}

void api_list_groups(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct answer answer;
    struct listing listing = {.json = &answer.json};
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_open_array(&answer.json, "items");
    status = api->config.store->ops->each_group(api->config.store, put_item, &listing, &err);
    if (status != PICKET_OK) {
        answer_fail(&answer, request, status, &err);
        return;
    }
    json_close_array(&answer.json);
    json_put_uint(&answer.json, "total", listing.count);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

static void send_group(const struct api *api, struct http_request *request, const char *name)
{
    struct snapshot *snapshot = snapshot_get(api->config.rulebook);
    const struct rules *rules = find_rules(snapshot_value(snapshot), name);
    struct answer answer;

    if (rules == NULL) {
        http_reply_error(request, 404, "there is no group '%.64s'", name);
    } else {
        answer_init(&answer);
        rules_write_json(&answer.json, NULL, rules);
        answer_send(&answer, api, request);
    }
    snapshot_put(snapshot);
}

void api_get_group(void *context, struct http_request *request)
{
    send_group(context, request, http_request_segment(request, "name"));
}

void api_put_group(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *name = http_request_segment(request, "name");
    size_t length = 0;
    const char *text = (const char *)http_request_body(request, &length);
    struct rules *rules = NULL;
    struct err err = {""};
    enum picket_status status = rules_parse(text, length, &rules, &err);

    if (status == PICKET_OK && strcmp(rules_name(rules), name) != 0) {
        err_set(&err, "name: the address says '%.64s', the body '%s'", name, rules_name(rules));
        status = PICKET_E_ARG;
    }
    rules_free(rules);
    if (status == PICKET_OK) {
        status = write_group(api->config.store, name, text, &err);
    }
    if (status == PICKET_OK) {
        status = publish(api, &err);
    }
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    send_group(api, request, name);
}

void api_delete_group(void *context, struct http_request *request)
{
    const struct api *api = context;
    struct store *store = api->config.store;
    struct search search = {.name = http_request_segment(request, "name")};
    struct err err = {""};
    enum picket_status status = PICKET_OK;

    if (strcmp(search.name, GROUP_NAME_DEFAULT) == 0) {
        http_reply_error(request, 409, "the group default is there for devices without another");
        return;
    }
    status = store->ops->each_group(store, compare_group, &search, &err);
    if (status == PICKET_OK && search.device_count > 0) {
        http_reply_error(request, 409,
                         "%" PRIu64 " device%s in the group '%.64s': move %s to another first",
                         search.device_count, search.device_count == 1 ? " is" : "s are",
                         search.name, search.device_count == 1 ? "it" : "them");
        return;
    }
    if (status == PICKET_OK) {
        status = write_group(store, search.name, NULL, &err);
    }
    if (status == PICKET_OK) {
        status = publish(api, &err);
    }
    if (status == PICKET_OK) { /* the group's settings went with it */
        status = api_publish_downlink(store, api->config.downlink, &err);
    }
    if (status != PICKET_OK) {
        reply_failure(request, status, err.text);
        return;
    }
    http_reply(request, 204, NULL, NULL, 0);
}
