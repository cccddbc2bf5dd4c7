/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <stdint.h>

#include "configuration.h"
#include "picket/picket.h"

/* In units of 1,024 ms, so that the division is one of 32 bits. */
static uint32_t period_of(const struct picket_agent *agent, uint64_t uptime_ms)
{
    return (uint32_t)(uptime_ms >> 10) / ((picket_low_interval_ms(agent) + 1023u) >> 10);
}

static bool is_due(const struct picket_agent *agent)
{
    uint64_t start_ms = agent->sealed.start_ms;
    uint64_t end_ms = start_ms + agent->sealed.length_ms;

    return picket_collects(agent, PICKET_COLLECTOR_SYSTEM) &&
           (agent->sequence == 1 || period_of(agent, start_ms) != period_of(agent, end_ms));
}

static void fill(const struct picket_agent *agent, struct picket_report_head *head)
{
    head->has_system = true;
    head->system = agent->config.system;
}

const struct picket_collector picket_system_collector = {is_due, fill};
