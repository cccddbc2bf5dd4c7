/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define PATH_BYTES_MAX 4096u
#define OUT_BYTES_MAX  (256u * 1024u * 1024u)
#define PAGE_MAX       1000u /* rows that the service gives at once */
#define LIMIT          100u

/* Behind those that QUERY_OPTIONS has. */
enum option { OPTION_PEER = 32, OPTION_SINCE, OPTION_UNTIL };

struct wish {
    struct client_place place;
    const char *device;
    const char *peer;
    char since[TIME_TEXT_MAX];
    char until[TIME_TEXT_MAX];
    uint64_t limit;
    bool is_json;
};

static const struct cli_option options[] = {
    {QUERY_OPTION_DEVICE, "device", "ID", "of this device"},
    {OPTION_PEER, "peer", "PEER", "of any device with this address or name"},
    {OPTION_SINCE, "since", "TIME", "from 2026-11-24T18:20:51Z on, or PT1H (P7D, …) ago"},
    {OPTION_UNTIL, "until", "TIME", "begun by then, or so long ago"},
    {QUERY_OPTION_LIMIT, "limit", "N", "at most so many (default 100)"},
    QUERY_OPTIONS,
};

static const struct cli_command command = {
    .usage = "flows --device ID [OPTION]…\nflows --peer PEER [OPTION]…",
    .about = "Flows that a running service keeps: the last day and the last report first.",
    .options = options,
    .option_count = COUNT_OF(options),
};

/* --- the command line --- */

static bool take_time(const char *text, char ret[TIME_TEXT_MAX])
{
    int64_t time_us;

    if (duration_parse(text, &time_us) == PICKET_OK) {
        time_us = time_now_us() - time_us;
    } else if (time_parse(text, &time_us) != PICKET_OK) {
        return false;
    }
    time_format(time_us, ret);
    return true;
}

/* False if the option's value is no good. */
static bool take_option(struct wish *wish, int key)
{
    switch (key) {
    case QUERY_OPTION_URL:
        wish->place.url = optarg;
        return true;
    case QUERY_OPTION_TOKEN:
        wish->place.token = optarg;
        return true;
    case QUERY_OPTION_DEVICE:
        wish->device = optarg;
        return true;
    case OPTION_PEER:
        wish->peer = optarg;
        return true;
    case OPTION_SINCE:
        return take_time(optarg, wish->since);
    case OPTION_UNTIL:
        return take_time(optarg, wish->until);
    case QUERY_OPTION_LIMIT:
        return cli_read_number(1, UINT64_MAX, &wish->limit);
    default:
        wish->is_json = true;
        return true;
    }
}

/* --- asking --- */

static void add_parameter(struct buf *path, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        buf_addf(path, "&%s=", name);
        client_escape(path, value);
    }
}

static enum picket_status ask_page(const struct wish *wish, struct client *client, uint64_t limit,
                                   const char *after, json_t **ret, struct err *reterr)
{
    struct client_request request = {.method = "GET"};
    struct buf path;
    enum picket_status status = PICKET_E_ARG;

    buf_init(&path, PATH_BYTES_MAX);
    buf_addf(&path, "/v1/flows?limit=%" PRIu64, limit);
    add_parameter(&path, "device", wish->device);
    add_parameter(&path, "peer", wish->peer);
    add_parameter(&path, "since", wish->since);
    add_parameter(&path, "until", wish->until);
    add_parameter(&path, "after", after);
    if (path.is_failed) {
        err_set(reterr, "the arguments are too long");
    } else {
        request.path = path.bytes;
        status = client_ask(client, &request, ret, reterr);
    }
    buf_deinit(&path);
    return status;
}

/* Page after page, as one listing. */
static enum picket_status ask_all(const struct wish *wish, json_t **ret, struct err *reterr)
{
    struct client *client = NULL;
    json_t *items = json_array();
    json_t *next = json_null();
    uint64_t left = wish->limit;
    enum picket_status status = client_new(&wish->place, &client, reterr);
    bool has_more = true;

