/* SPDX-License-Identifier: MIT */
#include "picket/wire.h"

#include <string.h>

#include "format.h"

/** The first bytes of an item: its type, and its value, length or count. */
struct head {
    unsigned major;
    size_t size;
    uint64_t value;
};

/** An array or map that picket_reader_skip() is inside of. */
struct level {
    uint64_t items_left; /* pairs, in a map */
    uint64_t next_key;
    bool is_map;
};

void picket_reader_init(struct picket_reader *reader, const uint8_t *bytes, size_t length)
{
    reader->bytes = bytes;
    reader->length = length;
    reader->offset = 0;
    reader->status = PICKET_OK;
    reader->fault = NULL;
}

void picket_reader_fail(struct picket_reader *reader, enum picket_status status, size_t offset,
                        const char *fault)
{
    if (reader->status != PICKET_OK) {
        return;
    }
    reader->status = status;
    reader->offset = offset;
    reader->fault = fault;
}

/*@ requires picket_is_reader(reader) && status != PICKET_OK;
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_is_reader(reader) && reader->status != PICKET_OK;
  @ ensures reader->offset == \old(reader->offset);
  @ ensures \old(reader->status) != PICKET_OK ==> reader->status == \old(reader->status);
  @*/
static void fail_here(struct picket_reader *reader, enum picket_status status, const char *fault)
{
    picket_reader_fail(reader, status, reader->offset, fault);
}

/*@ assigns \nothing; */
static bool is_in_subset(uint8_t first)
{
    switch (first & 0xe0u) {
    case CBOR_UINT:
    case CBOR_BYTES:
    case CBOR_TEXT:
    case CBOR_ARRAY:
    case CBOR_MAP:
        return true;
    default:
        break;
    }
    return first == CBOR_FALSE || first == CBOR_TRUE;
}

/** Reads the head at the cursor without moving it; false, and an error, if it is none. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_head) && \separated(reader, ret_head);
  @ assigns reader->offset, reader->status, reader->fault, *ret_head;
  @ ensures picket_is_reader(reader) && reader->offset == \old(reader->offset);
  @ ensures \result <==> reader->status == PICKET_OK;
  @ ensures \result ==> 1 <= ret_head->size <= reader->length - reader->offset;
  @ ensures \old(reader->status) != PICKET_OK ==> reader->status == \old(reader->status);
  @*/
static bool peek_head(struct picket_reader *reader, struct head *ret_head)
{
    size_t left = reader->length - reader->offset;
    const uint8_t *at = reader->bytes + reader->offset;
    struct head head;

    if (reader->status != PICKET_OK) {
        return false;
    }
    if (left == 0) {
        fail_here(reader, PICKET_E_TRUNCATED, "the input ends where an item should begin");
        return false;
    }
    if (!is_in_subset(*at)) {
        fail_here(reader, PICKET_E_MALFORMED, "an item of a type that reports do not use");
        return false;
    }
    head.major = *at & 0xe0u;
    head.value = *at & 0x1fu;
    head.size = 1;
    if (head.value > 27) {
        fail_here(reader, PICKET_E_MALFORMED, "an item of indefinite length");
        return false;
    }
    if (head.value >= 24 && head.major != CBOR_SIMPLE) {
        head.size = 1 + ((size_t)1 << (head.value - 24));
        if (head.size > left) {
            fail_here(reader, PICKET_E_TRUNCATED, "the input ends inside the head of an item");
            return false;
        }
        head.value = 0;
        /*@ loop invariant 1 <= i;
          @ loop assigns i, head.value;
          @ loop variant head.size - i;
          @*/
        for (size_t i = 1; i < head.size; i++) {
            head.value = head.value << 8 | at[i];
        }
        if (picket_wire_head_size(head.value) != head.size) {
            fail_here(reader, PICKET_E_MALFORMED, "a number that is not in its shortest form");
            return false;
        }
    }
    *ret_head = head;
    return true;
}

/** Reads a head of type @p major and moves behind it; false, and an error, if it is another. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_value) && \separated(reader, ret_value);
  @ assigns reader->offset, reader->status, reader->fault, *ret_value;
  @ ensures picket_has_read{Pre, Post}(reader);
  @ ensures \result <==> reader->status == PICKET_OK;
  @*/
