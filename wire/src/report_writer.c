/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include <string.h>

#include "format.h"
#include "quick.h"

/*@ requires picket_is_writer(cursor);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_field(struct picket_writer *cursor, unsigned key, uint64_t value)
{
    picket_writer_put_uint(cursor, key);
    picket_writer_put_uint(cursor, value);
}

/*@ requires picket_is_writer(cursor) && \valid_read(values + (0 .. count - 1));
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_row(struct picket_writer *cursor, const uint64_t *values, size_t count)
{
    /*@ loop invariant picket_has_put{Pre, Here}(cursor);
      @ loop assigns i, cursor->length, cursor->status;
      @ loop assigns cursor->bytes[\at(cursor->length, Pre) .. cursor->capacity - 1];
      @ loop variant count - i;
      @*/
    for (size_t i = 0; i < count; i++) {
        picket_writer_put_uint(cursor, values[i]);
    }
}

/*@ requires picket_is_writer(cursor) && \valid_read(counters);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_counters(struct picket_writer *cursor, const struct picket_counters *counters)
{
    const uint64_t row[COUNTER_ITEMS] = {counters->seen,     counters->kept,
                                         counters->folded,   counters->malformed,
                                         counters->filtered, counters->dropped};

    picket_writer_put_uint(cursor, KEY_COUNTERS);
    picket_writer_put_array(cursor, COUNTER_ITEMS);
    put_row(cursor, row, COUNTER_ITEMS);
}

/*@ requires picket_is_writer(cursor) && \valid_read(classes + (0 .. PICKET_REMAINDER_CLASSES - 1));
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_remainder(struct picket_writer *cursor, const struct picket_remainder *classes)
{
    picket_writer_put_uint(cursor, KEY_REMAINDER);
    picket_writer_put_array(cursor, 1u + (unsigned)REMAINDER_ITEMS * PICKET_REMAINDER_CLASSES);
    picket_writer_put_uint(cursor, REMAINDER_ITEMS);
    /*@ loop invariant picket_has_put{Pre, Here}(cursor);
      @ loop assigns i, cursor->length, cursor->status;
      @ loop assigns cursor->bytes[\at(cursor->length, Pre) .. cursor->capacity - 1];
      @ loop variant PICKET_REMAINDER_CLASSES - i;
      @*/
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        const uint64_t row[REMAINDER_ITEMS] = {classes[i].connections, classes[i].packets_in,
                                               classes[i].packets_out, classes[i].bytes_in,
                                               classes[i].bytes_out};

        put_row(cursor, row, REMAINDER_ITEMS);
    }
}

/*@ requires picket_is_writer(cursor) && \valid_read(heartbeat);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_heartbeat(struct picket_writer *cursor, const struct picket_heartbeat *heartbeat)
{
    const uint64_t values[HEARTBEAT_ITEMS] = {heartbeat->interval_ms, heartbeat->flow_capacity,
                                              heartbeat->flow_count};

    picket_writer_put_uint(cursor, KEY_HEARTBEAT);
    picket_writer_put_map(cursor, HEARTBEAT_ITEMS);
    /*@ loop invariant picket_has_put{Pre, Here}(cursor);
      @ loop assigns key, cursor->length, cursor->status;
      @ loop assigns cursor->bytes[\at(cursor->length, Pre) .. cursor->capacity - 1];
      @ loop variant HEARTBEAT_ITEMS - key;
      @*/
    for (unsigned key = 0; key < HEARTBEAT_ITEMS; key++) {
        put_field(cursor, key, values[key]);
    }
}