    while (status == PICKET_OK && has_more && left > 0) {
        json_t *page = NULL;

        status = ask_page(wish, client, left < PAGE_MAX ? left : PAGE_MAX, json_string_value(next),
                          &page, reterr);
        if (status == PICKET_OK) {
            json_t *more = json_object_get(page, "items");

            left -= json_array_size(more) < left ? json_array_size(more) : left;
            (void)json_array_extend(items, more);
            json_decref(next);
            next = json_incref(json_object_get(page, "next"));
            has_more = json_is_string(next);
        }
        json_decref(page);
    }
    client_free(client);
    *ret = json_pack("{so so}", "items", items, "next", next);
    return status;
}

/* --- showing --- */

static void add_port(struct buf *cell, const json_t *flow, const char *name)
{
    const json_t *port = json_object_get(flow, name);

    if (json_is_integer(port)) {
        buf_addf(cell, ":%" JSON_INTEGER_FORMAT, json_integer_value(port));
    }
}

static void add_flow(struct table *table, const json_t *item)
{
    const json_t *flow = json_object_get(item, "flow");
    const char *name = show_text(flow, "peer_name");
    bool is_ipv6 = strchr(show_text(flow, "peer"), ':') != NULL;
    struct buf *cell;

    show_time(table_cell(table), show_text(flow, "last_seen"));
    table_add(table, show_text(item, "device"));
    table_add(table, show_text(flow, "direction"));
    table_add(table, show_text(flow, "protocol"));
    cell = table_cell(table);
    buf_add_text(cell, is_ipv6 ? "[" : "");
    text_add_safe(cell, show_text(flow, "peer"));
    buf_add_text(cell, is_ipv6 ? "]" : "");
    add_port(cell, flow, "peer_port");
    if (name[0] != '\0') {
        buf_add_text(cell, " ");
        text_add_safe(cell, name);
    }
    cell = table_cell(table);
    add_port(cell, flow, "local_port");
    table_add(table, show_text(flow, "outcome"));
    show_count(table_cell(table), flow, "connections");
    show_count(table_cell(table), flow, "bytes_in");
    show_count(table_cell(table), flow, "bytes_out");
}

static void show_flows(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"LAST SEEN", "DEVICE",    "DIRECTION", "PROTOCOL",
                                        "PEER",      "LOCAL",     "OUTCOME",   ">CONNECTIONS",
                                        ">BYTES IN", ">BYTES OUT"};
    const json_t *flows = json_object_get(answer, "items");

    show_rows(out, flows, 0, heads, COUNT_OF(heads), add_flow);
    if (json_array_size(flows) == 0) {
        buf_add_text(out, "none\n");
    } else if (json_is_string(json_object_get(answer, "next"))) {
        buf_add_text(out, "there are more: --limit N\n");
    }
}

static void add_answer(const struct wish *wish, const json_t *answer, struct buf *out)
{
    char *text = wish->is_json ? json_dumps(answer, JSON_INDENT(2)) : NULL;

    if (text != NULL) {
        buf_add_text(out, text);
        buf_add_text(out, "\n");
    } else {
        show_flows(out, answer);
    }
    free(text);
}

int cli_flows(int argc, char **argv)
{
    struct wish wish = {.limit = LIMIT};
    struct err err = {""};
    struct buf out;
    json_t *answer = NULL;
    enum picket_status status;
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        if (!take_option(&wish, key)) {
            return cli_usage_error(argv[0], "'%s' is no time, or no number from 1 on", optarg);
        }
    }
    if (optind < argc || (wish.device == NULL) == (wish.peer == NULL)) {
        return cli_usage_error(argv[0], "give --device or --peer");
    }
    buf_init(&out, OUT_BYTES_MAX);
    status = ask_all(&wish, &answer, &err);
    if (status == PICKET_OK) {
        add_answer(&wish, answer, &out);
    } else {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
    }
    json_decref(answer);
    if (status != PICKET_OK) {
        buf_deinit(&out);
        return CLI_FAILED;
    }
    return cli_print(&out);
}
