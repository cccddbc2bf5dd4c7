/* SPDX-License-Identifier: MIT */
#include "ingest/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "ingest/door.h"
#include "ingest/identity.h"
#include "ingest/ingest.h"
#include "ingest/mqtt_topic.h"
#include "model/address.h"
#include "net/mqtt.h"
#include "pipeline/downlink.h"

#define BUCKETS       4096u
#define OWN_TOPIC_MAX (DEVICE_ID_MAX + 32u)

/* A client that was let in. */
struct caller {
    struct caller *next; /* in its bucket */
    struct identity_pass pass;
    uint64_t session;
    bool has_paid; /* from its allowance, for the message that is offered again */
    char source[ADDRESS_TEXT_MAX];
};

struct ingest_mqtt {
    struct ingest_door *door;
    struct mqtt_server *server;
    struct caller *buckets[BUCKETS]; /* by device */
};

/* A message between its submission and its commit. */
struct pending {
    struct ingest_mqtt *mqtt;
    struct mqtt_ticket ticket;
    char device[DEVICE_ID_MAX + 1];
};

static int64_t now_us(const struct ingest_mqtt *mqtt)
{
    return mqtt->door->now_us(mqtt->door->now_context);
}

/* --- coming in --- */

static const enum mqtt_connack answers[IDENTITY_VERDICTS] = {
    [IDENTITY_GOOD] = MQTT_ACCEPTED,           [IDENTITY_NONE] = MQTT_NOT_AUTHORIZED,
    [IDENTITY_UNKNOWN] = MQTT_NOT_AUTHORIZED,  [IDENTITY_MISMATCH] = MQTT_NOT_AUTHORIZED,
    [IDENTITY_FOREIGN] = MQTT_NOT_AUTHORIZED,  [IDENTITY_EXPIRED] = MQTT_NOT_AUTHORIZED,
    [IDENTITY_INVALID] = MQTT_BAD_CREDENTIALS, [IDENTITY_REVOKED] = MQTT_NOT_AUTHORIZED,
    [IDENTITY_BUSY] = MQTT_UNAVAILABLE,
};

/* Level @p index of a text, cut, "" if it has none; false if it can't be a device id. */
static bool copy_level(const struct mqtt_text *text, unsigned index,
                       char ret_level[DEVICE_ID_MAX + 1])
{
    size_t begin = 0;
    size_t end = 0;

    for (size_t i = 0; i < text->length && index > 0; i++) {
        index -= text->bytes[i] == '/' ? 1 : 0;
        begin = i + 1;
    }
    end = begin;
    while (end < text->length && text->bytes[end] != '/') {
        end++;
    }
    (void)snprintf(ret_level, DEVICE_ID_MAX + 1, "%.*s", (int)(end - begin), text->bytes + begin);
    return index == 0 && end - begin <= DEVICE_ID_MAX &&
           (end == begin || device_id_valid(ret_level));
}

/** As what a client wants to speak. */
struct said {
    char device[DEVICE_ID_MAX + 1]; /* "": that is left to its certificate */
    char other[DEVICE_ID_MAX + 1];  /* what its client id says, if that is not it, or "" */
    bool is_impossible;             /* no device can have that id */
};

static void read_said(const struct mqtt_connect *connect, struct said *ret)
{
    const struct mqtt_text *user = &connect->user;
    bool is_hub = user->length > 0 && memchr(user->bytes, '/', user->length) != NULL;
    char client[DEVICE_ID_MAX + 1];
    bool is_client_good = copy_level(&connect->client_id, 0, client);

    *ret = (struct said){.is_impossible = !is_client_good};
    if (connect->password.bytes == NULL) { /* then some clients' user name tells what they are */
        memcpy(ret->device, client, sizeof(client));
        return;
    }
    ret->is_impossible = !copy_level(user, is_hub ? 1 : 0, ret->device);
    if (client[0] != '\0' && strcmp(client, ret->device) != 0) {
        memcpy(ret->other, client, sizeof(client));
    }
}

static struct caller **bucket_of(struct ingest_mqtt *mqtt, const char *device)
{
    return &mqtt->buckets[hash_stable(device, strlen(device)) % BUCKETS];
}

/* The newer session of a device stays [MQTT-3.1.4-2]. */
static void admit(struct ingest_mqtt *mqtt, struct caller *caller)
{
    struct caller **bucket = bucket_of(mqtt, caller->pass.device);

    for (struct caller *other = *bucket; other != NULL; other = other->next) {
        if (strcmp(other->pass.device, caller->pass.device) == 0) {
            mqtt_close(mqtt->server, other->session);
        }
    }
    caller->next = *bucket;
    *bucket = caller;
    identity_begin(mqtt->door->identity, &caller->pass, caller->source, now_us(mqtt));
}

