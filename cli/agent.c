/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/crew.h"
#include "cli/privileges.h"
#include "cli/settings.h"
#include "cli/spool.h"
#include "intel/shards.h"
#include "model/report.h"
#include "picket/picket.h"
#include "picket_linux.h"

/**
 * `picket agent`: the Linux port running. One thread watches interfaces; this
 * one waits for the next report or a signal, and posts (cli/sender.h).
 */

#define INTERVAL_S      60u
#define INTERVAL_S_MAX  86400u
#define FLOWS           4096u /* of each IP version */
#define FACTS           1024u
#define FLOWS_OF_MANY   512u /* the same, where there is one device of many */
#define FACTS_OF_MANY   128u
#define DEVICES_MAX     256u
#define DEVICES_MAX_MAX 4096u
#define NEWCOMERS_MS    1000u /* how often devices are looked for that have just been found */
#define SPOOL_BYTES     (UINT64_C(64) * 1024 * 1024)
#define SPOOL_BYTES_MAX (UINT64_C(1) << 40)
#define RECEIVE_MS      200 /* and so long the watching thread may take to see the end */

enum {
    OPTION_INTERFACE = 1,
    OPTION_TO,
    OPTION_DEVICE_ID,
    OPTION_ADDRESS,
    OPTION_INTERVAL,
    OPTION_TOKEN,
    OPTION_SETTINGS,
    OPTION_SETTINGS_KEY,
    OPTION_AUDIENCE,
    OPTION_INDICATOR_KEY,
    OPTION_INDICATOR_BYTES,
    OPTION_USER,
    OPTION_SPOOL,
    OPTION_SPOOL_BYTES,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_DEVICES,
    OPTION_LOCAL,
    OPTION_DEVICES_MAX,
    OPTION_BROKER,
};

static const struct cli_option options[] = {
    {OPTION_INTERFACE, "interface", "IF", "an interface to watch; may be repeated"},
    {OPTION_DEVICE_ID, "device-id", "ID", "the device's name at the service"},
    {OPTION_TO, "to", "URL", "the service (default: $PICKET_URL, else " CLIENT_URL_DEFAULT ")"},
    {OPTION_BROKER, "broker", NULL,
     "what --to mqtt:// or mqtts:// leads to is a broker: the service's own word counts"},
    {OPTION_TOKEN, "token", "T",
     "the device's key, or a token of the service (default: $PICKET_TOKEN)"},
    {OPTION_CA, "ca", "FILE",
     "who certifies the service (PEM; default: $PICKET_CA, else the system's)"},
    {OPTION_CERT, "cert", "FILE", "the certificate to show the service (default: $PICKET_CERT)"},
    {OPTION_KEY, "key", "FILE", "and its private key (default: $PICKET_KEY)"},
    {OPTION_INTERVAL, "interval", "SECONDS", "between reports: 1 to 86400 (default 60)"},
    {OPTION_ADDRESS, "address", "IP",
     "watch this neighbour, not this host, as the device; may be repeated"},
    {OPTION_DEVICES, "devices", "WHAT",
     "what is a device: the interface (default), or each address or mac behind it"},
    {OPTION_LOCAL, "local", "PREFIX",
     "whose addresses are devices (default: the interface's networks); may be repeated"},
    {OPTION_DEVICES_MAX, "devices-max", "N",
     "devices behind the interfaces, at most 4096 (default 256)"},
    {OPTION_SETTINGS_KEY, "settings-key", "FILE",
     "take the service's settings if they are signed with this public key (PEM)"},
    {OPTION_AUDIENCE, "audience", "NAME", "whom settings must be for"},
    {OPTION_INDICATOR_KEY, "indicator-key", "FILE",
     "take the service's indicators if they are signed with this public key (PEM), too"},
    {OPTION_INDICATOR_BYTES, "indicator-bytes", "N",
     "memory for these, as the group says: 2048 to 1048576"},
    {OPTION_SETTINGS, "settings", "FILE", "settings to follow beside: now, and when they change"},
    {OPTION_USER, "user", "NAME",
     "whom to go on as once the interface is open (default for root: nobody)"},
    {OPTION_SPOOL, "spool", "FOLDER",
     "where reports wait for the service, and settings outlive a restart"},
    {OPTION_SPOOL_BYTES, "spool-bytes", "N",
     "that reports may fill there, 262144 or more; the oldest give way (default 64 MiB)"},
};

