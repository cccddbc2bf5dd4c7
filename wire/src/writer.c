/* SPDX-License-Identifier: MIT */
#include "picket/wire.h"

#include <string.h>

#include "format.h"
#include "quick.h"

void picket_writer_init(struct picket_writer *writer, uint8_t *bytes, size_t capacity)
{
    writer->bytes = bytes;
    writer->capacity = capacity;
    writer->length = 0;
    writer->status = PICKET_OK;
}

size_t picket_wire_head_size(uint64_t value)
{
    if (value < 24) {
        return 1;
    }
    if (value <= UINT8_MAX) {
        return 2;
    }
    if (value <= UINT16_MAX) {
        return 3;
    }
    return value <= UINT32_MAX ? 5 : 9;
}

/** Where the next @p size bytes go, or NULL after an error. */
/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ ensures picket_has_put{Pre, Post}(writer);
  @ ensures writer->status == PICKET_OK ==>
  @     \result == writer->bytes + \old(writer->length) &&
  @     writer->length == \old(writer->length) + size;
  @ ensures writer->status != PICKET_OK ==> \result == \null;
  @*/
static uint8_t *reserve(struct picket_writer *writer, size_t size)
{
    uint8_t *at = writer->bytes + writer->length;

    if (writer->status != PICKET_OK) {
        return NULL;
    }
    if (size > writer->capacity - writer->length) {
        writer->status = PICKET_E_SPACE;
        return NULL;
    }
    writer->length += size;
    return at;
}

uint8_t *picket_wire_add_head(uint8_t *at, unsigned major, uint64_t value)
{
    size_t size;

    if (value < 24) {
        at[0] = (uint8_t)(major | value);
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        at[0] = (uint8_t)(major | 24);
        at[1] = (uint8_t)value;
        return at + 2;
    }
    if (value <= UINT16_MAX) {
        at[0] = (uint8_t)(major | 25);
        at[1] = (uint8_t)(value >> 8);
        at[2] = (uint8_t)value;
        return at + 3;
    }
    size = picket_wire_head_size(value);
    at[0] = (uint8_t)(major | (size == 5 ? 26 : 27));
    /*@ loop invariant i < size;
      @ loop assigns i, value, at[1 .. size - 1];
      @ loop variant i;
      @*/
    for (size_t i = size - 1; i > 0; i--) {
        at[i] = (uint8_t)value;
        value >>= 8;
    }
    return at + size;
}

/*@ requires picket_is_writer(writer);
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @ ensures writer->status == PICKET_OK ==>
  @     writer->length == \old(writer->length) + picket_head_size(value);
  @*/
static void put_head(struct picket_writer *writer, unsigned major, uint64_t value)
{
    uint8_t *at;

    if (WIRE_IS_QUICK && value < 24 && writer->status == PICKET_OK &&
        writer->length < writer->capacity) {
        writer->bytes[writer->length++] = (uint8_t)(major | value);
        return;
    }
    at = reserve(writer, picket_wire_head_size(value));
    if (at != NULL) {
        (void)picket_wire_add_head(at, major, value);
    }
}

/*@ requires picket_is_writer(writer);
  @ requires \valid_read((uint8_t *)bytes + (0 .. length - 1));
  @ requires \separated(writer, (uint8_t *)bytes + (0 .. length - 1));
  @ requires \separated(writer->bytes + (0 .. writer->capacity - 1),
  @                     (uint8_t *)bytes + (0 .. length - 1));
  @ assigns writer->length, writer->status;
  @ assigns writer->bytes[writer->length .. writer->capacity - 1];
  @ ensures picket_has_put{Pre, Post}(writer);
  @*/
static void put_string(struct picket_writer *writer, unsigned major, const void *bytes,
                       size_t length)
{
    uint8_t *at;

    put_head(writer, major, length);
    at = reserve(writer, length);
    if (at != NULL && length > 0) {
        memcpy(at, bytes, length);
    }
}

void picket_writer_put_uint(struct picket_writer *writer, uint64_t value)
{
    put_head(writer, CBOR_UINT, value);
}

void picket_writer_put_bool(struct picket_writer *writer, bool value)
{
    put_head(writer, value ? CBOR_TRUE : CBOR_FALSE, 0);
}

void picket_writer_put_bytes(struct picket_writer *writer, const uint8_t *bytes, size_t length)
{
    put_string(writer, CBOR_BYTES, bytes, length);
}

void picket_writer_put_text(struct picket_writer *writer, const char *text, size_t length)
{
    put_string(writer, CBOR_TEXT, text, length);
}

void picket_writer_put_array(struct picket_writer *writer, uint64_t count)
{
    put_head(writer, CBOR_ARRAY, count);
}

void picket_writer_put_map(struct picket_writer *writer, uint64_t count)
{
    put_head(writer, CBOR_MAP, count);
}
