/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_LWIP_TALK_H
#define EXAMPLES_LWIP_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include <lwip/ip_addr.h>

/** Traffic for the example: what an application of a device does all day. */

/** Starts threads that echo what comes to TCP port 7 and UDP port 7. */
bool talk_serve(void);

/** Sends @p bytes by TCP, UDP or as one ping; true if as many come back within 5 seconds. */
bool talk_tcp(const ip_addr_t *peer, uint16_t port, uint16_t bytes);
bool talk_udp(const ip_addr_t *peer, uint16_t port, uint16_t bytes);
bool talk_ping(const ip_addr_t *peer, uint16_t port, uint16_t bytes);

#endif
