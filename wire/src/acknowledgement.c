/* SPDX-License-Identifier: MIT */
#include "picket/acknowledgement.h"

#include "picket/wire.h"

#define KEY_BOOT     0u
#define KEY_SEQUENCE 1u
#define KEY_HIGHEST  2u /* this and the next only if something is missing */
#define KEY_WINDOW   3u
#define KEYS_MIN     2u
#define KEYS_MAX     4u
#define WINDOW_BITS  64u

enum picket_status picket_acknowledgement_put(const struct picket_acknowledgement *acknowledgement,
                                              uint8_t *bytes, size_t capacity, size_t *ret_length)
{
    struct picket_writer cursor;
    bool has_window = acknowledgement->highest > acknowledgement->sequence;

    picket_writer_init(&cursor, bytes, capacity);
    picket_writer_put_map(&cursor, has_window ? KEYS_MAX : KEYS_MIN);
    picket_writer_put_uint(&cursor, KEY_BOOT);
    picket_writer_put_uint(&cursor, acknowledgement->boot);
    picket_writer_put_uint(&cursor, KEY_SEQUENCE);
    picket_writer_put_uint(&cursor, acknowledgement->sequence);
    if (has_window) {
        picket_writer_put_uint(&cursor, KEY_HIGHEST);
        picket_writer_put_uint(&cursor, acknowledgement->highest);
        picket_writer_put_uint(&cursor, KEY_WINDOW);
        picket_writer_put_uint(&cursor, acknowledgement->window);
    }
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

/* What may be missing, what later versions add, and nothing behind it. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(next_key) && \valid(read) && \separated(reader, next_key, read);
  @ assigns reader->offset, reader->status, reader->fault, *next_key, read->highest, read->window;
  @ ensures picket_is_reader(reader);
  @*/
static void read_rest(struct picket_reader *reader, uint64_t *next_key, uint64_t count,
                      struct picket_acknowledgement *read)
{
    /*@ loop invariant picket_is_reader(reader);
      @ loop assigns count, reader->offset, reader->status, reader->fault, *next_key,
      @     read->highest, read->window;
      @ loop variant count;
      @*/
    while (count > 0 && reader->status == PICKET_OK) {
        uint64_t key = picket_reader_get_key(reader, next_key);

        if (key == KEY_HIGHEST) {
            read->highest = (uint32_t)picket_reader_get_uint_max(reader, UINT32_MAX);
        } else if (key == KEY_WINDOW) {
            read->window = picket_reader_get_uint(reader);
        } else {
            picket_reader_skip(reader);
        }
        count--;
    }
    if (reader->offset < reader->length) {
        picket_reader_fail(reader, PICKET_E_MALFORMED, reader->offset, "there are bytes behind it");
    }
}

enum picket_status picket_acknowledgement_open(const uint8_t *bytes, size_t length,
                                               struct picket_acknowledgement *ret)
{
    struct picket_acknowledgement read = {0, 0, 0, 0};
    struct picket_reader reader;
    uint64_t next_key = 0;
    uint64_t count;

    picket_reader_init(&reader, bytes, length);
    count = picket_reader_get_map(&reader);
    expect_key(&reader, &next_key, KEY_BOOT);
    read.boot = (uint32_t)picket_reader_get_uint_max(&reader, UINT32_MAX);
    expect_key(&reader, &next_key, KEY_SEQUENCE);
    read.sequence = (uint32_t)picket_reader_get_uint_max(&reader, UINT32_MAX);
    if (reader.status == PICKET_OK && count < KEYS_MIN) {
        picket_reader_fail(&reader, PICKET_E_MALFORMED, 0, "a key is missing");
    }
    if (reader.status == PICKET_OK) {
        read_rest(&reader, &next_key, count - KEYS_MIN, &read);
    }
    if (reader.status != PICKET_OK) {
        return reader.status;
    }
    *ret = read;
    return PICKET_OK;
}

bool picket_acknowledgement_has(const struct picket_acknowledgement *acknowledgement,
                                uint32_t sequence)
{
    uint32_t below;

    if (sequence <= acknowledgement->sequence) {
        return true;
    }
    if (sequence > acknowledgement->highest) {
        return false;
    }
    below = acknowledgement->highest - sequence;
    return below < WINDOW_BITS && (acknowledgement->window >> below & 1u) != 0;
}
