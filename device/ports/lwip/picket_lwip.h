/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LWIP_H
#define PICKET_LWIP_H

#include <stdbool.h>
#include <stdint.h>

#include <lwip/netif.h>
#include <lwip/sys.h>

#include "picket/picket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The lwIP port: clock, lock, and each datagram of the netifs you name, as it stands on
 * the link. For lwIP 2.1 and later, with or without an operating system.
 *
 * Life: picket_lwip_init() fills the port that picket_init() takes; then
 * picket_lwip_attach() for each netif, right behind netif_add(). Detach before
 * netif_remove().
 *
 * Where it looks, at run time and in any build of lwIP, a prebuilt library included:
 * - Inbound, where the driver hands packets up (netif->input): fragments as they come,
 *   and what is to be forwarded.
 * - Outbound, on Ethernet where frames are handed to the driver (netif->linkoutput), on
 *   other links where datagrams are (netif->output and output_ip6). Not both: it would
 *   count twice. On Ethernet a datagram that waits for a neighbour's address passes
 *   `output_ip6` twice, or `output` and is never sent.
 * What a netif takes in without netif->input is not seen: that of PPP, and what a device
 * sends to itself.
 *
 * These places are reached on three kinds of threads: the one of lwIP, the driver's, and
 * those of applications that hold the core lock. Not for interrupt handlers: a driver
 * that calls netif->input in one must do so in a thread. Beside the agent's own work a
 * packet costs two short SYS_ARCH_PROTECT, with a look through the netifs in the first.
 *
 * Of a datagram that the policy blocks, an inbound one is freed as one that a hook of
 * lwIP has eaten (ERR_OK); an outbound one is refused as one that has no route (ERR_RTE),
 * which sockets return as EHOSTUNREACH where lwIP does not hold it for later.
 *
 * lwIP gives these places no context but the netif, so the port remembers which are
 * attached.
 */

/**
 * Parts of a chained packet that are shown to the agent; packets of more parts are
 * counted whole. Range 1..16. Cost: 8 bytes of stack for each, on all these threads.
 */
#ifndef PICKET_LWIP_SPANS
#define PICKET_LWIP_SPANS 4
#endif

/**
 * Ports that are told as listening. Range 1..255. Cost: 22 bytes of stack for each in
 * picket_lwip_tell_listeners().
 */
#ifndef PICKET_LWIP_LISTENERS
#define PICKET_LWIP_LISTENERS 16
#endif

#if PICKET_LWIP_SPANS < 1 || PICKET_LWIP_SPANS > 16
#error "PICKET_LWIP_SPANS must be 1..16"
#endif
#if PICKET_LWIP_LISTENERS < 1 || PICKET_LWIP_LISTENERS > 255
#error "PICKET_LWIP_LISTENERS must be 1..255"
#endif

/** Clock, lock, and what was told. You allocate it; its members are private. */
struct picket_lwip {
    sys_mutex_t mutex; /* guards the agent, for one table operation or one report */
    bool has_told;     /* listeners, with this sum and at this time; the core locked */
    uint32_t told_sum;
    uint32_t told_ms;
};

/** Private: what stands in a netif where the port looks. */
struct picket_lwip_places {
    netif_input_fn input;
    netif_linkoutput_fn linkoutput;
#if LWIP_IPV4
    netif_output_fn output;
#endif
#if LWIP_IPV6
    netif_output_ip6_fn output_ip6;
#endif
};

/** A netif that is watched. You allocate it; its members are private. */
struct picket_lwip_netif {
    struct picket_lwip_netif *next;
    struct netif *netif;
    struct picket_agent *agent; /* NULL: packets only pass through */
    struct picket_lwip_places before;
    uint32_t looking; /* threads that show the agent a packet */
    bool is_ethernet;
};

/**
 * Makes clock (sys_now) and lock (a mutex) ready. Before picket_init(), you may add
 * clock_ms and sha256 to what it fills. The lock is no SYS_ARCH_PROTECT, which in most
 * firmware disables interrupts: it is held while a report is encoded.
 *
 * Context: a thread, behind sys_init(); tcpip_init() does that.
 * Errors:  PICKET_E_ARG for a NULL, PICKET_E_NOMEM if there is no mutex.
 */
PICKET_MUST_CHECK enum picket_status picket_lwip_init(struct picket_lwip *host,
                                                      struct picket_port *ret_port);

/** After the last use of the port. NULL is allowed. */
void picket_lwip_deinit(struct picket_lwip *host);

/** "lwIP" and its version, for picket_config. */
struct picket_text picket_lwip_version(void);

/**
 * Shows @p agent the packets of @p netif from now on. Several netifs may have the same
 * agent, or each its own.
 *
 * Ownership: all are borrowed until picket_lwip_detach() has returned PICKET_OK.
 * Context:   the core locked (LOCK_TCPIP_CORE), or lwIP's thread.
 * Errors:    PICKET_E_ARG for a NULL; PICKET_E_NOTFOUND if @p netif was not added;
 *            PICKET_E_STATE if @p watch or @p netif is attached already. Then nothing
 *            has changed.
 */
PICKET_MUST_CHECK enum picket_status picket_lwip_attach(struct picket_lwip_netif *watch,
                                                        struct netif *netif,
                                                        struct picket_agent *agent);

/**
 * Ends that, and gives back what was there before. A netif that was removed in the
 * meantime is not touched.
 *
 * Context: as of picket_lwip_attach(). Waits for nobody.
 * Errors:  PICKET_E_ARG for NULL; PICKET_E_STATE if @p watch is not attached, or while
 *          it can't be let go: another thread shows a packet at this moment, or what was
 *          put on top of the port's places since may still lead through them. Then no
 *          further packet is observed, all pass through, and the memory must stay: call
 *          again, in a millisecond, or when what is on top is gone.
 */
PICKET_MUST_CHECK enum picket_status picket_lwip_detach(struct picket_lwip_netif *watch);

/**
 * Tells the agent on which ports lwIP listens, if that has changed or a day has passed:
 * TCP ports that are listened on, and UDP ports that are bound, but for those that lwIP
 * chooses itself (from 49152 on).
 *
 * Context: as of picket_lwip_attach(); from the thread that sends the reports, before
 *          each one.
 * Errors:  PICKET_E_ARG; PICKET_E_LIMIT if there are more than PICKET_LWIP_LISTENERS, of
 *          which that many are told; otherwise as of picket_set_listeners().
 */
PICKET_MUST_CHECK enum picket_status picket_lwip_tell_listeners(struct picket_lwip *host,
                                                                struct picket_agent *agent);

#ifdef __cplusplus
}
#endif
#endif
