/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <string.h>

#include "agent.h"
#include "configuration.h"
#include "fact.h"

/* Body of a fact; the key is the name, a NUL, the text. */
struct event {
    uint32_t count;
    uint32_t first_ms; /* port time */
    uint32_t last_ms;
};

/* What a stranger may have typed, as a text that a report can have; returns its length. */
static size_t clean(const char *text, char ret_text[PICKET_TEXT_MAX])
{
    size_t length = 0;

    for (; length < PICKET_TEXT_MAX && text[length] != '\0'; length++) {
        bool is_printable = text[length] >= ' ' && text[length] <= '~';

        ret_text[length] = '?';
        if (is_printable) {
            ret_text[length] = text[length];
        }
    }
    return length;
}

static enum picket_status note(struct picket_agent *agent, const struct picket_fact_key *key)
{
    struct picket_fact *fact =
        picket_fact_note(agent, PICKET_SECTION_EVENTS, key, sizeof(struct event));
    struct event *event;

    if (fact == NULL) {
        return PICKET_E_FULL;
    }
    event = picket_fact_body(fact);
    event->last_ms = picket_agent_read_time(agent);
    if (event->count == 0) {
        event->first_ms = event->last_ms;
    }
    event->count += event->count < UINT32_MAX;
    return PICKET_OK;
}

enum picket_status picket_note_event(struct picket_agent *agent, const char *name, const char *text)
{
    char cleaned[PICKET_TEXT_MAX];
    struct picket_fact_key key = {(const uint8_t *)name, 0, cleaned, 0};
    enum picket_status status = PICKET_E_STATE;

    if (!PICKET_COLLECT_EVENT) {
        return PICKET_E_STATE;
    }
    if (agent == NULL || !picket_text_is_name(picket_fact_words(name), PICKET_TEXT_MAX)) {
        return PICKET_E_ARG;
    }
    key.head_bytes = strlen(name) + 1;
    key.text_bytes = text != NULL ? clean(text, cleaned) : 0;
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_EVENT)) {
        status = note(agent, &key);
    }
    picket_agent_unlock(agent);
    return status;
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const struct event *event = picket_fact_body(fact);
    struct picket_event_record record = {.count = event->count};

    record.name = picket_fact_words((const char *)picket_fact_key(fact));
    record.text = picket_fact_text(fact, record.name.length + 1);
    record.last_ms = picket_window_offset_ms(&agent->sealed, event->last_ms);
    record.first_ms = picket_window_offset_ms(&agent->sealed, event->first_ms);
    if (record.first_ms > record.last_ms) {
        record.first_ms = 0; /* so long ago that its time has wrapped */
    }
    return picket_report_put_event(writer, &record);
}

const struct picket_fact_collector picket_event_collector = {PICKET_SECTION_EVENTS, put};
