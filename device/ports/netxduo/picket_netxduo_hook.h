/* SPDX-License-Identifier: MIT */
#ifndef PICKET_NETXDUO_HOOK_H
#define PICKET_NETXDUO_HOOK_H

#include <stdbool.h>

#include "picket_netxduo.h"

/**
 * The port's places in the stack: the filter, what takes IPv4 and IPv6 in, and the link
 * drivers of each interface. picket_netxduo.c decides when they are taken and given back;
 * here is what they do, and which port they do it for.
 *
 * Context: interrupts disabled, or the stack's lock of the instance held.
 */

/** The attached port, or NULL. */
struct picket_netxduo *picket_netxduo_hook_port(void);
void picket_netxduo_hook_set_port(struct picket_netxduo *port);

/** Whether @p ip has been taken: one that was deleted and created at the same place is not. */
bool picket_netxduo_hook_is_taken(NX_IP *ip);

/**
 * Begins with @p ip, and takes the filter's place. @p is_late: it was created since the
 * port was attached, so what it has passed already is missed.
 */
void picket_netxduo_hook_begin(struct picket_netxduo_instance *instance, NX_IP *ip, bool is_late);

/** Takes what is not taken yet: an interface may be new, or IPv6 have been switched on. */
void picket_netxduo_hook_take(struct picket_netxduo_instance *instance);

/** Gives all back; false if the filter's place can't be, as another one stands in front. */
bool picket_netxduo_hook_give_back(const struct picket_netxduo_instance *instance);

#endif
