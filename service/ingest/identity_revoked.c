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

static bool is_listed(const struct identity_revoked *revoked,
                      const uint8_t paper[CREDENTIAL_DIGEST_BYTES])
{
    return revoked->count > 0 && bsearch(paper, revoked->papers, revoked->count,
                                         CREDENTIAL_DIGEST_BYTES, compare_papers) != NULL;
}

bool identity_is_revoked(const struct identity_book *book,
                         const uint8_t paper[CREDENTIAL_DIGEST_BYTES],
                         const struct identity_chain *chain)
{
    bool is_revoked = is_listed(&book->revoked, paper);

    for (size_t i = 0; chain != NULL && i < chain->count && !is_revoked; i++) {
        is_revoked = is_listed(&book->revoked, chain->papers[i]);
    }
    return is_revoked;
}

/* --- what counts --- */

/** Authorities of the book at one moment. */
struct authorities {
    X509 *items[IDENTITY_AUTHORITIES_MAX];
    size_t count;
    uint64_t next; /* of the book: with the count it says if they are still the same */
};

static bool has_signed(X509 *authority, X509_CRL *list)
{
    return X509_NAME_cmp(X509_CRL_get_issuer(list), X509_get_subject_name(authority)) == 0 &&
           (X509_get_key_usage(authority) & X509v3_KU_CRL_SIGN) != 0 &&
           X509_CRL_verify(list, X509_get0_pubkey(authority)) == 1;
}

/* Their count if none has. */
static size_t find_signer(const struct authorities *authorities, X509_CRL *list)
{
    size_t place = 0;

    while (place < authorities->count && !has_signed(authorities->items[place], list)) {
        place++;
    }
    return place;
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

static void settle_list(struct identity_settled *settled, const struct authorities *authorities,
                        size_t number)
{
    X509_CRL *list = settled->revoked.lists.items[number];
    size_t signer = find_signer(authorities, list);

    if (signer == authorities->count) {
        return;
    }
    settled->counts[number] = true;
    add_papers(&settled->revoked, authorities->items[signer], list);
    settled->of[signer] = (struct identity_authority_list){
        .is_there = true, .count = length_of(list), .until_us = valid_until(list)};
}

/* Lists are shared from here on. */
static enum picket_status settle(const struct authorities *authorities,
                                 const struct identity_lists *lists, struct identity_settled *ret,
                                 struct err *reterr)
{
    struct identity_revoked *revoked = &ret->revoked;
    size_t total = 0;

    *ret = (struct identity_settled){.revoked = {.count = 0}};
    for (size_t i = 0; i < lists->count; i++) {
        total += length_of(lists->items[i]);
    }
    revoked->papers = malloc((total + 1) * sizeof(revoked->papers[0]));
    if (revoked->papers == NULL) {
        err_set(reterr, "out of memory for revocation lists");
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < lists->count; i++) {
        X509_CRL_up_ref(lists->items[i]);
        revoked->lists.items[revoked->lists.count++] = lists->items[i];
        settle_list(ret, authorities, i);
    }
    qsort(revoked->papers, revoked->count, sizeof(revoked->papers[0]), compare_papers);
    ERR_clear_error();
    return PICKET_OK;
}

enum picket_status identity_settle(struct identity_book *book, X509 *added, uint64_t dropped,
                                   struct identity_settled *ret, struct err *reterr)
{
    struct authorities authorities = {.count = 0};

    for (size_t i = 0; i < book->authority_count; i++) {
        if (book->authorities[i].row.number != dropped) {
            authorities.items[authorities.count++] = book->authorities[i].certificate;
        }
    }
    if (added != NULL) {
        authorities.items[authorities.count++] = added; /* there is room: it was checked */
    }
    return settle(&authorities, &book->revoked.lists, ret, reterr);
}

void identity_install(struct identity_book *book, struct identity_settled *settled)
{
    struct identity_revoked before = book->revoked;

    book->revoked = settled->revoked;
    settled->revoked = before;
    for (size_t i = 0; i < book->authority_count; i++) {
        book->authorities[i].list = settled->of[i];
    }
}

static void drop_lists(struct identity_lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        X509_CRL_free(lists->items[i]);
    }
    lists->count = 0;
}

void identity_drop_revoked(struct identity_revoked *revoked)
{
    drop_lists(&revoked->lists);
    free(revoked->papers);
    *revoked = (struct identity_revoked){.count = 0};
}

void identity_drop_settled(struct identity_settled *settled)
{
    identity_drop_revoked(&settled->revoked);
}

/* --- the file --- */

