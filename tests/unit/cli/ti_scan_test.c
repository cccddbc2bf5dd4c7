/* SPDX-License-Identifier: MIT */
/* Addresses that are read many letters at a time are those that are read one by one. */
#include "cli/ti_scan.h"

#include <stdio.h>
#include <string.h>

#include "harness/check.h"

typedef const char *reader(const char *text, uint32_t *ret);

static reader *const readers[] = {ti_read_ipv4_fast, ti_read_ipv4_words};

/* Letters of a text that a reader takes, or 0; what is behind it may be anything. */
static size_t length_read(reader *read, const char *text, uint32_t *ret)
{
    char room[64];
    const char *end;

    memset(room, '7', sizeof(room));
    memcpy(room, text, strlen(text));
    end = read(room, ret);
    return end == NULL ? 0 : (size_t)(end - room);
}

TEST(what_is_an_address_is_told_from_what_is_none)
{
    static const struct {
        const char *text;
        uint32_t address;
        size_t length; /* 0: none */
    } rows[] = {
        {"192.0.2.1\n", 0xc0000201, 9},
        {"255.255.255.255\n", 0xffffffff, 15},
        {"0.0.0.0 ", 0, 7},
        {"1.22.133.4,", 0x01168504, 10},
        {"10.20.30.40.50\n", 0x0a141e28, 11},
        {"256.0.0.1\n", 0, 0},
        {"1.2.3.256\n", 0, 0},
        {"1.2.3.999\n", 0, 0},
        {"1.2.3.1000\n", 0, 0},
        {"01.2.3.4\n", 0, 0},
        {"1.2.3.04\n", 0, 0},
        {"1.00.3.4\n", 0, 0},
        {"1..3.4\n", 0, 0},
        {".1.2.3\n", 0, 0},
        {"1.2.3.\n", 0, 0},
        {"1.2.3\n", 0, 0},
        {"1,2.3.4\n", 0, 0},
        {"1.2.3:4\n", 0, 0},
        {"1234567890123456\n", 0, 0},
        {"abc\n", 0, 0},
        {"\n", 0, 0},
        {"1.2.3/4\n", 0, 0},
        {"\xb1.2.3.4\n", 0, 0},
    };

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        for (size_t i = 0; i < 2; i++) {
            uint32_t address = 0;

            CHECK_UINT(length_read(readers[i], rows[row].text, &address), rows[row].length);
            CHECK_UINT(address, rows[row].address);
        }
    }
}

/* Held against grepcidr 2.0. */
TEST(ipv6_address_is_a_whole_run_and_a_wrong_one_hides_what_is_in_it)
{
    static const struct {
        const char *text;
        const char *addresses[2];
    } rows[] = {
        {"2001:db8::5", {"2001:db8::5"}},
        {"[2001:db8::5]:443", {"2001:db8::5"}},
        {"from=2001:db8::5,to=2001:db8::6", {"2001:db8::5", "2001:db8::6"}},
        {"x2001:db8::5 y", {"2001:db8::5"}}, /* no hexadecimal digit */
        {":2001:db8::5", {"2001:db8::5"}},
        {":::5", {"::5"}},
        {"g::5", {"::5"}},
        {"12001:db8::5", {"2001:db8::5"}},
        {"::ffff:192.0.2.1", {"192.0.2.1"}},
        {"::", {"::"}},
        {"2001:db8::5.", {NULL}},
        {"2001:db8::5:", {NULL}},
        {"2001:db8::5x", {NULL}},
        {"2001:db8:::", {NULL}},
        {"fe80::1:2001:db8:1:2:3:4:5:6", {NULL}},
        {"::5xx::6", {NULL}},
        {"12:30:45 10.0.0.1", {NULL}},
        {":", {NULL}},
        {"", {NULL}},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t at = 0;
        struct address address;
        char text[ADDRESS_TEXT_MAX];

        for (size_t k = 0; k < 2; k++) {
            bool is_found = ti_scan_ipv6(rows[i].text, strlen(rows[i].text), &at, &address);

            CHECK(is_found == (rows[i].addresses[k] != NULL));
            if (is_found && rows[i].addresses[k] != NULL) {
                address_format(&address, text);
                CHECK_TEXT(text, rows[i].addresses[k]);
            }
        }
    }
}

TEST(random_texts_are_read_as_one_by_one)
{
    static const char letters[] = "00112345678999....../:a \n\xff";
    uint64_t random = 14;
    size_t found = 0;

    for (unsigned round = 0; round < 300000; round++) {
        char text[TI_FAST_BYTES + 8] = "";
        uint32_t wanted = 0, got;
        const char *end;

        for (size_t i = 0; i < sizeof(text); i++) {
            random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[i] = letters[(random >> 33) % (sizeof(letters) - 1)];
        }
        if (round % 2 == 0) {
            snprintf(text, sizeof(text), "%u.%u.%u.%u%c", (unsigned)(random >> 60),
                     (unsigned)(random >> 50 & 0x1ff), (unsigned)(random >> 40 & 0xff),
                     (unsigned)(random >> 30 & 0x7f),
                     letters[(random >> 20) % (sizeof(letters) - 1)]);
        }
        end = ti_read_ipv4(text, text + sizeof(text), false, &wanted);
        if (end != NULL && *end >= '0' && *end <= '9') { /* the last number goes on */
            end = NULL;
            wanted = 0;
        }
        found += end != NULL;
        for (size_t i = 0; i < 2; i++) {
            got = 0;
            CHECK(readers[i](text, &got) == end);
            CHECK_UINT(got, wanted);
        }
    }
    CHECK(found > 1000);
}

TEST_MAIN(TEST_ROW(what_is_an_address_is_told_from_what_is_none),
          TEST_ROW(ipv6_address_is_a_whole_run_and_a_wrong_one_hides_what_is_in_it),
          TEST_ROW(random_texts_are_read_as_one_by_one))
