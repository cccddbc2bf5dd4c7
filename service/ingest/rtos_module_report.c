/* SPDX-License-Identifier: MIT */
/* A message of the retired RTOS module as a report. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/time.h"
#include "ingest/legacy.h"
#include "ingest/rtos_module.h"

#define INTERVAL_S_MAX 86400u /* no collector waits longer; a report of ours neither */

#define ACTIVITY_UNKNOWN                                                                           \
    (FLOW_CONNECTIONS_UNKNOWN | FLOW_PACKETS_UNKNOWN | FLOW_IP_HEADERS_UNKNOWN |                   \
     FLOW_OUTCOME_UNKNOWN | FLOW_TIMES_UNKNOWN)

/** A message on its way. */
struct reading {
    struct legacy legacy;
    struct flatbuffer buffer;
    struct rtos_message message;
    struct rtos_event event; /* under way */
    int64_t first_us;        /* of it */
    int64_t last_us;
};

static const uint8_t protocols[RTOS_PROTOCOLS] = {
    [RTOS_TCP] = PROTOCOL_TCP, [RTOS_UDP] = PROTOCOL_UDP, [RTOS_ICMP] = PROTOCOL_ICMP};

/** Counts what a later schema has a number for and this one no name. */
static void pass_over_number(struct legacy *legacy, const char *what, unsigned number)
{
    char name[32];
    int length = snprintf(name, sizeof(name), "%s %u", what, number);

    legacy_pass_over(legacy, (struct picket_text){name, (size_t)length}, 1);
}

static void add_activity(struct reading *reading, const struct rtos_activity *activity)
{
    struct address remote = address_from_bytes(activity->remote, activity->address_size);
    struct flow *flow;

    if (activity->protocol >= RTOS_PROTOCOLS) {
        pass_over_number(&reading->legacy, "Protocol", activity->protocol);
        return;
    }
    flow = legacy_add_flow(&reading->legacy, remote, ACTIVITY_UNKNOWN);
    flow->protocol = activity->protocol == RTOS_ICMP && activity->address_size == 16
                         ? PROTOCOL_ICMPV6
                         : protocols[activity->protocol];
    flow->has_local = true;
    flow->local = address_from_bytes(activity->local, activity->address_size);
    if (activity->protocol != RTOS_ICMP) {
        flow->peer_port = activity->remote_port;
        flow->local_port = activity->local_port;
    }
    flow->bytes_in = activity->bytes_in;
    flow->bytes_out = activity->bytes_out;
    flow->first_us = reading->first_us;
    flow->last_us = reading->last_us;
}

static void read_activities(struct reading *reading)
{
    struct flatbuffer_vector activities;
    struct rtos_activity activity;

    for (enum rtos_family family = RTOS_IPV4; family < RTOS_FAMILIES; family++) {
        if (!rtos_open_activities(&reading->buffer, &reading->event, family, &activities)) {
            continue;
        }
        for (size_t i = 0; i < activities.count &&
                           rtos_read_activity(&reading->buffer, &activities, family, i, &activity);
             i++) {
            add_activity(reading, &activity);
        }
    }
}

static void read_system(struct reading *reading)
{
    struct picket_report_head *head = &reading->legacy.report->head;
    struct legacy *legacy = &reading->legacy;
    const struct rtos_message *message = &reading->message;
    struct rtos_system system;
    char version[PICKET_TEXT_MAX + 1];
    int length = snprintf(version, sizeof(version), "%.*s %u.%u.%u",
                          (int)(message->module_id.length < 40 ? message->module_id.length : 40),
                          message->module_id.bytes, (unsigned)(message->module_version >> 24),
                          (unsigned)(message->module_version >> 16 & 0xffu),
                          (unsigned)(message->module_version & 0xffffu));

    rtos_read_system(&reading->buffer, &reading->event, &system);
    head->has_system = true;
    head->system.os = legacy_text(legacy, system.os);
    head->system.stack = legacy_text(legacy, system.kernel);
    head->system.hardware = legacy_text(legacy, system.hardware);
    head->system.module_version =
        legacy_text(legacy, (struct picket_text){version, (size_t)length});
}

