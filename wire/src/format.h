/* SPDX-License-Identifier: MIT */
#ifndef WIRE_SRC_FORMAT_H
#define WIRE_SRC_FORMAT_H

#include <stdint.h>

#include "picket/facts.h"
#include "picket/wire.h"

/**
 * What encoder and decoder share and nobody else needs: the numbers of
 * spec/report.cddl.
 */

/** The upper three bits of an item's first byte (RFC 8949 §3.1). */
enum {
    CBOR_UINT = 0x00,
    CBOR_BYTES = 0x40,
    CBOR_TEXT = 0x60,
    CBOR_ARRAY = 0x80,
    CBOR_MAP = 0xa0,
    CBOR_SIMPLE = 0xe0,
    CBOR_FALSE = 0xf4,
    CBOR_TRUE = 0xf5,
};

/** Keys of a report. */
enum {
    KEY_VERSION = 0,
    KEY_BOOT = 1,
    KEY_SEQUENCE = 2,
    KEY_WINDOW = 3,
    KEY_BUILT_MS = 4,
    KEY_PART = 5,
    KEY_HAS_MORE = 6,
    KEY_CLOCK_MS = 7,
    KEY_COUNTERS = 8,
    KEY_REMAINDER = 9,
    KEY_HEARTBEAT = 10,
    KEY_SYSTEM = 11,
    KEY_FLOWS = 12, /* then the sections: enum picket_section */
};

/** Items of the rows that this build writes; a reader takes longer ones too. */
enum {
    WINDOW_ITEMS = 3,
    COUNTER_ITEMS = 6,
    REMAINDER_ITEMS = 5,
    HEARTBEAT_ITEMS = 3,
    SYSTEM_TEXTS = 6,
    FLOW_ITEMS = 10,
    NAME_ITEMS = 2,
    TLS_ITEMS = 6,
    LISTENER_ITEMS = 2,
    START_ITEMS = 4,
    EVENT_ITEMS = 5,
    METRIC_ITEMS = 2,
    ICMP_ITEMS = 4,
    LOST_ITEMS = 2,
    VERDICT_ITEMS = 7,
    SETTINGS_ITEMS = 7,
};

/** Bits of a flow's traits. */
enum {
    TRAIT_DIRECTION_SHIFT = 0,
    TRAIT_DIRECTION_MASK = 3,
    TRAIT_LOCAL_PORT = 1 << 2, /* the one port of a folded flow is the device's own */
    TRAIT_OUTCOME_SHIFT = 3,
    TRAIT_OUTCOME_MASK = 7,
    TRAIT_KIND_SHIFT = 6,
    TRAIT_KIND_MASK = 3,
    TRAIT_CAST_SHIFT = 8,
    TRAIT_CAST_MASK = 3,
    TRAITS_MAX = (1 << 10) - 1,
};

/** Bits of a TLS session's traits. */
enum {
    TLS_DIRECTION_MASK = 3,
    TLS_CERTIFICATE = 1 << 2, /* the server's certificate was seen */
    TLS_TRAITS_MAX = (1 << 3) - 1,
};

/** Bits of a verdict's traits. */
enum {
    VERDICT_DIRECTION_MASK = 3,
    VERDICT_CAUSE_SHIFT = 2,
    VERDICT_CAUSE_MASK = 3,
    VERDICT_TRAITS_MAX = (1 << 4) - 1,
};

/** Bytes of a certificate's SHA-256. */
enum { CERTIFICATE_ID_BYTES = 32 };

/** Keys of the system behind those of its texts. */
enum { SYSTEM_FIRMWARE_SHA256 = 6, SYSTEM_HARDENING = 7 };
enum { HARDENING_KNOWN_SHIFT = 8, HARDENING_ON_MASK = 0xff };

/** Limits of a heartbeat's interval. */
enum { INTERVAL_MS_MIN = 1000, INTERVAL_MS_MAX = 86400000 };

/** Longest endpoint: two IPv6 addresses with two ports. */
enum { ENDPOINT_BYTES_MAX = 2 + 36 };

/**
 * Longest flow: traits and protocol of 2 + 1 and 1 + 1 bytes, the endpoint, three
 * numbers of 32 bits and four of 64.
 */
enum { FLOW_BYTES_MAX = 3 + 2 + ENDPOINT_BYTES_MAX + 3 * 5 + 4 * 9 };

/** Writes a head of at most 9 bytes, without a check for room; returns its end. */
/*@ requires \valid(at + (0 .. picket_head_size(value) - 1));
  @ assigns at[0 .. picket_head_size(value) - 1];
  @ ensures \result == at + picket_head_size(value);
  @*/
uint8_t *picket_wire_add_head(uint8_t *at, unsigned major, uint64_t value);

