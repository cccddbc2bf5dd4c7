/* SPDX-License-Identifier: MIT */
#include "stack.h"

#include <string.h>

#include "lwip/priv/tcp_priv.h"
#include "lwip/udp.h"

union tcp_listen_pcbs_t tcp_listen_pcbs;
struct udp_pcb *udp_pcbs;
struct netif *netif_list;
struct stack stack;

static err_t take_in(struct pbuf *packet, struct netif *netif)
{
    (void)packet;
    (void)netif;
    stack.delivered++;
    return stack.answer;
}

static err_t send_frame(struct netif *netif, struct pbuf *packet)
{
    (void)packet;
    (void)netif;
    stack.sent++;
    return stack.answer;
}

static err_t send_ipv4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *to)
{
    (void)packet;
    (void)netif;
    (void)to;
    stack.sent_ipv4++;
    return stack.answer;
}

static err_t send_ipv6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *to)
{
    (void)packet;
    (void)netif;
    (void)to;
    stack.sent_ipv6++;
    return stack.answer;
}

void stack_reset(void)
{
    memset(&stack, 0, sizeof(stack));
    netif_list = NULL;
    tcp_listen_pcbs.listen_pcbs = NULL;
    udp_pcbs = NULL;
}

void stack_add(struct netif *netif, u8_t flags)
{
    *netif = (struct netif){.next = netif_list,
                            .input = take_in,
                            .output = send_ipv4,
                            .linkoutput = send_frame,
                            .output_ip6 = send_ipv6,
                            .flags = flags};
    netif_list = netif;
}

void stack_remove(struct netif *netif)
{
    struct netif **link = &netif_list;

    while (*link != NULL && *link != netif) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = netif->next;
    }
}

bool stack_is_untouched(const struct netif *netif)
{
    return netif->input == take_in && netif->linkoutput == send_frame &&
           netif->output == send_ipv4 && netif->output_ip6 == send_ipv6;
}

u8_t pbuf_free(struct pbuf *packet)
{
    (void)packet;
    stack.freed++;
    return 1;
}

void stack_check_core_locked(void)
{
    stack.core_checks++;
}

u32_t sys_now(void)
{
    return stack.now_ms;
}

#if !NO_SYS
err_t sys_mutex_new(sys_mutex_t *mutex)
{
    mutex->locks = 0;
    stack.mutexes += !stack.has_no_mutex;
    return stack.has_no_mutex ? ERR_MEM : ERR_OK;
}

void sys_mutex_lock(sys_mutex_t *mutex)
{
    mutex->locks++;
}

void sys_mutex_unlock(sys_mutex_t *mutex)
{
    mutex->locks--;
}

void sys_mutex_free(sys_mutex_t *mutex)
{
    (void)mutex;
    stack.mutexes--;
}

sys_prot_t sys_arch_protect(void)
{
    return stack.protection++;
}

void sys_arch_unprotect(sys_prot_t level)
{
    stack.protection = level;
}
#endif
