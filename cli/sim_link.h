/* SPDX-License-Identifier: MIT */
#ifndef CLI_SIM_LINK_H
#define CLI_SIM_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "picket/status.h"

/**
 * A connection of the simulator, with TLS or without: nothing blocks, and one that has nothing to
 * do holds no buffer.
 *
 * Life: all zero; open, then turn until it is up, read and write, close; and again.
 */
struct addrinfo;
struct err;
struct ssl_ctx_st;
struct ssl_st;

/** Where links go, and how both sides know each other. */
struct sim_place {
    char scheme[8]; /* "http", "https", "mqtt" or "mqtts" */
    char host[256];
    char port[6];
    const char *authority;    /* PEM; NULL: those of the system */
    const char *certificates; /* folder with ID.pem and ID.key for devices; NULL: none */
    struct addrinfo *addresses;
    struct ssl_ctx_st *tls; /* NULL: none */
};

/** Takes "SCHEME://HOST:PORT" apart and resolves it. Errors: a sentence; sim_place_deinit() all the
 * same. */
PICKET_MUST_CHECK enum picket_status sim_place_init(struct sim_place *place, const char *url,
                                                    struct err *reterr);
void sim_place_deinit(struct sim_place *place);

enum sim_link_state { SIM_LINK_DOWN, SIM_LINK_CONNECTING, SIM_LINK_SHAKING, SIM_LINK_UP };

struct sim_link {
    enum sim_link_state state;
    int fd;
    struct ssl_st *ssl;
    uint8_t *left; /* written, and not yet taken by the socket */
    size_t left_length;
    uint8_t *part; /* read, and not yet a whole answer */
    size_t part_length;
};

/** Begins to connect; @p device is whose certificate is shown. PICKET_E_IO if that can't be. */
PICKET_MUST_CHECK enum picket_status sim_link_open(struct sim_link *link,
                                                   const struct sim_place *place,
                                                   const char *device, struct err *reterr);
void sim_link_close(struct sim_link *link);

/** Goes on to connect, to shake hands, or to write what is left. PICKET_E_IO: it is over. */
PICKET_MUST_CHECK enum picket_status sim_link_turn(struct sim_link *link, struct err *reterr);
/** Whether it waits to write, and not only to read. */
bool sim_link_is_waiting(const struct sim_link *link);

/** Writes now or keeps a copy; only when nothing is left. PICKET_E_IO, PICKET_E_NOMEM: it is over.
 */
PICKET_MUST_CHECK enum picket_status sim_link_write(struct sim_link *link, const void *bytes,
                                                    size_t length);
/** Reads behind the part that was kept, which comes first: how many bytes are in @p bytes then. 0:
 * nothing new; -1: it is over. */
ssize_t sim_link_read(struct sim_link *link, uint8_t *bytes, size_t capacity);
/** Keeps what was read until more comes. PICKET_E_NOMEM. */
PICKET_MUST_CHECK enum picket_status sim_link_keep(struct sim_link *link, const uint8_t *bytes,
                                                   size_t length);

#endif
