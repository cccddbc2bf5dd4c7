/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/pbuf.h>
#include <lwip/sys.h>

#define FRAME_BYTES 1518u
#define PART_BYTES  512u
#define MTU         1500
#define STACK_BYTES 0 /* the default */
#define PRIORITY    0

static struct pbuf *to_chain(const uint8_t *frame, size_t length)
{
    struct pbuf *chain = NULL;

    for (size_t at = 0; at < length; at += PART_BYTES) {
        u16_t part_length = (u16_t)(length - at < PART_BYTES ? length - at : PART_BYTES);
        struct pbuf *part = pbuf_alloc(PBUF_RAW, part_length, PBUF_RAM);

        if (part == NULL || pbuf_take(part, frame + at, part_length) != ERR_OK) {
            break; /* a frame cut short is for lwIP to throw away */
        }
        if (chain == NULL) {
            chain = part;
        } else {
            pbuf_cat(chain, part);
        }
    }
    return chain;
}

static void receive(void *argument)
{
    struct netif *netif = argument;
    const struct tap *tap = netif->state;
    uint8_t frame[FRAME_BYTES];

    for (;;) {
        ssize_t length = read(tap->file, frame, sizeof(frame));
        struct pbuf *packet = length > 0 ? to_chain(frame, (size_t)length) : NULL;

        if (packet != NULL && netif->input(packet, netif) != ERR_OK) {
            (void)pbuf_free(packet);
        }
    }
}

static err_t send_frame(struct netif *netif, struct pbuf *packet)
{
    const struct tap *tap = netif->state;
    uint8_t frame[FRAME_BYTES];
    u16_t length = pbuf_copy_partial(packet, frame, sizeof(frame), 0);

    return write(tap->file, frame, length) == (ssize_t)length ? ERR_OK : ERR_IF;
}

static err_t send_ipv4(struct netif *netif, struct pbuf *packet, const ip4_addr_t *next_hop)
{
    (void)next_hop; /* there is but one */
    return send_frame(netif, packet);
}

static err_t send_ipv6(struct netif *netif, struct pbuf *packet, const ip6_addr_t *next_hop)
{
    (void)next_hop;
    return send_frame(netif, packet);
}

static bool open_tap(struct tap *tap)
{
    struct ifreq request = {.ifr_flags = (tap->is_tun ? IFF_TUN : IFF_TAP) | IFF_NO_PI};

    strncpy(request.ifr_name, tap->name, sizeof(request.ifr_name) - 1);
    tap->file = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    return tap->file >= 0 && ioctl(tap->file, TUNSETIFF, &request) == 0;
}

static void use_ethernet(struct netif *netif)
{
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = send_frame;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
                   NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
}

static void use_ip(struct netif *netif)
{
    netif->output = send_ipv4;
    netif->output_ip6 = send_ipv6;
    netif->flags = NETIF_FLAG_IGMP | NETIF_FLAG_MLD6 | NETIF_FLAG_LINK_UP;
}

err_t tap_init(struct netif *netif)
{
    static const uint8_t address[ETH_HWADDR_LEN] = {0x02, 0, 0, 0, 0, 1};
    const struct tap *tap = netif->state;

    if (!open_tap(netif->state)) {
        return ERR_IF;
    }
    memcpy(netif->name, "tp", sizeof(netif->name));
    memcpy(netif->hwaddr, address, sizeof(address));
    netif->hwaddr[ETH_HWADDR_LEN - 1] = (u8_t)(netif->num + 1);
    netif->hwaddr_len = ETH_HWADDR_LEN;
    netif->mtu = MTU;
    (tap->is_tun ? use_ip : use_ethernet)(netif);
    (void)sys_thread_new("tap", receive, netif, STACK_BYTES, PRIORITY);
    return ERR_OK;
}
