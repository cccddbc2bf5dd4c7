/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_LWIP_STACK_H
#define TESTS_UNIT_LWIP_STACK_H

#include <stdbool.h>

#include "lwip/netif.h"
#include "lwip/sys.h"

/** What lwIP does in a test: it counts. */
struct stack {
    unsigned delivered; /* packets that reached netif->input */
    unsigned sent;      /* that reached linkoutput, */
    unsigned sent_ipv4; /* output, */
    unsigned sent_ipv6; /* output_ip6 */
    unsigned freed;
    unsigned protection; /* SYS_ARCH_PROTECT that are held */
    unsigned mutexes;
    unsigned core_checks;
    bool has_no_mutex; /* to be had */
    err_t answer;      /* of all that take packets */
    u32_t now_ms;
};

extern struct stack stack;

void stack_reset(void);
void stack_add(struct netif *netif, u8_t flags);
void stack_remove(struct netif *netif);

/** True if @p netif is as stack_add() made it. */
bool stack_is_untouched(const struct netif *netif);

#endif
