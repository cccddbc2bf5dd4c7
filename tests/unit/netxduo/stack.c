/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <string.h>

#include <nx_ip.h>

NX_IP *_nx_ip_created_ptr;
ULONG _nx_ip_created_count;
struct stack stack;

void stack_reset(void)
{
    memset(&stack, 0, sizeof(stack));
    _nx_ip_created_ptr = NX_NULL;
    _nx_ip_created_count = 0;
}

void stack_disable_interrupts(void)
{
    stack.interrupts++;
}

void stack_restore_interrupts(void)
{
    stack.interrupts--;
}

VOID stack_driver(NX_IP_DRIVER *request)
{
    stack.sent++;
    stack.last_command = request->nx_ip_driver_command;
    request->nx_ip_driver_status = NX_SUCCESS;
}

void stack_take_in(NX_IP *ip, NX_PACKET *packet)
{
    (void)ip;
    (void)packet;
    stack.delivered++;
}

UINT stack_old_filter(VOID *header, UINT direction)
{
    (void)header;
    (void)direction;
    stack.old_filter_calls++;
    return stack.old_filter_verdict;
}

static NX_IP *last_ip(void)
{
    NX_IP *last = _nx_ip_created_ptr;

    while (last->nx_ip_created_next != _nx_ip_created_ptr) {
        last = last->nx_ip_created_next;
    }
    return last;
}

void stack_create_ip(NX_IP *ip)
{
    memset(ip, 0, sizeof(*ip));
    ip->nx_ip_protection.is_created = 1;
    ip->nx_ip_interface[0].nx_interface_link_driver_entry = stack_driver;
#ifndef NX_DISABLE_IPV4
    ip->nx_ipv4_packet_receive = stack_take_in;
#endif
    ip->nx_ip_created_next = ip;
    if (_nx_ip_created_ptr != NX_NULL) {
        last_ip()->nx_ip_created_next = ip;
        ip->nx_ip_created_next = _nx_ip_created_ptr;
    } else {
        _nx_ip_created_ptr = ip;
    }
    _nx_ip_created_count++;
}

void stack_delete_ip(NX_IP *ip)
{
    NX_IP *before = ip;

    while (before->nx_ip_created_next != ip) {
        before = before->nx_ip_created_next;
    }
    before->nx_ip_created_next = ip->nx_ip_created_next;
    if (_nx_ip_created_ptr == ip) {
        _nx_ip_created_ptr = before != ip ? ip->nx_ip_created_next : NX_NULL;
    }
    _nx_ip_created_count--;
    memset(ip, 0xa5, sizeof(*ip)); /* whoever follows a pointer into it finds out */
}

#ifndef NX_DISABLE_IP_INFO
static void count_received(NX_IP *ip)
{
    ip->nx_ip_total_packets_received++;
}
#else
static void count_received(NX_IP *ip)
{
    (void)ip;
}
#endif

#if defined(NX_ENABLE_IP_PACKET_FILTER) && NETXDUO_MINOR_VERSION > 1
static bool is_turned_away(NX_IP *ip, NX_PACKET *packet)
{
    if (ip->nx_ip_packet_filter != NX_NULL &&
        ip->nx_ip_packet_filter(packet->nx_packet_prepend_ptr, NX_IP_PACKET_IN) != NX_SUCCESS) {
        return true;
    }
    return ip->nx_ip_packet_filter_extended != NX_NULL &&
           ip->nx_ip_packet_filter_extended(ip, packet, NX_IP_PACKET_IN) != NX_SUCCESS;
}
#elif defined(NX_ENABLE_IP_PACKET_FILTER)
static bool is_turned_away(NX_IP *ip, NX_PACKET *packet)
{
    return ip->nx_ip_packet_filter != NX_NULL &&
           ip->nx_ip_packet_filter(packet->nx_packet_prepend_ptr, NX_IP_PACKET_IN) != NX_SUCCESS;
}
#else
static bool is_turned_away(NX_IP *ip, NX_PACKET *packet)
{
    (void)ip;
    (void)packet;
    return false;
}
#endif

