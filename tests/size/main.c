/* SPDX-License-Identifier: MIT */
/*
 * The firmware that tools/size.py measures: the whole device module as an
 * application uses it, and nothing else. It is linked, never run.
 */
#include "picket/picket.h"

#define FLOWS 64
#define FACTS 13

struct picket_agent size_agent;
uint64_t size_ipv4_flows[PICKET_IPV4_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
uint64_t size_ipv6_flows[PICKET_IPV6_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
uint64_t size_facts[PICKET_FACTS_STORAGE_BYTES(FACTS) / sizeof(uint64_t)];
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

#if PICKET_SETTINGS
static bool trust(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                  size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    (void)context;
    return algorithm == PICKET_ALGORITHM_EDDSA && message[length - 1] == signature[0];
}

static bool apply_settings(void)
{
    return picket_apply_settings(&size_agent, size_report, sizeof(size_report)) == PICKET_OK &&
           picket_committed_revision(&size_agent, PICKET_SETTINGS_POLICY) > 0;
}
#else
static bool apply_settings(void)
{
    return false;
}
#endif

#if PICKET_POLICY
static bool set_service(void)
{
    static const struct picket_address service = {4, {192, 0, 2, 1}};

    return picket_set_service(&size_agent, &service, 1) == PICKET_OK;
}
#else
static bool set_service(void)
{
    return true;
}
#endif

int main(void)
{
    static volatile uint32_t ticks;
    static const uint8_t packet[40];
    const struct picket_span span = {packet, sizeof(packet)};
    const struct picket_datagram datagram = {PICKET_INBOUND, &span, 1, sizeof(packet)};
    static const struct picket_listener_record listener = {.protocol = 6, .port = 80};
    const struct picket_port port = {
        .context = (void *)(uintptr_t)&ticks,
        .now_ms = now_ms,
        .lock = be_exclusive,
#if PICKET_SETTINGS
        .verify = trust,
#endif
        .unlock = be_exclusive
    };
    const struct picket_config config = {.boot = 1,
                                         .interval_ms = 60000,
                                         .ipv4_storage = size_ipv4_flows,
                                         .ipv4_storage_bytes = sizeof(size_ipv4_flows),
                                         .ipv6_storage = size_ipv6_flows,
                                         .ipv6_storage_bytes = sizeof(size_ipv6_flows),
                                         .facts_storage = size_facts,
                                         .facts_storage_bytes = sizeof(size_facts),
                                         .start = {.cause = PICKET_START_POWER_ON}};
    size_t length = 0;

    if (picket_init(&size_agent, &config, &port) != PICKET_OK) {
        return 1;
    }
    if (picket_observe(&size_agent, &datagram) == PICKET_BLOCK || !set_service() ||
        apply_settings()) {
        ticks++;
    }
    picket_note_dropped(&size_agent, 1);
    picket_note_filtered(&size_agent, 1);
    if (picket_note_event(&size_agent, "login", NULL) != PICKET_OK ||
        picket_set_metric(&size_agent, "heap_free", 1) != PICKET_OK ||
        picket_set_listeners(&size_agent, &listener, 1) != PICKET_OK) {
        ticks++; /* not built in, or no room */
    }
    if (picket_next_report_ms(&size_agent) == 0 || picket_seal_window(&size_agent) == PICKET_OK) {
        while (picket_build_report(&size_agent, size_report, sizeof(size_report), &length) ==
                   PICKET_OK &&
               picket_confirm_report(&size_agent) == PICKET_OK) {
        }
    }
    return 0;
}
