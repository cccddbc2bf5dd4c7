/* SPDX-License-Identifier: MIT */
/* JSON security messages of the retired agents, schema 1.0 (docs/legacy.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/time.h"
#include "ingest/legacy.h"
#include "model/fields.h"

#define GUID_CHARACTERS 36u
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Packets, bytes and outcome are not in it, and of the time only when it began. */
#define CONNECTION_UNKNOWN                                                                         \
    (FLOW_PACKETS_UNKNOWN | FLOW_BYTES_UNKNOWN | FLOW_OUTCOME_UNKNOWN | FLOW_TIMES_UNKNOWN)

/** A message on its way. */
struct reading {
    struct legacy legacy;
    const char *agent_version;
    int64_t at_us; /* of the event under way */
    char fault[128];
};

static struct picket_text text_of(const char *text)
{
    return (struct picket_text){text, strlen(text)};
}

static bool has(const struct fields *fields, const char *name)
{
    return json_object_get(fields->object, name) != NULL;
}

/** "" if it is not there. */
static const char *get_optional_text(struct fields *fields, const char *name)
{
    return has(fields, name) ? fields_get_text(fields, name) : "";
}

static void check_optional_texts(struct fields *fields, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)get_optional_text(fields, names[i]);
    }
}

static void check_optional_counts(struct fields *fields, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (has(fields, names[i])) {
            (void)fields_get_int(fields, names[i]);
        }
    }
}

/** RFC 3339, in UTC or with an offset. */
static int64_t get_time(struct fields *fields, const char *name)
{
    const char *text = fields_get_text(fields, name);
    size_t length = strlen(text);
    char utc[TIME_TEXT_MAX];
    unsigned hours, minutes;
    int64_t time_us = 0;
    int sign = 0;

    if (length > 6 && length < sizeof(utc) &&
        (text[length - 6] == '+' || text[length - 6] == '-') &&
        sscanf(text + length - 5, "%2u:%2u", &hours, &minutes) == 2 && hours < 24 && minutes < 60) {
        sign = text[length - 6] == '+' ? 1 : -1;
        snprintf(utc, sizeof(utc), "%.*sZ", (int)length - 6, text);
        text = utc;
    }
    if (time_parse(text, &time_us) != PICKET_OK) {
        fields_fail(fields, name);
        return 0;
    }
    return sign == 0 ? time_us
                     : time_us - sign * (int64_t)(60 * hours + minutes) * 60 * TIME_US_PER_S;
}

/** A number; FLOW_PORT_UNKNOWN for "*", ranges and lists, which the schema allows. */
static int32_t read_port(struct fields *fields, const char *name, const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (text[0] == '\0' || text[strspn(text, "0123456789-,* ")] != '\0') {
        fields_fail(fields, name);
        return FLOW_PORT_UNKNOWN;
    }
    if (text[digits] != '\0') {
        return FLOW_PORT_UNKNOWN;
    }
    if (digits > 5 || atoi(text) > UINT16_MAX) {
        fields_fail(fields, name);
        return FLOW_PORT_UNKNOWN;
    }
    return atoi(text);
}

static bool read_address(struct fields *fields, const char *name, struct address *ret)
{
    const char *text = fields_get_text(fields, name);

    if (address_parse(text, strlen(text), ret) != PICKET_OK) {
        fields_fail(fields, name);
        return false;
    }
    return true;
}

/** "TCP", "udp6"; false, and counted, for one that has no name here. */
static bool read_protocol(struct reading *reading, struct fields *fields, uint8_t *ret)
{
    static const struct {
        const char *name;
        uint8_t protocol;
    } names[] = {{"tcp", PROTOCOL_TCP},      {"tcp6", PROTOCOL_TCP},  {"udp", PROTOCOL_UDP},
                 {"udp6", PROTOCOL_UDP},     {"icmp", PROTOCOL_ICMP}, {"icmp6", PROTOCOL_ICMPV6},
                 {"icmpv6", PROTOCOL_ICMPV6}};
    const char *text = fields_get_text(fields, "Protocol");
    char passed[PICKET_TEXT_MAX];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcasecmp(text, names[i].name) == 0) {
            *ret = names[i].protocol;
            return true;
        }
    }
    snprintf(passed, sizeof(passed), "Protocol %s", text);
    legacy_pass_over(&reading->legacy, text_of(passed), 1);
    return false;
}

/** Agents fold equal events and say in the details how many there were. */
static uint64_t get_hit_count(struct fields *fields)
{
    json_t *details =
        has(fields, "ExtraDetails") ? fields_get_object(fields, "ExtraDetails") : NULL;
    const char *text = json_string_value(json_object_get(details, "HitCount"));
    uint64_t count = text == NULL ? 1 : strtoull(text, NULL, 10);

    return count > 0 && count < FLOW_COUNT_MAX ? count : 1;
}

