/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_LWIP_TAP_H
#define EXAMPLES_LWIP_TAP_H

#include <stdbool.h>

#include <lwip/netif.h>

/**
 * A netif on a TAP interface of Linux, as a driver on an MCU would be: a thread takes
 * frames in, in chains of small buffers. Debian's own tapif is not for use: its library
 * makes the buffers of PBUF_POOL 592 bytes long and takes them for 1,536.
 *
 * Or on a TUN interface: a link that carries IP and no Ethernet, as PPP, SLIP and
 * modems are to lwIP.
 */
struct tap {
    const char *name; /* of the interface; it is made if it is not there */
    bool is_tun;
    int file;
};

/** For netif_add(), whose `state` is a struct tap with a name. */
err_t tap_init(struct netif *netif);

#endif
