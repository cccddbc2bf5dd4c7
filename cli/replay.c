/* SPDX-License-Identifier: MIT */
#include "cli/replay.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "model/report.h"

#define DOCUMENT_BYTES_MAX ((size_t)1024 * 1024 * 1024)
#define INTERVAL_S         60u
#define INTERVAL_S_MAX     86400u
#define FLOWS              1024u
#define FLOWS_MAX          65536u

/* In the order of the table of options. */
enum {
    OPTION_DEVICE = 1,
    OPTION_INTEL,
    OPTION_GROUP_RULES,
    OPTION_INTERVAL,
    OPTION_FLOWS,
    OPTION_JSON,
    OPTION_EXACT_FLOWS,
    OPTION_TO,
    OPTION_DEVICE_ID,
    OPTION_NOW,
    OPTION_TOKEN,
    OPTION_SETTINGS,
    OPTION_SETTINGS_KEY,
    OPTION_AUDIENCE,
};

static const struct cli_option options[] = {
    {OPTION_DEVICE, "device", "IP",
     "replay this host as a device; may be repeated (default: every private host)"},
    {OPTION_INTEL, "intel", "LIST", "a list of bad addresses and prefixes; may be repeated"},
    {OPTION_GROUP_RULES, "group-rules", "FILE", "what is expected of the devices, as JSON"},
    {OPTION_INTERVAL, "interval", "SECONDS", "between a device's reports: 1 to 86400 (default 60)"},
    {OPTION_FLOWS, "flows", "N",
     "flows a device holds, of each IP version, and facts: 1 to 65536 (default 1024)"},
    {OPTION_JSON, "json", NULL, "one JSON document instead of words"},
    {OPTION_EXACT_FLOWS, "exact-flows", "OUT.tsv",
     "only write the exact flow table of everything captured"},
    {OPTION_TO, "to", "URL", "send the reports to a running service instead"},
    {OPTION_DEVICE_ID, "device-id", "ID", "with --to: the device's name there (default: its IP)"},
    {OPTION_NOW, "now", NULL, "with --to: move the capture in time so that it ends now"},
    {OPTION_TOKEN, "token", "T", "with --to: the service's token (default: $PICKET_TOKEN)"},
    {OPTION_SETTINGS, "settings", "FILE", "signed settings that every device starts with"},
    {OPTION_SETTINGS_KEY, "settings-key", "FILE", "PEM: the public key that they are signed with"},
    {OPTION_AUDIENCE, "audience", "NAME", "whom the settings are for"},
};

