/* SPDX-License-Identifier: MIT */
#include "cli/device_mqtt.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/report.h"
#include "picket/acknowledgement.h"

#define TOPIC_BYTES   (DEVICE_ID_MAX + 32u)
#define REFUSED_FIRST 0x80u

/* What a device may hear of on topics of its own. */
static const struct {
    const char *name;
    bool is_of_broker; /* of no use without one */
    bool is_more;
} topics[] = {{"acknowledged", true, false}, {"refused", false, true}, {"settings", false, true}};

static struct mqtt_text text_of(const char *text)
{
    return (struct mqtt_text){text, strlen(text)};
}

static bool is_heard(const struct device_mqtt *device, size_t topic)
{
    return topics[topic].is_of_broker ? device->is_broker : device->hears_more;
}

/* Packet id of the last SUBSCRIBE, when no PUBLISH is under way; 0 if there is none. */
static unsigned last_subscription(const struct device_mqtt *device)
{
    unsigned count = 0;

    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        count += is_heard(device, i);
    }
    return count;
}

static void name_topic(const struct device_mqtt *device, const char *what, char ret[TOPIC_BYTES])
{
    (void)snprintf(ret, TOPIC_BYTES, "picket/%s/%s", device->id, what);
}

void device_mqtt_greet(const struct device_mqtt *device, struct buf *out)
{
    struct mqtt_connect connect = {.client_id = text_of(device->id), .level = 4, .is_clean = true};
    char topic[TOPIC_BYTES];
    uint16_t number = 0;

    if (device->key != NULL) {
        connect.user = text_of(device->id);
        connect.password = (struct mqtt_bytes){(const uint8_t *)device->key, strlen(device->key)};
    }
    mqtt_add_connect(out, &connect);
    for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
        if (is_heard(device, i)) {
            name_topic(device, topics[i].name, topic);
            mqtt_add_subscribe(out, ++number, topic, 0);
        }
    }
}

static uint16_t packet_id(const struct device_mqtt *device)
{
    return (uint16_t)(device->sequence % UINT16_MAX + 1u);
}

void device_mqtt_put(const struct device_mqtt *device, const uint8_t *report, size_t length,
                     struct buf *out)
{
    char topic[TOPIC_BYTES];
    struct mqtt_publish publish = {.payload = {report, length},
                                   .id = packet_id(device),
                                   .qos = 1,
                                   .is_repeat = false}; /* of a session that is new: no DUP */

    name_topic(device, "reports", topic);
    publish.topic = text_of(topic);
    mqtt_add_publish(out, &publish);
}

/* --- answers --- */

static enum device_mqtt_word judge_connack(const struct device_mqtt *device,
                                           const struct mqtt_packet *packet, struct err *reterr)
{
    if (packet->connack.code != MQTT_ACCEPTED) {
        err_set(reterr, "device %s may not come in: CONNACK %u", device->id, packet->connack.code);
        return DEVICE_MQTT_BROKEN;
    }
    return last_subscription(device) == 0 ? DEVICE_MQTT_WELCOME : DEVICE_MQTT_NOTHING;
}

static enum device_mqtt_word judge_suback(const struct device_mqtt *device,
                                          const struct mqtt_packet *packet, struct err *reterr)
{
    if (packet->suback.codes.length != 1 || packet->suback.codes.bytes[0] >= REFUSED_FIRST) {
        err_set(reterr, "device %s may not hear what becomes of its reports", device->id);
        return DEVICE_MQTT_BROKEN;
    }
    return packet->suback.id == last_subscription(device) ? DEVICE_MQTT_WELCOME
                                                          : DEVICE_MQTT_NOTHING;
}

/* The service's own word, which covers what was sent or does not. */
static enum device_mqtt_word judge_word(const struct device_mqtt *device,
                                        const struct mqtt_bytes *payload)
{
    struct picket_acknowledgement word;
    enum picket_status status = picket_acknowledgement_open(payload->bytes, payload->length, &word);

    return status == PICKET_OK && word.boot == device->boot &&
                   picket_acknowledgement_has(&word, device->sequence)
               ? DEVICE_MQTT_TAKEN
               : DEVICE_MQTT_NOTHING;
}

static bool is_on(const struct device_mqtt *device, const struct mqtt_publish *publish,
                  const char *what)
{
    char topic[TOPIC_BYTES];

    name_topic(device, what, topic);
    return publish->topic.length == strlen(topic) &&
           memcmp(publish->topic.bytes, topic, publish->topic.length) == 0;
}

static enum device_mqtt_word judge_publish(const struct device_mqtt *device,
                                           const struct mqtt_publish *publish,
                                           struct mqtt_bytes *ret_payload)
{
    *ret_payload = publish->payload;
    if (device->is_broker && is_on(device, publish, "acknowledged")) {
        return judge_word(device, &publish->payload);
    }
    if (!device->hears_more) {
        return DEVICE_MQTT_NOTHING;
    }
    return is_on(device, publish, "settings")  ? DEVICE_MQTT_SETTINGS
           : is_on(device, publish, "refused") ? DEVICE_MQTT_REFUSED
                                               : DEVICE_MQTT_NOTHING;
}

static enum device_mqtt_word judge(const struct device_mqtt *device,
                                   const struct mqtt_packet *packet, struct mqtt_bytes *ret_payload,
                                   struct err *reterr)
{
    if (packet->type == MQTT_CONNACK) {
        return judge_connack(device, packet, reterr);
    }
    if (packet->type == MQTT_SUBACK) {
        return judge_suback(device, packet, reterr);
    }
    if (packet->type == MQTT_PUBLISH) {
        return judge_publish(device, &packet->publish, ret_payload);
    }
    return packet->type == MQTT_PUBACK && !device->is_broker && packet->id == packet_id(device)
               ? DEVICE_MQTT_TAKEN
               : DEVICE_MQTT_NOTHING;
}

enum device_mqtt_word device_mqtt_take(const struct device_mqtt *device, const uint8_t *bytes,
                                       size_t length, size_t *ret_used,
                                       struct mqtt_bytes *ret_payload, struct err *reterr)
{
    struct mqtt_packet packet;
    size_t used = 0;
    enum picket_status status =
        mqtt_read(bytes, length, DEVICE_MQTT_PACKET_MAX, &packet, &used, reterr);

    *ret_used = 0;
    if (status == PICKET_E_EMPTY) {
        return DEVICE_MQTT_NOTHING;
    }
    if (status != PICKET_OK) {
        return DEVICE_MQTT_BROKEN;
    }
    *ret_used = used;
    return judge(device, &packet, ret_payload, reterr);
}
