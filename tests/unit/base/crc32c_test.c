/* SPDX-License-Identifier: MIT */
#include "base/crc32c.h"

#include <string.h>

#include "harness/check.h"

/** Bit by bit, as the polynomial says. */
static uint32_t slowly(const uint8_t *bytes, size_t length)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
        }
    }
    return ~crc;
}

TEST(each_quarter_of_the_vectors_of_the_standard_is_right)
{
    /* RFC 3720, §B.4: 32 bytes each */
    uint8_t zeros[4 * 32] = {0}, up[4 * 32];
    uint32_t parts[CRC32C_PARTS];

    for (size_t i = 0; i < sizeof(up); i++) {
        up[i] = (uint8_t)(i % 32);
    }
    crc32c(zeros, sizeof(zeros), parts);
    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        CHECK_UINT(parts[i], 0x8a9136aa);
    }
    crc32c(up, sizeof(up), parts);
    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        CHECK_UINT(parts[i], 0x46dd794e);
    }
}

TEST(quarters_of_any_length_are_those_of_the_bytes_in_them)
{
    uint8_t bytes[300];

    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)(i * i + 3 * i);
    }
    for (size_t length = 0; length <= sizeof(bytes); length++) {
        size_t quarter = (length + 31) / 32 * 8, begin = 0;
        uint32_t parts[CRC32C_PARTS];

        crc32c(bytes, length, parts);
        for (size_t i = 0; i < CRC32C_PARTS; i++) {
            size_t size = length - begin < quarter ? length - begin : quarter;

            CHECK_UINT(parts[i], slowly(bytes + begin, size));
            begin += size;
        }
        CHECK_UINT(begin, length);
    }
}

TEST_MAIN(TEST_ROW(each_quarter_of_the_vectors_of_the_standard_is_right),
          TEST_ROW(quarters_of_any_length_are_those_of_the_bytes_in_them))
