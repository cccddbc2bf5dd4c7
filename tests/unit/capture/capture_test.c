/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "capture/capture.h"
#include "harness/check.h"

/* pcap, little-endian: a header for each precision, then one record of 34 bytes. */
#define PCAP_US "\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0"
#define PCAP_NS "\x4d\x3c\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0"
/* The same for link type 147, which nobody decodes. */
#define PCAP_USER "\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x93\0\0\0"
/* 1,000 s and 123,456 parts; 34 bytes captured of 60. */
#define RECORD      "\xe8\x03\0\0\x40\xe2\x01\0\x22\0\0\0\x3c\0\0\0"
#define LATE_RECORD "\xff\xff\xff\xff\xff\xff\xff\xff\x22\0\0\0\x3c\0\0\0"
#define HEAD        "\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01"
#define IP_FRAME                                                                                   \
    HEAD "\x08\0"                                                                                  \
         "\x45\0\0\x14\0\0\0\0\x40\x11\0\0\x0a\0\0\x01\x0a\0\0\x02"
#define ARP_FRAME                                                                                  \
    HEAD "\x08\x06"                                                                                \
         "\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x01\0\0"
#define BYTES(literal) (literal), sizeof(literal) - 1

/* A file of @p length bytes for one test. */
struct fixture {
    char path[32];
    struct err err;
};

static void make_file(struct fixture *fixture, const char *bytes, size_t length)
{
    int file = -1;

    memcpy(fixture->path, "/tmp/capture_testXXXXXX", sizeof("/tmp/capture_testXXXXXX"));
    fixture->err.text[0] = '\0';
    file = mkstemp(fixture->path);
    if (file < 0 || write(file, bytes, length) != (ssize_t)length || close(file) != 0) {
        perror("capture_test");
        exit(2);
    }
}

static enum picket_status open_bytes(struct fixture *fixture, const char *bytes, size_t length,
                                     struct capture **ret)
{
    make_file(fixture, bytes, length);
    return capture_open(fixture->path, ret, &fixture->err);
}

TEST(datagrams_come_with_time_place_and_length)
{
    struct fixture fixture;
    struct capture *capture = NULL;
    struct capture_datagram datagram = {0};

    CHECK(open_bytes(&fixture, BYTES(PCAP_US RECORD IP_FRAME), &capture) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_OK);
    CHECK_UINT(datagram.time_us, 1000123456);
    CHECK_UINT(datagram.captured, 20);
    CHECK_UINT(datagram.length, 46);
    CHECK_UINT(datagram.bytes[0], 0x45);
    CHECK(capture_next(capture, &datagram) == PICKET_E_EMPTY);
    capture_close(capture);
    unlink(fixture.path);
}

TEST(nanoseconds_become_microseconds)
{
    struct fixture fixture;
    struct capture *capture = NULL;
    struct capture_datagram datagram = {0};

    CHECK(open_bytes(&fixture, BYTES(PCAP_NS RECORD IP_FRAME), &capture) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_OK);
    CHECK_UINT(datagram.time_us, 1000000123);
    capture_close(capture);
    unlink(fixture.path);
}

TEST(impossible_times_are_brought_into_range)
{
    struct fixture fixture;
    struct capture *capture = NULL;
    struct capture_datagram datagram = {0};

    CHECK(open_bytes(&fixture, BYTES(PCAP_US LATE_RECORD IP_FRAME), &capture) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_OK);
    CHECK(datagram.time_us >= 0);
    CHECK(datagram.time_us <= ((int64_t)UINT32_MAX + 1) * 1000000);
    capture_close(capture);
    unlink(fixture.path);
}

TEST(frames_without_ip_and_of_unknown_links_are_counted)
{
    struct fixture fixture;
    struct capture *capture = NULL;
    struct capture_datagram datagram = {0};
    struct capture_stats stats = {0};

    CHECK(open_bytes(&fixture, BYTES(PCAP_US RECORD ARP_FRAME RECORD IP_FRAME), &capture) ==
          PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_E_EMPTY);
    capture_get_stats(capture, &stats);
    CHECK_UINT(stats.frames, 2);
    CHECK_UINT(stats.datagrams, 1);
    CHECK_UINT(stats.not_ip, 1);
    CHECK_UINT(stats.damaged, 0);
    CHECK_TEXT(stats.link_name, "EN10MB");
    capture_close(capture);
    unlink(fixture.path);

    capture = NULL;
    CHECK(open_bytes(&fixture, BYTES(PCAP_USER RECORD IP_FRAME), &capture) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_E_EMPTY);
    capture_get_stats(capture, &stats);
    CHECK_UINT(stats.unknown_link, 1);
    capture_close(capture);
    unlink(fixture.path);
}

TEST(a_damaged_record_ends_the_row_and_is_kept_in_words)
{
    struct fixture fixture;
    struct capture *capture = NULL;
    struct capture_datagram datagram = {0};
    struct capture_stats stats = {0};

    CHECK(open_bytes(&fixture, BYTES(PCAP_US RECORD IP_FRAME RECORD "\xff\xff"), &capture) ==
          PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_OK);
    CHECK(capture_next(capture, &datagram) == PICKET_E_EMPTY);
    CHECK(capture_next(capture, &datagram) == PICKET_E_EMPTY);
    capture_get_stats(capture, &stats);
    CHECK_UINT(stats.datagrams, 1);
    CHECK_UINT(stats.damaged, 1);
    CHECK(strstr(stats.damage, "truncated") != NULL);
    capture_close(capture);
    unlink(fixture.path);
}

TEST(what_is_no_capture_is_refused_by_name)
{
    struct fixture fixture;
    struct capture *capture = NULL;

    CHECK(open_bytes(&fixture, BYTES("this is a text, not a capture"), &capture) ==
          PICKET_E_MALFORMED);
    CHECK(strstr(fixture.err.text, fixture.path) != NULL);
    CHECK(strstr(fixture.err.text, "no capture") != NULL);
    unlink(fixture.path);

    CHECK(open_bytes(&fixture, "", 0, &capture) == PICKET_E_MALFORMED);
    CHECK(strstr(fixture.err.text, "is empty") != NULL);
    unlink(fixture.path);

    CHECK(capture_open(fixture.path, &capture, &fixture.err) == PICKET_E_IO);
    CHECK(strstr(fixture.err.text, fixture.path) != NULL);
    CHECK(capture_open("/tmp", &capture, &fixture.err) == PICKET_E_IO);
    CHECK(strstr(fixture.err.text, "folder") != NULL);
    CHECK(capture == NULL);
}

TEST_MAIN(TEST_ROW(datagrams_come_with_time_place_and_length),
          TEST_ROW(nanoseconds_become_microseconds),
          TEST_ROW(impossible_times_are_brought_into_range),
          TEST_ROW(frames_without_ip_and_of_unknown_links_are_counted),
          TEST_ROW(a_damaged_record_ends_the_row_and_is_kept_in_words),
          TEST_ROW(what_is_no_capture_is_refused_by_name))
