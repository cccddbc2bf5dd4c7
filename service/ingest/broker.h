/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_BROKER_H
#define SERVICE_INGEST_BROKER_H

#include <stddef.h>
#include <stdint.h>

/**
 * Reports that come through a broker (spec/mqtt.md): which device a message is of, its topic says,
 * and the broker is trusted with that.
 *
 * What the broker acknowledges to a device is worth nothing here, and what the service acknowledges
 * to the broker neither: when a report is committed, the device is told of it on its own topic. A
 * message for which there is no room now is dropped, and so not acknowledged: the device has it
 * still, and sends it again.
 *
 * Life: new, a subscriber with its filters and ingest_broker_take(), attach, start the subscriber;
 * and quiesce that, pipeline_free(), free the subscriber, free this.
 */
struct ingest_broker;
struct ingest_door;
struct mqtt_subscriber;

/** @p door is borrowed. NULL if memory is out. */
struct ingest_broker *ingest_broker_new(struct ingest_door *door);
/** NULL is allowed. */
void ingest_broker_free(struct ingest_broker *broker);
/** @p subscriber is borrowed. */
void ingest_broker_attach(struct ingest_broker *broker, struct mqtt_subscriber *subscriber);
/** To be subscribed to; NULL-terminated. */
const char *const *ingest_broker_filters(void);
/** A mqtt_message_fn, with a struct ingest_broker as context. */
void ingest_broker_take(void *context, const char *topic, const uint8_t *bytes, size_t length);

#endif
