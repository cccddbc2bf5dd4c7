/* SPDX-License-Identifier: MIT */
#include "feed/unpack.h"

#include <stdbool.h>
#include <string.h>
#define ZLIB_CONST /* input is only read */
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/utf8.h"

#define CHUNK_BYTES   16384u
#define GZIP_WINDOW   (15 + 16) /* of inflateInit2(): the widest, with a gzip header */
#define RAW_WINDOW    (-15)
#define LIMIT_MESSAGE "more than %zu bytes when unpacked"

static bool starts_with(const uint8_t *bytes, size_t length, const char *mark, size_t mark_length)
{
    return length >= mark_length && memcmp(bytes, mark, mark_length) == 0;
}

static bool is_gzip(const uint8_t *bytes, size_t length)
{
    return starts_with(bytes, length, "\x1f\x8b", 2);
}

static bool is_zip(const uint8_t *bytes, size_t length)
{
    return starts_with(bytes, length, "PK\x03\x04", 4) ||
           starts_with(bytes, length, "PK\x05\x06", 4); /* without any file */
}

/** Adds within the limit, and says which of limit and memory was reached. */
static enum picket_status add(struct buf *content, const void *bytes, size_t length,
                              struct err *reterr)
{
    if (length > content->bytes_max - content->length) {
        err_set(reterr, LIMIT_MESSAGE, content->bytes_max);
        return PICKET_E_LIMIT;
    }
    buf_add(content, bytes, length);
    return content->is_failed ? PICKET_E_NOMEM : PICKET_OK;
}

/* --- deflate --- */

/** Unpacks to the end of one deflate stream; the stream says how much of its input it took. */
static enum picket_status inflate_stream(z_stream *stream, struct buf *content, struct err *reterr)
{
    uint8_t chunk[CHUNK_BYTES];
    int result = Z_OK;

    while (result == Z_OK) {
        enum picket_status status;

        stream->next_out = chunk;
        stream->avail_out = sizeof(chunk);
        result = inflate(stream, Z_NO_FLUSH);
        status = add(content, chunk, sizeof(chunk) - stream->avail_out, reterr);
        if (status != PICKET_OK) {
            return status;
        }
    }
    if (result == Z_STREAM_END) {
        return PICKET_OK;
    }
    if (result == Z_BUF_ERROR) {
        err_set(reterr, "packed data ends early");
        return PICKET_E_TRUNCATED;
    }
    err_set(reterr, "packed data is damaged: %s", stream->msg == NULL ? "zlib" : stream->msg);
    return result == Z_MEM_ERROR ? PICKET_E_NOMEM : PICKET_E_MALFORMED;
}

/** One member (RFC 1952 §2.2); *at moves behind it. */
static enum picket_status unpack_member(const uint8_t *bytes, size_t length, size_t *at,
                                        struct buf *content, struct err *reterr)
{
    z_stream stream = {.next_in = bytes + *at, .avail_in = (uInt)(length - *at)};
    enum picket_status status;

    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        return PICKET_E_NOMEM;
    }
    status = inflate_stream(&stream, content, reterr);
    *at = length - stream.avail_in;
    (void)inflateEnd(&stream);
    return status;
}

static enum picket_status unpack_gzip(const uint8_t *bytes, size_t length, struct buf *content,
                                      struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    size_t at = 0;

    while (status == PICKET_OK && is_gzip(bytes + at, length - at)) {
        status = unpack_member(bytes, length, &at, content, reterr);
    }
    while (status == PICKET_OK && at < length && bytes[at] == 0) {
        at++; /* padding, as of a tape */
    }
    if (status == PICKET_OK && at < length) {
        err_set(reterr, "something else stands behind the gzip data");
        status = PICKET_E_MALFORMED;
    }
    return status;
}

/* --- zip (APPNOTE 6.3.10) --- */

#define END_BYTES       22u /* 4.3.16 end of central directory record */
#define COMMENT_MAX     65535u
#define ENTRY_BYTES     46u /* 4.3.12 central directory header */
#define LOCAL_BYTES     30u /* 4.3.7 local file header */
#define FLAG_ENCRYPTED  0x0001u
#define METHOD_STORED   0u
#define METHOD_DEFLATED 8u
#define SIZE_ELSEWHERE  UINT32_MAX /* in a Zip64 field */

struct zip_entry {
    uint16_t flags;
    uint16_t method;
    uint32_t crc;
    uint32_t packed;
    uint32_t size;
    uint32_t local_at;
};

