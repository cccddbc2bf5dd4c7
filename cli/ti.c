/* SPDX-License-Identifier: MIT */
#include "cli/ti.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- stats --- */

static void show_stats(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"KIND", ">INDICATORS"};
    json_t *intel = json_object_get(answer, "intel");
    struct table *table = table_new(heads, COUNT_OF(heads));
    const char *kind = NULL;
    json_t *count = NULL;

    if (table == NULL) {
        return;
    }
    json_object_foreach(json_object_get(intel, "observables"), kind, count)
    {
        table_add(table, kind);
        text_add_count(table_cell(table), (uint64_t)json_integer_value(count));
    }
    table_write(table, out, 0);
    table_free(table);
    text_add_counted(out, show_number(intel, "records"), "record");
    buf_add_text(out, " of ");
    text_add_counted(out, show_number(intel, "feeds"), "feed");
    buf_add_text(out, " in ");
    text_add_bytes(out, show_number(intel, "image_bytes"));
    buf_add_text(out, ", ");
    text_add_counted(out, show_number(intel, "changes"), "change");
    buf_add_text(out, " since; build ");
    text_add_safe(out, show_text(intel, "build"));
    buf_add_text(out, "\n");
}

static int ask_service(int argc, char **argv)
{
    static const struct cli_option options[] = {QUERY_OPTIONS};
    static const struct query_action actions[] = {
        {.name = "stats", .path = "/v1/status", .show = show_stats}};
    static const struct query query = {
        .command = {.usage = "ti stats [OPTION]…",
                    .about = "How many indicators a running service has, by kind.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };

    return query_run(&query, argc, argv);
}

/* --- the verb --- */

static const struct {
    const char *name;
    int (*run)(int argc, char **argv); /* NULL: ask_service() */
    const char *help;
} words[] = {
    {"lookup", ti_lookup, "what all lists say of an address, name or fingerprint"},
    {"why", ti_lookup, "the same as for one device: whether it raises an alert, and why"},
    {"feed", ti_feed, "feeds of a running service: list, show, add, refresh, remove; known ones"},
    {"allow", ti_allow, "what is no threat, whatever lists say: add, list, remove"},
    {"stats", NULL, "how many indicators there are"},
    {"match", ti_match, "lines of a file with a listed address, as grepcidr has it"},
    {"build", ti_build, "an index file of lists in any format"},
};

static int print_words(void)
{
    printf("Usage: picket ti WORD [OPTION]… [ARGUMENT]…\n\n"
           "Threat intelligence: what is known to be bad, who says so, and what it means.\n\n"
           "Words:\n");
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        printf("  %-10s %s\n", words[i].name, words[i].help);
    }
    printf("\n  picket ti WORD --help   says more about one of them\n");
    return CLI_GOOD;
}

int cli_ti(int argc, char **argv)
{
    if (argc < 2) {
        return cli_usage_error("ti", "say what to do");
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        return print_words();
    }
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcmp(argv[1], words[i].name) == 0) {
            return words[i].run == NULL ? ask_service(argc, argv)
                                        : words[i].run(argc - 1, argv + 1);
        }
    }
    return cli_usage_error("ti", "there is no '%s' here", argv[1]);
}
