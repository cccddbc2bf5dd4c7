/* SPDX-License-Identifier: MIT */
#include "feed/unpack.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/check.h"

#define LIMIT 100000u

/** Packs a text as one gzip member, or as raw deflate. */
static size_t pack(const char *text, size_t length, int window, uint8_t *ret_bytes, size_t size)
{
    z_stream stream = {.avail_in = (uInt)length, .next_out = ret_bytes, .avail_out = (uInt)size};
    uint8_t *copy = malloc(length + 1);
    size_t packed = 0;

    if (copy != NULL &&
        deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) == Z_OK) {
        memcpy(copy, text, length);
        stream.next_in = copy;
        (void)deflate(&stream, Z_FINISH);
        packed = size - stream.avail_out;
        (void)deflateEnd(&stream);
    }
    free(copy);
    return packed;
}

static size_t gzip(const char *text, uint8_t *ret_bytes, size_t size)
{
    return pack(text, strlen(text), 15 + 16, ret_bytes, size);
}

static void put_u16(uint8_t *bytes, size_t value)
{
    bytes[0] = (uint8_t)value;
    bytes[1] = (uint8_t)(value >> 8);
}

static void put_u32(uint8_t *bytes, size_t value)
{
    put_u16(bytes, value & 0xffff);
    put_u16(bytes + 2, value >> 16);
}

/** An archive of one file "f" of a text, deflated, with what a test then damages. */
struct zip {
    uint8_t bytes[4096];
    size_t length;
    size_t directory; /* offsets */
    size_t end;
};

static void zip_make(struct zip *zip, const char *text, bool is_stored)
{
    size_t packed, length = strlen(text);

    memset(zip, 0, sizeof(*zip));
    memcpy(zip->bytes, "PK\x03\x04", 4);
    put_u16(zip->bytes + 26, 1);
    zip->bytes[30] = 'f';
    if (is_stored) {
        packed = length;
        memcpy(zip->bytes + 31, text, length);
    } else {
        packed = pack(text, length, -15, zip->bytes + 31, 2048);
    }
    zip->directory = 31 + packed;
    memcpy(zip->bytes + zip->directory, "PK\x01\x02", 4);
    put_u16(zip->bytes + zip->directory + 10, is_stored ? 0 : 8);
    put_u32(zip->bytes + zip->directory + 16, crc32(0, (const Bytef *)text, (uInt)length));
    put_u32(zip->bytes + zip->directory + 20, packed);
    put_u32(zip->bytes + zip->directory + 24, length);
    put_u16(zip->bytes + zip->directory + 28, 1);
    zip->bytes[zip->directory + 46] = 'f';
    zip->end = zip->directory + 47;
    memcpy(zip->bytes + zip->end, "PK\x05\x06", 4);
    put_u16(zip->bytes + zip->end + 8, 1);
    put_u16(zip->bytes + zip->end + 10, 1);
    put_u32(zip->bytes + zip->end + 12, 47);
    put_u32(zip->bytes + zip->end + 16, zip->directory);
    zip->length = zip->end + 22;
}

/** Unpacks a copy of just that length; "!" and the status if it fails. */
static const char *unpack(const void *bytes, size_t length, struct buf *content)
{
    uint8_t *copy = malloc(length + (length == 0));
    struct err err = {""};
    enum picket_status status = PICKET_E_NOMEM;

    buf_deinit(content);
    buf_init(content, LIMIT);
    if (copy != NULL) {
        memcpy(copy, bytes, length);
        status = feed_unpack(copy, length, content, &err);
    }
    free(copy);
    if (status != PICKET_OK) {
        return err.text[0] == '\0' ? "no reason" : picket_strerror(status);
    }
    return content->bytes == NULL ? "" : content->bytes;
}

