/* SPDX-License-Identifier: MIT */
#include "picket_lwip_hook.h"

#include "picket_lwip_packet.h"

/* The stack's places bring no context of ours. Under SYS_ARCH_PROTECT. */
static struct picket_lwip_netif *first;

struct picket_lwip_netif *picket_lwip_hook_find(const struct netif *netif)
{
    struct picket_lwip_netif *watch = first;

    while (watch != NULL && watch->netif != netif) {
        watch = watch->next;
    }
    return watch;
}

/* From here to leave(), the watch that is returned stays attached; NULL: nobody looks. */
static struct picket_lwip_netif *enter(const struct netif *netif,
                                       struct picket_lwip_netif *ret_copy)
{
    struct picket_lwip_netif *watch = NULL;
    SYS_ARCH_DECL_PROTECT(level);

    SYS_ARCH_PROTECT(level);
    watch = picket_lwip_hook_find(netif);
    if (watch != NULL) {
        *ret_copy = *watch;
    }
    if (watch != NULL && watch->agent != NULL) {
        watch->looking++;
    } else {
        watch = NULL;
    }
    SYS_ARCH_UNPROTECT(level);
    return watch;
}

static void leave(struct picket_lwip_netif *watch)
{
    SYS_ARCH_DECL_PROTECT(level);

    SYS_ARCH_PROTECT(level);
    watch->looking--;
    SYS_ARCH_UNPROTECT(level);
}

static enum picket_verdict observe(const struct picket_lwip_netif *watch, const struct pbuf *packet,
                                   enum picket_direction direction)
{
    struct picket_span spans[PICKET_LWIP_SPANS];
    struct picket_datagram datagram = {.direction = direction};

    if (!picket_lwip_gather(packet, watch->is_ethernet, spans, &datagram)) {
        return PICKET_PASS;
    }
    return picket_observe(watch->agent, &datagram);
}

/* Shows a packet, if anybody looks, and says what was in the netif's places before. */
static enum picket_verdict show(const struct netif *netif, const struct pbuf *packet,
                                enum picket_direction direction,
                                struct picket_lwip_places *ret_before)
{
    struct picket_lwip_netif copy = {.next = NULL};
    struct picket_lwip_netif *watch = enter(netif, &copy);
    enum picket_verdict verdict = PICKET_PASS;

    if (watch != NULL) {
        verdict = observe(&copy, packet, direction);
        leave(watch);
    }
    *ret_before = copy.before;
    return verdict;
}

/*
 * A thread may have read a place before the port gave it back, and come here behind that:
 * then it goes where the place leads now. ERR_IF if that is here again: the netif was
 * removed and is used all the same.
 */
static err_t receive(struct pbuf *packet, struct netif *netif)
{
    struct picket_lwip_places before;
    enum picket_verdict verdict = show(netif, packet, PICKET_INBOUND, &before);

    if (verdict == PICKET_BLOCK) {
        (void)pbuf_free(packet);
        return ERR_OK;
    }
    if (before.input == NULL) {
        before.input = netif->input;
    }
    return before.input != receive ? before.input(packet, netif) : ERR_IF;
}

static err_t send_frame(struct netif *netif, struct pbuf *packet)
{
    struct picket_lwip_places before;
    enum picket_verdict verdict = show(netif, packet, PICKET_OUTBOUND, &before);

    if (verdict == PICKET_BLOCK) {
        return ERR_RTE;
    }
    if (before.linkoutput == NULL) {
        before.linkoutput = netif->linkoutput;
    }
    return before.linkoutput != send_frame ? before.linkoutput(netif, packet) : ERR_IF;
}

/* ---- Taking the places, and giving them back: false if another one stands there ---- */

