/* SPDX-License-Identifier: MIT */
#include "tls_parser.h"

#include "fact.h"

#define RECORD_HEAD_BYTES     5u
#define RECORD_BYTES_MAX      16384u
#define RECORD_HANDSHAKE      22u
#define VERSION_MAJOR         3u /* of SSL 3.0 and of every TLS */
#define MESSAGE_HEAD_BYTES    4u
#define MESSAGE_CLIENT_HELLO  1u
#define MESSAGE_SERVER_HELLO  2u
#define MESSAGE_CERTIFICATE   11u
#define RANDOM_BYTES          32u
#define EXTENSION_HEAD_BYTES  4u
#define EXTENSION_SERVER_NAME 0u
#define EXTENSION_VERSIONS    43u
#define NAME_TYPE_HOST        0u

/* Bytes that are left to read; what is read over their end is 0, as is all behind it. */
struct cursor {
    const uint8_t *bytes; /* of the segment, whatever the cursor is for */
    size_t at;
    size_t end;
    bool is_cut; /* there should have been more */
};

/*@ predicate is_cursor(struct cursor *cursor) =
  @     \valid(cursor) && cursor->at <= cursor->end &&
  @     \valid_read(cursor->bytes + (0 .. cursor->end - 1));
  @
  @ predicate is_part(struct cursor part, struct cursor *cursor) =
  @     part.bytes == cursor->bytes && part.at <= part.end == cursor->at;
  @*/

/*@ requires \valid_read(cursor) && cursor->at <= cursor->end;
  @ assigns \nothing;
  @ ensures \result == cursor->end - cursor->at;
  @*/
static size_t get_left(const struct cursor *cursor)
{
    return cursor->end - cursor->at;
}

/*@ requires is_cursor(cursor);
  @ assigns cursor->at, cursor->is_cut;
  @ ensures \old(cursor->at) <= cursor->at <= cursor->end;
  @ ensures bytes <= \old(cursor->end - cursor->at) ==> cursor->at == \old(cursor->at) + bytes;
  @*/
static void skip(struct cursor *cursor, size_t bytes)
{
    size_t left = get_left(cursor);

    cursor->is_cut |= bytes > left;
    cursor->at += bytes < left ? bytes : left;
}

/* An unsigned integer of @p size bytes. */
/*@ requires is_cursor(cursor);
  @ assigns cursor->at, cursor->is_cut;
  @ ensures \old(cursor->at) <= cursor->at <= cursor->end;
  @ ensures size <= \old(cursor->end - cursor->at) ==> cursor->at == \old(cursor->at) + size;
  @*/
