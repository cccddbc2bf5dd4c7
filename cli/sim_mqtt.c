/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/sim_device.h"
#include "cli/sim_link.h"
#include "cli/sim_way.h"
#include "net/mqtt_packet.h"
#include "picket/acknowledgement.h"

/* MQTT 3.1.1 with QoS 1, as spec/mqtt.md has it. */

#define TOPIC_BYTES   (DEVICE_ID_MAX + 32u)
#define SUBSCRIPTION  1u /* its packet id, and no PUBLISH has it at that time */
#define PACKET_MAX    ((size_t)128 * 1024)
#define REFUSED_FIRST 0x80u

static struct mqtt_text text_of(const char *text)
{
    return (struct mqtt_text){text, strlen(text)};
}

static uint16_t packet_id(const struct sim_device *device)
{
    return (uint16_t)(device->sequence % UINT16_MAX + 1u);
}

static void greet(const struct sim_way_terms *terms, const struct sim_device *device,
                  struct buf *out)
{
    struct mqtt_connect connect = {.client_id = text_of(device->id), .level = 4, .is_clean = true};
    char topic[TOPIC_BYTES];

    if (device->key != NULL) {
        connect.user = text_of(device->id);
        connect.password = (struct mqtt_bytes){(const uint8_t *)device->key, strlen(device->key)};
    }
    mqtt_add_connect(out, &connect);
    if (terms->is_broker) {
        (void)snprintf(topic, sizeof(topic), "picket/%s/acknowledged", device->id);
        mqtt_add_subscribe(out, SUBSCRIPTION, topic, 0);
    }
}

static void put(const struct sim_way_terms *terms, const struct sim_device *device,
                const uint8_t *report, size_t length, struct buf *out)
{
    char topic[TOPIC_BYTES];
    struct mqtt_publish publish = {.payload = {report, length},
                                   .id = packet_id(device),
                                   .qos = 1,
                                   .is_repeat = false}; /* of a session that is new: no DUP */

    (void)terms;
    (void)snprintf(topic, sizeof(topic), "picket/%s/reports", device->id);
    publish.topic = text_of(topic);
    mqtt_add_publish(out, &publish);
}

/* The service's own word, which covers what was sent or does not. */
static enum sim_answer judge_word(const struct sim_device *device,
                                  const struct mqtt_publish *publish)
{
    struct picket_acknowledgement word;
    enum picket_status status =
        picket_acknowledgement_open(publish->payload.bytes, publish->payload.length, &word);

    return status == PICKET_OK && device != NULL && word.boot == device->boot &&
                   picket_acknowledgement_has(&word, device->sequence)
               ? SIM_TAKEN
               : SIM_NOTHING;
}

static enum sim_answer judge_connack(const struct sim_way_terms *terms,
                                     const struct mqtt_packet *packet, struct err *reterr)
{
    if (packet->connack.code != MQTT_ACCEPTED) {
        err_set(reterr, "a device may not come in: CONNACK %u", packet->connack.code);
        return SIM_BROKEN;
    }
    return terms->is_broker ? SIM_NOTHING : SIM_WELCOME;
}

static enum sim_answer judge_suback(const struct mqtt_packet *packet, struct err *reterr)
{
    if (packet->suback.codes.length != 1 || packet->suback.codes.bytes[0] >= REFUSED_FIRST) {
        err_set(reterr, "a device may not hear of its acknowledgements");
        return SIM_BROKEN;
    }
    return SIM_WELCOME;
}

static enum sim_answer judge(const struct sim_way_terms *terms, const struct sim_device *device,
                             const struct mqtt_packet *packet, struct err *reterr)
{
    if (packet->type == MQTT_CONNACK) {
        return judge_connack(terms, packet, reterr);
    }
    if (packet->type == MQTT_SUBACK) {
        return judge_suback(packet, reterr);
    }
    if (packet->type == MQTT_PUBLISH && terms->is_broker) {
        return judge_word(device, &packet->publish);
    }
    return packet->type == MQTT_PUBACK && !terms->is_broker && device != NULL &&
                   packet->id == packet_id(device)
               ? SIM_TAKEN
               : SIM_NOTHING;
}

static enum sim_answer take(const struct sim_way_terms *terms, const struct sim_device *device,
                            const uint8_t *bytes, size_t length, size_t *ret_used,
                            unsigned *ret_wait_s, struct err *reterr)
{
    struct mqtt_packet packet;
    size_t used = 0;
    enum picket_status status = mqtt_read(bytes, length, PACKET_MAX, &packet, &used, reterr);

    *ret_used = 0;
    *ret_wait_s = 1;
    if (status == PICKET_E_EMPTY) {
        return SIM_NOTHING;
    }
    if (status != PICKET_OK) {
        return SIM_BROKEN;
    }
    *ret_used = used;
    return judge(terms, device, &packet, reterr);
}

const struct sim_way sim_way_mqtt = {.is_bound = true, .greet = greet, .put = put, .take = take};
