/* SPDX-License-Identifier: MIT */
#include "app/private_key.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define NUMBER_BYTES (PICKET_SIGNATURE_BYTES / 2u) /* of r, and of s */
#define DER_BYTES    80u                           /* of both: 72, and a reserve */

static bool is_p256(EVP_PKEY *key)
{
    char group[32] = "";
    size_t length = 0;

    return EVP_PKEY_get_group_name(key, group, sizeof(group), &length) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/** A key's pass phrase can't be asked for: the answer is that there is none. */
static int give_no_pass_phrase(char *ret, int size, int is_writing, void *context)
{
    (void)ret;
    (void)size;
    (void)is_writing;
    (void)context;
    return -1;
}

enum picket_status private_key_load(const char *path, bool takes_p256, struct private_key *ret,
                                    struct err *reterr)
{
    FILE *file = fopen(path, "rbe");
    EVP_PKEY *key = NULL;
    bool is_ed25519 = false;

    if (file == NULL) {
        err_set(reterr, "the key %s can't be opened: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    key = PEM_read_PrivateKey(file, NULL, give_no_pass_phrase, NULL);
    (void)fclose(file);
    is_ed25519 = key != NULL && EVP_PKEY_is_a(key, "ED25519") == 1;
    if (key == NULL || !(is_ed25519 || (takes_p256 && is_p256(key)))) {
        EVP_PKEY_free(key);
        err_set(reterr,
                "%s: needed is a private key in PEM, Ed25519%s, without a pass phrase: "
                "openssl genpkey -algorithm ed25519",
                path, takes_p256 ? " or P-256" : "");
        return PICKET_E_MALFORMED;
    }
    *ret = (struct private_key){
        .key = key, .algorithm = is_ed25519 ? PICKET_ALGORITHM_EDDSA : PICKET_ALGORITHM_ES256};
    return PICKET_OK;
}

void private_key_unload(struct private_key *key)
{
    EVP_PKEY_free(key->key);
    key->key = NULL;
}

/** OpenSSL has r and s in DER, COSE side by side. */
static bool take_der(const uint8_t *der, size_t length, uint8_t *ret_signature)
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)length);
    bool is_taken =
        pair != NULL &&
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret_signature, NUMBER_BYTES) == NUMBER_BYTES &&
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret_signature + NUMBER_BYTES, NUMBER_BYTES) ==
            NUMBER_BYTES;

    ECDSA_SIG_free(pair);
    return is_taken;
}

bool private_key_sign(const struct private_key *key, const uint8_t *message, size_t length,
                      uint8_t ret_signature[PICKET_SIGNATURE_BYTES])
{
    bool is_es256 = key->algorithm == PICKET_ALGORITHM_ES256;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t made[DER_BYTES];
    size_t made_length = sizeof(made);
    bool is_made =
        context != NULL &&
        EVP_DigestSignInit(context, NULL, is_es256 ? EVP_sha256() : NULL, NULL, key->key) == 1 &&
        EVP_DigestSign(context, made, &made_length, message, length) == 1;

    EVP_MD_CTX_free(context);
    if (!is_made) {
        return false;
    }
    if (is_es256) {
        return take_der(made, made_length, ret_signature);
    }
    memcpy(ret_signature, made, PICKET_SIGNATURE_BYTES);
    return true;
}
