/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <string.h>

#include "agent.h"
#include "configuration.h"
#include "fact.h"

/* The body of a fact is the value, which is not aligned there; the key is the name. */

static enum picket_status note(struct picket_agent *agent, const struct picket_fact_key *key,
                               uint64_t value)
{
    struct picket_fact *fact = picket_fact_note(agent, PICKET_SECTION_METRICS, key, sizeof(value));

    if (fact == NULL) {
        return PICKET_E_FULL;
    }
    memcpy(picket_fact_body(fact), &value, sizeof(value));
    return PICKET_OK;
}

enum picket_status picket_set_metric(struct picket_agent *agent, const char *name, uint64_t value)
{
    struct picket_text words = picket_fact_words(name);
    struct picket_fact_key key = {(const uint8_t *)"", 0, words.bytes, words.length};
    enum picket_status status = PICKET_E_STATE;

    if (!PICKET_COLLECT_METRIC) {
        return PICKET_E_STATE;
    }
    if (agent == NULL || !picket_text_is_name(words, PICKET_TEXT_MAX)) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_METRIC)) {
        status = note(agent, &key, value);
    }
    picket_agent_unlock(agent);
    return status;
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    struct picket_metric_record record = {.name = picket_fact_text(fact, 0)};

    (void)agent;
    memcpy(&record.value, picket_fact_body(fact), sizeof(record.value));
    return picket_report_put_metric(writer, &record);
}

const struct picket_fact_collector picket_metric_collector = {PICKET_SECTION_METRICS, put};
