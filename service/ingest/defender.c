/* SPDX-License-Identifier: MIT */
/* Device metrics of AWS IoT Device Defender, in JSON or CBOR, with long or short keys
 * (docs/legacy.md). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "ingest/cbor.h"
#include "ingest/legacy.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A character of JSON for a byte of text that is a control takes six. */
#define JSON_BYTES_MAX (8u * INGEST_MESSAGE_BYTES_MAX)

/* It lists what is established, and no more. */
#define CONNECTION_UNKNOWN                                                                         \
    (FLOW_CONNECTIONS_UNKNOWN | FLOW_PACKETS_UNKNOWN | FLOW_BYTES_UNKNOWN | FLOW_TIMES_UNKNOWN)

enum key {
    KEY_HEADER,
    KEY_METRICS,
    KEY_CUSTOM_METRICS,
    KEY_REPORT_ID,
    KEY_VERSION,
    KEY_TCP_PORTS,
    KEY_UDP_PORTS,
    KEY_NETWORK_STATS,
    KEY_TCP_CONNECTIONS,
    KEY_ESTABLISHED,
    KEY_CONNECTIONS,
    KEY_PORTS,
    KEY_PORT,
    KEY_INTERFACE,
    KEY_TOTAL,
    KEY_REMOTE_ADDRESS,
    KEY_LOCAL_PORT,
    KEY_LOCAL_INTERFACE,
    KEY_BYTES_IN,
    KEY_BYTES_OUT,
    KEY_PACKETS_IN,
    KEY_PACKETS_OUT,
    KEYS
};

static const struct {
    const char *long_name;
    const char *short_name;
} keys[KEYS] = {
    [KEY_HEADER] = {"header", "hed"},
    [KEY_METRICS] = {"metrics", "met"},
    [KEY_CUSTOM_METRICS] = {"custom_metrics", "cmet"},
    [KEY_REPORT_ID] = {"report_id", "rid"},
    [KEY_VERSION] = {"version", "v"},
    [KEY_TCP_PORTS] = {"listening_tcp_ports", "tp"},
    [KEY_UDP_PORTS] = {"listening_udp_ports", "up"},
    [KEY_NETWORK_STATS] = {"network_stats", "ns"},
    [KEY_TCP_CONNECTIONS] = {"tcp_connections", "tc"},
    [KEY_ESTABLISHED] = {"established_connections", "ec"},
    [KEY_CONNECTIONS] = {"connections", "cs"},
    [KEY_PORTS] = {"ports", "pts"},
    [KEY_PORT] = {"port", "pt"},
    [KEY_INTERFACE] = {"interface", "if"},
    [KEY_TOTAL] = {"total", "t"},
    [KEY_REMOTE_ADDRESS] = {"remote_addr", "rad"},
    [KEY_LOCAL_PORT] = {"local_port", "lp"},
    [KEY_LOCAL_INTERFACE] = {"local_interface", "li"},
    [KEY_BYTES_IN] = {"bytes_in", "bi"},
    [KEY_BYTES_OUT] = {"bytes_out", "bo"},
    [KEY_PACKETS_IN] = {"packets_in", "pi"},
    [KEY_PACKETS_OUT] = {"packets_out", "po"},
};

/** A message on its way. */
struct reading {
    struct legacy legacy;
    uint8_t listens[(UINT16_MAX + 1) / 8]; /* a bit for each TCP port that it listens on */
    bool knows_listeners;                  /* all of them are told */
    enum key fault; /* the member that is missing or wrong; KEYS while all is well */
};

static void fail(struct reading *reading, enum key key)
{
    if (reading->fault == KEYS) {
        reading->fault = key;
    }
}

/** NULL if it is not there; a fault if it is of another kind, or there by both names. */
static json_t *find(struct reading *reading, json_t *object, enum key key, json_type type)
{
    json_t *by_long = json_object_get(object, keys[key].long_name);
    json_t *by_short = json_object_get(object, keys[key].short_name);
    json_t *value = by_long != NULL ? by_long : by_short;

    if (value != NULL && (json_typeof(value) != type || (by_long != NULL && by_short != NULL))) {
        fail(reading, key);
        return NULL;
    }
    return value;
}

