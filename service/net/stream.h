/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_STREAM_H
#define SERVICE_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The server's end of a TCP connection, with TLS or plain; never blocks, and belongs to one
 * thread. */
struct ssl_st;
struct tls_server;

struct stream {
    int socket;
    struct ssl_st *tls;  /* NULL: plain */
    bool waits_to_write; /* what was tried last waits until it can write, not until it can read */
};

enum stream_state {
    STREAM_GOOD,
    STREAM_WAITS, /* try again when the socket is ready */
    STREAM_OVER   /* only stream_close() is left */
};

/** Takes @p socket; @p tls NULL: plain. False if memory is out; the socket is closed then. */
bool stream_open(struct stream *stream, int socket, struct tls_server *tls);
/** To be called until it is no longer STREAM_WAITS. */
enum stream_state stream_shake_hands(struct stream *stream);
/** What there is, up to @p size bytes and one TLS record. */
enum stream_state stream_read(struct stream *stream, uint8_t *bytes, size_t size,
                              size_t *ret_length);
/** May take less than all. */
enum stream_state stream_write(struct stream *stream, const void *bytes, size_t length,
                               size_t *ret_length);
/** Says that no more will be written. */
void stream_finish(struct stream *stream);
void stream_close(struct stream *stream);

#endif
