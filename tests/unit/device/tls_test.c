/* SPDX-License-Identifier: MIT */
/* The parser of TLS handshakes. */
#include "tls_parser.h"

#include <stdlib.h>

#include "harness/check.h"
#include "tls_segment.h"

#define NAME "hub.example"
#define LEAF "a certificate that nobody signed"

/* In an allocation of just the segment's size, so that a sanitizer sees the first byte too far. */
static enum picket_status parse(const struct tls_segment *segment, size_t length,
                                struct picket_tls_hello *ret)
{
    uint8_t *copy = malloc(length + (length == 0));
    enum picket_status status;

    memset(ret, 0xa5, sizeof(*ret));
    if (copy == NULL) {
        return PICKET_E_NOMEM;
    }
    memcpy(copy, segment->bytes, length);
    status = picket_tls_parse(copy, length, ret);
    free(copy);
    return status;
}

static bool is_text(const char *bytes, size_t length, const char *text)
{
    return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

static void make_client_hello(struct tls_segment *segment, const char *server_name)
{
    size_t record;

    memset(segment, 0, sizeof(*segment));
    record = tls_open_record(segment);
    tls_put_client_hello(segment, server_name);
    tls_close(segment, record, 2);
}

static void make_server_hello(struct tls_segment *segment, unsigned version, unsigned cipher_suite,
                              unsigned chosen)
{
    size_t record;

    memset(segment, 0, sizeof(*segment));
    record = tls_open_record(segment);
    tls_put_server_hello(segment, version, cipher_suite, chosen);
    tls_close(segment, record, 2);
}

TEST(a_client_hello_names_the_server)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;

    make_client_hello(&segment, "HUB.Example");
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(hello.has_client_hello && !hello.has_server_hello && !hello.has_certificate);
    CHECK(is_text(hello.server_name, hello.server_name_length, NAME));
    make_client_hello(&segment, NULL);
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(hello.has_client_hello);
    CHECK_UINT(hello.server_name_length, 0);
}

TEST(a_server_name_has_at_most_253_letters_and_only_visible_ones)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;
    char name[256];

    memset(name, 'x', sizeof(name));
    name[253] = '\0';
    make_client_hello(&segment, name);
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(is_text(hello.server_name, hello.server_name_length, name));
    name[253] = 'x';
    name[254] = '\0';
    make_client_hello(&segment, name);
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(hello.has_client_hello);
    CHECK_UINT(hello.server_name_length, 0);
    make_client_hello(&segment, "a b\x1b\xff.example");
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(is_text(hello.server_name, hello.server_name_length, "a?b??.example"));
}

TEST(a_server_hello_tells_what_was_negotiated)
{
    static const struct {
        unsigned version, chosen, expected;
    } rows[] = {{0x0303, 0, 0x0303}, {0x0303, 0x0304, 0x0304}, {0x0300, 0, 0x0300}};
    struct picket_tls_hello hello;
    struct tls_segment segment;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_server_hello(&segment, rows[i].version, 0xc02f, rows[i].chosen);
        CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
        CHECK(hello.has_server_hello && !hello.has_client_hello);
        CHECK_UINT(hello.version, rows[i].expected);
        CHECK_UINT(hello.cipher_suite, 0xc02f);
    }
}

/* Server hello and certificate, in one record or in two. */
static void make_flight(struct tls_segment *segment, bool is_in_one_record, const char *leaf)
{
    size_t record;

    memset(segment, 0, sizeof(*segment));
    record = tls_open_record(segment);
    tls_put_server_hello(segment, 0x0303, 0xc02f, 0);
    if (!is_in_one_record) {
        tls_close(segment, record, 2);
        record = tls_open_record(segment);
    }
    tls_put_certificate(segment, leaf);
    tls_close(segment, record, 2);
}

TEST(a_certificate_is_seen_behind_the_hello_in_the_same_record_or_the_next)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;

    for (int i = 0; i < 2; i++) {
        make_flight(&segment, i == 0, LEAF);
        CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
        CHECK(hello.has_server_hello && hello.has_certificate);
        CHECK(is_text((const char *)segment.bytes + hello.leaf, hello.leaf_bytes, LEAF));
    }
    make_flight(&segment, true, NULL); /* a chain without a certificate */
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK(hello.has_server_hello && !hello.has_certificate);
}

