/* SPDX-License-Identifier: MIT */
#ifndef CLI_DEVICE_MQTT_H
#define CLI_DEVICE_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/mqtt_packet.h"

/**
 * What a device says in MQTT, and what it hears (spec/mqtt.md): bytes out, bytes in. It keeps
 * nothing between two calls; one report is under way at a time.
 */
struct buf;
struct err;

struct device_mqtt {
    const char *id;
    const char *key; /* NULL: its certificate tells who it is */
    bool is_broker;  /* what a broker acknowledges is worth nothing: the service's word counts */
    bool hears_more; /* of refusals and settings, too */
    uint32_t boot;   /* of the report that is under way */
    uint32_t sequence;
};

enum device_mqtt_word {
    DEVICE_MQTT_NOTHING, /* that matters */
    DEVICE_MQTT_WELCOME, /* reports may be sent now */
    DEVICE_MQTT_TAKEN,   /* the report is stored */
    DEVICE_MQTT_REFUSED, /* the report is, for good; why, is in the payload */
    DEVICE_MQTT_SETTINGS,
    DEVICE_MQTT_BROKEN /* the connection is of no use; why, is told */
};

/** What a connection begins with. */
void device_mqtt_greet(const struct device_mqtt *device, struct buf *out);
void device_mqtt_put(const struct device_mqtt *device, const uint8_t *report, size_t length,
                     struct buf *out);

#define DEVICE_MQTT_PACKET_MAX ((size_t)128 * 1024)

/** The first packet in @p bytes; *ret_used is 0 if more must come. *ret_payload points into @p
 * bytes. */
enum device_mqtt_word device_mqtt_take(const struct device_mqtt *device, const uint8_t *bytes,
                                       size_t length, size_t *ret_used,
                                       struct mqtt_bytes *ret_payload, struct err *reterr);

#endif
