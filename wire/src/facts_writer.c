/* SPDX-License-Identifier: MIT */
#include "picket/facts.h"

#include <string.h>

#include "format.h"

enum picket_status picket_report_open_section(struct picket_report_writer *writer,
                                              enum picket_section section, uint32_t records_max)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start;

    picket_wire_close_row(writer);
    start = cursor->length;
    picket_wire_open_row(writer, section, picket_wire_section_items(section), records_max, 1);
    if (cursor->status != PICKET_OK) {
        cursor->status = PICKET_OK;
        cursor->length = start;
        return PICKET_E_SPACE;
    }
    cursor->bytes[0]++; /* one more key: with every section they are fewer than 24, one byte */
    return PICKET_OK;
}

/** Keeps the record that was begun at @p start, or takes it back. */
/*@ requires picket_is_encoder(writer) && picket_is_row(writer, start);
  @ requires start <= writer->cursor.length;
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ ensures picket_is_report_writer(writer);
  @*/
static enum picket_status close_record(struct picket_report_writer *writer, size_t start)
{
    struct picket_writer *cursor = &writer->cursor;

    if (cursor->status != PICKET_OK || !picket_wire_row_has_room(writer)) {
        cursor->status = PICKET_OK;
        cursor->length = start;
        return PICKET_E_SPACE;
    }
    writer->record_count++;
    return PICKET_OK;
}

/*@ requires picket_is_writer(cursor);
  @ requires \valid_read(text.bytes + (0 .. text.length - 1));
  @ requires \separated(cursor, text.bytes + (0 .. text.length - 1));
  @ requires \separated(cursor->bytes + (0 .. cursor->capacity - 1),
  @                     text.bytes + (0 .. text.length - 1));
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_text(struct picket_writer *cursor, struct picket_text text)
{
    picket_writer_put_text(cursor, text.bytes, text.length);
}

/*@ requires picket_is_writer(cursor) && address_size <= 16;
  @ requires \valid_read(address + (0 .. address_size - 1));
  @ assigns cursor->length, cursor->status;
  @ assigns cursor->bytes[cursor->length .. cursor->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(cursor);
  @*/
static void put_endpoint(struct picket_writer *cursor, const uint8_t *address, size_t address_size,
                         uint16_t port)
{
    uint8_t bytes[16 + 2];

    memcpy(bytes, address, address_size);
    bytes[address_size] = (uint8_t)(port >> 8);
    bytes[address_size + 1] = (uint8_t)port;
    picket_writer_put_bytes(cursor, bytes, address_size + 2);
}

enum picket_status picket_report_put_name(struct picket_report_writer *writer,
                                          const struct picket_name_record *name)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    if (!picket_text_is_name(name->name, PICKET_NAME_MAX)) {
        return PICKET_E_ARG;
    }
    put_text(cursor, name->name);
    picket_writer_put_bytes(cursor, name->address, name->address_size);
    return close_record(writer, start);
}

enum picket_status picket_report_put_tls(struct picket_report_writer *writer,
                                         const struct picket_tls_record *tls)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;
    bool has_certificate = tls->has_certificate || tls->has_certificate_id;

    if (tls->server_name.length > 0 && !picket_text_is_name(tls->server_name, PICKET_NAME_MAX)) {
        return PICKET_E_ARG;
    }
    picket_writer_put_uint(cursor,
                           (unsigned)tls->direction | (has_certificate ? TLS_CERTIFICATE : 0u));
    put_endpoint(cursor, tls->peer, tls->address_size, tls->port);
    picket_writer_put_uint(cursor, tls->version);
    picket_writer_put_uint(cursor, tls->cipher_suite);
    picket_writer_put_bytes(cursor, tls->certificate_sha256,
                            tls->has_certificate_id ? CERTIFICATE_ID_BYTES : 0);
    put_text(cursor, tls->server_name);
    return close_record(writer, start);
}

