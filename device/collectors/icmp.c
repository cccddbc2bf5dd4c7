/* SPDX-License-Identifier: MIT */
#include <stdbool.h>

#include "agent.h"
#include "collect.h"
#include "picket/picket.h"
#include "slot.h"

/* The flow has all that is told: its selector, type and code; its connections, the size. */
static enum picket_status put(const struct picket_flow *flow, uint32_t number, bool is_first,
                              struct picket_report_writer *writer)
{
    uint32_t kind = flow->selector >> SELECTOR_PORT_SHIFT;
    const struct picket_icmp_record record = {.flow = number,
                                              .type = (uint8_t)(kind >> 8),
                                              .code = (uint8_t)kind,
                                              .bytes_max = flow->connections};
    enum picket_status status = PICKET_OK;

    picket_report_release(writer, PICKET_ICMP_ROOM);
    if (is_first) {
        status = picket_report_open_section(writer, PICKET_SECTION_ICMP, writer->flow_count);
    }
    return status == PICKET_OK ? picket_report_put_icmp(writer, &record) : status;
}

enum picket_status picket_icmp_put(const struct picket_agent *agent, const uint32_t ends[2],
                                   struct picket_report_writer *writer)
{
    const struct picket_flow_table *const tables[2] = {&agent->ipv4, &agent->ipv6};
    enum picket_status status = PICKET_OK;
    bool is_first = true;
    uint32_t number = 0;

    for (size_t i = 0; i < 2; i++) {
        for (uint32_t slot = tables[i]->next; slot < ends[i] && status == PICKET_OK; slot++) {
            const struct picket_flow *flow = picket_slot_at(tables[i], slot);
            bool is_sealed = picket_slot_is_sealed(agent, flow);

            if (is_sealed && picket_slot_is_icmp(flow->selector)) {
                status = put(flow, number, is_first, writer);
                is_first = false;
            }
            number += is_sealed;
        }
    }
    return status;
}
