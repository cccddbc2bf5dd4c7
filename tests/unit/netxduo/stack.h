/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_NETXDUO_STACK_H
#define TESTS_UNIT_NETXDUO_STACK_H

#include <stdbool.h>

#include <nx_api.h>

/**
 * A stack for tests: it passes packets on as NetX Duo does, by the same filters and
 * functions in the same order, and keeps a record of what it was asked.
 */

#define STACK_THREADS_MAX 4u

struct stack {
    ULONG ticks;
    int interrupts; /* levels they are disabled by */
    ULONG slept_ticks;
    TX_TIMER *timer;    /* the only one */
    TX_THREAD *thread;  /* the one that runs, in a ring */
    unsigned delivered; /* to what takes IPv4 or IPv6 in */
    unsigned sent;      /* requests that came to a driver */
    UINT last_command;
    unsigned released;
    unsigned transmit_released;
    unsigned old_filter_calls;
    UINT old_filter_verdict;
    bool has_lock_fault; /* a stack's lock taken inside the agent's, or a wrong release */
};

extern struct stack stack;

/** Nothing is created, nothing counted. */
void stack_reset(void);

/** Puts @p ip, as nx_ip_create() leaves it, into the list. */
void stack_create_ip(NX_IP *ip);
void stack_delete_ip(NX_IP *ip);

/** What a driver of the application does, and what takes IPv4 or IPv6 in. */
VOID stack_driver(NX_IP_DRIVER *request);
void stack_take_in(NX_IP *ip, NX_PACKET *packet);

/** What a filter of the old kind does: it gives old_filter_verdict. */
UINT stack_old_filter(VOID *header, UINT direction);

/** As _nx_ip_packet_receive() does. */
void stack_receive(NX_IP *ip, NX_PACKET *packet);

/** Asks the driver of an interface. */
UINT stack_drive(NX_IP *ip, unsigned interface, UINT command, NX_PACKET *packet);

/** A tick goes by, and the timer expires. */
void stack_tick(void);

#endif
