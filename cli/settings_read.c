/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/input.h"
#include "cli/settings.h"
#include "intel/filter.h"
#include "model/address.h"
#include "model/fact.h"
#include "model/flow.h"
#include "model/settings.h"

#define COUNT_OF(array)  (sizeof(array) / sizeof((array)[0]))
#define LIST_BYTES_MAX   ((size_t)64 * 1024 * 1024)
#define QUOTE_MAX        48 /* bytes of a wrong value that a message shows */
#define PROTOCOL_TCP     6u /* IANA numbers */
#define PROTOCOL_UDP     17u
#define NAMES_MAX        256u
#define IPV4_START       96u /* bits before an IPv4 address in its mapped form */
#define INTERVAL_ALLOWED "a number of milliseconds from 1000 to 86400000"
#define COUNT_ALLOWED    "a number from 0 to 4294967295"

struct member;

/** What is being read, and where. */
struct reading {
    struct settings_draft *draft;
    struct picket_rule *rule; /* the one that is being read */
    char owner[32];           /* "" at the top, or "rules[3]." */
    const struct member *member;
    struct err *reterr;
};

/** One member of an object; parser and messages walk the same tables. */
struct member {
    const char *name;
    enum picket_status (*read)(struct reading *reading, const json_t *value);
    const char *allowed;
    bool is_required;
    uint32_t min; /* of numbers */
    uint32_t max;
    enum picket_setting setting; /* of a configuration's values */
};

struct member_table {
    const struct member *members;
    size_t count;
};

/** "PLACE: VALUE is not right; allowed is …". */
static enum picket_status refuse(const struct reading *reading, const json_t *value)
{
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII);
    const char *shown = text == NULL ? "the value" : text;

    err_set(reading->reterr, "%s%s: %.*s%s is not right; allowed is %s", reading->owner,
            reading->member->name, QUOTE_MAX, shown, strlen(shown) > QUOTE_MAX ? "..." : "",
            reading->member->allowed);
    free(text);
    return PICKET_E_MALFORMED;
}

static const struct member *find_member(const struct member_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->members[i].name, name) == 0) {
            return &table->members[i];
        }
    }
    return NULL;
}

static enum picket_status refuse_name(const struct reading *reading,
                                      const struct member_table *table, const char *name)
{
    char names[NAMES_MAX] = "";

    for (size_t i = 0; i < table->count; i++) {
        size_t length = strlen(names);

        (void)snprintf(names + length, sizeof(names) - length, "%s%s", i == 0 ? "" : ", ",
                       table->members[i].name);
    }
    err_set(reading->reterr, "%s%.40s: there is no such key; there are %s", reading->owner, name,
            names);
    return PICKET_E_MALFORMED;
}

static enum picket_status read_members(struct reading *reading, const struct member_table *table,
                                       json_t *object)
{
    const char *name = NULL;
    json_t *value = NULL;
    enum picket_status status = PICKET_OK;

    json_object_foreach(object, name, value)
    {
        reading->member = find_member(table, name);
        if (reading->member == NULL) {
            return refuse_name(reading, table, name);
        }
        status = reading->member->read(reading, value);
        if (status != PICKET_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < table->count; i++) {
        const struct member *member = &table->members[i];

        if (member->is_required && json_object_get(object, member->name) == NULL) {
            err_set(reading->reterr, "%s%s: it is missing; allowed is %s", reading->owner,
                    member->name, member->allowed);
            return PICKET_E_MALFORMED;
        }
    }
    return PICKET_OK;
}

static enum picket_status read_number(const struct reading *reading, const json_t *value,
                                      uint32_t *ret)
{
    json_int_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < reading->member->min || number > reading->member->max) {
        return refuse(reading, value);
    }
    *ret = (uint32_t)number;
    return PICKET_OK;
}

/** "" for what is no text. */
static const char *text_of(const json_t *value)
{
    return json_is_string(value) ? json_string_value(value) : "";
}

/* What decided which table is read. */
static enum picket_status pass_over(struct reading *reading, const json_t *value)
{
    (void)reading;
    (void)value;
    return PICKET_OK;
}

static enum picket_status read_revision(struct reading *reading, const json_t *value)
{
    return read_number(reading, value, &reading->draft->settings.revision);
}

static enum picket_status read_audience(struct reading *reading, const json_t *value)
{
    struct picket_text text = {json_string_value(value), json_string_length(value)};

    if (!json_is_string(value) || !picket_text_is_name(text, PICKET_TEXT_MAX)) {
        return refuse(reading, value);
    }
    reading->draft->settings.audience = text;
    return PICKET_OK;
}

