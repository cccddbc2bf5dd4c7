/* SPDX-License-Identifier: MIT */
#include "picket_netxduo.h"

#define TCP 6u
#define UDP 17u

#define DAY_TICKS ((ULONG)(86400u * TX_TIMER_TICKS_PER_SECOND))
#define MIX       2654435761u /* spreads a port over 32 bits: 2^32 over the golden ratio */

/** The ports of all instances, each once. */
struct port_list {
    struct picket_listener_record listeners[PICKET_NETXDUO_LISTENERS];
    size_t count;
    uint32_t sum; /* of what they are, whatever their order */
    bool is_cut;
};

static bool has(const struct port_list *list, uint8_t protocol, UINT port)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->listeners[i].protocol == protocol && list->listeners[i].port == port) {
            return true;
        }
    }
    return false;
}

static void add(struct port_list *list, uint8_t protocol, UINT port)
{
    uint32_t mixed = ((uint32_t)protocol << 16 | (uint32_t)port) * MIX;

    if (has(list, protocol, port)) {
        return;
    }
    if (list->count == PICKET_NETXDUO_LISTENERS) {
        list->is_cut = true;
        return;
    }
    list->listeners[list->count++] =
        (struct picket_listener_record){.protocol = protocol, .port = (uint16_t)port};
    list->sum += mixed ^ mixed >> 15;
}

static void add_tcp(struct port_list *list, const NX_IP *ip)
{
    const NX_TCP_LISTEN *first = ip->nx_ip_tcp_active_listen_requests;
    const NX_TCP_LISTEN *listen = first;

    for (unsigned i = 0; listen != NX_NULL && i < NX_MAX_LISTEN_REQUESTS; i++) {
        add(list, TCP, listen->nx_tcp_listen_port);
        listen = listen->nx_tcp_listen_next != first ? listen->nx_tcp_listen_next : NX_NULL;
    }
}

/* What is bound in one slot of the stack's table of ports is a ring. */
static void add_udp_ring(struct port_list *list, const NX_UDP_SOCKET *first, ULONG count_max)
{
    const NX_UDP_SOCKET *socket = first;

    for (ULONG i = 0; socket != NX_NULL && i < count_max; i++) {
        if (socket->nx_udp_socket_port < NX_SEARCH_PORT_START) {
            add(list, UDP, socket->nx_udp_socket_port);
        }
        socket =
            socket->nx_udp_socket_bound_next != first ? socket->nx_udp_socket_bound_next : NX_NULL;
    }
}

static void add_all(struct port_list *list, NX_IP *ip)
{
    if (ip == NULL || tx_mutex_get(&ip->nx_ip_protection, TX_WAIT_FOREVER) != TX_SUCCESS) {
        return; /* it has just been deleted */
    }
    add_tcp(list, ip);
    for (size_t i = 0; i < NX_UDP_PORT_TABLE_SIZE; i++) {
        add_udp_ring(list, ip->nx_ip_udp_port_table[i], ip->nx_ip_udp_created_sockets_count);
    }
    (void)tx_mutex_put(&ip->nx_ip_protection);
}

static bool is_news(const struct picket_netxduo *port, const struct port_list *list)
{
    return !port->has_told || port->told_sum != list->sum ||
           tx_time_get() - port->told_ticks >= DAY_TICKS;
}

enum picket_status picket_netxduo_tell_listeners(struct picket_netxduo *port)
{
    struct port_list list = {.count = 0};
    enum picket_status status = PICKET_OK;

    if (port == NULL) {
        return PICKET_E_ARG;
    }
    if (port->agent == NULL) {
        return PICKET_E_STATE;
    }
    /* The stack's locks first, and let go of: hooks take the agent's lock inside them. */
    for (size_t i = 0; i < PICKET_NETXDUO_INSTANCES; i++) {
        add_all(&list, port->instances[i].ip);
    }
    if (!is_news(port, &list)) {
        return PICKET_OK;
    }
    status = picket_set_listeners(port->agent, list.listeners, list.count);
    if (status != PICKET_OK) {
        return status;
    }
    port->has_told = true;
    port->told_sum = list.sum;
    port->told_ticks = tx_time_get();
    return list.is_cut ? PICKET_E_LIMIT : PICKET_OK;
}