static uint32_t get_uint(struct cursor *cursor, size_t size)
{
    const uint8_t *bytes = cursor->bytes + cursor->at;
    size_t there = size <= get_left(cursor) ? size : 0;
    uint32_t value = 0;

    skip(cursor, size);
    /*@ loop assigns i, value;
      @ loop variant there - i;
      @*/
    for (size_t i = 0; i < there; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* The next @p bytes of @p cursor as one of their own, cut if not all are there. */
/*@ requires is_cursor(cursor);
  @ assigns cursor->at, cursor->is_cut;
  @ ensures \old(cursor->at) <= cursor->at <= cursor->end;
  @ ensures is_part(\result, cursor) && \result.at == \old(cursor->at);
  @*/
static struct cursor get_part(struct cursor *cursor, size_t bytes)
{
    struct cursor part = *cursor;

    skip(cursor, bytes);
    part.end = cursor->at;
    part.is_cut = part.end - part.at < bytes;
    return part;
}

/* What stands behind its own size, itself in @p size bytes. */
/*@ requires is_cursor(cursor);
  @ assigns cursor->at, cursor->is_cut;
  @ ensures \old(cursor->at) <= cursor->at <= cursor->end;
  @ ensures is_part(\result, cursor);
  @*/
static struct cursor get_vector(struct cursor *cursor, size_t size)
{
    uint32_t bytes = get_uint(cursor, size);

    return get_part(cursor, bytes);
}

/* Reads the next extension's head and body; false behind the last. */
/*@ requires is_cursor(extensions) && \valid(ret_type) && \valid(ret_body);
  @ requires \separated(extensions, ret_type, ret_body);
  @ assigns extensions->at, extensions->is_cut, *ret_type, *ret_body;
  @ ensures extensions->at <= extensions->end;
  @ ensures \result ==> extensions->at > \old(extensions->at) && is_cursor(ret_body);
  @*/
static bool next_extension(struct cursor *extensions, uint32_t *ret_type, struct cursor *ret_body)
{
    if (get_left(extensions) < EXTENSION_HEAD_BYTES) {
        return false;
    }
    *ret_type = get_uint(extensions, 2);
    *ret_body = get_vector(extensions, 2);
    return true;
}

/*@ requires is_cursor(body) && \valid(ret) && \separated(body, ret);
  @ requires ret->server_name_length <= PICKET_NAME_MAX;
  @ assigns body->at, body->is_cut;
  @ assigns ret->server_name[0 .. PICKET_NAME_MAX - 1], ret->server_name_length;
  @ ensures ret->server_name_length <= PICKET_NAME_MAX;
  @*/
static void read_server_name(struct cursor *body, struct picket_tls_hello *ret)
{
    struct cursor list = get_vector(body, 2);
    uint32_t type = get_uint(&list, 1);
    struct cursor name = get_vector(&list, 2);
    size_t length = name.end - name.at;

    if (name.is_cut || type != NAME_TYPE_HOST || length > sizeof(ret->server_name)) {
        return;
    }
    /*@ loop assigns i, ret->server_name[0 .. PICKET_NAME_MAX - 1];
      @ loop variant length - i;
      @*/
    for (size_t i = 0; i < length; i++) {
        ret->server_name[i] = picket_fact_letter(name.bytes[name.at + i]);
    }
    ret->server_name_length = length;
}

/*@ requires is_cursor(body) && \valid(ret) && \separated(body, ret);
  @ requires ret->server_name_length <= PICKET_NAME_MAX;
  @ assigns body->at, body->is_cut, ret->has_client_hello;
  @ assigns ret->server_name[0 .. PICKET_NAME_MAX - 1], ret->server_name_length;
  @ ensures ret->server_name_length <= PICKET_NAME_MAX;
  @*/
static void read_client_hello(struct cursor *body, struct picket_tls_hello *ret)
{
    struct cursor extensions;
    struct cursor extension;
    uint32_t type;

    if (get_uint(body, 1) != VERSION_MAJOR) {
        return;
    }
    ret->has_client_hello = true;
    skip(body, 1 + RANDOM_BYTES);
    (void)get_vector(body, 1); /* session id */
    (void)get_vector(body, 2); /* cipher suites */
    (void)get_vector(body, 1); /* compressions */
    extensions = get_vector(body, 2);
    /*@ loop invariant is_cursor(&extensions) && ret->server_name_length <= PICKET_NAME_MAX;
      @ loop assigns extensions.at, extensions.is_cut, type, extension;
      @ loop assigns ret->server_name[0 .. PICKET_NAME_MAX - 1], ret->server_name_length;
      @ loop variant extensions.end - extensions.at;
      @*/
    while (next_extension(&extensions, &type, &extension)) {
        if (type == EXTENSION_SERVER_NAME) {
            read_server_name(&extension, ret);
        }
    }
}

/* @p version is that of old, which an extension may supersede. */
/*@ requires is_cursor(extensions);
  @ assigns extensions->at, extensions->is_cut;
  @*/
static uint32_t choose_version(struct cursor *extensions, uint32_t version)
{
    struct cursor extension;
    uint32_t type;

    /*@ loop invariant is_cursor(extensions);
      @ loop assigns extensions->at, extensions->is_cut, type, extension, version;
      @ loop variant extensions->end - extensions->at;
      @*/
    while (next_extension(extensions, &type, &extension)) {
        uint32_t chosen = get_uint(&extension, 2);

        if (type == EXTENSION_VERSIONS && !extension.is_cut) {
            version = chosen;
        }
    }
    return version;
}

/*@ requires is_cursor(body) && \valid(ret) && \separated(body, ret);
  @ assigns body->at, body->is_cut, ret->has_server_hello, ret->version, ret->cipher_suite;
  @*/
static void read_server_hello(struct cursor *body, struct picket_tls_hello *ret)
{
    uint32_t version = get_uint(body, 2);
    struct cursor extensions;

    if (version >> 8 != VERSION_MAJOR) {
        return;
    }
    skip(body, RANDOM_BYTES);
    (void)get_vector(body, 1); /* session id */
    ret->cipher_suite = (uint16_t)get_uint(body, 2);
    ret->has_server_hello = !body->is_cut;
    (void)get_uint(body, 1); /* compression */
    extensions = get_vector(body, 2);
    ret->version = (uint16_t)choose_version(&extensions, version);
}

/*@ requires is_cursor(body) && \valid(ret) && \separated(body, ret);
  @ requires picket_is_leaf(ret, body->end);
  @ assigns body->at, body->is_cut, ret->has_certificate, ret->leaf, ret->leaf_bytes;
  @ ensures picket_is_leaf(ret, body->end);
  @*/
static void read_certificate(struct cursor *body, struct picket_tls_hello *ret)
{
    struct cursor list = get_vector(body, 3);
    struct cursor leaf = get_vector(&list, 3);

    ret->has_certificate = leaf.at < leaf.end;
    if (!leaf.is_cut) {
        ret->leaf = leaf.at;
        ret->leaf_bytes = leaf.end - leaf.at;
    }
}

/*@ requires is_cursor(body) && \valid(ret) && \separated(body, ret);
  @ requires ret->server_name_length <= PICKET_NAME_MAX && picket_is_leaf(ret, body->end);
  @ assigns body->at, body->is_cut, *ret;
  @ ensures ret->server_name_length <= PICKET_NAME_MAX && picket_is_leaf(ret, body->end);
  @*/
static void read_message(uint32_t type, struct cursor *body, struct picket_tls_hello *ret)
{
    if (type == MESSAGE_CLIENT_HELLO) {
        read_client_hello(body, ret);
    } else if (type == MESSAGE_SERVER_HELLO) {
        read_server_hello(body, ret);
    } else if (type == MESSAGE_CERTIFICATE) {
        read_certificate(body, ret);
    }
}

/*
 * @p record_bytes were announced, of which @p record may have fewer. A message
 * that does not end within its record is none: it is encrypted, or in pieces.
 */
/*@ requires is_cursor(record) && \valid(ret) && \separated(record, ret);
  @ requires ret->server_name_length <= PICKET_NAME_MAX && picket_is_leaf(ret, record->at);
  @ assigns record->at, record->is_cut, *ret;
  @ ensures ret->server_name_length <= PICKET_NAME_MAX && picket_is_leaf(ret, record->end);
  @*/
static void read_messages(struct cursor *record, size_t record_bytes, struct picket_tls_hello *ret)
{
    /*@ loop invariant record->at <= record->end;
      @ loop invariant ret->server_name_length <= PICKET_NAME_MAX;
      @ loop invariant picket_is_leaf(ret, record->at);
      @ loop assigns record->at, record->is_cut, record_bytes, *ret;
      @ loop variant record->end - record->at;
      @*/
    while (get_left(record) >= MESSAGE_HEAD_BYTES) {
        uint32_t type = get_uint(record, 1);
        uint32_t bytes = get_uint(record, 3);
        struct cursor body;

        record_bytes -= MESSAGE_HEAD_BYTES;
        if (bytes > record_bytes) {
            return;
        }
        record_bytes -= bytes;
        body = get_part(record, bytes);
        body.is_cut = false; /* whoever reads over its end will find out */
        read_message(type, &body, ret);
    }
}

/* Reads the next record's head and body; false if it is none of a handshake. */
/*@ requires is_cursor(segment) && \valid(ret_bytes) && \valid(ret_body);
  @ requires \separated(segment, ret_bytes, ret_body);
  @ assigns segment->at, segment->is_cut, *ret_bytes, *ret_body;
  @ ensures segment->at <= segment->end;
  @ ensures \result ==> is_cursor(ret_body) && ret_body->end == segment->at;
  @ ensures \result ==> ret_body->at > \old(segment->at);
  @*/
static bool next_record(struct cursor *segment, uint32_t *ret_bytes, struct cursor *ret_body)
{
    uint32_t type;
    uint32_t version;

    if (get_left(segment) < RECORD_HEAD_BYTES) {
        return false;
    }
    type = get_uint(segment, 1);
    version = get_uint(segment, 2);
    *ret_bytes = get_uint(segment, 2);
    *ret_body = get_part(segment, *ret_bytes);
    return type == RECORD_HANDSHAKE && version >> 8 == VERSION_MAJOR &&
           *ret_bytes <= RECORD_BYTES_MAX;
}

enum picket_status picket_tls_parse(const uint8_t *bytes, size_t length,
                                    struct picket_tls_hello *ret)
{
    struct cursor segment = {bytes, 0, length, false};
    struct cursor record;
    uint32_t record_bytes;

    ret->has_client_hello = false;
    ret->has_server_hello = false;
    ret->has_certificate = false;
    ret->server_name_length = 0;
    ret->leaf = 0;
    ret->leaf_bytes = 0;
    /*@ loop invariant is_cursor(&segment) && segment.end == length;
      @ loop invariant ret->server_name_length <= PICKET_NAME_MAX;
      @ loop invariant picket_is_leaf(ret, segment.at);
      @ loop assigns segment.at, segment.is_cut, record_bytes, record, *ret;
      @ loop variant segment.end - segment.at;
      @*/
    while (next_record(&segment, &record_bytes, &record)) {
        read_messages(&record, record_bytes, ret);
    }
    return ret->has_client_hello || ret->has_server_hello || ret->has_certificate ? PICKET_OK
                                                                                  : PICKET_E_EMPTY;
}
