/* SPDX-License-Identifier: MIT */
#include "picket_lwip.h"

enum picket_status firmware_watch(struct netif *netif, struct picket_agent *agent);

enum picket_status firmware_watch(struct netif *netif, struct picket_agent *agent)
{
    static struct picket_lwip_netif watch;

    return picket_lwip_attach(&watch, netif, agent);
}
