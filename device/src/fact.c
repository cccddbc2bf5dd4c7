/* SPDX-License-Identifier: MIT */
#include "fact.h"

#include <string.h>

#include "collect.h"
#include "configuration.h"
#include "picket/picket.h"
#include "standing.h"

/* Records begin at multiples of this. */
#define ALIGNMENT 4u

/* The open and the sealed window's facts have states 1 and 2, by turns: picket_agent.open_state. */
#define STATE_IDLE    0u
#define STATE_COVERED 4u /* a bit beside them: the report being sent has the fact */

void picket_fact_table_init(struct picket_fact_table *table, void *storage, size_t storage_bytes)
{
    memset(table, 0, sizeof(*table));
    table->bytes = storage;
    table->capacity = storage_bytes < UINT32_MAX ? (uint32_t)storage_bytes : UINT32_MAX;
}

static struct picket_fact *fact_at(const struct picket_fact_table *table, uint32_t offset)
{
    return (struct picket_fact *)(void *)(table->bytes + offset);
}

struct picket_fact *picket_fact_next(const struct picket_fact_table *table,
                                     const struct picket_fact *fact)
{
    uint32_t offset = 0;

    if (fact != NULL) {
        offset = (uint32_t)((const uint8_t *)fact - table->bytes) + fact->bytes;
    }
    return offset < table->length ? fact_at(table, offset) : NULL;
}

bool picket_fact_is_sealed(const struct picket_agent *agent, const struct picket_fact *fact)
{
    return fact->state != STATE_IDLE && fact->state != agent->open_state;
}

void *picket_fact_body(struct picket_fact *fact)
{
    return fact + 1;
}

const uint8_t *picket_fact_key(const struct picket_fact *fact)
{
    return (const uint8_t *)(fact + 1) + fact->body_bytes;
}

struct picket_text picket_fact_text(const struct picket_fact *fact, size_t head_bytes)
{
    size_t length = fact->key_bytes - head_bytes;
    const char *text = (const char *)picket_fact_key(fact) + head_bytes;

    return (struct picket_text){length > 0 ? text : NULL, length};
}

struct picket_text picket_fact_words(const char *words)
{
    size_t length = 0;

    while (words != NULL && length <= PICKET_TEXT_MAX && words[length] != '\0') {
        length++;
    }
    return (struct picket_text){words, length};
}

static bool is_match(const struct picket_fact *fact, enum picket_section section,
                     const struct picket_fact_key *key)
{
    const uint8_t *bytes = picket_fact_key(fact);

    return fact->section == section && fact->key_bytes == key->head_bytes + key->text_bytes &&
           memcmp(bytes, key->head, key->head_bytes) == 0 &&
           memcmp(bytes + key->head_bytes, key->text, key->text_bytes) == 0;
}

/* The fact that the open window has, or else an idle one. A sealed one stays as it is. */
static struct picket_fact *find(const struct picket_agent *agent, enum picket_section section,
                                const struct picket_fact_key *key)
{
    struct picket_fact *fact = NULL;
    struct picket_fact *idle = NULL;

    while ((fact = picket_fact_next(&agent->facts, fact)) != NULL) {
        if (picket_fact_is_sealed(agent, fact) || !is_match(fact, section, key)) {
            continue;
        }
        if (fact->state != STATE_IDLE) {
            return fact;
        }
        idle = fact;
    }
    return idle;
}

/* Forgets the idle facts; those behind them move up. */
static void forget_idle(struct picket_fact_table *table)
{
    uint32_t end = 0;
    uint32_t bytes;

    for (uint32_t at = 0; at < table->length; at += bytes) {
        bytes = fact_at(table, at)->bytes;
        if (fact_at(table, at)->state == STATE_IDLE) {
            continue;
        }
        if (end < at) {
            memmove(table->bytes + end, table->bytes + at, bytes);
        }
        end += bytes;
    }
    table->length = end;
}

/* What a section may fill of the storage. */
static uint32_t limit_of(const struct picket_fact_table *table, enum picket_section section)
{
    bool is_from_packets = section == PICKET_SECTION_NAMES || section == PICKET_SECTION_TLS ||
                           section == PICKET_SECTION_VERDICTS;

    return is_from_packets ? table->capacity - table->capacity / 4 : table->capacity;
}

