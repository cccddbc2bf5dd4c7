/* SPDX-License-Identifier: MIT */
#ifndef CLI_DECODE_H
#define CLI_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct picket_report_reader;
struct picket_text;

/** 61001 as "61.001 s". */
void decode_add_seconds(struct buf *out, uint64_t ms);
/** "198.51.100.7:443", "[2001:db8::7]:443", an address or a port alone, or "-". */
void decode_add_end(struct buf *out, const uint8_t *bytes, size_t size, bool has_port,
                    uint16_t port);
/** A text of at most PICKET_NAME_MAX bytes, made harmless. */
void decode_add_text(struct buf *out, struct picket_text text);
/** A line for each record of each section behind the flows. */
void decode_add_facts(struct buf *out, struct picket_report_reader *reader);

#endif