static bool get_head(struct picket_reader *reader, unsigned major, const char *fault,
                     uint64_t *ret_value)
{
    struct head head;

    if (!peek_head(reader, &head)) {
        return false;
    }
    if (head.major != major) {
        fail_here(reader, PICKET_E_MALFORMED, fault);
        return false;
    }
    reader->offset += head.size;
    *ret_value = head.value;
    return true;
}

uint64_t picket_reader_get_uint(struct picket_reader *reader)
{
    return picket_reader_get_uint_max(reader, UINT64_MAX);
}

uint64_t picket_reader_get_uint_max(struct picket_reader *reader, uint64_t max)
{
    size_t offset = reader->offset;
    uint64_t value = 0;

    if (!get_head(reader, CBOR_UINT, "an unsigned integer is expected here", &value)) {
        return 0;
    }
    if (value > max) {
        picket_reader_fail(reader, PICKET_E_LIMIT, offset, "a number above its limit");
        return 0;
    }
    return value;
}

uint64_t picket_reader_get_key(struct picket_reader *reader, uint64_t *next_key)
{
    size_t offset = reader->offset;
    uint64_t key = picket_reader_get_uint_max(reader, UINT32_MAX);

    if (key < *next_key) {
        picket_reader_fail(reader, PICKET_E_MALFORMED, offset,
                           "a key that is repeated or out of order");
        return 0;
    }
    *next_key = key + 1;
    return key;
}

bool picket_reader_get_bool(struct picket_reader *reader)
{
    uint64_t value = 0;

    return get_head(reader, CBOR_SIMPLE, "true or false is expected here", &value) &&
           value == (CBOR_TRUE & 0x1f);
}

/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_bytes) && \separated(reader, ret_bytes);
  @ assigns reader->offset, reader->status, reader->fault, *ret_bytes;
  @ ensures picket_has_read{Pre, Post}(reader) && \result <= reader->offset;
  @ ensures \valid_read(*ret_bytes + (0 .. \result - 1));
  @*/
static size_t get_string(struct picket_reader *reader, unsigned major, const char *fault,
                         const uint8_t **ret_bytes)
{
    size_t offset = reader->offset;
    uint64_t length = 0;

    *ret_bytes = NULL;
    if (!get_head(reader, major, fault, &length)) {
        return 0;
    }
    if (length > reader->length - reader->offset) {
        picket_reader_fail(reader, PICKET_E_TRUNCATED, offset, "the input ends inside a string");
        return 0;
    }
    *ret_bytes = reader->bytes + reader->offset;
    reader->offset += (size_t)length;
    return (size_t)length;
}

size_t picket_reader_get_bytes(struct picket_reader *reader, const uint8_t **ret_bytes)
{
    return get_string(reader, CBOR_BYTES, "a byte string is expected here", ret_bytes);
}

/** Bytes of the UTF-8 character (RFC 3629 §4) that begins at @p at; 0 if it is none. */
/*@ requires left > 0 && \valid_read(at + (0 .. left - 1));
  @ assigns \nothing;
  @ ensures \result <= left;
  @*/
static size_t utf8_size(const uint8_t *at, size_t left)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (size == 1) {
        return 1;
    }
    if (at[0] < 0xc2 || at[0] > 0xf4 || size > left) {
        return 0;
    }
    /*@ loop invariant 1 <= i <= size;
      @ loop assigns i;
      @ loop variant size - i;
      @*/
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0u) != 0x80u) {
            return 0;
        }
    }
    /* too long a form, a surrogate, or beyond U+10FFFF */
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return 0;
    }
    return size;
}

size_t picket_reader_get_text(struct picket_reader *reader, const char **ret_text)
{
    size_t offset = reader->offset;
    const uint8_t *bytes = NULL;
    size_t length = get_string(reader, CBOR_TEXT, "a text is expected here", &bytes);

    *ret_text = NULL;
    /*@ loop invariant at <= length;
      @ loop assigns at, size;
      @ loop variant length - at;
      @*/
    for (size_t at = 0, size; at < length; at += size) {
        size = utf8_size(bytes + at, length - at);
        if (size == 0) {
            picket_reader_fail(reader, PICKET_E_MALFORMED, offset, "a text that is not UTF-8");
            return 0;
        }
    }
    *ret_text = (const char *)bytes;
    return length;
}

