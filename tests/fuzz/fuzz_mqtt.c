/* SPDX-License-Identifier: MIT */
/* What is read, and added again, is the same packet; what is refused says why. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/mqtt_packet.h"

#define PACKET_BYTES_MAX ((size_t)65536)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static bool same(const void *a, size_t a_length, const void *b, size_t b_length)
{
    return (a == NULL) == (b == NULL) && a_length == b_length &&
           (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool same_text(const struct mqtt_text *a, const struct mqtt_text *b)
{
    return same(a->bytes, a->length, b->bytes, b->length);
}

static bool same_bytes(const struct mqtt_bytes *a, const struct mqtt_bytes *b)
{
    return same(a->bytes, a->length, b->bytes, b->length);
}

static bool same_connect(const struct mqtt_connect *a, const struct mqtt_connect *b)
{
    return same_text(&a->client_id, &b->client_id) && same_text(&a->user, &b->user) &&
           same_bytes(&a->password, &b->password) && a->keep_alive_s == b->keep_alive_s &&
           a->level == b->level && a->is_clean == b->is_clean;
}

static bool same_publish(const struct mqtt_publish *a, const struct mqtt_publish *b)
{
    return same_text(&a->topic, &b->topic) && same_bytes(&a->payload, &b->payload) &&
           a->id == b->id && a->qos == b->qos && a->is_repeat == b->is_repeat &&
           a->is_retained == b->is_retained;
}

/* Walks the filters; the first is subscribed to again, which leaves a packet of one. */
static void add_first_filter(struct buf *out, struct mqtt_filters filters)
{
    struct mqtt_text filter = {NULL, 0};
    size_t count = 0;
    uint8_t qos = 0;

    while (mqtt_next_filter(&filters, &filter, &qos)) {
        char *text = malloc(filter.length + 1);

        require(text != NULL && qos < 3 && filter.length > 0);
        memcpy(text, filter.bytes, filter.length);
        text[filter.length] = '\0';
        require(strlen(text) == filter.length);
        require(strpbrk(text, "+#$") != NULL || mqtt_filter_has(&filter, text));
        if (count++ == 0) {
            mqtt_add_subscribe(out, filters.id, text, qos);
        }
        free(text);
    }
    require(count > 0);
}

static void add(struct buf *out, const struct mqtt_packet *packet)
{
    switch (packet->type) {
    case MQTT_CONNECT:
        if (packet->connect.level == 4) {
            mqtt_add_connect(out, &packet->connect);
        }
        break;
    case MQTT_CONNACK:
        mqtt_add_connack(out, (enum mqtt_connack)packet->connack.code, packet->connack.has_session);
        break;
    case MQTT_PUBLISH:
        mqtt_add_publish(out, &packet->publish);
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        add_first_filter(out, packet->filters);
        break;
    case MQTT_SUBACK:
        mqtt_add_suback(out, packet->suback.id, packet->suback.codes.bytes,
                        packet->suback.codes.length);
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
        mqtt_add_plain(out, packet->type);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK:
        mqtt_add_id(out, packet->type, packet->id);
    }
}

static void require_same(const struct mqtt_packet *a, const struct mqtt_packet *b)
{
    switch (a->type) {
    case MQTT_CONNECT:
        require(same_connect(&a->connect, &b->connect));
        break;
    case MQTT_CONNACK:
        require(a->connack.code == b->connack.code &&
                a->connack.has_session == b->connack.has_session);
        break;
    case MQTT_PUBLISH:
        require(same_publish(&a->publish, &b->publish));
        break;
    case MQTT_SUBSCRIBE:
    case MQTT_UNSUBSCRIBE:
        require(a->filters.id == b->filters.id);
        break;
    case MQTT_SUBACK:
        require(a->suback.id == b->suback.id && same_bytes(&a->suback.codes, &b->suback.codes));
        break;
    case MQTT_PINGREQ:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
    case MQTT_UNSUBACK:
        require(a->id == b->id);
    }
}

static void try_again(const struct mqtt_packet *packet)
{
    struct mqtt_packet again = {0};
    struct buf out;
    size_t used = 0;

    buf_init(&out, PACKET_BYTES_MAX);
    add(&out, packet);
    require(!out.is_failed);
    if (out.length > 0) {
        require(mqtt_read((const uint8_t *)out.bytes, out.length, PACKET_BYTES_MAX, &again, &used,
                          NULL) == PICKET_OK);
        require(used == out.length);
        require(again.type == packet->type || packet->type == MQTT_UNSUBSCRIBE);
        require_same(packet, &again);
    }
    buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    enum picket_status status = PICKET_OK;

    while (status == PICKET_OK) {
        struct mqtt_packet packet = {0};
        struct err err = {""};
        size_t used = 0;

        status = mqtt_read(bytes, length, PACKET_BYTES_MAX, &packet, &used, &err);
        if (status == PICKET_OK) {
            require(used >= 2 && used <= length);
            try_again(&packet);
            bytes += used;
            length -= used;
        } else if (status == PICKET_E_EMPTY) {
            require(used == 0 || (used > length && used <= PACKET_BYTES_MAX));
        } else {
            require((status == PICKET_E_MALFORMED || status == PICKET_E_LIMIT) &&
                    err.text[0] != '\0');
        }
    }
    return 0;
}
