/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <stdint.h>

#include "picket/picket.h"

/* In units of 1,024 ms, so that the division is one of 32 bits. */
static uint32_t day_of(uint64_t uptime_ms)
{
    return (uint32_t)(uptime_ms >> 10) / 84375u;
}

static bool is_due(const struct picket_agent *agent)
{
    uint64_t start_ms = agent->sealed.start_ms;

    return agent->sequence == 1 || day_of(start_ms) != day_of(start_ms + agent->sealed.length_ms);
}

static void fill(const struct picket_agent *agent, struct picket_report_head *head)
{
    head->has_system = true;
    head->system = agent->config.system;
}

const struct picket_collector picket_system_collector = {is_due, fill};
