/* SPDX-License-Identifier: MIT */
/* A signature that is read has what it needs, and lies inside of the text. */
#include <stdlib.h>

#include "ingest/shared_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const uint8_t key[] = "key";
    struct shared_signature signature;
    const char *text = (const char *)bytes;

    if (!shared_signature_parse(bytes, length, &signature)) {
        return 0;
    }
    if (signature.resource < text ||
        signature.resource + signature.resource_length > text + length || signature.expiry < text ||
        signature.expiry + signature.expiry_length > text + length || signature.expires_us < 0) {
        abort();
    }
    (void)shared_signature_is_for(&signature, "d1");
    (void)shared_signature_verify(&signature, key, sizeof(key));
    return 0;
}