static const struct cli_command command = {
    .usage = "replay [OPTION]… CAPTURE…",
    .about = "Runs captures (pcap, pcapng) through the device code in virtual time, and its "
             "reports\nthrough the service's own analysis. Equal input gives equal output.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

/* One that is named twice is one device. */
static bool add_device(struct replay_options *wanted, const char *text)
{
    struct address device;

    if (wanted->device_count == REPLAY_DEVICES_MAX ||
        address_parse(text, strlen(text), &device) != PICKET_OK) {
        return false;
    }
    for (size_t i = 0; i < wanted->device_count; i++) {
        if (address_equal(&wanted->devices[i], &device)) {
            return true;
        }
    }
    wanted->devices[wanted->device_count++] = device;
    return true;
}

static bool add_list(struct replay_options *wanted, const char *path)
{
    if (wanted->list_count == REPLAY_LISTS_MAX) {
        return false;
    }
    wanted->lists[wanted->list_count++] = path;
    return true;
}

static bool set_device_id(struct replay_options *wanted, const char *text)
{
    wanted->device_id = text;
    return device_id_valid(text);
}

/* False if the option's value is no good. */
static bool take_option(struct replay_options *wanted, int key)
{
    switch (key) {
    case OPTION_DEVICE:
        return add_device(wanted, optarg);
    case OPTION_INTEL:
        return add_list(wanted, optarg);
    case OPTION_INTERVAL:
        return cli_read_number(1, INTERVAL_S_MAX, &wanted->interval_s);
    case OPTION_FLOWS:
        return cli_read_number(1, FLOWS_MAX, &wanted->flows);
    case OPTION_DEVICE_ID:
        return set_device_id(wanted, optarg);
    case OPTION_GROUP_RULES:
        wanted->group_rules = optarg;
        break;
    case OPTION_EXACT_FLOWS:
        wanted->exact_path = optarg;
        break;
    case OPTION_TO:
        wanted->url = optarg;
        break;
    case OPTION_TOKEN:
        wanted->token = optarg;
        break;
    case OPTION_SETTINGS:
        wanted->terms.path = optarg;
        break;
    case OPTION_SETTINGS_KEY:
        wanted->terms.key = optarg;
        break;
    case OPTION_AUDIENCE:
        wanted->terms.audience = optarg;
        break;
    case OPTION_NOW:
        wanted->ends_now = true;
        break;
    case OPTION_JSON:
        wanted->is_json = true;
        break;
    default:
        return false;
    }
    return true;
}

/* What is wrong with the options together, or NULL. */
static const char *contradiction(const struct replay_options *wanted)
{
    bool is_analysed_here = wanted->list_count > 0 || wanted->group_rules != NULL;

    if (wanted->capture_count == 0) {
        return "name at least one capture";
    }
    if (wanted->url == NULL &&
        (wanted->device_id != NULL || wanted->ends_now || wanted->token != NULL)) {
        return "--device-id, --now and --token go with --to";
    }
    if (wanted->url != NULL && is_analysed_here) {
        return "--intel and --group-rules are for the analysis here; with --to the service has "
               "its own";
    }
    if (wanted->exact_path != NULL &&
        (wanted->url != NULL || is_analysed_here || wanted->device_count > 0 || wanted->is_json ||
         wanted->terms.path != NULL)) {
        return "--exact-flows goes with no other option";
    }
    return settings_terms_fault(&wanted->terms);
}

static enum picket_status analyse(const struct replay_options *wanted, struct buf *ret_out,
                                  struct err *reterr)
{
    struct buf document;
    enum picket_status status = PICKET_OK;

    if (wanted->exact_path != NULL) {
        return replay_exact(wanted, reterr);
    }
    buf_init(&document, DOCUMENT_BYTES_MAX);
    status = wanted->url != NULL ? replay_post(wanted, &document, reterr)
                                 : replay_local(wanted, &document, reterr);
    if (status == PICKET_OK && wanted->is_json) {
        *ret_out = document;
        return PICKET_OK;
    }
    if (status == PICKET_OK) {
        status = replay_print(&document, ret_out, reterr);
    }
    buf_deinit(&document);
    return status;
}

static enum picket_status run(struct replay_options *wanted, struct buf *ret_out,
                              struct err *reterr)
{
    struct replay_settings *settings = NULL;
    enum picket_status status = PICKET_OK;

    if (wanted->terms.path != NULL) {
        status = replay_settings_new(&wanted->terms, &settings, reterr);
    }
    if (status == PICKET_OK) {
        wanted->settings = settings;
        status = analyse(wanted, ret_out, reterr);
    }
    replay_settings_free(settings);
    return status;
}

int cli_replay(int argc, char **argv)
{
    struct replay_options wanted = {.interval_s = INTERVAL_S, .flows = FLOWS};
    struct err err = {""};
    struct buf out;
    const char *fault = NULL;
    enum picket_status status = PICKET_OK;
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        if (!take_option(&wanted, key)) {
            return cli_refuse_value(&command, "replay", key);
        }
    }
    wanted.captures = argv + optind;
    wanted.capture_count = (size_t)(argc - optind);
    fault = contradiction(&wanted);
    if (fault != NULL) {
        return cli_usage_error("replay", "%s", fault);
    }
    buf_init(&out, DOCUMENT_BYTES_MAX);
    status = run(&wanted, &out, &err);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        buf_deinit(&out);
        return CLI_FAILED;
    }
    return cli_print(&out);
}
