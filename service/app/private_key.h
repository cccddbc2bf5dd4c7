/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_PRIVATE_KEY_H
#define SERVICE_APP_PRIVATE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"
#include "picket/status.h"

/** The key that settings for devices are signed with, by OpenSSL. */
struct err;
struct evp_pkey_st;

struct private_key {
    struct evp_pkey_st *key; /* NULL: none */
    enum picket_algorithm algorithm;
};

/**
 * Loads one from a PEM file: Ed25519 or, if @p takes_p256, P-256. Never asks for a pass phrase.
 *
 * Ownership: the caller unloads it.
 * Errors:    PICKET_E_IO, PICKET_E_MALFORMED.
 */
PICKET_MUST_CHECK enum picket_status private_key_load(const char *path, bool takes_p256,
                                                      struct private_key *ret, struct err *reterr);
/** One without a key is allowed. */
void private_key_unload(struct private_key *key);
/** False if OpenSSL can't. Any thread. */
bool private_key_sign(const struct private_key *key, const uint8_t *message, size_t length,
                      uint8_t ret_signature[PICKET_SIGNATURE_BYTES]);

#endif
