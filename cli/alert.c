/* SPDX-License-Identifier: MIT */
#include <jansson.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void show_list(struct buf *out, const json_t *answer)
{
    show_alert_table(out, json_object_get(answer, "items"));
    show_rest(out, answer);
}

/* That nothing was found, and that nobody looked, are not the same. */
static void show_silence(struct buf *out, const json_t *status)
{
    uint64_t devices = show_number(json_object_get(status, "pipeline"), "devices");
    uint64_t indicators = show_number(status, "indicators");

    if (devices == 0) {
        buf_add_text(out, "none: no device has reported yet\n");
    } else if (indicators == 0) {
        buf_add_text(out, "none, but no indicators are loaded: contacts with what is listed go "
                          "unseen\n");
    } else {
        buf_add_text(out, "none: what ");
        text_add_counted(out, devices, "device");
        buf_add_text(out, " reported was held against ");
        text_add_counted(out, indicators, "indicator");
        buf_add_text(out, "\n");
    }
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
    {.name = "list",
     .path = "/v1/alerts",
     .is_list = true,
     .show = show_list,
     .show_silence = show_silence},
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