static void read_connection(struct reading *reading, struct fields *fields)
{
    static const char *const directions[] = {[PICKET_OUTBOUND] = "Out", [PICKET_INBOUND] = "In"};
    static const char *const optional[] = {"UserId", "CommandLine"};
    const char *remote_port = fields_get_text(fields, "RemotePort");
    const char *local_port = get_optional_text(fields, "LocalPort");
    enum picket_direction direction = (enum picket_direction)fields_get_choice(
        fields, "Direction", directions, COUNT_OF(directions));
    int32_t peer_port = read_port(fields, "RemotePort", remote_port);
    int32_t own_port =
        local_port[0] == '\0' ? FLOW_PORT_UNKNOWN : read_port(fields, "LocalPort", local_port);
    struct address remote = {{0}}, local = {{0}};
    bool has_local = has(fields, "LocalAddress") && read_address(fields, "LocalAddress", &local);
    uint64_t connections = get_hit_count(fields);
    uint8_t protocol;
    struct flow *flow;

    (void)fields_get_int(fields, "ProcessId");
    (void)fields_get_text(fields, "Executable");
    check_optional_texts(fields, optional, COUNT_OF(optional));
    if (!read_address(fields, "RemoteAddress", &remote) ||
        !read_protocol(reading, fields, &protocol)) {
        return;
    }
    flow = legacy_add_flow(&reading->legacy, remote, CONNECTION_UNKNOWN);
    flow->direction = direction;
    flow->protocol = protocol;
    flow->has_local = has_local;
    flow->local = local;
    /* one port, the service's, as a report of ours has it */
    *(direction == PICKET_OUTBOUND ? &flow->peer_port : &flow->local_port) =
        direction == PICKET_OUTBOUND ? peer_port : own_port;
    flow->connections = connections;
    flow->first_us = flow->last_us = reading->at_us;
}

static void read_listener(struct reading *reading, struct fields *fields)
{
    static const struct address any;
    const char *remote_port = get_optional_text(fields, "RemotePort");
    int32_t port = read_port(fields, "LocalPort", fields_get_text(fields, "LocalPort"));
    struct picket_listener_record *record;
    struct address local = any, remote;
    uint8_t protocol;

    if (has(fields, "LocalAddress")) {
        (void)read_address(fields, "LocalAddress", &local);
    }
    if (has(fields, "RemoteAddress")) {
        (void)read_address(fields, "RemoteAddress", &remote);
    }
    if (remote_port[0] != '\0') {
        (void)read_port(fields, "RemotePort", remote_port);
    }
    (void)get_hit_count(fields);
    if (!read_protocol(reading, fields, &protocol)) {
        return;
    }
    if (port == FLOW_PORT_UNKNOWN) {
        legacy_pass_over(&reading->legacy, text_of("ListeningPorts of many ports"), 1);
        return;
    }
    record = legacy_add(&reading->legacy, LEGACY_LISTENERS);
    record->protocol = protocol;
    record->port = (uint16_t)port;
    if (address_is_ipv4(&local) && memcmp(local.bytes + 12, any.bytes, 4) != 0) {
        record->address_size = 4;
        memcpy(record->address, local.bytes + 12, 4);
    } else if (!address_is_ipv4(&local) && !address_equal(&local, &any)) {
        record->address_size = sizeof(local.bytes);
        memcpy(record->address, local.bytes, sizeof(local.bytes));
    }
}

static void read_system(struct reading *reading, struct fields *fields)
{
    static const char *const texts[] = {"OSVendor", "HostName", "BIOSVersion", "BootDevice"};
    static const char *const counts[] = {"TotalPhysicalMemoryInKB", "FreePhysicalMemoryInKB",
                                         "TotalVirtualMemoryInKB", "FreeVirtualMemoryInKB"};
    struct picket_report_head *head = &reading->legacy.report->head;
    const char *name = get_optional_text(fields, "OSName");
    const char *version = get_optional_text(fields, "OSVersion");
    char text[2 * PICKET_TEXT_MAX];

    check_optional_texts(fields, texts, COUNT_OF(texts));
    check_optional_counts(fields, counts, COUNT_OF(counts));
    (void)get_hit_count(fields);
    snprintf(text, sizeof(text), "%s%s%s", name, name[0] != '\0' && version[0] != '\0' ? " " : "",
             version);
    head->has_system = true;
    head->system.os = legacy_text(&reading->legacy, text_of(text));
    head->system.hardware =
        legacy_text(&reading->legacy, text_of(get_optional_text(fields, "OsArchitecture")));
    snprintf(text, sizeof(text), "agent %s", reading->agent_version);
    head->system.module_version = legacy_text(&reading->legacy, text_of(text));
}

