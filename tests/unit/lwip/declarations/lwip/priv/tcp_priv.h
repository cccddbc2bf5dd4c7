/* SPDX-License-Identifier: MIT */
#ifndef LWIP_PRIV_TCP_PRIV_H
#define LWIP_PRIV_TCP_PRIV_H

#include "lwip/opt.h"

struct tcp_pcb_listen {
    struct tcp_pcb_listen *next;
    u16_t local_port;
};

union tcp_listen_pcbs_t {
    struct tcp_pcb_listen *listen_pcbs;
};

extern union tcp_listen_pcbs_t tcp_listen_pcbs;

#endif
