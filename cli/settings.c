/* SPDX-License-Identifier: MIT */
#include "cli/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/input.h"
#include "model/address.h"
#include "model/flow.h"

#define COUNT_OF(array)  (sizeof(array) / sizeof((array)[0]))
#define JSON_BYTES_MAX   ((size_t)1 << 20)
#define OUTPUT_BYTES_MAX ((size_t)1 << 20)

enum {
    OPTION_KEY = 1,
    OPTION_OUT,
    OPTION_DIRECTION,
    OPTION_PROTOCOL,
    OPTION_PEER,
    OPTION_PORT,
};

static const struct cli_option options[] = {
    {OPTION_KEY, "key", "FILE",
     "PEM: the private key to sign with, or the public one to check with"},
    {OPTION_OUT, "out", "FILE", "sign: where the envelope goes"},
    {OPTION_DIRECTION, "direction", "WAY", "judge: outbound or inbound: who opens the connection"},
    {OPTION_PROTOCOL, "protocol", "NAME", "judge: tcp, udp, icmp, icmpv6 or ip-N"},
    {OPTION_PEER, "peer", "IP", "judge: the address of the other side"},
    {OPTION_PORT, "port", "N", "judge: the service's port, if there is one"},
};

static const struct cli_command command = {
    .usage = "settings sign FILE.json --key PRIVATE.pem --out FILE\n"
             "settings show FILE [--key PUBLIC.pem]\n"
             "settings judge FILE --direction WAY --protocol NAME --peer IP [--port N]",
    .about = "Signs what devices are told: a policy or a configuration. Shows what is in a signed "
             "file,\nand what a policy would say of one connection. docs/settings.md describes the "
             "JSON.\nKeys: openssl genpkey -algorithm ed25519 -out private.pem\n"
             "      openssl pkey -in private.pem -pubout -out public.pem",
    .options = options,
    .option_count = COUNT_OF(options),
};

struct settings_options {
    const char *path;
    const char *key;
    const char *out;
    bool has_direction;
    bool has_protocol;
    bool has_peer;
    struct address peer;
    struct picket_activity activity; /* all but the peer */
};

static enum picket_status write_file(const char *path, const struct buf *bytes, struct err *reterr)
{
    FILE *file = fopen(path, "wbe");
    bool is_written = file != NULL &&
                      fwrite(bytes->bytes, 1, bytes->length, file) == bytes->length &&
                      fflush(file) == 0;