static void read_login(struct reading *reading, struct fields *fields)
{
    static const char *const results[] = {"Fail", "Success"};
    static const char *const names[] = {"login_failed", "login_succeeded"};
    static const char *const ports[] = {"RemotePort", "LocalPort"};
    size_t result = fields_get_choice(fields, "Result", results, COUNT_OF(results));
    const char *user = get_optional_text(fields, "UserName");
    const char *id = get_optional_text(fields, "UserId");
    const char *from = get_optional_text(fields, "RemoteAddress");
    struct address remote;
    char text[PICKET_TEXT_MAX + 1];

    (void)fields_get_int(fields, "ProcessId");
    (void)fields_get_text(fields, "Operation");
    (void)fields_get_text(fields, "Executable");
    check_optional_texts(fields, ports, COUNT_OF(ports));
    if (from[0] != '\0') {
        (void)read_address(fields, "RemoteAddress", &remote);
    }
    if (!has(fields, "UserName") && !has(fields, "UserId")) {
        fields_fail(fields, "UserName");
    }
    snprintf(text, sizeof(text), "%s%s%s", user[0] != '\0' ? user : id, from[0] != '\0' ? "@" : "",
             from);
    legacy_add_event(&reading->legacy, names[result], text_of(text), get_hit_count(fields),
                     reading->at_us);
}

static void read_process(struct reading *reading, struct fields *fields)
{
    const char *executable = fields_get_text(fields, "Executable");

    (void)fields_get_int(fields, "ProcessId");
    (void)fields_get_int(fields, "ParentProcessId");
    (void)fields_get_text(fields, "UserId");
    (void)fields_get_text(fields, "CommandLine");
    (void)get_optional_text(fields, "UserName");
    legacy_add_event(&reading->legacy, "process_created", text_of(executable),
                     get_hit_count(fields), reading->at_us);
}

static void read_dropped(struct reading *reading, struct fields *fields)
{
    static const char *const queues[] = {"High", "Low"};
    struct facts *facts = &reading->legacy.report->facts;

    (void)fields_get_choice(fields, "Queue", queues, COUNT_OF(queues));
    flow_count_add(&facts->events_collected,
                   fields_get_uint(fields, "CollectedEvents", FLOW_COUNT_MAX));
    flow_count_add(&facts->events_dropped,
                   fields_get_uint(fields, "DroppedEvents", FLOW_COUNT_MAX));
    (void)get_hit_count(fields);
}

static void read_statistics(struct reading *reading, struct fields *fields)
{
    static const struct {
        const char *member;
        const char *metric;
    } rows[] = {{"MessagesSent", "messages_sent"},
                {"MessagesUnder4KB", "messages_under_4kb"},
                {"TotalFailed", "messages_failed"}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct picket_metric_record *metric = legacy_add(&reading->legacy, LEGACY_METRICS);

        metric->name = text_of(rows[i].metric);
        metric->value = fields_get_uint(fields, rows[i].member, FLOW_COUNT_MAX);
    }
    (void)get_hit_count(fields);
}

static void read_error(struct reading *reading, struct fields *fields)
{
    static const char *const errors[] = {"TypeMismatch", "NotOptimal", "Conflict"};
    struct legacy *legacy = &reading->legacy;
    struct configuration_error *error = legacy_add(legacy, LEGACY_ERRORS);

    error->name = legacy_text(legacy, text_of(fields_get_text(fields, "ConfigurationName")));
    error->error =
        text_of(errors[fields_get_choice(fields, "ErrorType", errors, COUNT_OF(errors))]);
    error->text = legacy_text(legacy, text_of(fields_get_text(fields, "Message")));
    (void)fields_get_text(fields, "UsedConfiguration");
    (void)get_hit_count(fields);
}

static const char *const categories[] = {"Periodic", "Triggered"};
static const char *const types[] = {"Security", "Operational", "Diagnostic"};
enum { PERIODIC, TRIGGERED };
enum { SECURITY, OPERATIONAL };

