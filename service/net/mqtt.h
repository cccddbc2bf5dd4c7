/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_MQTT_H
#define SERVICE_NET_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/mqtt_packet.h"
#include "net/tls.h"
#include "picket/status.h"

/**
 * An MQTT 3.1.1 listener over TLS (or plain, on loopback); knows nothing about devices.
 *
 * It is no broker: what clients publish goes to the handlers and to no other client; what they
 * subscribe to is what mqtt_send() sends them. CONNECT, PUBLISH with QoS 0 and 1, PUBACK,
 * SUBSCRIBE, UNSUBSCRIBE, PINGREQ and DISCONNECT are served, wills are taken and ignored, sessions
 * are always clean, everything else is refused as the standard says.
 *
 * A PUBLISH is acknowledged by mqtt_acknowledge() and not before. Until then it counts against the
 * client's share: a client that has as many unacknowledged as it may is not read from, which is
 * the back-pressure that MQTT has. No client ever delays another: nothing blocks, and each client's
 * buffers, rate and handshake time are bounded.
 *
 * Threads: one of its own for all sockets (epoll). Handlers are called on it and must not block;
 *          mqtt_acknowledge(), mqtt_send() and mqtt_close() may be called from any thread.
 */
struct err;
struct mqtt_server;

/** What a client presents with its CONNECT; borrowed for the call. */
struct mqtt_client {
    const struct mqtt_connect *connect;
    const struct tls_certificate *certificates; /* the leaf first; of what is not proved: none */
    size_t certificate_count;
    const char *source; /* numeric address */
    uint64_t session;   /* never used again for another connection */
};

/** What becomes of a PUBLISH. */
enum mqtt_answer {
    MQTT_LATER, /* mqtt_acknowledge() will be called with its ticket; with QoS 0 as well */
    MQTT_DONE,  /* at once */
    MQTT_BUSY, /* there is no room now: the client is not read from for a while, then asked again */
    MQTT_CLOSE /* the client may not do this */
};

/** What ends a session, without a word, as the standard asks. */
enum mqtt_fault {
    MQTT_FAULT_MALFORMED, /* against the standard */
    MQTT_FAULT_TOO_LARGE,
    MQTT_FAULT_QUALITY /* of service 2 */
};

/** A PUBLISH that waits for its acknowledgement. */
struct mqtt_ticket {
    uint64_t session;
    uint16_t id; /* 0: QoS 0, nothing is sent, but its share is given back */
};

struct mqtt_handlers {
    /* Says who may come in; *ret_context goes with the session. */
    enum mqtt_connack (*connect)(void *context, const struct mqtt_client *client,
                                 void **ret_context);
    enum mqtt_answer (*publish)(void *context, void *session_context,
                                const struct mqtt_publish *publish,
                                const struct mqtt_ticket *ticket);
    /* True if the client may hear of @p filter, which need not end with a NUL. */
    bool (*subscribe)(void *context, void *session_context, const struct mqtt_text *filter);
    /* The client did what ends its session; end() follows. */
    void (*fault)(void *context, void *session_context, enum mqtt_fault fault);
    /* The session is over: exactly once for each that connect() let in. */
    void (*end)(void *context, void *session_context);
};

/** Why clients were turned away; counted by the listener. */
struct mqtt_stats {
    uint64_t sessions;          /* now */
    uint64_t half_open;         /* now: connected, but no CONNECT yet */
    uint64_t accepted;          /* sessions, ever */
    uint64_t published;         /* PUBLISH packets taken, ever */
    uint64_t handshakes_failed; /* of TLS */
    uint64_t denied;    /* connections that connect() did not let in, or of another version */
    uint64_t malformed; /* closed: against the standard */
    uint64_t refused;   /* closed: MQTT_CLOSE, or quality of service 2 */
    uint64_t too_large; /* closed: a packet larger than allowed */
    uint64_t too_slow;  /* closed: handshake, CONNECT or keep-alive overdue, or reads too slowly */
    uint64_t turned_away; /* closed: no place for another session or half-open connection */
    uint64_t throttled;   /* times that a client had to wait for its rate */
};

struct mqtt_config {
    const char *address;     /* numeric */
    uint16_t port;           /* 0: any free one */
    const char *certificate; /* paths, PEM; NULL: no TLS */
    const char *key;
    unsigned sessions_max;
    unsigned half_open_max; /* of these, a quarter at most from one address */
    unsigned connect_s;     /* for handshake and CONNECT together */
    unsigned packet_bytes_max;
    unsigned rate_per_s;         /* PUBLISH packets of one client; bursts of ten seconds' worth */
    unsigned unacknowledged_max; /* of one client */
    const struct mqtt_handlers *handlers; /* borrowed */
    void *context;
};

PICKET_MUST_CHECK enum picket_status mqtt_server_new(const struct mqtt_config *config,
                                                     struct mqtt_server **ret, struct err *reterr);
PICKET_MUST_CHECK enum picket_status mqtt_server_start(struct mqtt_server *server,
                                                       struct err *reterr);
/** The port listened on. */
uint16_t mqtt_server_port(const struct mqtt_server *server);
/** Reads certificate and key anew; on failure the old ones stay. Context: any thread. */
PICKET_MUST_CHECK enum picket_status mqtt_server_reload(struct mqtt_server *server,
                                                        struct err *reterr);
/** No handler but end() is called after it returns; acknowledgements still go out. */
void mqtt_server_quiesce(struct mqtt_server *server);
/** Sends what waits, for a second at most, then closes all. NULL is allowed. */
void mqtt_server_free(struct mqtt_server *server);

/** Sends the PUBACK. If not @p is_good, the client is not read from any more, and its session
 * closed some seconds later: it will send again then. A session that is over is no error. */
void mqtt_acknowledge(struct mqtt_server *server, const struct mqtt_ticket *ticket, bool is_good);
/** Sends with QoS 0 to a client that subscribed to it; false if it did not, or is gone or too slow.
 * Bytes are copied. */
bool mqtt_send(struct mqtt_server *server, uint64_t session, const char *topic,
               const uint8_t *bytes, size_t length);
/** Ends a session. */
void mqtt_close(struct mqtt_server *server, uint64_t session);
void mqtt_server_get_stats(struct mqtt_server *server, struct mqtt_stats *ret);

#endif
