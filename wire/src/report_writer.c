/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include <string.h>

#include "format.h"
#include "quick.h"

static void put_field(struct picket_writer *cursor, unsigned key, uint64_t value)
{
    picket_writer_put_uint(cursor, key);
    picket_writer_put_uint(cursor, value);
}

/* Rows of numbers have their items in the order of the wire, and nothing else. */
static void put_row(struct picket_writer *cursor, const void *numbers, size_t count)
{
    const uint8_t *bytes = numbers;

    for (size_t i = 0; i < count; i++) {
        uint64_t number;

        memcpy(&number, bytes + i * sizeof(number), sizeof(number));
        picket_writer_put_uint(cursor, number);
    }
}

static void put_counters(struct picket_writer *cursor, const struct picket_counters *counters)
{
    picket_writer_put_uint(cursor, KEY_COUNTERS);
    picket_writer_put_array(cursor, COUNTER_ITEMS);
    put_row(cursor, counters, COUNTER_ITEMS);
}

static void put_remainder(struct picket_writer *cursor, const struct picket_remainder *classes)
{
    const size_t items = (size_t)REMAINDER_ITEMS * PICKET_REMAINDER_CLASSES;

    picket_writer_put_uint(cursor, KEY_REMAINDER);
    picket_writer_put_array(cursor, 1u + items);
    picket_writer_put_uint(cursor, REMAINDER_ITEMS);
    put_row(cursor, classes, items);
}

static void put_heartbeat(struct picket_writer *cursor, const struct picket_heartbeat *heartbeat)
{
    const uint64_t values[HEARTBEAT_ITEMS] = {heartbeat->interval_ms, heartbeat->flow_capacity,
                                              heartbeat->flow_count};

    picket_writer_put_uint(cursor, KEY_HEARTBEAT);
    picket_writer_put_map(cursor, HEARTBEAT_ITEMS);
    for (unsigned key = 0; key < HEARTBEAT_ITEMS; key++) {
        put_field(cursor, key, values[key]);
    }
}

/** The text of the system that @p key names. */
static const struct picket_text *text_of(const struct picket_system *system, size_t key)
{
    static const uint8_t offsets[SYSTEM_TEXTS] = {
        offsetof(struct picket_system, os),
        offsetof(struct picket_system, stack),
        offsetof(struct picket_system, hardware),
        offsetof(struct picket_system, firmware_version),
        offsetof(struct picket_system, module_version),
        offsetof(struct picket_system, sbom),
    };
    const void *text = (const uint8_t *)system + offsets[key];

    return text;
}

static void put_system(struct picket_writer *cursor, const struct picket_system *system)
{
    unsigned known = 0;

    for (size_t key = 0; key < SYSTEM_TEXTS; key++) {
        known += text_of(system, key)->length > 0;
    }
    known += system->firmware_sha256 != NULL;
    known += system->hardening_known != 0;
    picket_writer_put_uint(cursor, KEY_SYSTEM);
    picket_writer_put_map(cursor, known);
    for (size_t key = 0; key < SYSTEM_TEXTS; key++) {
        const struct picket_text *text = text_of(system, key);

        if (text->length > 0) {
            picket_writer_put_uint(cursor, key);
            picket_writer_put_text(cursor, text->bytes, text->length);
        }
    }
    if (system->firmware_sha256 != NULL) {
        picket_writer_put_uint(cursor, SYSTEM_FIRMWARE_SHA256);
        picket_writer_put_bytes(cursor, system->firmware_sha256, PICKET_SHA256_BYTES);
    }
    if (system->hardening_known != 0) {
        put_field(cursor, SYSTEM_HARDENING,
                  (unsigned)system->hardening_known << HARDENING_KNOWN_SHIFT |
                      (system->hardening_on & system->hardening_known));
    }
}

static bool system_fits(const struct picket_system *system)
{
    for (size_t key = 0; key < SYSTEM_TEXTS; key++) {
        if (text_of(system, key)->length > PICKET_TEXT_MAX) {
            return false;
        }
    }
    return true;
}

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

