/* SPDX-License-Identifier: MIT */
#include "net/mqtt_packet.h"

#include <string.h>

#include "base/err.h"
#include "net/mqtt_topic.h"

#define LENGTH_BYTES_MAX 4u /* of the remaining length (§2.2.3) */

#define CONNECT_LEVEL    4u
#define CONNECT_RESERVED 0x01u
#define CONNECT_CLEAN    0x02u
#define CONNECT_WILL     0x04u
#define CONNECT_WILL_QOS 0x18u
#define CONNECT_RETAIN   0x20u
#define CONNECT_PASSWORD 0x40u
#define CONNECT_USER     0x80u

/* What is left of a packet behind its fixed header. The first fault sticks. */
struct reading {
    const uint8_t *bytes;
    size_t left;
    uint8_t flags;
    const char *name; /* of the packet */
    bool is_failed;
    struct err *reterr;
};

static void refuse(struct reading *reading, const char *reason)
{
    if (!reading->is_failed) {
        err_set(reading->reterr, "%s: %s", reading->name, reason);
        reading->is_failed = true;
    }
}

/* --- fields --- */

static struct mqtt_bytes take(struct reading *reading, size_t length)
{
    struct mqtt_bytes taken = {reading->bytes, length};

    if (reading->is_failed || reading->left < length) {
        refuse(reading, "[MQTT-4.8.0-1] it ends in the middle of a field");
        return (struct mqtt_bytes){NULL, 0};
    }
    reading->bytes += length;
    reading->left -= length;
    return taken;
}

static uint8_t take_u8(struct reading *reading)
{
    struct mqtt_bytes taken = take(reading, 1);

    return taken.bytes == NULL ? 0 : taken.bytes[0];
}

static uint16_t take_u16(struct reading *reading)
{
    uint8_t high = take_u8(reading);

    return (uint16_t)(high << 8 | take_u8(reading));
}

static uint16_t take_id(struct reading *reading)
{
    uint16_t id = take_u16(reading);

    if (id == 0) {
        refuse(reading, "[MQTT-2.3.1-1] its packet identifier is 0");
    }
    return id;
}

static struct mqtt_text take_text(struct reading *reading)
{
    struct mqtt_bytes taken = take(reading, take_u16(reading));
    struct mqtt_text text = {(const char *)taken.bytes, taken.length};
    const char *fault = text.bytes == NULL ? NULL : mqtt_text_fault(&text);

    if (fault != NULL) {
        refuse(reading, fault);
    }
    return text;
}

static struct mqtt_text take_topic(struct reading *reading)
{
    struct mqtt_text topic = take_text(reading);
    const char *fault = topic.bytes == NULL ? NULL : mqtt_topic_fault(&topic);

    if (fault != NULL) {
        refuse(reading, fault);
    }
    return topic;
}

/* --- packets of a client --- */

static void check_connect_flags(struct reading *reading, uint8_t flags)
{
    if ((flags & CONNECT_RESERVED) != 0) {
        refuse(reading, "[MQTT-3.1.2-3] the reserved bit of its flags is set");
    }
    if ((flags & CONNECT_WILL) == 0 && (flags & CONNECT_WILL_QOS) != 0) {
        refuse(reading, "[MQTT-3.1.2-13] it has the quality of service of a will, but no will");
    }
    if ((flags & CONNECT_WILL_QOS) == CONNECT_WILL_QOS) {
        refuse(reading, "[MQTT-3.1.2-14] its will has quality of service 3");
    }
    if ((flags & CONNECT_WILL) == 0 && (flags & CONNECT_RETAIN) != 0) {
        refuse(reading, "[MQTT-3.1.2-15] it wants a will retained, but has none");
    }
    if ((flags & CONNECT_USER) == 0 && (flags & CONNECT_PASSWORD) != 0) {
        refuse(reading, "[MQTT-3.1.2-22] it has a password, but no user name");
    }
}

static void read_connect(struct reading *reading, struct mqtt_packet *ret)
{
    struct mqtt_connect *connect = &ret->connect;
    struct mqtt_text protocol = take_text(reading);
    uint8_t flags = 0;

    if (protocol.length != 4 || memcmp(protocol.bytes, "MQTT", 4) != 0) {
        refuse(reading, "[MQTT-3.1.2-1] its protocol is not MQTT");
    }
    *connect = (struct mqtt_connect){.level = take_u8(reading)};
    if (connect->level != CONNECT_LEVEL) {
        reading->left = 0; /* laid out as another standard says */
        return;
    }
    flags = take_u8(reading);
    check_connect_flags(reading, flags);
    connect->is_clean = (flags & CONNECT_CLEAN) != 0;
    connect->keep_alive_s = take_u16(reading);
    connect->client_id = take_text(reading);
    if ((flags & CONNECT_WILL) != 0) {
        (void)take_topic(reading);
        (void)take(reading, take_u16(reading));
    }
    if ((flags & CONNECT_USER) != 0) {
        connect->user = take_text(reading);
    }
    if ((flags & CONNECT_PASSWORD) != 0) {
        connect->password = take(reading, take_u16(reading));
    }
}

