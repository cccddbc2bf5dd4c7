/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_SHARED_SIGNATURE_H
#define SERVICE_INGEST_SHARED_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Shared access signatures, as firmware for IoT hubs makes them of its key:
 * "SharedAccessSignature sr={resource}&sig={HMAC-SHA256}&se={expiry}[&skn={name}]". Private to
 * ingest.
 */
#define SHARED_SIGNATURE_BYTES 32u
#define SHARED_RESOURCE_MAX    512u

struct shared_signature {
    const char *resource; /* as it is signed: encoded; borrowed from the text */
    size_t resource_length;
    const char *expiry; /* the same */
    size_t expiry_length;
    int64_t expires_us;
    uint8_t signature[SHARED_SIGNATURE_BYTES];
};

/** Whether the text says that it is one. */
bool shared_signature_is(const uint8_t *text, size_t length);
/** False if it is none after all. */
bool shared_signature_parse(const uint8_t *text, size_t length, struct shared_signature *ret);
/** Whether the resource is "{anything}/devices/{device}", or a module of it. */
bool shared_signature_is_for(const struct shared_signature *signature, const char *device);
/** Takes equal time whatever is wrong. */
bool shared_signature_verify(const struct shared_signature *signature, const uint8_t *key,
                             size_t length);

/** Base64 (RFC 4648 §4) with its padding. False if it is none, or longer than @p capacity. */
bool base64_decode(const char *text, uint8_t *ret, size_t capacity, size_t *ret_length);

#endif
