/* SPDX-License-Identifier: MIT */
/* A message of the retired RTOS module in the words of its schema. */
#include "base/json.h"
#include "ingest/rtos_module.h"
#include "model/address.h"

static const char *const protocol_names[RTOS_PROTOCOLS] = {
    [RTOS_TCP] = "TCP", [RTOS_UDP] = "UDP", [RTOS_ICMP] = "ICMP"};

static const char *const process_event_names[RTOS_PROCESS_EVENTS] = {
    [RTOS_FORK] = "FORK", [RTOS_EXEC] = "EXEC", [RTOS_EXIT] = "EXIT"};

static const char *const activity_keys[RTOS_FAMILIES] = {"ipv4_activity", "ipv6_activity"};
static const char *const listener_keys[RTOS_FAMILIES] = {"ipv4_ports", "ipv6_ports"};

static void put_text(struct json *json, const char *key, struct picket_text text)
{
    if (text.bytes == NULL) {
        json_put_null(json, key);
    } else {
        json_put_text_n(json, key, text.bytes, text.length);
    }
}

/** A name, or the number of one that only a later schema has. */
static void put_choice(struct json *json, const char *key, const char *const *names, size_t count,
                       uint8_t choice)
{
    if (choice < count) {
        json_put_text(json, key, names[choice]);
    } else {
        json_put_uint(json, key, choice);
    }
}

static void put_activity(struct json *json, const struct rtos_activity *activity)
{
    json_open_object(json, NULL);
    address_write_bytes_json(json, "local_address", activity->local, activity->address_size);
    address_write_bytes_json(json, "remote_address", activity->remote, activity->address_size);
    json_put_uint(json, "local_port", activity->local_port);
    json_put_uint(json, "remote_port", activity->remote_port);
    json_put_uint(json, "bytes_in", activity->bytes_in);
    json_put_uint(json, "bytes_out", activity->bytes_out);
    put_choice(json, "protocol", protocol_names, RTOS_PROTOCOLS, activity->protocol);
    json_put_uint(json, "process_id", activity->process_id);
    json_put_uint(json, "user_id", activity->user_id);
    put_text(json, "executable", activity->executable);
    put_text(json, "commandline", activity->command_line);
    json_close_object(json);
}

static void put_activities(struct json *json, struct flatbuffer *buffer,
                           const struct rtos_event *event)
{
    struct flatbuffer_vector activities;
    struct rtos_activity activity;

    for (enum rtos_family family = RTOS_IPV4; family < RTOS_FAMILIES; family++) {
        if (!rtos_open_activities(buffer, event, family, &activities)) {
            json_put_null(json, activity_keys[family]);
            continue;
        }
        json_open_array(json, activity_keys[family]);
        for (size_t i = 0;
             i < activities.count && rtos_read_activity(buffer, &activities, family, i, &activity);
             i++) {
            put_activity(json, &activity);
        }
        json_close_array(json);
    }
}

static void put_system(struct json *json, struct flatbuffer *buffer, const struct rtos_event *event)
{
    struct rtos_system system;

    rtos_read_system(buffer, event, &system);
    put_text(json, "os_info", system.os);
    put_text(json, "kernel_info", system.kernel);
    put_text(json, "hw_info", system.hardware);
}

static void put_listener(struct json *json, const struct rtos_listener *listener)
{
    json_open_object(json, NULL);
    address_write_bytes_json(json, "local_address", listener->address, listener->address_size);
    json_put_uint(json, "local_port", listener->port);
    put_choice(json, "protocol", protocol_names, RTOS_PROTOCOLS, listener->protocol);
    json_close_object(json);
}

static void put_listeners(struct json *json, struct flatbuffer *buffer,
                          const struct rtos_event *event)
{
    struct flatbuffer_vector listeners;
    struct rtos_listener listener;

    for (enum rtos_family family = RTOS_IPV4; family < RTOS_FAMILIES; family++) {
        if (!rtos_open_listeners(buffer, event, family, &listeners)) {
            json_put_null(json, listener_keys[family]);
            continue;
        }
        json_open_array(json, listener_keys[family]);
        for (size_t i = 0; i < listeners.count; i++) {
            rtos_read_listener(buffer, &listeners, family, i, &listener);
            put_listener(json, &listener);
        }
        json_close_array(json);
    }
}

static void put_process(struct json *json, struct flatbuffer *buffer,
                        const struct rtos_event *event)
{
    struct rtos_process process;

    rtos_read_process(buffer, event, &process);
    put_text(json, "executable", process.executable);
    json_put_uint(json, "process_id", process.process_id);
    json_put_uint(json, "parent_process_id", process.parent_process_id);
    json_put_uint(json, "user_id", process.user_id);
    put_text(json, "user_name", process.user_name);
    put_text(json, "commandline", process.command_line);
    put_choice(json, "event_type", process_event_names, RTOS_PROCESS_EVENTS, process.event);
    json_put_uint(json, "hit_count", process.hit_count);
}

static void put_nothing(struct json *json, struct flatbuffer *buffer,
                        const struct rtos_event *event)
{
    (void)json;
    (void)buffer;
    (void)event;
}

static void put_payload(struct json *json, struct flatbuffer *buffer,
                        const struct rtos_event *event)
{
    static void (*const writers[RTOS_PAYLOADS])(struct json *, struct flatbuffer *,
                                                const struct rtos_event *) = {
        [RTOS_NETWORK_ACTIVITY] = put_activities,
        [RTOS_SYSTEM_INFORMATION] = put_system,
        [RTOS_LISTENING_PORTS] = put_listeners,
        [RTOS_HEARTBEAT] = put_nothing,
        [RTOS_PROCESS] = put_process,
    };
    bool is_read = event->payload < RTOS_PAYLOADS && writers[event->payload] != NULL;

    if (rtos_payload_name(event->payload) == NULL) {
        json_put_uint(json, "payload_type", event->payload);
    } else {
        json_put_text(json, "payload_type", rtos_payload_name(event->payload));
    }
    if (!is_read) { /* passed over by reports, too */
        json_put_null(json, "payload");
        return;
    }
    json_open_object(json, "payload");
    writers[event->payload](json, buffer, event);
    json_close_object(json);
}

void rtos_module_write_json(struct json *json, const char *key, const uint8_t *bytes, size_t length)
{
    struct flatbuffer buffer;
    struct rtos_message message;
    struct rtos_event event;

    flatbuffer_init(&buffer, bytes, length);
    if (!rtos_open(&buffer, &message)) {
        json_put_null(json, key);
        return;
    }
    json_open_object(json, key);
    put_text(json, "security_module_id", message.module_id);
    json_put_uint(json, "security_module_version", message.module_version);
    json_put_int(json, "timezone", message.timezone);
    json_open_array(json, "events");
    for (size_t i = 0; i < message.events.count && rtos_read_event(&buffer, &message, i, &event);
         i++) {
        json_open_object(json, NULL);
        json_put_hex(json, "id", event.id, RTOS_EVENT_ID_BYTES);
        json_put_uint(json, "time", event.time_s);
        json_put_uint(json, "collection_interval", event.interval_s);
        put_payload(json, &buffer, &event);
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}