static enum identity_verdict identify(struct ingest_mqtt *mqtt, const struct mqtt_client *client,
                                      struct identity_pass *ret)
{
    const struct mqtt_connect *connect = client->connect;
    struct identity_book *identity = mqtt->door->identity;
    struct identity_claim claim = {.certificates = client->certificates,
                                   .certificate_count = client->certificate_count,
                                   .key = connect->password.bytes,
                                   .key_length = connect->password.length,
                                   .source = client->source,
                                   .now_us = now_us(mqtt)};
    enum identity_verdict verdict = IDENTITY_UNKNOWN;
    struct said said;

    read_said(connect, &said);
    if (said.is_impossible) {
        identity_note_unknown(identity, said.device, client->source, claim.now_us);
        return IDENTITY_UNKNOWN;
    }
    claim.device = said.device[0] == '\0' ? NULL : said.device;
    verdict = identity_check(identity, &claim, ret);
    if (verdict == IDENTITY_GOOD && said.other[0] != '\0') {
        identity_note_foreign(identity, ret, said.other, client->source, claim.now_us);
        verdict = IDENTITY_FOREIGN;
    }
    return verdict;
}

static enum mqtt_connack take_connect(void *context, const struct mqtt_client *client,
                                      void **ret_context)
{
    struct ingest_mqtt *mqtt = context;
    struct caller *caller = calloc(1, sizeof(*caller));
    enum mqtt_connack answer = MQTT_UNAVAILABLE;

    if (caller == NULL) {
        return MQTT_UNAVAILABLE;
    }
    answer = answers[identify(mqtt, client, &caller->pass)];
    if (answer != MQTT_ACCEPTED) {
        ingest_count_refusal(mqtt->door,
                             answer == MQTT_UNAVAILABLE ? REFUSED_BUSY : REFUSED_UNAUTHORIZED);
        free(caller);
        return answer;
    }
    caller->session = client->session;
    (void)snprintf(caller->source, sizeof(caller->source), "%s", client->source);
    admit(mqtt, caller);
    *ret_context = caller;
    return answer;
}

static void end_session(void *context, void *session_context)
{
    struct ingest_mqtt *mqtt = context;
    struct caller *caller = session_context;
    struct caller **place = bucket_of(mqtt, caller->pass.device);

    while (*place != caller) {
        place = &(*place)->next;
    }
    *place = caller->next;
    identity_end(mqtt->door->identity, &caller->pass, caller->source, now_us(mqtt));
    free(caller);
}

/* --- messages --- */

/* If it wants to know. */
static void tell(struct ingest_mqtt *mqtt, uint64_t session, const char *device, const char *what,
                 const void *bytes, size_t length)
{
    char topic[OWN_TOPIC_MAX];

    (void)snprintf(topic, sizeof(topic), "picket/%s/%s", device, what);
    (void)mqtt_send(mqtt->server, session, topic, bytes, length);
}

/* Context: the worker's thread. */
static void acknowledge(void *context, const struct pipeline_outcome *outcome)
{
    struct pending *pending = context;
    const struct downlink_settings *settings = outcome->settings;
    bool is_good = outcome->status == PICKET_OK;

    if (!is_good) {
        ingest_count_refusal(pending->mqtt->door, REFUSED_BUSY);
    }
    if (settings != NULL) {
        tell(pending->mqtt, pending->ticket.session, pending->device, "settings",
             settings->envelope, settings->envelope_length);
    }
    mqtt_acknowledge(pending->mqtt->server, &pending->ticket, is_good); /* behind all else */
    free(pending);
}

static void count_refused(struct ingest_mqtt *mqtt, const struct caller *caller,
                          enum refused_cause cause, const char *reason)
{
    ingest_count_refusal(mqtt->door, cause);
    identity_note_refused(mqtt->door->identity, caller->pass.device, cause, reason, caller->source,
                          now_us(mqtt));
}

/* The client would send it for ever if it were not acknowledged. */
static enum mqtt_answer refuse_for_good(struct ingest_mqtt *mqtt, const struct caller *caller,
                                        const struct mqtt_ticket *ticket, enum refused_cause cause,
                                        const char *reason)
{
    count_refused(mqtt, caller, cause, reason);
    tell(mqtt, caller->session, caller->pass.device, "refused", reason, strlen(reason));
    mqtt_acknowledge(mqtt->server, ticket, true);
    return MQTT_LATER; /* by its own way: behind the sentence */
}

static enum mqtt_answer refuse_for_now(struct ingest_mqtt *mqtt)
{
    ingest_count_refusal(mqtt->door, REFUSED_BUSY);
    return MQTT_BUSY;
}

static enum mqtt_answer submit(struct ingest_mqtt *mqtt, struct caller *caller,
                               const struct ingest_message *message,
                               const struct mqtt_ticket *ticket)
{
    struct pending *pending = calloc(1, sizeof(*pending));
    struct err err = {""};
    uint32_t sequence = 0;
    enum picket_status status = PICKET_E_NOMEM;

    if (pending != NULL) {
        *pending = (struct pending){.mqtt = mqtt, .ticket = *ticket};
        memcpy(pending->device, caller->pass.device, sizeof(pending->device));
        status = ingest_submit(mqtt->door, message, acknowledge, pending, &sequence, &err);
    }
    if (status == PICKET_OK) {
        return MQTT_LATER;
    }
    free(pending);
    if (status == PICKET_E_FULL || status == PICKET_E_NOMEM) {
        return refuse_for_now(mqtt);
    }
    return refuse_for_good(mqtt, caller, ticket,
                           status == PICKET_E_VERSION ? REFUSED_NEWER : REFUSED_MALFORMED,
                           err.text);
}