static const struct cli_command command = {
    .usage = "agent --interface IF --device-id ID [OPTION]…",
    .about =
        "Watches interfaces of this host and reports its traffic to a service as a device "
        "would.\nA bridge or router can watch a device beside it: name its addresses; or have each "
        "address\nor MAC behind an interface be a device. Needs CAP_NET_RAW\nto open the "
        "interface, then gives up all privileges. Looks on and blocks "
        "nothing: a policy\nin mode enforce is refused. Ends with a last report on SIGINT or "
        "SIGTERM.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

struct agent_options {
    const char *interfaces[PICKET_LINUX_INTERFACES_MAX];
    size_t interface_count;
    const char *device_id;
    struct client_place place;
    bool is_broker;
    const char *user;
    const char *spool;
    uint64_t spool_bytes;
    struct settings_terms settings;
    uint64_t interval_s;
    enum gateway_devices devices;
    struct prefix locals[GATEWAY_LOCALS_MAX];
    size_t local_count;
    uint64_t devices_max; /* 0: not said */
};

/* Values of --devices, by enum gateway_devices, and what the agent says of them. */
static const struct {
    const char *word;
    const char *said;
} device_words[] = {
    [GATEWAY_INTERFACE] = {"interface", ""},
    [GATEWAY_ADDRESS] = {"address", ", and each address behind it as one of its own"},
    [GATEWAY_MAC] = {"mac", ", and each MAC behind it as one of its own"},
};

/* Everything of a run; shared by its two threads. */
struct watch {
    struct picket_linux host;
    struct crew crew;
    atomic_bool is_over;
    char interfaces[PICKET_LINUX_INTERFACES_MAX * (IF_NAMESIZE + 2)]; /* "eth0, eth1" */
    struct utsname names;
    char os[PICKET_TEXT_MAX + 1];
    /* the main thread's: */
    struct sender_way way;
    struct mqtt_post_terms mqtt;
    struct spool_place spools;
    struct picket_linux_key key; /* of settings that were kept; the port has its own */
    struct privileges privileges;
};

static bool set_device_id(struct agent_options *wanted, const char *text)
{
    wanted->device_id = text;
    return device_id_valid(text);
}

static bool add_interface(struct agent_options *wanted, const char *name)
{
    if (wanted->interface_count == PICKET_LINUX_INTERFACES_MAX) {
        return false;
    }
    wanted->interfaces[wanted->interface_count++] = name;
    return true;
}

static bool set_devices(struct agent_options *wanted, const char *word)
{
    for (size_t i = 0; i < sizeof(device_words) / sizeof(device_words[0]); i++) {
        if (strcmp(device_words[i].word, word) == 0) {
            wanted->devices = (enum gateway_devices)i;
            return true;
        }
    }
    return false;
}

static bool add_local(struct agent_options *wanted, const char *text)
{
    return wanted->local_count < GATEWAY_LOCALS_MAX &&
           prefix_parse(text, strlen(text), &wanted->locals[wanted->local_count++]) == PICKET_OK;
}

/* Options that are a text, and where it is kept. */
static const struct {
    int key;
    size_t place;
} texts[] = {
    {OPTION_TO, offsetof(struct agent_options, place.url)},
    {OPTION_TOKEN, offsetof(struct agent_options, place.token)},
    {OPTION_CA, offsetof(struct agent_options, place.authority)},
    {OPTION_CERT, offsetof(struct agent_options, place.certificate)},
    {OPTION_KEY, offsetof(struct agent_options, place.key)},
    {OPTION_USER, offsetof(struct agent_options, user)},
    {OPTION_SPOOL, offsetof(struct agent_options, spool)},
    {OPTION_SETTINGS, offsetof(struct agent_options, settings.path)},
    {OPTION_SETTINGS_KEY, offsetof(struct agent_options, settings.key)},
    {OPTION_AUDIENCE, offsetof(struct agent_options, settings.audience)},
    {OPTION_INDICATOR_KEY, offsetof(struct agent_options, settings.indicator_key)},
};

static bool take_text(struct agent_options *wanted, int key)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].key == key) {
            *(const char **)(void *)((char *)wanted + texts[i].place) = optarg;
            return true;
        }
    }
    return false;
}