static uint16_t get_u16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)get_u16(bytes) | (uint32_t)get_u16(bytes + 2) << 16;
}

/** Where the end record begins, which only a comment may follow; length if it is not there. */
static size_t find_end(const uint8_t *bytes, size_t length)
{
    for (size_t back = END_BYTES; back <= length && back <= END_BYTES + COMMENT_MAX; back++) {
        const uint8_t *end = bytes + length - back;

        if (memcmp(end, "PK\x05\x06", 4) == 0 && get_u16(end + 20) == back - END_BYTES) {
            return length - back;
        }
    }
    return length;
}

/** Finds the only file in the directory; folders are passed over. */
static enum picket_status find_entry(const uint8_t *bytes, size_t end_at, struct zip_entry *ret,
                                     struct err *reterr)
{
    size_t count = get_u16(bytes + end_at + 10), at = get_u32(bytes + end_at + 16), files = 0;

    for (size_t i = 0; i < count; i++) {
        bool is_whole = at <= end_at && end_at - at >= ENTRY_BYTES;
        const uint8_t *entry = bytes + (is_whole ? at : 0);
        size_t name_length = is_whole ? get_u16(entry + 28) : 0;

        at += is_whole ? ENTRY_BYTES + name_length + get_u16(entry + 30) + get_u16(entry + 32) : 0;
        if (!is_whole || at > end_at || memcmp(entry, "PK\x01\x02", 4) != 0) {
            err_set(reterr, "the directory of the zip archive is damaged");
            return PICKET_E_MALFORMED;
        }
        if (name_length > 0 && entry[ENTRY_BYTES + name_length - 1] == '/') {
            continue;
        }
        files++;
        *ret = (struct zip_entry){.flags = get_u16(entry + 8),
                                  .method = get_u16(entry + 10),
                                  .crc = get_u32(entry + 16),
                                  .packed = get_u32(entry + 20),
                                  .size = get_u32(entry + 24),
                                  .local_at = get_u32(entry + 42)};
    }
    if (files != 1) {
        err_set(reterr, "the zip archive has %zu files; a feed is one", files);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

/** Where the packed bytes begin and end; what is unsupported or lies outside is refused. */
static enum picket_status locate(const uint8_t *bytes, size_t length, const struct zip_entry *entry,
                                 size_t *ret_at, struct err *reterr)
{
    const uint8_t *local;
    size_t at;

    if ((entry->flags & FLAG_ENCRYPTED) != 0) {
        err_set(reterr, "the file in the zip archive is encrypted");
        return PICKET_E_MALFORMED;
    }
    if ((entry->method != METHOD_STORED && entry->method != METHOD_DEFLATED) ||
        entry->size == SIZE_ELSEWHERE || entry->packed == SIZE_ELSEWHERE) {
        err_set(reterr, "the file in the zip archive is packed in a way that is not known");
        return PICKET_E_MALFORMED;
    }
    if (entry->local_at > length || length - entry->local_at < LOCAL_BYTES ||
        memcmp(bytes + entry->local_at, "PK\x03\x04", 4) != 0) {
        err_set(reterr, "the file in the zip archive is not where its directory says");
        return PICKET_E_MALFORMED;
    }
    local = bytes + entry->local_at;
    at = entry->local_at + (size_t)LOCAL_BYTES + get_u16(local + 26) + get_u16(local + 28);
    if (at > length || entry->packed > length - at) {
        err_set(reterr, "the zip archive ends early");
        return PICKET_E_TRUNCATED;
    }
    *ret_at = at;
    return PICKET_OK;
}

static enum picket_status unpack_deflated(const uint8_t *bytes, size_t length, struct buf *content,
                                          struct err *reterr)
{
    z_stream stream = {.next_in = bytes, .avail_in = (uInt)length};
    enum picket_status status;

    if (inflateInit2(&stream, RAW_WINDOW) != Z_OK) {
        return PICKET_E_NOMEM;
    }
    status = inflate_stream(&stream, content, reterr);
    (void)inflateEnd(&stream);
    return status;
}

static enum picket_status unpack_zip(const uint8_t *bytes, size_t length, struct buf *content,
                                     struct err *reterr)
{
    size_t end_at = find_end(bytes, length), at = 0, before = content->length;
    struct zip_entry entry = {0};
    enum picket_status status;

    if (end_at == length) {
        err_set(reterr, "the zip archive ends early: its directory is not there");
        return PICKET_E_TRUNCATED;
    }
    status = find_entry(bytes, end_at, &entry, reterr);
    if (status == PICKET_OK) {
        status = locate(bytes, length, &entry, &at, reterr);
    }
    if (status == PICKET_OK) {
        status = entry.method == METHOD_STORED
                     ? add(content, bytes + at, entry.packed, reterr)
                     : unpack_deflated(bytes + at, entry.packed, content, reterr);
    }
    if (status == PICKET_OK && (content->length - before != entry.size ||
                                crc32_z(0, (const Bytef *)content->bytes + before,
                                        content->length - before) != entry.crc)) {
        err_set(reterr, "the checksum of the file in the zip archive does not hold");
        status = PICKET_E_MALFORMED;
    }
    return status;
}

/* --- text --- */

/** UTF-16 (RFC 2781 §2.2) without its mark; half a pair becomes U+FFFD. */
static enum picket_status add_utf16(const uint8_t *bytes, size_t length, unsigned high,
                                    struct buf *content, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    if (length % 2 != 0) {
        err_set(reterr, "the UTF-16 text ends in the middle of a character");
        return PICKET_E_TRUNCATED;
    }
    for (size_t at = 0; at < length && status == PICKET_OK; at += 2) {
        uint32_t code = (uint32_t)bytes[at + high] << 8 | bytes[at + 1 - high];
        uint32_t next =
            length - at >= 4 ? (uint32_t)bytes[at + 2 + high] << 8 | bytes[at + 3 - high] : 0;
        char encoded[UTF8_MAX];

        if ((code & 0xfc00u) == 0xd800u && (next & 0xfc00u) == 0xdc00u) {
            code = 0x10000u + ((code & 0x3ffu) << 10) + (next & 0x3ffu);
            at += 2;
        } else if ((code & 0xf800u) == 0xd800u) {
            code = UTF8_REPLACEMENT;
        }
        status = add(content, encoded, utf8_put(code, encoded), reterr);
    }
    return status;
}

static enum picket_status add_text(const uint8_t *bytes, size_t length, struct buf *content,
                                   struct err *reterr)
{
    if (starts_with(bytes, length, "\xff\xfe", 2)) {
        return add_utf16(bytes + 2, length - 2, 1, content, reterr);
    }
    if (starts_with(bytes, length, "\xfe\xff", 2)) {
        return add_utf16(bytes + 2, length - 2, 0, content, reterr);
    }
    if (starts_with(bytes, length, "\xef\xbb\xbf", 3)) {
        return add(content, bytes + 3, length - 3, reterr);
    }
    return add(content, bytes, length, reterr);
}

/* --- all of it --- */

static bool is_marked_text(const uint8_t *bytes, size_t length)
{
    return starts_with(bytes, length, "\xff\xfe", 2) || starts_with(bytes, length, "\xfe\xff", 2) ||
           starts_with(bytes, length, "\xef\xbb\xbf", 3);
}

bool feed_is_plain(const uint8_t *bytes, size_t length)
{
    return !is_gzip(bytes, length) && !is_zip(bytes, length) && !is_marked_text(bytes, length);
}

enum picket_status feed_unpack(const uint8_t *bytes, size_t length, struct buf *content,
                               struct err *reterr)
{
    struct buf inside;
    const uint8_t *text;
    enum picket_status status;

    if (!is_gzip(bytes, length) && !is_zip(bytes, length)) {
        return add_text(bytes, length, content, reterr);
    }
    if (length > UINT32_MAX) {
        err_set(reterr, "more than 4 GiB of packed data");
        return PICKET_E_LIMIT;
    }
    buf_init(&inside, content->bytes_max);
    status = is_gzip(bytes, length) ? unpack_gzip(bytes, length, &inside, reterr)
                                    : unpack_zip(bytes, length, &inside, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    text = (const uint8_t *)inside.bytes;
    if (is_gzip(text, inside.length) || is_zip(text, inside.length)) {
        err_set(reterr, "packed twice");
        status = PICKET_E_MALFORMED;
        goto out;
    }
    if (content->length > 0 || is_marked_text(text, inside.length)) {
        status = add_text(text, inside.length, content, reterr);
        goto out;
    }
    buf_deinit(content);
    *content = inside; /* moved: there may be a gigabyte of it */
    buf_init(&inside, 0);
out:
    buf_deinit(&inside);
    return status;
}