/** Every item of @p count takes at least @p item_bytes: more than are left is a lie. */
/*@ requires picket_is_reader(reader);
  @ requires offset <= reader->offset && item_bytes > 0;
  @ assigns reader->offset, reader->status, reader->fault;
  @ ensures picket_is_reader(reader) && \result <= reader->length - reader->offset;
  @ ensures reader->status == PICKET_OK ==> reader->offset == \old(reader->offset);
  @ ensures offset <= reader->offset;
  @ ensures \old(reader->status) != PICKET_OK ==>
  @     reader->status == \old(reader->status) && reader->offset == \old(reader->offset);
  @*/
static uint64_t check_count(struct picket_reader *reader, size_t offset, uint64_t count,
                            size_t item_bytes)
{
    if (count > (reader->length - reader->offset) / item_bytes) {
        picket_reader_fail(reader, PICKET_E_TRUNCATED, offset,
                           "more items are announced than bytes are left");
        return 0;
    }
    return count;
}

uint64_t picket_reader_get_array(struct picket_reader *reader)
{
    size_t offset = reader->offset;
    uint64_t count = 0;

    if (!get_head(reader, CBOR_ARRAY, "an array is expected here", &count)) {
        return 0;
    }
    return check_count(reader, offset, count, 1);
}

uint64_t picket_reader_get_map(struct picket_reader *reader)
{
    size_t offset = reader->offset;
    uint64_t count = 0;

    if (!get_head(reader, CBOR_MAP, "a map is expected here", &count)) {
        return 0;
    }
    return check_count(reader, offset, count, 2);
}

/** Passes over a leaf; an array or a map is entered: true, and *ret_level tells what is inside. */
/*@ requires picket_is_reader(reader);
  @ requires \valid(ret_level) && \separated(reader, ret_level);
  @ assigns reader->offset, reader->status, reader->fault, *ret_level;
  @ ensures picket_has_read{Pre, Post}(reader);
  @*/
static bool skip_or_enter(struct picket_reader *reader, struct level *ret_level)
{
    const uint8_t *bytes;
    const char *text;
    struct head head;

    if (!peek_head(reader, &head)) {
        return false;
    }
    switch (head.major) {
    case CBOR_BYTES:
        (void)picket_reader_get_bytes(reader, &bytes);
        return false;
    case CBOR_TEXT:
        (void)picket_reader_get_text(reader, &text);
        return false;
    case CBOR_ARRAY:
        *ret_level = (struct level){.items_left = picket_reader_get_array(reader)};
        return true;
    case CBOR_MAP:
        *ret_level = (struct level){.items_left = picket_reader_get_map(reader), .is_map = true};
        return true;
    default:
        reader->offset += head.size;
        return false;
    }
}

void picket_reader_skip(struct picket_reader *reader)
{
    struct level levels[PICKET_WIRE_DEPTH_MAX];
    size_t depth = 0;
    struct level inner;

    /*@ loop invariant picket_is_reader(reader) && depth <= PICKET_WIRE_DEPTH_MAX;
      @ loop invariant depth > 0 ==> picket_has_read{Pre, Here}(reader);
      @ loop invariant depth == 0 ==> reader->offset == \at(reader->offset, Pre);
      @ loop invariant depth == 0 ==> reader->status == \at(reader->status, Pre);
      @ loop assigns reader->offset, reader->status, reader->fault;
      @ loop assigns depth, inner, levels[0 .. PICKET_WIRE_DEPTH_MAX - 1];
      @ loop variant reader->length - reader->offset;
      @*/
    for (;;) {
        size_t offset = reader->offset;

        if (skip_or_enter(reader, &inner)) {
            if (depth == PICKET_WIRE_DEPTH_MAX) {
                picket_reader_fail(reader, PICKET_E_LIMIT, offset, "nested too deep");
                return;
            }
            levels[depth++] = inner;
        }
        /*@ loop invariant depth <= PICKET_WIRE_DEPTH_MAX;
          @ loop assigns depth;
          @ loop variant depth;
          @*/
        while (depth > 0 && levels[depth - 1].items_left == 0) {
            depth--;
        }
        if (depth == 0 || reader->status != PICKET_OK) {
            return;
        }
        levels[depth - 1].items_left--;
        if (levels[depth - 1].is_map) {
            (void)picket_reader_get_key(reader, &levels[depth - 1].next_key);
        }
    }
}