/* False if the option's value is no good. */
static bool take_option(struct agent_options *wanted, struct picket_linux *host, int key)
{
    switch (key) {
    case OPTION_DEVICE_ID:
        return set_device_id(wanted, optarg);
    case OPTION_ADDRESS:
        return picket_linux_add_address(host, optarg) == PICKET_OK;
    case OPTION_INTERVAL:
        return cli_read_number(1, INTERVAL_S_MAX, &wanted->interval_s);
    case OPTION_SPOOL_BYTES:
        return cli_read_number(SPOOL_BYTES_MIN, SPOOL_BYTES_MAX, &wanted->spool_bytes);
    case OPTION_INTERFACE:
        return add_interface(wanted, optarg);
    case OPTION_DEVICES:
        return set_devices(wanted, optarg);
    case OPTION_LOCAL:
        return add_local(wanted, optarg);
    case OPTION_DEVICES_MAX:
        return cli_read_number(1, DEVICES_MAX_MAX, &wanted->devices_max);
    case OPTION_INDICATOR_BYTES:
        return cli_read_number(SHARDS_BYTES_MIN, SHARDS_BYTES_MAX,
                               &wanted->settings.indicator_bytes);
    case OPTION_BROKER:
        wanted->is_broker = true;
        return true;
    default:
        return take_text(wanted, key);
    }
}

/* The watching thread. */
static void *watch_interfaces(void *context)
{
    struct watch *watch = context;
    bool is_over = false;

    /* Once more behind the end, for what the kernel has not handed over yet. */
    while (!is_over) {
        is_over = atomic_load(&watch->is_over);
        if (crew_watch(&watch->crew, RECEIVE_MS) == PICKET_E_IO) {
            cli_error("%s can't be watched for now: %s", watch->interfaces, strerror(errno));
        }
    }
    return NULL;
}

/* Waits for the next report or the end; true if it is the end. */
static bool wait_for_end(const sigset_t *ends, uint32_t wait_ms)
{
    struct timespec limit = {.tv_sec = wait_ms / 1000u, .tv_nsec = (wait_ms % 1000u) * 1000000L};

    return sigtimedwait(ends, NULL, &limit) > 0;
}

/* Turns to every device; true if the end came meanwhile. */
static bool turn_all(struct crew *crew, const sigset_t *ends, uint32_t *ret_wait_ms)
{
    size_t count = crew_count(crew);
    uint32_t wait_ms = crew->gateway.devices == GATEWAY_INTERFACE ? UINT32_MAX : NEWCOMERS_MS;

    for (size_t i = 0; i < count; i++) {
        uint32_t next_ms = stand_in_turn(&crew->devices[i]);

        wait_ms = next_ms < wait_ms ? next_ms : wait_ms;
        if (wait_for_end(ends, 0)) {
            return true;
        }
    }
    *ret_wait_ms = wait_ms;
    return false;
}

static void report_until_end(struct watch *watch, const sigset_t *ends)
{
    uint32_t wait_ms = 0;

    while (!turn_all(&watch->crew, ends, &wait_ms) && !wait_for_end(ends, wait_ms)) {
    }
}

