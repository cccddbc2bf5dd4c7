/* SPDX-License-Identifier: MIT */
#ifndef PICKET_REPORT_H
#define PICKET_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"
#include "picket/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The report, version 1: what a device saw in one window of time.
 *
 * spec/report.cddl and spec/report.md are the contract; this is its C form,
 * used by the device to encode and by the service to decode. Who the device is
 * is never in the report: the door that takes it in knows.
 *
 * A window whose flows do not fit one buffer becomes several reports ("parts"),
 * each with a sequence number of its own. Only part 0 carries the counters, the
 * remainder, heartbeat and system, so that sums over parts count nothing twice.
 *
 * Nothing here allocates, locks, logs or reads a clock.
 */

#define PICKET_REPORT_VERSION 1u

/** A report is never larger than this; the decoder refuses more. */
#define PICKET_REPORT_BYTES_MAX 65536u

/** Longest text of a fact, in bytes. */
#define PICKET_TEXT_MAX 64u

/** Longest window, in milliseconds (31 days). */
#define PICKET_WINDOW_MS_MAX 2678400000u

/** Who opened a flow, seen from the device; also the way one packet goes. */
enum picket_direction {
    PICKET_OUTBOUND = 0,
    PICKET_INBOUND = 1,
    PICKET_DIRECTION_UNKNOWN = 2, /* the opening was not seen */
};

/** What became of a flow: a set of bits; none of them means unanswered. */
enum picket_outcome {
    PICKET_ANSWERED = 1u << 0, /* the other side replied with more than a refusal */
    PICKET_REFUSED = 1u << 1,  /* TCP reset instead of a handshake */
    PICKET_RESET = 1u << 2,    /* TCP reset after a handshake */
};

/** What the packets of a flow were. */
enum picket_flow_kind {
    PICKET_KIND_WHOLE = 0,      /* the headers were all there */
    PICKET_KIND_FRAGMENT = 1,   /* later fragments: no ports to be had */
    PICKET_KIND_CUT = 2,        /* the transport header is cut off */
    PICKET_KIND_BAD_LENGTH = 3, /* the IP header claims more than there is; exact flows only */
};

/** Whom the packets were addressed to. */
enum picket_cast {
    PICKET_UNICAST = 0,
    PICKET_MULTICAST = 1,
    PICKET_BROADCAST = 2,
    PICKET_LOOPBACK = 3,
};

/**
 * One flow of a report.
 *
 * A folded flow has one port, the service's: the peer's port if the device
 * opened it, the device's own if the peer did. An exact flow (gateways, and
 * comparison with other meters) has the local address and both ports.
 */
struct picket_flow_record {
    enum picket_direction direction;
    enum picket_flow_kind kind;
    enum picket_cast cast;
    uint8_t outcome;      /* set of enum picket_outcome */
    uint8_t protocol;     /* IANA protocol number */
    uint8_t address_size; /* 4 or 16 */
    bool has_local;       /* exact flow: local is set */
    bool has_peer_port;
    bool has_local_port;
    uint16_t peer_port;
    uint16_t local_port;
    uint8_t peer[16]; /* network order; the first address_size bytes count */
    uint8_t local[16];
    uint32_t connections; /* opened in this window */
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in; /* IP datagram lengths, headers included */
    uint64_t bytes_out;
    uint32_t first_ms; /* first and last packet, from the window's start */
    uint32_t last_ms;  /* >= first_ms */
};

/** Classes of the remainder. */
enum picket_remainder_class {
    PICKET_REMAINDER_TCP = 0,
    PICKET_REMAINDER_UDP = 1,
    PICKET_REMAINDER_ICMP = 2, /* ICMP and ICMPv6 */
    PICKET_REMAINDER_OTHER = 3,
    PICKET_REMAINDER_CLASSES = 4,
};

/** Traffic that is counted, but whose flows could not be kept. */
struct picket_remainder {
    uint64_t connections;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in;
    uint64_t bytes_out;
};

