/* SPDX-License-Identifier: MIT */
#ifndef PICKET_NETXDUO_H
#define PICKET_NETXDUO_H

#include <stdbool.h>
#include <stdint.h>

#include <nx_api.h>

#include "picket/picket.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The NetX Duo port: shows an agent each datagram of each IP instance, as it stands on
 * the link. For NetX Duo 6.0.2 and later, on ThreadX.
 *
 * Life: picket_netxduo_attach() once, after picket_init(); from then on everything goes
 * by itself, also for IP instances and interfaces that are created later.
 * picket_netxduo_detach() leaves the stack as it was.
 *
 * Where it looks:
 * - Inbound, each packet before the stack does anything with it: fragments as they come,
 *   ICMPv6, extension headers, and what is to be forwarded. From release 6.1.8 on, if the
 *   stack is built with NX_ENABLE_IP_PACKET_FILTER, in nx_ip_packet_filter_extended, in
 *   front of the filter that was there before, whose verdict is returned. Otherwise, and
 *   for what another filter in that place keeps from it, behind the filters, where the
 *   stack takes IPv4 and IPv6 in. The older nx_ip_packet_filter is left to the
 *   application: it says neither how long a packet is nor which instance has it. What
 *   filters turn away before the agent could look is counted as dropped.
 * - Outbound, what is handed to a link driver: fragments, forwarded packets and neighbour
 *   discovery pass no filter, and what a filter sees may never be sent.
 * What a chip with TCP/IP offload does by itself passes none of these.
 *
 * A datagram that the policy blocks is released as the stack releases one that a filter
 * turned away.
 *
 * NetX Duo gives a filter no context, so the port remembers which one is attached: one
 * at a time.
 */

/**
 * IP instances that are watched at a time. Range 1..16. RAM: 28 bytes for each, and 4
 * more for each interface that an instance can have.
 */
#ifndef PICKET_NETXDUO_INSTANCES
#define PICKET_NETXDUO_INSTANCES 2
#endif

/**
 * Ticks between two looks for new IP instances and interfaces. Range 0..1000000; 0: only
 * picket_netxduo_adopt() looks. Cost: a timer that expires so often, which keeps a device
 * that sleeps between ticks from sleeping longer.
 */
#ifndef PICKET_NETXDUO_LOOK_TICKS
#define PICKET_NETXDUO_LOOK_TICKS 1
#endif

/**
 * Parts of a chained packet that are shown to the agent; packets of more parts are
 * counted whole. Range 1..16. Cost: 8 bytes of stack for each in the stack's threads.
 */
#ifndef PICKET_NETXDUO_SPANS
#define PICKET_NETXDUO_SPANS 4
#endif

/**
 * Ports that are told as listening. Range 1..255. Cost: 22 bytes of stack for each in
 * picket_netxduo_tell_listeners().
 */
#ifndef PICKET_NETXDUO_LISTENERS
#define PICKET_NETXDUO_LISTENERS 16
#endif

#if PICKET_NETXDUO_INSTANCES < 1 || PICKET_NETXDUO_INSTANCES > 16
#error "PICKET_NETXDUO_INSTANCES must be 1..16"
#endif
#if PICKET_NETXDUO_LOOK_TICKS < 0 || PICKET_NETXDUO_LOOK_TICKS > 1000000
#error "PICKET_NETXDUO_LOOK_TICKS must be 0..1000000"
#endif
#if PICKET_NETXDUO_SPANS < 1 || PICKET_NETXDUO_SPANS > 16
#error "PICKET_NETXDUO_SPANS must be 1..16"
#endif
#if PICKET_NETXDUO_LISTENERS < 1 || PICKET_NETXDUO_LISTENERS > 255
#error "PICKET_NETXDUO_LISTENERS must be 1..255"
#endif

