/* SPDX-License-Identifier: MIT */
#ifndef LWIP_UDP_H
#define LWIP_UDP_H

#include "lwip/opt.h"

struct udp_pcb {
    struct udp_pcb *next;
    u16_t local_port;
};

extern struct udp_pcb *udp_pcbs;

#endif