/* Room at the table's end; NULL if there is none. */
static struct picket_fact *claim(struct picket_fact_table *table, uint32_t bytes, uint32_t limit)
{
    if (bytes > limit) {
        return NULL;
    }
    if (table->length > limit - bytes) {
        forget_idle(table);
    }
    return table->length > limit - bytes ? NULL : fact_at(table, table->length);
}

static struct picket_fact *add(struct picket_agent *agent, enum picket_section section,
                               const struct picket_fact_key *key, size_t body_bytes)
{
    struct picket_fact_table *table = &agent->facts;
    size_t key_bytes = key->head_bytes + key->text_bytes;
    size_t bytes = sizeof(struct picket_fact) + body_bytes + key_bytes;
    struct picket_fact *fact;
    uint8_t *at;

    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    fact = claim(table, (uint32_t)bytes, limit_of(table, section));
    if (fact == NULL) {
        return NULL;
    }
    table->length += (uint32_t)bytes;
    fact->bytes = (uint16_t)bytes;
    fact->key_bytes = (uint16_t)key_bytes;
    fact->body_bytes = (uint16_t)body_bytes;
    fact->section = (uint8_t)section;
    fact->state = STATE_IDLE;
    at = (uint8_t *)(fact + 1) + body_bytes;
    memcpy(at, key->head, key->head_bytes);
    memcpy(at + key->head_bytes, key->text, key->text_bytes);
    return fact;
}

void picket_fact_reopen(struct picket_agent *agent, struct picket_fact *fact)
{
    if (fact->state == STATE_IDLE) {
        fact->state = agent->open_state;
        agent->open.fact_count++;
    }
}

void picket_fact_lose(struct picket_agent *agent, enum picket_section section, uint32_t facts)
{
    agent->open.lost[section - PICKET_SECTION_NAMES] += facts;
}

struct picket_fact *picket_fact_note(struct picket_agent *agent, enum picket_section section,
                                     const struct picket_fact_key *key, size_t body_bytes)
{
    struct picket_fact *fact = find(agent, section, key);

    picket_configuration_note_fact(agent, section);
    if (fact == NULL) {
        fact = add(agent, section, key, body_bytes);
    }
    if (fact == NULL) {
        picket_fact_lose(agent, section, 1);
    } else if (fact->state == STATE_IDLE) {
        memset(picket_fact_body(fact), 0, body_bytes);
        picket_fact_reopen(agent, fact);
    }
    return fact;
}

void picket_fact_withdraw(struct picket_agent *agent, enum picket_section section)
{
    struct picket_fact *fact = NULL;

    while ((fact = picket_fact_next(&agent->facts, fact)) != NULL) {
        if (fact->section == section && fact->state == agent->open_state) {
            fact->state = STATE_IDLE;
            agent->open.fact_count--;
        }
    }
}

void picket_fact_seal(struct picket_agent *agent)
{
    struct picket_fact_table *table = &agent->facts;

    table->left = agent->sealed.fact_count;
    for (size_t i = 0; i < PICKET_LOST_SECTIONS; i++) {
        table->left += agent->sealed.lost[i] > 0;
    }
    table->lost_next = 0;
    table->lost_end = 0;
    picket_standing_seal(agent);
}

/* The collectors, in the order of their sections; what policies note comes behind the lost. */
static const struct picket_fact_collector *const collectors[] = {
#if PICKET_COLLECT_DNS
    &picket_dns_collector,
#endif
#if PICKET_COLLECT_TLS
    &picket_tls_collector,
#endif
#if PICKET_COLLECT_LISTEN
    &picket_listen_collector,
#endif
#if PICKET_COLLECT_START
    &picket_start_collector,
#endif
#if PICKET_COLLECT_EVENT
    &picket_event_collector,
#endif
#if PICKET_COLLECT_METRIC
    &picket_metric_collector,
#endif
    NULL,
};

static bool is_due(const struct picket_agent *agent, const struct picket_fact *fact,
                   enum picket_section section)
{
    bool is_covered = (fact->state & STATE_COVERED) != 0;