/*@ requires picket_is_writer(cursor) && \valid_read(text) && \separated(cursor, text);
  @ requires picket_is_text(text, cursor, cursor->bytes, cursor->capacity);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_known(struct picket_writer *cursor, unsigned key, const struct picket_text *text)
{
    if (text->length > 0) {
        picket_writer_put_uint(cursor, key);
        picket_writer_put_text(cursor, text->bytes, text->length);
    }
}

/*@ requires picket_is_writer(cursor) && \valid_read(system) && \separated(cursor, system);
  @ requires picket_is_system(system, cursor, cursor->bytes, cursor->capacity);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_texts(struct picket_writer *cursor, const struct picket_system *system)
{
    put_known(cursor, 0, &system->os);
    put_known(cursor, 1, &system->stack);
    put_known(cursor, 2, &system->hardware);
    put_known(cursor, 3, &system->firmware_version);
    put_known(cursor, 4, &system->module_version);
    put_known(cursor, 5, &system->sbom);
}

/*@ requires picket_is_writer(cursor) && \valid_read(system) && \separated(cursor, system);
  @ requires picket_is_system(system, cursor, cursor->bytes, cursor->capacity);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_traits(struct picket_writer *cursor, const struct picket_system *system)
{
    unsigned known = system->hardening_known;
    unsigned on = system->hardening_on & known;

    if (system->firmware_sha256 != NULL) {
        picket_writer_put_uint(cursor, SYSTEM_FIRMWARE_SHA256);
        picket_writer_put_bytes(cursor, system->firmware_sha256, PICKET_SHA256_BYTES);
    }
    if (known != 0) {
        put_field(cursor, SYSTEM_HARDENING, known << HARDENING_KNOWN_SHIFT | on);
    }
}

/*@ requires picket_is_writer(cursor) && \valid_read(system) && \separated(cursor, system);
  @ requires picket_is_system(system, cursor, cursor->bytes, cursor->capacity);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_system(struct picket_writer *cursor, const struct picket_system *system)
{
    unsigned known = (unsigned)(system->os.length > 0) + (system->stack.length > 0) +
                     (system->hardware.length > 0) + (system->firmware_version.length > 0) +
                     (system->module_version.length > 0) + (system->sbom.length > 0) +
                     (system->firmware_sha256 != NULL) + (system->hardening_known != 0);

    picket_writer_put_uint(cursor, KEY_SYSTEM);
    picket_writer_put_map(cursor, known);
    put_texts(cursor, system);
    put_traits(cursor, system);
}

/*@ requires \valid_read(system);
  @ assigns \nothing;
  @*/
static bool system_fits(const struct picket_system *system)
{
    return system->os.length <= PICKET_TEXT_MAX && system->stack.length <= PICKET_TEXT_MAX &&
           system->hardware.length <= PICKET_TEXT_MAX &&
           system->firmware_version.length <= PICKET_TEXT_MAX &&
           system->module_version.length <= PICKET_TEXT_MAX &&
           system->sbom.length <= PICKET_TEXT_MAX;
}

/*@ requires picket_is_writer(cursor) && \valid_read(head);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_identity(struct picket_writer *cursor, const struct picket_report_head *head)
{
    put_field(cursor, KEY_VERSION, PICKET_REPORT_VERSION);
    put_field(cursor, KEY_BOOT, head->boot);
    put_field(cursor, KEY_SEQUENCE, head->sequence);
    picket_writer_put_uint(cursor, KEY_WINDOW);
    picket_writer_put_array(cursor, WINDOW_ITEMS);
    picket_writer_put_uint(cursor, head->window_start_ms);
    picket_writer_put_uint(cursor, head->window_ms);
    picket_writer_put_uint(cursor, head->intervals);
    put_field(cursor, KEY_BUILT_MS, head->built_ms);
    put_field(cursor, KEY_PART, head->part);
}

/*@ requires picket_is_writer(cursor) && \valid_read(head) && \separated(cursor, head);
  @ requires picket_is_system(&head->system, cursor, cursor->bytes, cursor->capacity);
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_sections(struct picket_writer *cursor, const struct picket_report_head *head)
{
    if (head->has_clock) {
        put_field(cursor, KEY_CLOCK_MS, head->clock_ms);
    }
    if (head->has_counters) {
        put_counters(cursor, &head->counters);
    }
    if (head->has_remainder) {
        put_remainder(cursor, head->remainder);
    }
    if (head->has_heartbeat) {
        put_heartbeat(cursor, &head->heartbeat);
    }
    if (head->has_system) {
        put_system(cursor, &head->system);
    }
}

/** Items of a row with @p records: the items of a record, then the records. */
/*@ assigns \nothing;
  @ ensures \result == (uint64_t)(1 + items * records);
  @*/
