/* SPDX-License-Identifier: MIT */
#ifndef PICKET_FACTS_H
#define PICKET_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/report.h"
#include "picket/settings.h"
#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Facts of a report: what a device knows beside its flows.
 *
 * Each kind is a section behind the flows: a row of records. A record is put
 * whole or not at all; what finds no room goes into the window's next part, so
 * a section may come in any part. spec/report.cddl and report.md are the
 * contract.
 *
 * Encoding: picket_report_begin(), the flows, then for each section in
 * ascending order picket_report_open_section() and its records, then
 * picket_report_finish(). Decoding: picket_report_open() checks everything;
 * picket_report_seek() goes to a section, and its …_next_…() gives each record.
 */

/** The sections; the numbers are the report's keys. */
enum picket_section {
    PICKET_SECTION_NAMES = 13,
    PICKET_SECTION_TLS = 14,
    PICKET_SECTION_LISTENERS = 15,
    PICKET_SECTION_STARTS = 16,
    PICKET_SECTION_EVENTS = 17,
    PICKET_SECTION_METRICS = 18,
    PICKET_SECTION_ICMP = 19,
    PICKET_SECTION_LOST = 20,
    PICKET_SECTION_VERDICTS = 21,
    PICKET_SECTION_SETTINGS = 22,
};

/** Longest DNS name in text form (RFC 1035 §2.3.4: 255 octets on the wire). */
#define PICKET_NAME_MAX 253u

/**
 * True if @p text is a name as reports have them: 1 to @p length_max bytes of
 * printable ASCII without blanks and capitals.
 */
/*@ requires \valid_read(text.bytes + (0 .. text.length - 1));
  @ assigns \nothing;
  @*/
bool picket_text_is_name(struct picket_text text, size_t length_max);

/** A DNS answer that the device saw: the name it asked for, and one address of it. */
struct picket_name_record {
    struct picket_text name; /* lower case, without the last dot */
    uint8_t address_size;    /* 4 or 16; 0: the answer was that there is no such name */
    uint8_t address[16];
};

/** What the handshake of a TLS session showed in the clear. */
struct picket_tls_record {
    enum picket_direction direction; /* who opened it */
    uint8_t address_size;            /* 4 or 16 */
    uint8_t peer[16];
    uint16_t port;           /* the service's, as of a flow */
    uint16_t version;        /* negotiated (RFC 8446 supported_versions included); 0: not seen */
    uint16_t cipher_suite;   /* negotiated, IANA number; 0: not seen */
    bool has_certificate;    /* the server's certificate was seen */
    bool has_certificate_id; /* certificate_sha256 is set */
    uint8_t certificate_sha256[32]; /* of the leaf, DER */
    struct picket_text server_name; /* SNI (RFC 6066 §3), lower case; {NULL, 0} if none */
};

/** A port that the device listens on. */
struct picket_listener_record {
    uint8_t protocol; /* 6 or 17 */
    uint16_t port;
    uint8_t address_size; /* 0: every address; 4 or 16 */
    uint8_t address[16];
};

/** Why the device started. */
enum picket_start_cause {
    PICKET_START_UNKNOWN = 0,
    PICKET_START_POWER_ON = 1,
    PICKET_START_SOFTWARE = 2, /* asked for: an update, a command */
    PICKET_START_WATCHDOG = 3,
    PICKET_START_FAULT = 4,
    PICKET_START_BROWN_OUT = 5,
    PICKET_START_EXTERNAL = 6, /* the reset line */
};

/** This boot's cause, and the fault record if there is one; at most one in a boot. */
struct picket_start_record {
    enum picket_start_cause cause;
    uint32_t fault_code;    /* the platform's (on Cortex-M: CFSR); 0 if none */
    uint64_t fault_address; /* program counter of the fault; 0 if none */
    uint32_t starts;        /* boots that the device counts; 0 if it does not */
};

/** Something the application told of: a login, an update, a command. */
struct picket_event_record {
    struct picket_text name; /* "login_failed", at most PICKET_TEXT_MAX */
    struct picket_text text; /* whose, what; {NULL, 0} if nothing */
    uint32_t count;          /* times in this window */
    uint32_t first_ms;       /* from the window's start */
    uint32_t last_ms;
};

/** A value that the application measures. */
struct picket_metric_record {
    struct picket_text name; /* at most PICKET_TEXT_MAX */
    uint64_t value;          /* the latest in this window */
};

/** What the ICMP packets of one flow of this report were. */
struct picket_icmp_record {
    uint32_t flow; /* which of this report's flows, from 0 */
    uint8_t type;  /* of its packets; of a reply that of its request */
    uint8_t code;
    uint32_t bytes_max; /* largest IP datagram; 0: not known */
};

/** Records that a full table of the device could not keep, by section; absent: none. */
struct picket_lost_record {
    enum picket_section section; /* one of a later version keeps its number, below 2^8 */
    uint32_t count;
};

/** What the policy had to say of a flow, if it was not just allowed. */
struct picket_verdict_record {
    enum picket_direction direction; /* who opened the flow */
    enum picket_verdict_cause cause; /* never PICKET_CAUSE_NONE */
    uint8_t protocol;
    uint8_t address_size; /* 4 or 16 */
    uint8_t peer[16];
    bool has_port;
    uint16_t port;     /* the service's, as of a flow; 0 unless has_port */
    uint32_t rule;     /* which of the rules for its IP version, from 0; 0 unless it was one */
    uint32_t revision; /* of the policy */
    uint32_t packets;  /* in this window */
    uint32_t blocked;  /* of them */
};

