/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "net/mqtt_packet.h"

#define REST_BYTES_MAX 268435455u /* §2.2.3 */
#define FLAGS_RESERVED 2u         /* of PUBREL, SUBSCRIBE and UNSUBSCRIBE [MQTT-2.2.2-1] */

static void add_u8(struct buf *out, unsigned value)
{
    uint8_t byte = (uint8_t)value;

    buf_add(out, &byte, 1);
}

static void add_u16(struct buf *out, size_t value)
{
    uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

    assert(value <= UINT16_MAX);
    buf_add(out, bytes, sizeof(bytes));
}

static void add_field(struct buf *out, const void *bytes, size_t length)
{
    add_u16(out, length);
    buf_add(out, bytes, length);
}

static void add_header(struct buf *out, enum mqtt_type type, unsigned flags, size_t rest)
{
    assert(rest <= REST_BYTES_MAX);
    add_u8(out, (unsigned)type << 4 | flags);
    do {
        add_u8(out, (unsigned)(rest & 0x7f) | (rest > 0x7f ? 0x80u : 0));
        rest >>= 7;
    } while (rest > 0);
}

void mqtt_add_connect(struct buf *out, const struct mqtt_connect *connect)
{
    bool has_user = connect->user.bytes != NULL;
    bool has_password = connect->password.bytes != NULL;
    size_t rest = 10 + 2 + connect->client_id.length;

    assert(has_user || !has_password);
    rest += has_user ? 2 + connect->user.length : 0;
    rest += has_password ? 2 + connect->password.length : 0;
    add_header(out, MQTT_CONNECT, 0, rest);
    add_field(out, "MQTT", 4);
    add_u8(out, connect->level);
    add_u8(out, (has_user ? 0x80u : 0) | (has_password ? 0x40u : 0) | (connect->is_clean ? 2u : 0));
    add_u16(out, connect->keep_alive_s);
    add_field(out, connect->client_id.bytes, connect->client_id.length);
    if (has_user) {
        add_field(out, connect->user.bytes, connect->user.length);
    }
    if (has_password) {
        add_field(out, connect->password.bytes, connect->password.length);
    }
}

void mqtt_add_connack(struct buf *out, enum mqtt_connack code, bool has_session)
{
    add_header(out, MQTT_CONNACK, 0, 2);
    add_u8(out, has_session ? 1 : 0);
    add_u8(out, code);
}

void mqtt_add_publish(struct buf *out, const struct mqtt_publish *publish)
{
    assert((publish->qos == 0) == (publish->id == 0) && publish->qos < 3);
    add_header(out, MQTT_PUBLISH,
               (publish->is_repeat ? 8u : 0) | (unsigned)publish->qos << 1 |
                   (publish->is_retained ? 1u : 0),
               2 + publish->topic.length + (publish->qos > 0 ? 2 : 0) + publish->payload.length);
    add_field(out, publish->topic.bytes, publish->topic.length);
    if (publish->qos > 0) {
        add_u16(out, publish->id);
    }
    buf_add(out, publish->payload.bytes, publish->payload.length);
}

void mqtt_add_id(struct buf *out, enum mqtt_type type, uint16_t id)
{
    assert((type >= MQTT_PUBACK && type <= MQTT_PUBCOMP) || type == MQTT_UNSUBACK);
    add_header(out, type, type == MQTT_PUBREL ? FLAGS_RESERVED : 0, 2);
    add_u16(out, id);
}

void mqtt_add_suback(struct buf *out, uint16_t id, const uint8_t *codes, size_t count)
{
    add_header(out, MQTT_SUBACK, 0, 2 + count);
    add_u16(out, id);
    buf_add(out, codes, count);
}

void mqtt_add_subscribe(struct buf *out, uint16_t id, const char *filter, uint8_t qos)
{
    size_t length = strlen(filter);

    add_header(out, MQTT_SUBSCRIBE, FLAGS_RESERVED, 2 + 2 + length + 1);
    add_u16(out, id);
    add_field(out, filter, length);
    add_u8(out, qos);
}

void mqtt_add_plain(struct buf *out, enum mqtt_type type)
{
    add_header(out, type, 0, 0);
}
