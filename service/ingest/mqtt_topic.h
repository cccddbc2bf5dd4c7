/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_MQTT_TOPIC_H
#define SERVICE_INGEST_MQTT_TOPIC_H

#include <stdbool.h>

#include "model/report.h"
#include "net/mqtt_packet.h"

/** What topics mean (spec/mqtt.md). Private to ingest. */

#define INGEST_PROPERTIES_MAX 1024u /* bytes, NUL included; more are not looked at */

/** A topic that messages of devices come on. */
struct ingest_topic {
    char device[DEVICE_ID_MAX + 1];
    const char *content_type;               /* that the topic stands for, or NULL */
    char properties[INGEST_PROPERTIES_MAX]; /* "" if there are none */
};

/** False if nothing comes on it. */
bool ingest_topic_read(const struct mqtt_text *topic, struct ingest_topic *ret);
/** The device whose topics @p filter means; false if it is not those of one device alone. */
bool ingest_filter_read(const struct mqtt_text *filter, char ret_device[DEVICE_ID_MAX + 1]);

#endif