static void add_listener(struct reading *reading, const struct rtos_listener *listener)
{
    struct picket_listener_record *record;

    if (listener->protocol != RTOS_TCP && listener->protocol != RTOS_UDP) {
        pass_over_number(&reading->legacy, "Protocol", listener->protocol);
        return;
    }
    record = legacy_add(&reading->legacy, LEGACY_LISTENERS);
    record->protocol = protocols[listener->protocol];
    record->port = listener->port;
    for (size_t i = 0; i < listener->address_size; i++) {
        if (listener->address[i] != 0) { /* else it listens on every address */
            record->address_size = (uint8_t)listener->address_size;
        }
    }
    memcpy(record->address, listener->address, record->address_size);
}

static void read_listeners(struct reading *reading)
{
    struct flatbuffer_vector listeners;
    struct rtos_listener listener;

    for (enum rtos_family family = RTOS_IPV4; family < RTOS_FAMILIES; family++) {
        if (!rtos_open_listeners(&reading->buffer, &reading->event, family, &listeners)) {
            continue;
        }
        for (size_t i = 0; i < listeners.count; i++) {
            rtos_read_listener(&reading->buffer, &listeners, family, i, &listener);
            add_listener(reading, &listener);
        }
    }
}

static void read_heartbeat(struct reading *reading)
{
    struct picket_report_head *head = &reading->legacy.report->head;
    uint32_t interval_s = reading->event.interval_s;

    head->has_heartbeat = true;
    head->heartbeat.interval_ms =
        1000 * (interval_s < INTERVAL_S_MAX ? interval_s : INTERVAL_S_MAX);
}

static void read_process(struct reading *reading)
{
    static const char *const names[RTOS_PROCESS_EVENTS] = {
        [RTOS_FORK] = "process_forked",
        [RTOS_EXEC] = "process_executed",
        [RTOS_EXIT] = "process_exited",
    };
    struct rtos_process process;

    rtos_read_process(&reading->buffer, &reading->event, &process);
    if (process.event < RTOS_PROCESS_EVENTS) {
        legacy_add_event(&reading->legacy, names[process.event], process.executable,
                         process.hit_count, reading->last_us);
    } else {
        pass_over_number(&reading->legacy, "ProcessEventType", process.event);
    }
}

static void read_event(struct reading *reading)
{
    static void (*const readers[RTOS_PAYLOADS])(struct reading *) = {
        [RTOS_NETWORK_ACTIVITY] = read_activities,
        [RTOS_SYSTEM_INFORMATION] = read_system,
        [RTOS_LISTENING_PORTS] = read_listeners,
        [RTOS_HEARTBEAT] = read_heartbeat,
        [RTOS_PROCESS] = read_process,
    };
    const struct rtos_event *event = &reading->event;
    uint32_t interval_s = event->interval_s < INTERVAL_S_MAX ? event->interval_s : INTERVAL_S_MAX;
    const char *name = rtos_payload_name(event->payload);

    reading->last_us = (int64_t)event->time_s * TIME_US_PER_S;
    reading->first_us = reading->last_us - (int64_t)interval_s * TIME_US_PER_S;
    legacy_note_time(&reading->legacy, reading->first_us, reading->last_us);
    if (event->payload < RTOS_PAYLOADS && readers[event->payload] != NULL) {
        readers[event->payload](reading);
    } else if (name != NULL) {
        legacy_pass_over(&reading->legacy, (struct picket_text){name, strlen(name)}, 1);
    } else {
        pass_over_number(&reading->legacy, "Payload", event->payload);
    }
}

enum picket_status rtos_module_decode(const struct ingest_message *message, struct report **ret,
                                      struct err *reterr)
{
    struct reading reading;
    struct flatbuffer *buffer = &reading.buffer;
    enum picket_status status = legacy_begin(&reading.legacy, message, INGEST_RTOS_MODULE, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    flatbuffer_init(buffer, reading.legacy.bytes, reading.legacy.length);
    if (rtos_open(buffer, &reading.message)) {
        for (size_t i = 0; i < reading.message.events.count &&
                           rtos_read_event(buffer, &reading.message, i, &reading.event);
             i++) {
            read_event(&reading);
        }
    }
    if (buffer->fault != NULL) {
        err_set(reterr, "byte %zu: %s", buffer->fault_offset, buffer->fault);
        legacy_drop(&reading.legacy);
        return PICKET_E_MALFORMED;
    }
    return legacy_finish(&reading.legacy, ret, reterr);
}
