/* SPDX-License-Identifier: MIT */
#ifndef NX_IP_H
#define NX_IP_H

#include <nx_api.h>

/** Our own declarations of the list of IP instances, a ring; see tx_api.h beside it. */

extern NX_IP *_nx_ip_created_ptr;
extern ULONG _nx_ip_created_count;

#endif
