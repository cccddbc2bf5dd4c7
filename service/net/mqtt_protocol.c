/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/mqtt_inside.h"
#include "net/tls_server.h"

#define LEVEL             4u  /* 3.1.1 */
#define FILTERS_ASKED_MAX 32u /* of one SUBSCRIBE: for each the service may have much to do */

/* --- CONNECT --- */

static void format_source(const struct in6_addr *source, char ret_text[INET6_ADDRSTRLEN])
{
    bool is_ipv4 = IN6_IS_ADDR_V4MAPPED(source);

    (void)inet_ntop(is_ipv4 ? AF_INET : AF_INET6, is_ipv4 ? source->s6_addr + 12 : source->s6_addr,
                    ret_text, INET6_ADDRSTRLEN);
}

static enum mqtt_connack ask_who_it_is(struct mqtt_server *server, struct session *session,
                                       const struct mqtt_connect *connect)
{
    struct tls_certificate certificates[TLS_CERTIFICATES_MAX];
    char source[INET6_ADDRSTRLEN];
    struct mqtt_client client = {.connect = connect,
                                 .certificates = certificates,
                                 .source = source,
                                 .session = session->number};
    enum mqtt_connack code = MQTT_UNAVAILABLE;

    format_source(&session->source, source);
    if (session->stream.tls != NULL) {
        client.certificate_count = tls_certificates_get(session->stream.tls, certificates);
    }
    code = server->config.handlers->connect(server->config.context, &client, &session->context);
    tls_certificates_free(certificates, client.certificate_count);
    return code;
}

static enum mqtt_connack judge(struct mqtt_server *server, struct session *session,
                               const struct mqtt_connect *connect)
{
    if (connect->level != LEVEL) {
        return MQTT_BAD_PROTOCOL; /* [MQTT-3.1.2-2] */
    }
    if (connect->client_id.length == 0 && !connect->is_clean) {
        return MQTT_BAD_CLIENT_ID; /* [MQTT-3.1.3-8] */
    }
    if (server->stats.sessions >= server->config.sessions_max) {
        server->stats.turned_away++;
        return MQTT_UNAVAILABLE;
    }
    return ask_who_it_is(server, session, connect);
}

static bool take_connect(struct mqtt_server *server, struct session *session,
                         const struct mqtt_packet *packet)
{
    enum mqtt_connack code = judge(server, session, &packet->connect);

    mqtt_add_connack(&session->out, code, false);
    if (code != MQTT_ACCEPTED) {
        session->stage = SESSION_REFUSED;
        server->stats.denied++;
        return true;
    }
    session->stage = SESSION_OPEN;
    session->is_in = true;
    session->keep_alive_s = packet->connect.keep_alive_s;
    session->deadline_ms = MQTT_NEVER;
    session_leave_half_open(server, session);
    server->stats.sessions++;
    server->stats.accepted++;
    return true;
}

/* --- PUBLISH --- */

static bool take_publish(struct mqtt_server *server, struct session *session,
                         const struct mqtt_packet *packet)
{
    const struct mqtt_publish *publish = &packet->publish;
    const struct mqtt_ticket ticket = {.session = session->number, .id = publish->id};

    if (publish->qos == 2) {
        session_fault(server, session, MQTT_FAULT_QUALITY);
        return true;
    }
    switch (server->config.handlers->publish(server->config.context, session->context, publish,
                                             &ticket)) {
    case MQTT_BUSY:
        return false;
    case MQTT_CLOSE:
        session_end(session, &server->stats.refused); /* [MQTT-3.3.5-2] */
        return true;
    case MQTT_LATER:
        session->unacknowledged++;
        break;
    case MQTT_DONE:
        if (publish->qos > 0) {
            mqtt_add_id(&session->out, MQTT_PUBACK, publish->id);
        }
        break;
    }
    server->stats.published++;
    return true;
}

/* --- SUBSCRIBE and UNSUBSCRIBE --- */

/* Where it stands in the list, or the list's length. */
static size_t find_filter(const struct buf *filters, const struct mqtt_text *filter)
{
    size_t at = 0;

    while (at < filters->length &&
           (strlen(filters->bytes + at) != filter->length ||
            memcmp(filters->bytes + at, filter->bytes, filter->length) != 0)) {
        at += strlen(filters->bytes + at) + 1;
    }
    return at;
}

