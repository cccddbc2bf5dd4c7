/* SPDX-License-Identifier: MIT */
/* What certificates say, and who vouches for them. */
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "ingest/identity_inside.h"

#define CHAIN_DEPTH_MAX 4 /* authorities between a device and the one that is trusted */

void identity_digest(const void *bytes, size_t length, uint8_t ret[CREDENTIAL_DIGEST_BYTES])
{
    unsigned written = 0;

    if (EVP_Digest(bytes, length, ret, &written, EVP_sha256(), NULL) != 1) {
        memset(ret, 0, CREDENTIAL_DIGEST_BYTES); /* nothing has that digest */
    }
}

static X509 *read_der(const uint8_t *bytes, size_t length)
{
    const uint8_t *at = bytes;
    X509 *certificate = length <= LONG_MAX ? d2i_X509(NULL, &at, (long)length) : NULL;

    ERR_clear_error();
    return certificate;
}

X509 *identity_read_pem(const char *pem)
{
    size_t length = strlen(pem);
    BIO *text = length <= INT_MAX ? BIO_new_mem_buf(pem, (int)length) : NULL;
    X509 *certificate = text == NULL ? NULL : PEM_read_bio_X509(text, NULL, NULL, NULL);

    BIO_free(text);
    ERR_clear_error();
    return certificate;
}

bool identity_read_time(const ASN1_TIME *time, int64_t *ret_us)
{
    struct tm parts;

    memset(&parts, 0, sizeof(parts));
    if (time == NULL || ASN1_TIME_to_tm(time, &parts) != 1) {
        return false;
    }
    *ret_us = (int64_t)timegm(&parts) * TIME_US_PER_S;
    return true;
}

static void read_name(X509 *certificate, char ret[DEVICE_ID_MAX + 1])
{
    X509_NAME *subject = X509_get_subject_name(certificate);
    int place = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    const ASN1_STRING *name = NULL;
    int length = 0;

    ret[0] = '\0';
    if (place < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, place) >= 0) {
        return; /* with two names it says nothing */
    }
    name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, place));
    length = ASN1_STRING_length(name);
    if (length > 0 && length <= (int)DEVICE_ID_MAX) {
        memcpy(ret, ASN1_STRING_get0_data(name), (size_t)length);
        ret[length] = '\0';
    }
    if (strlen(ret) != (size_t)length || !device_id_valid(ret)) {
        ret[0] = '\0';
    }
}

bool identity_describe(X509 *certificate, struct identity_leaf *ret)
{
    unsigned length = 0;

    read_name(certificate, ret->name);
    identity_paper(X509_get_issuer_name(certificate), X509_get0_serialNumber(certificate),
                   ret->paper);
    return X509_digest(certificate, EVP_sha256(), ret->digest, &length) == 1 &&
           identity_read_time(X509_get0_notBefore(certificate), &ret->valid_from_us) &&
           identity_read_time(X509_get0_notAfter(certificate), &ret->valid_until_us);
}

bool identity_read_leaf(const struct tls_certificate *certificate, struct identity_leaf *ret)
{
    X509 *read = read_der(certificate->bytes, certificate->length);
    bool is_good = read != NULL && identity_describe(read, ret);

    X509_free(read);
    return is_good;
}

void identity_name_text(const X509_NAME *name, char ret[SUBJECT_TEXT_MAX])
{
    BIO *out = BIO_new(BIO_s_mem());
    int length = 0;

    if (out != NULL &&
        X509_NAME_print_ex(out, name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB) > 0) {
        length = BIO_read(out, ret, (int)SUBJECT_TEXT_MAX - 1);
    }
    ret[length > 0 ? length : 0] = '\0';
    BIO_free(out);
}

void identity_subject(X509 *certificate, char ret[SUBJECT_TEXT_MAX])
{
    identity_name_text(X509_get_subject_name(certificate), ret);
}

/* The chain's others, which help to find the way; NULL if memory is out. */
static STACK_OF(X509) * read_others(const struct tls_certificate *certificates, size_t count)
{
    STACK_OF(X509) *others = sk_X509_new_null();

    for (size_t i = 1; others != NULL && i < count; i++) {
        X509 *certificate = read_der(certificates[i].bytes, certificates[i].length);

        if (certificate != NULL && sk_X509_push(others, certificate) <= 0) {
            X509_free(certificate);
        }
    }
    return others;
}

