/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_MQTT_PACKET_H
#define SERVICE_NET_MQTT_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Control packets of MQTT 3.1.1 (OASIS standard, 29 October 2014): bytes to structs and back, for
 * both ends. No I/O, no state, no memory of its own: what is read points into the bytes.
 *
 * Errors: PICKET_E_MALFORMED with the requirement that is broken ([MQTT-2.2.2-1] …) in @p reterr;
 *         the standard then asks for the connection to be closed without a word.
 */
struct buf;
struct err;

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK = 2,
    MQTT_PUBLISH = 3,
    MQTT_PUBACK = 4,
    MQTT_PUBREC = 5,
    MQTT_PUBREL = 6,
    MQTT_PUBCOMP = 7,
    MQTT_SUBSCRIBE = 8,
    MQTT_SUBACK = 9,
    MQTT_UNSUBSCRIBE = 10,
    MQTT_UNSUBACK = 11,
    MQTT_PINGREQ = 12,
    MQTT_PINGRESP = 13,
    MQTT_DISCONNECT = 14
};

/** Return codes of a CONNACK (§3.2.2.3). */
enum mqtt_connack {
    MQTT_ACCEPTED = 0,
    MQTT_BAD_PROTOCOL = 1,
    MQTT_BAD_CLIENT_ID = 2,
    MQTT_UNAVAILABLE = 3,
    MQTT_BAD_CREDENTIALS = 4,
    MQTT_NOT_AUTHORIZED = 5
};

#define MQTT_SUBACK_REFUSED 0x80u /* §3.9.3 */

/** UTF-8 without U+0000, checked [MQTT-1.5.3]; not terminated; bytes NULL: not there. */
struct mqtt_text {
    const char *bytes;
    size_t length;
};

struct mqtt_bytes {
    const uint8_t *bytes; /* NULL: not there */
    size_t length;
};

/** A will is checked and left out: nobody asks for it. */
struct mqtt_connect {
    struct mqtt_text client_id;
    struct mqtt_text user;
    struct mqtt_bytes password;
    uint16_t keep_alive_s; /* 0: none */
    uint8_t level;         /* 4 is 3.1.1; for another one nothing else is filled in */
    bool is_clean;
};

struct mqtt_publish {
    struct mqtt_text topic; /* without wildcards */
    struct mqtt_bytes payload;
    uint16_t id; /* 0 with QoS 0 */
    uint8_t qos;
    bool is_repeat; /* DUP */
    bool is_retained;
};

/** Topic filters of a SUBSCRIBE or UNSUBSCRIBE, read one by one with mqtt_next_filter(). */
struct mqtt_filters {
    struct mqtt_bytes rest;
    uint16_t id;
    bool has_qos; /* of a SUBSCRIBE */
};

struct mqtt_packet {
    enum mqtt_type type;
    union {
        struct mqtt_connect connect;
        struct mqtt_publish publish;
        struct mqtt_filters filters;
        uint16_t id; /* PUBACK to PUBCOMP, UNSUBACK */
        struct {
            uint16_t id;
            struct mqtt_bytes codes;
        } suback;
        struct {
            uint8_t code;
            bool has_session;
        } connack;
    };
};

/**
 * Reads the packet that @p bytes begins with; *ret_used: how long it is.
 *
 * Errors: PICKET_E_EMPTY if there is more to come (then *ret_used is how many bytes it will have,
 *         or 0 if that is not known yet); PICKET_E_LIMIT if it has more than @p bytes_max;
 *         PICKET_E_MALFORMED.
 */
PICKET_MUST_CHECK enum picket_status mqtt_read(const uint8_t *bytes, size_t length,
                                               size_t bytes_max, struct mqtt_packet *ret,
                                               size_t *ret_used, struct err *reterr);
/** The next filter; false behind the last. All of them were checked by mqtt_read(). */
bool mqtt_next_filter(struct mqtt_filters *filters, struct mqtt_text *ret, uint8_t *ret_qos);
/** Whether @p topic is one that @p filter means (§4.7). */
bool mqtt_filter_has(const struct mqtt_text *filter, const char *topic);

/** Each adds one packet to @p out; what is out of the standard's range is a defect of the caller.
 */
void mqtt_add_connect(struct buf *out, const struct mqtt_connect *connect);
void mqtt_add_connack(struct buf *out, enum mqtt_connack code, bool has_session);
void mqtt_add_publish(struct buf *out, const struct mqtt_publish *publish);
/** PUBACK to PUBCOMP, UNSUBACK. */
void mqtt_add_id(struct buf *out, enum mqtt_type type, uint16_t id);
void mqtt_add_suback(struct buf *out, uint16_t id, const uint8_t *codes, size_t count);
void mqtt_add_subscribe(struct buf *out, uint16_t id, const char *filter, uint8_t qos);
/** PINGREQ, PINGRESP, DISCONNECT. */
void mqtt_add_plain(struct buf *out, enum mqtt_type type);

#endif
