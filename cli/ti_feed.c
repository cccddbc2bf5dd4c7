/* SPDX-License-Identifier: MIT */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"
#include "cli/ti.h"
#include "cli/ti_known.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define OUT_BYTES_MAX   ((size_t)1024 * 1024)
#define MEMBER_MAX      64u

static const struct cli_option options[] = {QUERY_OPTIONS};

/* --- showing --- */

static const char *condition(const json_t *state)
{
    if (json_is_true(json_object_get(state, "is_leaving"))) {
        return "leaving";
    }
    if (json_is_true(json_object_get(state, "is_stale"))) {
        return "stale";
    }
    if (show_text(state, "refusal")[0] != '\0') {
        return "refused";
    }
    if (json_is_true(json_object_get(state, "is_poor"))) {
        return "poor";
    }
    return json_is_string(json_object_get(state, "loaded")) ? "good" : "-";
}

static void add_feed(struct table *table, const json_t *feed)
{
    const json_t *state = json_object_get(feed, "state");

    table_add(table, show_text(feed, "name"));
    table_add(table, show_text(feed, "from"));
    table_add(table, show_text(feed, "role"));
    text_add_count(table_cell(table), show_number(feed, "confidence"));
    if (strcmp(show_text(feed, "from"), "push") == 0) {
        table_add(table, "");
    } else {
        text_add_count(table_cell(table), show_number(state, "indicators"));
    }
    show_time(table_cell(table), show_text(state, "loaded"));
    table_add(table, condition(state));
}

static bool has_role(const json_t *feeds, const char *role)
{
    const json_t *feed = NULL;
    size_t i = 0;

    json_array_foreach(feeds, i, feed)
    {
        if (strcmp(show_text(feed, "role"), role) == 0) {
            return true;
        }
    }
    return false;
}

static void show_feeds(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"FEED",        "FROM",   "ROLE", ">CONFIDENCE",
                                        ">INDICATORS", "LOADED", "STATE"};
    const json_t *feeds = json_object_get(answer, "items");

    show_rows(out, feeds, 0, heads, COUNT_OF(heads), add_feed);
    if (has_role(feeds, "listed") && !has_role(feeds, "warned")) {
        buf_add_text(out,
                     "\nThere is no warning list: what is shared by many and listed by mistake "
                     "raises alerts.\n`picket ti feed known` names some, of the role warned.\n");
    }
}

/* Settings are changed by `add` with the same words: they are shown as these. */
static void show_feed(struct buf *out, const json_t *feed)
{
    char *text = json_dumps(feed, JSON_INDENT(2));

    buf_add_text(out, text == NULL ? "" : text);
    buf_add_text(out, "\n");
    free(text);
}

static void refresh_path(struct buf *out, const char *subject, const char *object)
{
    (void)object;
    buf_add_text(out, "/v1/feeds/");
    client_escape(out, subject);
    buf_add_text(out, "/refresh");
}

/* --- adding --- */

/* "confidence=80": a number, true, false or null as such, else a text. */
static bool take_word(json_t *settings, const char *word)
{
    const char *value = strchr(word, '=');
    char member[MEMBER_MAX];
    json_t *read = NULL;

    if (value == NULL || value == word || (size_t)(value - word) >= sizeof(member)) {
        return false;
    }
    memcpy(member, word, (size_t)(value - word));
    member[value - word] = '\0';
    read = json_loads(value + 1, JSON_DECODE_ANY, NULL);
    if (read == NULL) {
        read = json_string(value + 1);
    }
    return json_object_set_new(settings, member, read) == 0;
}

static bool make_settings(struct buf *out, const char *subject, char **words, int count,
                          struct err *reterr)
{
    json_t *known = ti_known_settings(subject);
    json_t *settings = known == NULL ? json_object() : json_copy(known);
    char *text = NULL;
    bool is_good = settings != NULL;

    if (known == NULL && count == 0) {
        err_set(reterr,
                "no public feed of the name %s is known: say where it comes from, as in "
                "from=url source=https://…",
                subject);
        is_good = false;
    }
    for (int i = 0; is_good && i < count; i++) {
        is_good = take_word(settings, words[i]);
        if (!is_good) {
            err_set(reterr, "%s: allowed is MEMBER=VALUE", words[i]);
        }
    }
    text = is_good ? json_dumps(settings, 0) : NULL;
    if (text != NULL) {
        buf_add_text(out, text);
    }
    free(text);
    json_decref(settings);
    json_decref(known);
    return is_good && text != NULL;
}

static const struct query_action actions[] = {
    {.name = "list", .path = "/v1/feeds", .show = show_feeds},
    {.name = "show", .path = "/v1/feeds/", .subject = "NAME", .show = show_feed},
    {.name = "refresh", .method = "POST", .subject = "NAME", .make_path = refresh_path},
    {.name = "remove", .method = "DELETE", .path = "/v1/feeds/", .subject = "NAME"},
    {.name = "add",
     .method = "PUT",
     .path = "/v1/feeds/",
     .subject = "NAME",
     .make_body_of_words = make_settings},
};

int ti_feed(int argc, char **argv)
{
    static const struct query query = {
        .command = {.usage = "ti feed list [OPTION]…\nti feed known\nti feed show [OPTION]… NAME\n"
                             "ti feed add [OPTION]… NAME [MEMBER=VALUE]…\n"
                             "ti feed refresh [OPTION]… NAME\nti feed remove [OPTION]… NAME",
                    .about =
                        "Feeds of a running service. `add` takes the settings of a public feed of "
                        "that name\n(`known` lists them), and then what is said: from=url "
                        "source=https://…, from=file,\nfolder (below the folder \"feeds\" of the "
                        "data folder), taxii or push; format, role,\nconfidence, category, "
                        "period, lifetime, …: `show` prints them all.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };
    char verb[] = "ti feed";
    struct buf out;

    if (argc == 2 && strcmp(argv[1], "known") == 0) {
        buf_init(&out, OUT_BYTES_MAX);
        ti_known_show(&out);
        return cli_print(&out);
    }
    argv[0] = verb;
    return query_run(&query, argc, argv);
}
