/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/input.h"
#include "cli/sim_book.h"
#include "cli/sim_fleet.h"
#include "cli/sim_scenario.h"
#include "cli/uplink.h"

/**
 * `picket sim`: a fleet of devices that run the real device code and report to a service, and the
 * check that the service has what it acknowledged.
 */

#define DEVICES_MAX    100000u
#define LINKS          64u
#define LINKS_MAX      1000u
#define DRAIN_S        60u
#define REPEAT_S       5u
#define KEYS_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define KEY_MAX        255u
#define WRONG_BYTES    4096u /* of sentences: the first ones say enough */
#define FILES_SPARE    64u

enum {
    OPTION_DEVICES = 1,
    OPTION_RATE,
    OPTION_SCENARIO,
    OPTION_REPORTS,
    OPTION_SECONDS,
    OPTION_TO,
    OPTION_API,
    OPTION_TOKEN,
    OPTION_CA,
    OPTION_CERTIFICATES,
    OPTION_KEYS,
    OPTION_PREFIX,
    OPTION_CONNECTIONS,
    OPTION_BROKER,
    OPTION_REPEAT,
    OPTION_STATE,
    OPTION_CHECK,
    OPTION_UNCHECKED,
};

static const struct cli_option options[] = {
    {OPTION_DEVICES, "devices", "N", "how many (default 10; with --keys as many as there are)"},
    {OPTION_RATE, "rate", "R", "reports/s of all together (default: as fast as acknowledged)"},
    {OPTION_SCENARIO, "scenario", "FILE", "what they do on the network (docs/sim.md)"},
    {OPTION_REPORTS, "reports", "N", "ends after so many reports"},
    {OPTION_SECONDS, "seconds", "N", "ends after that time; else on SIGINT or SIGTERM"},
    {OPTION_TO, "to", "URL", "http, https, mqtt or mqtts (default " CLIENT_URL_DEFAULT ")"},
    {OPTION_API, "api", "URL", "where the check asks (default: --to, else $PICKET_URL)"},
    {OPTION_TOKEN, "token", "T", "the service's token (default: $PICKET_TOKEN)"},
    {OPTION_CA, "ca", "FILE", "who certifies the service (PEM; default: the system's)"},
    {OPTION_CERTIFICATES, "certificates", "FOLDER", "devices show ID.pem, with ID.key, from there"},
    {OPTION_KEYS, "keys", "FILE", "devices and their keys: ID KEY on a line"},
    {OPTION_PREFIX, "prefix", "TEXT", "what ids begin with, before a number (default sim-)"},
    {OPTION_CONNECTIONS, "connections", "N", "that devices share over HTTP (default 64)"},
    {OPTION_BROKER, "broker", NULL,
     "--to is a broker's: what the service says to the device counts"},
    {OPTION_REPEAT, "repeat", "SECONDS", "until a report is sent again through it (default 5)"},
    {OPTION_STATE, "state", "FILE", "keeps what was acknowledged there, and goes on from it"},
    {OPTION_CHECK, "check", NULL, "sends nothing: holds the service to --state"},
    {OPTION_UNCHECKED, "unchecked", NULL, "does not ask the service at the end"},
};

