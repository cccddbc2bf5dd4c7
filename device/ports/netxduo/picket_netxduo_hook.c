/* SPDX-License-Identifier: MIT */
#include "picket_netxduo_hook.h"

#include <string.h>

#include "picket_netxduo_packet.h"

#define RELEASE                                                                                    \
    (NETXDUO_MAJOR_VERSION * 10000 + NETXDUO_MINOR_VERSION * 100 + NETXDUO_PATCH_VERSION)
#define RELEASE_EXTENDED 60108 /* the first with nx_ip_packet_filter_extended */

/* The stack's entry points bring no context of ours. Set with interrupts disabled. */
static struct picket_netxduo *attached;

static struct picket_netxduo_instance *find(const NX_IP *ip)
{
    for (size_t i = 0; attached != NULL && i < PICKET_NETXDUO_INSTANCES; i++) {
        if (attached->instances[i].ip == ip) {
            return &attached->instances[i];
        }
    }
    return NULL;
}

static enum picket_verdict observe(struct picket_netxduo_instance *instance,
                                   const NX_PACKET *packet, enum picket_direction direction)
{
    struct picket_span spans[PICKET_NETXDUO_SPANS];
    struct picket_datagram datagram = {.direction = direction};

    if (instance->missed > 0) {
        picket_note_dropped(attached->agent, instance->missed);
        instance->missed = 0;
    }
    picket_netxduo_gather(packet, spans, &datagram);
    return picket_observe(attached->agent, &datagram);
}

static enum picket_verdict observe_inbound(struct picket_netxduo_instance *instance,
                                           const NX_PACKET *packet)
{
    picket_netxduo_count_missed(instance);
    return observe(instance, packet, PICKET_INBOUND);
}

#if defined(NX_ENABLE_IP_PACKET_FILTER) && RELEASE >= RELEASE_EXTENDED
/* Stands in front of the filter that was there before. */
static UINT filter(NX_IP *ip, NX_PACKET *packet, UINT direction)
{
    struct picket_netxduo_instance *instance = find(ip);
    UINT verdict = NX_SUCCESS;

    if (instance == NULL) {
        return NX_SUCCESS;
    }
    if (direction == NX_IP_PACKET_IN && observe_inbound(instance, packet) == PICKET_BLOCK) {
        return NX_NOT_SUCCESSFUL;
    }
    if (instance->filter != NX_NULL) {
        verdict = instance->filter(ip, packet, direction);
    }
    if (direction == NX_IP_PACKET_IN) {
        instance->shown = verdict == NX_SUCCESS ? packet : NULL;
    }
    return verdict;
}

static void take_filter(struct picket_netxduo_instance *instance)
{
    instance->filter = instance->ip->nx_ip_packet_filter_extended;
    instance->ip->nx_ip_packet_filter_extended = filter;
}

/* False if another filter stands in front, and may lead here. */
static bool give_filter_back(const struct picket_netxduo_instance *instance)
{
    if (instance->ip->nx_ip_packet_filter_extended == filter) {
        instance->ip->nx_ip_packet_filter_extended = instance->filter;
        return true;
    }
    return instance->ip->nx_ip_packet_filter_extended == NX_NULL;
}
#else
static void take_filter(struct picket_netxduo_instance *instance)
{
    instance->filter = NX_NULL;
}

static bool give_filter_back(const struct picket_netxduo_instance *instance)
{
    (void)instance;
    return true;
}
#endif

/* Takes in what no filter has shown before; false if the policy blocks it. */
static bool is_let_in(struct picket_netxduo_instance *instance, NX_PACKET *packet)
{
    if (instance->shown == packet) {
        instance->shown = NULL;
        return true;
    }
    if (observe_inbound(instance, packet) == PICKET_BLOCK) {
        (void)nx_packet_release(packet);
        return false;
    }
    return true;
}

static void receive_ipv4(NX_IP *ip, NX_PACKET *packet)
{
    struct picket_netxduo_instance *instance = find(ip);

    if (is_let_in(instance, packet)) {
        instance->ipv4(ip, packet);
    }
}

static void receive_ipv6(NX_IP *ip, NX_PACKET *packet)
{
    struct picket_netxduo_instance *instance = find(ip);

    if (is_let_in(instance, packet)) {
        instance->ipv6(ip, packet);
    }
}

/* Where the stack looks up who takes a version of IP in; NULL: it is not built in. */
#ifndef NX_DISABLE_IPV4
static picket_netxduo_receive *ipv4_place(NX_IP *ip)
{
    return &ip->nx_ipv4_packet_receive;
}
#else
static picket_netxduo_receive *ipv4_place(NX_IP *ip)
{
    (void)ip;
    return NULL;
}
#endif
#ifdef FEATURE_NX_IPV6
static picket_netxduo_receive *ipv6_place(NX_IP *ip)
{
    return &ip->nx_ipv6_packet_receive;
}
#else
static picket_netxduo_receive *ipv6_place(NX_IP *ip)
{
    (void)ip;
    return NULL;
}
#endif

