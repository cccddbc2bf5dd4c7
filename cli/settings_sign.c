/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/settings.h"
#include "picket_linux_verify.h"

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

static enum picket_status load_key(const char *path, EVP_PKEY **ret,
                                   enum picket_algorithm *ret_algorithm, struct err *reterr)
{
    FILE *file = fopen(path, "rbe");
    EVP_PKEY *key = NULL;

    if (file == NULL) {
        err_set(reterr, "%s can't be opened: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    key = PEM_read_PrivateKey(file, NULL, give_no_pass_phrase, NULL);
    (void)fclose(file);
    if (key == NULL || (EVP_PKEY_is_a(key, "ED25519") != 1 && !is_p256(key))) {
        EVP_PKEY_free(key);
        err_set(reterr,
                "%s: needed is a private key in PEM, Ed25519 or P-256, without a pass phrase: "
                "openssl genpkey -algorithm ed25519",
                path);
        return PICKET_E_MALFORMED;
    }
    *ret_algorithm =
        EVP_PKEY_is_a(key, "ED25519") == 1 ? PICKET_ALGORITHM_EDDSA : PICKET_ALGORITHM_ES256;
    *ret = key;
    return PICKET_OK;
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

static bool sign(EVP_PKEY *key, enum picket_algorithm algorithm, const uint8_t *message,
                 size_t message_length, uint8_t ret_signature[PICKET_SIGNATURE_BYTES])
{
    bool is_es256 = algorithm == PICKET_ALGORITHM_ES256;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t made[DER_BYTES];
    size_t length = sizeof(made);
    bool is_made =
        context != NULL &&
        EVP_DigestSignInit(context, NULL, is_es256 ? EVP_sha256() : NULL, NULL, key) == 1 &&
        EVP_DigestSign(context, made, &length, message, message_length) == 1;

    EVP_MD_CTX_free(context);
    if (!is_made) {
        return false;
    }
    if (is_es256) {
        return take_der(made, length, ret_signature);
    }
    memcpy(ret_signature, made, PICKET_SIGNATURE_BYTES);
    return true;
}

/** What a signing works on; too large for a stack. */
struct signing {
    uint8_t payload[PICKET_SETTINGS_BYTES_MAX - PICKET_ENVELOPE_OVERHEAD];
    uint8_t message[PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD];
    uint8_t envelope[PICKET_SETTINGS_BYTES_MAX];
    uint8_t signature[PICKET_SIGNATURE_BYTES];
};

/** Signs the payload that @p envelope names, and writes it all to @p out. */
static enum picket_status put_envelope(struct signing *signing, struct picket_envelope *envelope,
                                       EVP_PKEY *key, struct buf *out)
{
    size_t message_length = 0;
    size_t length = 0;
    enum picket_status status = picket_envelope_put_signed(
        envelope, signing->message, sizeof(signing->message), &message_length);

    if (status != PICKET_OK) {
        return status;
    }
    if (!sign(key, envelope->algorithm, signing->message, message_length, signing->signature)) {
        return PICKET_E_NOMEM;
    }
    envelope->signature = signing->signature;
    status = picket_envelope_put(envelope, signing->envelope, sizeof(signing->envelope), &length);
    if (status == PICKET_OK) {
        buf_add(out, signing->envelope, length);
    }
    return status;
}

enum picket_status settings_sign(const struct picket_settings *settings, const char *key_path,
                                 struct buf *out, struct err *reterr)
{
    struct signing *signing = malloc(sizeof(*signing));
    struct picket_envelope envelope = {0};
    EVP_PKEY *key = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (signing == NULL) {
        goto out;
    }
    status = picket_settings_put(settings, signing->payload, sizeof(signing->payload),
                                 &envelope.payload_length);
    if (status != PICKET_OK) {
        goto out;
    }
    envelope.payload = signing->payload;
    status = load_key(key_path, &key, &envelope.algorithm, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = put_envelope(signing, &envelope, key, out);
out:
    if (status == PICKET_E_SPACE) {
        err_set(reterr, "the settings are larger than %u bytes: name fewer indicators",
                PICKET_SETTINGS_BYTES_MAX);
    } else if (status != PICKET_OK && reterr->text[0] == '\0') {
        err_set(reterr, "the settings can't be signed: %s", picket_strerror(status));
    }
    EVP_PKEY_free(key);
    free(signing);
    return status;
}
