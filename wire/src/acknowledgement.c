/* SPDX-License-Identifier: MIT */
#include "picket/acknowledgement.h"

#include "picket/wire.h"

#define KEY_BOOT     0u
#define KEY_SEQUENCE 1u
#define KEYS         2u

enum picket_status picket_acknowledgement_put(const struct picket_acknowledgement *acknowledgement,
                                              uint8_t *bytes, size_t capacity, size_t *ret_length)
{
    struct picket_writer cursor;

    picket_writer_init(&cursor, bytes, capacity);
    picket_writer_put_map(&cursor, KEYS);
    picket_writer_put_uint(&cursor, KEY_BOOT);
    picket_writer_put_uint(&cursor, acknowledgement->boot);
    picket_writer_put_uint(&cursor, KEY_SEQUENCE);
    picket_writer_put_uint(&cursor, acknowledgement->sequence);
    if (cursor.status == PICKET_OK) {
        *ret_length = cursor.length;
    }
    return cursor.status;
}

/* The key that must come now. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(next_key) && \separated(reader, next_key);
  @ assigns reader->offset, reader->status, reader->fault, *next_key;
  @ ensures picket_is_reader(reader);
  @*/
static void expect_key(struct picket_reader *reader, uint64_t *next_key, uint64_t expected)
{
    size_t offset = reader->offset;

    if (picket_reader_get_key(reader, next_key) != expected) {
        picket_reader_fail(reader, PICKET_E_MALFORMED, offset, "a key is missing");
    }
}

/* What later versions add, and nothing behind it. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(next_key) && \separated(reader, next_key);
  @ assigns reader->offset, reader->status, reader->fault, *next_key;
  @ ensures picket_is_reader(reader);
  @*/
static void pass_rest(struct picket_reader *reader, uint64_t *next_key, uint64_t count)
{
    /*@ loop invariant picket_is_reader(reader);
      @ loop assigns count, reader->offset, reader->status, reader->fault, *next_key;
      @ loop variant count;
      @*/
    while (count > 0 && reader->status == PICKET_OK) {
        (void)picket_reader_get_key(reader, next_key);
        picket_reader_skip(reader);
        count--;
    }
    if (reader->offset < reader->length) {
        picket_reader_fail(reader, PICKET_E_MALFORMED, reader->offset, "there are bytes behind it");
    }
}

enum picket_status picket_acknowledgement_open(const uint8_t *bytes, size_t length,
                                               struct picket_acknowledgement *ret)
{
    struct picket_acknowledgement read;
    struct picket_reader reader;
    uint64_t next_key = 0;
    uint64_t count;

    picket_reader_init(&reader, bytes, length);
    count = picket_reader_get_map(&reader);
    expect_key(&reader, &next_key, KEY_BOOT);
    read.boot = (uint32_t)picket_reader_get_uint_max(&reader, UINT32_MAX);
    expect_key(&reader, &next_key, KEY_SEQUENCE);
    read.sequence = (uint32_t)picket_reader_get_uint_max(&reader, UINT32_MAX);
    if (reader.status == PICKET_OK && count < KEYS) {
        picket_reader_fail(&reader, PICKET_E_MALFORMED, 0, "a key is missing");
    }
    if (reader.status == PICKET_OK) {
        pass_rest(&reader, &next_key, count - KEYS);
    }
    if (reader.status != PICKET_OK) {
        return reader.status;
    }
    *ret = read;
    return PICKET_OK;
}
