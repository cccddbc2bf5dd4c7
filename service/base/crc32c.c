/* SPDX-License-Identifier: MIT */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* bits reversed */

/** What is left to do of each quarter. */
struct quarters {
    const uint8_t *bytes[CRC32C_PARTS];
    size_t lengths[CRC32C_PARTS];
    size_t words; /* of 8 bytes, that every quarter has */
};

static struct quarters divide(const void *bytes, size_t length)
{
    struct quarters quarters = {.words = SIZE_MAX};
    size_t quarter = (length / CRC32C_PARTS + 8) / 8 * 8;
    size_t begin = 0;

    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        size_t left = length - begin;

        quarters.bytes[i] = (const uint8_t *)bytes + begin;
        quarters.lengths[i] = left < quarter ? left : quarter;
        begin += quarters.lengths[i];
        if (quarters.lengths[i] / 8 < quarters.words) {
            quarters.words = quarters.lengths[i] / 8;
        }
    }
    return quarters;
}

static uint32_t step_byte(uint32_t crc, uint8_t byte)
{
    crc ^= byte;
    for (unsigned bit = 0; bit < 8; bit++) {
        crc = crc >> 1u ^ (POLYNOMIAL & (0u - (crc & 1u)));
    }
    return crc;
}

static void run_table(const struct quarters *quarters, uint32_t crcs[CRC32C_PARTS])
{
    uint32_t table[256];

    for (uint32_t i = 0; i < 256; i++) {
        table[i] = step_byte(0, (uint8_t)i);
    }
    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        for (size_t k = 0; k < quarters->lengths[i]; k++) {
            crcs[i] = crcs[i] >> 8u ^ table[(crcs[i] ^ quarters->bytes[i][k]) & 0xffu];
        }
    }
}

#if defined(__x86_64__)

#include <nmmintrin.h>

static uint64_t read_word(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

__attribute__((target("sse4.2"))) static void run_instruction(const struct quarters *quarters,
                                                              uint32_t ret_crcs[CRC32C_PARTS])
{
    uint64_t crcs[CRC32C_PARTS] = {ret_crcs[0], ret_crcs[1], ret_crcs[2], ret_crcs[3]};

    for (size_t k = 0; k < 8 * quarters->words; k += 8) {
        crcs[0] = _mm_crc32_u64(crcs[0], read_word(quarters->bytes[0] + k));
        crcs[1] = _mm_crc32_u64(crcs[1], read_word(quarters->bytes[1] + k));
        crcs[2] = _mm_crc32_u64(crcs[2], read_word(quarters->bytes[2] + k));
        crcs[3] = _mm_crc32_u64(crcs[3], read_word(quarters->bytes[3] + k));
    }
    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        size_t k = 8 * quarters->words;

        for (; k + 8 <= quarters->lengths[i]; k += 8) {
            crcs[i] = _mm_crc32_u64(crcs[i], read_word(quarters->bytes[i] + k));
        }
        for (; k < quarters->lengths[i]; k++) {
            crcs[i] = _mm_crc32_u8((uint32_t)crcs[i], quarters->bytes[i][k]);
        }
        ret_crcs[i] = (uint32_t)crcs[i];
    }
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}

#else

static void run_instruction(const struct quarters *quarters, uint32_t ret_crcs[CRC32C_PARTS])
{
    run_table(quarters, ret_crcs);
}

static bool has_instruction(void)
{
    return false;
}

#endif

void crc32c(const void *bytes, size_t length, uint32_t ret_parts[CRC32C_PARTS])
{
    struct quarters quarters = divide(bytes, length);
    uint32_t crcs[CRC32C_PARTS] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};

    if (has_instruction()) {
        run_instruction(&quarters, crcs);
    } else {
        run_table(&quarters, crcs);
    }
    for (size_t i = 0; i < CRC32C_PARTS; i++) {
        ret_parts[i] = ~crcs[i];
    }
}
