/* SPDX-License-Identifier: MIT */
#ifndef PICKET_WIRE_H
#define PICKET_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Bounded cursors over the deterministic CBOR subset that Picket speaks.
 *
 * Subset (RFC 8949 §4.2.1): unsigned integers, byte strings, text strings,
 * arrays, maps and the two booleans; definite lengths only, shortest heads
 * only, map keys unsigned and strictly ascending.
 *
 * Life: init, any number of puts or gets, one check. The first error sticks:
 * later calls do nothing (puts) or answer zero or empty (gets), so that a
 * record reads as a list of its fields. No heap, no I/O, no globals.
 * Context: any; a cursor belongs to one thread at a time.
 */

/** Nesting that picket_reader_skip() follows; deeper input is refused. */
#define PICKET_WIRE_DEPTH_MAX 8u

struct picket_writer {
    uint8_t *bytes;
    size_t capacity;
    size_t length;             /* bytes written so far */
    enum picket_status status; /* PICKET_OK or PICKET_E_SPACE */
};

/*@ predicate picket_is_writer(struct picket_writer *writer) =
  @     \valid(writer) && writer->length <= writer->capacity &&
  @     \valid(writer->bytes + (0 .. writer->capacity - 1)) &&
  @     \separated(writer, writer->bytes + (0 .. writer->capacity - 1));
  @
  @ // What a put does: it stays inside the buffer, and an error sticks.
  @ predicate picket_has_put{L1, L2}(struct picket_writer *writer) =
  @     picket_is_writer{L2}(writer) &&
  @     \at(writer->length, L2) >= \at(writer->length, L1) &&
  @     (\at(writer->status, L1) != PICKET_OK ==>
  @         \at(writer->status, L2) == \at(writer->status, L1) &&
  @         \at(writer->length, L2) == \at(writer->length, L1));
  @
  @ logic integer picket_head_size(integer value) =
  @     value < 24 ? 1 : value <= 0xff ? 2 : value <= 0xffff ? 3 : value <= 0xffffffff ? 5 : 9;
  @*/

/** Ownership: @p bytes is borrowed until the last put. */
/*@ requires \valid(writer) && \valid(bytes + (0 .. capacity - 1));
  @ requires \separated(writer, bytes + (0 .. capacity - 1));
  @ assigns *writer;
  @ ensures picket_is_writer(writer);
  @ ensures writer->bytes == bytes && writer->capacity == capacity;
  @ ensures writer->length == 0 && writer->status == PICKET_OK;
  @*/
void picket_writer_init(struct picket_writer *writer, uint8_t *bytes, size_t capacity);
/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @*/
void picket_writer_put_uint(struct picket_writer *writer, uint64_t value);
/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @ ensures writer->status == PICKET_OK ==> writer->length == \old(writer->length) + 1;
  @*/
void picket_writer_put_bool(struct picket_writer *writer, bool value);
/*@ requires picket_is_writer(writer);
  @ requires \valid_read(bytes + (0 .. length - 1));
  @ requires \separated(writer, bytes + (0 .. length - 1));
  @ requires \separated(writer->bytes + (0 .. writer->capacity - 1), bytes + (0 .. length - 1));
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @*/
void picket_writer_put_bytes(struct picket_writer *writer, const uint8_t *bytes, size_t length);
/** @p text need not end in NUL and must be UTF-8. */
/*@ requires picket_is_writer(writer);
  @ requires \valid_read(text + (0 .. length - 1));
  @ requires \separated(writer, text + (0 .. length - 1));
  @ requires \separated(writer->bytes + (0 .. writer->capacity - 1), text + (0 .. length - 1));
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @*/
void picket_writer_put_text(struct picket_writer *writer, const char *text, size_t length);
/** Announces @p count items that the caller puts next. */
/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @ ensures writer->status == PICKET_OK ==>
  @     writer->length == \old(writer->length) + picket_head_size(count);
  @*/
void picket_writer_put_array(struct picket_writer *writer, uint64_t count);
/** Announces @p count pairs; the caller puts the keys in ascending order. */
/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @*/
void picket_writer_put_map(struct picket_writer *writer, uint64_t count);

/** Bytes that the head of an integer, string, array or map takes (1, 2, 3, 5 or 9). */
/*@ assigns \nothing;
  @ ensures \result == picket_head_size(value);
  @*/
size_t picket_wire_head_size(uint64_t value);

struct picket_reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset;             /* of the next item; of the faulty one after an error */
    enum picket_status status; /* PICKET_OK, or the first error */
    const char *fault;         /* NULL, or what is wrong at offset: a constant phrase */
};