/** Packets of one window. seen = kept + folded + malformed + filtered + dropped, always. */
struct picket_counters {
    uint64_t seen;      /* on the interface, as far as the port can tell */
    uint64_t kept;      /* counted in a flow */
    uint64_t folded;    /* counted in the remainder */
    uint64_t malformed; /* no usable IP header, or lengths that contradict it */
    uint64_t filtered;  /* left out by configuration */
    uint64_t dropped;   /* lost before the agent could look (told by the port) */
};

/** That the module lives, and how it is set. */
struct picket_heartbeat {
    uint32_t interval_ms;   /* until the next report is due */
    uint32_t flow_capacity; /* flows the tables can hold */
    uint32_t flow_count;    /* flows held when the window closed */
};

/** A text that is not NUL-terminated; {NULL, 0} means not known. */
struct picket_text {
    const char *bytes;
    size_t length;
};

/** Bytes of a SHA-256. */
#define PICKET_SHA256_BYTES 32u

/** Protections that a firmware is built with. */
enum picket_hardening {
    PICKET_HARDENING_STACK_PROTECTOR = 1 << 0,   /* the compiler guards return addresses */
    PICKET_HARDENING_MEMORY_PROTECTION = 1 << 1, /* an MPU or MMU is in use */
    PICKET_HARDENING_ERROR_CHECKING = 1 << 2,    /* the RTOS checks what its calls are given */
    PICKET_HARDENING_STACK_CHECKING = 1 << 3,    /* the RTOS notices that a stack overflows */
};

/** What the device is. Each text has at most PICKET_TEXT_MAX bytes of UTF-8. */
struct picket_system {
    struct picket_text os;               /* "ThreadX 6.4.1" */
    struct picket_text stack;            /* "NetX Duo 6.4.1" */
    struct picket_text hardware;         /* "STM32H563" */
    struct picket_text firmware_version; /* "1.4.2" */
    struct picket_text module_version;   /* of Picket itself */
    struct picket_text sbom;             /* id of its bill of materials, as "urn:uuid:…" */
    const uint8_t *firmware_sha256;      /* of the image that runs; NULL if not known */
    uint8_t hardening_known;             /* of enum picket_hardening: those that it tells of */
    uint8_t hardening_on;                /* and those of them that are on */
};

/** Everything of a report but its flows. */
struct picket_report_head {
    uint32_t boot;            /* differs from boot to boot of one device */
    uint32_t sequence;        /* counts reports of one boot, from 1, without gaps */
    uint32_t part;            /* 0 for the window's first report */
    bool has_more;            /* parts of this window follow */
    uint64_t window_start_ms; /* since boot */
    uint32_t window_ms;       /* length */
    uint32_t intervals;       /* report intervals folded into the window, at least 1 */
    uint64_t built_ms;        /* since boot, when the report was encoded */
    bool has_clock;
    uint64_t clock_ms; /* wall clock at window_start_ms, since 1970-01-01 UTC */
    bool has_counters;
    struct picket_counters counters;
    bool has_remainder;
    struct picket_remainder remainder[PICKET_REMAINDER_CLASSES];
    bool has_heartbeat;
    struct picket_heartbeat heartbeat;
    bool has_system;
    struct picket_system system; /* texts point into the input or at the caller's strings */
};

/** Encodes one report, flow by flow. Members are private. */
struct picket_report_writer {
    struct picket_writer cursor;
    size_t more_offset; /* of the has_more byte, patched at the end */
    uint32_t flow_count;
    /* the row that is being filled: flows, or a section of picket/facts.h */
    size_t row_offset;     /* of its head */
    size_t row_head;       /* bytes reserved for that head */
    uint32_t record_items; /* items of one record */
    uint32_t record_count;
};

