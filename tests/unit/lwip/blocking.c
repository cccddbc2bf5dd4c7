/* SPDX-License-Identifier: MIT */
#include "picket/picket.h"

/*
 * An agent whose policy blocks UDP, for the lwip_blocking_host that tests/system/lwip_test.py
 * runs: how lwIP takes that is what is tested there, and not policies.
 */

#define UDP      17
#define FRAGMENT 44 /* of IPv6 */

/* The linker's --wrap brings the port here, and by the other name to picket_observe() itself. */
enum picket_verdict
blocking_observe(struct picket_agent *agent,
                 const struct picket_datagram *datagram) __asm__("__wrap_picket_observe");
enum picket_verdict
observe_in_earnest(struct picket_agent *agent,
                   const struct picket_datagram *datagram) __asm__("__real_picket_observe");

/* Of a datagram whose header is in its first span, as all are here. */
static bool is_udp(const struct picket_span *span)
{
    const uint8_t *header = span->bytes;

    if (header[0] >> 4 == 4) {
        return header[9] == UDP;
    }
    return header[header[6] == FRAGMENT ? 40 : 6] == UDP;
}

enum picket_verdict blocking_observe(struct picket_agent *agent,
                                     const struct picket_datagram *datagram)
{
    (void)observe_in_earnest(agent, datagram);
    if (datagram->span_count == 0 || datagram->spans[0].length <= 40) {
        return PICKET_PASS;
    }
    return is_udp(&datagram->spans[0]) ? PICKET_BLOCK : PICKET_PASS;
}
