/* SPDX-License-Identifier: MIT */
#include "ingest/broker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ingest/door.h"
#include "ingest/identity.h"
#include "ingest/ingest.h"
#include "ingest/mqtt_topic.h"
#include "model/device.h"
#include "net/mqtt_subscriber.h"
#include "picket/acknowledgement.h"
#include "pipeline/downlink.h"

#define OWN_TOPIC_MAX (DEVICE_ID_MAX + 32u)
#define SOURCE        "a broker"

struct ingest_broker {
    struct ingest_door *door;
    struct mqtt_subscriber *subscriber;
};

/* A message between its submission and its commit. */
struct pending {
    struct ingest_broker *broker;
    char device[DEVICE_ID_MAX + 1];
};

static void tell(struct ingest_broker *broker, const char *device, const char *what,
                 const void *bytes, size_t length)
{
    char topic[OWN_TOPIC_MAX];

    (void)snprintf(topic, sizeof(topic), "picket/%s/%s", device, what);
    mqtt_subscriber_publish(broker->subscriber, topic, bytes, length);
}

static void tell_boot(struct ingest_broker *broker, const char *device, const struct boot *boot)
{
    const struct picket_acknowledgement acknowledgement = {.boot = boot->id,
                                                           .sequence = boot_settled(boot),
                                                           .highest = boot->highest,
                                                           .window = boot->window};
    uint8_t bytes[PICKET_ACKNOWLEDGEMENT_BYTES_MAX];
    size_t length = 0;

    if (picket_acknowledgement_put(&acknowledgement, bytes, sizeof(bytes), &length) == PICKET_OK) {
        tell(broker, device, "acknowledged", bytes, length);
    }
}

/* Context: the worker's thread, after the commit. */
static void finish(void *context, const struct pipeline_outcome *outcome)
{
    struct pending *pending = context;
    const struct downlink_settings *settings = outcome->settings;

    if (settings != NULL) { /* before the word that ends the device's waiting */
        tell(pending->broker, pending->device, "settings", settings->envelope,
             settings->envelope_length);
    }
    if (outcome->status != PICKET_OK) {
        ingest_count_refusal(pending->broker->door, REFUSED_BUSY);
    } else if (outcome->boot != NULL) {
        tell_boot(pending->broker, pending->device, outcome->boot);
    }
    free(pending);
}

static void refuse(struct ingest_broker *broker, const struct ingest_message *message,
                   enum picket_status status, const char *reason)
{
    bool is_passing = status == PICKET_E_FULL || status == PICKET_E_NOMEM;
    enum refused_cause cause = is_passing                   ? REFUSED_BUSY
                               : status == PICKET_E_VERSION ? REFUSED_NEWER
                               : status == PICKET_E_LIMIT   ? REFUSED_TOO_LARGE
                                                            : REFUSED_MALFORMED;

    ingest_count_refusal(broker->door, cause);
    if (!is_passing) {
        identity_note_refused(broker->door->identity, message->device, cause, reason, SOURCE,
                              message->received_us);
        tell(broker, message->device, "refused", reason, strlen(reason));
    }
}

static void submit(struct ingest_broker *broker, const struct ingest_message *message)
{
    struct pending *pending = calloc(1, sizeof(*pending));
    enum picket_status status = PICKET_E_NOMEM;
    struct err err = {""};
    uint32_t sequence = 0;

    if (pending != NULL) {
        pending->broker = broker;
        memcpy(pending->device, message->device, strlen(message->device) + 1);
        status = ingest_submit(broker->door, message, finish, pending, &sequence, &err);
    }
    if (status != PICKET_OK) {
        free(pending);
        refuse(broker, message, status, err.text);
    }
}

/* True if the device may send it now. One that may not is told nothing: it has the message still.
 */
static bool is_let_in(struct ingest_door *door, const struct ingest_message *message)
{
    struct identity_pass pass;

    if (identity_check_vouched(door->identity, message->device, SOURCE, message->received_us,
                               &pass) != IDENTITY_GOOD) {
        ingest_count_refusal(door, REFUSED_UNAUTHORIZED);
        return false;
    }
    if (!identity_allows(door->identity, &pass, SOURCE, message->received_us)) {
        ingest_count_refusal(door, REFUSED_OVER_ALLOWANCE);
        return false;
    }
    return true;
}

void ingest_broker_take(void *context, const char *topic, const uint8_t *bytes, size_t length)
{
    struct ingest_broker *broker = context;
    struct ingest_door *door = broker->door;
    const struct mqtt_text text = {topic, strlen(topic)};
    struct ingest_topic read;
    struct ingest_message message = {.device = read.device,
                                     .bytes = bytes,
                                     .length = length,
                                     .received_us = door->now_us(door->now_context)};

    if (!ingest_topic_read(&text, &read) || !device_id_valid(read.device)) {
        ingest_count_refusal(door, REFUSED_FOREIGN_TOPIC);
        identity_note_unknown(door->identity, topic, SOURCE, message.received_us);
        return;
    }
    if (!is_let_in(door, &message)) {
        return;
    }
    if (length > INGEST_MESSAGE_BYTES_MAX) {
        refuse(broker, &message, PICKET_E_LIMIT,
               "the message is too large: allowed are 262144 bytes");
        return;
    }
    message.content_type = read.content_type;
    message.properties = read.properties[0] == '\0' ? NULL : read.properties;
    submit(broker, &message);
}

const char *const *ingest_broker_filters(void)
{
    static const char *const filters[] = {"picket/+/reports",
                                          "devices/+/messages/events/#",
                                          "devices/+/modules/+/messages/events/#",
                                          "$aws/things/+/defender/metrics/json",
                                          "$aws/things/+/defender/metrics/cbor",
                                          NULL};

    return filters;
}

struct ingest_broker *ingest_broker_new(struct ingest_door *door)
{
    struct ingest_broker *broker = calloc(1, sizeof(*broker));

    if (broker != NULL) {
        broker->door = door;
    }
    return broker;
}

void ingest_broker_attach(struct ingest_broker *broker, struct mqtt_subscriber *subscriber)
{
    broker->subscriber = subscriber;
}

void ingest_broker_free(struct ingest_broker *broker)
{
    free(broker);
}