/** Private: the stack's entry points, as NetX Duo declares them. */
typedef UINT (*picket_netxduo_filter)(struct NX_IP_STRUCT *ip, NX_PACKET *packet, UINT direction);
typedef void (*picket_netxduo_receive)(struct NX_IP_STRUCT *ip, NX_PACKET *packet);
typedef VOID (*picket_netxduo_driver)(struct NX_IP_DRIVER_STRUCT *request);

/** Private: an IP instance, and what stood where the port looks now. */
struct picket_netxduo_instance {
    NX_IP *ip; /* NULL: none */
    picket_netxduo_filter filter;
    picket_netxduo_receive ipv4;
    picket_netxduo_receive ipv6;
    picket_netxduo_driver drivers[NX_MAX_IP_INTERFACES];
    const NX_PACKET *shown; /* inbound, seen in the filter and on its way to ipv4 or ipv6 */
    ULONG received;         /* the stack's count of inbound packets, as it was seen last */
    uint32_t missed;        /* packets to be told as dropped */
};

/** All state of the port. You allocate it; its members are private. */
struct picket_netxduo {
    struct picket_agent *agent; /* NULL while not attached */
    TX_TIMER timer;             /* looks for new instances and interfaces */
    bool has_told;              /* listeners, with this sum and at this tick */
    uint32_t told_sum;
    ULONG told_ticks;
    struct picket_netxduo_instance instances[PICKET_NETXDUO_INSTANCES];
};

/**
 * Shows @p agent the packets of every IP instance from now on.
 *
 * Ownership: both are borrowed until picket_netxduo_detach() has returned PICKET_OK.
 * Context:   a thread, or tx_application_define(), before or after nx_ip_create().
 * Errors:    PICKET_E_ARG for a NULL; PICKET_E_STATE if one is attached already;
 *            PICKET_E_LIMIT if there are more IP instances than
 *            PICKET_NETXDUO_INSTANCES. Then nothing has changed.
 */
PICKET_MUST_CHECK enum picket_status picket_netxduo_attach(struct picket_netxduo *port,
                                                           struct picket_agent *agent);

/**
 * Ends that, and gives back what was there before.
 *
 * Context: a thread that may wait for the stack's own lock.
 * Errors:  PICKET_E_ARG for NULL; PICKET_E_STATE if @p port is not attached, or if a
 *          filter that was set on top still leads through the port's: then nothing is
 *          observed any more, but the memory must stay. Take that filter away and
 *          call again.
 */
PICKET_MUST_CHECK enum picket_status picket_netxduo_detach(struct picket_netxduo *port);

/**
 * Looks for new IP instances and interfaces now, and not when the timer does: call it
 * right behind nx_ip_create() if packets are sent in the same tick. Packets that
 * passed before are counted as dropped.
 *
 * Context: any thread, but not in the midst of nx_ip_create() or nx_ip_delete().
 * Errors:  PICKET_E_ARG; PICKET_E_STATE if @p port is not attached; PICKET_E_LIMIT if
 *          an IP instance finds no place: it is not watched until there is one.
 */
PICKET_MUST_CHECK enum picket_status picket_netxduo_adopt(struct picket_netxduo *port);

/**
 * Tells the agent on which ports the stack listens, if that has changed or a day has
 * passed: TCP ports that are listened on, and UDP ports that sockets are bound to, but
 * for those the stack chooses itself (from NX_SEARCH_PORT_START on).
 *
 * Context: the thread that sends the reports, before each one. Waits for the stack's
 *          lock of each instance, and holds it for one pass over its sockets.
 * Errors:  PICKET_E_ARG; PICKET_E_STATE as of picket_netxduo_adopt(); PICKET_E_LIMIT
 *          if there are more than PICKET_NETXDUO_LISTENERS, of which that many are
 *          told; otherwise as of picket_set_listeners().
 */
PICKET_MUST_CHECK enum picket_status picket_netxduo_tell_listeners(struct picket_netxduo *port);

/** "NetX Duo" and its version, for picket_config. */
struct picket_text picket_netxduo_version(void);

#ifdef __cplusplus
}
#endif
#endif
