/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "agent.h"
#include "collect.h"
#include "configuration.h"
#include "dns_parser.h"
#include "fact.h"

/* @p address is as long as the byte before it says; NULL: there is no such name. */
static void note(struct picket_agent *agent, const struct picket_dns_answer *answer,
                 const uint8_t *address)
{
    uint8_t head[1 + 16] = {0};
    struct picket_fact_key key = {head, 1, answer->name, answer->name_length};

    if (address != NULL) {
        head[0] = address[-1];
        memcpy(head + 1, address, head[0]);
        key.head_bytes += head[0];
    }
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_DNS)) {
        (void)picket_fact_note(agent, PICKET_SECTION_NAMES, &key, 0);
    }
    picket_agent_unlock(agent);
}

static void lose(struct picket_agent *agent, uint32_t records)
{
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_DNS)) {
        picket_fact_lose(agent, PICKET_SECTION_NAMES, records);
    }
    picket_agent_unlock(agent);
}

void picket_dns_inspect(struct picket_agent *agent, const struct picket_span *payload)
{
    struct picket_dns_answer answer;

    if (picket_dns_parse(payload->bytes, payload->length, &answer) != PICKET_OK) {
        return;
    }
    for (size_t i = 0; i < answer.address_count; i++) {
        note(agent, &answer, payload->bytes + answer.addresses[i]);
    }
    if (answer.is_nonexistent) {
        note(agent, &answer, NULL);
    }
    if (answer.records_missed > 0) {
        lose(agent, answer.records_missed);
    }
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const uint8_t *key = picket_fact_key(fact);
    struct picket_name_record record = {.address_size = key[0]};

    (void)agent;
    record.name = picket_fact_text(fact, 1u + key[0]);
    memcpy(record.address, key + 1, key[0]);
    return picket_report_put_name(writer, &record);
}

const struct picket_fact_collector picket_dns_collector = {PICKET_SECTION_NAMES, put};
