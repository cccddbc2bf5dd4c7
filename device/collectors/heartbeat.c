/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include "configuration.h"
#include "picket/picket.h"

static bool is_due(const struct picket_agent *agent)
{
    return picket_collects(agent, PICKET_COLLECTOR_HEARTBEAT);
}

static void fill(const struct picket_agent *agent, struct picket_report_head *head)
{
    head->has_heartbeat = true;
    head->heartbeat.interval_ms = agent->config.interval_ms;
    head->heartbeat.flow_capacity = agent->ipv4.capacity + agent->ipv6.capacity;
    head->heartbeat.flow_count = agent->sealed.flow_count;
}

const struct picket_collector picket_heartbeat_collector = {is_due, fill};
