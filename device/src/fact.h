/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_SRC_FACT_H
#define DEVICE_SRC_FACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/facts.h"

struct picket_agent;
struct picket_fact_table;
struct picket_report_writer;

/**
 * The table of facts, over the caller's storage: records of any length, one
 * behind another; no chains, no heap.
 *
 * A fact has a section, a key that makes it this one and no other, and a body
 * that its collector alone understands. As a flow it counts for the open
 * window, or waits in the sealed one until a report with it is confirmed. Then
 * it is idle: known, until the room is needed. Open and sealed facts never give
 * way; what finds no room is counted as lost, by section. What packets show
 * leaves a quarter of the storage to what the application tells, so that
 * nobody on the network can keep an event from being noted.
 *
 * Nothing here locks; the caller holds the agent's lock. A pointer to a fact is
 * good until the next picket_fact_note().
 *
 * Cost: each function looks once at each record, and moves none more than once.
 */
struct picket_fact {
    uint16_t bytes; /* to the next record: this, the body, the key */
    uint16_t key_bytes;
    uint16_t body_bytes;
    uint8_t section; /* enum picket_section */
    uint8_t state;
};

/** A key: a head of the collector's own form, then a text. */
struct picket_fact_key {
    const uint8_t *head;
    size_t head_bytes;
    const char *text;
    size_t text_bytes;
};

void picket_fact_table_init(struct picket_fact_table *table, void *storage, size_t storage_bytes);

/**
 * The fact of that key in the open window. If it was not in it, its body is
 * zero, @p body_bytes long; words of 32 bits are aligned in it.
 *
 * Errors: NULL if there is no room for it; that is counted.
 */
struct picket_fact *picket_fact_note(struct picket_agent *agent, enum picket_section section,
                                     const struct picket_fact_key *key, size_t body_bytes);

/** Takes a fact that is not sealed into the open window, as it is. */
void picket_fact_reopen(struct picket_agent *agent, struct picket_fact *fact);

/** Takes a section's facts out of the open window again. */
void picket_fact_withdraw(struct picket_agent *agent, enum picket_section section);

/** Counts @p facts that could not be kept. */
void picket_fact_lose(struct picket_agent *agent, enum picket_section section, uint32_t facts);

/** The fact behind @p fact, or the first one if that is NULL; NULL behind the last. */
struct picket_fact *picket_fact_next(const struct picket_fact_table *table,
                                     const struct picket_fact *fact);

/** True if the fact waits in the sealed window. */
bool picket_fact_is_sealed(const struct picket_agent *agent, const struct picket_fact *fact);

void *picket_fact_body(struct picket_fact *fact);
const uint8_t *picket_fact_key(const struct picket_fact *fact);
/** The key behind its first @p head_bytes. */
struct picket_text picket_fact_text(const struct picket_fact *fact, size_t head_bytes);

/**
 * @p words as a text, as far as anybody has to look to see that it is too long;
 * {NULL, 0} for NULL.
 */
struct picket_text picket_fact_words(const char *words);

/** Called when the open window becomes the sealed one. */
void picket_fact_seal(struct picket_agent *agent);

/**
 * Puts the records of the sealed window that are left into a report, as many as
 * find room; built again, a report gets those it had. A record that no part can
 * hold is counted as lost, lest it hold up all others for ever.
 *
 * *count grows by those that were put; picket_fact_table.left says how many there
 * are. False if there was no room for one.
 */
bool picket_fact_put(struct picket_agent *agent, struct picket_report_writer *writer,
                     uint32_t *count);
/** Behind all of them: the counts of those that were lost, verdicts, how settings stand. */
void picket_fact_put_rest(struct picket_agent *agent, struct picket_report_writer *writer,
                          uint32_t *count);

/** Lets go of the records that the report had. */
void picket_fact_settle(struct picket_agent *agent);

/** A byte of a name as reports have it: lower case, and ASCII that can be seen, or '?'. */
/*@ assigns \nothing; */
static inline char picket_fact_letter(uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte + ('a' - 'A'));
    }
    return byte > ' ' && byte < 0x7f ? (char)byte : '?';
}

#endif
