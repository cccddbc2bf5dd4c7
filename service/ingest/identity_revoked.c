/* SPDX-License-Identifier: MIT */
/* Certificates that authorities have revoked: lists (CRLs) from a file, beside the book. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "ingest/identity_inside.h"

#define FILE_BYTES_MAX ((size_t)32 * 1024 * 1024)

void identity_paper(const X509_NAME *issuer, const ASN1_INTEGER *serial,
                    uint8_t ret[CREDENTIAL_DIGEST_BYTES])
{
    uint8_t both[2][CREDENTIAL_DIGEST_BYTES];
    const unsigned char *name = NULL;
    size_t length = 0;

    (void)X509_NAME_get0_der(issuer, &name, &length);
    identity_digest(name, length, both[0]);
    identity_digest(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), both[1]);
    identity_digest(both, sizeof(both), ret);
}

static int compare_papers(const void *a, const void *b)
{
    return memcmp(a, b, CREDENTIAL_DIGEST_BYTES);
}

bool identity_is_revoked(const struct identity_book *book,
                         const uint8_t paper[CREDENTIAL_DIGEST_BYTES])
{
    const struct identity_revoked *revoked = &book->revoked;

    return revoked->count > 0 && bsearch(paper, revoked->papers, revoked->count,
                                         CREDENTIAL_DIGEST_BYTES, compare_papers) != NULL;
}

/* --- what counts --- */

static bool has_signed(const struct identity_authority *authority, X509_CRL *list)
{
    X509 *certificate = authority->certificate;

    return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(certificate)) == 0 &&
           (X509_get_key_usage(certificate) & X509v3_KU_CRL_SIGN) != 0 &&
           X509_CRL_verify(list, X509_get0_pubkey(certificate)) == 1;
}

static struct identity_authority *find_signer(struct identity_book *book, X509_CRL *list)
{
    for (size_t i = 0; i < book->authority_count; i++) {
        if (has_signed(&book->authorities[i], list)) {
            return &book->authorities[i];
        }
    }
    return NULL;
}

static size_t length_of(X509_CRL *list)
{
    int count = sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list));

    return count > 0 ? (size_t)count : 0;
}

static void add_papers(struct identity_revoked *revoked, const X509 *authority, X509_CRL *list)
{
    STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(list);

    for (size_t i = 0; i < length_of(list); i++) {
        identity_paper(X509_get_subject_name(authority),
                       X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, (int)i)),
                       revoked->papers[revoked->count++]);
    }
}

/* As the certificate says it; CREDENTIAL_NEVER if it does not. */
static int64_t valid_until(const X509_CRL *list)
{
    int64_t until_us = CREDENTIAL_NEVER;

    (void)identity_read_time(X509_CRL_get0_nextUpdate(list), &until_us);
    return until_us;
}

bool identity_settle_revoked(struct identity_book *book)
{
    struct identity_revoked *revoked = &book->revoked;
    uint8_t(*papers)[CREDENTIAL_DIGEST_BYTES] = NULL;
    size_t total = 0;

    for (size_t i = 0; i < revoked->list_count; i++) {
        total += length_of(revoked->lists[i]);
    }
    papers = malloc((total + 1) * sizeof(papers[0]));
    if (papers == NULL) {
        return false;
    }
    free(revoked->papers);
    revoked->papers = papers;
    revoked->count = 0;
    for (size_t i = 0; i < book->authority_count; i++) {
        book->authorities[i].has_list = false;
    }
    for (size_t i = 0; i < revoked->list_count; i++) {
        struct identity_authority *signer = find_signer(book, revoked->lists[i]);

        if (signer != NULL) {
            add_papers(revoked, signer->certificate, revoked->lists[i]);
            signer->has_list = true;
            signer->listed = length_of(revoked->lists[i]);
            signer->list_until_us = valid_until(revoked->lists[i]);
        }
    }
    qsort(revoked->papers, revoked->count, sizeof(revoked->papers[0]), compare_papers);
    ERR_clear_error();
    return true;
}

