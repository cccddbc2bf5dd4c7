/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/mqtt_inside.h"

#define CONNECT_BYTES_MAX 4096u
#define REPLIES_BYTES_MAX 4096u /* who does not take these is not read from */
#define BURST_US          INT64_C(10000000)
#define BUSY_MS           200
#define PACKET_MS         60000 /* for one packet to come in */
#define STALL_MS          30000 /* without a byte taken */
#define LINGER_MS         1000
#define UNSTORED_MS       5000

bool session_has_output(const struct session *session)
{
    return session->out.length > session->sent;
}

void session_end(struct session *session, uint64_t *count)
{
    if (session->stage != SESSION_OVER && count != NULL) {
        (*count)++;
    }
    session->stage = SESSION_OVER;
}

void session_fault(struct mqtt_server *server, struct session *session, enum mqtt_fault fault)
{
    uint64_t *const counts[] = {[MQTT_FAULT_MALFORMED] = &server->stats.malformed,
                                [MQTT_FAULT_TOO_LARGE] = &server->stats.too_large,
                                [MQTT_FAULT_QUALITY] = &server->stats.refused};

    if (session->is_in && session->stage != SESSION_OVER) {
        server->config.handlers->fault(server->config.context, session->context, fault);
    }
    session_end(session, counts[fault]);
}

void session_leave_half_open(struct mqtt_server *server, struct session *session)
{
    if (session->is_half_open) {
        TAILQ_REMOVE(&server->half_open, session, half_open_place);
        server->stats.half_open--;
        session->is_half_open = false;
    }
}

/* --- reading --- */

static bool is_read_from(const struct mqtt_server *server, const struct session *session)
{
    return (session->stage == SESSION_NEW || session->stage == SESSION_OPEN) && !server->is_quiet &&
           session->unacknowledged < server->config.unacknowledged_max &&
           session->resume_ms <= server_now_ms(server) &&
           session->out.length - session->sent <= REPLIES_BYTES_MAX;
}

/* Whether a packet more is within the client's rate; if not, it waits until it is. */
static bool is_affordable(struct mqtt_server *server, struct session *session)
{
    int64_t ahead_us = session->paid_us - server->now_us;

    if (ahead_us <= BURST_US) {
        return true;
    }
    session->resume_ms = (session->paid_us - BURST_US) / 1000 + 1;
    server->stats.throttled++;
    return false;
}

static void pay(const struct mqtt_server *server, struct session *session)
{
    if (session->paid_us < server->now_us) {
        session->paid_us = server->now_us;
    }
    session->paid_us += INT64_C(1000000) / server->config.rate_per_s;
}

/* Works whole packets off, as far as the client may go on; how many bytes they had. */
static size_t work_off(struct mqtt_server *server, struct session *session, const uint8_t *bytes,
                       size_t length)
{
    size_t used = 0;

    session->is_partial = false;
    session->heard_ms = server_now_ms(server);
    while (used < length && is_read_from(server, session) && is_affordable(server, session)) {
        size_t bytes_max =
            session->stage == SESSION_NEW ? CONNECT_BYTES_MAX : server->config.packet_bytes_max;
        struct mqtt_packet packet;
        size_t packet_bytes = 0;
        enum picket_status status =
            mqtt_read(bytes + used, length - used, bytes_max, &packet, &packet_bytes, NULL);

        if (status == PICKET_E_EMPTY) {
            session->is_partial = true;
            break;
        }
        if (status != PICKET_OK) {
            session_fault(server, session,
                          status == PICKET_E_LIMIT ? MQTT_FAULT_TOO_LARGE : MQTT_FAULT_MALFORMED);
            break;
        }
        if (!protocol_take(server, session, &packet)) {
            session->resume_ms = server_now_ms(server) + BUSY_MS;
            break;
        }
        pay(server, session);
        used += packet_bytes;
    }
    return used;
}

static void work_off_kept(struct mqtt_server *server, struct session *session)
{
    struct buf *in = &session->in;
    size_t used = work_off(server, session, (const uint8_t *)in->bytes, in->length);

    if (used == in->length) {
        buf_deinit(in);
    } else if (used > 0) {
        memmove(in->bytes, in->bytes + used, in->length - used);
        in->length -= used;
        session->began_ms = server_now_ms(server);
    }
}

/* Packets that came whole, as nearly all do, are worked off where they lie. */
static void take_bytes(struct mqtt_server *server, struct session *session, const uint8_t *bytes,
                       size_t length)
{
    if (session->in.length > 0) {
        buf_add(&session->in, bytes, length);
        if (!session->in.is_failed) {
            work_off_kept(server, session);
        }
    } else {
        size_t used = work_off(server, session, bytes, length);

        if (used < length) {
            buf_add(&session->in, bytes + used, length - used);
            session->began_ms = server_now_ms(server);
        }
    }
    if (session->in.is_failed) { /* memory */
        session_end(session, NULL);
    }
}

