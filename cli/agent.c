/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
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
#include "cli/settings.h"
#include "model/report.h"
#include "picket/picket.h"
#include "picket_linux.h"

/**
 * `picket agent`: the Linux port running. One thread watches the interface; this
 * one waits for the next report or a signal, and posts. What is not acknowledged
 * is built again; the agent keeps counting meanwhile.
 */

#define INTERVAL_S     60u
#define INTERVAL_S_MAX 86400u
#define FLOWS          4096u /* of each IP version */
#define FACTS          1024u
#define RETRY_S        5u
#define RECEIVE_MS     200 /* and so long the watching thread may take to see the end */
#define PATH_BYTES     512u

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
};

static const struct cli_option options[] = {
    {OPTION_INTERFACE, "interface", "IF", "the interface to watch"},
    {OPTION_DEVICE_ID, "device-id", "ID", "the device's name at the service"},
    {OPTION_TO, "to", "URL", "the service (default: $PICKET_URL, else " CLIENT_URL_DEFAULT ")"},
    {OPTION_TOKEN, "token", "T", "the service's token (default: $PICKET_TOKEN)"},
    {OPTION_INTERVAL, "interval", "SECONDS", "between reports (default 60)"},
    {OPTION_ADDRESS, "address", "IP",
     "watch this neighbour, not this host, as the device; may be repeated"},
    {OPTION_SETTINGS_KEY, "settings-key", "FILE",
     "take the service's settings if they are signed with this public key (PEM)"},
    {OPTION_AUDIENCE, "audience", "NAME", "whom settings must be for"},
    {OPTION_SETTINGS, "settings", "FILE", "settings to follow beside: now, and when they change"},
    {OPTION_USER, "user", "NAME",
     "whom to go on as once the interface is open (default for root: nobody)"},
};

static const struct cli_command command = {
    .usage = "agent --interface IF --device-id ID [OPTION]…",
    .about = "Watches an interface of this host and reports its traffic to a service as a device "
             "would.\nA bridge or router can watch a device beside it: name its addresses. Needs "
             "CAP_NET_RAW\nto open the interface, and then gives up all privileges. It looks on "
             "and blocks nothing: a policy in mode enforce is refused.\n"
             "Ends with a last report on SIGINT or SIGTERM.",
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
};

struct agent_options {
    const char *interface;
    const char *device_id;
    const char *url;
    const char *token;
    const char *user;
    struct settings_terms settings;
    uint32_t interval_s;
};

