/* SPDX-License-Identifier: MIT */
#ifndef TESTS_PROOF_STRING_H
#define TESTS_PROOF_STRING_H
#define __FC_STRING_H_ /* instead of the header that Frama-C brings */

#include <stddef.h>
#include <stdint.h>

/**
 * What the proofs assume of the C library, which is little: the bytes that are
 * read and written. Included before a source is read, in place of the <string.h>
 * of Frama-C, whose contracts say more than WP can express.
 */

/*@ requires \valid((uint8_t *)to + (0 .. size - 1));
  @ requires \valid_read((uint8_t *)from + (0 .. size - 1));
  @ requires \separated((uint8_t *)to + (0 .. size - 1), (uint8_t *)from + (0 .. size - 1));
  @ assigns ((uint8_t *)to)[0 .. size - 1];
  @ ensures \result == to;
  @*/
void *memcpy(void *to, const void *from, size_t size);

/*@ requires \valid((uint8_t *)to + (0 .. size - 1));
  @ requires \valid_read((uint8_t *)from + (0 .. size - 1));
  @ assigns ((uint8_t *)to)[0 .. size - 1];
  @ ensures \result == to;
  @*/
void *memmove(void *to, const void *from, size_t size);

/*@ requires \valid_read((uint8_t *)left + (0 .. size - 1));
  @ requires \valid_read((uint8_t *)right + (0 .. size - 1));
  @ assigns \nothing;
  @*/
int memcmp(const void *left, const void *right, size_t size);

#endif
