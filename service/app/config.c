/* SPDX-License-Identifier: MIT */
#include "app/config.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/nearest.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/address.h"

#define FILE_BYTES_MAX   ((size_t)64 * 1024)
#define TOKEN_LENGTH_MIN 16u
#define LISTEN_TEXT_MAX  64u
#define PORT_MAX         65535u
#define HELP_COLUMN      20

/* --- values --- */

struct key;

/* Takes @p value, or says in a sentence what is allowed. */
typedef enum picket_status set_fn(struct config *config, const struct key *key, const char *value,
                                  enum config_source source, struct err *reterr);

struct key {
    const char *section;
    const char *name;
    const char *option;
    const char *variable;
    const char *value; /* what it is, for the help */
    const char *standard;
    const char *help;
    set_fn *set;
    unsigned min; /* of numbers */
    unsigned max;
    size_t offset; /* of its member, for the setters that serve several keys */
    size_t size;
};

/* "127.0.0.1:8480" or "[::1]:8480" in its two parts. */
static bool split_listen(const char *value, char address[LISTEN_TEXT_MAX], const char **ret_port)
{
    const char *colon = strrchr(value, ':');
    size_t length = colon == NULL ? 0 : (size_t)(colon - value);
    bool is_bracketed = length > 2 && value[0] == '[' && value[length - 1] == ']';

    if (length == 0 || length >= LISTEN_TEXT_MAX || colon[1] == '\0' ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1) || strlen(colon + 1) > 5) {
        return false;
    }
    value += is_bracketed;
    length -= is_bracketed ? 2 : 0;
    memcpy(address, value, length);
    address[length] = '\0';
    *ret_port = colon + 1;
    return is_bracketed == (strchr(address, ':') != NULL);
}

static enum picket_status read_listen(const char *value, char ret_address[LISTEN_TEXT_MAX],
                                      uint16_t *ret_port, struct err *reterr)
{
    char text[LISTEN_TEXT_MAX];
    struct address address;
    const char *port = NULL;

    if (!split_listen(value, text, &port) || strtoul(port, NULL, 10) > PORT_MAX ||
        address_parse(text, strlen(text), &address) != PICKET_OK) {
        err_set(reterr, "allowed is a numeric address and a port, such as 127.0.0.1:8480 or "
                        "[::1]:8480; port 0 takes a free one");
        return PICKET_E_MALFORMED;
    }
    memcpy(ret_address, text, sizeof(text));
    *ret_port = (uint16_t)strtoul(port, NULL, 10);
    return PICKET_OK;
}

static enum picket_status set_listen(struct config *config, const struct key *key,
                                     const char *value, enum config_source source,
                                     struct err *reterr)
{
    (void)key;
    (void)source;
    return read_listen(value, config->listen_address, &config->listen_port, reterr);
}

static enum picket_status set_mqtt_listen(struct config *config, const struct key *key,
                                          const char *value, enum config_source source,
                                          struct err *reterr)
{
    (void)key;
    (void)source;
    return read_listen(value, config->mqtt_address, &config->mqtt_port, reterr);
}

static enum picket_status set_text(struct config *config, const struct key *key, const char *value,
                                   enum config_source source, struct err *reterr)
{
    size_t length = strlen(value);

    (void)source;
    if (length == 0 || length >= key->size) {
        err_set(reterr, "allowed are 1 to %zu bytes", key->size - 1);
        return PICKET_E_MALFORMED;
    }
    memcpy((char *)config + key->offset, value, length + 1);
    return PICKET_OK;
}

static enum picket_status set_token(struct config *config, const struct key *key, const char *value,
                                    enum config_source source, struct err *reterr)
{
    size_t length = strlen(value);

    for (const char *at = value; *at != '\0'; at++) {
        if (!isgraph((unsigned char)*at)) {
            length = 0;
            break;
        }
    }
    if (length < TOKEN_LENGTH_MIN || length >= key->size) {
        err_set(reterr,
                "allowed are %u to %zu visible ASCII characters without blanks; "
                "`openssl rand -hex 16` makes a good one",
                TOKEN_LENGTH_MIN, key->size - 1);
        return PICKET_E_MALFORMED;
    }
    return set_text(config, key, value, source, reterr);
}

