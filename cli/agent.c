/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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
#include "cli/privileges.h"
#include "cli/sender.h"
#include "cli/settings.h"
#include "cli/spool.h"
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
    OPTION_USER,
    OPTION_SPOOL,
    OPTION_SPOOL_BYTES,
    OPTION_CA,
    OPTION_CERT,
    OPTION_KEY,
};

static const struct cli_option options[] = {
    {OPTION_INTERFACE, "interface", "IF", "an interface to watch; may be repeated"},
    {OPTION_DEVICE_ID, "device-id", "ID", "the device's name at the service"},
    {OPTION_TO, "to", "URL", "the service (default: $PICKET_URL, else " CLIENT_URL_DEFAULT ")"},
    {OPTION_TOKEN, "token", "T", "the service's token (default: $PICKET_TOKEN)"},
    {OPTION_CA, "ca", "FILE",
     "who certifies the service (PEM; default: $PICKET_CA, else the system's)"},
    {OPTION_CERT, "cert", "FILE", "the certificate to show the service (default: $PICKET_CERT)"},
    {OPTION_KEY, "key", "FILE", "and its private key (default: $PICKET_KEY)"},
    {OPTION_INTERVAL, "interval", "SECONDS", "between reports (default 60)"},
    {OPTION_ADDRESS, "address", "IP",
     "watch this neighbour, not this host, as the device; may be repeated"},
    {OPTION_SETTINGS_KEY, "settings-key", "FILE",
     "take the service's settings if they are signed with this public key (PEM)"},
    {OPTION_AUDIENCE, "audience", "NAME", "whom settings must be for"},
    {OPTION_SETTINGS, "settings", "FILE", "settings to follow beside: now, and when they change"},
    {OPTION_USER, "user", "NAME",
     "whom to go on as once the interface is open (default for root: nobody)"},
    {OPTION_SPOOL, "spool", "FOLDER",
     "where reports wait for the service, and settings outlive a restart"},
    {OPTION_SPOOL_BYTES, "spool-bytes", "N",
     "that reports may fill there; the oldest give way (default 64 MiB)"},
};

static const struct cli_command command = {
    .usage = "agent --interface IF --device-id ID [OPTION]…",
    .about =
        "Watches interfaces of this host and reports its traffic to a service as a device "
        "would.\nA bridge or router can watch a device beside it: name its addresses. Needs "
        "CAP_NET_RAW\nto open the interface, then gives up all privileges. Looks on and blocks "
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
    const char *user;
    const char *spool;
    uint64_t spool_bytes;
    struct settings_terms settings;
    uint64_t interval_s;
};

