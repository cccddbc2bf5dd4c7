/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_LWIP_LOOKOUT_H
#define EXAMPLES_LWIP_LOOKOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <lwip/ip_addr.h>
#include <lwip/netif.h>

#include "picket/status.h"

/**
 * Picket on lwIP, reports by HTTP: an example to copy and to change.
 *
 * lookout_start() once, lookout_watch() for each netif, and then one thread of low
 * priority that calls lookout_report() for ever. All memory is static: `nm` tells how
 * much. lwIP needs LWIP_NETCONN, LWIP_SO_RCVTIMEO and LWIP_TCPIP_CORE_LOCKING. The reports go in
 * plain text: put TLS between, or a gateway, where others can read along.
 */

/** Flows of each IP version. Cost: 37 bytes of RAM for each of IPv4, 49 of IPv6. */
#ifndef LOOKOUT_FLOWS
#define LOOKOUT_FLOWS 64u
#endif

struct lookout_settings {
    ip_addr_t service;
    uint16_t port;    /* of the service; 0: there is none, reports are printed in hex */
    bool exact_flows; /* one for each connection, to compare with a capture */
    const char *device_id;
    const char *key;              /* of this device; NULL: none */
    const char *hardware;         /* "STM32H563" */
    const char *firmware_version; /* "1.4.2" */
    uint32_t random[5];           /* another one in each boot, from a true source */
};

/**
 * Makes all ready. The settings and what they point to are borrowed for ever.
 *
 * Context: a thread, behind tcpip_init().
 * Errors:  as of picket_lwip_init() and picket_init().
 */
enum picket_status lookout_start(const struct lookout_settings *settings);

/**
 * Watches @p netif from now on; two of them at most.
 *
 * Context: as of netif_add(), right behind it: the core locked, or lwIP's thread.
 * Errors:  PICKET_E_LIMIT, and as of picket_lwip_attach().
 */
enum picket_status lookout_watch(struct netif *netif);

/** Ends that. Context and errors: as of picket_lwip_detach(). */
enum picket_status lookout_release(const struct netif *netif);

/** Sends what is due; returns the milliseconds until the next call. May wait for the network. */
uint32_t lookout_report(void);

/** Makes due what was seen until now. */
enum picket_status lookout_hurry(void);

#endif