/*@ predicate picket_is_reader(struct picket_reader *reader) =
  @     \valid(reader) && reader->offset <= reader->length &&
  @     \valid_read(reader->bytes + (0 .. reader->length - 1));
  @
  @ // What always holds: it stays inside the input and never goes back, and an error sticks.
  @ predicate picket_has_kept{L1, L2}(struct picket_reader *reader) =
  @     picket_is_reader{L2}(reader) &&
  @     \at(reader->offset, L2) >= \at(reader->offset, L1) &&
  @     (\at(reader->status, L1) != PICKET_OK ==>
  @         \at(reader->status, L2) == \at(reader->status, L1) &&
  @         \at(reader->offset, L2) == \at(reader->offset, L1));
  @
  @ // A get goes forward, too, if it succeeds.
  @ predicate picket_has_read{L1, L2}(struct picket_reader *reader) =
  @     picket_has_kept{L1, L2}(reader) &&
  @     (\at(reader->status, L2) == PICKET_OK ==>
  @         \at(reader->offset, L2) > \at(reader->offset, L1));
  @*/

/** Ownership: @p bytes is borrowed while the reader, or a string got from it, is used. */
/*@ requires \valid(reader) && \valid_read(bytes + (0 .. length - 1));
  @ assigns reader->bytes, reader->length, reader->offset, reader->status, reader->fault;
  @ ensures picket_is_reader(reader);
  @ ensures reader->bytes == bytes && reader->length == length;
  @ ensures reader->offset == 0 && reader->status == PICKET_OK;
  @*/
void picket_reader_init(struct picket_reader *reader, const uint8_t *bytes, size_t length);
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @*/
uint64_t picket_reader_get_uint(struct picket_reader *reader);
/** An unsigned integer of at most @p max; a larger one is PICKET_E_LIMIT. */
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @ ensures \result <= max;
  @*/
uint64_t picket_reader_get_uint_max(struct picket_reader *reader, uint64_t max);
/**
 * The next key of a map, below 2^32. One smaller than *next_key, which starts at
 * 0, is repeated or out of order: PICKET_E_MALFORMED. *next_key becomes key + 1.
 */
/*@ requires picket_is_reader(reader);
  @ requires \valid(next_key) && \separated(reader, next_key);
  @ assigns reader->offset, reader->status, reader->fault, *next_key;
  @ ensures picket_has_read{Pre, Post}(reader);
  @*/
uint64_t picket_reader_get_key(struct picket_reader *reader, uint64_t *next_key);
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @*/
bool picket_reader_get_bool(struct picket_reader *reader);
/** Points *ret_bytes into the input; NULL and length 0 after an error. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_bytes) && \separated(reader, ret_bytes);
  @ assigns reader->offset, reader->status, reader->fault, *ret_bytes;
  @ ensures picket_has_read{Pre, Post}(reader) && \result <= reader->offset;
  @ ensures \valid_read(*ret_bytes + (0 .. \result - 1));
  @*/
size_t picket_reader_get_bytes(struct picket_reader *reader, const uint8_t **ret_bytes);
/** As picket_reader_get_bytes(); text that is not UTF-8 is PICKET_E_MALFORMED. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_text) && \separated(reader, ret_text);
  @ assigns reader->offset, reader->status, reader->fault, *ret_text;
  @ ensures picket_has_read{Pre, Post}(reader);
  @ ensures \valid_read(*ret_text + (0 .. \result - 1));
  @*/
size_t picket_reader_get_text(struct picket_reader *reader, const char **ret_text);
/** A count larger than the bytes that are left is refused at once. */
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @ ensures \result <= reader->length - reader->offset;
  @*/
uint64_t picket_reader_get_array(struct picket_reader *reader);
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @ ensures \result <= reader->length - reader->offset;
  @*/
uint64_t picket_reader_get_map(struct picket_reader *reader);
/** Passes over one item of the subset, whole; at most PICKET_WIRE_DEPTH_MAX deep. */
/*@ requires picket_is_reader(reader);
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_has_read{Pre, Post}(reader);
  @*/
void picket_reader_skip(struct picket_reader *reader);
/** Sets a first error at @p offset; for the layers above that find a value impossible. */
/*@ requires picket_is_reader(reader);
  @ requires status != PICKET_OK && offset <= reader->length;
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_is_reader(reader) && reader->status != PICKET_OK;
  @ ensures \old(reader->status) == PICKET_OK ==> reader->offset == offset;
  @ ensures \old(reader->status) != PICKET_OK ==>
  @     reader->status == \old(reader->status) && reader->offset == \old(reader->offset);
  @*/
void picket_reader_fail(struct picket_reader *reader, enum picket_status status, size_t offset,
                        const char *fault);

#ifdef __cplusplus
}
#endif
#endif
