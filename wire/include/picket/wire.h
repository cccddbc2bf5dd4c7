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

/** Ownership: @p bytes is borrowed until the last put. */
void picket_writer_init(struct picket_writer *writer, uint8_t *bytes, size_t capacity);
void picket_writer_put_uint(struct picket_writer *writer, uint64_t value);
void picket_writer_put_bool(struct picket_writer *writer, bool value);
void picket_writer_put_bytes(struct picket_writer *writer, const uint8_t *bytes, size_t length);
/** @p text need not end in NUL and must be UTF-8. */
void picket_writer_put_text(struct picket_writer *writer, const char *text, size_t length);
/** Announces @p count items that the caller puts next. */
void picket_writer_put_array(struct picket_writer *writer, uint64_t count);
/** Announces @p count pairs; the caller puts the keys in ascending order. */
void picket_writer_put_map(struct picket_writer *writer, uint64_t count);

/** Bytes that the head of an integer, string, array or map takes (1, 2, 3, 5 or 9). */
size_t picket_wire_head_size(uint64_t value);

struct picket_reader {
    const uint8_t *bytes;
    size_t length;
    size_t offset;             /* of the next item; of the faulty one after an error */
    enum picket_status status; /* PICKET_OK, or the first error */
    const char *fault;         /* NULL, or what is wrong at offset: a constant phrase */
};

/** Ownership: @p bytes is borrowed while the reader, or a string got from it, is used. */
void picket_reader_init(struct picket_reader *reader, const uint8_t *bytes, size_t length);
uint64_t picket_reader_get_uint(struct picket_reader *reader);
/** An unsigned integer of at most @p max; a larger one is PICKET_E_LIMIT. */
uint64_t picket_reader_get_uint_max(struct picket_reader *reader, uint64_t max);
/**
 * The next key of a map, below 2^32. One smaller than *next_key, which starts at
 * 0, is repeated or out of order: PICKET_E_MALFORMED. *next_key becomes key + 1.
 */
uint64_t picket_reader_get_key(struct picket_reader *reader, uint64_t *next_key);
bool picket_reader_get_bool(struct picket_reader *reader);
/** Points *ret_bytes into the input; NULL and length 0 after an error. */
size_t picket_reader_get_bytes(struct picket_reader *reader, const uint8_t **ret_bytes);
/** As picket_reader_get_bytes(); text that is not UTF-8 is PICKET_E_MALFORMED. */
size_t picket_reader_get_text(struct picket_reader *reader, const char **ret_text);
/** A count larger than the bytes that are left is refused at once. */
uint64_t picket_reader_get_array(struct picket_reader *reader);
uint64_t picket_reader_get_map(struct picket_reader *reader);
/** Passes over one item of the subset, whole; at most PICKET_WIRE_DEPTH_MAX deep. */
void picket_reader_skip(struct picket_reader *reader);
/** Sets a first error at @p offset; for the layers above that find a value impossible. */
void picket_reader_fail(struct picket_reader *reader, enum picket_status status, size_t offset,
                        const char *fault);

#ifdef __cplusplus
}
#endif
#endif