static uint64_t row_items(uint32_t items, uint32_t records)
{
    return 1u + (uint64_t)items * records;
}

void picket_wire_open_row(struct picket_report_writer *writer, uint32_t key, uint32_t items,
                          uint32_t records_max, size_t spare)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t offset;
    size_t head;

    picket_writer_put_uint(cursor, key);
    offset = cursor->length;
    picket_writer_put_array(cursor, row_items(items, records_max));
    head = cursor->length - offset;
    picket_writer_put_uint(cursor, items);
    if (cursor->status == PICKET_OK && cursor->capacity - cursor->length < spare) {
        cursor->status = PICKET_E_SPACE;
    }
    if (cursor->status != PICKET_OK) {
        return;
    }
    writer->row_offset = offset;
    writer->row_head = head;
    writer->record_items = items;
    writer->record_count = 0;
}

bool picket_wire_row_has_room(const struct picket_report_writer *writer)
{
    uint64_t items = row_items(writer->record_items, writer->record_count + 1);

    return (WIRE_IS_QUICK && writer->row_head >= 3 && items <= UINT16_MAX) ||
           picket_wire_head_size(items) <= writer->row_head;
}

/** Writes what every report begins with. */
/*@ requires picket_is_encoder(writer) && \valid_read(head);
  @ assigns writer->cursor.length, writer->cursor.status, writer->more_offset;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_has_put{Pre, Post}(&writer->cursor);
  @ ensures writer->cursor.status == PICKET_OK ==> writer->more_offset < writer->cursor.length;
  @*/
static void put_start(struct picket_report_writer *writer, const struct picket_report_head *head)
{
    struct picket_writer *cursor = &writer->cursor;
    unsigned optional = (unsigned)head->has_clock + head->has_counters + head->has_remainder +
                        head->has_heartbeat + head->has_system;

    picket_writer_put_map(cursor, KEY_HAS_MORE + 1u + optional + 1u);
    put_identity(cursor, head);
    picket_writer_put_uint(cursor, KEY_HAS_MORE);
    writer->more_offset = cursor->length;
    picket_writer_put_bool(cursor, head->has_more);
}

/*@ requires picket_is_encoder(writer) && \valid_read(head) && \separated(writer, head);
  @ requires picket_is_system(&head->system, &writer->cursor, writer->cursor.bytes,
  @                           writer->cursor.capacity);
  @ assigns writer->cursor.length, writer->cursor.status, writer->more_offset;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_has_put{Pre, Post}(&writer->cursor);
  @ ensures writer->cursor.status == PICKET_OK ==> writer->more_offset < writer->cursor.length;
  @*/
static void put_head(struct picket_report_writer *writer, const struct picket_report_head *head)
{
    put_start(writer, head);
    put_sections(&writer->cursor, head);
}

enum picket_status picket_report_begin(struct picket_report_writer *writer, uint8_t *bytes,
                                       size_t capacity, const struct picket_report_head *head,
                                       uint32_t flow_count)
{
    struct picket_writer *cursor = &writer->cursor;

    if (head->has_system && !system_fits(&head->system)) {
        return PICKET_E_ARG;
    }
    picket_writer_init(cursor, bytes,
                       capacity < PICKET_REPORT_BYTES_MAX ? capacity : PICKET_REPORT_BYTES_MAX);
    put_head(writer, head);
    writer->flow_count = 0;
    picket_wire_open_row(writer, KEY_FLOWS, FLOW_ITEMS, flow_count, 0);
    return cursor->status;
}