static enum picket_status set_number(struct config *config, const struct key *key,
                                     const char *value, enum config_source source,
                                     struct err *reterr)
{
    unsigned long number = 0;

    (void)source;
    errno = 0;
    number = strtoul(value, NULL, 10);
    if (value[0] == '\0' || strspn(value, "0123456789") != strlen(value) || errno != 0 ||
        number < key->min || number > key->max) {
        err_set(reterr, "allowed is a number from %u to %u", key->min, key->max);
        return PICKET_E_MALFORMED;
    }
    *(unsigned *)(void *)((char *)config + key->offset) = (unsigned)number;
    return PICKET_OK;
}

static enum picket_status set_identity(struct config *config, const struct key *key,
                                       const char *value, enum config_source source,
                                       struct err *reterr)
{
    (void)key;
    (void)source;
    if (strcmp(value, "open") == 0) {
        config->identity = CONFIG_IDENTITY_OPEN;
    } else if (strcmp(value, "enrolled") == 0) {
        config->identity = CONFIG_IDENTITY_ENROLLED;
    } else {
        err_set(reterr, "allowed is open (on this machine alone) or enrolled");
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

static enum picket_status add_list(struct config *config, const char *path, size_t length,
                                   struct err *reterr)
{
    if (length == 0 || length >= CONFIG_TEXT_MAX) {
        err_set(reterr, "allowed are paths of 1 to %u bytes, with a comma between two",
                CONFIG_TEXT_MAX - 1);
        return PICKET_E_MALFORMED;
    }
    if (config->intel_list_count == CONFIG_LISTS_MAX) {
        err_set(reterr, "allowed are at most %u lists", CONFIG_LISTS_MAX);
        return PICKET_E_LIMIT;
    }
    memcpy(config->intel_lists[config->intel_list_count], path, length);
    config->intel_lists[config->intel_list_count][length] = '\0';
    config->intel_list_count++;
    return PICKET_OK;
}

static enum picket_status set_lists(struct config *config, const struct key *key, const char *value,
                                    enum config_source source, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    bool has_more = true;

    (void)key;
    if (config->intel_lists_source != source) {
        config->intel_lists_source = source;
        config->intel_list_count = 0;
    }
    while (has_more && status == PICKET_OK) {
        const char *path = value + strspn(value, " \t");
        size_t length = strcspn(path, ",");

        value = path + length + 1;
        has_more = path[length] == ',';
        while (length > 0 && isspace((unsigned char)path[length - 1])) {
            length--;
        }
        status = add_list(config, path, length, reterr);
    }
    return status;
}

#define MEMBER(name)                                                                               \
    .offset = offsetof(struct config, name), .size = sizeof(((struct config *)0)->name)

static const struct key keys[] = {
    {.section = "service",
     .name = "listen",
     .option = "listen",
     .variable = "PICKET_LISTEN",
     .value = "ADDRESS:PORT",
     .standard = "127.0.0.1:8480",
     .help = "where to listen; beyond loopback needs a token",
     .set = set_listen},
    {.section = "service",
     .name = "name",
     .option = "name",
     .variable = "PICKET_NAME",
     .value = "HOST",
     .help = "host name under which clients reach it, beside its addresses",
     .set = set_text,
     MEMBER(service_name)},
    {.section = "service",
     .name = "data",
     .option = "data",
     .variable = "PICKET_DATA",
     .value = "FOLDER",
     .help = "what is kept; /var/lib/picket for root, else ~/.local/state/picket",
     .set = set_text,
     MEMBER(data_folder)},
    {.section = "service",
     .name = "workers",
     .option = "workers",
     .variable = "PICKET_WORKERS",
     .value = "N",
     .standard = "1",
     .help = "threads that judge reports; they take turns at the store",
     .set = set_number,
     .min = 1,
     .max = 64,
     MEMBER(workers)},
    {.section = "service",
     .name = "queue",
     .option = "queue",
     .variable = "PICKET_QUEUE",
     .value = "N",
     .standard = "1024",
     .help = "reports that may wait for one worker",
     .set = set_number,
     .min = 1,
     .max = 1000000,
     MEMBER(queue_max)},
    {.section = "service",
     .name = "ledger-days",
     .option = "ledger-days",
     .variable = "PICKET_LEDGER_DAYS",
     .value = "N",
     .standard = "365",
     .help = "how long it is remembered whom a device had to do with; 0: not at all",
     .set = set_number,
     .min = 0,
     .max = 3650,
     MEMBER(ledger_days)},
    {.section = "service",
     .name = "flow-days",
     .option = "flow-days",
     .variable = "PICKET_FLOW_DAYS",
     .value = "N",
     .standard = "30",
     .help = "how long the flows of devices are kept; 0: not at all",
     .set = set_number,
     .min = 0,
     .max = 3650,
     MEMBER(flow_days)},
    {.section = "api",
     .name = "token",
     .option = "token",
     .variable = "PICKET_TOKEN",
     .value = "TOKEN",
     .help = "what every client must give; others can see it on a command line",
     .set = set_token,
     MEMBER(api_token)},
    {.section = "intel",
     .name = "list",
     .option = "intel",
     .variable = "PICKET_INTEL",
     .value = "FILE[,FILE]...",
     .help = "lists of indicators, in any format of a feed; may be repeated",
     .set = set_lists},
    {.section = "intel",
     .name = "device-key",
     .option = "device-key",
     .variable = "PICKET_DEVICE_KEY",
     .value = "FILE",
     .help = "private key (PEM, Ed25519) to sign indicators for devices with",
     .set = set_text,
     MEMBER(device_key)},
    {.section = "intel",
     .name = "device-interval",
     .option = "device-interval",
     .variable = "PICKET_DEVICE_INTERVAL",
     .value = "SECONDS",
     .standard = "600",
     .help = "least time between two versions of these indicators",
     .set = set_number,
     .min = 1,
     .max = 86400,
     MEMBER(device_interval_s)},
    {.section = "broker",
     .name = "url",
     .option = "broker",
     .variable = "PICKET_BROKER",
     .value = "URL",
     .help = "MQTT broker that devices report to: mqtt://HOST:PORT or mqtts://HOST:PORT",
     .set = set_text,
     MEMBER(broker_url)},
    {.section = "broker",
     .name = "id",
     .option = "broker-id",
     .variable = "PICKET_BROKER_ID",
     .value = "TEXT",
     .standard = "picket-service",
     .help = "client id there; each service at one broker needs its own",
     .set = set_text,
     MEMBER(broker_id)},
    {.section = "broker",
     .name = "user",
     .option = "broker-user",
     .variable = "PICKET_BROKER_USER",
     .value = "NAME",
     .help = "user name there",
     .set = set_text,
     MEMBER(broker_user)},
    {.section = "broker",
     .name = "password-file",
     .option = "broker-password-file",
     .variable = "PICKET_BROKER_PASSWORD_FILE",
     .value = "FILE",
     .help = "its first line is the password",
     .set = set_text,
     MEMBER(broker_password_file)},
    {.section = "broker",
     .name = "ca",
     .option = "broker-ca",
     .variable = "PICKET_BROKER_CA",
     .value = "FILE",
     .help = "who certifies the broker (PEM); the system's authorities if not said",
     .set = set_text,
     MEMBER(broker_ca)},
    {.section = "broker",
     .name = "certificate",
     .option = "broker-certificate",
     .variable = "PICKET_BROKER_CERTIFICATE",
     .value = "FILE",
     .help = "what the broker is shown (PEM)",
     .set = set_text,
     MEMBER(broker_certificate)},
    {.section = "broker",
     .name = "key",
     .option = "broker-key",
     .variable = "PICKET_BROKER_KEY",
     .value = "FILE",
     .help = "and its private key (PEM)",
     .set = set_text,
     MEMBER(broker_key)},
    {.section = "tls",
     .name = "certificate",
     .option = "tls-certificate",
     .variable = "PICKET_TLS_CERTIFICATE",
     .value = "FILE",
     .help = "certificate of the service, with its chain (PEM)",
     .set = set_text,
     MEMBER(tls_certificate)},
    {.section = "tls",
     .name = "key",
     .option = "tls-key",
     .variable = "PICKET_TLS_KEY",
     .value = "FILE",
     .help = "its private key (PEM)",
     .set = set_text,
     MEMBER(tls_key)},
    {.section = "tls",
     .name = "crl",
     .option = "tls-crl",
     .variable = "PICKET_TLS_CRL",
     .value = "FILE",
     .help = "certificates that authorities of devices have revoked (PEM)",
     .set = set_text,
     MEMBER(tls_crl)},
    {.section = "mqtt",
     .name = "listen",
     .option = "mqtt-listen",
     .variable = "PICKET_MQTT_LISTEN",
     .value = "ADDRESS:PORT",
     .help = "where devices come with MQTT; beyond loopback needs a certificate",
     .set = set_mqtt_listen},
    {.section = "mqtt",
     .name = "sessions",
     .option = "mqtt-sessions",
     .variable = "PICKET_MQTT_SESSIONS",
     .value = "N",
     .standard = "10000",
     .help = "devices that may be connected with MQTT",
     .set = set_number,
     .min = 1,
     .max = 1000000,
     MEMBER(mqtt_sessions)},
    {.section = "mqtt",
     .name = "rate",
     .option = "mqtt-rate",
     .variable = "PICKET_MQTT_RATE",
     .value = "N",
     .standard = "10",
     .help = "packets a second of one device, in the mean; who sends more waits",
     .set = set_number,
     .min = 1,
     .max = 100000,
     MEMBER(mqtt_rate)},
    {.section = "devices",
     .name = "identity",
     .option = "identity",
     .variable = "PICKET_IDENTITY",
     .value = "open|enrolled",
     .help = "who may send reports; enrolled, unless only this machine can come in",
     .set = set_identity},
    {.section = "devices",
     .name = "reports-per-minute",
     .option = "reports-per-minute",
     .variable = "PICKET_REPORTS_PER_MINUTE",
     .value = "N",
     .standard = "120",
     .help = "of one enrolled device, in the mean of ten minutes; 0: any number",
     .set = set_number,
     .min = 0,
     .max = 1000000,
     MEMBER(reports_per_minute)},
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

/* --- defaults --- */

static void set_data_default(struct config *config)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length = 0;

    if (geteuid() != 0 && state != NULL && state[0] == '/') {
        length = snprintf(config->data_folder, sizeof(config->data_folder), "%s/picket", state);
    } else if (geteuid() != 0 && home != NULL && home[0] == '/') {
        length = snprintf(config->data_folder, sizeof(config->data_folder),
                          "%s/.local/state/picket", home);
    }
    if (length <= 0 || (size_t)length >= sizeof(config->data_folder)) {
        (void)snprintf(config->data_folder, sizeof(config->data_folder), "/var/lib/picket");
    }
}

void config_init(struct config *config)
{
    memset(config, 0, sizeof(*config));
    set_data_default(config);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (keys[i].standard != NULL) {
            enum picket_status status =
                keys[i].set(config, &keys[i], keys[i].standard, CONFIG_DEFAULT, NULL);

            (void)status; /* tests/unit/app has each default */
        }
    }
}

/* --- the file --- */

struct reading {
    struct config *config;
    const char *name;
    const char *text; /* not yet read */
    size_t line;
    size_t set_at_line[KEY_COUNT];
    enum picket_status status; /* the first fault sticks */
    struct err *reterr;
};

static void __attribute__((format(printf, 3, 4)))
fail(struct reading *reading, enum picket_status status, const char *format, ...)
{
    char sentence[sizeof(((struct err *)0)->text)];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    err_set(reading->reterr, "%s:%zu: %s", reading->name, reading->line, sentence);
    reading->status = status;
}

/* fgets() over the text; it counts the lines, which inih does not tell its handler. */
static char *next_line(char *line, int size, void *context)
{
    struct reading *reading = context;
    size_t length = strcspn(reading->text, "\n");
    size_t taken = length < (size_t)size - 1 ? length : (size_t)size - 1;

    if (reading->text[0] == '\0') {
        return NULL;
    }
    reading->line++;
    if (reading->status == PICKET_OK && taken < length) {
        fail(reading, PICKET_E_LIMIT, "the line is too long: allowed are %d bytes", size - 1);
    }
    memcpy(line, reading->text, taken);
    line[taken] = '\0';
    reading->text += length + (reading->text[length] == '\n');
    return line;
}

static void refuse_key(struct reading *reading, const char *section, const char *name)
{
    struct nearest nearest = {0};
    const char *home = NULL; /* the section that has a key of this name */

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) == 0) {
            nearest_offer(&nearest, name, keys[i].name);
        }
        if (strcmp(keys[i].name, name) == 0) {
            home = keys[i].section;
        }
    }
    if (home != NULL) {
        fail(reading, PICKET_E_MALFORMED, "'%s' belongs under [%s], not under [%s]", name, home,
             section);
    } else if (nearest.word != NULL) {
        fail(reading, PICKET_E_MALFORMED, "there is no key '%s' in [%s]; did you mean '%s'?", name,
             section, nearest.word);
    } else {
        fail(reading, PICKET_E_MALFORMED,
             "there is no key '%s' in [%s]; `picket serve --help` lists all", name, section);
    }
}