static const struct cli_command command = {
    .usage = "sim [--devices N] [--rate R] [--scenario FILE] [OPTION]…",
    .about = "Simulates a fleet: each device runs the real device code on made packets, and "
             "reports over\nreal connections. At the end the service is asked whether it has every "
             "report that it\nacknowledged exactly once.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

struct sim_options {
    uint64_t devices; /* 0: not said */
    uint64_t rate;
    uint64_t reports;
    uint64_t seconds;
    uint64_t links;
    uint64_t repeat_s;
    const char *scenario;
    const char *to;
    const char *api;
    const char *token;
    const char *keys;
    const char *prefix;
    const char *state;
    bool is_check;
    bool is_unchecked;
    bool is_broker;
};

struct sim {
    struct sim_options wanted;
    struct uplink_place place;
    struct sim_scenario scenario;
    struct sim_terms terms;
    struct sim_device *devices;
    size_t count;
    struct buf keys;
};

/* --- options --- */

/* Texts of options, by key. */
static const char **text_of(struct sim *sim, int key)
{
    switch (key) {
    case OPTION_SCENARIO:
        return &sim->wanted.scenario;
    case OPTION_TO:
        return &sim->wanted.to;
    case OPTION_API:
        return &sim->wanted.api;
    case OPTION_TOKEN:
        return &sim->wanted.token;
    case OPTION_CA:
        return &sim->place.authority;
    case OPTION_CERTIFICATES:
        return &sim->place.certificates;
    case OPTION_KEYS:
        return &sim->wanted.keys;
    case OPTION_PREFIX:
        return &sim->wanted.prefix;
    case OPTION_STATE:
        return &sim->wanted.state;
    default:
        return NULL;
    }
}

/* False if the option's value is no good. */
static bool take_option(struct sim *sim, int key)
{
    struct sim_options *wanted = &sim->wanted;
    const char **text = text_of(sim, key);

    if (text != NULL) {
        *text = optarg;
        return true;
    }
    switch (key) {
    case OPTION_DEVICES:
        return cli_read_number(1, DEVICES_MAX, &wanted->devices);
    case OPTION_RATE:
        return cli_read_number(1, 1000000, &wanted->rate);
    case OPTION_REPORTS:
        return cli_read_number(1, UINT32_MAX, &wanted->reports);
    case OPTION_SECONDS:
        return cli_read_number(1, 1000000, &wanted->seconds);
    case OPTION_CONNECTIONS:
        return cli_read_number(1, LINKS_MAX, &wanted->links);
    case OPTION_REPEAT:
        return cli_read_number(1, 3600, &wanted->repeat_s);
    case OPTION_BROKER:
        wanted->is_broker = true;
        return true;
    case OPTION_CHECK:
        wanted->is_check = true;
        return true;
    default:
        wanted->is_unchecked = true;
        return true;
    }
}

static int read_options(int argc, char **argv, struct sim *sim)
{
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) != CLI_OPTION_END) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return key;
        }
        if (!take_option(sim, key)) {
            (void)cli_refuse_value(&command, argv[0], key);
            return CLI_OPTION_WRONG;
        }
    }
    if (optind < argc) {
        (void)cli_usage_error(argv[0], "'%s' is too much", argv[optind]);
        return CLI_OPTION_WRONG;
    }
    if (sim->wanted.is_check && sim->wanted.state == NULL) {
        (void)cli_usage_error(argv[0], "--check needs --state, which says what was acknowledged");
        return CLI_OPTION_WRONG;
    }
    return CLI_OPTION_END;
}

/* --- devices --- */

static size_t count_lines(const struct buf *text)
{
    size_t count = 0;

    for (size_t i = 0; i < text->length; i++) {
        count += text->bytes[i] == '\n';
    }
    return count;
}

/* Ids and keys, one pair a line, which are cut apart in place. */
static enum picket_status take_keys(struct sim *sim, struct err *reterr)
{
    char *rest = NULL;
    char *line = strtok_r(sim->keys.bytes, "\n", &rest);

    for (size_t i = 0; i < sim->count; i++, line = strtok_r(NULL, "\n", &rest)) {
        char *key = line == NULL ? NULL : strchr(line, ' ');

        if (key != NULL) {
            *key++ = '\0';
        }
        if (key == NULL || !device_id_valid(line) || key[0] == '\0' || strlen(key) > KEY_MAX) {
            err_set(reterr, "%s:%zu: allowed is a device's id, a blank, and a key of 1 to %u bytes",
                    sim->wanted.keys, i + 1, KEY_MAX);
            return PICKET_E_MALFORMED;
        }
        (void)snprintf(sim->devices[i].id, sizeof(sim->devices[i].id), "%s", line);
        sim->devices[i].key = key;
    }
    return PICKET_OK;
}

