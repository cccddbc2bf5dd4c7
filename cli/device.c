/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/identity.h"
#include "cli/query.h"
#include "cli/show.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void add_device(struct table *table, const json_t *device)
{
    table_add(table, show_text(device, "id"));
    table_add(table, show_text(device, "group"));
    table_add(table, show_text(json_object_get(device, "system"), "firmware_version"));
    text_add_count(table_cell(table), show_number(device, "reports"));
    show_count(table_cell(table), device, "missing");
    if (json_is_null(json_object_get(device, "counters"))) {
        table_add(table, "unknown");
    } else {
        show_count(table_cell(table), json_object_get(device, "counters"), "seen");
    }
    show_time(table_cell(table), show_text(device, "last_seen"));
}

static void show_devices(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"ID",       "GROUP",    "FIRMWARE", ">REPORTS",
                                        ">MISSING", ">PACKETS", "LAST SEEN"};
    const json_t *devices = json_object_get(answer, "items");

    show_rows(out, devices, 0, heads, COUNT_OF(heads), add_device);
    show_rest(out, answer);
}

static void add_fact(struct buf *out, const char *label, const char *text)
{
    if (text[0] != '\0') {
        buf_addf(out, "  %-10s", label);
        text_add_safe(out, text);
        buf_add_text(out, "\n");
    }
}

static void add_hardening(struct buf *out, json_t *hardening)
{
    const char *name;
    json_t *is_on;

    json_object_foreach(hardening, name, is_on)
    {
        buf_addf(out, "  %-10s", "Hardening");
        text_add_safe(out, name);
        buf_addf(out, " %s\n", json_is_true(is_on) ? "on" : "off");
    }
}

/* "Refused   3 malformed, the last 2 min ago from 192.0.2.1: byte 0: …" */
static void add_refused(struct buf *out, const json_t *causes)
{
    const json_t *refused = NULL;
    size_t i = 0;

    json_array_foreach(causes, i, refused)
    {
        buf_addf(out, "  %-10s", "Refused");
        text_add_count(out, show_number(refused, "count"));
        buf_add_text(out, " ");
        text_add_safe(out, show_text(refused, "cause"));
        buf_add_text(out, ", the last ");
        show_time(out, show_text(refused, "last"));
        buf_add_text(out, " from ");
        text_add_safe(out, show_text(refused, "source"));
        buf_add_text(out, ": ");
        text_add_safe(out, show_text(refused, "reason"));
        buf_add_text(out, "\n");
    }
}

/* Of packets there is nothing in other formats than ours. */
static void add_counts(struct buf *out, const json_t *device)
{
    static const char *const counts[] = {"seen",      "kept",     "folded",
                                         "malformed", "filtered", "dropped"};

    buf_addf(out, "\n  %-10s", "Reports");
    text_add_count(out, show_number(device, "reports"));
    if (json_is_null(json_object_get(device, "counters"))) {
        buf_addf(out, " of format %s, %" PRIu64 " came again\n", show_text(device, "format"),
                 show_number(device, "repeats"));
        return;
    }
    buf_addf(out, ", %" PRIu64 " missing, %" PRIu64 " came again\n", show_number(device, "missing"),
             show_number(device, "repeats"));
    buf_addf(out, "  %-10s", "Packets");
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        buf_add_text(out, i == 0 ? "" : ", ");
        text_add_count(out, show_number(json_object_get(device, "counters"), counts[i]));
        buf_addf(out, " %s", counts[i]);
    }
    buf_add_text(out, "\n");
}

static void show_device(struct buf *out, const json_t *device)
{
    static const struct {
        const char *label;
        const char *name;
    } facts[] = {
        {"Firmware", "firmware_version"},
        {"System", "os"},
        {"Stack", "stack"},
        {"Hardware", "hardware"},
        {"Module", "module_version"},
        {"SBOM", "sbom"},
        {"SHA-256", "firmware_sha256"},
    };

    text_add_safe(out, show_text(device, "id"));
    buf_add_text(out, "\n");
    add_fact(out, "Group", show_text(device, "group"));
    for (size_t i = 0; i < COUNT_OF(facts); i++) {
        add_fact(out, facts[i].label, show_text(json_object_get(device, "system"), facts[i].name));
    }
    add_hardening(out, json_object_get(json_object_get(device, "system"), "hardening"));
    buf_addf(out, "  %-10s", "Seen");
    show_time(out, show_text(device, "first_seen"));
    buf_add_text(out, " to ");
    show_time(out, show_text(device, "last_seen"));
    buf_add_text(out, ", every ");
    text_add_duration(out, (int64_t)show_number(device, "interval_ms") * TIME_US_PER_MS);
    add_counts(out, device);
    add_refused(out, json_object_get(device, "refused"));
}

