/* SPDX-License-Identifier: MIT */
#ifndef LWIP_NETIF_H
#define LWIP_NETIF_H

#include "lwip/opt.h"
#include "lwip/pbuf.h"

#define NETIF_FLAG_ETHARP   0x08u
#define NETIF_FLAG_ETHERNET 0x10u

typedef struct {
    u32_t addr;
} ip4_addr_t;

typedef struct {
    u32_t addr[4];
} ip6_addr_t;

struct netif;
typedef err_t (*netif_input_fn)(struct pbuf *packet, struct netif *netif);
typedef err_t (*netif_linkoutput_fn)(struct netif *netif, struct pbuf *packet);
#if LWIP_IPV4
typedef err_t (*netif_output_fn)(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to);
#endif
#if LWIP_IPV6
typedef err_t (*netif_output_ip6_fn)(struct netif *netif, struct pbuf *packet,
                                     const ip6_addr_t *to);
#endif

struct netif {
    struct netif *next;
    netif_input_fn input;
#if LWIP_IPV4
    netif_output_fn output;
#endif
    netif_linkoutput_fn linkoutput;
#if LWIP_IPV6
    netif_output_ip6_fn output_ip6;
#endif
    u8_t flags;
};

extern struct netif *netif_list;
#define NETIF_FOREACH(netif) for ((netif) = netif_list; (netif) != NULL; (netif) = (netif)->next)

#endif