static void refuse_section(struct reading *reading, const char *section)
{
    struct nearest nearest = {0};

    for (size_t i = 0; i < KEY_COUNT; i++) {
        nearest_offer(&nearest, section, keys[i].section);
    }
    if (section[0] == '\0') {
        fail(reading, PICKET_E_MALFORMED, "a key stands before the first [section]");
    } else if (nearest.word != NULL) {
        fail(reading, PICKET_E_MALFORMED, "there is no section [%s]; did you mean [%s]?", section,
             nearest.word);
    } else {
        fail(reading, PICKET_E_MALFORMED,
             "there is no section [%s]; `picket serve --help` lists all", section);
    }
}

static void take_value(struct reading *reading, size_t index, const char *value)
{
    const struct key *key = &keys[index];
    struct err reason = {""};
    enum picket_status status = PICKET_OK;

    if (key->set != set_lists && reading->set_at_line[index] != 0) {
        fail(reading, PICKET_E_MALFORMED, "%s was set already, in line %zu", key->name,
             reading->set_at_line[index]);
        return;
    }
    reading->set_at_line[index] = reading->line;
    status = key->set(reading->config, key, value, CONFIG_FILE, &reason);
    if (status != PICKET_OK) {
        fail(reading, status, "%s: %s", key->name, reason.text);
    }
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    bool has_section = false;

    if (reading->status != PICKET_OK) {
        return 1;
    }
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].section, section) != 0) {
            continue;
        }
        has_section = true;
        if (strcmp(keys[i].name, name) == 0) {
            take_value(reading, i, value);
            return 1;
        }
    }
    if (has_section) {
        refuse_key(reading, section, name);
    } else {
        refuse_section(reading, section);
    }
    return 1;
}

