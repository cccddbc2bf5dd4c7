/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/show.h"
#include "cli/ti.h"
#include "detect/rules.h"
#include "detect/score.h"
#include "intel/intel.h"
#include "model/device.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PATH_BYTES_MAX  ((size_t)4096)
#define OUT_BYTES_MAX   ((size_t)16 * 1024 * 1024)

enum lookup_option { OPTION_URL = 1, OPTION_TOKEN, OPTION_JSON, OPTION_DEVICE, OPTION_INDEX };

static const struct cli_option options[] = {
    {OPTION_DEVICE, "device", "D", "as for this device, its group and what it is allowed"},
    {OPTION_INDEX, "index", "FILE", "look into this index file, and ask no service"},
    {OPTION_JSON, "json", NULL, "the answer as it is"},
    {OPTION_URL, "url", "URL", "the service (default: $PICKET_URL, http://127.0.0.1:8480)"},
    {OPTION_TOKEN, "token", "T", "its token (default: $PICKET_TOKEN)"},
};

static const struct cli_command command = {
    .usage = "ti lookup [OPTION]… VALUE\nti why [OPTION]… VALUE",
    .about = "What all lists say of an address, prefix, name or fingerprint, most specific first,\n"
             "and whether a contact with it raises an alert: its score, as a sum of named terms.",
    .options = options,
    .option_count = COUNT_OF(options),
};

struct wish {
    struct client_place place;
    const char *device;
    const char *index;
    const char *value;
    bool is_json;
};

static void take_option(struct wish *wish, int key)
{
    switch (key) {
    case OPTION_URL:
        wish->place.url = optarg;
        break;
    case OPTION_TOKEN:
        wish->place.token = optarg;
        break;
    case OPTION_DEVICE:
        wish->device = optarg;
        break;
    case OPTION_INDEX:
        wish->index = optarg;
        break;
    default:
        wish->is_json = true;
        break;
    }
}

static enum picket_status ask_service(const struct wish *wish, json_t **ret, struct err *reterr)
{
    struct client_request request = {.method = "GET"};
    struct client *client = NULL;
    struct buf path;
    enum picket_status status = client_new(&wish->place, &client, reterr);

    buf_init(&path, PATH_BYTES_MAX);
    buf_add_text(&path, "/v1/indicators/");
    client_escape(&path, wish->value);
    if (wish->device != NULL) {
        buf_add_text(&path, "?device=");
        client_escape(&path, wish->device);
    }
    if (status == PICKET_OK && path.is_failed) {
        err_set(reterr, "the value is too long");
        status = PICKET_E_ARG;
    }
    if (status == PICKET_OK) {
        request.path = path.bytes;
        status = client_ask(client, &request, ret, reterr);
    }
    buf_deinit(&path);
    client_free(client);
    return status;
}

/* The same answer, by the rules that hold where none are set. */
static enum picket_status write_answer(const struct wish *wish, const struct intel_index *index,
                                       struct buf *out, struct err *reterr)
{
    struct score_question question = {.device = wish->device == NULL ? "" : wish->device,
                                      .group = GROUP_NAME_DEFAULT,
                                      .at_us = time_now_us()};
    struct rules *rules = rules_new_default(GROUP_NAME_DEFAULT);
    char text[OBSERVABLE_TEXT_MAX];
    struct json json;
    enum picket_status status = PICKET_E_NOMEM;

    if (rules == NULL) {
        return status;
    }
    status = observable_parse(wish->value, strlen(wish->value), &question.observable, text, reterr);
    if (status == PICKET_OK) {
        json_init(&json, out, false);
        score_write_json(&json, NULL, index, &question, rules);
    }
    rules_free(rules);
    return status;
}

static enum picket_status ask_index(const struct wish *wish, json_t **ret, struct err *reterr)
{
    struct intel_index *index = NULL;
    struct buf out;
    enum picket_status status = intel_open(wish->index, &index, reterr);

    buf_init(&out, OUT_BYTES_MAX);
    if (status == PICKET_OK) {
        status = write_answer(wish, index, &out, reterr);
    }
    if (status == PICKET_OK) {
        *ret = json_loadb(out.bytes, out.length, 0, NULL);
        status = *ret == NULL ? PICKET_E_NOMEM : PICKET_OK;
    }
    buf_deinit(&out);
    intel_index_free(index);
    return status;
}

static int show(const struct wish *wish, json_t *answer)
{
    struct buf out;

    buf_init(&out, OUT_BYTES_MAX);
    if (wish->is_json) {
        char *text = json_dumps(answer, JSON_INDENT(2));

        buf_add_text(&out, text == NULL ? "" : text);
        buf_add_text(&out, "\n");
        free(text);
    } else {
        show_why(&out, answer);
    }
    json_decref(answer);
    return cli_print(&out);
}

int ti_lookup(int argc, char **argv)
{
    struct wish wish = {.value = NULL};
    struct err err = {""};
    json_t *answer = NULL;
    enum picket_status status = PICKET_OK;
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        take_option(&wish, key);
    }
    if (argc - optind != 1) {
        return cli_usage_error("ti lookup", "say one address, prefix, name or fingerprint");
    }
    wish.value = argv[optind];
    status =
        wish.index != NULL ? ask_index(&wish, &answer, &err) : ask_service(&wish, &answer, &err);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        return CLI_FAILED;
    }
    return show(&wish, answer);
}
