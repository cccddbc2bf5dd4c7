/* SPDX-License-Identifier: MIT */
#include "net/mqtt.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "net/listener.h"
#include "net/mqtt_inside.h"
#include "net/tls_server.h"

#define EVENTS_MAX     64
#define ACCEPTS_MAX    16   /* between two looks at the clients that are there */
#define HANDSHAKES_US  2000 /* of a round */
#define LAST_WORDS_US  INT64_C(1000000)
#define TCP_IDLE_S     300 /* then the other end is asked if it is still there */
#define EVENT_LISTENER 0u  /* no session has these numbers */
#define EVENT_WAKE     1u

static int64_t monotonic_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* --- new clients --- */

/* IPv6 clients have a /64 to themselves. */
static bool is_same_source(const struct in6_addr *a, const struct in6_addr *b)
{
    return memcmp(a, b, IN6_IS_ADDR_V4MAPPED(a) ? 16 : 8) == 0;
}

static bool has_its_share(const struct mqtt_server *server, const struct in6_addr *source)
{
    const struct session *session = NULL;
    unsigned count = 0;

    TAILQ_FOREACH(session, &server->half_open, half_open_place)
    {
        count += is_same_source(&session->source, source) ? 1 : 0;
    }
    return count * 4 >= server->config.half_open_max;
}

static void take_client(struct mqtt_server *server, int socket, const struct in6_addr *source)
{
    static const int on = 1;
    static const int idle_s = TCP_IDLE_S;

    if (has_its_share(server, source)) {
        server->stats.turned_away++;
        close(socket);
        return;
    }
    if (server->stats.half_open >= server->config.half_open_max) {
        /* The oldest is the likeliest to mean no good: others are done by now. */
        struct session *oldest = TAILQ_FIRST(&server->half_open);

        session_end(oldest, &server->stats.turned_away);
        session_settle(server, oldest);
    }
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    session_begin(server, socket, source);
}

/* Without files left nothing can be accepted, nor turned away: but for the spare one. */
static void turn_away_with_spare(struct mqtt_server *server)
{
    close(server->spare);
    close(accept(server->listener, NULL, NULL));
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->stats.turned_away++;
}

static void accept_clients(struct mqtt_server *server)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        union {
            struct sockaddr any;
            struct sockaddr_in ipv4;
            struct sockaddr_in6 ipv6;
        } peer = {.any.sa_family = AF_UNSPEC};
        socklen_t length = sizeof(peer);
        int socket = accept4(server->listener, &peer.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (socket < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                turn_away_with_spare(server);
            }
            return;
        }
        if (peer.any.sa_family == AF_INET) {
            struct in6_addr mapped = {{{[10] = 0xff, [11] = 0xff}}};

            memcpy(mapped.s6_addr + 12, &peer.ipv4.sin_addr, 4);
            take_client(server, socket, &mapped);
        } else {
            take_client(server, socket, &peer.ipv6.sin6_addr);
        }
    }
}

/* --- the thread --- */

static struct session *find_session(const struct mqtt_server *server, uint64_t number)
{
    uint64_t slot = number & ((1u << MQTT_SLOT_BITS) - 1);
    struct session *session = slot < server->slot_count ? server->slots[slot] : NULL;

    return session != NULL && session->number == number ? session : NULL;
}

/* False if it is a handshake's, which is left for the end of the round. */
static bool take_event(struct mqtt_server *server, const struct epoll_event *event)
{
    struct session *session = NULL;
    uint64_t count = 0;

    if (event->data.u64 == EVENT_LISTENER) {
        accept_clients(server);
        return true;
    }
    if (event->data.u64 == EVENT_WAKE) {
        (void)!read(server->wake, &count, sizeof(count));
        return true;
    }
    session = find_session(server, event->data.u64);
    if (session != NULL && session->stage == SESSION_SHAKING) {
        return false;
    }
    if (session != NULL) {
        session_on_events(server, session, event->events);
    }
    return true;
}

