/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_MQTT_SUBSCRIBER_H
#define SERVICE_NET_MQTT_SUBSCRIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * A client of an MQTT 3.1.1 broker, over libmosquitto; knows nothing about devices.
 *
 * Its session is kept by the broker while it is away. A connection that is lost is tried again,
 * later and later up to half a minute, for ever, and everything is subscribed to anew.
 *
 * The library acknowledges a message *before* it hands it over: a message that was handed over and
 * is lost by the process does not come again. Who must not lose any acknowledges by a message of
 * its own (spec/mqtt.md), and whoever sends keeps it until then.
 *
 * Threads: one of its own, which calls on_message(); everything else from any thread.
 */
struct err;
struct mqtt_subscriber;

/** Called for each message; everything is borrowed for the call. Must not block. */
typedef void mqtt_message_fn(void *context, const char *topic, const uint8_t *bytes, size_t length);

struct mqtt_subscriber_config {
    const char *url; /* mqtt://HOST:PORT or mqtts://HOST:PORT */
    const char *id;
    const char *user; /* NULL: none */
    const char *password;
    const char *authority; /* paths, PEM; NULL: the system's */
    const char *certificate;
    const char *key;
    const char *const *filters; /* with QoS 1; at most 8, NULL-terminated, borrowed */
    mqtt_message_fn *on_message;
    void *context;
    int64_t (*now_us)(void *context);
};

struct mqtt_subscriber_state {
    bool is_connected;
    int64_t since_us; /* is or is not; 0: since the start */
    uint64_t connections;
    uint64_t messages;    /* that came */
    uint64_t left_unsaid; /* that were to go out when too many waited, or nobody listened */
    char error[128];      /* why a connection was lost, or nothing is heard; "" if neither was */
};

/** Errors: PICKET_E_ARG for a URL that is none, PICKET_E_IO for a file that can't be used, with a
 * sentence. A broker that can't be reached is no error: that is tried for ever. */
PICKET_MUST_CHECK enum picket_status
mqtt_subscriber_new(const struct mqtt_subscriber_config *config, struct mqtt_subscriber **ret,
                    struct err *reterr);
PICKET_MUST_CHECK enum picket_status mqtt_subscriber_start(struct mqtt_subscriber *subscriber,
                                                           struct err *reterr);
/** No message is handed over after it returns; some may still be published. */
void mqtt_subscriber_quiesce(struct mqtt_subscriber *subscriber);
/** NULL is allowed. */
void mqtt_subscriber_free(struct mqtt_subscriber *subscriber);

/** Publishes with QoS 0, or not at all if that would have to wait for long. */
void mqtt_subscriber_publish(struct mqtt_subscriber *subscriber, const char *topic,
                             const void *bytes, size_t length);
void mqtt_subscriber_get_state(struct mqtt_subscriber *subscriber,
                               struct mqtt_subscriber_state *ret);

#endif
