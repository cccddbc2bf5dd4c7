/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_RTOS_MODULE_H
#define SERVICE_INGEST_RTOS_MODULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/flatbuffer.h"

/**
 * Messages of the retired RTOS module: FlatBuffers, schema 2.3 (docs/legacy.md); private to ingest.
 *
 * A cursor over a message, for who makes a report or JSON of it. Each call answers false when
 * there is nothing, or after a failure, which sticks (`fault` of the buffer).
 */
struct json;

enum rtos_payload {
    RTOS_NONE,
    RTOS_NETWORK_ACTIVITY,
    RTOS_SYSTEM_INFORMATION,
    RTOS_LISTENING_PORTS,
    RTOS_HEARTBEAT,
    RTOS_BASELINE,
    RTOS_PROCESS,
    RTOS_LOG,
    RTOS_PAYLOADS
};

enum rtos_protocol { RTOS_TCP, RTOS_UDP, RTOS_ICMP, RTOS_PROTOCOLS };

/** The two vectors of activities and of listening ports. */
enum rtos_family { RTOS_IPV4, RTOS_IPV6, RTOS_FAMILIES };

struct rtos_message {
    struct picket_text module_id;
    uint32_t module_version; /* major, minor, patch in the bytes from the highest */
    int8_t timezone;         /* hours */
    struct flatbuffer_vector events;
};

#define RTOS_EVENT_ID_BYTES 16u

struct rtos_event {
    const uint8_t *id;
    uint32_t time_s; /* of the collection, since 1970; 0 if the device has no clock */
    uint32_t interval_s;
    uint8_t payload; /* of enum rtos_payload, or of a later schema */
    struct flatbuffer_table body;
};

struct rtos_activity {
    const uint8_t *local; /* address_size bytes, in network order */
    const uint8_t *remote;
    size_t address_size;
    uint16_t local_port;
    uint16_t remote_port;
    uint32_t bytes_in; /* IP payload: without IP headers */
    uint32_t bytes_out;
    uint8_t protocol; /* of enum rtos_protocol, or of a later schema */
    uint16_t process_id;
    uint16_t user_id;
    struct picket_text executable; /* a text that is absent has no bytes */
    struct picket_text command_line;
};

struct rtos_system {
    struct picket_text os;
    struct picket_text kernel;
    struct picket_text hardware;
};

struct rtos_listener {
    const uint8_t *address;
    size_t address_size;
    uint16_t port;
    uint8_t protocol;
};

enum rtos_process_event { RTOS_FORK, RTOS_EXEC, RTOS_EXIT, RTOS_PROCESS_EVENTS };

struct rtos_process {
    struct picket_text executable;
    uint32_t process_id;
    uint32_t parent_process_id;
    uint32_t user_id;
    struct picket_text user_name;
    struct picket_text command_line;
    uint8_t event; /* of enum rtos_process_event, or of a later schema */
    uint32_t hit_count;
};

bool rtos_open(struct flatbuffer *buffer, struct rtos_message *ret);
bool rtos_read_event(struct flatbuffer *buffer, const struct rtos_message *message, size_t number,
                     struct rtos_event *ret);

bool rtos_open_activities(struct flatbuffer *buffer, const struct rtos_event *event,
                          enum rtos_family family, struct flatbuffer_vector *ret);
bool rtos_read_activity(struct flatbuffer *buffer, const struct flatbuffer_vector *activities,
                        enum rtos_family family, size_t number, struct rtos_activity *ret);
bool rtos_open_listeners(struct flatbuffer *buffer, const struct rtos_event *event,
                         enum rtos_family family, struct flatbuffer_vector *ret);
void rtos_read_listener(const struct flatbuffer *buffer, const struct flatbuffer_vector *listeners,
                        enum rtos_family family, size_t number, struct rtos_listener *ret);
void rtos_read_system(struct flatbuffer *buffer, const struct rtos_event *event,
                      struct rtos_system *ret);
void rtos_read_process(struct flatbuffer *buffer, const struct rtos_event *event,
                       struct rtos_process *ret);

/** "NetworkActivity", …; NULL for one of a later schema. */
const char *rtos_payload_name(uint8_t payload);

/** A message that rtos_module_decode() takes, in the words of its schema. */
void rtos_module_write_json(struct json *json, const char *key, const uint8_t *bytes,
                            size_t length);

#endif
