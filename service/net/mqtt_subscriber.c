/* SPDX-License-Identifier: MIT */
#include "net/mqtt_subscriber.h"

#include <assert.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/lock.h"

#define KEEP_ALIVE_S 30
#define PAUSE_S_MAX  30
#define TURN_MS      1000
#define UNSENT_MAX   20000 /* messages that wait to go out */
#define HOST_BYTES   256u
#define CERTIFICATES "/etc/ssl/certs"
#define FILTERS_MAX  8u
#define NOT_GRANTED  0x80

struct mqtt_subscriber {
    struct mqtt_subscriber_config config;
    struct mosquitto *session;
    char host[HOST_BYTES];
    int port;
    bool has_tls;
    int asked[FILTERS_MAX]; /* the thread's: by which packet each filter was asked for */
    pthread_t thread;
    bool is_running;
    pthread_mutex_t delivery; /* held while a message is handed over; guards is_quiet */
    bool is_quiet;
    pthread_mutex_t lock; /* guards what follows; held for a few stores */
    pthread_cond_t end;
    struct mqtt_subscriber_state state;
    int unsent;
    bool is_ending;
};

/* --- what the library tells --- */

static void note_connection(struct mqtt_subscriber *subscriber, bool is_connected,
                            const char *error)
{
    pthread_mutex_lock(&subscriber->lock);
    subscriber->state.is_connected = is_connected;
    subscriber->state.since_us = subscriber->config.now_us(subscriber->config.context);
    subscriber->state.connections += is_connected;
    subscriber->unsent = 0; /* what waited is gone with the connection */
    if (error != NULL) {
        (void)snprintf(subscriber->state.error, sizeof(subscriber->state.error), "%s", error);
    } else if (subscriber->state.connections == 1 && is_connected) {
        subscriber->state.error[0] = '\0'; /* that it was not reached yet */
    }
    pthread_mutex_unlock(&subscriber->lock);
}

/* Anew with each connection: a broker that was restarted may have forgotten. */
static void on_connect(struct mosquitto *session, void *context, int code)
{
    struct mqtt_subscriber *subscriber = context;

    if (code != 0) {
        note_connection(subscriber, false, mosquitto_connack_string(code));
        return;
    }
    note_connection(subscriber, true, NULL);
    for (size_t i = 0; subscriber->config.filters[i] != NULL; i++) {
        assert(i < FILTERS_MAX);
        (void)mosquitto_subscribe(session, &subscriber->asked[i], subscriber->config.filters[i], 1);
    }
}

/* What is not granted is not heard, though the connection is good. */
static void on_subscribe(struct mosquitto *session, void *context, int id, int count,
                         const int *granted)
{
    struct mqtt_subscriber *subscriber = context;

    (void)session;
    for (size_t i = 0; subscriber->config.filters[i] != NULL; i++) {
        if (subscriber->asked[i] == id && (count == 0 || granted[0] == NOT_GRANTED)) {
            pthread_mutex_lock(&subscriber->lock);
            (void)snprintf(subscriber->state.error, sizeof(subscriber->state.error),
                           "the broker does not let the service hear %s",
                           subscriber->config.filters[i]);
            pthread_mutex_unlock(&subscriber->lock);
        }
    }
}

static void on_disconnect(struct mosquitto *session, void *context, int code)
{
    (void)session;
    note_connection(context, false, code == 0 ? NULL : mosquitto_strerror(code));
}

static void on_publish(struct mosquitto *session, void *context, int id)
{
    struct mqtt_subscriber *subscriber = context;

    (void)session;
    (void)id;
    pthread_mutex_lock(&subscriber->lock);
    subscriber->unsent -= subscriber->unsent > 0;
    pthread_mutex_unlock(&subscriber->lock);
}

static void on_message(struct mosquitto *session, void *context,
                       const struct mosquitto_message *message)
{
    struct mqtt_subscriber *subscriber = context;
    size_t length = message->payloadlen > 0 ? (size_t)message->payloadlen : 0;

    (void)session;
    pthread_mutex_lock(&subscriber->lock);
    subscriber->state.messages++;
    pthread_mutex_unlock(&subscriber->lock);

    pthread_mutex_lock(&subscriber->delivery);
    if (!subscriber->is_quiet) {
        subscriber->config.on_message(subscriber->config.context, message->topic, message->payload,
                                      length);
    }
    pthread_mutex_unlock(&subscriber->delivery);
}