enum picket_status picket_report_put_listener(struct picket_report_writer *writer,
                                              const struct picket_listener_record *listener)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    picket_writer_put_uint(cursor, listener->protocol);
    put_endpoint(cursor, listener->address, listener->address_size, listener->port);
    return close_record(writer, start);
}

enum picket_status picket_report_put_start(struct picket_report_writer *writer,
                                           const struct picket_start_record *start)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t begin = cursor->length;

    picket_writer_put_uint(cursor, start->cause);
    picket_writer_put_uint(cursor, start->fault_code);
    picket_writer_put_uint(cursor, start->fault_address);
    picket_writer_put_uint(cursor, start->starts);
    return close_record(writer, begin);
}

enum picket_status picket_report_put_event(struct picket_report_writer *writer,
                                           const struct picket_event_record *event)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    if (!picket_text_is_name(event->name, PICKET_TEXT_MAX) ||
        event->text.length > PICKET_TEXT_MAX) {
        return PICKET_E_ARG;
    }
    put_text(cursor, event->name);
    put_text(cursor, event->text);
    picket_writer_put_uint(cursor, event->count);
    picket_writer_put_uint(cursor, event->first_ms);
    picket_writer_put_uint(cursor, event->last_ms - event->first_ms);
    return close_record(writer, start);
}

enum picket_status picket_report_put_metric(struct picket_report_writer *writer,
                                            const struct picket_metric_record *metric)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    if (!picket_text_is_name(metric->name, PICKET_TEXT_MAX)) {
        return PICKET_E_ARG;
    }
    put_text(cursor, metric->name);
    picket_writer_put_uint(cursor, metric->value);
    return close_record(writer, start);
}

enum picket_status picket_report_put_icmp(struct picket_report_writer *writer,
                                          const struct picket_icmp_record *icmp)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    picket_writer_put_uint(cursor, icmp->flow);
    picket_writer_put_uint(cursor, icmp->type);
    picket_writer_put_uint(cursor, icmp->code);
    picket_writer_put_uint(cursor, icmp->bytes_max);
    return close_record(writer, start);
}

enum picket_status picket_report_put_lost(struct picket_report_writer *writer,
                                          const struct picket_lost_record *lost)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    picket_writer_put_uint(cursor, lost->section);
    picket_writer_put_uint(cursor, lost->count);
    return close_record(writer, start);
}

enum picket_status picket_report_put_verdict(struct picket_report_writer *writer,
                                             const struct picket_verdict_record *verdict)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    picket_writer_put_uint(cursor, (unsigned)verdict->direction | (unsigned)verdict->cause
                                                                      << VERDICT_CAUSE_SHIFT);
    picket_writer_put_uint(cursor, verdict->protocol);
    if (verdict->has_port) {
        put_endpoint(cursor, verdict->peer, verdict->address_size, verdict->port);
    } else {
        picket_writer_put_bytes(cursor, verdict->peer, verdict->address_size);
    }
    picket_writer_put_uint(cursor, verdict->rule);
    picket_writer_put_uint(cursor, verdict->revision);
    picket_writer_put_uint(cursor, verdict->packets);
    picket_writer_put_uint(cursor, verdict->blocked);
    return close_record(writer, start);
}

enum picket_status picket_report_put_settings(struct picket_report_writer *writer,
                                              const struct picket_settings_record *settings)
{
    struct picket_writer *cursor = &writer->cursor;
    size_t start = cursor->length;

    picket_writer_put_uint(cursor, settings->kind);
    picket_writer_put_uint(cursor, settings->revision);
    picket_writer_put_uint(cursor, settings->state);
    picket_writer_put_uint(cursor, settings->mode);
    picket_writer_put_uint(cursor, settings->refusal);
    picket_writer_put_uint(cursor, settings->refused_revision);
    picket_writer_put_uint(cursor, settings->detail);
    return close_record(writer, start);
}
