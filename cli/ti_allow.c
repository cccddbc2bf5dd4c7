/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/ti.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATH            "/v1/feeds/allowed/indicators"
#define PAGE            "?limit=1000"
#define BODY_BYTES_MAX  ((size_t)16 * 1024)
#define OUT_BYTES_MAX   ((size_t)16 * 1024 * 1024)

enum allow_option {
    OPTION_URL = 1,
    OPTION_TOKEN,
    OPTION_GROUP,
    OPTION_DEVICE,
    OPTION_UNTIL,
    OPTION_COMMENT,
    OPTION_LIST,
    OPTION_REMOVE,
};

static const struct cli_option options[] = {
    {OPTION_GROUP, "group", "G", "only for devices of this group"},
    {OPTION_DEVICE, "device", "D", "only for this device"},
    {OPTION_UNTIL, "until", "TIME", "no longer than this: 2026-11-24T18:20:51Z"},
    {OPTION_COMMENT, "comment", "TEXT", "why"},
    {OPTION_LIST, "list", NULL, "what is allowed"},
    {OPTION_REMOVE, "remove", NULL, "what is allowed no more"},
    {OPTION_URL, "url", "URL", "the service (default: $PICKET_URL, http://127.0.0.1:8480)"},
    {OPTION_TOKEN, "token", "T", "its token (default: $PICKET_TOKEN)"},
};

static const struct cli_command command = {
    .usage = "ti allow [OPTION]… VALUE\nti allow --remove [--group G|--device D] VALUE\n"
             "ti allow --list",
    .about =
        "Says that an address, prefix, name or fingerprint is no threat, whatever lists say,\n"
        "now or later. It acts at once, also on what is loaded already; alerts that are open stay\n"
        "until \"picket alert resolve\" ends them.",
    .options = options,
    .option_count = COUNT_OF(options),
};

struct wish {
    struct client_place place;
    const char *value;
    const char *group;
    const char *device;
    const char *until;
    const char *comment;
    bool is_list;
    bool is_removal;
};

static void take_option(struct wish *wish, int key)
{
    const char **places[] = {
        [OPTION_URL] = &wish->place.url, [OPTION_TOKEN] = &wish->place.token,
        [OPTION_GROUP] = &wish->group,   [OPTION_DEVICE] = &wish->device,
        [OPTION_UNTIL] = &wish->until,   [OPTION_COMMENT] = &wish->comment,
    };

    if (key == OPTION_LIST) {
        wish->is_list = true;
    } else if (key == OPTION_REMOVE) {
        wish->is_removal = true;
    } else {
        *places[key] = optarg;
    }
}

/* A removal says what, and for whom; the rest is about how it is allowed. */
static void make_body(const struct wish *wish, struct buf *out)
{
    struct json json;
    char scope[128];

    json_init(&json, out, false);
    json_open_object(&json, NULL);
    json_open_array(&json, "items");
    json_open_object(&json, NULL);
    json_put_text(&json, "value", wish->value);
    if (wish->group != NULL || wish->device != NULL) {
        (void)snprintf(scope, sizeof(scope), "%s:%s", wish->group != NULL ? "group" : "device",
                       wish->group != NULL ? wish->group : wish->device);
        json_put_text(&json, "scope", scope);
    }
    if (wish->until != NULL) {
        json_put_text(&json, "expires", wish->until);
    }
    if (wish->comment != NULL) {
        json_put_text(&json, "comment", wish->comment);
    }
    json_close_object(&json);
    json_close_array(&json);
    json_close_object(&json);
}

static void add_item(struct table *table, const json_t *item)
{
    const char *scope = show_text(item, "scope");

    table_add(table, show_text(item, "value"));
    table_add(table, scope[0] == '\0' ? "all devices" : scope);
    show_time(table_cell(table), show_text(item, "listed_from"));
    show_time(table_cell(table), show_text(item, "expires"));
    table_add(table, show_text(item, "comment"));
}

static void show_allowed(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"VALUE", "FOR", "SINCE", "UNTIL", "WHY"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_item);
    show_rest(out, answer);
}

static int ask(const struct wish *wish)
{
    struct client_request request = {.method = "GET", .path = PATH PAGE};
    struct client *client = NULL;
    json_t *answer = NULL;
    struct err err = {""};
    struct buf body;
    struct buf out;
    enum picket_status status = PICKET_OK;

    buf_init(&body, BODY_BYTES_MAX);
    buf_init(&out, OUT_BYTES_MAX);
    if (!wish->is_list) {
        make_body(wish, &body);
        request = (struct client_request){.method = wish->is_removal ? "DELETE" : "PUT",
                                          .path = PATH,
                                          .content_type = "application/json",
                                          .body = body.bytes,
                                          .length = body.length};
    }
    status = client_new(&wish->place, &client, &err);
    if (status == PICKET_OK) {
        status = client_ask(client, &request, &answer, &err);
    }
    if (status == PICKET_OK && wish->is_list) {
        show_allowed(&out, answer);
    }
    json_decref(answer);
    client_free(client);
    buf_deinit(&body);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        buf_deinit(&out);
        return CLI_FAILED;
    }
    return cli_print(&out);
}

int ti_allow(int argc, char **argv)
{
    struct wish wish = {.is_list = false};
    int64_t until_us = 0;
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        take_option(&wish, key);
    }
    if (argc - optind != (wish.is_list ? 0 : 1)) {
        return cli_usage_error("ti allow", "say one address, name or fingerprint, or --list");
    }
    if (wish.group != NULL && wish.device != NULL) {
        return cli_usage_error("ti allow", "say --group or --device, not both");
    }
    if ((wish.is_list || wish.is_removal) && (wish.until != NULL || wish.comment != NULL)) {
        return cli_usage_error("ti allow", "--until and --comment belong to what is allowed anew");
    }
    if (wish.until != NULL &&
        (time_parse(wish.until, &until_us) != PICKET_OK || until_us <= time_now_us())) {
        return cli_usage_error("ti allow", "--until: allowed is a time to come, such as "
                                           "2030-11-24T18:20:51Z");
    }
    wish.value = wish.is_list ? NULL : argv[optind];
    return ask(&wish);
}