static void read_publish(struct reading *reading, struct mqtt_packet *ret)
{
    struct mqtt_publish *publish = &ret->publish;

    *publish = (struct mqtt_publish){.qos = reading->flags >> 1 & 3,
                                     .is_repeat = (reading->flags & 8) != 0,
                                     .is_retained = (reading->flags & 1) != 0};
    if (publish->qos == 3) {
        refuse(reading, "[MQTT-3.3.1-4] its quality of service is 3");
    }
    if (publish->qos == 0 && publish->is_repeat) {
        refuse(reading, "[MQTT-3.3.1-2] it is a repeat with quality of service 0");
    }
    publish->topic = take_topic(reading);
    if (publish->qos > 0) {
        publish->id = take_id(reading);
    }
    publish->payload = take(reading, reading->left);
}

/* Walks all filters once, so that mqtt_next_filter() can go without checks. */
static void read_filters(struct reading *reading, bool has_qos, struct mqtt_packet *ret)
{
    ret->filters.id = take_id(reading);
    ret->filters.has_qos = has_qos;
    ret->filters.rest = (struct mqtt_bytes){reading->bytes, reading->left};
    if (reading->left == 0) {
        refuse(reading, has_qos ? "[MQTT-3.8.3-3] it has no topic filter"
                                : "[MQTT-3.10.3-2] it has no topic filter");
    }
    while (reading->left > 0 && !reading->is_failed) {
        struct mqtt_text filter = take_text(reading);
        const char *fault = filter.bytes == NULL ? NULL : mqtt_filter_fault(&filter);

        if (fault != NULL) {
            refuse(reading, fault);
        }
        if (has_qos && take_u8(reading) > 2) {
            refuse(reading, "[MQTT-3-8.3-4] it asks for a quality of service above 2");
        }
    }
}

static void read_subscribe(struct reading *reading, struct mqtt_packet *ret)
{
    read_filters(reading, true, ret);
}

static void read_unsubscribe(struct reading *reading, struct mqtt_packet *ret)
{
    read_filters(reading, false, ret);
}

/* --- packets of a server, or of both --- */

static void read_connack(struct reading *reading, struct mqtt_packet *ret)
{
    uint8_t flags = take_u8(reading);

    ret->connack.has_session = flags == 1;
    ret->connack.code = take_u8(reading);
    if (flags > 1) {
        refuse(reading, "[§3.2.2.1] reserved bits of its flags are set");
    }
    if (ret->connack.code > MQTT_NOT_AUTHORIZED) {
        refuse(reading, "[§3.2.2.3] its return code is a reserved one");
    }
    if (flags == 1 && ret->connack.code != MQTT_ACCEPTED) {
        refuse(reading, "[MQTT-3.2.2-4] it refuses, but speaks of a session");
    }
}

static void read_id(struct reading *reading, struct mqtt_packet *ret)
{
    ret->id = take_id(reading);
}

static void read_suback(struct reading *reading, struct mqtt_packet *ret)
{
    ret->suback.id = take_id(reading);
    ret->suback.codes = take(reading, reading->left);
    if (ret->suback.codes.length == 0) {
        refuse(reading, "[MQTT-3.8.4-5] it has no return code");
    }
    for (size_t i = 0; i < ret->suback.codes.length; i++) {
        if (ret->suback.codes.bytes[i] > 2 && ret->suback.codes.bytes[i] != MQTT_SUBACK_REFUSED) {
            refuse(reading, "[MQTT-3.9.3-2] a return code is a reserved one");
        }
    }
}

static void read_nothing(struct reading *reading, struct mqtt_packet *ret)
{
    (void)reading;
    (void)ret;
}

/* --- any packet --- */