/** How the settings of one kind stand, and which were refused last. */
struct picket_settings_record {
    enum picket_settings_kind kind; /* unknown: refused before it could be trusted */
    uint32_t revision;              /* that holds; 0: none */
    enum picket_settings_state state;
    enum picket_policy_mode mode; /* 0 unless it is a policy */
    enum picket_refusal refusal;  /* one of a later version keeps its number, below 2^8 */
    uint32_t refused_revision;    /* 0 if it could not be trusted, or none was refused */
    uint32_t detail;              /* enum picket_setting, if a value was refused; else 0 */
};

/**
 * Opens a section for at most @p records_max records; sections come in
 * ascending order. PICKET_E_SPACE if there is no room for a head and one more
 * byte: then the section is left out.
 */
/*@ requires picket_is_report_writer(writer);
  @ requires PICKET_SECTION_NAMES <= section < PICKET_SECTION_NAMES + PICKET_SECTIONS;
  @ assigns *writer, writer->cursor.bytes[0 .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_open_section(struct picket_report_writer *writer,
                                                                enum picket_section section,
                                                                uint32_t records_max);
/**
 * Each: PICKET_E_SPACE if it does not fit, PICKET_E_ARG for a text over its limit
 * or a name that picket_text_is_name() refuses.
 */
/*@ requires picket_is_report_writer(writer) && \valid_read(name) && \separated(writer, name);
  @ requires picket_is_text(&name->name, &writer->cursor, writer->cursor.bytes,
  writer->cursor.capacity);
  @ requires \separated(writer->cursor.bytes + (0 .. writer->cursor.capacity - 1), name);
  @ requires name->address_size <= 16;
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_put_name(struct picket_report_writer *writer,
                                                            const struct picket_name_record *name);
/*@ requires picket_is_report_writer(writer) && \valid_read(tls) && \separated(writer, tls);
  @ requires picket_is_text(&tls->server_name, &writer->cursor, writer->cursor.bytes,
  writer->cursor.capacity);
  @ requires \separated(writer->cursor.bytes + (0 .. writer->cursor.capacity - 1), tls);
  @ requires tls->address_size <= 16;
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_put_tls(struct picket_report_writer *writer,
                                                           const struct picket_tls_record *tls);
/*@ requires picket_is_report_writer(writer) && \valid_read(listener) && \separated(writer,
  listener);
  @ requires \separated(writer->cursor.bytes + (0 .. writer->cursor.capacity - 1), listener);
  @ requires listener->address_size <= 16;
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_listener(struct picket_report_writer *writer,
                           const struct picket_listener_record *listener);
/*@ requires picket_is_report_writer(writer) && \valid_read(start) && \separated(writer, start);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_start(struct picket_report_writer *writer,
                        const struct picket_start_record *start);
/*@ requires picket_is_report_writer(writer) && \valid_read(event) && \separated(writer, event);
  @ requires picket_is_text(&event->name, &writer->cursor, writer->cursor.bytes,
  writer->cursor.capacity);
  @ requires picket_is_text(&event->text, &writer->cursor, writer->cursor.bytes,
  writer->cursor.capacity);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_event(struct picket_report_writer *writer,
                        const struct picket_event_record *event);
/*@ requires picket_is_report_writer(writer) && \valid_read(metric) && \separated(writer, metric);
  @ requires picket_is_text(&metric->name, &writer->cursor, writer->cursor.bytes,
  writer->cursor.capacity);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_metric(struct picket_report_writer *writer,
                         const struct picket_metric_record *metric);
/*@ requires picket_is_report_writer(writer) && \valid_read(icmp) && \separated(writer, icmp);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_put_icmp(struct picket_report_writer *writer,
                                                            const struct picket_icmp_record *icmp);
/*@ requires picket_is_report_writer(writer) && \valid_read(lost) && \separated(writer, lost);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_put_lost(struct picket_report_writer *writer,
                                                            const struct picket_lost_record *lost);
/*@ requires picket_is_report_writer(writer) && \valid_read(verdict) && \separated(writer, verdict);
  @ requires \separated(writer->cursor.bytes + (0 .. writer->cursor.capacity - 1), verdict);
  @ requires verdict->address_size <= 16;
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_verdict(struct picket_report_writer *writer,
                          const struct picket_verdict_record *verdict);
/*@ requires picket_is_report_writer(writer) && \valid_read(settings) && \separated(writer,
  settings);
  @ assigns writer->cursor.length, writer->cursor.status, writer->record_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_report_put_settings(struct picket_report_writer *writer,
                           const struct picket_settings_record *settings);

/**
 * Goes to the first record of a section; returns how many there are (0: no such
 * section). The flows are read on where they were.
 */
/*@ requires picket_is_report_reader(reader);
  @ requires PICKET_SECTION_NAMES <= section < PICKET_SECTION_NAMES + PICKET_SECTIONS;
  @ assigns reader->section, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
uint32_t picket_report_seek(struct picket_report_reader *reader, enum picket_section section);
/** The next record of the section; false when there is none left. Texts point into the input. */
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_name(struct picket_report_reader *reader, struct picket_name_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_tls(struct picket_report_reader *reader, struct picket_tls_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_listener(struct picket_report_reader *reader,
                                 struct picket_listener_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_start(struct picket_report_reader *reader, struct picket_start_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_event(struct picket_report_reader *reader, struct picket_event_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_metric(struct picket_report_reader *reader,
                               struct picket_metric_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_icmp(struct picket_report_reader *reader, struct picket_icmp_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_lost(struct picket_report_reader *reader, struct picket_lost_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_verdict(struct picket_report_reader *reader,
                                struct picket_verdict_record *ret);
/*@ requires picket_is_report_reader(reader) && \valid(ret) && \separated(reader, ret);
  @ assigns *ret, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_settings(struct picket_report_reader *reader,
                                 struct picket_settings_record *ret);

#ifdef __cplusplus
}
#endif
#endif