enum picket_status config_read_text(struct config *config, const char *name, const char *text,
                                    struct err *reterr)
{
    struct reading reading = {.config = config, .name = name, .text = text, .reterr = reterr};
    int fault_line = ini_parse_stream(next_line, &reading, take_pair, &reading);

    if (fault_line != 0 && (reading.status == PICKET_OK || (size_t)fault_line < reading.line)) {
        reading.line = fault_line > 0 ? (size_t)fault_line : 0;
        fail(&reading, PICKET_E_MALFORMED,
             "allowed are [section], key = value, and comments that begin with ; or #");
    }
    return reading.status;
}

enum picket_status config_read_file(struct config *config, const char *path, struct err *reterr)
{
    enum picket_status status = PICKET_E_IO;
    FILE *file = fopen(path, "re");
    struct buf text;
    char piece[4096];
    size_t length = 0;

    buf_init(&text, FILE_BYTES_MAX);
    if (file == NULL) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        goto out;
    }
    while ((length = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_add(&text, piece, length);
    }
    if (ferror(file) != 0) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        goto out;
    }
    status = PICKET_E_MALFORMED;
    if (text.is_failed || (text.length > 0 && strlen(text.bytes) != text.length)) {
        err_set(reterr, "%s: this is no configuration: allowed is text of at most %zu bytes", path,
                FILE_BYTES_MAX);
        goto out;
    }
    status = config_read_text(config, path, text.length == 0 ? "" : text.bytes, reterr);