    if (!is_written) {
        err_set(reterr, "%s can't be written: %s", path, strerror(errno));
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return is_written ? PICKET_OK : PICKET_E_IO;
}

static enum picket_status sign_file(const struct settings_options *wanted, struct err *reterr)
{
    struct settings_draft *draft = calloc(1, sizeof(*draft));
    struct buf json;
    struct buf envelope;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&json, JSON_BYTES_MAX);
    buf_init(&envelope, PICKET_SETTINGS_BYTES_MAX);
    if (draft == NULL) {
        goto out;
    }
    status = input_read(wanted->path, &json, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = settings_draft_read(json.length == 0 ? "" : json.bytes, json.length, draft, reterr);
    if (status != PICKET_OK) {
        err_prefix(reterr, "%s", wanted->path);
        goto out;
    }
    status = settings_sign(&draft->settings, wanted->key, &envelope, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = write_file(wanted->out, &envelope, reterr);
out:
    buf_deinit(&envelope);
    buf_deinit(&json);
    if (draft != NULL) {
        settings_draft_deinit(draft);
    }
    free(draft);
    return status;
}

static const char *algorithm_name(enum picket_algorithm algorithm)
{
    return algorithm == PICKET_ALGORITHM_EDDSA ? "EdDSA" : "ES256";
}

static enum picket_status show_file(const struct settings_options *wanted,
                                    const struct settings_file *file, struct buf *out,
                                    struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (wanted->key != NULL) {
        status = settings_file_verify(file, wanted->key, reterr);
    }
    settings_write(out, &file->settings);
    buf_addf(out, "signature     %s, %s\n", algorithm_name(file->envelope.algorithm),
             wanted->key == NULL   ? "not checked: name a --key"
             : status == PICKET_OK ? "good"
                                   : "NOT GOOD");
    return status;
}

static enum picket_status judge_file(const struct settings_options *wanted,
                                     const struct settings_file *file, struct buf *out,
                                     struct err *reterr)
{
    struct picket_activity activity = wanted->activity;
    bool is_ipv4 = address_is_ipv4(&wanted->peer);

    if (file->settings.kind != PICKET_SETTINGS_POLICY) {
        err_set(reterr, "%s: it is a configuration, and only a policy judges", wanted->path);
        return PICKET_E_STATE;
    }
    activity.address_size = is_ipv4 ? 4 : 16;
    activity.peer = wanted->peer.bytes + sizeof(wanted->peer.bytes) - activity.address_size;
    settings_write_verdict(out, &file->settings.policy, &activity);
    return PICKET_OK;
}

typedef enum picket_status file_fn(const struct settings_options *wanted,
                                   const struct settings_file *file, struct buf *out,
                                   struct err *reterr);

/* Prints what @p fn writes, also where it then says that something is wrong. */
static enum picket_status with_file(const struct settings_options *wanted, file_fn *fn,
                                    struct err *reterr)
{
    struct settings_file file;
    struct buf out;
    enum picket_status status = settings_file_open(wanted->path, &file, reterr);

    buf_init(&out, OUTPUT_BYTES_MAX);
    if (status == PICKET_OK) {
        status = fn(wanted, &file, &out, reterr);
    }
    if (cli_print(&out) != CLI_GOOD) {
        status = PICKET_E_IO;
    }
    settings_file_close(&file);
    return status;
}

static enum picket_status show(const struct settings_options *wanted, struct err *reterr)
{
    return with_file(wanted, show_file, reterr);
}

static enum picket_status judge(const struct settings_options *wanted, struct err *reterr)
{
    return with_file(wanted, judge_file, reterr);
}

/* What the actions need. NULL, or what is missing. */
static const char *sign_lacks(const struct settings_options *wanted)
{
    return wanted->key == NULL || wanted->out == NULL ? "sign takes --key and --out" : NULL;
}

static const char *judge_lacks(const struct settings_options *wanted)
{
    return wanted->has_direction && wanted->has_protocol && wanted->has_peer
               ? NULL
               : "judge takes --direction, --protocol and --peer";
}

static const char *lacks_nothing(const struct settings_options *wanted)
{
    (void)wanted;
    return NULL;
}

static const struct action {
    const char *name;
    const char *(*lacks)(const struct settings_options *wanted);
    enum picket_status (*run)(const struct settings_options *wanted, struct err *reterr);
} actions[] = {
    {"sign", sign_lacks, sign_file},
    {"show", lacks_nothing, show},
    {"judge", judge_lacks, judge},
};

static bool read_direction(const char *text, enum picket_direction *ret)
{
    *ret = strcmp(text, direction_name(PICKET_INBOUND)) == 0 ? PICKET_INBOUND : PICKET_OUTBOUND;
    return strcmp(text, direction_name(*ret)) == 0;
}

/* The service's port, on whichever side it is. */
static bool read_port(const char *text, struct picket_activity *ret)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    ret->has_ports = true;
    ret->peer_port = (uint16_t)number;
    ret->local_port = (uint16_t)number;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && number <= UINT16_MAX;
}

/* False if the option's value is no good. */
static bool take_option(struct settings_options *wanted, int key)
{
    switch (key) {
    case OPTION_KEY:
        wanted->key = optarg;
        return true;
    case OPTION_OUT:
        wanted->out = optarg;
        return true;
    case OPTION_DIRECTION:
        wanted->has_direction = true;
        return read_direction(optarg, &wanted->activity.direction);
    case OPTION_PROTOCOL:
        wanted->has_protocol = true;
        return protocol_parse(optarg, &wanted->activity.protocol);
    case OPTION_PEER:
        wanted->has_peer = true;
        return address_parse(optarg, strlen(optarg), &wanted->peer) == PICKET_OK;
    case OPTION_PORT:
        return read_port(optarg, &wanted->activity);
    default:
        return false;
    }
}

static const struct action *find_action(const char *name)
{
    for (size_t i = 0; name != NULL && i < COUNT_OF(actions); i++) {
        if (strcmp(actions[i].name, name) == 0) {
            return &actions[i];
        }
    }
    return NULL;
}

int cli_settings(int argc, char **argv)
{
    struct settings_options wanted = {0};
    const struct action *action = NULL;
    const char *fault = NULL;
    struct err err = {""};
    enum picket_status status = PICKET_OK;
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        if (!take_option(&wanted, key)) {
            return cli_refuse_value(&command, "settings", key);
        }
    }
    action = find_action(argv[optind]);
    if (action == NULL || argc - optind != 2) {
        return cli_usage_error("settings", "it takes sign, show or judge, and one FILE");
    }
    wanted.path = argv[optind + 1];
    fault = action->lacks(&wanted);
    if (fault != NULL) {
        return cli_usage_error("settings", "%s", fault);
    }
    status = action->run(&wanted, &err);
    if (status != PICKET_OK) {
        cli_error("%s", err.text[0] == '\0' ? picket_strerror(status) : err.text);
        return CLI_FAILED;
    }
    return CLI_GOOD;
}