static enum picket_status read_mode(struct reading *reading, const json_t *value)
{
    static const enum picket_policy_mode modes[] = {PICKET_POLICY_OBSERVE, PICKET_POLICY_ALERT,
                                                    PICKET_POLICY_ENFORCE};

    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        if (strcmp(policy_mode_name(modes[i]), text_of(value)) == 0) {
            reading->draft->settings.policy.mode = modes[i];
            return PICKET_OK;
        }
    }
    return refuse(reading, value);
}

static enum picket_status read_trial(struct reading *reading, const json_t *value)
{
    uint32_t trial_ms = 0;
    enum picket_status status = read_number(reading, value, &trial_ms);

    if (status == PICKET_OK && trial_ms != 0 && trial_ms < PICKET_TRIAL_MS_MIN) {
        return refuse(reading, value);
    }
    reading->draft->settings.policy.trial_ms = trial_ms;
    return status;
}

static enum picket_status read_denies_others(struct reading *reading, const json_t *value)
{
    if (!json_is_boolean(value)) {
        return refuse(reading, value);
    }
    reading->draft->settings.policy.denies_others = json_is_true(value);
    return PICKET_OK;
}

static enum picket_status read_action(struct reading *reading, const json_t *value)
{
    reading->rule->is_deny = strcmp(text_of(value), "deny") == 0;
    return reading->rule->is_deny || strcmp(text_of(value), "allow") == 0 ? PICKET_OK
                                                                          : refuse(reading, value);
}

static enum picket_status read_direction(struct reading *reading, const json_t *value)
{
    static const enum picket_direction directions[] = {PICKET_OUTBOUND, PICKET_INBOUND};

    for (size_t i = 0; i < COUNT_OF(directions); i++) {
        if (strcmp(direction_name(directions[i]), text_of(value)) == 0) {
            reading->rule->direction = directions[i];
            return PICKET_OK;
        }
    }
    return refuse(reading, value);
}

static enum picket_status read_protocol(struct reading *reading, const json_t *value)
{
    reading->rule->has_protocol = protocol_parse(text_of(value), &reading->rule->protocol);
    return reading->rule->has_protocol ? PICKET_OK : refuse(reading, value);
}

static enum picket_status read_prefix(struct reading *reading, const json_t *value)
{
    struct picket_rule *rule = reading->rule;
    struct prefix prefix;
    unsigned start = 0;

    if (!json_is_string(value) ||
        prefix_parse(json_string_value(value), json_string_length(value), &prefix) != PICKET_OK) {
        return refuse(reading, value);
    }
    start = address_is_ipv4(&prefix.address) ? IPV4_START : 0;
    rule->address_size = (uint8_t)(sizeof(rule->address) - start / 8u);
    rule->prefix_length = (uint8_t)(prefix.length - start);
    memcpy(rule->address, prefix.address.bytes + start / 8u, rule->address_size);
    return PICKET_OK;
}

/** The number that @p text begins with; what is behind it goes to *ret_rest. */
static bool parse_port(const char *text, uint16_t *ret, const char **ret_rest)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long number = digits == 0 || digits > 5 ? UINT16_MAX + 1ul : strtoul(text, NULL, 10);

    *ret = (uint16_t)number;
    *ret_rest = text + digits;
    return number <= UINT16_MAX;
}

static enum picket_status read_ports(struct reading *reading, const json_t *value)
{
    struct picket_rule *rule = reading->rule;
    const char *rest = "";
    bool is_right = parse_port(text_of(value), &rule->first_port, &rest);

    rule->last_port = rule->first_port;
    if (is_right && rest[0] == '-') {
        is_right = parse_port(rest + 1, &rule->last_port, &rest);
    }
    return is_right && rest[0] == '\0' && rule->first_port <= rule->last_port
               ? PICKET_OK
               : refuse(reading, value);
}

static const struct member rule_members[] = {
    {.name = "action",
     .read = read_action,
     .allowed = "\"allow\" or \"deny\"",
     .is_required = true},
    {.name = "direction",
     .read = read_direction,
     .allowed = "\"outbound\" or \"inbound\"; without it, either"},
    {.name = "protocol",
     .read = read_protocol,
     .allowed = "\"tcp\", \"udp\", \"icmp\", \"icmpv6\" or \"ip-N\"; without it, any"},
    {.name = "prefix",
     .read = read_prefix,
     .allowed = "\"192.0.2.0/24\", \"2001:db8::/32\" or an address, without host bits",
     .is_required = true},
    {.name = "ports",
     .read = read_ports,
     .allowed = "\"443\" or \"1000-2000\"; without it, all ports or none"},
};

