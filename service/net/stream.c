/* SPDX-License-Identifier: MIT */
#include "net/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_server.h"

bool stream_open(struct stream *stream, int socket, struct tls_server *tls)
{
    *stream = (struct stream){.socket = socket};
    if (tls == NULL) {
        return true;
    }
    stream->tls = tls_server_accept(tls, socket);
    if (stream->tls == NULL) {
        close(socket);
        return false;
    }
    return true;
}

/* What a call of OpenSSL came to, which returned @p result. */
static enum stream_state tls_state(struct stream *stream, int result)
{
    int error = SSL_get_error(stream->tls, result);

    stream->waits_to_write = error == SSL_ERROR_WANT_WRITE;
    if (error == SSL_ERROR_NONE) {
        return STREAM_GOOD;
    }
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? STREAM_WAITS
                                                                         : STREAM_OVER;
}

/* What a call of the socket came to, which returned @p result. */
static enum stream_state socket_state(ssize_t result, size_t *ret_length)
{
    if (result > 0) {
        *ret_length = (size_t)result;
        return STREAM_GOOD;
    }
    return result < 0 && (errno == EAGAIN || errno == EINTR) ? STREAM_WAITS : STREAM_OVER;
}

enum stream_state stream_shake_hands(struct stream *stream)
{
    if (stream->tls == NULL) {
        return STREAM_GOOD;
    }
    ERR_clear_error();
    return tls_state(stream, SSL_do_handshake(stream->tls));
}

enum stream_state stream_read(struct stream *stream, uint8_t *bytes, size_t size,
                              size_t *ret_length)
{
    if (stream->tls == NULL) {
        return socket_state(recv(stream->socket, bytes, size, 0), ret_length);
    }
    ERR_clear_error();
    return tls_state(stream, SSL_read_ex(stream->tls, bytes, size, ret_length));
}

enum stream_state stream_write(struct stream *stream, const void *bytes, size_t length,
                               size_t *ret_length)
{
    enum stream_state state;

    if (stream->tls != NULL) {
        ERR_clear_error();
        return tls_state(stream, SSL_write_ex(stream->tls, bytes, length, ret_length));
    }
    state = socket_state(send(stream->socket, bytes, length, MSG_NOSIGNAL), ret_length);
    stream->waits_to_write = state == STREAM_WAITS;
    return state;
}

void stream_finish(struct stream *stream)
{
    if (stream->tls != NULL && SSL_is_init_finished(stream->tls)) {
        ERR_clear_error();
        (void)SSL_shutdown(stream->tls); /* the first half of it: nobody waits for the other */
    }
    (void)shutdown(stream->socket, SHUT_WR);
}

void stream_close(struct stream *stream)
{
    SSL_free(stream->tls);
    close(stream->socket);
}