/* Whether the client may publish on a topic; if so, what that says of the message. */
static bool read_topic(struct ingest_mqtt *mqtt, const struct caller *caller,
                       const struct mqtt_text *text, struct ingest_topic *ret)
{
    if (!ingest_topic_read(text, ret)) {
        count_refused(mqtt, caller, REFUSED_FOREIGN_TOPIC, "nothing comes on that topic");
        return false;
    }
    if (strcmp(ret->device, caller->pass.device) != 0) {
        ingest_count_refusal(mqtt->door, REFUSED_FOREIGN_TOPIC);
        identity_note_foreign(mqtt->door->identity, &caller->pass, ret->device, caller->source,
                              now_us(mqtt));
        return false;
    }
    return true;
}

static enum mqtt_answer take_publish(void *context, void *session_context,
                                     const struct mqtt_publish *publish,
                                     const struct mqtt_ticket *ticket)
{
    struct ingest_mqtt *mqtt = context;
    struct caller *caller = session_context;
    struct identity_book *identity = mqtt->door->identity;
    struct ingest_topic topic;
    struct ingest_message message = {.device = caller->pass.device,
                                     .bytes = publish->payload.bytes,
                                     .length = publish->payload.length,
                                     .received_us = now_us(mqtt)};
    enum mqtt_answer answer = MQTT_CLOSE;

    if (!read_topic(mqtt, caller, &publish->topic, &topic)) {
        return MQTT_CLOSE;
    }
    if (identity_recheck(identity, &caller->pass, caller->source, message.received_us) !=
        IDENTITY_GOOD) {
        ingest_count_refusal(mqtt->door, REFUSED_UNAUTHORIZED);
        return MQTT_CLOSE;
    }
    if (!caller->has_paid &&
        !identity_allows(identity, &caller->pass, caller->source, message.received_us)) {
        return refuse_for_now(mqtt);
    }
    if (message.length > PICKET_REPORT_BYTES_MAX) {
        return refuse_for_good(mqtt, caller, ticket, REFUSED_TOO_LARGE,
                               "the message is too large: allowed are 65536 bytes");
    }
    message.content_type = topic.content_type;
    message.properties = topic.properties[0] == '\0' ? NULL : topic.properties;
    answer = submit(mqtt, caller, &message, ticket);
    caller->has_paid = answer == MQTT_BUSY;
    return answer;
}

static bool take_subscribe(void *context, void *session_context, const struct mqtt_text *filter)
{
    struct ingest_mqtt *mqtt = context;
    const struct caller *caller = session_context;
    char device[DEVICE_ID_MAX + 1];
    bool is_one = ingest_filter_read(filter, device);

    if (is_one && strcmp(device, caller->pass.device) == 0) {
        return true;
    }
    if (is_one) {
        ingest_count_refusal(mqtt->door, REFUSED_FOREIGN_TOPIC);
        identity_note_foreign(mqtt->door->identity, &caller->pass, device, caller->source,
                              now_us(mqtt));
    } else {
        count_refused(mqtt, caller, REFUSED_FOREIGN_TOPIC,
                      "the topics that it wants to hear are not those of one device");
    }
    return false;
}

static void take_fault(void *context, void *session_context, enum mqtt_fault fault)
{
    static const struct {
        enum refused_cause cause;
        const char *reason;
    } faults[] = {
        [MQTT_FAULT_MALFORMED] = {REFUSED_MALFORMED, "a packet against the MQTT standard"},
        [MQTT_FAULT_TOO_LARGE] = {REFUSED_TOO_LARGE, "a packet larger than 131072 bytes"},
        [MQTT_FAULT_QUALITY] = {REFUSED_MALFORMED, "quality of service 2 is not served"},
    };

    count_refused(context, session_context, faults[fault].cause, faults[fault].reason);
}

/* --- life --- */

const struct mqtt_handlers *ingest_mqtt_handlers(void)
{
    static const struct mqtt_handlers handlers = {.connect = take_connect,
                                                  .publish = take_publish,
                                                  .subscribe = take_subscribe,
                                                  .fault = take_fault,
                                                  .end = end_session};

    return &handlers;
}

struct ingest_mqtt *ingest_mqtt_new(struct ingest_door *door)
{
    struct ingest_mqtt *mqtt = calloc(1, sizeof(*mqtt));

    if (mqtt != NULL) {
        mqtt->door = door;
    }
    return mqtt;
}

void ingest_mqtt_attach(struct ingest_mqtt *mqtt, struct mqtt_server *server)
{
    mqtt->server = server;
}

void ingest_mqtt_free(struct ingest_mqtt *mqtt)
{
    free(mqtt);
}