/*@ requires \valid_read(flow) && picket_is_flow(flow);
  @ assigns \nothing;
  @ ensures \result <= TRAITS_MAX;
  @*/
static uint32_t flow_traits(const struct picket_flow_record *flow)
{
    /* sums and products, whose bound can be proved, and not shifts and bits */
    uint32_t traits = (uint32_t)flow->direction * (1u << TRAIT_DIRECTION_SHIFT) +
                      (uint32_t)flow->outcome * (1u << TRAIT_OUTCOME_SHIFT) +
                      (uint32_t)flow->kind * (1u << TRAIT_KIND_SHIFT) +
                      (uint32_t)flow->cast * (1u << TRAIT_CAST_SHIFT);

    return !flow->has_local && flow->has_local_port ? traits + TRAIT_LOCAL_PORT : traits;
}

/* Most heads are short, and need no call. */
/*@ requires \valid(at + (0 .. picket_head_size(value) - 1));
  @ assigns at[0 .. picket_head_size(value) - 1];
  @ ensures \result == at + picket_head_size(value);
  @ ensures 1 <= picket_head_size(value) <= 9;
  @ ensures value <= UINT32_MAX ==> picket_head_size(value) <= 5;
  @ ensures value <= UINT16_MAX ==> picket_head_size(value) <= 3;
  @ ensures value <= UINT8_MAX ==> picket_head_size(value) <= 2;
  @*/
static inline uint8_t *add_head(uint8_t *at, unsigned major, uint64_t value)
{
    if (WIRE_IS_QUICK && value < 24) {
        *at = (uint8_t)(major | value);
        return at + 1;
    }
    if (WIRE_IS_QUICK && value > UINT8_MAX && value <= UINT16_MAX) {
        at[0] = (uint8_t)(major | 25);
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)value;
        return at + 3;
    }
    return picket_wire_add_head(at, major, value);
}

/*@ requires \valid(at + (0 .. picket_head_size(value) - 1));
  @ assigns at[0 .. picket_head_size(value) - 1];
  @ ensures \result == at + picket_head_size(value);
  @ ensures 1 <= picket_head_size(value) <= 9;
  @ ensures value <= UINT32_MAX ==> picket_head_size(value) <= 5;
  @ ensures value <= UINT16_MAX ==> picket_head_size(value) <= 3;
  @ ensures value <= UINT8_MAX ==> picket_head_size(value) <= 2;
  @*/
static inline uint8_t *add_uint(uint8_t *at, uint64_t value)
{
    return add_head(at, CBOR_UINT, value);
}

/*@ requires \valid(at + (0 .. 1));
  @ assigns at[0 .. 1];
  @ ensures \result == at + 2;
  @*/
static inline uint8_t *add_port(uint8_t *at, uint16_t port)
{
    at[0] = (uint8_t)(port >> 8);
    at[1] = (uint8_t)port;
    return at + 2;
}

/* Copies more than the address may have, as that is quicker; there is room for it. */
/*@ requires \valid(at + (0 .. 15)) && \valid_read(address + (0 .. 15));
  @ requires \separated(at + (0 .. 15), address + (0 .. 15));
  @ assigns at[0 .. 15];
  @ ensures \result == at + size;
  @*/
static inline uint8_t *add_address(uint8_t *at, const uint8_t address[16], size_t size)
{
    memcpy(at, address, 16);
    return at + size;
}

/*@ requires \valid(at + (0 .. ENDPOINT_BYTES_MAX - 1));
  @ requires \valid_read(flow) && picket_is_flow(flow);
  @ requires \separated(at + (0 .. ENDPOINT_BYTES_MAX - 1), flow);
  @ assigns at[0 .. ENDPOINT_BYTES_MAX - 1];
  @ ensures \base_addr(\result) == \base_addr(at) && 0 <= \result - at <= ENDPOINT_BYTES_MAX;
  @*/
