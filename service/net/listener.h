/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_LISTENER_H
#define SERVICE_NET_LISTENER_H

#include <stdint.h>

#include "picket/status.h"

struct err;

/** Opens a TCP socket that listens, non-blocking; @p address is numeric, @p port 0 takes a free
 * one. The caller closes *ret_socket. */
PICKET_MUST_CHECK enum picket_status listener_open(const char *address, uint16_t port,
                                                   int *ret_socket, uint16_t *ret_port,
                                                   struct err *reterr);

#endif
