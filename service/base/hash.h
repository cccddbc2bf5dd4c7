/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_HASH_H
#define SERVICE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/** SipHash-2-4 (Aumasson, Bernstein 2012); @p key of 16 bytes keeps an attacker from colliding. */
uint64_t hash_keyed(const uint8_t key[16], const void *bytes, size_t length);

/** FNV-1a, 64 bits: for identifiers that must be the same on every run and machine. */
uint64_t hash_stable(const void *bytes, size_t length);

#endif