/* False if there is no room for it. */
static bool add_filter(struct mqtt_server *server, struct buf *filters,
                       const struct mqtt_text *filter)
{
    bool is_in = false;

    pthread_mutex_lock(&server->lock);
    is_in = find_filter(filters, filter) < filters->length; /* [MQTT-3.8.4-3] */
    if (!is_in && filter->length < filters->bytes_max - filters->length) {
        buf_add(filters, filter->bytes, filter->length);
        buf_add(filters, "", 1);
        is_in = !filters->is_failed;
    }
    pthread_mutex_unlock(&server->lock);
    return is_in;
}

static void remove_filter(struct mqtt_server *server, struct buf *filters,
                          const struct mqtt_text *filter)
{
    size_t at = 0;

    pthread_mutex_lock(&server->lock);
    at = find_filter(filters, filter);
    if (at < filters->length) {
        size_t end = at + filter->length + 1;

        memmove(filters->bytes + at, filters->bytes + end, filters->length - end);
        filters->length -= end - at;
    }
    pthread_mutex_unlock(&server->lock);
}

static bool take_subscribe(struct mqtt_server *server, struct session *session,
                           const struct mqtt_packet *packet)
{
    struct mqtt_filters filters = packet->filters;
    struct mqtt_text filter = {NULL, 0};
    struct buf codes;
    size_t asked = 0;
    uint8_t qos = 0;

    buf_init(&codes, filters.rest.length);
    while (mqtt_next_filter(&filters, &filter, &qos)) {
        bool is_allowed =
            asked++ < FILTERS_ASKED_MAX &&
            server->config.handlers->subscribe(server->config.context, session->context, &filter) &&
            add_filter(server, &session->mail.filters, &filter);
        uint8_t code = is_allowed ? 0 : MQTT_SUBACK_REFUSED;

        buf_add(&codes, &code, 1);
    }
    if (codes.is_failed) {
        session_end(session, NULL);
    } else {
        mqtt_add_suback(&session->out, filters.id, (const uint8_t *)codes.bytes, codes.length);
    }
    buf_deinit(&codes);
    return true;
}

static bool take_unsubscribe(struct mqtt_server *server, struct session *session,
                             const struct mqtt_packet *packet)
{
    struct mqtt_filters filters = packet->filters;
    struct mqtt_text filter = {NULL, 0};
    uint8_t qos = 0;

    while (mqtt_next_filter(&filters, &filter, &qos)) {
        remove_filter(server, &session->mail.filters, &filter);
    }
    mqtt_add_id(&session->out, MQTT_UNSUBACK, filters.id); /* [MQTT-3.10.4-5] */
    return true;
}

/* --- the rest --- */

static bool take_pingreq(struct mqtt_server *server, struct session *session,
                         const struct mqtt_packet *packet)
{
    (void)server;
    (void)packet;
    mqtt_add_plain(&session->out, MQTT_PINGRESP);
    return true;
}

static bool take_disconnect(struct mqtt_server *server, struct session *session,
                            const struct mqtt_packet *packet)
{
    (void)server;
    (void)packet;
    session_end(session, NULL);
    return true;
}

/* What clients may send: nothing is sent to them that they would acknowledge. */
static bool (*const takes[16])(struct mqtt_server *server, struct session *session,
                               const struct mqtt_packet *packet) = {
    [MQTT_CONNECT] = take_connect,     [MQTT_PUBLISH] = take_publish,
    [MQTT_SUBSCRIBE] = take_subscribe, [MQTT_UNSUBSCRIBE] = take_unsubscribe,
    [MQTT_PINGREQ] = take_pingreq,     [MQTT_DISCONNECT] = take_disconnect,
};

bool protocol_take(struct mqtt_server *server, struct session *session,
                   const struct mqtt_packet *packet)
{
    bool is_first = session->stage == SESSION_NEW;

    if (is_first != (packet->type == MQTT_CONNECT) || takes[packet->type] == NULL) {
        session_fault(server, session, MQTT_FAULT_MALFORMED); /* [MQTT-3.1.0-1], [MQTT-3.1.0-2] */
        return true;
    }
    return takes[packet->type](server, session, packet);
}