/** Appends the rule to those for its IP version. */
static enum picket_status put_rule(const struct reading *reading, const struct picket_rule *rule)
{
    struct picket_policy *policy = &reading->draft->settings.policy;
    bool is_ipv4 = rule->address_size == 4;
    uint32_t *count = is_ipv4 ? &policy->ipv4_rule_count : &policy->ipv6_rule_count;
    uint8_t *place = is_ipv4 ? reading->draft->ipv4_rules + *count * PICKET_IPV4_RULE_BYTES
                             : reading->draft->ipv6_rules + *count * PICKET_IPV6_RULE_BYTES;
    bool has_ports = rule->first_port != 0 || rule->last_port != UINT16_MAX;
    bool knows_ports = rule->protocol == PROTOCOL_TCP || rule->protocol == PROTOCOL_UDP;
    enum picket_status status = PICKET_OK;

    if (*count == PICKET_RULES_MAX) {
        err_set(reading->reterr, "%sprefix: a policy has at most %u rules of an IP version",
                reading->owner, PICKET_RULES_MAX);
        return PICKET_E_LIMIT;
    }
    if (has_ports && !knows_ports) {
        err_set(reading->reterr, "%sports: only tcp and udp have ports", reading->owner);
        return PICKET_E_MALFORMED;
    }
    status = picket_rule_put(rule, place);
    assert(status == PICKET_OK); /* each member was checked when it was read */
    (*count)++;
    return status;
}

static enum picket_status read_rules(struct reading *reading, const json_t *value)
{
    static const struct member_table table = {rule_members, COUNT_OF(rule_members)};
    enum picket_status status = json_is_array(value) ? PICKET_OK : refuse(reading, value);

    for (size_t i = 0; status == PICKET_OK && i < json_array_size(value); i++) {
        struct picket_rule rule = {.direction = PICKET_DIRECTION_UNKNOWN, .last_port = UINT16_MAX};

        (void)snprintf(reading->owner, sizeof(reading->owner), "rules[%zu].", i);
        reading->rule = &rule;
        /* of what is no object, every member is missing */
        status = read_members(reading, &table, json_array_get(value, i));
        if (status == PICKET_OK) {
            status = put_rule(reading, &rule);
        }
    }
    reading->owner[0] = '\0';
    return status;
}

static enum picket_status read_indicators(struct reading *reading, const json_t *value)
{
    struct picket_policy *policy = &reading->draft->settings.policy;
    /* with each revision, the filter takes other strangers for members */
    json_int_t seed = json_integer_value(json_object_get(reading->draft->root, "revision"));
    struct buf list;
    enum picket_status status = PICKET_OK;

    if (text_of(value)[0] == '\0') {
        return refuse(reading, value);
    }
    buf_init(&list, LIST_BYTES_MAX);
    status = input_read(text_of(value), &list, reading->reterr);
    if (status == PICKET_OK) {
        status = filter_build_list(list.length == 0 ? "" : list.bytes, list.length, (uint64_t)seed,
                                   &reading->draft->filter, reading->reterr);
        if (status != PICKET_OK) {
            err_prefix(reading->reterr, "%s", text_of(value));
        }
    }
    buf_deinit(&list);
    if (status != PICKET_OK) {
        err_prefix(reading->reterr, "indicators");
        return status;
    }
    policy->has_filter = true;
    policy->filter = *filter_content(reading->draft->filter);
    return PICKET_OK;
}

static enum picket_status set_value(struct reading *reading, uint32_t value)
{
    struct picket_configuration *configuration = &reading->draft->settings.configuration;
    unsigned place = (unsigned)reading->member->setting - PICKET_SETTING_FIRST;

    configuration->given |= 1u << place;
    configuration->values[place] = value;
    return PICKET_OK;
}

static enum picket_status read_value(struct reading *reading, const json_t *value)
{
    uint32_t number = 0;
    enum picket_status status = read_number(reading, value, &number);

    return status == PICKET_OK ? set_value(reading, number) : status;
}

static enum picket_status read_exact_flows(struct reading *reading, const json_t *value)
{
    return json_is_boolean(value) ? set_value(reading, json_is_true(value))
                                  : refuse(reading, value);
}

static enum picket_status read_collectors(struct reading *reading, const json_t *value)
{
    uint32_t set = 0;

    if (!json_is_array(value)) {
        return refuse(reading, value);
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);
        unsigned bit = 0;

        while (collector_name(bit) != NULL && strcmp(collector_name(bit), text_of(item)) != 0) {
            bit++;
        }
        if (collector_name(bit) == NULL) {
            return refuse(reading, item);
        }
        set |= 1u << bit;
    }
    return set_value(reading, set);
}