/* Handshakes cost a hundred times what packets do, so that newcomers could hold up who is there:
 * those that find no time in this round are told of again in the next one. */
static void take_handshakes(struct mqtt_server *server, const struct epoll_event *events, int count)
{
    int64_t end_us = monotonic_us() + HANDSHAKES_US;

    for (int i = 0; i < count && monotonic_us() < end_us; i++) {
        struct session *session = find_session(server, events[i].data.u64);

        if (session != NULL && session->stage == SESSION_SHAKING) {
            session_on_events(server, session, events[i].events);
        }
    }
}

static void take_events(struct mqtt_server *server, struct epoll_event *events, int count)
{
    int waiting = 0;

    for (int i = 0; i < count; i++) {
        if (!take_event(server, &events[i])) {
            events[waiting++] = events[i];
        }
    }
    take_handshakes(server, events, waiting);
}

/* One session that has mail; NULL when there is no more. */
static struct session *next_mail(struct mqtt_server *server)
{
    struct session *session = NULL;

    pthread_mutex_lock(&server->lock);
    session = LIST_FIRST(&server->mail);
    if (session != NULL) {
        LIST_REMOVE(session, mail.place);
        session->mail.is_listed = false;
    } else {
        server->is_woken = false;
    }
    pthread_mutex_unlock(&server->lock);
    return session;
}

static void deliver_mail(struct mqtt_server *server)
{
    struct session *session = NULL;

    while ((session = next_mail(server)) != NULL) {
        session_on_mail(server, session);
    }
}

static void run_timers(struct mqtt_server *server)
{
    struct wheel_timer *timer = NULL;

    while ((timer = wheel_next(&server->wheel, server_now_ms(server))) != NULL) {
        session_on_timer(
            server, (struct session *)(void *)((char *)timer - offsetof(struct session, timer)));
    }
}

static void be_quiet(struct mqtt_server *server)
{
    server->is_quiet = true;
    (void)epoll_ctl(server->poll, EPOLL_CTL_DEL, server->listener, NULL);
    for (size_t i = 0; i < server->slot_count; i++) {
        if (server->slots[i] != NULL) {
            session_settle(server, server->slots[i]);
        }
    }
}

static bool has_output(const struct mqtt_server *server)
{
    for (size_t i = 0; i < server->slot_count; i++) {
        if (server->slots[i] != NULL && session_has_output(server->slots[i])) {
            return true;
        }
    }
    return false;
}

/* Tells how things are, and goes where others want it to be. */
static enum mqtt_phase meet_others(struct mqtt_server *server)
{
    enum mqtt_phase wanted = MQTT_RUNNING;

    pthread_mutex_lock(&server->lock);
    server->told = server->stats;
    wanted = server->wanted;
    pthread_mutex_unlock(&server->lock);
    if (wanted != MQTT_RUNNING && !server->is_quiet) {
        be_quiet(server);
        pthread_mutex_lock(&server->lock);
        server->phase = MQTT_QUIET;
        pthread_cond_broadcast(&server->changed);
        pthread_mutex_unlock(&server->lock);
    }
    return wanted;
}

/* Whether what it is stopped for has come about. */
static bool is_done(struct mqtt_server *server, int64_t *until_us)
{
    if (meet_others(server) != MQTT_STOPPED) {
        return false;
    }
    if (*until_us == 0) {
        *until_us = server->now_us + LAST_WORDS_US;
    }
    deliver_mail(server); /* what came before the wish to stop */
    return server->now_us >= *until_us || !has_output(server);
}

static void *run(void *context)
{
    struct mqtt_server *server = context;
    struct epoll_event events[EVENTS_MAX];
    int64_t until_us = 0;

    do {
        bool is_idle = server->free_count == server->slot_count;
        int count = epoll_wait(server->poll, events, EVENTS_MAX, is_idle ? -1 : WHEEL_TICK_MS);

        server->now_us = monotonic_us();
        take_events(server, events, count);
        deliver_mail(server);
        run_timers(server);
    } while (!is_done(server, &until_us));
    return NULL;
}

