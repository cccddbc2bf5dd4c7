/* SPDX-License-Identifier: MIT */
#include "picket_linux_crypto.h"

#include <openssl/evp.h>
#include <string.h>

#define DIGEST_BYTES 32u

void picket_linux_sha256(void *context, const uint8_t *bytes, size_t length, uint8_t ret_digest[32])
{
    (void)context;
    if (EVP_Digest(bytes, length, ret_digest, NULL, EVP_sha256(), NULL) != 1) {
        memset(ret_digest, 0, DIGEST_BYTES);
    }
}