/* That of the book which the verified chain has. */
static const struct identity_authority *find_authority(const struct identity_book *book,
                                                       X509_STORE_CTX *verification)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verification);

    for (int i = 0; chain != NULL && i < sk_X509_num(chain); i++) {
        for (size_t k = 0; k < book->authority_count; k++) {
            if (X509_cmp(sk_X509_value(chain, i), book->authorities[k].certificate) == 0) {
                return &book->authorities[k];
            }
        }
    }
    return NULL;
}

/* An expired leaf is told apart from one that nobody vouches for, so its time is the caller's to
 * check; that of the authorities is checked here. */
static bool authorities_are_valid(X509_STORE_CTX *verification, int64_t now_us)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verification);
    struct identity_leaf authority;

    for (int i = 1; chain != NULL && i < sk_X509_num(chain); i++) {
        if (!identity_describe(sk_X509_value(chain, i), &authority) ||
            now_us < authority.valid_from_us || now_us > authority.valid_until_us) {
            return false;
        }
    }
    return chain != NULL;
}

static void read_chain(X509_STORE_CTX *verification, struct identity_chain *ret)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(verification);

    for (int i = 1; i < sk_X509_num(chain) && ret->count < IDENTITY_CHAIN_MAX; i++) {
        const X509 *certificate = sk_X509_value(chain, i);

        identity_paper(X509_get_issuer_name(certificate), X509_get0_serialNumber(certificate),
                       ret->papers[ret->count++]);
    }
}

const struct identity_authority *identity_verify(const struct identity_book *book,
                                                 const struct tls_certificate *certificates,
                                                 size_t count, int64_t now_us,
                                                 struct identity_chain *ret_chain)
{
    const struct identity_authority *authority = NULL;
    X509 *leaf = NULL;
    STACK_OF(X509) *others = NULL;
    X509_STORE_CTX *verification = X509_STORE_CTX_new();

    ret_chain->count = 0;
    if (book->trust == NULL || verification == NULL) {
        goto out;
    }
    leaf = read_der(certificates[0].bytes, certificates[0].length);
    others = read_others(certificates, count);
    if (leaf == NULL || others == NULL ||
        X509_STORE_CTX_init(verification, book->trust, leaf, others) != 1) {
        goto out;
    }
    X509_STORE_CTX_set_depth(verification, CHAIN_DEPTH_MAX);
    /* An authority of the book need not be a root of anything. */
    X509_STORE_CTX_set_flags(verification, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN);
    if (X509_STORE_CTX_set_purpose(verification, X509_PURPOSE_SSL_CLIENT) != 1 ||
        X509_verify_cert(verification) != 1) {
        goto out;
    }
    read_chain(verification, ret_chain);
    if (authorities_are_valid(verification, now_us)) {
        authority = find_authority(book, verification);
    }
    if (authority != NULL && X509_cmp(leaf, authority->certificate) == 0) {
        authority = NULL; /* the authority itself is no device */
    }
out:
    X509_STORE_CTX_free(verification);
    sk_X509_pop_free(others, X509_free);
    X509_free(leaf);
    ERR_clear_error();
    return authority;
}

void identity_learn_chain(const struct identity_book *book, const struct identity_claim *claim,
                          struct identity_credential *credential)
{
    uint64_t tried =
        book->next_authority << 16 | book->authority_count << 8 | (claim->certificate_count & 0xff);
    struct identity_chain *none = NULL;
    struct identity_chain *kept = NULL;
    struct identity_chain chain;

    if (atomic_load(&credential->chain) != NULL || atomic_load(&credential->tried) == tried) {
        return;
    }
    (void)identity_verify(book, claim->certificates, claim->certificate_count, claim->now_us,
                          &chain);
    if (chain.count == 0) {
        atomic_store(&credential->tried, tried);
        return;
    }
    kept = malloc(sizeof(*kept)); /* if memory is out, the next time will do */
    if (kept != NULL) {
        *kept = chain;
    }
    if (kept != NULL && !atomic_compare_exchange_strong(&credential->chain, &none, kept)) {
        free(kept); /* another door was quicker */
    }
}