static struct picket_text text_of(const char *text)
{
    size_t length = strlen(text);

    return (struct picket_text){text, length < PICKET_TEXT_MAX ? length : PICKET_TEXT_MAX};
}

/* What each device may have in the spool of all. */
static uint64_t spool_share(const struct agent_options *wanted, size_t devices)
{
    uint64_t share = wanted->spool_bytes / devices;

    return share < SPOOL_BYTES_MIN ? SPOOL_BYTES_MIN : share;
}

/* What all devices have in common, and memory for them. */
static enum picket_status make_crew(struct watch *watch, const struct agent_options *wanted,
                                    const struct picket_port *port, struct err *reterr)
{
    struct crew *crew = &watch->crew;
    bool has_many = wanted->devices != GATEWAY_INTERFACE;
    size_t devices_max = has_many ? (size_t)wanted->devices_max : 0;

    if (uname(&watch->names) != 0) {
        err_set(reterr, "this system says nothing of itself: %s", strerror(errno));
        return PICKET_E_IO;
    }
    (void)snprintf(watch->os, sizeof(watch->os), "%.31s %.31s", watch->names.sysname,
                   watch->names.release);
    crew->terms = (struct stand_in_terms){
        .port = *port,
        .settings = wanted->settings,
        .key = &watch->key,
        .spools = wanted->spool == NULL ? NULL : &watch->spools,
        .spool_bytes = spool_share(wanted, 1 + devices_max),
        .way = &watch->way,
        .interval_ms = (uint32_t)wanted->interval_s * 1000u,
        .flows = has_many ? FLOWS_OF_MANY : FLOWS,
        .facts = has_many ? FACTS_OF_MANY : FACTS,
    };
    crew->others.module_version = text_of(PICKET_VERSION);
    crew->own = crew->others;
    if (watch->host.address_count == 0) {
        crew->own.os = text_of(watch->os);
        crew->own.stack = text_of(watch->os);
        crew->own.hardware = text_of(watch->names.machine);
    }
    crew->gateway.devices = wanted->devices;
    crew->gateway.local_count = wanted->local_count;
    memcpy(crew->gateway.locals, wanted->locals, sizeof(wanted->locals));
    crew->host = &watch->host;
    crew->interfaces = wanted->interfaces;
    crew->interface_count = wanted->interface_count;
    crew->devices_max = devices_max;
    crew->own_id = wanted->device_id;
    if (has_many) {
        picket_linux_see_all(&watch->host);
    }
    return crew_new(crew, reterr);
}

/* Before the device code starts: whom it obeys. */
static enum picket_status start_obeying(struct watch *watch, const struct settings_terms *terms,
                                        struct picket_port *port, struct err *reterr)
{
    struct picket_linux_key key = {0};
    enum picket_status status = PICKET_OK;

    if (terms->key == NULL) {
        return PICKET_OK;
    }
    status = settings_load_key(terms->key, &watch->key, reterr);
    if (status == PICKET_OK) {
        status = settings_load_key(terms->key, &key, reterr);
    }
    if (status == PICKET_OK) {
        picket_linux_obey_key(&watch->host, port, &key);
    }
    if (status == PICKET_OK && terms->indicator_key != NULL) {
        status = settings_load_key(terms->indicator_key, &key, reterr);
        if (status == PICKET_OK) {
            picket_linux_obey_service(&watch->host, port, &key);
        }
    }
    return status;
}

static enum picket_status start_watching(struct watch *watch, const char *interface,
                                         struct err *reterr)
{
    enum picket_status status = picket_linux_open(&watch->host, interface);
    size_t length = strlen(watch->interfaces);