/*@ predicate picket_is_encoder(struct picket_report_writer *writer) =
  @     \valid(writer) && picket_is_writer(&writer->cursor) &&
  @     \separated(writer, writer->cursor.bytes + (0 .. writer->cursor.capacity - 1));
  @
  @ // The row's head lies before @p end, and has room for the records there are.
  @ predicate picket_is_row(struct picket_report_writer *writer, integer end) =
  @     writer->more_offset < writer->row_offset &&
  @     writer->row_offset + writer->row_head <= end &&
  @     picket_head_size((uint64_t)(1 + writer->record_items * writer->record_count)) <=
  @         writer->row_head;
  @
  @ predicate picket_is_report_writer(struct picket_report_writer *writer) =
  @     picket_is_encoder(writer) && writer->cursor.status == PICKET_OK &&
  @     picket_is_row(writer, writer->cursor.length);
  @
  @ predicate picket_is_flow(struct picket_flow_record *flow) =
  @     flow->direction <= PICKET_DIRECTION_UNKNOWN && flow->kind <= 3 && flow->cast <= 3 &&
  @     flow->outcome <= 7 && (flow->address_size == 4 || flow->address_size == 16);
  @
  @ // A text that the cursor does not write over.
  @ predicate picket_is_text(struct picket_text *text, struct picket_writer *cursor, uint8_t *bytes,
  @                          integer capacity) =
  @     \valid_read(text->bytes + (0 .. text->length - 1)) &&
  @     \separated(cursor, text->bytes + (0 .. text->length - 1)) &&
  @     \separated(bytes + (0 .. capacity - 1), text->bytes + (0 .. text->length - 1));
  @
  @ predicate picket_is_system(struct picket_system *system, struct picket_writer *cursor,
  @                            uint8_t *bytes, integer capacity) =
  @     picket_is_text(&system->os, cursor, bytes, capacity) &&
  @     picket_is_text(&system->stack, cursor, bytes, capacity) &&
  @     picket_is_text(&system->hardware, cursor, bytes, capacity) &&
  @     picket_is_text(&system->firmware_version, cursor, bytes, capacity) &&
  @     picket_is_text(&system->module_version, cursor, bytes, capacity) &&
  @     picket_is_text(&system->sbom, cursor, bytes, capacity) &&
  @     (system->firmware_sha256 != \null ==>
  @         \valid_read(system->firmware_sha256 + (0 .. PICKET_SHA256_BYTES - 1)) &&
  @         \separated(cursor, system->firmware_sha256 + (0 .. PICKET_SHA256_BYTES - 1)) &&
  @         \separated(bytes + (0 .. capacity - 1),
  @                    system->firmware_sha256 + (0 .. PICKET_SHA256_BYTES - 1)));
  @*/

/**
 * Writes everything of @p head and opens the list of flows.
 *
 * @p flow_count is the most flows that will be put; fewer are fine.
 * Ownership: @p bytes is borrowed until picket_report_finish().
 * Errors:    PICKET_E_SPACE if not even the head fits, PICKET_E_ARG for a
 *            text over its limit.
 */
/*@ requires \valid(writer) && \valid(bytes + (0 .. capacity - 1)) && \valid_read(head);
  @ requires \separated(writer, head, bytes + (0 .. capacity - 1));
  @ requires picket_is_system(&head->system, &writer->cursor, bytes, capacity);
  @ assigns *writer, bytes[0 .. capacity - 1];
  @ ensures \result == PICKET_OK ==> picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_begin(struct picket_report_writer *writer,
                                                         uint8_t *bytes, size_t capacity,
                                                         const struct picket_report_head *head,
                                                         uint32_t flow_count);

/**
 * Adds one flow, whole or not at all.
 *
 * Errors: PICKET_E_SPACE if it does not fit; what was put before stays good.
 */
/*@ requires picket_is_report_writer(writer) && \valid_read(flow) && picket_is_flow(flow);
  @ requires \separated(writer, flow);
  @ requires \separated(writer->cursor.bytes + (0 .. writer->cursor.capacity - 1), flow);
  @ assigns writer->cursor.length, writer->record_count, writer->flow_count;
  @ assigns writer->cursor.bytes[writer->cursor.length .. writer->cursor.capacity - 1];
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_put_flow(struct picket_report_writer *writer,
                                                            const struct picket_flow_record *flow);

/**
 * Keeps @p bytes free for a section behind the flows, until they are released.
 *
 * Errors: PICKET_E_SPACE if there are fewer.
 */