TEST(a_certificate_that_is_cut_off_was_seen_but_can_not_be_told)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;

    make_flight(&segment, true, LEAF);
    CHECK(parse(&segment, segment.length - 6, &hello) == PICKET_OK); /* the other is cut off */
    CHECK(hello.has_certificate);
    CHECK_UINT(hello.leaf_bytes, strlen(LEAF));
    CHECK(parse(&segment, segment.length - 7, &hello) == PICKET_OK);
    CHECK(hello.has_certificate);
    CHECK_UINT(hello.leaf_bytes, 0);
}

TEST(of_a_hello_that_is_cut_off_what_is_there_is_taken)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;
    size_t name_end;

    make_client_hello(&segment, NAME);
    name_end = segment.length - 9; /* the extension behind it */
    for (size_t length = 0; length <= segment.length; length++) {
        enum picket_status status = parse(&segment, length, &hello);

        CHECK((status == PICKET_OK) == (length >= 10));
        if (status == PICKET_OK) {
            CHECK((hello.server_name_length > 0) == (length >= name_end));
        }
    }
    make_server_hello(&segment, 0x0303, 0xc02f, 0x0304);
    for (size_t length = 0; length <= segment.length; length++) {
        enum picket_status status = parse(&segment, length, &hello);

        CHECK((status == PICKET_OK) == (length >= 5 + 4 + 2 + 32 + 1 + 2));
        if (status == PICKET_OK) {
            CHECK_UINT(hello.cipher_suite, 0xc02f);
            CHECK_UINT(hello.version, length == segment.length ? 0x0304 : 0x0303);
        }
    }
}

TEST(what_is_no_handshake_in_the_clear_is_passed_over)
{
    static const struct {
        size_t at;
        uint8_t byte;
    } rows[] = {
        {0, 23},   /* application data */
        {1, 2},    /* SSL 2 */
        {3, 0x41}, /* a record of over 2^14 bytes */
        {5, 4},    /* another message: a ticket */
        {6, 1},    /* one longer than its record, as an encrypted one may look */
        {9, 4},    /* a version that does not exist */
    };
    struct picket_tls_hello hello;
    struct tls_segment segment;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        make_client_hello(&segment, NAME);
        segment.bytes[rows[i].at] = rows[i].byte;
        CHECK(parse(&segment, segment.length, &hello) == PICKET_E_EMPTY);
    }
    make_server_hello(&segment, 0x0403, 0xc02f, 0);
    CHECK(parse(&segment, segment.length, &hello) == PICKET_E_EMPTY);
}

TEST(lengths_inside_a_hello_that_lie_end_at_the_hello)
{
    static const size_t lengths[] = {43, 76, 82, 84, 88, 92, 94, 97}; /* of every vector in it */
    struct picket_tls_hello hello;
    struct tls_segment segment;

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        make_client_hello(&segment, NAME);
        segment.bytes[lengths[i]] = 0xff;
        CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
        CHECK(hello.has_client_hello);
        CHECK(hello.server_name_length == 0 ||
              is_text(hello.server_name, hello.server_name_length, NAME));
    }
}

TEST(a_name_that_is_not_a_hosts_is_not_taken)
{
    struct picket_tls_hello hello;
    struct tls_segment segment;
    size_t at = 0;

    make_client_hello(&segment, NAME);
    while (memcmp(segment.bytes + at, NAME, strlen(NAME)) != 0) {
        at++;
    }
    segment.bytes[at - 3] = 1;
    CHECK(parse(&segment, segment.length, &hello) == PICKET_OK);
    CHECK_UINT(hello.server_name_length, 0);
}

TEST_MAIN(TEST_ROW(a_client_hello_names_the_server),
          TEST_ROW(a_server_name_has_at_most_253_letters_and_only_visible_ones),
          TEST_ROW(a_server_hello_tells_what_was_negotiated),
          TEST_ROW(a_certificate_is_seen_behind_the_hello_in_the_same_record_or_the_next),
          TEST_ROW(a_certificate_that_is_cut_off_was_seen_but_can_not_be_told),
          TEST_ROW(of_a_hello_that_is_cut_off_what_is_there_is_taken),
          TEST_ROW(what_is_no_handshake_in_the_clear_is_passed_over),
          TEST_ROW(lengths_inside_a_hello_that_lie_end_at_the_hello),
          TEST_ROW(a_name_that_is_not_a_hosts_is_not_taken))