    if (status == PICKET_E_NOTFOUND) {
        err_set(reterr, "there is no interface '%s'; `ip link` lists those there are", interface);
    } else if (status != PICKET_OK) {
        err_set(reterr, "'%s' can't be watched: %s%s", interface, strerror(errno),
                errno == EPERM ? "; run it as root, or give it CAP_NET_RAW" : "");
    }
    (void)snprintf(watch->interfaces + length, sizeof(watch->interfaces) - length, "%s%s",
                   length == 0 ? "" : ", ", interface);
    return status;
}

/* Behind all that takes privileges. What is read later must be open to the one it goes on as. */
static enum picket_status give_up_privileges(const struct watch *watch,
                                             const struct agent_options *wanted, struct err *reterr)
{
    const char *user = watch->privileges.user;
    enum picket_status status = privileges_drop(&watch->privileges, reterr);

    if (status == PICKET_OK && wanted->settings.path != NULL &&
        access(wanted->settings.path, R_OK) != 0) {
        err_set(reterr, "%s can't be read%s%s: %s", wanted->settings.path,
                user == NULL ? "" : " as user ", user == NULL ? "" : user, strerror(errno));
        status = PICKET_E_IO;
    }
    return status;
}

/* The way to the service, with all its files. */
static enum picket_status open_way(struct watch *watch, const struct agent_options *wanted,
                                   struct err *reterr)
{
    const struct client_place *place = &wanted->place;

    if (!uplink_is_mqtt(place->url)) {
        return client_new(place, &watch->way.client, reterr);
    }
    watch->mqtt = (struct mqtt_post_terms){.place = {.authority = place->authority,
                                                     .certificate = place->certificate,
                                                     .key = place->key},
                                           .key = place->token,
                                           .is_broker = wanted->is_broker};
    watch->way.mqtt = &watch->mqtt;
    return uplink_place_init(&watch->mqtt.place, place->url, reterr);
}

/* What takes privileges: files of root, the spool's folder, the interface. */
static enum picket_status open_all(struct watch *watch, const struct agent_options *wanted,
                                   struct picket_port *port, struct err *reterr)
{
    enum picket_status status = privileges_find(wanted->user, &watch->privileges, reterr);

    if (status == PICKET_OK) {
        status = open_way(watch, wanted, reterr);
    }
    if (status == PICKET_OK) {
        status = start_obeying(watch, &wanted->settings, port, reterr);
    }
    if (status == PICKET_OK && wanted->spool != NULL) {
        status = spool_place_open(wanted->spool, &watch->privileges, &watch->spools, reterr);
    }
    if (status == PICKET_OK) {
        status = make_crew(watch, wanted, port, reterr);
    }
    if (status == PICKET_OK) {
        status = crew_open(&watch->crew, reterr);
    }
    for (size_t i = 0; i < wanted->interface_count && status == PICKET_OK; i++) {
        status = start_watching(watch, wanted->interfaces[i], reterr);
    }
    return status;
}