/* --- what others do --- */

/* Has the thread look at it. The lock is held. */
static void list_mail(struct mqtt_server *server, struct session *session)
{
    static const uint64_t one = 1;

    if (!session->mail.is_listed) {
        LIST_INSERT_HEAD(&server->mail, session, mail.place);
        session->mail.is_listed = true;
    }
    if (!server->is_woken) {
        server->is_woken = true;
        (void)!write(server->wake, &one, sizeof(one));
    }
}

void mqtt_acknowledge(struct mqtt_server *server, const struct mqtt_ticket *ticket, bool is_good)
{
    struct session *session = NULL;

    pthread_mutex_lock(&server->lock);
    session = find_session(server, ticket->session);
    if (session != NULL) {
        session->mail.done++;
        session->mail.is_unstored |= !is_good;
        if (is_good && ticket->id != 0) {
            mqtt_add_id(&session->mail.packets, MQTT_PUBACK, ticket->id);
        }
        list_mail(server, session);
    }
    pthread_mutex_unlock(&server->lock);
}

static bool is_subscribed(const struct session *session, const char *topic)
{
    const struct buf *filters = &session->mail.filters;

    for (size_t at = 0; at < filters->length; at += strlen(filters->bytes + at) + 1) {
        struct mqtt_text filter = {filters->bytes + at, strlen(filters->bytes + at)};

        if (mqtt_filter_has(&filter, topic)) {
            return true;
        }
    }
    return false;
}

bool mqtt_send(struct mqtt_server *server, uint64_t session_number, const char *topic,
               const uint8_t *bytes, size_t length)
{
    const struct mqtt_publish publish = {.topic = {topic, strlen(topic)},
                                         .payload = {bytes, length}};
    struct session *session = NULL;
    bool is_sent = false;

    pthread_mutex_lock(&server->lock);
    session = find_session(server, session_number);
    if (session != NULL && is_subscribed(session, topic) && length < MQTT_MAIL_BYTES_MAX &&
        session->mail.packets.length + length <= MQTT_MAIL_BYTES_MAX) {
        mqtt_add_publish(&session->mail.packets, &publish);
        list_mail(server, session);
        is_sent = true;
    }
    pthread_mutex_unlock(&server->lock);
    return is_sent;
}

void mqtt_close(struct mqtt_server *server, uint64_t session_number)
{
    struct session *session = NULL;

    pthread_mutex_lock(&server->lock);
    session = find_session(server, session_number);
    if (session != NULL) {
        session->mail.is_closing = true;
        list_mail(server, session);
    }
    pthread_mutex_unlock(&server->lock);
}

void mqtt_server_get_stats(struct mqtt_server *server, struct mqtt_stats *ret)
{
    pthread_mutex_lock(&server->lock);
    *ret = server->told;
    pthread_mutex_unlock(&server->lock);
}

uint16_t mqtt_server_port(const struct mqtt_server *server)
{
    return server->port;
}

enum picket_status mqtt_server_reload(struct mqtt_server *server, struct err *reterr)
{
    return server->tls == NULL ? PICKET_OK : tls_server_reload(server->tls, reterr);
}

/* --- life --- */

static void want(struct mqtt_server *server, enum mqtt_phase phase)
{
    static const uint64_t one = 1;

    pthread_mutex_lock(&server->lock);
    server->wanted = phase;
    (void)!write(server->wake, &one, sizeof(one));
    pthread_mutex_unlock(&server->lock);
}

void mqtt_server_quiesce(struct mqtt_server *server)
{
    if (!server->is_running) {
        return;
    }
    want(server, MQTT_QUIET);
    pthread_mutex_lock(&server->lock);
    while (server->phase == MQTT_RUNNING) {
        pthread_cond_wait(&server->changed, &server->lock);
    }
    pthread_mutex_unlock(&server->lock);
}