static void read_some(struct mqtt_server *server, struct session *session)
{
    size_t length = 0;
    enum stream_state state =
        stream_read(&session->stream, server->scratch, MQTT_READ_BYTES, &length);

    if (state == STREAM_OVER) {
        session_end(session, NULL);
    } else if (state == STREAM_GOOD && session->stage != SESSION_LINGERING) {
        take_bytes(server, session, server->scratch, length);
    }
}

static void shake_hands(struct mqtt_server *server, struct session *session)
{
    enum stream_state state = stream_shake_hands(&session->stream);

    if (state == STREAM_OVER) {
        session_end(session, &server->stats.handshakes_failed);
    } else if (state == STREAM_GOOD) {
        session->stage = SESSION_NEW;
    }
}

/* --- writing --- */

/* What other threads want sent. */
static bool fetch_mail(struct mqtt_server *server, struct session *session)
{
    struct buf empty = session->out;

    pthread_mutex_lock(&server->lock);
    if (!session->mail.packets.is_failed) {
        session->out = session->mail.packets;
        session->mail.packets = empty;
    }
    pthread_mutex_unlock(&server->lock);
    return session_has_output(session);
}

/* How much of `out` goes now; false if it must wait. */
static bool write_some(struct mqtt_server *server, struct session *session)
{
    size_t written = 0;
    enum stream_state state = stream_write(&session->stream, session->out.bytes + session->sent,
                                           session->out.length - session->sent, &written);

    if (state == STREAM_GOOD || (session->interest & EPOLLOUT) == 0) {
        session->wrote_ms = server_now_ms(server);
    }
    if (state == STREAM_OVER) {
        session_end(session, NULL);
    }
    session->sent += written;
    return state == STREAM_GOOD;
}

static void flush(struct mqtt_server *server, struct session *session)
{
    bool goes_on = !session->out.is_failed;

    if (!goes_on) { /* memory: it may end in the middle of a packet */
        session_end(session, NULL);
    }
    while (goes_on && session->stage != SESSION_OVER &&
           (session_has_output(session) || fetch_mail(server, session))) {
        goes_on = write_some(server, session);
        if (!session_has_output(session)) {
            buf_deinit(&session->out);
            session->sent = 0;
        }
    }
}

/* --- waiting --- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When a client that is read from must have sent something. */
static int64_t overdue_ms(const struct session *session)
{
    int64_t overdue = MQTT_NEVER;

    if ((session->interest & EPOLLIN) == 0 || session->stage != SESSION_OPEN) {
        return MQTT_NEVER;
    }
    if (session->keep_alive_s > 0) { /* [MQTT-3.1.2-24] */
        overdue = session->heard_ms + session->keep_alive_s * INT64_C(1500);
    }
    return session->in.length > 0 ? earlier(overdue, session->began_ms + PACKET_MS) : overdue;
}

static int64_t stalled_ms(const struct session *session)
{
    return session_has_output(session) ? session->wrote_ms + STALL_MS : MQTT_NEVER;
}

static void set_timer(struct mqtt_server *server, struct session *session)
{
    int64_t due_ms =
        earlier(session->deadline_ms, earlier(overdue_ms(session), stalled_ms(session)));

    if (session->resume_ms > server_now_ms(server)) {
        due_ms = earlier(due_ms, session->resume_ms);
    }
    if (due_ms == MQTT_NEVER) {
        wheel_stop(&session->timer);
    } else if (session->timer.next == NULL || due_ms < session->timer.due_ms) {
        wheel_set(&server->wheel, &session->timer, due_ms); /* one too early finds out by itself */
    }
}

static void watch(struct mqtt_server *server, struct session *session)
{
    struct epoll_event event = {.data.u64 = session->number};
    bool is_read = is_read_from(server, session);

    if (is_read && (session->interest & EPOLLIN) == 0) { /* it could not be heard until now */
        session->heard_ms = server_now_ms(server);
        session->began_ms = server_now_ms(server);
    }
    if (session->stage == SESSION_SHAKING) {
        event.events = session->stream.waits_to_write ? EPOLLOUT : EPOLLIN;
    } else {
        event.events |= is_read || session->stage == SESSION_LINGERING ? EPOLLIN : 0u;
        event.events |=
            session_has_output(session) || session->stream.waits_to_write ? EPOLLOUT : 0u;
    }
    if (event.events != session->interest &&
        epoll_ctl(server->poll, EPOLL_CTL_MOD, session->stream.socket, &event) == 0) {
        session->interest = event.events;
    }
}

void session_settle(struct mqtt_server *server, struct session *session)
{
    flush(server, session);
    while (session->in.length > 0 && !session->is_partial && is_read_from(server, session)) {
        work_off_kept(server, session);
        flush(server, session);
    }
    if (session->stage == SESSION_REFUSED && !session_has_output(session)) {
        stream_finish(&session->stream);
        session->stage = SESSION_LINGERING;
        session->deadline_ms = server_now_ms(server) + LINGER_MS;
    }
    if (session->stage == SESSION_OVER) {
        session_free(server, session);
        return;
    }
    watch(server, session);
    set_timer(server, session);
}