    return fact->section == section && picket_fact_is_sealed(agent, fact) &&
           is_covered == agent->is_built;
}

/* True if no report will ever have more room for a record than this one. */
static bool is_roomiest(const struct picket_agent *agent, const struct picket_report_writer *writer,
                        uint32_t count)
{
    return count == 0 && writer->flow_count == 0 && agent->part > 0 && !agent->is_built;
}

/* What was counted of sections behind the counts is put by a later part than these were. */
static void give_up(struct picket_agent *agent, struct picket_fact *fact)
{
    struct picket_fact_table *table = &agent->facts;
    uint8_t slot = (uint8_t)(fact->section - PICKET_SECTION_NAMES);
    uint32_t *lost = &agent->sealed.lost[slot];

    if (slot < table->lost_next) {
        table->lost_next = slot;
        *lost = 0; /* it was told */
    }
    if (slot < table->lost_end) {
        table->lost_end = slot;
    }
    fact->state = STATE_IDLE;
    table->left--;
    table->left += *lost == 0;
    (*lost)++;
}

/* False if a fact of the section found no room; *count grows by those that did. */
static bool put_section(struct picket_agent *agent, const struct picket_fact_collector *collector,
                        struct picket_report_writer *writer, uint32_t *count)
{
    struct picket_fact *fact = NULL;
    bool is_open = false;

    while ((fact = picket_fact_next(&agent->facts, fact)) != NULL) {
        if (!is_due(agent, fact, collector->section)) {
            continue;
        }
        if (!is_open && picket_report_open_section(writer, collector->section, agent->facts.left) !=
                            PICKET_OK) {
            return false;
        }
        is_open = true;
        if (collector->put(agent, fact, writer) == PICKET_OK) {
            fact->state |= STATE_COVERED;
            (*count)++;
        } else if (is_roomiest(agent, writer, *count)) {
            give_up(agent, fact);
        } else {
            return false;
        }
    }
    return true;
}

bool picket_fact_put(struct picket_agent *agent, struct picket_report_writer *writer,
                     uint32_t *count)
{
    for (size_t i = 0; collectors[i] != NULL; i++) {
        if (!put_section(agent, collectors[i], writer, count)) {
            return false;
        }
    }
    return true;
}

/* Puts the counts of lost facts, as put_section() does. */
static bool put_lost(struct picket_agent *agent, struct picket_report_writer *writer,
                     uint32_t *count)
{
    uint32_t end = agent->is_built ? agent->facts.lost_end : PICKET_LOST_SECTIONS;
    uint32_t slot = agent->facts.lost_next;
    bool is_open = false;

    for (; slot < end; slot++) {
        struct picket_lost_record record = {(enum picket_section)(PICKET_SECTION_NAMES + slot),
                                            agent->sealed.lost[slot]};

        if (record.count == 0) {
            continue;
        }
        if (!is_open && picket_report_open_section(writer, PICKET_SECTION_LOST,
                                                   agent->facts.left) != PICKET_OK) {
            break;
        }
        is_open = true;
        if (picket_report_put_lost(writer, &record) != PICKET_OK) {
            break;
        }
        (*count)++;
    }
    if (!agent->is_built) {
        agent->facts.lost_end = (uint8_t)slot;
    }
    return slot == end;
}

void picket_fact_put_rest(struct picket_agent *agent, struct picket_report_writer *writer,
                          uint32_t *count)
{
    if (put_lost(agent, writer, count) &&
        (!PICKET_POLICY || put_section(agent, &picket_verdict_collector, writer, count))) {
        (void)picket_standing_put(agent, writer, count);
    }
}

void picket_fact_settle(struct picket_agent *agent)
{
    struct picket_fact_table *table = &agent->facts;
    struct picket_fact *fact = NULL;

    while ((fact = picket_fact_next(table, fact)) != NULL) {
        if ((fact->state & STATE_COVERED) != 0) {
            fact->state = STATE_IDLE;
            table->left--;
        }
    }
    for (; table->lost_next < table->lost_end; table->lost_next++) {
        table->left -= agent->sealed.lost[table->lost_next] > 0;
    }
    picket_standing_settle(agent);
}