static enum picket_status name_devices(struct sim *sim, struct err *reterr)
{
    const char *prefix = sim->wanted.prefix == NULL ? "sim-" : sim->wanted.prefix;

    for (size_t i = 0; i < sim->count; i++) {
        struct sim_device *device = &sim->devices[i];

        (void)snprintf(device->id, sizeof(device->id), "%s%zu", prefix, i + 1);
        if (!device_id_valid(device->id) || strlen(prefix) > DEVICE_ID_MAX - 6) {
            err_set(reterr, "'%s' is no beginning of a device's id", prefix);
            return PICKET_E_ARG;
        }
    }
    return PICKET_OK;
}

static enum picket_status make_devices(struct sim *sim, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    buf_init(&sim->keys, KEYS_BYTES_MAX);
    sim->count = sim->wanted.devices == 0 ? 10 : sim->wanted.devices;
    if (sim->wanted.keys != NULL) {
        status = input_read(sim->wanted.keys, &sim->keys, reterr);
        buf_add_text(&sim->keys, "\n");
        if (sim->wanted.devices == 0 && sim->keys.length > 0) {
            sim->count = count_lines(&sim->keys) - 1;
        }
    }
    if (status != PICKET_OK) {
        return status;
    }
    sim->devices = calloc(sim->count == 0 ? 1 : sim->count, sizeof(*sim->devices));
    if (sim->devices == NULL || sim->keys.is_failed) {
        err_set(reterr, "out of memory for %zu devices", sim->count);
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < sim->count; i++) {
        sim->devices[i].terms = &sim->terms;
        sim->devices[i].number = (uint32_t)i;
    }
    return sim->wanted.keys != NULL ? take_keys(sim, reterr) : name_devices(sim, reterr);
}

/* Each boots anew: no service has heard of that boot of that device. */
static enum picket_status start_devices(struct sim *sim, struct err *reterr)
{
    uint32_t random = 0;
    enum picket_status status = PICKET_OK;

    if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        err_set(reterr, "the system has no random numbers");
        return PICKET_E_IO;
    }
    for (size_t i = 0; i < sim->count && status == PICKET_OK; i++) {
        status = sim_device_start(&sim->devices[i], random);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "the device code can't start: %s", picket_strerror(status));
    }
    return status;
}

/* --- the run --- */

/* Each device may have a connection. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static void print_tally(const struct sim_tally *tally)
{
    double seconds = tally->elapsed_ms > 0 ? (double)tally->elapsed_ms / 1000.0 : 0.001;

    printf("%" PRIu64 " reports acknowledged in %.1f s, %.0f/s; %" PRIu64 " sent again, %" PRIu64
           " put off, %" PRIu64 " refused, %" PRIu64 " open, %" PRIu64 " connections lost\n",
           tally->acknowledged, seconds, (double)tally->acknowledged / seconds, tally->again,
           tally->later, tally->given_up, tally->open, tally->links_lost);
    (void)fflush(stdout);
}

static enum picket_status run_fleet(struct sim *sim, const char *to, struct err *reterr)
{
    const struct sim_options *wanted = &sim->wanted;
    struct sim_fleet_config config = {
        .devices = sim->devices,
        .count = sim->count,
        .terms = &sim->terms,
        .way_terms = {.place = &sim->place,
                      .token = wanted->token != NULL ? wanted->token : getenv("PICKET_TOKEN"),
                      .is_broker = wanted->is_broker},
        .links_max = wanted->links == 0 ? LINKS : wanted->links,
        .rate_per_s = wanted->rate,
        .reports_max = wanted->reports,
        .seconds_max = (unsigned)wanted->seconds,
        .drain_s = DRAIN_S,
        .repeat_s = wanted->repeat_s == 0 ? REPEAT_S : (unsigned)wanted->repeat_s,
    };
    struct sim_tally tally = {0};
    enum picket_status status = uplink_place_init(&sim->place, to, reterr);

    if (status == PICKET_OK) {
        status = uplink_place_find(&sim->place, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    raise_file_limit();
    config.way = sim_way_of(&sim->place);
    status = start_devices(sim, reterr);
    if (status == PICKET_OK) {
        status = sim_fleet_run(&config, &tally, reterr);
    }
    if (status == PICKET_OK) {
        print_tally(&tally);
    }
    if (status == PICKET_OK && tally.acknowledged == 0) {
        err_set(reterr, "no report was acknowledged");
        status = PICKET_E_STATE;
    }
    return status;
}

/* PICKET_E_CONFLICT if the service has not what it said. */
static enum picket_status check(const struct sim *sim, struct err *reterr)
{
    const struct sim_options *wanted = &sim->wanted;
    bool is_http = wanted->to != NULL && strncmp(wanted->to, "http", 4) == 0;
    const struct client_place place = {
        .url = wanted->api == NULL && is_http ? wanted->to : wanted->api,
        .token = wanted->token,
        .authority = sim->place.authority,
    };
    struct client *client = NULL;
    struct sim_verdict verdict = {0};
    struct buf wrong;
    enum picket_status status = client_new(&place, &client, reterr);