static json_t *require(struct reading *reading, json_t *object, enum key key, json_type type)
{
    json_t *value = find(reading, object, key, type);

    if (value == NULL) {
        fail(reading, key);
    }
    return value;
}

/** False if it is not there. */
static bool get_count(struct reading *reading, json_t *object, enum key key, uint64_t max,
                      uint64_t *ret)
{
    json_t *value = find(reading, object, key, JSON_INTEGER);
    json_int_t number = json_integer_value(value);

    if (value == NULL || number < 0 || (uint64_t)number > max) {
        if (value != NULL) {
            fail(reading, key);
        }
        return false;
    }
    *ret = (uint64_t)number;
    return true;
}

/** Counts the members that nobody here knows. */
static void pass_over_others(struct reading *reading, json_t *object, const enum key *known,
                             size_t count)
{
    for (void *at = json_object_iter(object); at != NULL; at = json_object_iter_next(object, at)) {
        const char *name = json_object_iter_key(at);
        bool is_known = false;

        for (size_t i = 0; i < count; i++) {
            is_known |= strcmp(name, keys[known[i]].long_name) == 0 ||
                        strcmp(name, keys[known[i]].short_name) == 0;
        }
        if (!is_known) {
            legacy_pass_over(&reading->legacy, (struct picket_text){name, strlen(name)}, 1);
        }
    }
}

/** What the total says that the list has not. */
static void pass_over_unlisted(struct reading *reading, json_t *object, json_t *list, enum key key)
{
    uint64_t total = 0;
    size_t listed = json_array_size(list);

    if (get_count(reading, object, KEY_TOTAL, FLOW_COUNT_MAX, &total) && total > listed) {
        legacy_pass_over(&reading->legacy,
                         (struct picket_text){keys[key].long_name, strlen(keys[key].long_name)},
                         total - listed);
    }
}

static void read_listeners(struct reading *reading, json_t *metrics, enum key key, uint8_t protocol)
{
    static const enum key known[] = {KEY_PORTS, KEY_TOTAL};
    json_t *object = find(reading, metrics, key, JSON_OBJECT);
    json_t *ports = find(reading, object, KEY_PORTS, JSON_ARRAY);
    uint64_t port, total = 0;

    for (size_t i = 0; i < json_array_size(ports); i++) {
        struct picket_listener_record *listener = legacy_add(&reading->legacy, LEGACY_LISTENERS);
        json_t *item = json_array_get(ports, i);

        (void)find(reading, item, KEY_INTERFACE, JSON_STRING);
        if (!get_count(reading, item, KEY_PORT, UINT16_MAX, &port)) {
            fail(reading, KEY_PORT);
            return;
        }
        *listener = (struct picket_listener_record){.protocol = protocol, .port = (uint16_t)port};
        if (protocol == PROTOCOL_TCP) {
            reading->listens[port / 8] |= (uint8_t)(1u << port % 8);
        }
    }
    pass_over_unlisted(reading, object, ports, key);
    pass_over_others(reading, object, known, COUNT_OF(known));
    if (protocol == PROTOCOL_TCP && ports != NULL) {
        reading->knows_listeners = !get_count(reading, object, KEY_TOTAL, FLOW_COUNT_MAX, &total) ||
                                   total <= json_array_size(ports);
    }
}

/** "192.0.2.1:443", "[2001:db8::1]:443", "2001:db8::1:443", or an address alone. */
static bool parse_end(const char *text, struct address *ret_address, int32_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    size_t digits = colon == NULL ? 0 : strspn(colon + 1, "0123456789");
    bool is_bracketed = text[0] == '[' && colon != NULL && colon > text + 1 && colon[-1] == ']';
    size_t skipped = is_bracketed ? 1 : 0;

    if (colon != NULL && digits > 0 && digits <= 5 && colon[1 + digits] == '\0' &&
        atoi(colon + 1) <= UINT16_MAX &&
        address_parse(text + skipped, (size_t)(colon - text) - 2 * skipped, ret_address) ==
            PICKET_OK) {
        *ret_port = atoi(colon + 1);
        return true;
    }
    *ret_port = FLOW_PORT_UNKNOWN;
    return address_parse(text, strlen(text), ret_address) == PICKET_OK;
}

