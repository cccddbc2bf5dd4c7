/* SPDX-License-Identifier: MIT */
#include "cli/query.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/client.h"

#define PATH_BYTES_MAX 4096u
#define BODY_BYTES_MAX (1024u * 1024u)
#define PAGE_MAX       1000u /* rows that the service gives at once */
#define LIMIT          100u
#define OUT_BYTES_MAX  (256u * 1024u * 1024u)

/* What the command line asked for. */
struct wish {
    const struct query_action *action;
    const char *subject;
    const char *object;
    char **words; /* behind the subject */
    int word_count;
    const char *url;
    const char *token;
    const char *device;
    const char *type;
    uint64_t limit; /* of a listing */
    bool has_all;
    bool is_json;
};

static const struct query_action *find_action(const struct query *query, const char *name)
{
    for (size_t i = 0; i < query->action_count; i++) {
        if (strcmp(query->actions[i].name, name) == 0) {
            return &query->actions[i];
        }
    }
    return NULL;
}

/* False if the option's value is no good. */
static bool take_option(struct wish *wish, int key)
{
    switch (key) {
    case QUERY_OPTION_URL:
        wish->url = optarg;
        break;
    case QUERY_OPTION_TOKEN:
        wish->token = optarg;
        break;
    case QUERY_OPTION_DEVICE:
        wish->device = optarg;
        break;
    case QUERY_OPTION_TYPE:
        wish->type = optarg;
        break;
    case QUERY_OPTION_LIMIT:
        return cli_read_number(1, UINT64_MAX, &wish->limit);
    case QUERY_OPTION_ALL:
        wish->has_all = true;
        break;
    default:
        wish->is_json = true;
        break;
    }
    return true;
}

/* The arguments behind the options; false if there are too few or too many. */
static bool take_arguments(struct wish *wish, int argc, char **argv)
{
    int wanted = 1 + (wish->action->subject != NULL) + (wish->action->object != NULL);
    bool has_words = wish->action->make_body_of_words != NULL;

    if (argc - optind < wanted || (argc - optind > wanted && !has_words)) {
        return false;
    }
    wish->words = argv + optind + wanted;
    wish->word_count = argc - optind - wanted;
    wish->subject = wanted > 1 ? argv[optind + 1] : NULL;
    wish->object = wanted > 2 ? argv[optind + 2] : NULL;
    return true;
}

static void add_parameter(struct buf *path, const char *name, const char *value)
{
    if (value != NULL) {
        buf_addf(path, "&%s=", name);
        client_escape(path, value);
    }
}

/* The path of the request; for a listing, of the page that begins at @p offset. */
static void make_path(const struct wish *wish, uint64_t offset, uint64_t limit, struct buf *path)
{
    const struct query_action *action = wish->action;

    if (action->make_path != NULL) {
        action->make_path(path, wish->subject, wish->object);
    } else {
        buf_add_text(path, action->path);
        if (wish->subject != NULL) {
            client_escape(path, wish->subject);
        }
    }
    if (action->is_of_device && wish->device != NULL) {
        buf_add_text(path, "?device=");
        client_escape(path, wish->device);
    }
    if (action->is_list) {
        buf_addf(path, "?offset=%" PRIu64 "&limit=%" PRIu64, offset, limit);
        add_parameter(path, "device", wish->device);
        add_parameter(path, "type", wish->type);
        add_parameter(path, "state", wish->has_all ? "all" : NULL);
    }
}

/* One request and its answer. */
static enum picket_status ask(const struct wish *wish, struct client *client, uint64_t offset,
                              uint64_t limit, json_t **ret, struct err *reterr)
{
    const struct query_action *action = wish->action;
    struct client_request request = {.method = action->method == NULL ? "GET" : action->method};
    struct buf path;
    struct buf body;
    enum picket_status status = PICKET_E_ARG;

    buf_init(&path, PATH_BYTES_MAX);
    buf_init(&body, BODY_BYTES_MAX);
    make_path(wish, offset, limit, &path);
    if (path.is_failed) {
        err_set(reterr, "the arguments are too long");
        goto out;
    }
    if (action->make_body != NULL || action->make_body_of_words != NULL) {
        if (action->make_body != NULL
                ? !action->make_body(&body, wish->subject, wish->object, reterr)
                : !action->make_body_of_words(&body, wish->subject, wish->words, wish->word_count,
                                              reterr)) {
            goto out;
        }
        request.content_type =
            action->content_type != NULL ? action->content_type : "application/json";
        request.body = body.bytes;
        request.length = body.length;
    }
    request.path = path.bytes;
    status = client_ask(client, &request, ret, reterr);
out:
    buf_deinit(&body);
    buf_deinit(&path);
    return status;
}

