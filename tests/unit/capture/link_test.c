/* SPDX-License-Identifier: MIT */
#include <pcap/dlt.h>
#include <stdlib.h>

#include "capture/capture.h"
#include "harness/check.h"

#define BYTES_MAX 96u

/* One frame in hex, blanks between groups, and what must be found in it. */
struct row {
    int link_type;
    const char *hex;
    size_t beyond; /* bytes the frame had on the link beyond those captured */
    enum link_content content;
    size_t offset; /* of the IP header */
    size_t length; /* of what was on the link from there on */
};

#define MACS "ffffffffffff 020000000001 "
#define IP4  "45000014 00000000 40110000 0a000001 0a000002"
#define IP6  "60000000 00003b40"

static size_t read_hex(const char *hex, uint8_t *bytes)
{
    size_t count = 0;

    while (*hex != '\0' && count < BYTES_MAX) {
        char digits[3] = {hex[0], hex[1], '\0'};

        if (*hex == ' ') {
            hex++;
            continue;
        }
        bytes[count++] = (uint8_t)strtoul(digits, NULL, 16);
        hex += 2;
    }
    return count;
}

/* A block of exactly the captured size, so that a sanitizer sees each read behind it. */
static enum link_content decode(const struct row *row, size_t *ret_offset, size_t *ret_length)
{
    uint8_t bytes[BYTES_MAX];
    size_t captured = read_hex(row->hex, bytes);
    uint8_t *frame = malloc(captured + 1);
    const uint8_t *ip = NULL;
    size_t ip_captured = 0;
    enum link_content content = LINK_UNKNOWN_TYPE;

    if (frame != NULL) {
        memcpy(frame, bytes, captured);
        frame = realloc(frame, captured > 0 ? captured : 1);
        content = link_decode(row->link_type, frame, captured, captured + row->beyond, &ip,
                              &ip_captured, ret_length);
        *ret_offset = ip == NULL ? 0 : (size_t)(ip - frame);
    }
    free(frame);
    return content;
}

static void check_rows(const struct row *rows, size_t count, unsigned *check_failures)
{
    for (size_t i = 0; i < count; i++) {
        size_t offset = 0;
        size_t length = 0;
        unsigned before = *check_failures;

        CHECK_UINT(decode(&rows[i], &offset, &length), rows[i].content);
        if (rows[i].content == LINK_IP) {
            CHECK_UINT(offset, rows[i].offset);
            CHECK_UINT(length, rows[i].length);
        }
        if (*check_failures > before) {
            printf("  in row %zu: %s\n", i, rows[i].hex);
        }
    }
}

#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]), check_failures)

TEST(ip_is_found_below_ethernet_and_its_tags)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "0800 " IP4, 0, LINK_IP, 14, 20},
        {DLT_EN10MB, MACS "86dd " IP6, 0, LINK_IP, 14, 8},
        {DLT_EN10MB, MACS "8100 0001 0800 " IP4, 0, LINK_IP, 18, 20},
        {DLT_EN10MB, MACS "88a8 0001 8100 0002 0800 " IP4, 0, LINK_IP, 22, 20},
        {DLT_EN10MB, MACS "9100 0001 86dd " IP6, 0, LINK_IP, 18, 8},
        {DLT_EN10MB, MACS "0806 00010800", 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "88cc 0207", 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(padding_counts_with_the_frame_but_not_behind_an_802_3_length)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "0800 " IP4 " 00000000 0000", 0, LINK_IP, 14, 26},
        {DLT_EN10MB, MACS "001c aaaa03 000000 0800 " IP4 " 00000000 0000", 0, LINK_IP, 22, 20},
        {DLT_EN10MB, MACS "0017 060603 " IP4 " 00000000", 0, LINK_IP, 17, 20},
        {DLT_EN10MB, MACS "8100 0001 001c aaaa03 000000 0800 " IP4 " 0000", 0, LINK_IP, 26, 20},
    };

    CHECK_ROWS(rows);
}

TEST(a_short_capture_keeps_the_length_that_the_frame_had)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "0800 " IP4, 1400, LINK_IP, 14, 1420},
        {DLT_EN10MB, MACS "0800 45", 40, LINK_IP, 14, 41},
        {DLT_EN10MB, MACS "0800", 40, LINK_IP, 14, 40},
        {DLT_EN10MB, MACS "05dc aaaa03 000000 0800 " IP4, 2000, LINK_IP, 22, 1492},
    };

    CHECK_ROWS(rows);
}

