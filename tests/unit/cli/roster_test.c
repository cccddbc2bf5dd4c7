/* SPDX-License-Identifier: MIT */
#include "cli/roster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check.h"

static struct address address_of(const char *text)
{
    struct address address;

    if (address_parse(text, strlen(text), &address) != PICKET_OK) {
        printf("%s is no address\n", text);
        abort();
    }
    return address;
}

TEST(numbers_are_given_in_the_order_of_coming_and_stay)
{
    static const char *const texts[] = {"10.0.0.1", "2001:db8::1", "10.0.0.2"};
    struct roster *roster = roster_new(3);

    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            struct address address = address_of(texts[i]);
            size_t number = 99;

            CHECK_UINT(roster_find(roster, &address, &number), round);
            CHECK_UINT(roster_admit(roster, &address, &number), PICKET_OK);
            CHECK_UINT(number, i);
            CHECK(address_equal(roster_at(roster, i), &address));
        }
    }
    CHECK_UINT(roster_count(roster), 3);
    roster_free(roster);
}

TEST(full_one_keeps_whom_it_has_and_admits_nobody)
{
    struct roster *roster = roster_new(200);
    struct address address = {{0}};
    size_t number = 99;

    for (unsigned i = 0; i < 1000; i++) {
        address.bytes[14] = (uint8_t)(i / 256);
        address.bytes[15] = (uint8_t)(i % 256);
        CHECK_UINT(roster_admit(roster, &address, &number), i < 200 ? PICKET_OK : PICKET_E_FULL);
        CHECK_UINT(number, i < 200 ? i : 199);
    }
    for (unsigned i = 0; i < 1000; i++) {
        address.bytes[14] = (uint8_t)(i / 256);
        address.bytes[15] = (uint8_t)(i % 256);
        CHECK_UINT(roster_find(roster, &address, &number), i < 200);
    }
    roster_free(roster);
}

TEST(one_without_room_is_empty)
{
    struct roster *roster = roster_new(0);
    struct address address = address_of("10.0.0.1");
    size_t number = 99;

    CHECK(!roster_find(roster, &address, &number));
    CHECK_UINT(roster_admit(roster, &address, &number), PICKET_E_FULL);
    CHECK_UINT(number, 99);
    roster_free(roster);
    roster_free(NULL);
}

TEST(ends_are_read_from_whole_headers_only)
{
    uint8_t bytes[40] = {0x45, [12] = 10, [15] = 1, [16] = 10, [19] = 2};
    struct address source, destination, expected;

    CHECK(!datagram_ends(bytes, 0, &source, &destination));
    CHECK(!datagram_ends(bytes, 19, &source, &destination));
    CHECK(datagram_ends(bytes, 20, &source, &destination));
    expected = address_of("10.0.0.1");
    CHECK(address_equal(&source, &expected));
    expected = address_of("10.0.0.2");
    CHECK(address_equal(&destination, &expected));
    bytes[0] = 0x60;
    bytes[8] = bytes[24] = 0x20;
    bytes[39] = 7;
    CHECK(!datagram_ends(bytes, 39, &source, &destination));
    CHECK(datagram_ends(bytes, 40, &source, &destination));
    CHECK_UINT(source.bytes[0], 0x20);
    CHECK_UINT(destination.bytes[15], 7);
    bytes[0] = 0x70;
    CHECK(!datagram_ends(bytes, 40, &source, &destination));
}

TEST_MAIN(TEST_ROW(numbers_are_given_in_the_order_of_coming_and_stay),
          TEST_ROW(full_one_keeps_whom_it_has_and_admits_nobody),
          TEST_ROW(one_without_room_is_empty), TEST_ROW(ends_are_read_from_whole_headers_only))