static const struct form {
    const char *name;
    uint8_t flags; /* the only ones allowed, but for PUBLISH, where they mean something */
    void (*read)(struct reading *reading, struct mqtt_packet *ret);
} forms[16] = {
    [MQTT_CONNECT] = {"CONNECT", 0, read_connect},
    [MQTT_CONNACK] = {"CONNACK", 0, read_connack},
    [MQTT_PUBLISH] = {"PUBLISH", 0, read_publish},
    [MQTT_PUBACK] = {"PUBACK", 0, read_id},
    [MQTT_PUBREC] = {"PUBREC", 0, read_id},
    [MQTT_PUBREL] = {"PUBREL", 2, read_id},
    [MQTT_PUBCOMP] = {"PUBCOMP", 0, read_id},
    [MQTT_SUBSCRIBE] = {"SUBSCRIBE", 2, read_subscribe},
    [MQTT_SUBACK] = {"SUBACK", 0, read_suback},
    [MQTT_UNSUBSCRIBE] = {"UNSUBSCRIBE", 2, read_unsubscribe},
    [MQTT_UNSUBACK] = {"UNSUBACK", 0, read_id},
    [MQTT_PINGREQ] = {"PINGREQ", 0, read_nothing},
    [MQTT_PINGRESP] = {"PINGRESP", 0, read_nothing},
    [MQTT_DISCONNECT] = {"DISCONNECT", 0, read_nothing},
};

/* Type and flags, so that what is no MQTT is refused with its first byte. */
static enum picket_status check_first(uint8_t first, struct err *reterr)
{
    const struct form *form = &forms[first >> 4];

    if (form->read == NULL) {
        err_set(reterr, "[MQTT-4.8.0-1] there is no control packet of type %d", first >> 4);
        return PICKET_E_MALFORMED;
    }
    if (first >> 4 != MQTT_PUBLISH && (first & 15) != form->flags) {
        err_set(reterr, "%s: [MQTT-2.2.2-2] reserved flags of its header are wrong", form->name);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

/* The fixed header: where the rest begins, and how long it is. */
static enum picket_status read_header(const uint8_t *bytes, size_t length, size_t *ret_begin,
                                      size_t *ret_rest, struct err *reterr)
{
    size_t rest = 0;

    for (size_t i = 0; i < LENGTH_BYTES_MAX; i++) {
        if (length < i + 2) {
            return PICKET_E_EMPTY;
        }
        rest |= (size_t)(bytes[i + 1] & 0x7f) << (7 * i);
        if ((bytes[i + 1] & 0x80) == 0) {
            *ret_begin = i + 2;
            *ret_rest = rest;
            return PICKET_OK;
        }
    }
    err_set(reterr, "%s: [MQTT-4.8.0-1] its remaining length has more than 4 bytes",
            forms[bytes[0] >> 4].name);
    return PICKET_E_MALFORMED;
}

/* The packet behind its fixed header. */
static enum picket_status read_rest(uint8_t first, const uint8_t *bytes, size_t length,
                                    struct mqtt_packet *ret, struct err *reterr)
{
    const struct form *form = &forms[first >> 4];
    struct mqtt_packet packet = {.type = (enum mqtt_type)(first >> 4)};
    struct reading reading = {
        .bytes = bytes, .left = length, .flags = first & 15, .name = form->name, .reterr = reterr};

    form->read(&reading, &packet);
    if (reading.left > 0) {
        refuse(&reading, "[MQTT-4.8.0-1] it is longer than its fields");
    }
    if (reading.is_failed) {
        return PICKET_E_MALFORMED;
    }
    *ret = packet;
    return PICKET_OK;
}

enum picket_status mqtt_read(const uint8_t *bytes, size_t length, size_t bytes_max,
                             struct mqtt_packet *ret, size_t *ret_used, struct err *reterr)
{
    size_t begin = 0;
    size_t rest = 0;
    enum picket_status status = length == 0 ? PICKET_E_EMPTY : check_first(bytes[0], reterr);

    if (status == PICKET_OK) {
        status = read_header(bytes, length, &begin, &rest, reterr);
    }
    if (status == PICKET_OK && begin + rest > bytes_max) {
        err_set(reterr, "%s: it has %zu bytes; allowed are %zu", forms[bytes[0] >> 4].name,
                begin + rest, bytes_max);
        return PICKET_E_LIMIT;
    }
    if (status == PICKET_OK && length - begin < rest) {
        status = PICKET_E_EMPTY;
    }
    if (status == PICKET_OK) {
        status = read_rest(bytes[0], bytes + begin, rest, ret, reterr);
    }
    if (status == PICKET_OK || status == PICKET_E_EMPTY) {
        *ret_used = begin + rest;
    }
    return status;
}

bool mqtt_next_filter(struct mqtt_filters *filters, struct mqtt_text *ret, uint8_t *ret_qos)
{
    struct mqtt_bytes *rest = &filters->rest;
    size_t length = 0;
    size_t used = 0;

    if (rest->length == 0) {
        return false;
    }
    length = (size_t)(rest->bytes[0] << 8 | rest->bytes[1]);
    used = 2 + length + (filters->has_qos ? 1 : 0);
    *ret = (struct mqtt_text){(const char *)rest->bytes + 2, length};
    *ret_qos = filters->has_qos ? rest->bytes[used - 1] : 0;
    rest->bytes += used;
    rest->length -= used;
    return true;
}
