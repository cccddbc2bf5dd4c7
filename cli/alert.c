/* SPDX-License-Identifier: MIT */
#include <jansson.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/query.h"
#include "cli/show.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void show_list(struct buf *out, const json_t *answer)
{
    show_alert_table(out, json_object_get(answer, "items"));
    show_rest(out, answer);
}

static const struct cli_option options[] = {
    {QUERY_OPTION_DEVICE, "device", "ID", "list: only this device's"},
    {QUERY_OPTION_TYPE, "type", "TYPE", "list: only of this type"},
    {QUERY_OPTION_ALL, "all", NULL, "list: resolved ones as well"},
    QUERY_OPTION_LIMIT_ROW,
    QUERY_OPTIONS,
};

static void resolve_path(struct buf *out, const char *subject, const char *object)
{
    (void)object;
    buf_add_text(out, "/v1/alerts/");
    client_escape(out, subject);
    buf_add_text(out, "/resolve");
}

static const struct query_action alert_actions[] = {
    {.name = "list", .path = "/v1/alerts", .is_list = true, .show = show_list},
    {.name = "show", .path = "/v1/alerts/", .subject = "ID", .show = show_alert},
    {.name = "resolve", .method = "POST", .subject = "ID", .make_path = resolve_path},
};

static const struct query_action recommendation_actions[] = {
    {.name = "list", .path = "/v1/recommendations", .is_list = true, .show = show_list},
    {.name = "show", .path = "/v1/recommendations/", .subject = "ID", .show = show_alert},
};

int cli_alert(int argc, char **argv)
{
    static const struct query query = {
        .command = {.usage = "alert list [OPTION]…\nalert show [OPTION]… ID\n"
                             "alert resolve [OPTION]… ID",
                    .about = "Alerts of a running service, the newest first. `resolve` ends one "
                             "that does not end by\nitself; if it happens again, that is another.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = alert_actions,
        .action_count = COUNT_OF(alert_actions),
    };

    return query_run(&query, argc, argv);
}

int cli_recommendation(int argc, char **argv)
{
    static const struct query query = {
        .command = {.usage = "recommendation list [OPTION]…\nrecommendation show [OPTION]… ID",
                    .about = "Weak posture that a running service found, and what to do about it.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = recommendation_actions,
        .action_count = COUNT_OF(recommendation_actions),
    };

    return query_run(&query, argc, argv);
}
