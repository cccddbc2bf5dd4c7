/* SPDX-License-Identifier: MIT */
#include "ingest/rtos_module.h"

/* Fields of the tables, and sizes of the structs, by the schema. */
enum { MESSAGE_MODULE_ID, MESSAGE_MODULE_VERSION, MESSAGE_TIMEZONE, MESSAGE_EVENTS };
enum { EVENT_ID, EVENT_TIME, EVENT_INTERVAL, EVENT_PAYLOAD_TYPE, EVENT_PAYLOAD };
enum { ACTIVITY_ADDRESSES, ACTIVITY_COMMON };
enum {
    COMMON_LOCAL_PORT,
    COMMON_REMOTE_PORT,
    COMMON_BYTES_IN,
    COMMON_BYTES_OUT,
    COMMON_PROTOCOL,
    COMMON_PROCESS_ID,
    COMMON_USER_ID,
    COMMON_EXECUTABLE,
    COMMON_COMMAND_LINE
};
enum { SYSTEM_OS, SYSTEM_KERNEL, SYSTEM_HARDWARE };
enum {
    PROCESS_EXECUTABLE,
    PROCESS_ID,
    PROCESS_PARENT_ID,
    PROCESS_USER_ID,
    PROCESS_USER_NAME,
    PROCESS_COMMAND_LINE,
    PROCESS_EVENT,
    PROCESS_HIT_COUNT
};

/* A port, a protocol and a byte of padding stand behind the address. */
#define LISTENER_COMMON_BYTES    4u
#define LISTENER_PROTOCOL_OFFSET 2u

static const size_t address_sizes[RTOS_FAMILIES] = {[RTOS_IPV4] = 4, [RTOS_IPV6] = 16};

static const char *const payload_names[RTOS_PAYLOADS] = {
    [RTOS_NONE] = "NONE",
    [RTOS_NETWORK_ACTIVITY] = "NetworkActivity",
    [RTOS_SYSTEM_INFORMATION] = "SystemInformation",
    [RTOS_LISTENING_PORTS] = "ListeningPorts",
    [RTOS_HEARTBEAT] = "Heartbeat",
    [RTOS_BASELINE] = "Baseline",
    [RTOS_PROCESS] = "Process",
    [RTOS_LOG] = "Log",
};

const char *rtos_payload_name(uint8_t payload)
{
    return payload < RTOS_PAYLOADS ? payload_names[payload] : NULL;
}

/** True if what a table must have is there. */
static bool require(struct flatbuffer *buffer, const struct flatbuffer_table *table, bool is_there,
                    const char *fault)
{
    if (!is_there) {
        flatbuffer_fail(buffer, table->start, fault);
    }
    return buffer->fault == NULL;
}

bool rtos_open(struct flatbuffer *buffer, struct rtos_message *ret)
{
    struct flatbuffer_table root;
    bool has_events;

    if (!flatbuffer_open_root(buffer, &root)) {
        return false;
    }
    ret->module_id = flatbuffer_get_string(buffer, &root, MESSAGE_MODULE_ID);
    ret->module_version =
        (uint32_t)flatbuffer_get_uint(buffer, &root, MESSAGE_MODULE_VERSION, 4, 0);
    ret->timezone = (int8_t)(uint8_t)flatbuffer_get_uint(buffer, &root, MESSAGE_TIMEZONE, 1, 0);
    has_events =
        flatbuffer_open_vector(buffer, &root, MESSAGE_EVENTS, FLATBUFFER_TABLE_ITEM, &ret->events);
    return require(buffer, &root, ret->module_id.bytes != NULL,
                   "the message has no security_module_id") &&
           require(buffer, &root, has_events, "the message has no events");
}

bool rtos_read_event(struct flatbuffer *buffer, const struct rtos_message *message, size_t number,
                     struct rtos_event *ret)
{
    struct flatbuffer_table table;
    bool has_body;

    if (!flatbuffer_open_item(buffer, &message->events, number, &table)) {
        return false;
    }
    ret->id = flatbuffer_get_struct(buffer, &table, EVENT_ID, RTOS_EVENT_ID_BYTES);
    ret->time_s = (uint32_t)flatbuffer_get_uint(buffer, &table, EVENT_TIME, 4, 0);
    ret->interval_s = (uint32_t)flatbuffer_get_uint(buffer, &table, EVENT_INTERVAL, 4, 0);
    ret->payload = (uint8_t)flatbuffer_get_uint(buffer, &table, EVENT_PAYLOAD_TYPE, 1, RTOS_NONE);
    has_body = flatbuffer_open_table(buffer, &table, EVENT_PAYLOAD, &ret->body);
    return require(buffer, &table, ret->id != NULL, "an event has no id") &&
           require(buffer, &table, has_body && ret->payload != RTOS_NONE,
                   "an event has no payload");
}