static uint8_t *add_endpoint(uint8_t *at, const struct picket_flow_record *flow)
{
    size_t size = flow->address_size;
    size_t ports = (size_t)flow->has_peer_port + flow->has_local_port;

    at = add_head(at, CBOR_BYTES, (flow->has_local ? 2 * size : size) + 2 * ports);
    at = add_address(at, flow->peer, size);
    if (flow->has_local) {
        at = add_address(at, flow->local, size);
    }
    if (flow->has_peer_port) {
        at = add_port(at, flow->peer_port);
    }
    if (flow->has_local_port) {
        at = add_port(at, flow->local_port);
    }
    return at;
}

/*@ requires \valid(at + (0 .. FLOW_BYTES_MAX - 1));
  @ requires \valid_read(flow) && picket_is_flow(flow);
  @ requires \separated(at + (0 .. FLOW_BYTES_MAX - 1), flow);
  @ assigns at[0 .. FLOW_BYTES_MAX - 1];
  @ ensures \base_addr(\result) == \base_addr(at) && 0 <= \result - at <= FLOW_BYTES_MAX;
  @*/
static uint8_t *add_flow(uint8_t *at, const struct picket_flow_record *flow)
{
    at = add_uint(at, flow_traits(flow));
    at = add_uint(at, flow->protocol);
    at = add_endpoint(at, flow);
    at = add_uint(at, flow->connections);
    at = add_uint(at, flow->packets_in);
    at = add_uint(at, flow->packets_out);
    at = add_uint(at, flow->bytes_in);
    at = add_uint(at, flow->bytes_out);
    at = add_uint(at, flow->first_ms);
    return add_uint(at, flow->last_ms - flow->first_ms);
}

enum picket_status picket_report_put_flow(struct picket_report_writer *writer,
                                          const struct picket_flow_record *flow)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t room = cursor->capacity - cursor->length;
    uint8_t *rest = cursor->bytes + cursor->length;
    uint8_t bytes[FLOW_BYTES_MAX]; /* whole or not at all */
    uint8_t *start = room < FLOW_BYTES_MAX ? bytes : rest;
    size_t length = (size_t)(add_flow(start, flow) - start);

    /* more flows than were announced must not need a longer head than is reserved */
    if (length > room || !picket_wire_row_has_room(writer)) {
        return PICKET_E_SPACE;
    }
    if (room < FLOW_BYTES_MAX) {
        memcpy(rest, bytes, length);
    }
    cursor->length += length;
    writer->record_count++;
    writer->flow_count++;
    return PICKET_OK;
}

void picket_wire_close_row(struct picket_report_writer *writer)
{
    struct picket_writer *cursor = &writer->cursor;
    uint8_t *row = cursor->bytes + writer->row_offset;
    uint64_t items = row_items(writer->record_items, writer->record_count);
    size_t head = picket_wire_head_size(items);

    if (head < writer->row_head) {
        memmove(row + head, row + writer->row_head,
                cursor->length - writer->row_offset - writer->row_head);
        cursor->length -= writer->row_head - head;
        writer->row_head = head;
    }
    (void)picket_wire_add_head(row, CBOR_ARRAY, items);
}

enum picket_status picket_report_reserve(struct picket_report_writer *writer, size_t bytes)
{
    struct picket_writer *cursor = &writer->cursor;

    if (bytes > cursor->capacity - cursor->length) {
        return PICKET_E_SPACE;
    }
    cursor->capacity -= bytes;
    return PICKET_OK;
}

void picket_report_release(struct picket_report_writer *writer, size_t bytes)
{
    writer->cursor.capacity += bytes;
}

void picket_report_finish(struct picket_report_writer *writer, bool has_more, size_t *ret_length)
{
    writer->cursor.bytes[writer->more_offset] = has_more ? CBOR_TRUE : CBOR_FALSE;
    picket_wire_close_row(writer);
    *ret_length = writer->cursor.length;
}