out:
    if (file != NULL) {
        (void)fclose(file);
    }
    buf_deinit(&text);
    return status;
}

/* --- environment, options, help --- */

enum picket_status config_read_environment(struct config *config, struct err *reterr)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const char *value = getenv(keys[i].variable);
        struct err reason = {""};
        enum picket_status status = PICKET_OK;

        if (value == NULL || value[0] == '\0') {
            continue;
        }
        status = keys[i].set(config, &keys[i], value, CONFIG_VARIABLE, &reason);
        if (status != PICKET_OK) {
            err_set(reterr, "the variable %s: %s", keys[i].variable, reason.text);
            return status;
        }
    }
    return PICKET_OK;
}

enum picket_status config_set_option(struct config *config, const char *option, const char *value,
                                     struct err *reterr)
{
    struct nearest nearest = {0};
    const char *name = option + (strncmp(option, "--", 2) == 0 ? 2 : 0);

    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].option, name) == 0) {
            struct err reason = {""};
            enum picket_status status =
                keys[i].set(config, &keys[i], value, CONFIG_OPTION, &reason);

            if (status != PICKET_OK) {
                err_set(reterr, "%s: %s", option, reason.text);
            }
            return status;
        }
        nearest_offer(&nearest, name, keys[i].option);
    }
    if (nearest.word != NULL) {
        err_set(reterr, "there is no option %s; did you mean --%s?", option, nearest.word);
    } else {
        err_set(reterr, "there is no option %s", option);
    }
    return PICKET_E_NOTFOUND;
}