/* Everything of a run; shared by its two threads. */
struct watch {
    struct picket_linux host;
    struct picket_agent agent; /* guarded by the port's lock */
    atomic_bool is_over;
    const char *interface;
    struct utsname names;
    char os[PICKET_TEXT_MAX + 1];
    uint64_t ipv4[PICKET_IPV4_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t ipv6[PICKET_IPV6_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t facts[PICKET_FACTS_STORAGE_BYTES(FACTS) / sizeof(uint64_t)];
    uint8_t settings[2 * (PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD)];
    struct settings_followed followed; /* the main thread's; path NULL: none */
};

/* The way to the service; the main thread's alone. */
struct sender {
    struct client *client;
    struct buf path;
    struct err trouble; /* the last one told, "" while reports go through */
    unsigned wait_s;    /* before the next attempt */
    uint8_t report[PICKET_REPORT_BYTES_MAX];
};

static bool read_interval(const char *text, uint32_t *ret_s)
{
    char *end = NULL;
    unsigned long number = strtoul(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < 1 || number > INTERVAL_S_MAX) {
        return false;
    }
    *ret_s = (uint32_t)number;
    return true;
}

static bool set_device_id(struct agent_options *wanted, const char *text)
{
    wanted->device_id = text;
    return device_id_valid(text);
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
        return read_interval(optarg, &wanted->interval_s);
    case OPTION_INTERFACE:
        wanted->interface = optarg;
        break;
    case OPTION_TO:
        wanted->url = optarg;
        break;
    case OPTION_TOKEN:
        wanted->token = optarg;
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
static void *watch_interface(void *context)
{
    struct watch *watch = context;

    while (!atomic_load(&watch->is_over)) {
        if (picket_linux_receive(&watch->host, &watch->agent, RECEIVE_MS) == PICKET_E_IO) {
            cli_error("%s can't be watched for now: %s", watch->interface, strerror(errno));
        }
    }
    return NULL;
}

/* Tells of a trouble once, however often it comes, and of its end. */
static void tell(struct sender *sender, const struct err *trouble)
{
    if (strcmp(sender->trouble.text, trouble->text) != 0) {
        cli_error("%s", trouble->text[0] != '\0' ? trouble->text : "reports go through again");
        sender->trouble = *trouble;
    }
}

/* True if the service has taken the report, and its store holds it. The caller frees the reply. */
static bool post_report(struct sender *sender, size_t length, struct client_reply *ret_reply)
{
    struct client_request request = {.method = "POST",
                                     .path = sender->path.bytes,
                                     .content_type = "application/cbor",
                                     .body = sender->report,
                                     .length = length};
    struct err trouble = {""};
    bool is_taken = false;

    sender->wait_s = RETRY_S;
    if (client_send(sender->client, &request, ret_reply, &trouble) == PICKET_OK) {
        is_taken = ret_reply->status >= 200 && ret_reply->status <= 299;
        sender->wait_s = ret_reply->retry_after_s > RETRY_S ? ret_reply->retry_after_s : RETRY_S;
    }
    if (trouble.text[0] == '\0' && !is_taken) {
        client_explain(ret_reply, &trouble);
    }
    tell(sender, &trouble);
    return is_taken;
}

/* The service answers with settings if it has new ones. What is refused, the next report says. */
static void take_settings(struct picket_agent *agent, const struct client_reply *reply)
{
    enum picket_status status = PICKET_OK;

    if (strcmp(reply->content_type, "application/cose") != 0) {
        return;
    }
    status = picket_apply_settings(agent, (const uint8_t *)reply->body.bytes, reply->body.length);
    if (status == PICKET_OK) {
        printf("Settings of the service were accepted.\n");
        (void)fflush(stdout);
    } else {
        cli_error("settings of the service were refused: %s", picket_strerror(status));
    }
}

/* Sends what is due; false if it was not taken and has to wait. */
static bool send_reports(struct sender *sender, struct picket_agent *agent)
{
    size_t length = 0;

    while (picket_build_report(agent, sender->report, sizeof(sender->report), &length) ==
           PICKET_OK) {
        struct client_reply reply = {0};
        bool is_done =
            post_report(sender, length, &reply) && picket_confirm_report(agent) == PICKET_OK;

        if (is_done) {
            take_settings(agent, &reply);
        }
        buf_deinit(&reply.body);
        if (!is_done) {
            return false;
        }
    }
    return true;
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
        status = settings_follow(&watch->followed, &watch->agent, &trouble);
    }
    if (status == PICKET_E_CONFLICT) {
        cli_error("%s", trouble.text);
    } else if (status == PICKET_OK) {
        printf("Settings of %s were accepted.\n", watch->followed.path);
        (void)fflush(stdout);
    }
}

static void report_until_end(struct watch *watch, struct sender *sender, const sigset_t *ends)
{
    uint32_t wait_ms = 0;

    follow_settings(watch);
    wait_ms = picket_next_report_ms(&watch->agent);
    while (!wait_for_end(ends, wait_ms)) {
        follow_settings(watch);
        wait_ms = send_reports(sender, &watch->agent) ? picket_next_report_ms(&watch->agent)
                                                      : sender->wait_s * 1000u;
    }
}

/* What waited first, then the window that is open. */
static void send_last_report(struct watch *watch, struct sender *sender)
{
    if (send_reports(sender, &watch->agent) && picket_seal_window(&watch->agent) == PICKET_OK) {
        (void)send_reports(sender, &watch->agent);
    }
}

static struct picket_text text_of(const char *text)
{
    size_t length = strlen(text);

    return (struct picket_text){text, length < PICKET_TEXT_MAX ? length : PICKET_TEXT_MAX};
}

static enum picket_status start_device(struct watch *watch, const struct agent_options *wanted,
                                       const struct picket_port *port, struct err *reterr)
{
    struct picket_config config = {
        .settings_storage = watch->settings,
        .settings_storage_bytes = sizeof(watch->settings),
        .audience = text_of(wanted->settings.audience == NULL ? "" : wanted->settings.audience),
        .interval_ms = wanted->interval_s * 1000u,
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
    status = picket_init(&watch->agent, &config, port);
    if (status != PICKET_OK) {
        err_set(reterr, "the device code can't start: %s", picket_strerror(status));
    }
    return status;
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
    status = settings_load_key(terms->key, &key, reterr);
    if (status == PICKET_OK) {
        picket_linux_obey_key(&watch->host, port, &key);
        watch->followed.path = terms->path;
    }
    return status;
}

static enum picket_status start_watching(struct watch *watch, struct err *reterr)
{
    enum picket_status status = picket_linux_open(&watch->host, watch->interface);

    if (status == PICKET_E_NOTFOUND) {
        err_set(reterr, "there is no interface '%s'; `ip link` lists those there are",
                watch->interface);
    } else if (status != PICKET_OK) {
        err_set(reterr, "'%s' can't be watched: %s%s", watch->interface, strerror(errno),
                errno == EPERM ? "; run it as root, or give it CAP_NET_RAW" : "");
    }
    return status;
}

/* Behind all that takes privileges. What is read later must be open to the one it goes on as. */
static enum picket_status give_up_privileges(const struct agent_options *wanted,
                                             const struct privileges *privileges,
                                             struct err *reterr)
{
    enum picket_status status = privileges_drop(privileges, reterr);

    if (status == PICKET_OK && wanted->settings.path != NULL &&
        access(wanted->settings.path, R_OK) != 0) {
        err_set(reterr, "%s can't be read%s%s: %s", wanted->settings.path,
                privileges->user == NULL ? "" : " as user ",
                privileges->user == NULL ? "" : privileges->user, strerror(errno));
        status = PICKET_E_IO;
    }
    return status;
}

static enum picket_status start_sender(struct sender *sender, const struct agent_options *wanted,
                                       struct err *reterr)
{
    buf_init(&sender->path, PATH_BYTES);
    buf_addf(&sender->path, "/v1/devices/%s/reports", wanted->device_id);
    return client_new(wanted->url, wanted->token, &sender->client, reterr);
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
    if (pthread_create(&watcher, NULL, watch_interface, watch) != 0) {
        err_set(reterr, "no thread can be started");
        return PICKET_E_NOMEM;
    }
    printf("Watching %s as device %s; reports go to %s every %u s.\n", wanted->interface,
           wanted->device_id, client_url(sender->client), wanted->interval_s);
    (void)fflush(stdout);
    report_until_end(watch, sender, &ends);
    atomic_store(&watch->is_over, true);
    (void)pthread_join(watcher, NULL);
    send_last_report(watch, sender);
    return PICKET_OK;
}

static enum picket_status run(struct watch *watch, const struct agent_options *wanted,
                              struct picket_port *port, struct err *reterr)
{
    struct sender sender = {0};
    struct privileges privileges = {0};
    enum picket_status status = privileges_find(wanted->user, &privileges, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    watch->interface = wanted->interface;
    status = start_sender(&sender, wanted, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = start_obeying(watch, &wanted->settings, port, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = start_device(watch, wanted, port, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = start_watching(watch, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = give_up_privileges(wanted, &privileges, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = watch_until_end(watch, &sender, wanted, reterr);
out:
    client_free(sender.client);
    buf_deinit(&sender.path);
    return status;
}

static int run_verb(int argc, char **argv, struct watch *watch, struct picket_port *port)
{
    struct agent_options wanted = {.interval_s = INTERVAL_S};
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
    if (optind < argc || wanted.interface == NULL || wanted.device_id == NULL) {
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