/* Everything of a run; shared by its two threads. */
struct watch {
    struct picket_linux host;
    struct picket_agent agent; /* guarded by the port's lock */
    atomic_bool is_over;
    char interfaces[PICKET_LINUX_INTERFACES_MAX * (IF_NAMESIZE + 2)]; /* "eth0, eth1" */
    struct utsname names;
    char os[PICKET_TEXT_MAX + 1];
    uint64_t ipv4[PICKET_IPV4_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t ipv6[PICKET_IPV6_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t facts[PICKET_FACTS_STORAGE_BYTES(FACTS) / sizeof(uint64_t)];
    uint8_t settings[2 * (PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD)];
    /* the main thread's: */
    struct settings_followed followed; /* path NULL: none */
    struct settings_memory memory;
    struct err memory_trouble;
    struct picket_linux_key key; /* of settings that were kept; the port has its own */
    struct privileges privileges;
};

static bool read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
    char *end = NULL;
    unsigned long long number = strtoull(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < min || number > max) {
        return false;
    }
    *ret = number;
    return true;
}

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

/* False if the option's value is no good. */
static bool take_option(struct agent_options *wanted, struct picket_linux *host, int key)
{
    switch (key) {
    case OPTION_DEVICE_ID:
        return set_device_id(wanted, optarg);
    case OPTION_ADDRESS:
        return picket_linux_add_address(host, optarg) == PICKET_OK;
    case OPTION_INTERVAL:
        return read_number(optarg, 1, INTERVAL_S_MAX, &wanted->interval_s);
    case OPTION_SPOOL_BYTES:
        return read_number(optarg, SPOOL_BYTES_MIN, SPOOL_BYTES_MAX, &wanted->spool_bytes);
    case OPTION_SPOOL:
        wanted->spool = optarg;
        break;
    case OPTION_INTERFACE:
        return add_interface(wanted, optarg);
    case OPTION_TO:
        wanted->place.url = optarg;
        break;
    case OPTION_TOKEN:
        wanted->place.token = optarg;
        break;
    case OPTION_CA:
        wanted->place.authority = optarg;
        break;
    case OPTION_CERT:
        wanted->place.certificate = optarg;
        break;
    case OPTION_KEY:
        wanted->place.key = optarg;
        break;
    case OPTION_SETTINGS:
        wanted->settings.path = optarg;
        break;
    case OPTION_SETTINGS_KEY:
        wanted->settings.key = optarg;
        break;
    case OPTION_AUDIENCE:
        wanted->settings.audience = optarg;
        break;
    case OPTION_USER:
        wanted->user = optarg;
        break;
    default:
        return false;
    }
    return true;
}

/* The watching thread. */
static void *watch_interfaces(void *context)
{
    struct watch *watch = context;
    bool is_over = false;

    /* Once more behind the end, for what the kernel has not handed over yet. */
    while (!is_over) {
        is_over = atomic_load(&watch->is_over);
        if (picket_linux_receive(&watch->host, &watch->agent, RECEIVE_MS) == PICKET_E_IO) {
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

/* Tells once of a file that is refused; one that is gone, or has to wait, changes nothing. */
static void follow_settings(struct watch *watch)
{
    struct err trouble = {""};
    enum picket_status status = PICKET_E_EMPTY;

    if (watch->followed.path != NULL) {
        status = settings_follow(&watch->followed, &watch->memory, &watch->agent, &trouble);
    }
    if (status == PICKET_E_CONFLICT) {
        cli_error("%s", trouble.text);
    } else if (status == PICKET_OK) {
        printf("Settings of %s were accepted.\n", watch->followed.path);
        (void)fflush(stdout);
    }
}

/* What was committed outlives a restart; tells once if it can't. */
static void keep_settings(struct watch *watch)
{
    struct err trouble = {""};

    if (settings_memory_note(&watch->memory, &watch->agent, &trouble) != PICKET_OK &&
        strcmp(watch->memory_trouble.text, trouble.text) != 0) {
        cli_error("%s", trouble.text);
    }
    watch->memory_trouble = trouble;
}

static void report_until_end(struct watch *watch, struct sender *sender, const sigset_t *ends)
{
    uint32_t wait_ms = 0;

    follow_settings(watch);
    wait_ms = picket_next_report_ms(&watch->agent);
    keep_settings(watch);
    while (!wait_for_end(ends, wait_ms)) {
        follow_settings(watch);
        wait_ms = sender_turn(sender);
        keep_settings(watch);
    }
}

static struct picket_text text_of(const char *text)
{
    size_t length = strlen(text);

    return (struct picket_text){text, length < PICKET_TEXT_MAX ? length : PICKET_TEXT_MAX};
}

/* What an earlier run obeyed; without it the device begins anew. */
static void resume_from(struct watch *watch, const struct agent_options *wanted,
                        struct picket_config *config)
{
    struct err trouble = {""};

    if (wanted->settings.key != NULL) {
        settings_memory_load(&watch->memory, &watch->key, wanted->settings.audience, config,
                             &trouble);
    }
    if (trouble.text[0] != '\0') {
        cli_error("%s", trouble.text);
    }
}

static enum picket_status start_device(struct watch *watch, const struct agent_options *wanted,
                                       const struct picket_port *port, struct err *reterr)
{
    struct picket_config config = {
        .settings_storage = watch->settings,
        .settings_storage_bytes = sizeof(watch->settings),
        .audience = text_of(wanted->settings.audience == NULL ? "" : wanted->settings.audience),
        .interval_ms = (uint32_t)wanted->interval_s * 1000u,
        .ipv4_storage = watch->ipv4,
        .ipv4_storage_bytes = sizeof(watch->ipv4),
        .ipv6_storage = watch->ipv6,
        .ipv6_storage_bytes = sizeof(watch->ipv6),
        .facts_storage = watch->facts,
        .facts_storage_bytes = sizeof(watch->facts),
    };
    enum picket_status status = picket_linux_randomize(&config);

    if (status != PICKET_OK || uname(&watch->names) != 0) {
        err_set(reterr, "this system says nothing of itself: %s", strerror(errno));
        return PICKET_E_IO;
    }
    (void)snprintf(watch->os, sizeof(watch->os), "%.31s %.31s", watch->names.sysname,
                   watch->names.release);
    config.system = (struct picket_system){.os = text_of(watch->os),
                                           .stack = text_of(watch->os),
                                           .hardware = text_of(watch->names.machine),
                                           .module_version = text_of(PICKET_VERSION)};
    resume_from(watch, wanted, &config);
    status = picket_init(&watch->agent, &config, port);
    if (status != PICKET_OK) {
        err_set(reterr, "the device code can't start: %s", picket_strerror(status));
        return status;
    }
    if (settings_memory_resume(&watch->memory, &watch->agent) != PICKET_OK) {
        cli_error("settings that were kept are refused now; the next report says why");
    }
    return PICKET_OK;
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
        watch->followed.path = terms->path;
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
    if (status == PICKET_OK && watch->memory.spool != NULL) {
        status = spool_load(watch->memory.spool, reterr);
    }
    return status;
}

/* What takes privileges: files of root, the spool's folder, the interface. */
static enum picket_status open_all(struct watch *watch, struct sender *sender,
                                   const struct agent_options *wanted, struct picket_port *port,
                                   struct err *reterr)
{
    enum picket_status status = privileges_find(wanted->user, &watch->privileges, reterr);

    if (status == PICKET_OK) {
        status = client_new(&wanted->place, &sender->client, reterr);
    }
    if (status == PICKET_OK) {
        status = start_obeying(watch, &wanted->settings, port, reterr);
    }
    if (status == PICKET_OK && wanted->spool != NULL) {
        status = spool_open(wanted->spool, wanted->device_id, &watch->privileges,
                            wanted->spool_bytes, &watch->memory.spool, reterr);
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
}

static enum picket_status watch_until_end(struct watch *watch, struct sender *sender,
                                          const struct agent_options *wanted, struct err *reterr)
{
    pthread_t watcher;
    sigset_t ends;

    hold_ends(&ends);
    if (pthread_create(&watcher, NULL, watch_interfaces, watch) != 0) {
        err_set(reterr, "no thread can be started");
        return PICKET_E_NOMEM;
    }
    printf("Watching %s as device %s; reports go to %s every %" PRIu64 " s.\n", watch->interfaces,
           wanted->device_id, client_url(sender->client), wanted->interval_s);
    (void)fflush(stdout);
    report_until_end(watch, sender, &ends);
    atomic_store(&watch->is_over, true);
    (void)pthread_join(watcher, NULL);
    sender_finish(sender);
    return PICKET_OK;
}

static enum picket_status run(struct watch *watch, const struct agent_options *wanted,
                              struct picket_port *port, struct err *reterr)
{
    struct sender sender = {
        .memory = &watch->memory, .agent = &watch->agent, .device_id = wanted->device_id};
    enum picket_status status = PICKET_OK;

    status = open_all(watch, &sender, wanted, port, reterr);
    if (status == PICKET_OK) {
        status = give_up_privileges(watch, wanted, reterr);
    }
    if (status == PICKET_OK) {
        status = start_device(watch, wanted, port, reterr);
    }
    if (status == PICKET_OK) {
        sender.spool = watch->memory.spool;
        sender_init(&sender);
        status = watch_until_end(watch, &sender, wanted, reterr);
        sender_deinit(&sender);
    }
    settings_memory_deinit(&watch->memory);
    spool_free(watch->memory.spool);
    picket_linux_unload_key(&watch->key);
    client_free(sender.client);
    return status;
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
            return cli_usage_error("agent", "'%s' is no good value, or one too many", optarg);
        }
    }
    if (optind < argc || wanted.interface_count == 0 || wanted.device_id == NULL) {
        return cli_usage_error("agent", "it takes --interface and --device-id, and only options");
    }
    fault = settings_terms_fault(&wanted.settings);
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

    if (watch == NULL || picket_linux_init(&watch->host, &port) != PICKET_OK) {
        cli_error("out of memory");
    } else {
        code = run_verb(argc, argv, watch, &port);
        picket_linux_deinit(&watch->host);
    }
    free(watch);
    return code;
}
