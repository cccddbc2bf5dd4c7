/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/lists.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "cli/ti.h"
#include "feed/load.h"
#include "intel/intel.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define OUT_BYTES_MAX   ((size_t)16 * 1024 * 1024)

enum build_option { OPTION_JSON = 1 };

static const struct cli_option options[] = {
    {OPTION_JSON, "json", NULL, "the account as JSON"},
};

static const struct cli_command command = {
    .usage = "ti build [--json] INDEX LIST…",
    .about = "Makes the index file INDEX of lists in any format that feeds have, each a feed of\n"
             "its own, and prints what became of their lines.",
    .options = options,
    .option_count = COUNT_OF(options),
};

static void show_loads(struct buf *out, const struct lists *lists)
{
    static const char *const heads[] = {"LIST",         ">LINES",     ">ACCEPTED",
                                        ">DUPLICATE",   ">MALFORMED", ">RESERVED",
                                        ">UNSUPPORTED", ">EXPIRED",   "FORMAT"};
    struct table *table = table_new(heads, COUNT_OF(heads));

    for (size_t i = 0; table != NULL && i < lists->count; i++) {
        const struct feed_load *load = &lists->loads[i];
        const size_t numbers[] = {load->lines,     load->accepted, load->duplicate,
                                  load->malformed, load->reserved, load->unsupported,
                                  load->expired};

        table_add(table, lists->terms[i].name);
        for (size_t k = 0; k < COUNT_OF(numbers); k++) {
            text_add_count(table_cell(table), numbers[k]);
        }
        table_add(table, feed_format_name(load->format));
    }
    if (table != NULL) {
        table_write(table, out, 0);
    }
    table_free(table);
    for (size_t i = 0; i < lists->count; i++) {
        for (size_t k = 0; k < lists->loads[i].reason_count; k++) {
            text_add_safe(out, lists->terms[i].name);
            buf_addf(out, ", line %zu: ", lists->loads[i].reasons[k].line);
            text_add_safe(out, lists->loads[i].reasons[k].reason);
            buf_add_text(out, "\n");
        }
    }
}

static void write_loads(struct buf *out, const struct lists *lists, const struct intel_index *index)
{
    struct json json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_put_uint(&json, "indicators", intel_index_count(index));
    json_open_array(&json, "lists");
    for (size_t i = 0; i < lists->count; i++) {
        json_open_object(&json, NULL);
        json_put_text(&json, "file", lists->terms[i].source);
        json_put_text(&json, "name", lists->terms[i].name);
        feed_load_write_json(&json, "load", &lists->loads[i]);
        json_close_object(&json);
    }
    json_close_array(&json);
    json_close_object(&json);
    buf_add_text(out, "\n");
}

/* Each list is there: what it says of itself is found in what was made of it. */
static enum picket_status probe(const struct intel_index *index, struct lists *lists,
                                struct err *reterr)
{
    for (size_t i = 0; i < lists->count; i++) {
        struct feed_load *load = &lists->loads[i];

        feed_probe(index, load);
        if (load->accepted > 0 && load->probed < FEED_PROBES) {
            err_set(reterr, "list %s: of %s, %s and %s only %zu are found in the index",
                    lists->terms[i].name, load->probes[0], load->probes[1], load->probes[2],
                    load->probed);
            return PICKET_E_STATE;
        }
    }
    return PICKET_OK;
}

static enum picket_status build(const struct config *config, const char *path, bool is_json,
                                struct buf *out, struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct lists *lists = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL) {
        goto out;
    }
    status = lists_read(config, builder, NULL, time_now_us(), &lists, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = intel_build(builder, &index, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = probe(index, lists, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = intel_write(index, path, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (is_json) {
        write_loads(out, lists, index);
    } else {
        show_loads(out, lists);
        text_add_counted(out, intel_index_count(index), "indicator");
        buf_add_text(out, "\n");
    }
out:
    intel_index_free(index);
    free(lists);
    intel_builder_free(builder);
    return status;
}

int ti_build(int argc, char **argv)
{
    struct config *config = calloc(1, sizeof(*config));
    struct err err = {""};
    struct buf out;
    bool is_json = false;
    enum picket_status status = config == NULL ? PICKET_E_NOMEM : PICKET_OK;
    int code = CLI_FAILED;
    int key = 0;

    buf_init(&out, OUT_BYTES_MAX);
    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            code = cli_option_exit(key);
            goto out;
        }
        is_json = true;
    }
    if (argc - optind < 2) {
        code = cli_usage_error("ti build", "say the index file, and the lists to make it of");
        goto out;
    }
    for (int i = optind + 1; i < argc && status == PICKET_OK; i++) {
        status = config_set_option(config, "--intel", argv[i], &err);
    }
    if (status == PICKET_OK) {
        status = build(config, argv[optind], is_json, &out, &err);
    }
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        goto out;
    }
    code = cli_print(&out);
    buf_init(&out, OUT_BYTES_MAX);
out:
    buf_deinit(&out);
    free(config);
    return code;
}