/** Events that become something; all others are counted by their name. */
static const struct kind {
    const char *name;
    size_t category;
    size_t type;
    void (*read)(struct reading *reading, struct fields *payload);
} kinds[] = {
    {"ConnectionCreate", TRIGGERED, SECURITY, read_connection},
    {"ListeningPorts", PERIODIC, SECURITY, read_listener},
    {"SystemInformation", PERIODIC, SECURITY, read_system},
    {"Login", TRIGGERED, SECURITY, read_login},
    {"ProcessCreate", TRIGGERED, SECURITY, read_process},
    {"DroppedEventsStatistics", PERIODIC, OPERATIONAL, read_dropped},
    {"MessageStatistics", PERIODIC, OPERATIONAL, read_statistics},
    {"ConfigurationError", TRIGGERED, OPERATIONAL, read_error},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void read_payload(struct reading *reading, const struct kind *kind, struct fields *event,
                         json_t *payload)
{
    for (size_t i = 0; i < json_array_size(payload) && event->fault == NULL; i++) {
        struct fields fields;

        fields_init(&fields, json_array_get(payload, i));
        kind->read(reading, &fields);
        fields_refuse_others(&fields);
        if (fields.fault != NULL) {
            snprintf(reading->fault, sizeof(reading->fault), "Payload[%zu].%.80s", i, fields.fault);
            fields_fail(event, reading->fault);
        }
    }
}

/** False after a failure, with the member in the fault. */
static bool read_event(struct reading *reading, struct fields *event)
{
    const char *name = fields_get_text(event, "Name");
    const struct kind *kind = find_kind(name);
    size_t category = fields_get_choice(event, "Category", categories, COUNT_OF(categories));
    size_t type = fields_get_choice(event, "EventType", types, COUNT_OF(types));
    const char *version = fields_get_text(event, "PayloadSchemaVersion");
    json_t *payload = fields_get_array(event, "Payload");
    json_t *is_empty = json_object_get(event->object, "IsEmpty");
    bool says_empty = json_is_true(is_empty);

    (void)fields_is_null(event, "IsEmpty"); /* is asked for */
    reading->at_us = get_time(event, "TimestampUTC");
    (void)get_time(event, "TimestampLocal");
    if (strlen(fields_get_text(event, "Id")) != GUID_CHARACTERS) {
        fields_fail(event, "Id");
    }
    if (!json_is_boolean(is_empty) || says_empty != (json_array_size(payload) == 0) ||
        (says_empty && category != PERIODIC)) {
        fields_fail(event, "IsEmpty");
    }
    if (kind != NULL && (category != kind->category || type != kind->type)) {
        fields_fail(event, category != kind->category ? "Category" : "EventType");
    }
    if (kind != NULL && strcmp(version, "1.0") != 0) {
        fields_fail(event, "PayloadSchemaVersion");
    }
    fields_refuse_others(event);
    if (event->fault != NULL) {
        return false;
    }
    legacy_note_time(&reading->legacy, reading->at_us, reading->at_us);
    if (kind != NULL) {
        read_payload(reading, kind, event, payload);
    } else {
        legacy_pass_over(&reading->legacy, text_of(name), json_array_size(payload));
    }
    return event->fault == NULL;
}

static bool read_message(struct reading *reading, json_t *root, struct err *reterr)
{
    struct fields fields;
    json_t *events;

    fields_init(&fields, root);
    reading->agent_version = fields_get_text(&fields, "AgentVersion");
    events = fields_get_array(&fields, "Events");
    if (strlen(fields_get_text(&fields, "AgentId")) != GUID_CHARACTERS) {
        fields_fail(&fields, "AgentId");
    }
    if (strcmp(fields_get_text(&fields, "MessageSchemaVersion"), "1.0") != 0) {
        fields_fail(&fields, "MessageSchemaVersion");
    }
    if (json_array_size(events) == 0) {
        fields_fail(&fields, "Events");
    }
    fields_refuse_others(&fields);
    if (fields.fault != NULL) {
        err_set(reterr, "\"%.80s\" is missing or not as schema 1.0 has it", fields.fault);
        return false;
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        struct fields event;

        fields_init(&event, json_array_get(events, i));
        if (!read_event(reading, &event)) {
            err_set(reterr, "\"Events[%zu].%.110s\" is missing or not as schema 1.0 has it", i,
                    event.fault);
            return false;
        }
    }
    return true;
}

enum picket_status agent_decode(const struct ingest_message *message, struct report **ret,
                                struct err *reterr)
{
    struct reading reading;
    json_error_t error;
    json_t *root = NULL;
    enum picket_status status = legacy_begin(&reading.legacy, message, INGEST_AGENT, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = PICKET_E_MALFORMED;
    root =
        json_loadb((const char *)message->bytes, message->length, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        err_set(reterr, "byte %d: %s", error.position, error.text);
    } else if (read_message(&reading, root, reterr)) {
        status = PICKET_OK;
    }
    if (status == PICKET_OK) {
        status = legacy_finish(&reading.legacy, ret, reterr);
    } else {
        legacy_drop(&reading.legacy);
    }
    json_decref(root);
    return status;
}