/* --- the thread --- */

static bool is_ending(struct mqtt_subscriber *subscriber)
{
    bool is_ending = false;

    pthread_mutex_lock(&subscriber->lock);
    is_ending = subscriber->is_ending;
    pthread_mutex_unlock(&subscriber->lock);
    return is_ending;
}

/* Connects and serves the connection until it is lost; true if there was one. The library's own
 * thread would give up if the very first attempt failed. */
static bool serve(struct mqtt_subscriber *subscriber)
{
    struct mosquitto *session = subscriber->session;
    struct mqtt_subscriber_state before;
    struct mqtt_subscriber_state after;
    int result = mosquitto_connect_async(session, subscriber->host, subscriber->port, KEEP_ALIVE_S);

    mqtt_subscriber_get_state(subscriber, &before);
    while (result == MOSQ_ERR_SUCCESS) {
        result = mosquitto_loop(session, TURN_MS, 1);
    }
    mqtt_subscriber_get_state(subscriber, &after);
    if (after.connections == before.connections && after.since_us == before.since_us) {
        note_connection(subscriber, false, mosquitto_strerror(result)); /* nobody told */
    }
    return after.connections > before.connections;
}

/* Until the time has come to try again, or the end. */
static void pause_s(struct mqtt_subscriber *subscriber, int seconds)
{
    const struct timespec until = lock_until_s(seconds);

    pthread_mutex_lock(&subscriber->lock);
    if (!subscriber->is_ending) {
        (void)pthread_cond_timedwait(&subscriber->end, &subscriber->lock, &until);
    }
    pthread_mutex_unlock(&subscriber->lock);
}

static void *run(void *context)
{
    struct mqtt_subscriber *subscriber = context;
    int seconds = 1;

    while (!is_ending(subscriber)) {
        seconds = serve(subscriber) ? 1 : seconds * 2;
        seconds = seconds > PAUSE_S_MAX ? PAUSE_S_MAX : seconds;
        pause_s(subscriber, seconds);
    }
    return NULL;
}

/* --- start --- */

static enum picket_status read_url(struct mqtt_subscriber *subscriber, struct err *reterr)
{
    const char *url = subscriber->config.url;
    const char *host = strstr(url, "://");
    const char *end = NULL;
    unsigned long port = 0;

    subscriber->has_tls = strncmp(url, "mqtts://", 8) == 0;
    if (host == NULL || (!subscriber->has_tls && strncmp(url, "mqtt://", 7) != 0)) {
        goto out;
    }
    host += 3;
    end = host[0] == '[' ? strchr(host, ']') : host + strcspn(host, ":/");
    host += host[0] == '[';
    if (end == NULL || end == host || (size_t)(end - host) >= sizeof(subscriber->host)) {
        goto out;
    }
    memcpy(subscriber->host, host, (size_t)(end - host));
    end += *end == ']';
    port = *end == ':' ? strtoul(end + 1, NULL, 10) : subscriber->has_tls ? 8883 : 1883;
    subscriber->port = (int)port;
out:
    if (port == 0 || port > 65535) {
        err_set(reterr, "'%s' is no address of a broker: mqtt://HOST:PORT or mqtts://HOST:PORT",
                url);
        return PICKET_E_ARG;
    }
    return PICKET_OK;
}

static enum picket_status set_up(struct mqtt_subscriber *subscriber, struct err *reterr)
{
    const struct mqtt_subscriber_config *config = &subscriber->config;
    struct mosquitto *session = subscriber->session;
    int result = MOSQ_ERR_SUCCESS;

    mosquitto_connect_callback_set(session, on_connect);
    mosquitto_disconnect_callback_set(session, on_disconnect);
    mosquitto_subscribe_callback_set(session, on_subscribe);
    mosquitto_publish_callback_set(session, on_publish);
    mosquitto_message_callback_set(session, on_message);
    (void)mosquitto_threaded_set(session, true); /* others publish */
    if (config->user != NULL) {
        result = mosquitto_username_pw_set(session, config->user, config->password);
    }
    if (result == MOSQ_ERR_SUCCESS && subscriber->has_tls) {
        result = mosquitto_tls_set(session, config->authority,
                                   config->authority == NULL ? CERTIFICATES : NULL,
                                   config->certificate, config->key, NULL);
    }
    if (result != MOSQ_ERR_SUCCESS) {
        err_set(reterr, "the broker can't be spoken to as configured: %s",
                mosquitto_strerror(result));
        return PICKET_E_IO;
    }
    return PICKET_OK;
}

