/* SPDX-License-Identifier: MIT */
#include "cli/sim_scenario.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "cli/input.h"
#include "model/report.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)
#define FLOWS_MIN      16u /* two groups of slots */

static const char standard[] = "[names]\n"
                               "protocol = dns\n"
                               "to = 192.0.2.53\n"
                               "host = cloud.example.com\n"
                               "answer = 198.51.100.20\n"
                               "every = 10\n"
                               "[cloud]\n"
                               "to = 198.51.100.20\n"
                               "port = 443\n"
                               "rounds = 3\n"
                               "[time]\n"
                               "protocol = udp\n"
                               "to = 192.0.2.123\n"
                               "port = 123\n"
                               "request-bytes = 48\n"
                               "answer-bytes = 48\n"
                               "every = 5\n";

struct reading {
    struct sim_scenario *scenario;
    struct sim_talk *talk; /* whose section is read; NULL: [device] */
    struct err fault;      /* the first one sticks */
};

/* --- values --- */

struct key;
typedef bool set_fn(void *at, const struct key *key, const char *value);

struct key {
    const char *name;
    size_t offset;
    set_fn *set;
    const char *allowed; /* for a person */
    unsigned min;        /* of numbers */
    unsigned max;
    const char *const *words; /* of enums, NULL-terminated */
};

static bool set_number(void *at, const struct key *key, const char *value)
{
    char *end = NULL;
    unsigned long number = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number < key->min ||
        number > key->max) {
        return false;
    }
    *(unsigned *)at = (unsigned)number;
    return true;
}

static bool set_word(void *at, const struct key *key, const char *value)
{
    for (unsigned i = 0; key->words[i] != NULL; i++) {
        if (strcmp(key->words[i], value) == 0) {
            *(unsigned *)at = i;
            return true;
        }
    }
    return false;
}

/* Letters, digits, '.' and '-': good for a DNS name as well as for a version. */
static bool set_text(void *at, const struct key *key, const char *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    size_t length = strlen(value);

    (void)key;
    if (length == 0 || length > SIM_NAME_MAX || strspn(value, letters) != length) {
        return false;
    }
    memcpy(at, value, length + 1);
    return true;
}

static bool set_prefix(void *at, const struct key *key, const char *value)
{
    (void)key;
    return prefix_parse(value, strlen(value), at) == PICKET_OK;
}

static bool set_address(void *at, const struct key *key, const char *value)
{
    (void)key;
    return address_parse(value, strlen(value), at) == PICKET_OK;
}

static const char *const protocols[] = {"tcp", "udp", "dns", NULL};
static const char *const outcomes[] = {"answered", "unanswered", "refused", NULL};
static const char *const choices[] = {"no", "yes", NULL};

#define TALK(member)   offsetof(struct sim_talk, member)
#define DEVICE(member) offsetof(struct sim_scenario, member)

static const struct key talk_keys[] = {
    {"protocol", TALK(protocol), set_word, "tcp, udp or dns", 0, 0, protocols},
    {"to", TALK(to), set_prefix, "an address or a network such as 192.0.2.0/24", 0, 0, NULL},
    {"port", TALK(port), set_number, "1 to 65535", 1, 65535, NULL},
    {"peers", TALK(peers), set_number, "1 to 256", 1, SIM_PEERS_MAX, NULL},
    {"rounds", TALK(rounds), set_number, "1 to 100", 1, 100, NULL},
    {"request-bytes", TALK(request_bytes), set_number, "0 to 1400", 0, 1400, NULL},
    {"answer-bytes", TALK(answer_bytes), set_number, "0 to 1400", 0, 1400, NULL},
    {"outcome", TALK(outcome), set_word, "answered, unanswered or refused", 0, 0, outcomes},
    {"every", TALK(every), set_number, "1 to 1000000", 1, 1000000, NULL},
    {"devices", TALK(percent), set_number, "1 to 100, per cent", 1, 100, NULL},
    {"moves", TALK(moves), set_word, "yes or no", 0, 0, choices},
    {"host", TALK(host), set_text, "a name in lower case of at most 63 letters", 0, 0, NULL},
    {"answer", TALK(answer), set_address, "an address", 0, 0, NULL},
};