/* What such an extension says would change what the list means: of another's certificates, of some
 * alone, of changes since an earlier one. */
static bool is_whole(const X509_CRL *list)
{
    return X509_CRL_get_ext_by_critical(list, 1, -1) < 0;
}

static enum picket_status parse(const struct buf *text, struct identity_lists *ret,
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
        if (ret->count == IDENTITY_LISTS_MAX) {
            err_set(reterr, "more than %u lists", IDENTITY_LISTS_MAX);
            status = PICKET_E_LIMIT;
        } else if (!is_whole(list)) {
            err_set(reterr,
                    "list %zu is a delta, indirect or of some certificates alone: give "
                    "whole ones",
                    ret->count + 1);
            status = PICKET_E_MALFORMED;
        } else {
            ret->items[ret->count++] = list;
            list = NULL;
        }
        X509_CRL_free(list);
    }
    /* The end of the text is told as an error, too. */
    if (status == PICKET_OK &&
        (ret->count == 0 || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)) {
        err_set(reterr, "list %zu can't be read: allowed are lists in PEM (X509 CRL)",
                ret->count + 1);
        status = PICKET_E_MALFORMED;
    }
    ERR_clear_error();
    BIO_free(source);
    return status;
}

static enum picket_status read_lists(const char *path, struct identity_lists *ret,
                                     struct err *reterr)
{
    struct buf text;
    enum picket_status status;

    buf_init(&text, FILE_BYTES_MAX);
    status = file_read(path, &text, reterr);
    if (status == PICKET_OK) {
        status = parse(&text, ret, reterr);
        if (status != PICKET_OK) {
            err_prefix(reterr, "%s", path);
        }
    }
    buf_deinit(&text);
    return status;
}

/* @p counts: those that do, as in struct identity_settled. */
static void tell(const struct identity_lists *lists, const bool *counts, int64_t now_us)
{
    char issuer[SUBJECT_TEXT_MAX];

    for (size_t i = 0; i < lists->count; i++) {
        identity_name_text(X509_CRL_get_issuer(lists->items[i]), issuer);
        if (!counts[i]) {
            log_warning("the revocation list of \"%s\" counts for nothing: no authority that "
                        "devices are let in by has signed it",
                        issuer);
        } else if (valid_until(lists->items[i]) < now_us) {
            log_warning("the revocation list of \"%s\" has expired: who is on it stays refused, "
                        "and who was revoked since is let in",
                        issuer);
        }
    }
}

static void take_authorities(struct identity_book *book, struct authorities *ret)
{
    pthread_rwlock_rdlock(&book->lock);
    ret->next = book->next_authority;
    ret->count = book->authority_count;
    for (size_t i = 0; i < ret->count; i++) {
        ret->items[i] = book->authorities[i].certificate;
        X509_up_ref(ret->items[i]);
    }
    pthread_rwlock_unlock(&book->lock);
}

static void drop_authorities(struct authorities *authorities)
{
    for (size_t i = 0; i < authorities->count; i++) {
        X509_free(authorities->items[i]);
    }
}

/* False, and nothing is changed, if the book has others by now. */
static bool install_for(struct identity_book *book, const struct authorities *authorities,
                        struct identity_settled *settled)
{
    bool is_same;

    pthread_mutex_lock(&book->change_lock);
    is_same =
        book->next_authority == authorities->next && book->authority_count == authorities->count;
    if (is_same) {
        pthread_rwlock_wrlock(&book->lock);
        identity_install(book, settled);
        pthread_rwlock_unlock(&book->lock);
    }
    pthread_mutex_unlock(&book->change_lock);
    return is_same;
}

enum picket_status identity_load_revoked(struct identity_book *book, const char *path,
                                         int64_t now_us, struct err *reterr)
{
    struct identity_lists lists = {.count = 0};
    enum picket_status status = read_lists(path, &lists, reterr);
    bool is_done = false;

    while (status == PICKET_OK && !is_done) {
        struct authorities authorities;
        struct identity_settled settled;
        size_t count = 0;

        take_authorities(book, &authorities);
        status = settle(&authorities, &lists, &settled, reterr);
        if (status == PICKET_OK) {
            count = settled.revoked.count;
            is_done = install_for(book, &authorities, &settled);
            identity_drop_settled(&settled);
        }
        if (is_done) {
            tell(&lists, settled.counts, now_us);
            log_notice("%zu certificates are revoked by %zu lists", count, lists.count);
        }
        drop_authorities(&authorities);
    }
    drop_lists(&lists);
    return status;
}
