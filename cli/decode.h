/* SPDX-License-Identifier: MIT */
#ifndef CLI_DECODE_H
#define CLI_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct facts;
struct picket_report_head;
struct picket_report_reader;
struct picket_text;
struct report;

/** 61001 as "61.001 s". */
void decode_add_seconds(struct buf *out, uint64_t ms);
/** "198.51.100.7:443", "[2001:db8::7]:443", an address or a port alone, or "-". */
void decode_add_end(struct buf *out, const uint8_t *bytes, size_t size, bool has_port,
                    uint16_t port);
/** A text of at most PICKET_NAME_MAX bytes, made harmless. */
void decode_add_text(struct buf *out, struct picket_text text);
/** A line for each record of each section behind the flows. */
void decode_add_facts(struct buf *out, struct picket_report_reader *reader);
/** The same of facts that were read. */
void decode_add_kept_facts(struct buf *out, const struct facts *facts);
/** What the head tells of: counters, heartbeat, system. */
void decode_add_sections(struct buf *out, const struct picket_report_head *head);
/** A line for each fact of a report that is not of ours, and its flows. */
void decode_add_legacy(struct buf *out, const struct report *report);

#endif
