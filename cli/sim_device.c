/* SPDX-License-Identifier: MIT */
#include "cli/sim_device.h"

#include <stdlib.h>
#include <string.h>

#include "cli/sim_scenario.h"
#include "cli/sim_traffic.h"

#define FACTS 8u /* names that were asked for */

static uint32_t port_now_ms(void *context)
{
    const struct sim_device *device = context;

    return (uint32_t)device->uptime_ms;
}

static uint64_t port_clock_ms(void *context)
{
    const struct sim_device *device = context;

    return device->terms->clock_ms;
}

/* In words, so that each part is aligned. */
static size_t words(size_t bytes)
{
    return (bytes + sizeof(uint64_t) - 1) / sizeof(uint64_t);
}

enum picket_status sim_device_start(struct sim_device *device, uint32_t boot)
{
    const struct sim_scenario *scenario = device->terms->scenario;
    const struct picket_port port = {
        .context = device, .now_ms = port_now_ms, .clock_ms = port_clock_ms};
    size_t ipv4_bytes = PICKET_IPV4_STORAGE_BYTES(sim_scenario_flows(scenario, true));
    size_t ipv6_bytes = PICKET_IPV6_STORAGE_BYTES(sim_scenario_flows(scenario, false));
    size_t facts_bytes = PICKET_FACTS_STORAGE_BYTES(FACTS);
    struct picket_config config = {
        .boot = boot,
        .interval_ms = scenario->interval_s * 1000u,
        .hash_key = {0x50, 0x49, 0x43, device->number},
        .ipv4_storage_bytes = ipv4_bytes,
        .ipv6_storage_bytes = ipv6_bytes,
        .facts_storage_bytes = facts_bytes,
        .start = {.cause = PICKET_START_POWER_ON},
        .system = {.module_version = {PICKET_VERSION, sizeof(PICKET_VERSION) - 1},
                   .firmware_version = {scenario->firmware, strlen(scenario->firmware)},
                   .os = {"simulated", sizeof("simulated") - 1}},
    };

    device->storage =
        calloc(words(ipv4_bytes) + words(ipv6_bytes) + words(facts_bytes), sizeof(uint64_t));
    if (device->storage == NULL) {
        return PICKET_E_NOMEM;
    }
    config.ipv4_storage = device->storage;
    config.ipv6_storage = device->storage + words(ipv4_bytes);
    config.facts_storage = device->storage + words(ipv4_bytes) + words(ipv6_bytes);
    device->boot = boot;
    device->sequence = 1;
    return picket_init(&device->agent, &config, &port);
}

void sim_device_deinit(struct sim_device *device)
{
    free(device->storage);
    sim_account_deinit(&device->account);
}

enum picket_status sim_device_build(struct sim_device *device, uint8_t *bytes, size_t capacity,
                                    size_t *ret_length)
{
    const struct sim_moment moment = {device->number, device->window};
    enum picket_status status = picket_build_report(&device->agent, bytes, capacity, ret_length);

    if (status == PICKET_E_EMPTY) {
        device->packets =
            sim_traffic_play(device->terms->scenario, &moment, &device->agent, &device->uptime_ms);
        device->window++;
        status = picket_build_report(&device->agent, bytes, capacity, ret_length);
    }
    device->has_report = status == PICKET_OK;
    return status;
}

static enum picket_status note(struct sim_device *device, bool is_open)
{
    const struct sim_range range = {.boot = device->boot,
                                    .first = device->sequence,
                                    .last = device->sequence,
                                    .packets = device->packets,
                                    .is_open = is_open};

    return sim_account_add(&device->account, &range);
}

enum picket_status sim_device_confirm(struct sim_device *device, bool is_acknowledged)
{
    enum picket_status status = note(device, !is_acknowledged);

    if (status == PICKET_OK) {
        status = picket_confirm_report(&device->agent);
    }
    device->sequence++;
    device->packets = 0; /* a window's counters come with its first report */
    device->has_report = false;
    device->is_sent = false;
    return status;
}

enum picket_status sim_device_close(struct sim_device *device)
{
    return device->has_report && device->is_sent ? note(device, true) : PICKET_OK;
}
