/* SPDX-License-Identifier: MIT */
#include "picket_lwip.h"

#include <string.h>

#include <lwip/init.h>

#include "picket_lwip_hook.h"

static uint32_t now_ms(void *context)
{
    (void)context;
    return sys_now();
}

/* Without an operating system there is but one thread, and the calls are empty macros. */
static void lock(void *context)
{
    struct picket_lwip *host = context;

    (void)host;
    sys_mutex_lock(&host->mutex);
}

static void unlock(void *context)
{
    struct picket_lwip *host = context;

    (void)host;
    sys_mutex_unlock(&host->mutex);
}

enum picket_status picket_lwip_init(struct picket_lwip *host, struct picket_port *ret_port)
{
    if (host == NULL || ret_port == NULL) {
        return PICKET_E_ARG;
    }
    if (sys_mutex_new(&host->mutex) != ERR_OK) {
        return PICKET_E_NOMEM;
    }
    host->has_told = false;
    *ret_port =
        (struct picket_port){.context = host, .now_ms = now_ms, .lock = lock, .unlock = unlock};
    return PICKET_OK;
}

void picket_lwip_deinit(struct picket_lwip *host)
{
    if (host != NULL) {
        sys_mutex_free(&host->mutex);
    }
}

struct picket_text picket_lwip_version(void)
{
    static const char text[] = "lwIP " LWIP_VERSION_STRING;

    return (struct picket_text){text, sizeof(text) - 1};
}

static bool is_added(const struct netif *netif)
{
    const struct netif *added = NULL;

    NETIF_FOREACH(added)
    {
        if (added == netif) {
            return true;
        }
    }
    return false;
}

enum picket_status picket_lwip_attach(struct picket_lwip_netif *watch, struct netif *netif,
                                      struct picket_agent *agent)
{
    enum picket_status status = PICKET_E_STATE;
    SYS_ARCH_DECL_PROTECT(level);

    if (watch == NULL || netif == NULL || agent == NULL) {
        return PICKET_E_ARG;
    }
    LWIP_ASSERT_CORE_LOCKED();
    if (!is_added(netif)) {
        return PICKET_E_NOTFOUND;
    }
    SYS_ARCH_PROTECT(level);
    if (*picket_lwip_hook_link(watch) == NULL && picket_lwip_hook_find(netif) == NULL) {
        memset(watch, 0, sizeof(*watch));
        watch->netif = netif;
        watch->agent = agent;
        watch->is_ethernet = (netif->flags & (NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET)) != 0;
        *picket_lwip_hook_link(NULL) = watch;
        picket_lwip_hook_take(watch);
        status = PICKET_OK;
    }
    SYS_ARCH_UNPROTECT(level);
    return status;
}

enum picket_status picket_lwip_detach(struct picket_lwip_netif *watch)
{
    enum picket_status status = PICKET_E_STATE;
    struct picket_lwip_netif **link = NULL;
    SYS_ARCH_DECL_PROTECT(level);

    if (watch == NULL) {
        return PICKET_E_ARG;
    }
    LWIP_ASSERT_CORE_LOCKED();
    SYS_ARCH_PROTECT(level);
    link = picket_lwip_hook_link(watch);
    if (*link != NULL) {
        bool is_free = !is_added(watch->netif) || picket_lwip_hook_give_back(watch);

        watch->agent = NULL;
        if (is_free && watch->looking == 0) {
            *link = watch->next;
            status = PICKET_OK;
        }
    }
    SYS_ARCH_UNPROTECT(level);
    return status;
}