bool rtos_open_activities(struct flatbuffer *buffer, const struct rtos_event *event,
                          enum rtos_family family, struct flatbuffer_vector *ret)
{
    return flatbuffer_open_vector(buffer, &event->body, family, FLATBUFFER_TABLE_ITEM, ret);
}

static void read_common(struct flatbuffer *buffer, const struct flatbuffer_table *common,
                        struct rtos_activity *ret)
{
    ret->local_port = (uint16_t)flatbuffer_get_uint(buffer, common, COMMON_LOCAL_PORT, 2, 0);
    ret->remote_port = (uint16_t)flatbuffer_get_uint(buffer, common, COMMON_REMOTE_PORT, 2, 0);
    ret->bytes_in = (uint32_t)flatbuffer_get_uint(buffer, common, COMMON_BYTES_IN, 4, 0);
    ret->bytes_out = (uint32_t)flatbuffer_get_uint(buffer, common, COMMON_BYTES_OUT, 4, 0);
    ret->protocol = (uint8_t)flatbuffer_get_uint(buffer, common, COMMON_PROTOCOL, 1, RTOS_TCP);
    ret->process_id = (uint16_t)flatbuffer_get_uint(buffer, common, COMMON_PROCESS_ID, 2, 0);
    ret->user_id = (uint16_t)flatbuffer_get_uint(buffer, common, COMMON_USER_ID, 2, 0);
    ret->executable = flatbuffer_get_string(buffer, common, COMMON_EXECUTABLE);
    ret->command_line = flatbuffer_get_string(buffer, common, COMMON_COMMAND_LINE);
}

bool rtos_read_activity(struct flatbuffer *buffer, const struct flatbuffer_vector *activities,
                        enum rtos_family family, size_t number, struct rtos_activity *ret)
{
    size_t size = address_sizes[family];
    struct flatbuffer_table table, common;
    const uint8_t *addresses;

    if (!flatbuffer_open_item(buffer, activities, number, &table)) {
        return false;
    }
    addresses = flatbuffer_get_struct(buffer, &table, ACTIVITY_ADDRESSES, 2 * size);
    if (!require(buffer, &table, addresses != NULL, "an activity has no addresses") ||
        !require(buffer, &table, flatbuffer_open_table(buffer, &table, ACTIVITY_COMMON, &common),
                 "an activity has no common part")) {
        return false;
    }
    *ret = (struct rtos_activity){
        .local = addresses, .remote = addresses + size, .address_size = size};
    read_common(buffer, &common, ret);
    return buffer->fault == NULL;
}

bool rtos_open_listeners(struct flatbuffer *buffer, const struct rtos_event *event,
                         enum rtos_family family, struct flatbuffer_vector *ret)
{
    return flatbuffer_open_vector(buffer, &event->body, family,
                                  address_sizes[family] + LISTENER_COMMON_BYTES, ret);
}

void rtos_read_listener(const struct flatbuffer *buffer, const struct flatbuffer_vector *listeners,
                        enum rtos_family family, size_t number, struct rtos_listener *ret)
{
    const uint8_t *item = flatbuffer_get_item(buffer, listeners, number);
    const uint8_t *common = item + address_sizes[family];

    *ret = (struct rtos_listener){
        .address = item,
        .address_size = address_sizes[family],
        .port = (uint16_t)flatbuffer_load(common, 2),
        .protocol = common[LISTENER_PROTOCOL_OFFSET],
    };
}

void rtos_read_system(struct flatbuffer *buffer, const struct rtos_event *event,
                      struct rtos_system *ret)
{
    ret->os = flatbuffer_get_string(buffer, &event->body, SYSTEM_OS);
    ret->kernel = flatbuffer_get_string(buffer, &event->body, SYSTEM_KERNEL);
    ret->hardware = flatbuffer_get_string(buffer, &event->body, SYSTEM_HARDWARE);
}

void rtos_read_process(struct flatbuffer *buffer, const struct rtos_event *event,
                       struct rtos_process *ret)
{
    const struct flatbuffer_table *body = &event->body;

    ret->executable = flatbuffer_get_string(buffer, body, PROCESS_EXECUTABLE);
    ret->process_id = (uint32_t)flatbuffer_get_uint(buffer, body, PROCESS_ID, 4, 0);
    ret->parent_process_id = (uint32_t)flatbuffer_get_uint(buffer, body, PROCESS_PARENT_ID, 4, 0);
    ret->user_id = (uint32_t)flatbuffer_get_uint(buffer, body, PROCESS_USER_ID, 4, 0);
    ret->user_name = flatbuffer_get_string(buffer, body, PROCESS_USER_NAME);
    ret->command_line = flatbuffer_get_string(buffer, body, PROCESS_COMMAND_LINE);
    ret->event = (uint8_t)flatbuffer_get_uint(buffer, body, PROCESS_EVENT, 1, RTOS_FORK);
    ret->hit_count = (uint32_t)flatbuffer_get_uint(buffer, body, PROCESS_HIT_COUNT, 4, 1);
}
