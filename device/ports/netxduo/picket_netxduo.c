/* SPDX-License-Identifier: MIT */
#include "picket_netxduo.h"

#include <string.h>

#include <nx_ip.h>

#include "picket_netxduo_hook.h"

/* A timer must have a time, also one that never runs. */
#define TIMER_TICKS (PICKET_NETXDUO_LOOK_TICKS > 0 ? PICKET_NETXDUO_LOOK_TICKS : 1)

#define NUMBER_TEXT(number) #number
#define VERSION_TEXT(major, minor, patch)                                                          \
    NUMBER_TEXT(major) "." NUMBER_TEXT(minor) "." NUMBER_TEXT(patch)

static CHAR timer_name[] = "picket"; /* never written: ThreadX knows no const */

static struct picket_netxduo_instance *find(struct picket_netxduo *port, const NX_IP *ip)
{
    for (size_t i = 0; i < PICKET_NETXDUO_INSTANCES; i++) {
        if (port->instances[i].ip == ip) {
            return &port->instances[i];
        }
    }
    return NULL;
}

static bool is_created(const NX_IP *ip)
{
    const NX_IP *created = _nx_ip_created_ptr;

    for (ULONG i = 0; i < _nx_ip_created_count; i++) {
        if (created == ip) {
            return true;
        }
        created = created->nx_ip_created_next;
    }
    return false;
}

/* An instance that is gone takes with it all that was hung into it. */
static void forget_deleted(struct picket_netxduo *port)
{
    for (size_t i = 0; i < PICKET_NETXDUO_INSTANCES; i++) {
        struct picket_netxduo_instance *instance = &port->instances[i];

        if (instance->ip != NULL && !is_created(instance->ip)) {
            memset(instance, 0, sizeof(*instance));
        }
    }
}

static bool adopt(struct picket_netxduo *port, NX_IP *ip, bool is_late)
{
    struct picket_netxduo_instance *instance = find(port, ip);

    if (instance == NULL) {
        instance = find(port, NULL);
    }
    if (instance == NULL) {
        return false;
    }
    if (!picket_netxduo_hook_is_taken(ip)) {
        picket_netxduo_hook_begin(instance, ip, is_late);
    }
    picket_netxduo_hook_take(instance);
    return true;
}

/* Interrupts are disabled, so that the stack's list and the timer stand still. */
static enum picket_status adopt_all(struct picket_netxduo *port, bool is_late)
{
    TX_INTERRUPT_SAVE_AREA
    enum picket_status status = PICKET_OK;
    NX_IP *ip = NX_NULL;

    TX_DISABLE
    forget_deleted(port);
    ip = _nx_ip_created_ptr;
    for (ULONG i = 0; i < _nx_ip_created_count; i++) {
        if (!adopt(port, ip, is_late)) {
            status = PICKET_E_LIMIT;
        }
        ip = ip->nx_ip_created_next;
    }
    TX_RESTORE
    return status;
}

/* The timer's; there is no other way to learn of a new instance. */
static VOID look_around(ULONG unused)
{
    (void)unused;
    (void)adopt_all(picket_netxduo_hook_port(), true);
}

enum picket_status picket_netxduo_attach(struct picket_netxduo *port, struct picket_agent *agent)
{
    enum picket_status status = PICKET_OK;

    if (port == NULL || agent == NULL) {
        return PICKET_E_ARG;
    }
    if (picket_netxduo_hook_port() != NULL) {
        return PICKET_E_STATE;
    }
    if (_nx_ip_created_count > PICKET_NETXDUO_INSTANCES) {
        return PICKET_E_LIMIT;
    }
    memset(port, 0, sizeof(*port));
    if (tx_timer_create(&port->timer, timer_name, look_around, 0, TIMER_TICKS, TIMER_TICKS,
                        TX_NO_ACTIVATE) != TX_SUCCESS) {
        return PICKET_E_STATE;
    }
    port->agent = agent;
    picket_netxduo_hook_set_port(port);
    status = adopt_all(port, false);
    if (PICKET_NETXDUO_LOOK_TICKS > 0) { /* to it, every instance is a late one */
        (void)tx_timer_activate(&port->timer);
    }
    return status;
}

enum picket_status picket_netxduo_adopt(struct picket_netxduo *port)
{
    if (port == NULL) {
        return PICKET_E_ARG;
    }
    if (picket_netxduo_hook_port() != port || port->agent == NULL) {
        return PICKET_E_STATE;
    }
    return adopt_all(port, true);
}

/* Under the instance's own lock, under which its packets pass, none is on its way through. */
static bool let_go(struct picket_netxduo_instance *instance)
{
    NX_IP *ip = instance->ip;
    bool has_lock = tx_mutex_get(&ip->nx_ip_protection, TX_WAIT_FOREVER) == TX_SUCCESS;
    bool is_free = picket_netxduo_hook_give_back(instance);

    if (is_free) {
        memset(instance, 0, sizeof(*instance));
    }
    if (has_lock) {
        (void)tx_mutex_put(&ip->nx_ip_protection);
    }
    return is_free;
}

enum picket_status picket_netxduo_detach(struct picket_netxduo *port)
{
    TX_INTERRUPT_SAVE_AREA
    bool is_free = true;

    if (port == NULL) {
        return PICKET_E_ARG;
    }
    if (picket_netxduo_hook_port() != port) {
        return PICKET_E_STATE;
    }
    if (port->agent != NULL) {
        (void)tx_timer_deactivate(&port->timer);
        (void)tx_timer_delete(&port->timer);
        port->agent = NULL;
    }
    TX_DISABLE
    forget_deleted(port);
    TX_RESTORE
    for (size_t i = 0; i < PICKET_NETXDUO_INSTANCES; i++) {
        if (port->instances[i].ip != NULL && !let_go(&port->instances[i])) {
            is_free = false;
        }
    }
    if (!is_free) {
        return PICKET_E_STATE;
    }
    picket_netxduo_hook_set_port(NULL);
    return PICKET_OK;
}

struct picket_text picket_netxduo_version(void)
{
    static const char text[] = "NetX Duo " VERSION_TEXT(
        NETXDUO_MAJOR_VERSION, NETXDUO_MINOR_VERSION, NETXDUO_PATCH_VERSION);

    return (struct picket_text){text, sizeof(text) - 1};
}