/** Who opened it is told by the ports that it listens on, if all are told. */
static void set_direction(const struct reading *reading, uint64_t local_port, int32_t peer_port,
                          struct flow *flow)
{
    if ((reading->listens[local_port / 8] & 1u << local_port % 8) != 0) {
        flow->direction = PICKET_INBOUND;
        flow->local_port = (int32_t)local_port;
    } else if (reading->knows_listeners) {
        flow->direction = PICKET_OUTBOUND;
        flow->peer_port = peer_port;
    } else {
        flow->local_port = (int32_t)local_port;
        flow->peer_port = peer_port;
    }
}

static void read_connection(struct reading *reading, json_t *item)
{
    static const enum key known[] = {KEY_REMOTE_ADDRESS, KEY_LOCAL_PORT, KEY_LOCAL_INTERFACE};
    const char *text = json_string_value(require(reading, item, KEY_REMOTE_ADDRESS, JSON_STRING));
    struct address remote;
    uint64_t local_port;
    int32_t peer_port;
    struct flow *flow;

    (void)find(reading, item, KEY_LOCAL_INTERFACE, JSON_STRING);
    pass_over_others(reading, item, known, COUNT_OF(known));
    if (text == NULL || !parse_end(text, &remote, &peer_port)) {
        fail(reading, KEY_REMOTE_ADDRESS);
        return;
    }
    flow = legacy_add_flow(&reading->legacy, remote, CONNECTION_UNKNOWN);
    flow->protocol = PROTOCOL_TCP;
    flow->outcome = PICKET_ANSWERED;
    if (get_count(reading, item, KEY_LOCAL_PORT, UINT16_MAX, &local_port)) {
        set_direction(reading, local_port, peer_port, flow);
    } else {
        flow->peer_port = peer_port;
    }
    flow->first_us = flow->last_us = reading->legacy.report->received_us;
}

static void read_connections(struct reading *reading, json_t *metrics)
{
    static const enum key known_above[] = {KEY_ESTABLISHED};
    static const enum key known[] = {KEY_CONNECTIONS, KEY_TOTAL};
    json_t *tcp = find(reading, metrics, KEY_TCP_CONNECTIONS, JSON_OBJECT);
    json_t *object = find(reading, tcp, KEY_ESTABLISHED, JSON_OBJECT);
    json_t *list = find(reading, object, KEY_CONNECTIONS, JSON_ARRAY);

    for (size_t i = 0; i < json_array_size(list) && reading->fault == KEYS; i++) {
        read_connection(reading, json_array_get(list, i));
    }
    pass_over_unlisted(reading, object, list, KEY_ESTABLISHED);
    pass_over_others(reading, object, known, COUNT_OF(known));
    pass_over_others(reading, tcp, known_above, COUNT_OF(known_above));
}

static void add_metric(struct reading *reading, const char *name, uint64_t value)
{
    struct picket_metric_record *metric = legacy_add(&reading->legacy, LEGACY_METRICS);

    metric->name = legacy_text(&reading->legacy, (struct picket_text){name, strlen(name)});
    metric->value = value;
}

static void read_statistics(struct reading *reading, json_t *metrics)
{
    static const enum key counts[] = {KEY_BYTES_IN, KEY_BYTES_OUT, KEY_PACKETS_IN, KEY_PACKETS_OUT};
    json_t *object = find(reading, metrics, KEY_NETWORK_STATS, JSON_OBJECT);
    uint64_t value;

    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        if (get_count(reading, object, counts[i], FLOW_COUNT_MAX, &value)) {
            add_metric(reading, keys[counts[i]].long_name, value);
        }
    }
    pass_over_others(reading, object, counts, COUNT_OF(counts));
}

