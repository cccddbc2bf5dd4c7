/* SPDX-License-Identifier: MIT */
#include "picket/acknowledgement.h"

#include <string.h>

#include "harness/check.h"

TEST(nothing_missing_takes_two_keys)
{
    static const uint8_t expected[] = {0xa2, 0x00, 0x18, 0x4d, 0x01, 0x07};
    const struct picket_acknowledgement word = {.boot = 77, .sequence = 7, .highest = 7};
    uint8_t bytes[PICKET_ACKNOWLEDGEMENT_BYTES_MAX];
    size_t length = 0;

    CHECK(picket_acknowledgement_put(&word, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(length == sizeof(expected) && memcmp(bytes, expected, length) == 0);
}

TEST(the_largest_has_room_and_is_read_back)
{
    const struct picket_acknowledgement word = {.boot = UINT32_MAX,
                                                .sequence = UINT32_MAX - 1,
                                                .highest = UINT32_MAX,
                                                .window = UINT64_MAX};
    struct picket_acknowledgement read;
    uint8_t bytes[PICKET_ACKNOWLEDGEMENT_BYTES_MAX];
    size_t length = 0;

    CHECK(picket_acknowledgement_put(&word, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(length == sizeof(bytes));
    CHECK(picket_acknowledgement_open(bytes, length, &read) == PICKET_OK);
    CHECK(read.boot == word.boot && read.sequence == word.sequence);
    CHECK(read.highest == word.highest && read.window == word.window);
    CHECK(picket_acknowledgement_put(&word, bytes, sizeof(bytes) - 1, &length) == PICKET_E_SPACE);
    CHECK(length == sizeof(bytes));
}

TEST(what_later_versions_add_is_passed_over)
{
    static const uint8_t bytes[] = {0xa3, 0x00, 0x01, 0x01, 0x02, 0x09, 0x82, 0x01, 0x61, 0x78};
    struct picket_acknowledgement read;

    CHECK(picket_acknowledgement_open(bytes, sizeof(bytes), &read) == PICKET_OK);
    CHECK(read.boot == 1 && read.sequence == 2 && read.highest == 0);
}

TEST(what_is_no_acknowledgement_is_refused)
{
    static const struct {
        uint8_t bytes[16];
        size_t length;
    } rows[] = {
        {{0}, 0},
        {{0xa0}, 1},                                                  /* no keys */
        {{0xa1, 0x00, 0x01}, 3},                                      /* no sequence */
        {{0xa2, 0x01, 0x01, 0x02, 0x02}, 5},                          /* no boot */
        {{0xa2, 0x00, 0x01, 0x02, 0x02}, 5},                          /* another key in its place */
        {{0xa2, 0x01, 0x02, 0x00, 0x01}, 5},                          /* out of order */
        {{0xa2, 0x00, 0x01, 0x01, 0x02, 0x00}, 6},                    /* a byte behind it */
        {{0xa2, 0x00, 0x01, 0x01, 0x18, 0x02}, 6},                    /* not the shortest */
        {{0xa2, 0x00, 0x01, 0x01}, 4},                                /* cut off */
        {{0xa3, 0x00, 0x01, 0x01, 0x02, 0x01, 0x02}, 7},              /* a key twice */
        {{0xa2, 0x00, 0x1b, 0, 0, 0, 1, 0, 0, 0, 0, 0x01, 0x02}, 13}, /* beyond 32 bits */
        {{0x82, 0x01, 0x02}, 3},                                      /* an array */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_acknowledgement read = {.boot = 5};

        CHECK(picket_acknowledgement_open(rows[i].bytes, rows[i].length, &read) != PICKET_OK);
        CHECK(read.boot == 5);
    }
}

TEST(above_what_is_whole_the_window_tells)
{
    /* 1 to 4, and of those above 69, or 6 and 7. */
    const struct picket_acknowledgement word = {.sequence = 4, .highest = 69, .window = 1};
    const struct picket_acknowledgement near = {.sequence = 4, .highest = 7, .window = 3};

    CHECK(picket_acknowledgement_has(&word, 1) && picket_acknowledgement_has(&word, 4));
    CHECK(!picket_acknowledgement_has(&word, 5) && !picket_acknowledgement_has(&word, 68));
    CHECK(picket_acknowledgement_has(&word, 69) && !picket_acknowledgement_has(&word, 70));
    CHECK(!picket_acknowledgement_has(&near, 5) && picket_acknowledgement_has(&near, 6));
    CHECK(picket_acknowledgement_has(&near, 7));
}

TEST_MAIN(TEST_ROW(nothing_missing_takes_two_keys), TEST_ROW(the_largest_has_room_and_is_read_back),
          TEST_ROW(what_later_versions_add_is_passed_over),
          TEST_ROW(what_is_no_acknowledgement_is_refused),
          TEST_ROW(above_what_is_whole_the_window_tells))