    buf_init(&wrong, WRONG_BYTES);
    if (status == PICKET_OK) {
        status = sim_book_check(client, sim->devices, sim->count, &verdict, &wrong, reterr);
    }
    if (status == PICKET_OK) {
        printf("%s%" PRIu64 " acknowledged, %" PRIu64 " stored, %" PRIu64 " lost, %" PRIu64
               " twice (%" PRIu64 " repeats dropped)\n",
               wrong.bytes == NULL ? "" : wrong.bytes, verdict.acknowledged, verdict.stored,
               verdict.lost, verdict.twice, verdict.repeats);
    }
    if (status == PICKET_OK && verdict.lost + verdict.twice > 0) {
        err_set(reterr, "the service has not what it acknowledged");
        status = PICKET_E_CONFLICT;
    }
    buf_deinit(&wrong);
    client_free(client);
    return status;
}

static enum picket_status run(struct sim *sim, struct err *reterr)
{
    const struct sim_options *wanted = &sim->wanted;
    const char *url = getenv("PICKET_URL");
    const char *to = wanted->to != NULL ? wanted->to : url != NULL ? url : CLIENT_URL_DEFAULT;
    enum picket_status status = wanted->scenario == NULL
                                    ? sim_scenario_standard(&sim->scenario, reterr)
                                    : sim_scenario_read(wanted->scenario, &sim->scenario, reterr);

    sim->terms.scenario = &sim->scenario;
    if (status == PICKET_OK) {
        status = make_devices(sim, reterr);
    }
    if (status == PICKET_OK && wanted->state != NULL) {
        status = sim_book_read(wanted->state, sim->devices, sim->count, reterr);
    }
    if (status == PICKET_OK && !wanted->is_check) {
        status = run_fleet(sim, to, reterr);
        if (status == PICKET_OK && wanted->state != NULL) {
            status = sim_book_write(wanted->state, sim->devices, sim->count, reterr);
        }
    }
    if (status == PICKET_OK && !wanted->is_unchecked) {
        status = check(sim, reterr);
    }
    return status;
}

static void free_sim(struct sim *sim)
{
    for (size_t i = 0; sim->devices != NULL && i < sim->count; i++) {
        sim_device_deinit(&sim->devices[i]);
    }
    free(sim->devices);
    buf_deinit(&sim->keys);
    uplink_place_deinit(&sim->place);
    free(sim);
}

int cli_sim(int argc, char **argv)
{
    struct sim *sim = calloc(1, sizeof(*sim));
    struct err err = {""};
    int code = CLI_GOOD;

    if (sim == NULL) {
        cli_error("out of memory");
        return CLI_FAILED;
    }
    code = read_options(argc, argv, sim);
    if (code != CLI_OPTION_END) {
        code = cli_option_exit(code);
    } else if (run(sim, &err) == PICKET_OK) {
        code = CLI_GOOD;
    } else {
        cli_error("%s", err.text);
        code = CLI_FAILED;
    }
    free_sim(sim);
    return code;
}
