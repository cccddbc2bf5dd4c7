/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_MQTT_TOPIC_H
#define SERVICE_NET_MQTT_TOPIC_H

struct mqtt_text;

/**
 * What texts, topic names and topic filters must look like (MQTT 3.1.1, §1.5.3 and §4.7).
 * Each returns the broken requirement and what it says, or NULL if there is no fault.
 */
const char *mqtt_text_fault(const struct mqtt_text *text);
/** Of a text without fault. */
const char *mqtt_topic_fault(const struct mqtt_text *topic);
/** Of a text without fault. */
const char *mqtt_filter_fault(const struct mqtt_text *filter);

#endif