/* NULL in the place says that the version is switched off, and has to stay there. */
static void take_receive(picket_netxduo_receive *place, picket_netxduo_receive own,
                         picket_netxduo_receive *ret_before)
{
    if (place != NULL && *place != NX_NULL && *place != own) {
        *ret_before = *place;
        *place = own;
    }
}

static void give_receive_back(picket_netxduo_receive *place, picket_netxduo_receive own,
                              picket_netxduo_receive before)
{
    if (place != NULL && *place == own) {
        *place = before;
    }
}

/* The interface of a VLAN is a copy of its parent's, and has its parent's driver. */
#ifdef NX_ENABLE_VLAN
static const NX_INTERFACE *physical(const NX_INTERFACE *interface)
{
    return interface->nx_interface_parent_ptr != NX_NULL ? interface->nx_interface_parent_ptr
                                                         : interface;
}
#else
static const NX_INTERFACE *physical(const NX_INTERFACE *interface)
{
    return interface;
}
#endif

static picket_netxduo_driver driver_of(const struct picket_netxduo_instance *instance,
                                       const NX_INTERFACE *interface)
{
    return instance->drivers[physical(interface) - instance->ip->nx_ip_interface];
}

/* Stands in front of every link driver. */
static VOID drive(NX_IP_DRIVER *request)
{
    struct picket_netxduo_instance *instance = find(request->nx_ip_driver_ptr);
    picket_netxduo_driver driver = driver_of(instance, request->nx_ip_driver_interface);
    bool is_datagram = request->nx_ip_driver_command == NX_LINK_PACKET_SEND ||
                       request->nx_ip_driver_command == NX_LINK_PACKET_BROADCAST;

    if (is_datagram &&
        observe(instance, request->nx_ip_driver_packet, PICKET_OUTBOUND) == PICKET_BLOCK) {
        (void)nx_packet_transmit_release(request->nx_ip_driver_packet);
        request->nx_ip_driver_status = NX_NOT_SUCCESSFUL;
        return;
    }
    driver(request);
}

static void take_drivers(struct picket_netxduo_instance *instance)
{
    for (size_t i = 0; i < NX_MAX_IP_INTERFACES; i++) {
        picket_netxduo_driver *place =
            &instance->ip->nx_ip_interface[i].nx_interface_link_driver_entry;

        if (*place != NX_NULL && *place != drive) {
            instance->drivers[i] = *place;
            *place = drive;
        }
    }
}

static void give_drivers_back(const struct picket_netxduo_instance *instance)
{
    for (size_t i = 0; i < NX_MAX_IP_INTERFACES; i++) {
        NX_INTERFACE *interface = &instance->ip->nx_ip_interface[i];

        if (interface->nx_interface_link_driver_entry == drive) {
            interface->nx_interface_link_driver_entry = driver_of(instance, interface);
        }
    }
}

static bool is_receiving_here(picket_netxduo_receive *place, picket_netxduo_receive own)
{
    return place != NULL && *place == own;
}

bool picket_netxduo_hook_is_taken(NX_IP *ip)
{
    for (size_t i = 0; i < NX_MAX_IP_INTERFACES; i++) {
        if (ip->nx_ip_interface[i].nx_interface_link_driver_entry == drive) {
            return true;
        }
    }
    return is_receiving_here(ipv4_place(ip), receive_ipv4) ||
           is_receiving_here(ipv6_place(ip), receive_ipv6);
}

void picket_netxduo_hook_begin(struct picket_netxduo_instance *instance, NX_IP *ip, bool is_late)
{
    memset(instance, 0, sizeof(*instance));
    instance->ip = ip;
    picket_netxduo_count_begin(instance, is_late);
    take_filter(instance);
}

void picket_netxduo_hook_take(struct picket_netxduo_instance *instance)
{
    take_receive(ipv4_place(instance->ip), receive_ipv4, &instance->ipv4);
    take_receive(ipv6_place(instance->ip), receive_ipv6, &instance->ipv6);
    take_drivers(instance);
}

bool picket_netxduo_hook_give_back(const struct picket_netxduo_instance *instance)
{
    give_receive_back(ipv4_place(instance->ip), receive_ipv4, instance->ipv4);
    give_receive_back(ipv6_place(instance->ip), receive_ipv6, instance->ipv6);
    give_drivers_back(instance);
    return give_filter_back(instance);
}

struct picket_netxduo *picket_netxduo_hook_port(void)
{
    return attached;
}

void picket_netxduo_hook_set_port(struct picket_netxduo *port)
{
    attached = port;
}
