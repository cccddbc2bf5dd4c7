/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_DEVICE_TLS_SEGMENT_H
#define TESTS_UNIT_DEVICE_TLS_SEGMENT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** Puts TCP segments with TLS handshakes together, good and bad ones. */

#define TLS_CLIENT_HELLO 1u
#define TLS_SERVER_HELLO 2u
#define TLS_CERTIFICATE  11u

struct tls_segment {
    uint8_t bytes[4096];
    size_t length;
};

static inline void tls_put(struct tls_segment *segment, uint64_t value, size_t size)
{
    while (size-- > 0) {
        segment->bytes[segment->length++] = (uint8_t)(value >> 8 * size);
    }
}

static inline void tls_put_bytes(struct tls_segment *segment, const void *bytes, size_t length)
{
    memcpy(segment->bytes + segment->length, bytes, length);
    segment->length += length;
}

/** Leaves room for a length of @p size bytes; tls_close() sets it. Returns where it is. */
static inline size_t tls_open(struct tls_segment *segment, size_t size)
{
    segment->length += size;
    return segment->length;
}

static inline void tls_close(struct tls_segment *segment, size_t begin, size_t size)
{
    size_t end = segment->length;

    segment->length = begin - size;
    tls_put(segment, end - begin, size);
    segment->length = end;
}

static inline size_t tls_open_record(struct tls_segment *segment)
{
    tls_put(segment, 0x160301, 3);
    return tls_open(segment, 2);
}

static inline void tls_put_extension(struct tls_segment *segment, unsigned type, const void *bytes,
                                     size_t length)
{
    tls_put(segment, type, 2);
    tls_put(segment, length, 2);
    tls_put_bytes(segment, bytes, length);
}

/** NULL: no server name. */
static inline void tls_put_server_name(struct tls_segment *segment, const char *name)
{
    size_t length = name == NULL ? 0 : strlen(name);

    if (name != NULL) {
        tls_put(segment, 0, 2);
        tls_put(segment, length + 5, 2);
        tls_put(segment, length + 3, 2);
        tls_put(segment, 0, 1);
        tls_put(segment, length, 2);
        tls_put_bytes(segment, name, length);
    }
}

/** A message, without a record around it. */
static inline void tls_put_client_hello(struct tls_segment *segment, const char *server_name)
{
    static const uint8_t random[32] = {1};
    size_t message;
    size_t extensions;

    tls_put(segment, TLS_CLIENT_HELLO, 1);
    message = tls_open(segment, 3);
    tls_put(segment, 0x0303, 2);
    tls_put_bytes(segment, random, sizeof(random));
    tls_put(segment, 32, 1);
    tls_put_bytes(segment, random, sizeof(random));
    tls_put(segment, 0x00041301c02fu, 6);
    tls_put(segment, 0x0100, 2);
    extensions = tls_open(segment, 2);
    tls_put_extension(segment, 23, "", 0);
    tls_put_server_name(segment, server_name);
    tls_put_extension(segment, 43, "\x04\x03\x04\x03\x03", 5);
    tls_close(segment, extensions, 2);
    tls_close(segment, message, 3);
}

/** @p chosen: the version of the extension; 0 for none. */
static inline void tls_put_server_hello(struct tls_segment *segment, unsigned version,
                                        unsigned cipher_suite, unsigned chosen)
{
    static const uint8_t random[32] = {2};
    const uint8_t versions[2] = {(uint8_t)(chosen >> 8), (uint8_t)chosen};
    size_t message;
    size_t extensions;

    tls_put(segment, TLS_SERVER_HELLO, 1);
    message = tls_open(segment, 3);
    tls_put(segment, version, 2);
    tls_put_bytes(segment, random, sizeof(random));
    tls_put(segment, 0, 1);
    tls_put(segment, cipher_suite, 2);
    tls_put(segment, 0, 1);
    extensions = tls_open(segment, 2);
    tls_put_extension(segment, 51, "\x00\x1d\x00\x00", 4);
    if (chosen != 0) {
        tls_put_extension(segment, 43, versions, sizeof(versions));
    }
    tls_close(segment, extensions, 2);
    tls_close(segment, message, 3);
}

/** A chain of two: @p leaf, and another of three bytes. */
static inline void tls_put_certificate(struct tls_segment *segment, const char *leaf)
{
    size_t message;
    size_t list;

    tls_put(segment, TLS_CERTIFICATE, 1);
    message = tls_open(segment, 3);
    list = tls_open(segment, 3);
    if (leaf != NULL) {
        tls_put(segment, strlen(leaf), 3);
        tls_put_bytes(segment, leaf, strlen(leaf));
        tls_put(segment, 3, 3);
        tls_put_bytes(segment, "ca!", 3);
    }
    tls_close(segment, list, 3);
    tls_close(segment, message, 3);
}

#endif