TEST(ip_is_found_below_the_tags_of_switches)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "8926 00000033 0800 " IP4, 0, LINK_IP, 20, 20},
        {DLT_EN10MB, MACS "8100 00fa 8926 00000033 8100 00fa 86dd " IP6, 0, LINK_IP, 28, 8},
        {DLT_EN10MB, MACS "8903 0060 " MACS "0800 " IP4, 0, LINK_IP, 30, 20},
        {DLT_EN10MB, MACS "894f 0002 02 01 00000102 " IP4, 0, LINK_IP, 22, 20},
        {DLT_EN10MB, MACS "894f 0003 02 02 00000102 00000000 " IP6, 0, LINK_IP, 26, 8},
        {DLT_EN10MB, MACS "894f 0002 02 03 00000102 " MACS "0800 " IP4, 0, LINK_IP, 36, 20},
        {DLT_EN10MB, MACS "894f 0002 02 02 00000102 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "894f 0002 02 04 00000102 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "894f 0001 02 01 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "894f 003f 02 01 00000102 " IP4, 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(llc_without_ip_and_foreign_organisations_are_not_ip)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "0026 424203 0000", 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "001c aaaa03 00000c 0800 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "001c aaaa13 000000 0800 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "0002 aaaa03 000000 0800 " IP4, 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(ip_is_found_in_pppoe_sessions_and_ppp)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "8864 1100 0001 0016 0021 " IP4 " 0000", 0, LINK_IP, 22, 20},
        {DLT_EN10MB, MACS "8864 1100 0001 000a 0057 " IP6, 0, LINK_IP, 22, 8},
        {DLT_EN10MB, MACS "8864 1109 0001 0016 0021 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8863 1109 0000 0004 0101 0000", 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8864 1100 0001 000a c021 01010000", 0, LINK_NOT_IP, 0, 0},
        {DLT_PPP, "ff03 0021 " IP4, 0, LINK_IP, 4, 20},
        {DLT_PPP, "21 " IP4, 0, LINK_IP, 1, 20},
        {DLT_PPP, "0057 " IP6, 0, LINK_IP, 2, 8},
        {DLT_PPP_SERIAL, "ff03 c021 0101", 0, LINK_NOT_IP, 0, 0},
        {DLT_PPP_ETHER, "1100 0001 0016 0021 " IP4, 0, LINK_IP, 8, 20},
    };

    CHECK_ROWS(rows);
}