void stack_receive(NX_IP *ip, NX_PACKET *packet)
{
    unsigned version = packet->nx_packet_prepend_ptr[0] >> 4;

    count_received(ip);
    if (is_turned_away(ip, packet)) {
        (void)nx_packet_release(packet);
        return;
    }
#ifndef NX_DISABLE_IPV4
    if (version == 4 && ip->nx_ipv4_packet_receive != NX_NULL) {
        ip->nx_ipv4_packet_receive(ip, packet);
        return;
    }
#endif
#ifdef FEATURE_NX_IPV6
    if (version == 6 && ip->nx_ipv6_packet_receive != NX_NULL) {
        ip->nx_ipv6_packet_receive(ip, packet);
        return;
    }
#endif
    (void)nx_packet_release(packet);
}

UINT stack_drive(NX_IP *ip, unsigned interface, UINT command, NX_PACKET *packet)
{
    NX_IP_DRIVER request = {.nx_ip_driver_command = command,
                            .nx_ip_driver_packet = packet,
                            .nx_ip_driver_ptr = ip,
                            .nx_ip_driver_interface = &ip->nx_ip_interface[interface]};

    ip->nx_ip_interface[interface].nx_interface_link_driver_entry(&request);
    return request.nx_ip_driver_status;
}

void stack_tick(void)
{
    stack.ticks++;
    if (stack.timer != NULL && stack.timer->is_active) {
        stack.timer->expired(0);
    }
}

UINT nx_packet_release(NX_PACKET *packet)
{
    (void)packet;
    stack.released++;
    return NX_SUCCESS;
}

UINT nx_packet_transmit_release(NX_PACKET *packet)
{
    (void)packet;
    stack.transmit_released++;
    return NX_SUCCESS;
}

ULONG tx_time_get(VOID)
{
    return stack.ticks;
}

UINT tx_thread_sleep(ULONG ticks)
{
    stack.slept_ticks = ticks;
    return TX_SUCCESS;
}

TX_THREAD *tx_thread_identify(VOID)
{
    return stack.thread;
}

UINT tx_thread_info_get(TX_THREAD *thread, CHAR **name, UINT *state, ULONG *runs, UINT *priority,
                        UINT *threshold, ULONG *slice, TX_THREAD **next, TX_THREAD **suspended)
{
    (void)state;
    (void)runs;
    (void)priority;
    (void)threshold;
    (void)slice;
    (void)suspended;
    if (thread->is_deleted) {
        return TX_THREAD_ERROR;
    }
    *name = thread->name;
    *next = thread->next;
    return TX_SUCCESS;
}

UINT tx_mutex_create(TX_MUTEX *mutex, CHAR *name, UINT inherit)
{
    (void)name;
    if (mutex->is_created || inherit != TX_INHERIT) {
        return TX_MUTEX_ERROR;
    }
    mutex->is_created = 1;
    return TX_SUCCESS;
}

UINT tx_mutex_delete(TX_MUTEX *mutex)
{
    mutex->is_created = 0;
    return TX_SUCCESS;
}

UINT tx_mutex_get(TX_MUTEX *mutex, ULONG wait)
{
    (void)wait;
    if (!mutex->is_created) {
        return TX_MUTEX_ERROR;
    }
    stack.has_lock_fault |= stack.interrupts != 0; /* it may wait */
    mutex->count++;
    return TX_SUCCESS;
}

UINT tx_mutex_put(TX_MUTEX *mutex)
{
    stack.has_lock_fault |= mutex->count == 0;
    mutex->count--;
    return TX_SUCCESS;
}

UINT tx_timer_create(TX_TIMER *timer, CHAR *name, VOID (*expired)(ULONG), ULONG input,
                     ULONG first_ticks, ULONG ticks, UINT activate)
{
    (void)name;
    (void)input;
    if (stack.timer != NULL || first_ticks == 0 || ticks == 0) {
        return TX_TIMER_ERROR;
    }
    *timer = (TX_TIMER){expired, 1, activate};
    stack.timer = timer;
    return TX_SUCCESS;
}

UINT tx_timer_activate(TX_TIMER *timer)
{
    timer->is_active = 1;
    return TX_SUCCESS;
}

UINT tx_timer_deactivate(TX_TIMER *timer)
{
    timer->is_active = 0;
    return TX_SUCCESS;
}

UINT tx_timer_delete(TX_TIMER *timer)
{
    timer->is_created = 0;
    stack.timer = NULL;
    return TX_SUCCESS;
}