/** Items of a record of @p section, as this build writes and knows it. */
/*@ requires PICKET_SECTION_NAMES <= section < PICKET_SECTION_NAMES + PICKET_SECTIONS;
  @ assigns \nothing;
  @ ensures \result > 0;
  @*/
uint32_t picket_wire_section_items(enum picket_section section);

/**
 * Opens a row of records that have @p items items each, behind its @p key, with
 * room for @p spare bytes behind its head; without room, the row before stays open.
 */
/*@ requires picket_is_encoder(writer);
  @ requires writer->cursor.status == PICKET_OK ==> writer->more_offset < writer->cursor.length;
  @ assigns writer->cursor.length, writer->cursor.status;
  @ assigns writer->row_offset, writer->row_head, writer->record_items, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_has_put{Pre, Post}(&writer->cursor);
  @ ensures writer->cursor.status == PICKET_OK ==> picket_is_report_writer(writer);
  @ ensures writer->cursor.status == PICKET_OK ==>
  @     writer->cursor.capacity - writer->cursor.length >= spare;
  @ ensures writer->cursor.status != PICKET_OK ==>
  @     writer->row_offset == \old(writer->row_offset) &&
  @     writer->row_head == \old(writer->row_head) &&
  @     writer->record_items == \old(writer->record_items) &&
  @     writer->record_count == \old(writer->record_count);
  @*/
void picket_wire_open_row(struct picket_report_writer *writer, uint32_t key, uint32_t items,
                          uint32_t records_max, size_t spare);

/** False if one more record would need a longer head than is reserved for the row. */
/*@ requires \valid_read(writer);
  @ assigns \nothing;
  @ ensures \result ==>
  @     picket_head_size((uint64_t)(1 + writer->record_items *
  @                                         (uint32_t)(writer->record_count + 1))) <=
  @         writer->row_head;
  @*/
bool picket_wire_row_has_room(const struct picket_report_writer *writer);

/** Writes the row's head anew, as short as the records that came allow. */
/*@ requires picket_is_report_writer(writer);
  @ assigns writer->cursor.length, writer->row_head;
  @ assigns writer->cursor.bytes[writer->row_offset .. writer->cursor.length - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
void picket_wire_close_row(struct picket_report_writer *writer);

/**
 * Looks at the version and nothing else: a map, its first key 0, a number. A
 * later version may break every other rule, its count of keys included.
 */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor);
  @*/
void picket_wire_check_version(struct picket_reader *cursor, uint64_t known);

/** A number of at least @p min and at most @p max. */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @ ensures \result <= max;
  @*/
uint32_t picket_wire_get_ranged(struct picket_reader *cursor, uint32_t min, uint32_t max);

/** Passes over @p count items. */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_kept{Pre, Post}(cursor);
  @*/
void picket_wire_skip_items(struct picket_reader *cursor, uint64_t count);

/** Opens a row that begins with its stride: the items of each record in it, at least @p known. */
/*@ requires picket_is_reader(cursor) && known > 0;
  @ requires \valid(ret_stride) && \separated(cursor, ret_stride);
  @ assigns cursor->offset, cursor->status, cursor->fault, *ret_stride;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
uint64_t picket_wire_get_records(struct picket_reader *cursor, uint64_t known,
                                 uint64_t *ret_stride);

/** A text of @p length_min to PICKET_TEXT_MAX bytes without control characters. */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @ ensures \valid_read(\result.bytes + (0 .. \result.length - 1));
  @*/
struct picket_text picket_wire_get_fact(struct picket_reader *cursor, size_t length_min);

/** A name of @p length_min to @p length_max bytes, in the input. */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @ ensures \valid_read(\result.bytes + (0 .. \result.length - 1));
  @*/
struct picket_text picket_wire_get_name(struct picket_reader *cursor, size_t length_min,
                                        size_t length_max);

/** One flow of @p items items, which does not end after @p window_ms. */
/*@ requires picket_is_reader(cursor);
  @ requires \valid(flow) && \separated(cursor, flow);
  @ assigns cursor->offset, cursor->status, cursor->fault, *flow;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
void picket_wire_get_flow(struct picket_reader *cursor, uint64_t items, uint32_t window_ms,
                          struct picket_flow_record *flow);

/**
 * Checks a whole section, and points @p ret_row at its records.
 *
 * @p window_ms and @p flow_count are the report's: what a record may refer to.
 */
/*@ requires picket_is_reader(cursor) && \valid(ret_row) && \separated(cursor, ret_row);
  @ requires PICKET_SECTION_NAMES <= section < PICKET_SECTION_NAMES + PICKET_SECTIONS;
  @ assigns cursor->offset, cursor->status, cursor->fault, *ret_row;
  @ ensures picket_is_reader(cursor) && ret_row->offset <= cursor->length;
  @*/
void picket_wire_check_section(struct picket_reader *cursor, enum picket_section section,
                               uint32_t window_ms, uint64_t flow_count, struct picket_row *ret_row);

#endif