/*@ requires picket_is_report_writer(writer);
  @ assigns writer->cursor.capacity;
  @ ensures picket_is_report_writer(writer);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_reserve(struct picket_report_writer *writer,
                                                           size_t bytes);
/** Of as many bytes as were reserved. */
/*@ requires picket_is_report_writer(writer) && bytes <= SIZE_MAX - writer->cursor.capacity;
  @ requires \valid(writer->cursor.bytes + (0 .. writer->cursor.capacity + bytes - 1));
  @ requires \separated(writer,
  @                      writer->cursor.bytes + (0 .. writer->cursor.capacity + bytes - 1));
  @ assigns writer->cursor.capacity;
  @ ensures picket_is_report_writer(writer);
  @*/
void picket_report_release(struct picket_report_writer *writer, size_t bytes);

/** Closes the report; @p has_more overrides the head's. Never fails after a good begin. */
/*@ requires picket_is_report_writer(writer);
  @ requires \valid(ret_length) && \separated(writer, ret_length);
  @ assigns writer->cursor.length, writer->row_head, *ret_length;
  @ assigns writer->cursor.bytes[0 .. writer->cursor.capacity - 1];
  @ ensures *ret_length <= writer->cursor.capacity;
  @*/
void picket_report_finish(struct picket_report_writer *writer, bool has_more, size_t *ret_length);

/** Sections of facts behind the flows; picket/facts.h names them. */
#define PICKET_SECTIONS 10u

/** Records of one kind in a report. */
struct picket_row {
    size_t offset;  /* of the next record */
    uint64_t items; /* of one record in this report */
    uint64_t left;  /* records */
};

/** Decodes one report, flow by flow. Members are private, but for the two said below. */
struct picket_report_reader {
    struct picket_reader cursor; /* cursor.offset and cursor.fault say where and what was wrong */
    uint64_t flow_items;         /* items of one flow in this report */
    uint64_t flows_left;
    struct picket_row sections[PICKET_SECTIONS];
    struct picket_row row; /* what is left of the section that was sought */
    uint32_t section;      /* which one; 0 before the first */
};

/*@ predicate picket_are_rows(struct picket_row *rows, integer length) =
  @     \forall integer i; 0 <= i < PICKET_SECTIONS ==> rows[i].offset <= length;
  @
  @ predicate picket_is_report_reader(struct picket_report_reader *reader) =
  @     \valid(reader) && picket_is_reader(&reader->cursor) &&
  @     picket_are_rows(&reader->sections[0], reader->cursor.length) &&
  @     (reader->section != 0 ==> reader->row.offset <= reader->cursor.length);
  @*/

/**
 * Checks the whole report, every flow included, and reads its head.
 *
 * After PICKET_OK, *ret_flow_count calls of picket_report_next_flow() succeed.
 *
 * Ownership: @p bytes is borrowed while reader or head are used.
 * Errors:    PICKET_E_TRUNCATED, _MALFORMED, _LIMIT, _VERSION: nothing is
 *            returned, and reader->cursor says where and what.
 * Cost:      linear in @p length.
 */
/*@ requires \valid(reader) && \valid_read(bytes + (0 .. length - 1));
  @ requires \valid(ret_head) && \valid(ret_flow_count);
  @ requires \separated(reader, ret_head, ret_flow_count, bytes + (0 .. length - 1));
  @ assigns *reader, *ret_head, *ret_flow_count;
  @ ensures picket_is_report_reader(reader);
  @*/
PICKET_MUST_CHECK enum picket_status picket_report_open(struct picket_report_reader *reader,
                                                        const uint8_t *bytes, size_t length,
                                                        struct picket_report_head *ret_head,
                                                        uint32_t *ret_flow_count);

/** The next flow; false when there is none left. */
/*@ requires picket_is_report_reader(reader);
  @ requires \valid(ret_flow) && \separated(reader, ret_flow);
  @ assigns *reader, *ret_flow;
  @ ensures picket_is_report_reader(reader);
  @*/
bool picket_report_next_flow(struct picket_report_reader *reader,
                             struct picket_flow_record *ret_flow);

#ifdef __cplusplus
}
#endif
#endif
