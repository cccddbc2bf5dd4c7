/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_MQTT_H
#define SERVICE_INGEST_MQTT_H

#include <stddef.h>

/**
 * The MQTT door (spec/mqtt.md): who a client is, what its topics mean, and what it is told.
 *
 * Its handlers run on the listener's thread. Order of life: ingest_mqtt_new(), mqtt_server_new()
 * with its handlers, ingest_mqtt_attach(), mqtt_server_start(); and mqtt_server_quiesce(),
 * pipeline_free(), mqtt_server_free(), ingest_mqtt_free().
 */
struct ingest_door;
struct ingest_mqtt;
struct mqtt_handlers;
struct mqtt_server;

/** @p door is borrowed. NULL if memory is out. */
struct ingest_mqtt *ingest_mqtt_new(struct ingest_door *door);
/** NULL is allowed. */
void ingest_mqtt_free(struct ingest_mqtt *mqtt);
/** To be given a struct ingest_mqtt as context. */
const struct mqtt_handlers *ingest_mqtt_handlers(void);
/** @p server is borrowed. */
void ingest_mqtt_attach(struct ingest_mqtt *mqtt, struct mqtt_server *server);

/** What a packet may have: larger ones end the connection, while a message larger than a report is
 * refused with a sentence. */
#define INGEST_MQTT_PACKET_BYTES_MAX 131072u

#endif
