/* SPDX-License-Identifier: MIT */
#ifndef LWIP_OPT_H
#define LWIP_OPT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Our own declarations of what the port uses of lwIP 2.1, here and in the headers beside
 * it: no more than that, and nothing is behind them but the test's stack. As in lwIP,
 * macros of the build say what there is.
 */

#ifndef LWIP_IPV4
#define LWIP_IPV4 1
#endif
#ifndef LWIP_IPV6
#define LWIP_IPV6 1
#endif
#ifndef LWIP_TCP
#define LWIP_TCP 1
#endif
#ifndef LWIP_UDP
#define LWIP_UDP 1
#endif
#ifndef NO_SYS
#define NO_SYS 0
#endif
#ifndef ETH_PAD_SIZE
#define ETH_PAD_SIZE 0
#endif

void stack_check_core_locked(void);
#define LWIP_ASSERT_CORE_LOCKED() stack_check_core_locked()

typedef uint8_t u8_t;
typedef uint16_t u16_t;
typedef uint32_t u32_t;
typedef int8_t err_t;

#define ERR_OK  0
#define ERR_MEM (-1)
#define ERR_RTE (-4)
#define ERR_IF  (-12)

#endif