/** Each is an array of one object: {"number": N}, or a list, which a report has no place for. */
static void read_custom(struct reading *reading, json_t *custom)
{
    for (void *at = json_object_iter(custom); at != NULL; at = json_object_iter_next(custom, at)) {
        const char *name = json_object_iter_key(at);
        json_t *list = json_object_iter_value(at);
        json_t *number = json_object_get(json_array_get(list, 0), "number");

        if (json_array_size(list) == 1 && json_is_integer(number) &&
            json_integer_value(number) >= 0) {
            add_metric(reading, name, (uint64_t)json_integer_value(number));
        } else {
            legacy_pass_over(&reading->legacy, (struct picket_text){name, strlen(name)}, 1);
        }
    }
}

static void read_message(struct reading *reading, json_t *root)
{
    static const enum key at_top[] = {KEY_HEADER, KEY_METRICS, KEY_CUSTOM_METRICS};
    static const enum key in_header[] = {KEY_REPORT_ID, KEY_VERSION};
    static const enum key in_metrics[] = {KEY_TCP_PORTS, KEY_UDP_PORTS, KEY_NETWORK_STATS,
                                          KEY_TCP_CONNECTIONS};
    json_t *header = require(reading, root, KEY_HEADER, JSON_OBJECT);
    json_t *metrics = require(reading, root, KEY_METRICS, JSON_OBJECT);
    const char *version = json_string_value(require(reading, header, KEY_VERSION, JSON_STRING));

    (void)require(reading, header, KEY_REPORT_ID, JSON_INTEGER);
    if (version == NULL || strncmp(version, "1.", 2) != 0) {
        fail(reading, KEY_VERSION);
    }
    read_listeners(reading, metrics, KEY_TCP_PORTS, PROTOCOL_TCP);
    read_listeners(reading, metrics, KEY_UDP_PORTS, PROTOCOL_UDP);
    read_statistics(reading, metrics);
    read_connections(reading, metrics);
    read_custom(reading, find(reading, root, KEY_CUSTOM_METRICS, JSON_OBJECT));
    pass_over_others(reading, root, at_top, COUNT_OF(at_top));
    pass_over_others(reading, header, in_header, COUNT_OF(in_header));
    pass_over_others(reading, metrics, in_metrics, COUNT_OF(in_metrics));
}

/** The message is @p text, as JSON. */
static enum picket_status decode(const struct ingest_message *message, enum ingest_format format,
                                 const char *text, size_t length, struct report **ret,
                                 struct err *reterr)
{
    struct reading reading = {.fault = KEYS};
    json_error_t error;
    json_t *root;
    enum picket_status status = legacy_begin(&reading.legacy, message, format, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = PICKET_E_MALFORMED;
    root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        err_set(reterr, "byte %d: %s", error.position, error.text);
    } else {
        read_message(&reading, root);
        status = reading.fault == KEYS ? PICKET_OK : PICKET_E_MALFORMED;
    }
    if (reading.fault != KEYS) {
        err_set(reterr, "\"%s\" (\"%s\") is missing or not as Device Defender has it",
                keys[reading.fault].long_name, keys[reading.fault].short_name);
    }
    if (status == PICKET_OK) {
        status = legacy_finish(&reading.legacy, ret, reterr);
    } else {
        legacy_drop(&reading.legacy);
    }
    json_decref(root);
    return status;
}

enum picket_status defender_json_decode(const struct ingest_message *message, struct report **ret,
                                        struct err *reterr)
{
    return decode(message, INGEST_DEFENDER_JSON, (const char *)message->bytes, message->length, ret,
                  reterr);
}

enum picket_status defender_cbor_decode(const struct ingest_message *message, struct report **ret,
                                        struct err *reterr)
{
    enum picket_status status = PICKET_E_MALFORMED;
    struct buf text;

    buf_init(&text, JSON_BYTES_MAX);
    if (cbor_to_json(message->bytes, message->length, &text, reterr)) {
        status = decode(message, INGEST_DEFENDER_CBOR, text.bytes, text.length, ret, reterr);
    }
    buf_deinit(&text);
    return status;
}