static bool is_loopback(const struct address *address)
{
    static const struct address ipv6_loopback = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};

    return address_equal(address, &ipv6_loopback) ||
           (address_is_ipv4(address) && address->bytes[12] == 127);
}

/* Of an address that was checked when it was set. */
static bool is_loopback_text(const char *text)
{
    struct address address;

    return address_parse(text, strlen(text), &address) == PICKET_OK && is_loopback(&address);
}

static bool has_mqtt_beyond_loopback(const struct config *config)
{
    return config->mqtt_address[0] != '\0' && !is_loopback_text(config->mqtt_address);
}

bool config_is_local(const struct config *config)
{
    return is_loopback_text(config->listen_address) && !has_mqtt_beyond_loopback(config);
}

bool config_identity_is_open(const struct config *config)
{
    return config->identity != CONFIG_IDENTITY_ENROLLED && config_is_local(config);
}

enum picket_status config_check(const struct config *config, struct err *reterr)
{
    struct address address;
    enum picket_status status =
        address_parse(config->listen_address, strlen(config->listen_address), &address);

    if (status != PICKET_OK) {
        err_set(reterr, "'%s' is no address to listen on", config->listen_address);
        return status;
    }
    if (!is_loopback(&address) && config->api_token[0] == '\0') {
        err_set(reterr,
                "listening on %s without a token would let anyone on that network read and change "
                "everything: set [api] token or PICKET_TOKEN, or listen on 127.0.0.1",
                config->listen_address);
        return PICKET_E_ARG;
    }
    if ((config->tls_certificate[0] == '\0') != (config->tls_key[0] == '\0')) {
        err_set(reterr, "[tls] certificate and [tls] key go together: one of them is missing");
        return PICKET_E_ARG;
    }
    if (config->tls_certificate[0] == '\0' && has_mqtt_beyond_loopback(config)) {
        err_set(reterr,
                "MQTT on %s without TLS would show everyone on that network what devices send: set "
                "[tls] certificate and key, or listen on 127.0.0.1",
                config->mqtt_address);
        return PICKET_E_ARG;
    }
    if (config->identity == CONFIG_IDENTITY_OPEN && !config_identity_is_open(config)) {
        err_set(reterr, "[devices] identity = open would let anyone on that network speak as any "
                        "device: enrol them, or listen on 127.0.0.1");
        return PICKET_E_ARG;
    }
    return PICKET_OK;
}

void config_print_help(FILE *out)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct key *key = &keys[i];

        (void)fprintf(out, "  --%s %s\n  %*s %s\n  %*s [%s] %s, %s", key->option, key->value,
                      HELP_COLUMN, "", key->help, HELP_COLUMN, "", key->section, key->name,
                      key->variable);
        if (key->standard != NULL) {
            (void)fprintf(out, "; default %s", key->standard);
        }
        if (key->set == set_number) {
            (void)fprintf(out, ", allowed %u to %u", key->min, key->max);
        }
        (void)fprintf(out, "\n");
    }
}
