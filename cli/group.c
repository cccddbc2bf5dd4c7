/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/input.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void add_group(struct table *table, const json_t *group)
{
    table_add(table, show_text(group, "name"));
    text_add_count(table_cell(table), show_number(group, "device_count"));
}

static void show_groups(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"GROUP", ">DEVICES"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_group);
}

/* Rules are edited and set again: they are shown in the form that `set` takes. */
static void show_group(struct buf *out, const json_t *group)
{
    char *text = json_dumps(group, JSON_INDENT(2));

    buf_add_text(out, text == NULL ? "" : text);
    buf_add_text(out, "\n");
    free(text);
}

static bool read_file(struct buf *out, const char *subject, const char *object, struct err *reterr)
{
    (void)subject;
    return input_read(object, out, reterr) == PICKET_OK;
}

static void assign_path(struct buf *out, const char *subject, const char *object)
{
    (void)subject;
    buf_add_text(out, "/v1/devices/");
    client_escape(out, object);
    buf_add_text(out, "/group");
}

static bool name_group(struct buf *out, const char *subject, const char *object, struct err *reterr)
{
    struct json json;

    (void)object;
    json_init(&json, out, false);
    json_open_object(&json, NULL);
    json_put_text(&json, "group", subject);
    json_close_object(&json);
    if (out->is_failed) {
        err_set(reterr, "the group's name is too long");
    }
    return !out->is_failed;
}

static void settings_path(struct buf *out, const char *subject, const char *object)
{
    (void)object;
    buf_add_text(out, "/v1/groups/");
    client_escape(out, subject);
    buf_add_text(out, "/settings");
}

/* Only indicators have these. */
static void add_count(struct table *table, const json_t *settings, const char *name)
{
    if (json_object_get(settings, name) == NULL) {
        table_add(table, "");
    } else {
        text_add_count(table_cell(table), show_number(settings, name));
    }
}

static void add_settings(struct table *table, const json_t *settings)
{
    table_add(table, show_text(settings, "kind"));
    text_add_count(table_cell(table), show_number(settings, "revision"));
    table_add(table, show_text(settings, "audience"));
    table_add(table, show_text(settings, "mode"));
    add_count(table, settings, "shards");
    add_count(table, settings, "addresses");
    add_count(table, settings, "bytes");
}

static void show_settings(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"KIND",    ">REVISION",  "AUDIENCE", "MODE",
                                        ">SHARDS", ">ADDRESSES", ">BYTES"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_settings);
    show_rest(out, answer);
}

static const struct query_action actions[] = {
    {.name = "list", .path = "/v1/groups", .show = show_groups},
    {.name = "show", .path = "/v1/groups/", .subject = "NAME", .show = show_group},
    {.name = "set",
     .method = "PUT",
     .path = "/v1/groups/",
     .subject = "NAME",
     .object = "FILE",
     .make_body = read_file},
    {.name = "delete", .method = "DELETE", .path = "/v1/groups/", .subject = "NAME"},
    {.name = "assign",
     .method = "PUT",
     .subject = "NAME",
     .object = "DEVICE",
     .make_path = assign_path,
     .make_body = name_group},
    {.name = "settings", .subject = "NAME", .make_path = settings_path, .show = show_settings},
    {.name = "tell",
     .method = "PUT",
     .subject = "NAME",
     .object = "FILE",
     .make_path = settings_path,
     .make_body = read_file,
     .content_type = "application/cose"},
};

static const struct cli_option options[] = {QUERY_OPTIONS};

int cli_group(int argc, char **argv)
{
    static const struct query query = {
        .command = {.usage = "group list [OPTION]…\ngroup show [OPTION]… NAME\n"
                             "group set [OPTION]… NAME FILE\ngroup delete [OPTION]… NAME\n"
                             "group assign [OPTION]… NAME DEVICE\ngroup settings [OPTION]… NAME\n"
                             "group tell [OPTION]… NAME FILE",
                    .about =
                        "Security groups of a running service: what is expected of which "
                        "devices.\nFILE of `group set` is JSON as `group show` prints it, that of "
                        "`group tell` a\npolicy or configuration as `settings sign` makes it; "
                        "- is standard input.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };

    return query_run(&query, argc, argv);
}
