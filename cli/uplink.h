/* SPDX-License-Identifier: MIT */
#ifndef CLI_UPLINK_H
#define CLI_UPLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "picket/status.h"

/**
 * A connection to a service or a broker, with TLS or without: nothing blocks, and one that has
 * nothing to do holds no buffer.
 *
 * Life: all zero; open, then turn until it is up, read and write, close; and again.
 */
struct addrinfo;
struct err;
struct ssl_ctx_st;
struct ssl_st;

/** Where links go, and how both sides know each other. */
struct uplink_place {
    char scheme[8]; /* "http", "https", "mqtt" or "mqtts" */
    char host[256];
    char port[6];
    const char *authority;    /* PEM; NULL: those of the system */
    const char *certificates; /* folder with ID.pem and ID.key for devices; NULL: none, or: */
    const char *certificate;  /* PEM, of all; NULL: none */
    const char *key;
    struct addrinfo *addresses;
    const struct addrinfo *at; /* the one that is tried next */
    struct ssl_ctx_st *tls;    /* NULL: none */
};

/** Takes "SCHEME://HOST:PORT" apart, and reads all files but those of devices. Errors: a sentence;
 * uplink_place_deinit() all the same. */
PICKET_MUST_CHECK enum picket_status uplink_place_init(struct uplink_place *place, const char *url,
                                                       struct err *reterr);
void uplink_place_deinit(struct uplink_place *place);
/** Whether @p url is one of MQTT. */
bool uplink_is_mqtt(const char *url);
/** Looks its addresses up, anew; blocks. PICKET_E_IO with a sentence if there are none. */
PICKET_MUST_CHECK enum picket_status uplink_place_find(struct uplink_place *place,
                                                       struct err *reterr);

enum uplink_state { UPLINK_DOWN, UPLINK_CONNECTING, UPLINK_SHAKING, UPLINK_UP };

struct uplink {
    enum uplink_state state;
    int fd;
    struct ssl_st *ssl;
    uint8_t *left; /* written, and not yet taken by the socket */
    size_t left_length;
    uint8_t *part; /* read, and not yet a whole answer */
    size_t part_length;
};

/** Begins to connect; @p device is whose certificate is shown. PICKET_E_IO if that can't be. */
PICKET_MUST_CHECK enum picket_status uplink_open(struct uplink *link,
                                                 const struct uplink_place *place,
                                                 const char *device, struct err *reterr);
void uplink_close(struct uplink *link);

/** Goes on to connect, to shake hands, or to write what is left. PICKET_E_IO: it is over. */
PICKET_MUST_CHECK enum picket_status uplink_turn(struct uplink *link, struct err *reterr);
/** Whether it waits to write, and not only to read. */
bool uplink_is_waiting(const struct uplink *link);

/** Writes now or keeps a copy. PICKET_E_IO, PICKET_E_NOMEM: it is over, as it is when something is
 * left from before: whoever has answered that without reading it is none of ours. */
PICKET_MUST_CHECK enum picket_status uplink_write(struct uplink *link, const void *bytes,
                                                  size_t length);
/** Reads behind the part that was kept, which comes first: how many bytes are in @p bytes then. 0:
 * nothing new; -1: it is over. */
ssize_t uplink_read(struct uplink *link, uint8_t *bytes, size_t capacity);
/** Keeps what was read until more comes. PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status uplink_keep(struct uplink *link, const uint8_t *bytes,
                                                 size_t length);

#endif