/* The signals that end the agent are taken by sigtimedwait() alone, in no thread's midst. */
static void hold_ends(sigset_t *ret_ends)
{
    (void)sigemptyset(ret_ends);
    (void)sigaddset(ret_ends, SIGINT);
    (void)sigaddset(ret_ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, ret_ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* a service that goes away is told by errors */
}

static enum picket_status watch_until_end(struct watch *watch, const struct agent_options *wanted,
                                          struct err *reterr)
{
    pthread_t watcher;
    sigset_t ends;

    hold_ends(&ends);
    if (pthread_create(&watcher, NULL, watch_interfaces, watch) != 0) {
        err_set(reterr, "no thread can be started");
        return PICKET_E_NOMEM;
    }
    printf("Watching %s as device %s%s; reports go to %s every %" PRIu64 " s.\n", watch->interfaces,
           wanted->device_id, device_words[wanted->devices].said, wanted->place.url,
           wanted->interval_s);
    (void)fflush(stdout);
    report_until_end(watch, &ends);
    atomic_store(&watch->is_over, true);
    (void)pthread_join(watcher, NULL);
    crew_close(&watch->crew);
    return PICKET_OK;
}

static enum picket_status run(struct watch *watch, const struct agent_options *wanted,
                              struct picket_port *port, struct err *reterr)
{
    enum picket_status status = open_all(watch, wanted, port, reterr);

    if (status == PICKET_OK) {
        status = give_up_privileges(watch, wanted, reterr);
    }
    if (status == PICKET_OK) {
        status = crew_start(&watch->crew, reterr);
    }
    if (status == PICKET_OK) {
        status = watch_until_end(watch, wanted, reterr);
    }
    crew_free(&watch->crew);
    spool_place_close(&watch->spools);
    picket_linux_unload_key(&watch->key);
    client_free(watch->way.client);
    uplink_place_deinit(&watch->mqtt.place);
    return status;
}

/* What is wrong with the options together, or NULL; settles the defaults that depend on others. */
static const char *options_fault(struct agent_options *wanted, const struct picket_linux *host)
{
    bool has_many = wanted->devices != GATEWAY_INTERFACE;

    if (wanted->interface_count == 0 || wanted->device_id == NULL) {
        return "it takes --interface and --device-id, and only options";
    }
    if (wanted->local_count > 0 && wanted->devices != GATEWAY_ADDRESS) {
        return "--local goes with --devices address";
    }
    if (wanted->devices_max > 0 && !has_many) {
        return "--devices-max goes with --devices address or mac";
    }
    if (has_many && host->address_count > 0) {
        return "--address is for one device, --devices address or mac for many";
    }
    if (has_many && strlen(wanted->device_id) + GATEWAY_KEY_TEXT_MAX > DEVICE_ID_MAX) {
        return "the device id is too long to have addresses behind it";
    }
    client_place_settle(&wanted->place);
    if (wanted->is_broker && !uplink_is_mqtt(wanted->place.url)) {
        return "--broker goes with --to mqtt:// or mqtts://";
    }
    if (uplink_is_mqtt(wanted->place.url) &&
        (wanted->place.certificate == NULL) != (wanted->place.key == NULL)) {
        return "a certificate and its private key go together: --cert and --key";
    }
    wanted->devices_max = wanted->devices_max == 0 ? DEVICES_MAX : wanted->devices_max;
    return settings_terms_fault(&wanted->settings);
}

static int run_verb(int argc, char **argv, struct watch *watch, struct picket_port *port)
{
    struct agent_options wanted = {.interval_s = INTERVAL_S, .spool_bytes = SPOOL_BYTES};
    const char *fault = NULL;
    struct err err = {""};
    int key = 0;

    while ((key = cli_next_option(&command, argc, argv)) > 0) {
        if (key == CLI_OPTION_HELP || key == CLI_OPTION_WRONG) {
            return cli_option_exit(key);
        }
        if (!take_option(&wanted, &watch->host, key)) {
            return cli_refuse_value(&command, "agent", key);
        }
    }
    fault = options_fault(&wanted, &watch->host);
    if (optind < argc) {
        fault = "it takes only options";
    }
    if (fault != NULL) {
        return cli_usage_error("agent", "%s", fault);
    }
    if (run(watch, &wanted, port, &err) != PICKET_OK) {
        cli_error("%s", err.text);
        return CLI_FAILED;
    }
    return CLI_GOOD;
}

int cli_agent(int argc, char **argv)
{
    struct watch *watch = calloc(1, sizeof(*watch));
    struct picket_port port;
    int code = CLI_FAILED;

    if (watch != NULL) {
        watch->spools.folder = -1;
    }
    if (watch == NULL || picket_linux_init(&watch->host, &port) != PICKET_OK) {
        cli_error("out of memory");
    } else {
        code = run_verb(argc, argv, watch, &port);
        picket_linux_deinit(&watch->host);
    }
    free(watch);
    return code;
}