static void add_peer(struct table *table, const json_t *peer)
{
    const char *name = show_text(peer, "name");
    const json_t *port = json_object_get(peer, "port");
    struct buf *cell;

    table_add(table, name[0] != '\0' ? name : show_text(peer, "address"));
    cell = table_cell(table);
    text_add_safe(cell, show_text(peer, "protocol"));
    if (json_is_integer(port)) {
        buf_addf(cell, "/%" PRIu64, show_number(peer, "port"));
    }
    table_add(table, show_text(peer, "direction"));
    table_add(table, show_text(peer, "outcome"));
    text_add_count(table_cell(table), show_number(peer, "reports"));
    show_count(table_cell(table), peer, "bytes_in");
    show_count(table_cell(table), peer, "bytes_out");
    show_time(table_cell(table), show_text(peer, "first_seen"));
    show_time(table_cell(table), show_text(peer, "last_seen"));
}

static void show_peers(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"PEER",       "SERVICE",    "DIRECTION",
                                        "OUTCOME",    ">REPORTS",   ">BYTES IN",
                                        ">BYTES OUT", "FIRST SEEN", "LAST SEEN"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_peer);
    show_rest(out, answer);
    if (show_number(answer, "evicted") > 0) {
        text_add_count(out, show_number(answer, "evicted"));
        buf_add_text(out, " more had to make room for others\n");
    }
}

/* A revision, or a dash. */
static void add_revision(struct table *table, const json_t *standing, const char *name)
{
    struct buf *cell = table_cell(table);

    if (json_is_integer(json_object_get(standing, name))) {
        text_add_count(cell, show_number(standing, name));
    } else {
        buf_add_text(cell, "-");
    }
}

static void add_standing(struct table *table, const json_t *standing)
{
    table_add(table, show_text(standing, "kind"));
    add_revision(table, standing, "desired");
    add_revision(table, standing, "reported");
    table_add(table, show_text(standing, "state"));
    add_revision(table, standing, "confirmed");
    show_time(table_cell(table), show_text(standing, "confirmed_at"));
    add_revision(table, standing, "refused");
    table_add(table, show_text(standing, "reason"));
}

static void show_settings(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"KIND",       ">DESIRED",     ">REPORTED", "STATE",
                                        ">CONFIRMED", "CONFIRMED AT", ">REFUSED",  "REASON"};

    show_rows(out, json_object_get(answer, "items"), 0, heads, COUNT_OF(heads), add_standing);
    show_rest(out, answer);
}

static void make_path(struct buf *out, const char *id, const char *what)
{
    buf_add_text(out, "/v1/devices/");
    client_escape(out, id);
    buf_add_text(out, what);
}

static void make_peers_path(struct buf *out, const char *id, const char *object)
{
    (void)object;
    make_path(out, id, "/peers");
}

static void make_settings_path(struct buf *out, const char *id, const char *object)
{
    (void)object;
    make_path(out, id, "/settings");
}

static const struct query_action actions[] = {
    {.name = "list", .path = "/v1/devices", .is_list = true, .show = show_devices},
    {.name = "show", .path = "/v1/devices/", .subject = "ID", .show = show_device},
    {.name = "peers",
     .subject = "ID",
     .is_list = true,
     .make_path = make_peers_path,
     .show = show_peers},
    {.name = "settings", .subject = "ID", .make_path = make_settings_path, .show = show_settings},
    {.name = "credentials",
     .subject = "ID",
     .make_path = identity_make_path,
     .show = identity_show_credentials},
    {.name = "enrol",
     .method = "POST",
     .subject = "ID",
     .make_path = identity_make_path,
     .make_body_of_words = identity_make_body,
     .show = identity_show_added},
    {.name = "revoke",
     .method = "DELETE",
     .subject = "ID",
     .object = "NUMBER|all",
     .make_path = identity_make_revoke_path},
};

static const struct cli_option options[] = {QUERY_OPTION_LIMIT_ROW, QUERY_OPTIONS};

int cli_device(int argc, char **argv)
{
    static const struct query query = {
        .command = {.usage = "device list [OPTION]…\ndevice show [OPTION]… ID\n"
                             "device peers [OPTION]… ID\ndevice settings [OPTION]… ID\n"
                             "device credentials [OPTION]… ID\n"
                             "device enrol [OPTION]… ID [certificate=FILE | shared_key=BASE64]\n"
                             "device revoke [OPTION]… ID NUMBER|all",
                    .about =
                        "Devices that a running service knows. `enrol` pins a certificate (PEM), "
                        "takes the shared\naccess key of firmware for IoT hubs, or makes a key and "
                        "prints it; `revoke` is in force for\nthe next message.",
                    .options = options,
                    .option_count = COUNT_OF(options)},
        .actions = actions,
        .action_count = COUNT_OF(actions),
    };

    return query_run(&query, argc, argv);
}
