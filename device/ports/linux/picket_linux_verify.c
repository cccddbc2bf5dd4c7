/* SPDX-License-Identifier: MIT */
#include "picket_linux_verify.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "picket_linux.h"

#define NUMBER_BYTES (PICKET_SIGNATURE_BYTES / 2u) /* of r, and of s */
#define DER_BYTES    80u                           /* of both: 72, and a reserve */

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    size_t length = 0;

    return EVP_PKEY_get_group_name(key, group, sizeof(group), &length) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

enum picket_status picket_linux_load_key(const char *path, struct picket_linux_key *ret)
{
    FILE *file = fopen(path, "rbe");
    EVP_PKEY *key = NULL;

    if (file == NULL) {
        return PICKET_E_IO;
    }
    key = PEM_read_PUBKEY(file, NULL, NULL, NULL);
    (void)fclose(file);
    if (key != NULL && EVP_PKEY_is_a(key, "ED25519") == 1) {
        *ret = (struct picket_linux_key){key, PICKET_ALGORITHM_EDDSA};
        return PICKET_OK;
    }
    if (key != NULL && is_p256(key)) {
        *ret = (struct picket_linux_key){key, PICKET_ALGORITHM_ES256};
        return PICKET_OK;
    }
    EVP_PKEY_free(key);
    return PICKET_E_MALFORMED;
}

void picket_linux_unload_key(struct picket_linux_key *key)
{
    EVP_PKEY_free(key->key);
    key->key = NULL;
}

/** COSE has r and s side by side, OpenSSL in DER; the length of that, 0 if memory is out. */
static size_t put_der(const uint8_t *signature, uint8_t ret_der[DER_BYTES])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, NUMBER_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature + NUMBER_BYTES, NUMBER_BYTES, NULL);
    uint8_t *end = ret_der;
    int length = 0;

    if (pair != NULL && ECDSA_SIG_set0(pair, r, s) == 1) { /* takes both, if both are there */
        length = i2d_ECDSA_SIG(pair, &end);
    } else {
        BN_free(r);
        BN_free(s);
    }
    ECDSA_SIG_free(pair);
    return length > 0 ? (size_t)length : 0;
}

bool picket_linux_verify(const struct picket_linux_key *key, enum picket_algorithm algorithm,
                         const uint8_t *message, size_t length,
                         const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    bool is_es256 = algorithm == PICKET_ALGORITHM_ES256;
    EVP_MD_CTX *context = NULL;
    uint8_t der[DER_BYTES];
    const uint8_t *checked = signature;
    size_t checked_length = PICKET_SIGNATURE_BYTES;
    bool is_good = false;

    if (key->key == NULL || algorithm != key->algorithm) {
        return false;
    }
    if (is_es256) {
        checked = der;
        checked_length = put_der(signature, der);
    }
    context = EVP_MD_CTX_new();
    is_good =
        context != NULL && checked_length > 0 &&
        EVP_DigestVerifyInit(context, NULL, is_es256 ? EVP_sha256() : NULL, NULL, key->key) == 1 &&
        EVP_DigestVerify(context, checked, checked_length, message, length) == 1;
    EVP_MD_CTX_free(context);
    return is_good;
}

#if PICKET_SETTINGS

static bool verify(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                   size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    const struct picket_linux *host = context;

    return picket_linux_verify(&host->key, algorithm, message, length, signature);
}

void picket_linux_obey_key(struct picket_linux *host, struct picket_port *port,
                           const struct picket_linux_key *key)
{
    host->key = *key;
    port->verify = verify;
}

#if PICKET_INDICATORS

static bool verify_indicators(void *context, enum picket_algorithm algorithm,
                              const uint8_t *message, size_t length,
                              const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    const struct picket_linux *host = context;

    return picket_linux_verify(&host->indicator_key, algorithm, message, length, signature);
}

void picket_linux_obey_service(struct picket_linux *host, struct picket_port *port,
                               const struct picket_linux_key *key)
{
    host->indicator_key = *key;
    port->verify_indicators = verify_indicators;
}

#endif

#endif
