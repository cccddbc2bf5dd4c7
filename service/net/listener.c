/* SPDX-License-Identifier: MIT */
#include "net/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

struct endpoint {
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address;
    socklen_t length;
};

static bool endpoint_init(struct endpoint *endpoint, const char *address, uint16_t port)
{
    memset(endpoint, 0, sizeof(*endpoint));
    if (inet_pton(AF_INET, address, &endpoint->address.ipv4.sin_addr) == 1) {
        endpoint->address.ipv4.sin_family = AF_INET;
        endpoint->address.ipv4.sin_port = htons(port);
        endpoint->length = sizeof(endpoint->address.ipv4);
        return true;
    }
    memset(endpoint, 0, sizeof(*endpoint));
    if (inet_pton(AF_INET6, address, &endpoint->address.ipv6.sin6_addr) == 1) {
        endpoint->address.ipv6.sin6_family = AF_INET6;
        endpoint->address.ipv6.sin6_port = htons(port);
        endpoint->length = sizeof(endpoint->address.ipv6);
        return true;
    }
    return false;
}

static int open_socket(struct endpoint *endpoint)
{
    const int on = 1;
    int listener =
        socket(endpoint->address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (listener >= 0 && (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
                          bind(listener, &endpoint->address.any, endpoint->length) != 0 ||
                          listen(listener, SOMAXCONN) != 0 ||
                          getsockname(listener, &endpoint->address.any, &endpoint->length) != 0)) {
        int cause = errno;

        close(listener);
        errno = cause;
        listener = -1;
    }
    return listener;
}

enum picket_status listener_open(const char *address, uint16_t port, int *ret_socket,
                                 uint16_t *ret_port, struct err *reterr)
{
    struct endpoint endpoint;
    int listener = -1;

    if (!endpoint_init(&endpoint, address, port)) {
        err_set(reterr, "'%s' is no address to listen on", address);
        return PICKET_E_ARG;
    }
    listener = open_socket(&endpoint);
    if (listener < 0) {
        err_set(reterr, "can't listen on %s port %u: %s%s", address, port, strerror(errno),
                errno == EADDRINUSE
                    ? "; another service runs there: stop it, or choose another port"
                    : "");
        return PICKET_E_IO;
    }
    *ret_socket = listener;
    /* The port stands at the same place in both families. */
    *ret_port = ntohs(endpoint.address.ipv4.sin_port);
    return PICKET_OK;
}