TEST(text_is_copied_without_its_mark)
{
    struct buf content;

    buf_init(&content, LIMIT);
    CHECK_TEXT(unpack("plain", 5, &content), "plain");
    CHECK_TEXT(unpack("", 0, &content), "");
    CHECK_TEXT(unpack("\xef\xbb\xbfmarked", 9, &content), "marked");
    CHECK_TEXT(unpack("\xff\xfe"
                      "a\0\xe9\0=\xd8\x00\xde",
                      10, &content),
               "a\xc3\xa9\xf0\x9f\x98\x80");
    CHECK_TEXT(unpack("\xfe\xff\0a \xac", 6, &content), "a\xe2\x82\xac");
    CHECK_TEXT(unpack("\xfe\xff\xd8\x3d\0a", 6, &content), "\xef\xbf\xbd"
                                                           "a");
    CHECK_TEXT(unpack("\xfe\xff\xdc\x3d\0a", 6, &content), "\xef\xbf\xbd"
                                                           "a");
    CHECK_TEXT(unpack("\xff\xfe"
                      "a\0b",
                      5, &content),
               picket_strerror(PICKET_E_TRUNCATED));
    buf_deinit(&content);
}

TEST(only_what_is_not_plain_needs_to_be_unpacked)
{
    CHECK(feed_is_plain((const uint8_t *)"198.51.100.7", 12));
    CHECK(feed_is_plain(NULL, 0));
    CHECK(!feed_is_plain((const uint8_t *)"\x1f\x8b\x08", 3));
    CHECK(!feed_is_plain((const uint8_t *)"PK\x03\x04", 4));
    CHECK(!feed_is_plain((const uint8_t *)"\xef\xbb\xbf", 3));
}

TEST(gzip_of_several_members_and_with_padding_is_read)
{
    uint8_t packed[512] = {0};
    size_t first = gzip("one ", packed, sizeof(packed));
    size_t length = first + gzip("two", packed + first, sizeof(packed) - first);
    struct buf content;

    buf_init(&content, LIMIT);
    CHECK_TEXT(unpack(packed, length, &content), "one two");
    CHECK_TEXT(unpack(packed, length + 7, &content), "one two");
    packed[length] = 'x';
    CHECK_TEXT(unpack(packed, length + 1, &content), picket_strerror(PICKET_E_MALFORMED));
    buf_deinit(&content);
}

TEST(damaged_gzip_is_refused)
{
    uint8_t packed[512] = {0};
    size_t length = gzip("198.51.100.7\n198.51.100.8\n", packed, sizeof(packed));
    struct buf content;

    buf_init(&content, LIMIT);
    for (size_t cut = 2; cut < length; cut++) {
        CHECK_TEXT(unpack(packed, cut, &content), picket_strerror(PICKET_E_TRUNCATED));
    }
    packed[length - 8] ^= 1; /* of the checksum */
    CHECK_TEXT(unpack(packed, length, &content), picket_strerror(PICKET_E_MALFORMED));
    buf_deinit(&content);
}

TEST(a_bomb_stops_at_the_limit)
{
    static char zeros[LIMIT + 1];
    uint8_t packed[1024];
    size_t length = pack(zeros, LIMIT, 15 + 16, packed, sizeof(packed));
    struct buf content;

    buf_init(&content, LIMIT);
    CHECK(strlen(unpack(packed, length, &content)) == 0);
    CHECK_UINT(content.length, LIMIT);
    length = pack(zeros, LIMIT + 1, 15 + 16, packed, sizeof(packed));
    CHECK_TEXT(unpack(packed, length, &content), picket_strerror(PICKET_E_LIMIT));
    CHECK(content.capacity <= LIMIT * 2);
    CHECK_TEXT(unpack(zeros, LIMIT + 1, &content), picket_strerror(PICKET_E_LIMIT));
    buf_deinit(&content);
}

TEST(what_is_packed_twice_is_refused)
{
    uint8_t once[512], twice[1024];
    size_t length = gzip("text", once, sizeof(once));
    struct buf content;

    buf_init(&content, LIMIT);
    length = pack((const char *)once, length, 15 + 16, twice, sizeof(twice));
    CHECK_TEXT(unpack(twice, length, &content), picket_strerror(PICKET_E_MALFORMED));
    buf_deinit(&content);
}

TEST(a_mark_inside_of_a_wrapper_is_taken_off)
{
    uint8_t packed[512];
    size_t length = gzip("\xef\xbb\xbftext", packed, sizeof(packed));
    struct buf content;

    buf_init(&content, LIMIT);
    CHECK_TEXT(unpack(packed, length, &content), "text");
    buf_deinit(&content);
}