static void close_file(int file)
{
    if (file >= 0) {
        close(file);
    }
}

void mqtt_server_free(struct mqtt_server *server)
{
    if (server == NULL) {
        return;
    }
    if (server->is_running) {
        want(server, MQTT_STOPPED);
        pthread_join(server->thread, NULL);
    }
    for (size_t i = 0; i < server->slot_count; i++) {
        if (server->slots[i] != NULL) {
            session_free(server, server->slots[i]);
        }
    }
    close_file(server->listener);
    close_file(server->poll);
    close_file(server->wake);
    close_file(server->spare);
    tls_server_free(server->tls);
    pthread_cond_destroy(&server->changed);
    pthread_mutex_destroy(&server->lock);
    free(server->scratch);
    free(server->free_slots);
    free(server->slots);
    free(server);
}

static enum picket_status allocate(struct mqtt_server *server)
{
    size_t count = (size_t)server->config.sessions_max + server->config.half_open_max;

    assert(count < 1u << MQTT_SLOT_BITS && server->config.rate_per_s > 0);
    server->slots = calloc(count, sizeof(struct session *));
    server->free_slots = calloc(count, sizeof(*server->free_slots));
    server->scratch = malloc(MQTT_READ_BYTES);
    if (server->slots == NULL || server->free_slots == NULL || server->scratch == NULL) {
        return PICKET_E_NOMEM;
    }
    server->slot_count = count;
    while (server->free_count < count) {
        server->free_slots[server->free_count] = (uint32_t)(count - 1 - server->free_count);
        server->free_count++;
    }
    return PICKET_OK;
}

enum picket_status mqtt_server_new(const struct mqtt_config *config, struct mqtt_server **ret,
                                   struct err *reterr)
{
    struct mqtt_server *server = calloc(1, sizeof(*server));
    enum picket_status status = PICKET_E_NOMEM;

    if (server == NULL) {
        goto out;
    }
    server->config = *config;
    server->listener = server->poll = server->wake = server->spare = -1;
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    TAILQ_INIT(&server->half_open);
    LIST_INIT(&server->mail);
    status = allocate(server);
    if (status == PICKET_OK && config->certificate != NULL) {
        status = tls_server_new(config->certificate, config->key, &server->tls, reterr);
    }
    if (status == PICKET_OK) {
        *ret = server;
        server = NULL;
    }
out:
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory for the MQTT listener");
    }
    mqtt_server_free(server);
    return status;
}

/* Files, and what epoll watches for from the start; false with errno. */
static bool open_files(struct mqtt_server *server)
{
    struct epoll_event listener = {.events = EPOLLIN, .data.u64 = EVENT_LISTENER};
    struct epoll_event wake = {.events = EPOLLIN, .data.u64 = EVENT_WAKE};

    server->poll = epoll_create1(EPOLL_CLOEXEC);
    server->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return server->poll >= 0 && server->wake >= 0 && server->spare >= 0 &&
           epoll_ctl(server->poll, EPOLL_CTL_ADD, server->listener, &listener) == 0 &&
           epoll_ctl(server->poll, EPOLL_CTL_ADD, server->wake, &wake) == 0;
}

enum picket_status mqtt_server_start(struct mqtt_server *server, struct err *reterr)
{
    sigset_t all, before;
    enum picket_status status = listener_open(server->config.address, server->config.port,
                                              &server->listener, &server->port, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    server->now_us = monotonic_us();
    wheel_init(&server->wheel, server_now_ms(server));
    if (!open_files(server)) {
        err_set(reterr, "the MQTT listener can't start: %s", strerror(errno));
        return PICKET_E_IO;
    }
    sigfillset(&all); /* OpenSSL writes to sockets in a way that raises SIGPIPE */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->is_running = pthread_create(&server->thread, NULL, run, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!server->is_running) {
        err_set(reterr, "there is no thread left for the MQTT listener");
        return PICKET_E_NOMEM;
    }
    return PICKET_OK;
}
