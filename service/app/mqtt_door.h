/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_MQTT_DOOR_H
#define SERVICE_APP_MQTT_DOOR_H

#include <stdint.h>

#include "picket/status.h"

/** The MQTT door with its listener, as the configuration wants them. NULL is a door that the
 * configuration does not have, everywhere. */
struct config;
struct err;
struct ingest_door;
struct json;
struct mqtt_door;

/** Listens from then on. @p door is borrowed; *ret stays NULL without [mqtt] listen. */
PICKET_MUST_CHECK enum picket_status mqtt_door_open(const struct config *config,
                                                    struct ingest_door *door,
                                                    struct mqtt_door **ret, struct err *reterr);
/** Takes nothing more; what was taken can still be acknowledged. */
void mqtt_door_quiesce(struct mqtt_door *mqtt);
/** After the pipeline, which acknowledges. */
void mqtt_door_close(struct mqtt_door *mqtt);
/** Reads the certificate and its key anew; on failure the old ones stay. */
PICKET_MUST_CHECK enum picket_status mqtt_door_reload(struct mqtt_door *mqtt, struct err *reterr);
/** 0 if there is none. */
uint16_t mqtt_door_port(const struct mqtt_door *mqtt);
/** The listener's counts; nothing if there is none. Context: any thread. */
void mqtt_door_write_status(struct json *json, const char *key, struct mqtt_door *mqtt);

#endif
