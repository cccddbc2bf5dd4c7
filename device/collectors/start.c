/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include "fact.h"
#include "picket/picket.h"

void picket_start_note(struct picket_agent *agent)
{
    static const struct picket_fact_key key = {(const uint8_t *)"", 0, "", 0};
    const struct picket_start_record *start = &agent->config.start;

    if (start->cause != PICKET_START_UNKNOWN || start->fault_code != 0 ||
        start->fault_address != 0 || start->starts != 0) {
        (void)picket_fact_note(agent, PICKET_SECTION_STARTS, &key, 0);
    }
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    (void)fact;
    return picket_report_put_start(writer, &agent->config.start);
}

const struct picket_fact_collector picket_start_collector = {PICKET_SECTION_STARTS, put};
