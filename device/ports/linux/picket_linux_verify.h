/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LINUX_VERIFY_H
#define PICKET_LINUX_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"
#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct evp_pkey_st;

/**
 * Whose settings are accepted: the one key that they have to be signed with.
 *
 * You allocate it; its members are private. It is read-only once it is loaded,
 * so that threads may share it.
 */
struct picket_linux_key {
    struct evp_pkey_st *key; /* NULL: none */
    enum picket_algorithm algorithm;
};

/**
 * Loads a public key, Ed25519 or P-256, from a PEM file (SubjectPublicKeyInfo,
 * as `openssl pkey -pubout` writes it).
 *
 * Errors: PICKET_E_IO with errno if the file can't be opened, PICKET_E_MALFORMED
 *         if it has no such key; PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status picket_linux_load_key(const char *path,
                                                           struct picket_linux_key *ret);
/** One that is all zero, or was unloaded, is allowed. */
void picket_linux_unload_key(struct picket_linux_key *key);

/**
 * True if @p signature is that of @p message by @p key; false without a key. It
 * is the port's verify(), but for the first argument.
 *
 * Cost: about 0.1 ms on a server, and an allocation of OpenSSL's.
 */
bool picket_linux_verify(const struct picket_linux_key *key, enum picket_algorithm algorithm,
                         const uint8_t *message, size_t length,
                         const uint8_t signature[PICKET_SIGNATURE_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