#if LWIP_IPV4
static err_t send_ipv4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *next_hop)
{
    struct picket_lwip_places before;
    enum picket_verdict verdict = show(netif, packet, PICKET_OUTBOUND, &before);

    if (verdict == PICKET_BLOCK) {
        return ERR_RTE;
    }
    if (before.output == NULL) {
        before.output = netif->output;
    }
    return before.output != send_ipv4 ? before.output(netif, packet, next_hop) : ERR_IF;
}

static void take_ipv4(struct picket_lwip_netif *watch)
{
    watch->before.output = watch->netif->output;
    watch->netif->output = send_ipv4;
}

static bool give_ipv4_back(const struct picket_lwip_netif *watch)
{
    if (watch->netif->output == send_ipv4) {
        watch->netif->output = watch->before.output;
    }
    return watch->netif->output == watch->before.output;
}
#else
static void take_ipv4(struct picket_lwip_netif *watch)
{
    (void)watch;
}

static bool give_ipv4_back(const struct picket_lwip_netif *watch)
{
    (void)watch;
    return true;
}
#endif

#if LWIP_IPV6
static err_t send_ipv6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *next_hop)
{
    struct picket_lwip_places before;
    enum picket_verdict verdict = show(netif, packet, PICKET_OUTBOUND, &before);

    if (verdict == PICKET_BLOCK) {
        return ERR_RTE;
    }
    if (before.output_ip6 == NULL) {
        before.output_ip6 = netif->output_ip6;
    }
    return before.output_ip6 != send_ipv6 ? before.output_ip6(netif, packet, next_hop) : ERR_IF;
}

static void take_ipv6(struct picket_lwip_netif *watch)
{
    watch->before.output_ip6 = watch->netif->output_ip6;
    watch->netif->output_ip6 = send_ipv6;
}

static bool give_ipv6_back(const struct picket_lwip_netif *watch)
{
    if (watch->netif->output_ip6 == send_ipv6) {
        watch->netif->output_ip6 = watch->before.output_ip6;
    }
    return watch->netif->output_ip6 == watch->before.output_ip6;
}
#else
static void take_ipv6(struct picket_lwip_netif *watch)
{
    (void)watch;
}

static bool give_ipv6_back(const struct picket_lwip_netif *watch)
{
    (void)watch;
    return true;
}
#endif

static void take_frames(struct picket_lwip_netif *watch)
{
    watch->before.linkoutput = watch->netif->linkoutput;
    watch->netif->linkoutput = send_frame;
}

static bool give_frames_back(const struct picket_lwip_netif *watch)
{
    if (watch->netif->linkoutput == send_frame) {
        watch->netif->linkoutput = watch->before.linkoutput;
    }
    return watch->netif->linkoutput == watch->before.linkoutput;
}

static void take_input(struct picket_lwip_netif *watch)
{
    watch->before.input = watch->netif->input;
    watch->netif->input = receive;
}

static bool give_input_back(const struct picket_lwip_netif *watch)
{
    if (watch->netif->input == receive) {
        watch->netif->input = watch->before.input;
    }
    return watch->netif->input == watch->before.input;
}

void picket_lwip_hook_take(struct picket_lwip_netif *watch)
{
    take_input(watch);
    if (watch->is_ethernet) {
        take_frames(watch);
    } else {
        take_ipv4(watch);
        take_ipv6(watch);
    }
}

static bool give_outputs_back(const struct picket_lwip_netif *watch)
{
    bool is_ipv4_free = give_ipv4_back(watch);

    return give_ipv6_back(watch) && is_ipv4_free;
}

bool picket_lwip_hook_give_back(const struct picket_lwip_netif *watch)
{
    bool is_input_free = give_input_back(watch);
    bool is_output_free = watch->is_ethernet ? give_frames_back(watch) : give_outputs_back(watch);

    return is_input_free && is_output_free;
}

struct picket_lwip_netif **picket_lwip_hook_link(const struct picket_lwip_netif *watch)
{
    struct picket_lwip_netif **link = &first;

    while (*link != NULL && *link != watch) {
        link = &(*link)->next;
    }
    return link;
}
