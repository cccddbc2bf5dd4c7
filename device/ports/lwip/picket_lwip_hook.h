/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LWIP_HOOK_H
#define PICKET_LWIP_HOOK_H

#include <stdbool.h>

#include "picket_lwip.h"

/**
 * The port's places in a netif, and the list of those that are watched. picket_lwip.c
 * decides when the places are taken and given back; here is what they do.
 *
 * Context: all between SYS_ARCH_PROTECT and SYS_ARCH_UNPROTECT, which guard the list and
 * what its members have: of a driver's thread that is all that is known.
 */

/** The member of the list that watches @p netif, or NULL. */
struct picket_lwip_netif *picket_lwip_hook_find(const struct netif *netif);

/** Where the list leads to @p watch; if it does not, its end. */
struct picket_lwip_netif **picket_lwip_hook_link(const struct picket_lwip_netif *watch);

/** Takes the places, and keeps what was there. */
void picket_lwip_hook_take(struct picket_lwip_netif *watch);

/** Gives back what still is the port's; false if another one stands in a place. */
bool picket_lwip_hook_give_back(const struct picket_lwip_netif *watch);

#endif