enum picket_status mqtt_subscriber_new(const struct mqtt_subscriber_config *config,
                                       struct mqtt_subscriber **ret, struct err *reterr)
{
    struct mqtt_subscriber *subscriber = calloc(1, sizeof(*subscriber));
    enum picket_status status = PICKET_E_NOMEM;

    if (subscriber == NULL) {
        err_set(reterr, "out of memory");
        return status;
    }
    subscriber->config = *config;
    (void)pthread_mutex_init(&subscriber->lock, NULL);
    lock_init_condition(&subscriber->end);
    (void)pthread_mutex_init(&subscriber->delivery, NULL);
    (void)snprintf(subscriber->state.error, sizeof(subscriber->state.error), "not reached yet");
    status = read_url(subscriber, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    (void)mosquitto_lib_init();
    subscriber->session = mosquitto_new(config->id, false, subscriber);
    if (subscriber->session == NULL) {
        err_set(reterr, "out of memory for the broker's client");
        status = PICKET_E_NOMEM;
        goto out;
    }
    status = set_up(subscriber, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = subscriber;
    subscriber = NULL;
out:
    mqtt_subscriber_free(subscriber);
    return status;
}

enum picket_status mqtt_subscriber_start(struct mqtt_subscriber *subscriber, struct err *reterr)
{
    if (pthread_create(&subscriber->thread, NULL, run, subscriber) != 0) {
        err_set(reterr, "no thread can be had for the broker's client");
        return PICKET_E_NOMEM;
    }
    subscriber->is_running = true;
    return PICKET_OK;
}

void mqtt_subscriber_quiesce(struct mqtt_subscriber *subscriber)
{
    pthread_mutex_lock(&subscriber->delivery);
    subscriber->is_quiet = true;
    pthread_mutex_unlock(&subscriber->delivery);
}

void mqtt_subscriber_free(struct mqtt_subscriber *subscriber)
{
    if (subscriber == NULL) {
        return;
    }
    if (subscriber->is_running) {
        pthread_mutex_lock(&subscriber->lock);
        subscriber->is_ending = true;
        pthread_cond_signal(&subscriber->end);
        pthread_mutex_unlock(&subscriber->lock);
        (void)mosquitto_disconnect(subscriber->session); /* behind what waits to go out */
        (void)pthread_join(subscriber->thread, NULL);
    }
    if (subscriber->session != NULL) {
        mosquitto_destroy(subscriber->session);
        (void)mosquitto_lib_cleanup();
    }
    (void)pthread_cond_destroy(&subscriber->end);
    (void)pthread_mutex_destroy(&subscriber->delivery);
    (void)pthread_mutex_destroy(&subscriber->lock);
    free(subscriber);
}

/* --- going out --- */

/* The library would take any number. */
static bool take_place(struct mqtt_subscriber *subscriber)
{
    bool has_place = false;

    pthread_mutex_lock(&subscriber->lock);
    has_place = subscriber->state.is_connected && subscriber->unsent < UNSENT_MAX;
    subscriber->unsent += has_place;
    subscriber->state.left_unsaid += !has_place;
    pthread_mutex_unlock(&subscriber->lock);
    return has_place;
}

void mqtt_subscriber_publish(struct mqtt_subscriber *subscriber, const char *topic,
                             const void *bytes, size_t length)
{
    if (take_place(subscriber)) {
        (void)mosquitto_publish(subscriber->session, NULL, topic, (int)length, bytes, 0, false);
    }
}

void mqtt_subscriber_get_state(struct mqtt_subscriber *subscriber,
                               struct mqtt_subscriber_state *ret)
{
    pthread_mutex_lock(&subscriber->lock);
    *ret = subscriber->state;
    pthread_mutex_unlock(&subscriber->lock);
}
