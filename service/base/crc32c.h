/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_CRC32C_H
#define SERVICE_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_PARTS 4u

/**
 * CRC-32C (Castagnoli; RFC 3720 §B.4) of each quarter of some bytes. A quarter is
 * length / 4 bytes, rounded up to a multiple of 8; the last ones may be shorter or
 * empty. They are independent, so that a processor which has an instruction for it
 * works on all of them at once, at the speed of memory.
 */
void crc32c(const void *bytes, size_t length, uint32_t ret_parts[CRC32C_PARTS]);

#endif
