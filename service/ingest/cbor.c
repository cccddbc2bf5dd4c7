/* SPDX-License-Identifier: MIT */
#include "ingest/cbor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define DEPTH_MAX 16u /* of the metrics: six */

/* Major types (RFC 8949 §3.1), and what stands for a length that is told by a break. */
enum { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
#define UNTOLD   UINT64_MAX
#define BREAK    0xffu
#define FALSE    20u
#define TRUE     21u
#define FLOAT_16 25u
#define FLOAT_32 26u
#define FLOAT_64 27u

/** An array or a map that is open. */
struct level {
    bool is_map;
    uint64_t number; /* of its items, or UNTOLD */
    uint64_t read;
};

struct cbor {
    const uint8_t *bytes;
    size_t length;
    size_t offset;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    struct json json;
    const char *fault; /* NULL while all is well */
};

/** The first byte of an item, and the number that follows it. */
struct head {
    unsigned major;
    unsigned detail; /* its lower five bits */
    uint64_t number; /* UNTOLD for a length told by a break */
};

static bool fail(struct cbor *cbor, const char *fault)
{
    if (cbor->fault == NULL) {
        cbor->fault = fault;
    }
    return false;
}

static bool read_head(struct cbor *cbor, struct head *ret)
{
    unsigned detail;
    size_t size;
    uint64_t number = 0;

    if (cbor->offset == cbor->length) {
        return fail(cbor, "it ends in the middle of something");
    }
    detail = cbor->bytes[cbor->offset] & 31u;
    *ret = (struct head){.major = cbor->bytes[cbor->offset] >> 5, .detail = detail};
    if (detail >= 28 && (detail < 31 || ret->major < BYTES || ret->major == TAG)) {
        return fail(cbor, "a length that CBOR does not have");
    }
    cbor->offset++;
    size = detail < 24 || detail == 31 ? 0 : (size_t)1 << (detail - 24);
    if (size > cbor->length - cbor->offset) {
        return fail(cbor, "it ends in the middle of something");
    }
    for (size_t i = 0; i < size; i++) {
        number = number << 8 | cbor->bytes[cbor->offset++];
    }
    ret->number = detail < 24 ? detail : detail == 31 ? UNTOLD : number;
    return true;
}

/** True if another item follows in what @p number items are in; passes a break. */
static bool has_more(struct cbor *cbor, uint64_t number, uint64_t read)
{
    if (number != UNTOLD) {
        return read < number;
    }
    if (cbor->offset < cbor->length && cbor->bytes[cbor->offset] == BREAK) {
        cbor->offset++;
        return false;
    }
    return true;
}

/** Adds a run of text to @p text: all of it, or a chunk of one whose length is not told. */
static bool read_run(struct cbor *cbor, uint64_t length, struct buf *text)
{
    if (length > cbor->length - cbor->offset) {
        return fail(cbor, "it ends in the middle of a text");
    }
    buf_add(text, cbor->bytes + cbor->offset, (size_t)length);
    cbor->offset += (size_t)length;
    return true;
}

static bool read_text(struct cbor *cbor, const struct head *head, struct buf *text)
{
    struct head chunk = {0};

    if (head->major != TEXT) {
        return fail(cbor, "a key that is no text");
    }
    if (head->number != UNTOLD) {
        return read_run(cbor, head->number, text);
    }
    while (has_more(cbor, UNTOLD, 0)) {
        if (!read_head(cbor, &chunk)) {
            return false;
        }
        if (chunk.major != TEXT || chunk.number == UNTOLD) {
            return fail(cbor, "a text of something else than texts");
        }
        if (!read_run(cbor, chunk.number, text)) {
            return false;
        }
    }
    return true;
}

static bool is_whole(struct cbor *cbor, const struct buf *text)
{
    return !text->is_failed || fail(cbor, "memory is out");
}

static bool write_text(struct cbor *cbor, const char *key, const struct head *head)
{
    struct buf text;
    bool is_good;

    buf_init(&text, cbor->length + 1);
    is_good = read_text(cbor, head, &text) && is_whole(cbor, &text);
    json_put_text_n(&cbor->json, key, text.length == 0 ? "" : text.bytes, text.length);
    buf_deinit(&text);
    return is_good;
}

static double float_of(const struct head *head)
{
    uint64_t number = head->number;
    unsigned exponent = (unsigned)(number >> 10 & 31u);
    double fraction = (double)(number & 0x3ffu);
    float single;
    double value;
    uint32_t word = (uint32_t)number;

    if (head->detail == FLOAT_64) {
        memcpy(&value, &number, sizeof(value));
    } else if (head->detail == FLOAT_32) {
        memcpy(&single, &word, sizeof(single));
        value = (double)single;
    } else { /* RFC 8949, appendix D */
        value = exponent == 0    ? ldexp(fraction, -24)
                : exponent == 31 ? (double)NAN
                                 : ldexp(fraction + 1024, (int)exponent - 25);
        value = (number & 0x8000u) != 0 ? -value : value;
    }
    return value;
}

static bool write_simple(struct cbor *cbor, const char *key, const struct head *head)
{
    char text[32];

    if (head->detail == 31) {
        return fail(cbor, "a break where nothing is open");
    }
    if (head->detail >= FLOAT_16 && head->detail <= FLOAT_64 && isfinite(float_of(head))) {
        int length = snprintf(text, sizeof(text), "%.17g", float_of(head));

        json_put_raw(&cbor->json, key, text, (size_t)length);
    } else if (head->detail == FALSE || head->detail == TRUE) {
        json_put_bool(&cbor->json, key, head->detail == TRUE);
    } else {
        json_put_null(&cbor->json, key);
    }
    return true;
}

static bool write_number(struct cbor *cbor, const char *key, const struct head *head)
{
    if (head->number > INT64_MAX) {
        return fail(cbor, "a number beyond 63 bits");
    }
    json_put_int(&cbor->json, key,
                 head->major == UNSIGNED ? (int64_t)head->number : -1 - (int64_t)head->number);
    return true;
}

/** Opens an array or a map, whose items follow. */
static bool open_level(struct cbor *cbor, const char *key, const struct head *head)
{
    bool is_map = head->major == MAP;

    if (cbor->depth == DEPTH_MAX) {
        return fail(cbor, "nested too deep");
    }
    cbor->levels[cbor->depth++] = (struct level){.is_map = is_map, .number = head->number};
    if (is_map) {
        json_open_object(&cbor->json, key);
    } else {
        json_open_array(&cbor->json, key);
    }
    return true;
}

static void close_level(struct cbor *cbor)
{
    if (cbor->levels[--cbor->depth].is_map) {
        json_close_object(&cbor->json);
    } else {
        json_close_array(&cbor->json);
    }
}

static bool write_value(struct cbor *cbor, const char *key)
{
    struct head head;

    do { /* tags say how to understand what follows, which the format knows */
        if (!read_head(cbor, &head)) {
            return false;
        }
    } while (head.major == TAG);
    switch (head.major) {
    case UNSIGNED:
    case NEGATIVE:
        return write_number(cbor, key, &head);
    case TEXT:
        return write_text(cbor, key, &head);
    case ARRAY:
    case MAP:
        return open_level(cbor, key, &head);
    case SIMPLE:
        return write_simple(cbor, key, &head);
    default:
        return fail(cbor, "a byte string");
    }
}

static bool write_member(struct cbor *cbor)
{
    struct buf name;
    struct head head;
    bool is_good;

    buf_init(&name, cbor->length + 1);
    is_good = read_head(cbor, &head) && read_text(cbor, &head, &name) && is_whole(cbor, &name);
    if (is_good && name.length > 0 && memchr(name.bytes, 0, name.length) != NULL) {
        is_good = fail(cbor, "a key with a NUL");
    }
    is_good = is_good && write_value(cbor, name.length == 0 ? "" : name.bytes);
    buf_deinit(&name);
    return is_good;
}

/** The next item, or the end of what it would be in. */
static bool step(struct cbor *cbor)
{
    struct level *level = cbor->depth == 0 ? NULL : &cbor->levels[cbor->depth - 1];

    if (level == NULL) {
        return write_value(cbor, NULL);
    }
    if (!has_more(cbor, level->number, level->read)) {
        close_level(cbor);
        return true;
    }
    level->read++;
    return level->is_map ? write_member(cbor) : write_value(cbor, NULL);
}

bool cbor_to_json(const uint8_t *bytes, size_t length, struct buf *out, struct err *reterr)
{
    struct cbor cbor = {.bytes = bytes, .length = length};
    bool is_good;

    json_init(&cbor.json, out, false);
    do {
        is_good = step(&cbor);
    } while (is_good && cbor.depth > 0);
    if (is_good && cbor.offset < length) {
        is_good = fail(&cbor, "more bytes than the first item has");
    }
    if (!is_good) {
        err_set(reterr, "byte %zu: %s", cbor.offset, cbor.fault);
    } else if (out->is_failed) {
        err_set(reterr, "out of memory");
        is_good = false;
    }
    return is_good;
}