#define COMMON_MEMBERS                                                                             \
    {.name = "kind",                                                                               \
     .read = pass_over,                                                                            \
     .allowed = "\"policy\" or \"configuration\"",                                                 \
     .is_required = true},                                                                         \
        {.name = "revision",                                                                       \
         .read = read_revision,                                                                    \
         .allowed = "a number from 1 to 4294967295, larger than the last one's",                   \
         .is_required = true,                                                                      \
         .min = 1,                                                                                 \
         .max = UINT32_MAX},                                                                       \
    {                                                                                              \
        .name = "audience", .read = read_audience,                                                 \
        .allowed = "1 to 64 printable characters without blanks and capitals", .is_required = true \
    }

static const struct member policy_members[] = {
    COMMON_MEMBERS,
    {.name = "mode",
     .read = read_mode,
     .allowed = "\"observe\", \"alert\" or \"enforce\"",
     .is_required = true},
    {.name = "trial_ms",
     .read = read_trial,
     .allowed = "0, or a number of milliseconds from 10000 to 86400000",
     .max = PICKET_TRIAL_MS_MAX},
    {.name = "denies_others", .read = read_denies_others, .allowed = "true or false"},
    {.name = "rules", .read = read_rules, .allowed = "a list of objects"},
    {.name = "indicators",
     .read = read_indicators,
     .allowed = "the path of a file with an address a line"},
};

/* The rows of the intervals differ in name and number alone, and so do those of the sizes. */
#define INTERVAL(key, number)                                                                      \
    {                                                                                              \
        .name = (key), .read = read_value, .allowed = INTERVAL_ALLOWED, .min = 1000,               \
        .max = 86400000, .setting = (number)                                                       \
    }
#define STORAGE(key, number)                                                                       \
    {                                                                                              \
        .name = (key), .read = read_value, .allowed = COUNT_ALLOWED, .max = UINT32_MAX,            \
        .setting = (number)                                                                        \
    }
static const struct member configuration_members[] = {
    COMMON_MEMBERS,
    INTERVAL("high_interval_ms", PICKET_SETTING_HIGH_INTERVAL_MS),
    INTERVAL("interval_ms", PICKET_SETTING_INTERVAL_MS),
    INTERVAL("low_interval_ms", PICKET_SETTING_LOW_INTERVAL_MS),
    {.name = "collectors",
     .read = read_collectors,
     .allowed = "a list of heartbeat, system, dns, tls, listen, start, event and metric",
     .setting = PICKET_SETTING_COLLECTORS},
    {.name = "exact_flows",
     .read = read_exact_flows,
     .allowed = "true or false",
     .setting = PICKET_SETTING_EXACT_FLOWS},
    STORAGE("ipv4_flows", PICKET_SETTING_IPV4_FLOWS),
    STORAGE("ipv6_flows", PICKET_SETTING_IPV6_FLOWS),
    STORAGE("facts_bytes", PICKET_SETTING_FACTS_BYTES),
};

static const struct member_table tables[] = {
    [PICKET_SETTINGS_POLICY] = {policy_members, COUNT_OF(policy_members)},
    [PICKET_SETTINGS_CONFIGURATION] = {configuration_members, COUNT_OF(configuration_members)},
};

static enum picket_status read_kind(struct reading *reading)
{
    const json_t *kind = json_object_get(reading->draft->root, "kind");

    for (unsigned i = PICKET_SETTINGS_POLICY; i <= PICKET_SETTINGS_CONFIGURATION; i++) {
        if (strcmp(settings_kind_name((enum picket_settings_kind)i), text_of(kind)) == 0) {
            reading->draft->settings.kind = (enum picket_settings_kind)i;
            return PICKET_OK;
        }
    }
    err_set(reading->reterr, "kind: it is missing or not right; allowed is %s",
            policy_members[0].allowed);
    return PICKET_E_MALFORMED;
}

enum picket_status settings_draft_read(const char *text, size_t length, struct settings_draft *ret,
                                       struct err *reterr)
{
    struct reading reading = {.draft = ret, .reterr = reterr};
    struct picket_policy *policy = &ret->settings.policy;
    json_error_t error;
    enum picket_status status = PICKET_OK;

    *ret = (struct settings_draft){0};
    ret->root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (ret->root == NULL) {
        err_set(reterr, "line %d, column %d: not JSON: %s", error.line, error.column, error.text);
        return PICKET_E_MALFORMED;
    }
    policy->ipv4_rules = ret->ipv4_rules;
    policy->ipv6_rules = ret->ipv6_rules;
    status = read_kind(&reading);
    if (status == PICKET_OK) {
        status = read_members(&reading, &tables[ret->settings.kind], ret->root);
    }
    return status;
}

void settings_draft_deinit(struct settings_draft *draft)
{
    filter_free(draft->filter);
    json_decref(draft->root);
    *draft = (struct settings_draft){0};
}