/** Items of the open row with @p records: the items of a record, then the records. */
static uint64_t row_items(const struct picket_report_writer *writer, uint32_t records)
{
    return 1u + (uint64_t)writer->record_items * records;
}

void picket_wire_open_row(struct picket_report_writer *writer, uint32_t key, uint32_t items,
                          uint32_t records_max)
{
    struct picket_writer *cursor = &writer->cursor;

    picket_writer_put_uint(cursor, key);
    writer->row_offset = cursor->length;
    writer->record_items = items;
    writer->record_count = 0;
    picket_writer_put_array(cursor, row_items(writer, records_max));
    writer->row_head = cursor->length - writer->row_offset;
    picket_writer_put_uint(cursor, items);
}

bool picket_wire_row_has_room(const struct picket_report_writer *writer)
{
    uint64_t items = row_items(writer, writer->record_count + 1);

    return (WIRE_IS_QUICK && writer->row_head >= 3 && items <= UINT16_MAX) ||
           picket_wire_head_size(items) <= writer->row_head;
}

enum picket_status picket_report_begin(struct picket_report_writer *writer, uint8_t *bytes,
                                       size_t capacity, const struct picket_report_head *head,
                                       uint32_t flow_count)
{
    struct picket_writer *cursor = &writer->cursor;
    unsigned optional = (unsigned)head->has_clock + head->has_counters + head->has_remainder +
                        head->has_heartbeat + head->has_system;

    if (head->has_system && !system_fits(&head->system)) {
        return PICKET_E_ARG;
    }
    picket_writer_init(cursor, bytes,
                       capacity < PICKET_REPORT_BYTES_MAX ? capacity : PICKET_REPORT_BYTES_MAX);
    picket_writer_put_map(cursor, KEY_HAS_MORE + 1u + optional + 1u);
    put_identity(cursor, head);
    picket_writer_put_uint(cursor, KEY_HAS_MORE);
    writer->more_offset = cursor->length;
    picket_writer_put_bool(cursor, head->has_more);
    put_sections(cursor, head);
    picket_wire_open_row(writer, KEY_FLOWS, FLOW_ITEMS, flow_count);
    writer->flow_count = 0;
    return cursor->status;
}

static uint32_t flow_traits(const struct picket_flow_record *flow)
{
    uint32_t traits = (uint32_t)flow->direction << TRAIT_DIRECTION_SHIFT |
                      (uint32_t)flow->outcome << TRAIT_OUTCOME_SHIFT |
                      (uint32_t)flow->kind << TRAIT_KIND_SHIFT |
                      (uint32_t)flow->cast << TRAIT_CAST_SHIFT;

    if (!flow->has_local && flow->has_local_port) {
        traits |= TRAIT_LOCAL_PORT;
    }
    return traits;
}

/* Most heads are short, and need no call. */
static inline uint8_t *add_head(uint8_t *at, unsigned major, uint64_t value)
{
    if (WIRE_IS_QUICK && value < 24) {
        *at = (uint8_t)(major | value);
        return at + 1;
    }
    if (WIRE_IS_QUICK && value - 256 <= UINT16_MAX - 256) {
        at[0] = (uint8_t)(major | 25);
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)value;
        return at + 3;
    }
    return picket_wire_add_head(at, major, value);
}

static inline uint8_t *add_uint(uint8_t *at, uint64_t value)
{
    return add_head(at, CBOR_UINT, value);
}

static inline uint8_t *add_port(uint8_t *at, uint16_t port)
{
    at[0] = (uint8_t)(port >> 8);
    at[1] = (uint8_t)port;
    return at + 2;
}

/* Copies more than the address may have, as that is quicker; there is room for it. */
static inline uint8_t *add_address(uint8_t *at, const uint8_t address[16], size_t size)
{
    memcpy(at, address, 16);
    return at + size;
}

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
    if (start == bytes) {
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
    uint64_t items = row_items(writer, writer->record_count);
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