/* --- what happens to it --- */

void session_on_events(struct mqtt_server *server, struct session *session, uint32_t events)
{
    if ((events & (EPOLLERR | EPOLLHUP)) != 0 && (session->interest & EPOLLIN) == 0) {
        session_end(session, NULL); /* it would be told again and again */
    } else if (session->stage == SESSION_SHAKING) {
        shake_hands(server, session);
    } else if (session->stage == SESSION_LINGERING || is_read_from(server, session)) {
        read_some(server, session);
    }
    session_settle(server, session);
}

void session_on_timer(struct mqtt_server *server, struct session *session)
{
    int64_t now_ms = server_now_ms(server);
    bool was_waited_for = session->stage != SESSION_UNSTORED && session->stage != SESSION_LINGERING;

    if (session->deadline_ms <= now_ms) {
        session_end(session, was_waited_for ? &server->stats.too_slow : NULL);
    } else if (overdue_ms(session) <= now_ms || stalled_ms(session) <= now_ms) {
        session_end(session, &server->stats.too_slow);
    }
    session_settle(server, session);
}

/* So that not all clients come back at once. */
static int64_t spread_ms(const struct session *session)
{
    return (int64_t)((session->number >> MQTT_SLOT_BITS) * 997 % UNSTORED_MS);
}

void session_on_mail(struct mqtt_server *server, struct session *session)
{
    bool is_closing = false;
    bool is_unstored = false;

    pthread_mutex_lock(&server->lock);
    is_closing = session->mail.is_closing || session->mail.packets.is_failed;
    is_unstored = session->mail.is_unstored;
    session->unacknowledged -= session->mail.done;
    session->mail.done = 0;
    pthread_mutex_unlock(&server->lock);
    if (is_closing) {
        session_end(session, NULL);
    } else if (is_unstored && session->stage == SESSION_OPEN) {
        session->stage = SESSION_UNSTORED;
        session->deadline_ms = server_now_ms(server) + UNSTORED_MS + spread_ms(session);
    }
    session_settle(server, session);
}

/* --- life --- */

static bool put_in_slot(struct mqtt_server *server, struct session *session)
{
    uint32_t slot = 0;

    if (server->free_count == 0) {
        return false;
    }
    slot = server->free_slots[--server->free_count];
    session->number = ++server->numbers << MQTT_SLOT_BITS | slot;
    pthread_mutex_lock(&server->lock);
    server->slots[slot] = session;
    pthread_mutex_unlock(&server->lock);
    return true;
}

void session_begin(struct mqtt_server *server, int socket, const struct in6_addr *source)
{
    struct session *session = calloc(1, sizeof(*session));
    struct epoll_event event = {.events = EPOLLIN};

    if (session == NULL) {
        close(socket);
        return;
    }
    if (!stream_open(&session->stream, socket, server->tls)) {
        free(session);
        return;
    }
    session->stage = server->tls == NULL ? SESSION_NEW : SESSION_SHAKING;
    session->source = *source;
    session->interest = event.events;
    session->deadline_ms = server_now_ms(server) + server->config.connect_s * INT64_C(1000);
    buf_init(&session->in, server->config.packet_bytes_max + MQTT_READ_BYTES);
    buf_init(&session->out, 2 * MQTT_MAIL_BYTES_MAX);
    buf_init(&session->mail.packets, 2 * MQTT_MAIL_BYTES_MAX);
    buf_init(&session->mail.filters, MQTT_FILTERS_BYTES_MAX);
    if (!put_in_slot(server, session)) {
        stream_close(&session->stream);
        free(session);
        return;
    }
    TAILQ_INSERT_TAIL(&server->half_open, session, half_open_place);
    server->stats.half_open++;
    session->is_half_open = true;
    event.data.u64 = session->number;
    if (epoll_ctl(server->poll, EPOLL_CTL_ADD, socket, &event) != 0) {
        session_end(session, NULL);
    }
    session_settle(server, session);
}

void session_free(struct mqtt_server *server, struct session *session)
{
    uint32_t slot = session->number & ((1u << MQTT_SLOT_BITS) - 1);

    pthread_mutex_lock(&server->lock);
    server->slots[slot] = NULL;
    if (session->mail.is_listed) {
        LIST_REMOVE(session, mail.place);
    }
    pthread_mutex_unlock(&server->lock);
    server->free_slots[server->free_count++] = slot;
    session_leave_half_open(server, session);
    wheel_stop(&session->timer);
    if (session->is_in) {
        server->stats.sessions--;
        server->config.handlers->end(server->config.context, session->context);
    }
    buf_deinit(&session->in);
    buf_deinit(&session->out);
    buf_deinit(&session->mail.packets);
    buf_deinit(&session->mail.filters);
    stream_close(&session->stream);
    free(session);
}
