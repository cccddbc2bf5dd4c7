/* SPDX-License-Identifier: MIT */
#ifndef PICKET_LINUX_CRYPTO_H
#define PICKET_LINUX_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * What a port supplies of cryptography, by OpenSSL's libcrypto.
 *
 * Context: any thread; @p context is not used.
 */

/**
 * picket_port.sha256.
 *
 * Errors: all 0 if libcrypto can't, as when a policy of the system forbids it.
 */
void picket_linux_sha256(void *context, const uint8_t *bytes, size_t length,
                         uint8_t ret_digest[32]);

#ifdef __cplusplus
}
#endif
#endif
