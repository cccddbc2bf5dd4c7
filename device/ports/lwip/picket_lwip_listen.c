/* SPDX-License-Identifier: MIT */
#include "picket_lwip.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#define TCP 6u
#define UDP 17u

#define CHOSEN_FIRST 0xc000u /* of the ports that lwIP chooses itself */
#define DAY_MS       86400000u
#define MIX          2654435761u /* spreads a port over 32 bits: 2^32 over the golden ratio */

/** The ports that are listened on, each once. */
struct port_list {
    struct picket_listener_record listeners[PICKET_LWIP_LISTENERS];
    size_t count;
    uint32_t sum; /* of what they are, whatever their order */
    bool is_cut;
};

static bool has(const struct port_list *list, uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->listeners[i].protocol == protocol && list->listeners[i].port == port) {
            return true;
        }
    }
    return false;
}

static void add(struct port_list *list, uint8_t protocol, uint16_t port)
{
    uint32_t mixed = ((uint32_t)protocol << 16 | port) * MIX;

    if (has(list, protocol, port)) {
        return;
    }
    if (list->count == PICKET_LWIP_LISTENERS) {
        list->is_cut = true;
        return;
    }
    list->listeners[list->count++] =
        (struct picket_listener_record){.protocol = protocol, .port = port};
    list->sum += mixed ^ mixed >> 15;
}

#if LWIP_TCP
static void add_tcp(struct port_list *list)
{
    const struct tcp_pcb_listen *listening = tcp_listen_pcbs.listen_pcbs;

    for (; listening != NULL; listening = listening->next) {
        add(list, TCP, listening->local_port);
    }
}
#else
static void add_tcp(struct port_list *list)
{
    (void)list;
}
#endif

#if LWIP_UDP
static void add_udp(struct port_list *list)
{
    const struct udp_pcb *bound = udp_pcbs;

    for (; bound != NULL; bound = bound->next) {
        if (bound->local_port != 0 && bound->local_port < CHOSEN_FIRST) {
            add(list, UDP, bound->local_port);
        }
    }
}
#else
static void add_udp(struct port_list *list)
{
    (void)list;
}
#endif

static bool is_news(const struct picket_lwip *host, const struct port_list *list)
{
    return !host->has_told || host->told_sum != list->sum || sys_now() - host->told_ms >= DAY_MS;
}

enum picket_status picket_lwip_tell_listeners(struct picket_lwip *host, struct picket_agent *agent)
{
    struct port_list list = {.count = 0};
    enum picket_status status = PICKET_OK;

    if (host == NULL || agent == NULL) {
        return PICKET_E_ARG;
    }
    LWIP_ASSERT_CORE_LOCKED();
    add_tcp(&list);
    add_udp(&list);
    if (!is_news(host, &list)) {
        return PICKET_OK;
    }
    status = picket_set_listeners(agent, list.listeners, list.count);
    if (status != PICKET_OK) {
        return status;
    }
    host->has_told = true;
    host->told_sum = list.sum;
    host->told_ms = sys_now();
    return list.is_cut ? PICKET_E_LIMIT : PICKET_OK;
}
