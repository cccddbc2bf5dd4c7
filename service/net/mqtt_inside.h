/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_MQTT_INSIDE_H
#define SERVICE_NET_MQTT_INSIDE_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "net/mqtt.h"
#include "net/stream.h"
#include "net/wheel.h"

/**
 * What the listener's parts share: mqtt.c has the thread and what others call, mqtt_session.c the
 * bytes, waits and end of one client, mqtt_protocol.c the meaning of its packets.
 *
 * Everything belongs to the listener's thread, but for what `lock` guards. A session is freed in
 * one place, session_settle(), which follows whatever was done with it.
 */
struct tls_server;

#define MQTT_MAIL_BYTES_MAX    65536u /* of messages that a client has not taken yet */
#define MQTT_FILTERS_BYTES_MAX 1024u  /* of what a client subscribes to */
#define MQTT_NEVER             INT64_MAX
#define MQTT_SLOT_BITS         20u                 /* of a session's number: where it is kept */
#define MQTT_READ_BYTES        ((size_t)16 * 1024) /* at once: a TLS record */

enum session_stage {
    SESSION_SHAKING, /* TLS handshake */
    SESSION_NEW,     /* CONNECT has not come yet */
    SESSION_OPEN,
    SESSION_UNSTORED,  /* not read from any more; closed later, so that the client sends again */
    SESSION_REFUSED,   /* the CONNACK that says so goes out */
    SESSION_LINGERING, /* it has: the client has a moment to read it */
    SESSION_OVER
};

/* What other threads left for a session; guarded by the server's lock. */
struct session_mail {
    LIST_ENTRY(session) place;
    bool is_listed;
    bool is_closing;    /* at once */
    bool is_unstored;   /* a message was not kept */
    unsigned done;      /* tickets */
    struct buf packets; /* to be sent */
    struct buf filters; /* subscribed to, a NUL behind each */
};

struct session {
    uint64_t number;
    enum session_stage stage;
    struct stream stream;
    uint32_t interest; /* what epoll watches for */
    bool is_in;        /* connect() let it in, so end() is owed */
    bool is_half_open;
    bool is_partial; /* `in` has no whole packet */
    uint16_t keep_alive_s;
    unsigned unacknowledged;
    void *context;  /* of the handlers */
    struct buf in;  /* what came and was not worked off; empty most of the time */
    struct buf out; /* what the client has not taken; empty most of the time */
    size_t sent;    /* of `out` */
    struct wheel_timer timer;
    int64_t deadline_ms; /* of the stage, or MQTT_NEVER */
    int64_t heard_ms;    /* when something came */
    int64_t began_ms;    /* when the packet in `in` began to come */
    int64_t wrote_ms;    /* when some of `out` went, or it began to wait */
    int64_t resume_ms;   /* until then it is not read from */
    int64_t paid_us;     /* until then it has used up its rate */
    struct session_mail mail;
    TAILQ_ENTRY(session) half_open_place;
    struct in6_addr source; /* IPv4 is mapped */
};

LIST_HEAD(session_list, session);
TAILQ_HEAD(session_queue, session);

/* What others want of the listener's thread, and how far it is. */
enum mqtt_phase { MQTT_RUNNING, MQTT_QUIET, MQTT_STOPPED };

struct mqtt_server {
    struct mqtt_config config;
    struct tls_server *tls; /* NULL: plain */
    int listener;
    int poll;
    int wake;
    int spare; /* is closed to make room for a client that is turned away */
    uint16_t port;
    pthread_t thread;
    bool is_running;
    bool is_quiet;
    int64_t now_us; /* monotonic; of this round */
    struct wheel wheel;
    struct session **slots; /* by the low bits of their numbers */
    uint32_t *free_slots;
    size_t free_count;
    size_t slot_count;
    uint64_t numbers;               /* given out */
    struct session_queue half_open; /* the oldest first */
    uint8_t *scratch;
    struct mqtt_stats stats;
    /* Guards all below, the mail of each session, and the entries of `slots` while they are
     * replaced. Held for a few stores, or the copy of a message. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct session_list mail; /* who has some */
    bool is_woken;
    enum mqtt_phase wanted;
    enum mqtt_phase phase;
    struct mqtt_stats told; /* as they were after the last round */
};

static inline int64_t server_now_ms(const struct mqtt_server *server)
{
    return server->now_us / 1000;
}

/* Takes @p socket, which is closed if there is no memory. */
void session_begin(struct mqtt_server *server, int socket, const struct in6_addr *source);
void session_on_events(struct mqtt_server *server, struct session *session, uint32_t events);
void session_on_timer(struct mqtt_server *server, struct session *session);
/* Something was left in its mail. */
void session_on_mail(struct mqtt_server *server, struct session *session);
/* Sends what can be sent, sees to what is watched for and when it is looked at again; frees it if
 * it is over. */
void session_settle(struct mqtt_server *server, struct session *session);
void session_free(struct mqtt_server *server, struct session *session);
/* It is over; @p count: what that counts as, NULL if it is as it should be. */
void session_end(struct session *session, uint64_t *count);
/* It is over since its client is at fault, which is counted. */
void session_fault(struct mqtt_server *server, struct session *session, enum mqtt_fault fault);
void session_leave_half_open(struct mqtt_server *server, struct session *session);
bool session_has_output(const struct session *session);

/* Does what a packet asks for; false if it must be asked again later. */
bool protocol_take(struct mqtt_server *server, struct session *session,
                   const struct mqtt_packet *packet);

#endif
