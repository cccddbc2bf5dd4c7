/* SPDX-License-Identifier: MIT */
#ifndef LWIP_PROT_ETHERNET_H
#define LWIP_PROT_ETHERNET_H

#include "lwip/opt.h"

#define SIZEOF_ETH_HDR (14 + ETH_PAD_SIZE)

enum lwip_ieee_eth_type {
    ETHTYPE_IP = 0x0800u,
    ETHTYPE_VLAN = 0x8100u,
    ETHTYPE_IPV6 = 0x86ddu,
};

#endif