static const struct key device_keys[] = {
    {"interval", DEVICE(interval_s), set_number, "1 to 86400 seconds", 1, 86400, NULL},
    {"firmware", DEVICE(firmware), set_text, "at most 63 of a-z, 0-9, '.' and '-'", 0, 0, NULL},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- the file --- */

static bool begin_section(struct reading *reading, const char *section)
{
    struct sim_scenario *scenario = reading->scenario;

    reading->talk = NULL;
    if (strcmp(section, "device") == 0) {
        return true;
    }
    for (size_t i = 0; i < scenario->count; i++) {
        if (strcmp(scenario->talks[i].name, section) == 0) {
            reading->talk = &scenario->talks[i];
            return true;
        }
    }
    if (scenario->count == SIM_TALKS_MAX || section[0] == '\0' || strlen(section) > SIM_NAME_MAX) {
        err_set(&reading->fault, "allowed are %u sections with names of 1 to %u bytes",
                SIM_TALKS_MAX, SIM_NAME_MAX);
        return false;
    }
    reading->talk = &scenario->talks[scenario->count++];
    *reading->talk = (struct sim_talk){
        .port = 443,
        .peers = 1,
        .rounds = 1,
        .request_bytes = 64,
        .answer_bytes = 128,
        .every = 1,
        .percent = 100,
    };
    memcpy(reading->talk->name, section, strlen(section) + 1);
    return true;
}

static int take_pair(void *context, const char *section, const char *name, const char *value)
{
    struct reading *reading = context;
    const struct key *keys = device_keys;
    size_t count = COUNT_OF(device_keys);
    char *at = (char *)reading->scenario;

    if (reading->fault.text[0] != '\0' || !begin_section(reading, section)) {
        return 0;
    }
    if (reading->talk != NULL) {
        keys = talk_keys;
        count = COUNT_OF(talk_keys);
        at = (char *)reading->talk;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].name, name) != 0) {
            continue;
        }
        if (!keys[i].set(at + keys[i].offset, &keys[i], value)) {
            err_set(&reading->fault, "%s: allowed is %s", name, keys[i].allowed);
            return 0;
        }
        return 1;
    }
    err_set(&reading->fault, "there is no key '%s' in [%s]", name, section);
    return 0;
}

/* How many addresses a network has, as far as it matters. */
static unsigned size_of(const struct prefix *prefix)
{
    unsigned bits = 128u - prefix->length;

    return bits >= 24 ? 1u << 24 : 1u << bits;
}

/* What only a whole talk can tell. */
static bool check_talk(const struct sim_talk *talk, struct err *reterr)
{
    static const struct prefix none = {.length = 0};

    if (memcmp(&talk->to, &none, sizeof(none)) == 0) {
        err_set(reterr, "[%s] says not with whom: to = ADDRESS", talk->name);
    } else if (talk->peers > size_of(&talk->to)) {
        err_set(reterr, "[%s] has more peers than addresses", talk->name);
    } else if (talk->protocol == SIM_DNS && talk->host[0] == '\0') {
        err_set(reterr, "[%s] says not which name is asked for: host = NAME", talk->name);
    } else if (talk->protocol != SIM_TCP && talk->outcome == SIM_REFUSED) {
        err_set(reterr, "[%s] is refused, which only TCP can be", talk->name);
    } else {
        return true;
    }
    return false;
}

enum picket_status sim_scenario_read_text(const char *name, const char *text,
                                          struct sim_scenario *ret, struct err *reterr)
{
    struct sim_scenario scenario = {.interval_s = 60, .firmware = "1.0"};
    struct reading reading = {.scenario = &scenario};
    int line = ini_parse_string(text, take_pair, &reading);

    if (line != 0) {
        err_set(reterr, "%s:%d: %s", name, line,
                reading.fault.text[0] != '\0' ? reading.fault.text
                                              : "allowed are [section] and key = value");
        return PICKET_E_MALFORMED;
    }
    for (size_t i = 0; i < scenario.count; i++) {
        if (!check_talk(&scenario.talks[i], reterr)) {
            err_prefix(reterr, "%s", name);
            return PICKET_E_MALFORMED;
        }
    }
    *ret = scenario;
    return PICKET_OK;
}

enum picket_status sim_scenario_read(const char *path, struct sim_scenario *ret, struct err *reterr)
{
    struct buf text;
    enum picket_status status;

    buf_init(&text, FILE_BYTES_MAX);
    status = input_read(path, &text, reterr);
    if (status == PICKET_OK) {
        status = sim_scenario_read_text(path, text.length == 0 ? "" : text.bytes, ret, reterr);
    }
    buf_deinit(&text);
    return status;
}

enum picket_status sim_scenario_standard(struct sim_scenario *ret, struct err *reterr)
{
    return sim_scenario_read_text("standard", standard, ret, reterr);
}

size_t sim_scenario_flows(const struct sim_scenario *scenario, bool is_ipv4)
{
    size_t count = 0;

    for (size_t i = 0; i < scenario->count; i++) {
        if (address_is_ipv4(&scenario->talks[i].to.address) == is_ipv4) {
            count += scenario->talks[i].peers;
        }
    }
    if (count == 0) {
        return 0;
    }
    count += count / 2; /* so that each finds a place */
    return count < FLOWS_MIN ? FLOWS_MIN : count;
}