TEST(the_one_file_of_a_zip_archive_is_read)
{
    struct zip zip;
    struct buf content;

    buf_init(&content, LIMIT);
    zip_make(&zip, "198.51.100.7\n", false);
    CHECK_TEXT(unpack(zip.bytes, zip.length, &content), "198.51.100.7\n");
    zip_make(&zip, "198.51.100.7\n", true);
    CHECK_TEXT(unpack(zip.bytes, zip.length, &content), "198.51.100.7\n");
    put_u16(zip.bytes + zip.end + 20, 5); /* a comment of the archive */
    CHECK_TEXT(unpack(zip.bytes, zip.length + 5, &content), "198.51.100.7\n");
    buf_deinit(&content);
}

TEST(a_zip_archive_that_is_no_feed_is_refused)
{
    static const struct {
        const char *what;
        bool is_at_end; /* the offset is of the end record, else of the directory */
        size_t offset;
        uint8_t value;
        enum picket_status expected;
    } rows[] = {
        {"encrypted", false, 8, 1, PICKET_E_MALFORMED},
        {"of another method", false, 10, 12, PICKET_E_MALFORMED},
        {"with another checksum", false, 16, 0, PICKET_E_MALFORMED},
        {"with another size", false, 24, 1, PICKET_E_MALFORMED},
        {"that is longer than the archive", false, 22, 1, PICKET_E_TRUNCATED},
        {"somewhere else", false, 42, 1, PICKET_E_MALFORMED},
        {"far outside", false, 45, 0xff, PICKET_E_MALFORMED},
        {"with a long name", false, 29, 0xff, PICKET_E_MALFORMED},
        {"not the only one", true, 10, 2, PICKET_E_MALFORMED},
        {"not there", true, 10, 0, PICKET_E_MALFORMED},
        {"in a directory that is not there", true, 16, 0, PICKET_E_MALFORMED},
        {"in a directory far outside", true, 19, 0xff, PICKET_E_MALFORMED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct zip zip;
        struct buf content;

        buf_init(&content, LIMIT);
        zip_make(&zip, "198.51.100.7\n198.51.100.8\n", false);
        zip.bytes[(rows[i].is_at_end ? zip.end : zip.directory) + rows[i].offset] = rows[i].value;
        if (strcmp(unpack(zip.bytes, zip.length, &content), picket_strerror(rows[i].expected)) !=
            0) {
            printf("a file %s:\n", rows[i].what);
            CHECK(false);
        }
        buf_deinit(&content);
    }
}

TEST(a_zip_archive_of_two_files_is_refused)
{
    struct zip zip;
    struct buf content;
    const size_t entry = 47;

    buf_init(&content, LIMIT);
    zip_make(&zip, "198.51.100.7\n", false);
    memmove(zip.bytes + zip.end + entry, zip.bytes + zip.end, 22);
    memcpy(zip.bytes + zip.end, zip.bytes + zip.directory, entry);
    put_u16(zip.bytes + zip.end + entry + 10, 2);
    CHECK_TEXT(unpack(zip.bytes, zip.length + entry, &content),
               picket_strerror(PICKET_E_MALFORMED));
    zip.bytes[zip.end + entry - 1] = '/'; /* a folder counts for nothing */
    CHECK_TEXT(unpack(zip.bytes, zip.length + entry, &content), "198.51.100.7\n");
    buf_deinit(&content);
}

TEST(a_cut_zip_archive_is_refused)
{
    struct zip zip;
    struct buf content;

    buf_init(&content, LIMIT);
    zip_make(&zip, "198.51.100.7\n", false);
    for (size_t cut = 4; cut < zip.length; cut++) {
        CHECK_TEXT(unpack(zip.bytes, cut, &content), picket_strerror(PICKET_E_TRUNCATED));
    }
    buf_deinit(&content);
}

TEST_MAIN(TEST_ROW(text_is_copied_without_its_mark),
          TEST_ROW(only_what_is_not_plain_needs_to_be_unpacked),
          TEST_ROW(gzip_of_several_members_and_with_padding_is_read),
          TEST_ROW(damaged_gzip_is_refused), TEST_ROW(a_bomb_stops_at_the_limit),
          TEST_ROW(what_is_packed_twice_is_refused),
          TEST_ROW(a_mark_inside_of_a_wrapper_is_taken_off),
          TEST_ROW(the_one_file_of_a_zip_archive_is_read),
          TEST_ROW(a_zip_archive_that_is_no_feed_is_refused),
          TEST_ROW(a_zip_archive_of_two_files_is_refused), TEST_ROW(a_cut_zip_archive_is_refused))
