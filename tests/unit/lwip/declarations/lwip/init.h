/* SPDX-License-Identifier: MIT */
#ifndef LWIP_INIT_H
#define LWIP_INIT_H

#define LWIP_VERSION_STRING "2.1.3"

#endif
