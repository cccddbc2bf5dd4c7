/* SPDX-License-Identifier: MIT */
/*
 * The firmware that tools/size.py measures: the whole device module as an
 * application uses it, and nothing else. It is linked, never run.
 */
#include "picket/picket.h"

#define FLOWS 64

struct picket_agent size_agent;
uint64_t size_ipv4_flows[PICKET_IPV4_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
uint64_t size_ipv6_flows[PICKET_IPV6_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
uint8_t size_report[1024];

/* What a port and an application supply; in another object they would be its own. */
static uint32_t now_ms(void *context)
{
    return *(volatile uint32_t *)context;
}

static void be_exclusive(void *context)
{
    (void)context;
}

int main(void)
{
    static volatile uint32_t ticks;
    static const uint8_t packet[40];
    const struct picket_span span = {packet, sizeof(packet)};
    const struct picket_datagram datagram = {PICKET_INBOUND, &span, 1, sizeof(packet)};
    const struct picket_port port = {(void *)(uintptr_t)&ticks, now_ms, be_exclusive, be_exclusive,
                                     NULL};
    const struct picket_config config = {.boot = 1,
                                         .interval_ms = 60000,
                                         .ipv4_storage = size_ipv4_flows,
                                         .ipv4_storage_bytes = sizeof(size_ipv4_flows),
                                         .ipv6_storage = size_ipv6_flows,
                                         .ipv6_storage_bytes = sizeof(size_ipv6_flows)};
    size_t length = 0;

    if (picket_init(&size_agent, &config, &port) != PICKET_OK) {
        return 1;
    }
    picket_observe(&size_agent, &datagram);
    picket_note_dropped(&size_agent, 1);
    picket_note_filtered(&size_agent, 1);
    if (picket_next_report_ms(&size_agent) == 0 || picket_seal_window(&size_agent) == PICKET_OK) {
        while (picket_build_report(&size_agent, size_report, sizeof(size_report), &length) ==
                   PICKET_OK &&
               picket_confirm_report(&size_agent) == PICKET_OK) {
        }
    }
    return 0;
}