TEST(mpls_payload_goes_by_its_first_nibble)
{
    static const struct row rows[] = {
        {DLT_EN10MB, MACS "8847 000111ff " IP4, 0, LINK_IP, 18, 20},
        {DLT_EN10MB, MACS "8848 000110ff 000221ff " IP6, 0, LINK_IP, 22, 8},
        {DLT_EN10MB, MACS "8847 000111ff 00000000 " MACS "0800 " IP4, 0, LINK_IP, 36, 20},
        {DLT_EN10MB, MACS "8847 000111ff 10000021", 0, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8847 000110ff", 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(loopback_families_are_read_in_both_byte_orders)
{
    static const struct row rows[] = {
        {DLT_NULL, "02000000 " IP4, 0, LINK_IP, 4, 20},
        {DLT_NULL, "00000002 " IP4, 0, LINK_IP, 4, 20},
        {DLT_NULL, "1e000000 " IP6, 0, LINK_IP, 4, 8},
        {DLT_LOOP, "0000001c " IP6, 0, LINK_IP, 4, 8},
        {DLT_NULL, "0f000800 " IP4, 0, LINK_IP, 4, 20}, /* an EtherType in its place */
        {DLT_NULL, "0f000004 aaaa03 000000 0800 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_NULL, "07000000 " IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_NULL, "02000002 " IP4, 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(raw_cooked_and_wireless_links_are_read)
{
    static const struct row rows[] = {
        {DLT_RAW, IP4, 0, LINK_IP, 0, 20},
        {DLT_RAW, "00000000", 0, LINK_NOT_IP, 0, 0},
        {DLT_IPV4, IP4, 0, LINK_IP, 0, 20},
        {DLT_IPV6, IP6, 0, LINK_IP, 0, 8},
        {DLT_IPV4, IP6, 0, LINK_NOT_IP, 0, 0},
        {DLT_IPV6, IP4, 0, LINK_NOT_IP, 0, 0},
        {DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 0800 " IP4, 0, LINK_IP, 16, 20},
        {DLT_LINUX_SLL, "0000 0001 0006 0200000000010000 0806 0001", 0, LINK_NOT_IP, 0, 0},
        {DLT_LINUX_SLL2, "86dd 0000 00000002 0001 00 06 0200000000010000 " IP6, 0, LINK_IP, 20, 8},
        {DLT_IEEE802_11,
         "0801 0000 020000000001 020000000002 020000000003 0000 aaaa03 000000 0800 " IP4, 0,
         LINK_IP, 32, 20},
        {DLT_IEEE802_11_RADIO,
         "0000 0800 00000000 8801 0000 020000000001 020000000002 020000000003 0000 0000 "
         "aaaa03 000000 0800 " IP4,
         0, LINK_IP, 42, 20},
        {DLT_IEEE802_11,
         "0841 0000 020000000001 020000000002 020000000003 0000 aaaa03 000000 0800 " IP4, 0,
         LINK_NOT_IP, 0, 0},
        {DLT_IEEE802_11, "8000 0000 020000000001 020000000002 020000000003 0000", 0, LINK_NOT_IP, 0,
         0},
        {DLT_IEEE802_11_RADIO, "0000 0400 00000000", 0, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(a_header_that_is_cut_off_is_not_ip)
{
    static const struct row rows[] = {
        {DLT_EN10MB, "", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS, 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "08", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8100 00", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8926 000000", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8903 00", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "894f 0002 02 01 000001", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "001c aaaa03 0000", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8864 1100 0001", 60, LINK_NOT_IP, 0, 0},
        {DLT_EN10MB, MACS "8864 1100 0001 0016", 60, LINK_NOT_IP, 0, 0},
        {DLT_NULL, "0200", 60, LINK_NOT_IP, 0, 0},
        {DLT_RAW, "", 60, LINK_NOT_IP, 0, 0},
        {DLT_PPP, "ff03", 60, LINK_NOT_IP, 0, 0},
        {DLT_LINUX_SLL, "0000 0001 0006", 60, LINK_NOT_IP, 0, 0},
        {DLT_IEEE802_11_RADIO, "0000 ff00", 60, LINK_NOT_IP, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(a_link_type_that_is_not_decoded_is_said_to_be_unknown)
{
    static const struct row rows[] = {
        {DLT_FDDI, IP4, 0, LINK_UNKNOWN_TYPE, 0, 0},
        {DLT_USER0, IP4, 0, LINK_UNKNOWN_TYPE, 0, 0},
        {-1, IP4, 0, LINK_UNKNOWN_TYPE, 0, 0},
    };

    CHECK_ROWS(rows);
}

TEST(a_frame_that_claims_less_than_was_captured_has_what_was_captured)
{
    static const uint8_t frame[34] = {[12] = 0x08, [14] = 0x45};
    const uint8_t *ip = NULL;
    size_t captured = 0;
    size_t length = 0;

    CHECK_UINT(link_decode(DLT_EN10MB, frame, sizeof(frame), 20, &ip, &captured, &length), LINK_IP);
    CHECK_UINT(captured, 20);
    CHECK_UINT(length, 20);
}

TEST_MAIN(TEST_ROW(ip_is_found_below_ethernet_and_its_tags),
          TEST_ROW(padding_counts_with_the_frame_but_not_behind_an_802_3_length),
          TEST_ROW(a_short_capture_keeps_the_length_that_the_frame_had),
          TEST_ROW(ip_is_found_below_the_tags_of_switches),
          TEST_ROW(llc_without_ip_and_foreign_organisations_are_not_ip),
          TEST_ROW(ip_is_found_in_pppoe_sessions_and_ppp),
          TEST_ROW(mpls_payload_goes_by_its_first_nibble),
          TEST_ROW(loopback_families_are_read_in_both_byte_orders),
          TEST_ROW(raw_cooked_and_wireless_links_are_read),
          TEST_ROW(a_header_that_is_cut_off_is_not_ip),
          TEST_ROW(a_link_type_that_is_not_decoded_is_said_to_be_unknown),
          TEST_ROW(a_frame_that_claims_less_than_was_captured_has_what_was_captured))