/* Adds the pages that follow to a listing, until the limit or the end. */
static enum picket_status ask_on(const struct wish *wish, struct client *client, json_t *listing,
                                 struct err *reterr)
{
    json_t *items = json_object_get(listing, "items");
    uint64_t count = json_array_size(items);

    while (json_is_integer(json_object_get(listing, "next")) && count < wish->limit) {
        json_t *page = NULL;
        uint64_t left = wish->limit - count;
        enum picket_status status =
            ask(wish, client, count, left < PAGE_MAX ? left : PAGE_MAX, &page, reterr);

        if (status != PICKET_OK) {
            return status;
        }
        (void)json_array_extend(items, json_object_get(page, "items"));
        if (json_array_size(items) == count) { /* rows went away meanwhile */
            json_decref(page);
            return PICKET_OK;
        }
        count = json_array_size(items);
        (void)json_object_set(listing, "next", json_object_get(page, "next"));
        json_decref(page);
    }
    return PICKET_OK;
}

static bool is_silence(const struct wish *wish, const json_t *listing)
{
    return wish->action->show_silence != NULL && !wish->is_json &&
           json_array_size(json_object_get(listing, "items")) == 0;
}

/* *ret_status is only set if it has to say what the answer means. */
static enum picket_status ask_all(const struct wish *wish, json_t **ret, json_t **ret_status,
                                  struct err *reterr)
{
    const struct client_request about = {.method = "GET", .path = "/v1/status"};
    struct client *client = NULL;
    uint64_t limit = wish->limit < PAGE_MAX ? wish->limit : PAGE_MAX;
    enum picket_status status =
        client_new(&(struct client_place){.url = wish->url, .token = wish->token}, &client, reterr);

    if (status == PICKET_OK) {
        status = ask(wish, client, 0, limit, ret, reterr);
    }
    if (status == PICKET_OK && wish->action->is_list) {
        status = ask_on(wish, client, *ret, reterr);
    }
    if (status == PICKET_OK && is_silence(wish, *ret)) {
        status = client_ask(client, &about, ret_status, reterr);
    }
    client_free(client);
    return status;
}

static void add_answer(const struct wish *wish, const json_t *answer, const json_t *status,
                       struct buf *out)
{
    if (wish->is_json && answer != NULL) {
        char *text = json_dumps(answer, JSON_INDENT(2) | JSON_ENCODE_ANY);

        buf_add_text(out, text == NULL ? "" : text);
        buf_add_text(out, "\n");
        free(text);
    } else if (status != NULL) {
        wish->action->show_silence(out, status);
    } else if (!wish->is_json && wish->action->show != NULL) {
        wish->action->show(out, answer);
    }
}

static int refuse_action(const struct query *query, const char *verb)
{
    struct buf names;
    int code = CLI_USAGE;

    buf_init(&names, PATH_BYTES_MAX);
    for (size_t i = 0; i < query->action_count; i++) {
        buf_addf(&names, "%s%s", i == 0 ? "" : ", ", query->actions[i].name);
    }
    code = cli_usage_error(verb, "say what to do: %s", names.bytes);
    buf_deinit(&names);
    return code;
}

static int refuse_arguments(const struct query_action *action, const char *verb)
{
    return cli_usage_error(verb, "`picket %s %s` takes %s%s%s", verb, action->name,
                           action->subject == NULL ? "no argument" : action->subject,
                           action->object == NULL ? "" : " ",
                           action->object == NULL ? "" : action->object);
}

int query_run(const struct query *query, int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT};
    struct err err = {""};
    struct buf out;
    json_t *answer = NULL;
    json_t *about = NULL;
    enum picket_status status = PICKET_OK;
    int key = 0;

    while ((key = cli_next_option(&query->command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        if (!take_option(&wish, key)) {
            return cli_refuse_value(&query->command, argv[0], key);
        }
    }
    wish.action = optind < argc ? find_action(query, argv[optind]) : NULL;
    if (wish.action == NULL) {
        return refuse_action(query, argv[0]);
    }
    if (!take_arguments(&wish, argc, argv)) {
        return refuse_arguments(wish.action, argv[0]);
    }
    buf_init(&out, OUT_BYTES_MAX);
    status = ask_all(&wish, &answer, &about, &err);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        json_decref(answer);
        buf_deinit(&out);
        return CLI_FAILED;
    }
    add_answer(&wish, answer, about, &out);
    json_decref(about);
    json_decref(answer);
    return cli_print(&out);
}