void identity_drop_revoked(struct identity_revoked *revoked)
{
    for (size_t i = 0; i < revoked->list_count; i++) {
        X509_CRL_free(revoked->lists[i]);
    }
    free(revoked->papers);
    *revoked = (struct identity_revoked){.list_count = 0};
}

/* --- the file --- */

/* What such an extension says would change what the list means: of another's certificates, of some
 * alone, of changes since an earlier one. */
static bool is_whole(const X509_CRL *list)
{
    return X509_CRL_get_ext_by_critical(list, 1, -1) < 0;
}

static enum picket_status parse(const struct buf *text, struct identity_revoked *ret,
                                struct err *reterr)
{
    BIO *source = BIO_new_mem_buf(text->length == 0 ? "" : text->bytes, (int)text->length);
    enum picket_status status = PICKET_OK;
    X509_CRL *list = NULL;

    if (source == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    while (status == PICKET_OK &&
           (list = PEM_read_bio_X509_CRL(source, NULL, NULL, NULL)) != NULL) {
        if (ret->list_count == IDENTITY_LISTS_MAX) {
            err_set(reterr, "more than %u lists", IDENTITY_LISTS_MAX);
            status = PICKET_E_LIMIT;
        } else if (!is_whole(list)) {
            err_set(reterr,
                    "list %zu is a delta, indirect or of some certificates alone: give "
                    "whole ones",
                    ret->list_count + 1);
            status = PICKET_E_MALFORMED;
        } else {
            ret->lists[ret->list_count++] = list;
            list = NULL;
        }
        X509_CRL_free(list);
    }
    /* The end of the text is told as an error, too. */
    if (status == PICKET_OK &&
        (ret->list_count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)) {
        err_set(reterr, "list %zu can't be read: allowed are lists in PEM (X509 CRL)",
                ret->list_count + 1);
        status = PICKET_E_MALFORMED;
    }
    ERR_clear_error();
    BIO_free(source);
    return status;
}

static void tell(struct identity_book *book, int64_t now_us)
{
    char issuer[SUBJECT_TEXT_MAX];

    for (size_t i = 0; i < book->revoked.list_count; i++) {
        X509_CRL *list = book->revoked.lists[i];

        identity_name_text(X509_CRL_get_issuer(list), issuer);
        if (find_signer(book, list) == NULL) {
            log_warning("the revocation list of \"%s\" counts for nothing: no authority that "
                        "devices are let in by has signed it",
                        issuer);
        } else if (valid_until(list) < now_us) {
            log_warning("the revocation list of \"%s\" has expired: who is on it stays refused, "
                        "and who was revoked since is let in",
                        issuer);
        }
    }
    log_notice("%zu certificates are revoked by %zu lists", book->revoked.count,
               book->revoked.list_count);
}

enum picket_status identity_load_revoked(struct identity_book *book, const char *path,
                                         int64_t now_us, struct err *reterr)
{
    struct identity_revoked revoked = {.list_count = 0};
    struct buf text;
    enum picket_status status;

    buf_init(&text, FILE_BYTES_MAX);
    status = file_read(path, &text, reterr);
    if (status == PICKET_OK) {
        status = parse(&text, &revoked, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s", path);
        }
    }
    if (status == PICKET_OK) {
        struct identity_revoked before;

        pthread_rwlock_wrlock(&book->lock);
        before = book->revoked;
        book->revoked = revoked;
        if (identity_settle_revoked(book)) {
            revoked = before; /* let go of below */
        } else {
            book->revoked = before;
            status = PICKET_E_NOMEM;
            err_set(reterr, "out of memory for revocation lists");
        }
        pthread_rwlock_unlock(&book->lock);
    }
    if (status == PICKET_OK) {
        pthread_rwlock_rdlock(&book->lock);
        tell(book, now_us);
        pthread_rwlock_unlock(&book->lock);
    }
    identity_drop_revoked(&revoked);
    buf_deinit(&text);
    return status;
}
