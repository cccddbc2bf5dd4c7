/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <string.h>

#include <lwip/api.h>
#include <lwip/inet_chksum.h>
#include <lwip/prot/icmp.h>
#include <lwip/prot/icmp6.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip6.h>
#include <lwip/sys.h>

#define ECHO_PORT   7
#define WAIT_MS     5000
#define PING_BYTES  8u /* of its header, and the least that a datagram has */
#define STACK_BYTES 0  /* the port's default */
#define PRIORITY    0

/* ---- Echo ---- */

static void echo_tcp(void *argument)
{
    struct netconn *listener = argument;
    struct netconn *connection = NULL;
    struct netbuf *received = NULL;

    while (netconn_accept(listener, &connection) == ERR_OK) {
        while (netconn_recv(connection, &received) == ERR_OK) {
            void *bytes = NULL;
            u16_t length = 0;

            do {
                (void)netbuf_data(received, &bytes, &length);
                (void)netconn_write(connection, bytes, length, NETCONN_COPY);
            } while (netbuf_next(received) >= 0);
            netbuf_delete(received);
        }
        (void)netconn_delete(connection);
    }
}

/* Not the netbuf that was received: lwIP leaves its flags as they happen to be. */
static void answer(struct netconn *connection, const struct netbuf *received)
{
    u16_t length = netbuf_len(received);
    struct netbuf *sent = netbuf_new();
    void *room = sent != NULL ? netbuf_alloc(sent, length) : NULL;

    if (room != NULL) {
        (void)netbuf_copy(received, room, length);
        (void)netconn_sendto(connection, sent, netbuf_fromaddr(received),
                             netbuf_fromport(received));
    }
    netbuf_delete(sent);
}

static void echo_udp(void *argument)
{
    struct netconn *connection = argument;
    struct netbuf *received = NULL;

    while (netconn_recv(connection, &received) == ERR_OK) {
        answer(connection, received);
        netbuf_delete(received);
    }
}

static bool serve(enum netconn_type type, lwip_thread_fn run, const char *name)
{
    struct netconn *connection = netconn_new(type);

    if (connection == NULL || netconn_bind(connection, IP_ANY_TYPE, ECHO_PORT) != ERR_OK) {
        return false;
    }
    if (NETCONNTYPE_GROUP(type) == NETCONN_TCP && netconn_listen(connection) != ERR_OK) {
        return false;
    }
    (void)sys_thread_new(name, run, connection, STACK_BYTES, PRIORITY);
    return true;
}

bool talk_serve(void)
{
    return serve(NETCONN_TCP_IPV6, echo_tcp, "echo_tcp") &&
           serve(NETCONN_UDP_IPV6, echo_udp, "echo_udp");
}

/* ---- Questions ---- */

static const uint8_t zeros[UINT16_MAX];

static struct netconn *connect_to(enum netconn_type type, u8_t protocol, const ip_addr_t *peer,
                                  uint16_t port)
{
    int family = IP_IS_V6(peer) ? NETCONN_TYPE_IPV6 : 0;
    struct netconn *connection = netconn_new_with_proto_and_callback(
        (enum netconn_type)((int)type | family), protocol, NULL);

    if (connection == NULL) {
        return NULL;
    }
    netconn_set_recvtimeout(connection, WAIT_MS);
    if (netconn_connect(connection, peer, port) != ERR_OK) {
        (void)netconn_delete(connection);
        return NULL;
    }
    return connection;
}

/* True if @p bytes come before the time is over. */
static bool is_answered(struct netconn *connection, size_t bytes)
{
    struct netbuf *received = NULL;
    size_t count = 0;

    while (count < bytes && netconn_recv(connection, &received) == ERR_OK) {
        count += netbuf_len(received);
        netbuf_delete(received);
    }
    return count >= bytes;
}

/* A head, and zeros up to @p bytes. */
static bool send_datagram(struct netconn *connection, const uint8_t head[PING_BYTES],
                          uint16_t bytes)
{
    struct netbuf *sent = netbuf_new();
    uint8_t *room = bytes >= PING_BYTES && sent != NULL ? netbuf_alloc(sent, bytes) : NULL;
    bool is_sent = false;

    if (room != NULL) {
        memset(room, 0, bytes);
        memcpy(room, head, PING_BYTES);
        is_sent = netconn_send(connection, sent) == ERR_OK;
    }
    netbuf_delete(sent);
    return is_sent;
}

bool talk_tcp(const ip_addr_t *peer, uint16_t port, uint16_t bytes)
{
    struct netconn *connection = connect_to(NETCONN_TCP, 0, peer, port);
    bool is_good = false;

    if (connection != NULL) {
        is_good = netconn_write(connection, zeros, bytes, NETCONN_NOCOPY) == ERR_OK &&
                  is_answered(connection, bytes);
        (void)netconn_delete(connection);
    }
    return is_good;
}

bool talk_udp(const ip_addr_t *peer, uint16_t port, uint16_t bytes)
{
    struct netconn *connection = connect_to(NETCONN_UDP, 0, peer, port);
    bool is_good = false;

    if (connection != NULL) {
        is_good = send_datagram(connection, zeros, bytes) && is_answered(connection, bytes);
        (void)netconn_delete(connection);
    }
    return is_good;
}

bool talk_ping(const ip_addr_t *peer, uint16_t port, uint16_t bytes)
{
    bool is_ipv6 = IP_IS_V6(peer);
    uint8_t head[PING_BYTES] = {is_ipv6 ? ICMP6_TYPE_EREQ : ICMP_ECHO};
    u8_t protocol = is_ipv6 ? IP6_NEXTH_ICMP6 : IP_PROTO_ICMP;
    struct netconn *connection = connect_to(NETCONN_RAW, protocol, peer, port);
    u16_t sum = inet_chksum(head, PING_BYTES); /* zeros add nothing; lwIP itself does ICMPv6's */
    bool is_good = false;

    if (connection == NULL) {
        return false;
    }
    if (!is_ipv6) {
        memcpy(head + 2, &sum, sizeof(sum));
    }
    is_good = send_datagram(connection, head, bytes) && is_answered(connection, bytes);
    (void)netconn_delete(connection);
    return is_good;
}
