/* SPDX-License-Identifier: MIT */
#include "ingest/shared_signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/time.h"

#define SCHEME        "SharedAccessSignature "
#define SCHEME_LENGTH (sizeof(SCHEME) - 1)
#define BASE64_MAX    128u
#define EXPIRY_DIGITS 11u /* until the year 5138 */

bool shared_signature_is(const uint8_t *text, size_t length)
{
    return length >= SCHEME_LENGTH && memcmp(text, SCHEME, SCHEME_LENGTH) == 0;
}

static int digit_of(char letter)
{
    static const char digits[] = "0123456789abcdef";
    const char *found = letter == '\0' ? NULL : strchr(digits, letter | 0x20);

    return found == NULL ? -1 : (int)(found - digits);
}

/* Percent-decodes into @p ret, with a NUL; false if it does not fit, or has one inside. */
static bool decode(const char *text, size_t length, char *ret, size_t capacity, size_t *ret_length)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        char letter = text[i];

        if (letter == '%') {
            if (length - i < 3 || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0) {
                return false;
            }
            letter = (char)(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
            i += 2;
        }
        if (letter == '\0' || used + 1 >= capacity) {
            return false;
        }
        ret[used++] = letter;
    }
    ret[used] = '\0';
    *ret_length = used;
    return true;
}

bool base64_decode(const char *text, uint8_t *ret, size_t capacity, size_t *ret_length)
{
    size_t length = strlen(text);
    uint8_t bytes[BASE64_MAX / 4 * 3];
    size_t padding = 0;
    int decoded;

    if (length == 0 || length > BASE64_MAX || length % 4 != 0) {
        return false;
    }
    padding = (text[length - 1] == '=') + (size_t)(text[length - 2] == '=');
    /* OpenSSL passes over blanks, and takes '=' anywhere for zero. */
    if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") <
        length - padding) {
        return false;
    }
    decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    if (decoded < 0 || (size_t)decoded - padding > capacity) {
        return false;
    }
    *ret_length = (size_t)decoded - padding;
    memcpy(ret, bytes, *ret_length);
    return true;
}

static bool take_signature(const char *value, size_t length, struct shared_signature *ret)
{
    char base64[BASE64_MAX + 1];
    size_t decoded = 0;

    return decode(value, length, base64, sizeof(base64), &decoded) &&
           base64_decode(base64, ret->signature, sizeof(ret->signature), &decoded) &&
           decoded == sizeof(ret->signature);
}

static bool take_expiry(const char *value, size_t length, struct shared_signature *ret)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9' || i == EXPIRY_DIGITS) {
            return false;
        }
        seconds = seconds * 10 + (value[i] - '0');
    }
    ret->expiry = value;
    ret->expiry_length = length;
    ret->expires_us = seconds * TIME_US_PER_S;
    return length > 0;
}

static bool take_resource(const char *value, size_t length, struct shared_signature *ret)
{
    ret->resource = value;
    ret->resource_length = length;
    return length > 0 && length <= SHARED_RESOURCE_MAX;
}

/* The name of the policy, which says nothing here. */
static bool take_name(const char *value, size_t length, struct shared_signature *ret)
{
    (void)value;
    (void)length;
    (void)ret;
    return true;
}

static const struct {
    const char *name; /* with its '=' */
    bool (*take)(const char *value, size_t length, struct shared_signature *ret);
} fields[] = {
    {"sr=", take_resource},
    {"sig=", take_signature},
    {"se=", take_expiry},
    {"skn=", take_name},
};

#define FIELDS   (sizeof(fields) / sizeof(fields[0]))
#define REQUIRED 0x7u /* all but the name */

static bool take_field(const char *text, size_t length, unsigned *seen,
                       struct shared_signature *ret)
{
    for (unsigned i = 0; i < FIELDS; i++) {
        size_t name = strlen(fields[i].name);

        if (length >= name && memcmp(text, fields[i].name, name) == 0) {
            bool is_first = (*seen & 1u << i) == 0;

            *seen |= 1u << i;
            return is_first && fields[i].take(text + name, length - name, ret);
        }
    }
    return false;
}

bool shared_signature_parse(const uint8_t *text, size_t length, struct shared_signature *ret)
{
    const char *at = (const char *)text + SCHEME_LENGTH;
    const char *end = (const char *)text + length;
    unsigned seen = 0;

    if (!shared_signature_is(text, length)) {
        return false;
    }
    *ret = (struct shared_signature){.expires_us = 0};
    while (at < end) {
        const char *next = memchr(at, '&', (size_t)(end - at));

        next = next == NULL ? end : next;
        if (!take_field(at, (size_t)(next - at), &seen, ret)) {
            return false;
        }
        at = next + 1;
    }
    return (seen & REQUIRED) == REQUIRED;
}

bool shared_signature_is_for(const struct shared_signature *signature, const char *device)
{
    static const char before[] = "/devices/";
    char resource[SHARED_RESOURCE_MAX + 1];
    size_t length = 0;
    const char *id = NULL;

    if (!decode(signature->resource, signature->resource_length, resource, sizeof(resource),
                &length)) {
        return false;
    }
    id = strstr(resource, before);
    if (id == NULL) {
        return false;
    }
    id += sizeof(before) - 1;
    length = strlen(device);
    return strncmp(id, device, length) == 0 && (id[length] == '\0' || id[length] == '/');
}

bool shared_signature_verify(const struct shared_signature *signature, const uint8_t *key,
                             size_t length)
{
    char text[SHARED_RESOURCE_MAX + 1 + EXPIRY_DIGITS];
    uint8_t digest[SHARED_SIGNATURE_BYTES];
    size_t used = signature->resource_length;
    unsigned digest_length = sizeof(digest);

    memcpy(text, signature->resource, used);
    text[used++] = '\n';
    memcpy(text + used, signature->expiry, signature->expiry_length);
    used += signature->expiry_length;
    return HMAC(EVP_sha256(), key, (int)length, (const unsigned char *)text, used, digest,
                &digest_length) != NULL &&
           CRYPTO_memcmp(digest, signature->signature, sizeof(digest)) == 0;
}
