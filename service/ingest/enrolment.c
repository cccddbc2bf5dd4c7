/* SPDX-License-Identifier: MIT */
#include "ingest/enrolment.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"
#include "ingest/identity_inside.h"
#include "ingest/shared_signature.h"
#include "store/store.h"

#define KEY_BYTES 32u

/* --- credentials --- */

static enum picket_status add_credential(struct identity_book *book, struct credential *row,
                                         struct err *reterr)
{
    struct store *store = book->config.store;
    enum picket_status status;

    if (!device_id_valid(row->device)) {
        err_set(reterr, "this is no device id: allowed are 1 to %u letters, digits and . _ : -",
                DEVICE_ID_MAX);
        return PICKET_E_ARG;
    }
    status = identity_begin_change(book, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = identity_check_credential(book, row, reterr);
    if (status == PICKET_OK) {
        row->number = book->next_credential;
        status = store->ops->put_credential(store, row, reterr);
    }
    status = identity_commit_change(book, status, reterr);
    return status == PICKET_OK
               ? identity_end_change(book, identity_put_credential(book, row), reterr)
               : status;
}

enum picket_status enrolment_add_certificate(struct identity_book *book, const char *device,
                                             const char *pem, int64_t now_us,
                                             struct credential *ret, struct err *reterr)
{
    X509 *certificate = identity_read_pem(pem);
    struct credential row = identity_credential_of(device, CREDENTIAL_CERTIFICATE, now_us);
    struct identity_leaf leaf;
    enum picket_status status = PICKET_E_ARG;

    if (certificate == NULL || !identity_describe(certificate, &leaf)) {
        err_set(reterr, "this is no certificate: allowed is one in PEM");
    } else {
        identity_take_leaf(&row, &leaf);
        status = add_credential(book, &row, reterr);
    }
    X509_free(certificate);
    if (status == PICKET_OK) {
        *ret = row;
    }
    return status;
}

static enum picket_status make_secret(char ret[ENROLMENT_KEY_MAX], struct err *reterr)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[KEY_BYTES + 1] = {0};
    char *out = ret;

    if (getrandom(bytes, KEY_BYTES, 0) != (ssize_t)KEY_BYTES) {
        err_set(reterr, "the system gives no random numbers");
        return PICKET_E_IO;
    }
    for (size_t i = 0; i < KEY_BYTES; i += 3) { /* the last piece has two bytes, and three digits */
        *out++ = digits[bytes[i] >> 2];
        *out++ = digits[(bytes[i] & 0x3) << 4 | bytes[i + 1] >> 4];
        *out++ = digits[(bytes[i + 1] & 0xf) << 2 | (i + 2 < KEY_BYTES ? bytes[i + 2] >> 6 : 0)];
        if (i + 2 < KEY_BYTES) {
            *out++ = digits[bytes[i + 2] & 0x3f];
        }
    }
    *out = '\0';
    return PICKET_OK;
}

enum picket_status enrolment_make_key(struct identity_book *book, const char *device,
                                      int64_t now_us, char ret_key[ENROLMENT_KEY_MAX],
                                      struct credential *ret, struct err *reterr)
{
    struct credential row = identity_credential_of(device, CREDENTIAL_KEY, now_us);
    char key[ENROLMENT_KEY_MAX];
    enum picket_status status = make_secret(key, reterr);

    if (status == PICKET_OK) {
        identity_digest(key, strlen(key), row.digest);
        status = add_credential(book, &row, reterr);
    }
    if (status == PICKET_OK) {
        memcpy(ret_key, key, sizeof(key));
        *ret = row;
    }
    return status;
}

enum picket_status enrolment_add_shared_key(struct identity_book *book, const char *device,
                                            const char *base64, int64_t now_us,
                                            struct credential *ret, struct err *reterr)
{
    struct credential row = identity_credential_of(device, CREDENTIAL_SHARED_KEY, now_us);
    enum picket_status status = PICKET_E_ARG;

    if (!base64_decode(base64, row.secret, sizeof(row.secret), &row.secret_length) ||
        row.secret_length < KEY_BYTES / 2) {
        err_set(reterr, "this is no shared access key: allowed are %u to %u bytes in base64",
                KEY_BYTES / 2, CREDENTIAL_SECRET_MAX);
    } else {
        identity_digest(row.secret, row.secret_length, row.digest);
        status = add_credential(book, &row, reterr);
    }
    if (status == PICKET_OK) {
        *ret = row;
    }
    return status;
}

/* --- revoking --- */

static bool is_meant(const struct credential *row, uint64_t number)
{
    return row->revoked_us == CREDENTIAL_NEVER && (number == 0 || row->number == number);
}

/* Each that is meant, in the store or in memory. */
static enum picket_status revoke_each(struct identity_book *book, struct identity_device *device,
                                      uint64_t number, int64_t now_us, bool in_store,
                                      struct err *reterr)
{
    struct store *store = book->config.store;
    enum picket_status status = PICKET_OK;

    for (struct identity_credential *credential = device->credentials;
         credential != NULL && status == PICKET_OK; credential = credential->next) {
        struct credential row = credential->row;

        if (!is_meant(&row, number)) {
            continue;
        }
        row.revoked_us = now_us;
        if (in_store) {
            status = store->ops->put_credential(store, &row, reterr);
        } else {
            credential->row = row;
        }
    }
    return status;
}

/* Tokens for this device alone, not used yet: with one of them it would be back. */
static enum picket_status withdraw_own(struct identity_book *book, const char *device,
                                       bool in_store, struct err *reterr)
{
    struct store *store = book->config.store;
    struct identity_token *token = book->newest_token;
    enum picket_status status = PICKET_OK;

    while (token != NULL && status == PICKET_OK) {
        struct identity_token *next = token->next;
        bool is_own =
            token->row.used_us == CREDENTIAL_NEVER && strcmp(token->row.device, device) == 0;

        if (is_own && in_store) {
            status = store->ops->delete_token(store, token->row.number, reterr);
        } else if (is_own) {
            identity_drop_token(book, token->row.number);
        }
        token = next;
    }
    return status;
}

static bool has_meant(const struct identity_device *device, uint64_t number)
{
    const struct identity_credential *credential = device == NULL ? NULL : device->credentials;

    while (credential != NULL && !is_meant(&credential->row, number)) {
        credential = credential->next;
    }
    return credential != NULL;
}

enum picket_status enrolment_revoke(struct identity_book *book, const char *device, uint64_t number,
                                    int64_t now_us, struct err *reterr)
{
    struct identity_device *known = NULL;
    enum picket_status status = identity_begin_change(book, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    known = identity_find_device(book, device);
    if (!has_meant(known, number)) {
        err_set(reterr, "device %.128s has no such credential that is not revoked", device);
        status = PICKET_E_NOTFOUND;
    }
    if (status == PICKET_OK) {
        status = revoke_each(book, known, number, now_us, true, reterr);
    }
    if (status == PICKET_OK && number == 0) {
        status = withdraw_own(book, device, true, reterr);
    }
    status = identity_commit_change(book, status, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    (void)revoke_each(book, known, number, now_us, false, reterr);
    if (number == 0) {
        (void)withdraw_own(book, device, false, reterr);
    }
    return identity_end_change(book, PICKET_OK, reterr);
}

/* --- tokens --- */

static bool is_group_name(const char *text)
{
    size_t length = strlen(text);

    return length <= GROUP_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
               length;
}

/* An id, or the beginning of one and '*'. */
static bool is_pattern(const char *text)
{
    char id[DEVICE_ID_MAX + 1];
    size_t length = strlen(text);

    if (length == 0 || length > DEVICE_ID_MAX || text[length - 1] != '*') {
        return device_id_valid(text);
    }
    snprintf(id, sizeof(id), "%.*s", (int)length - 1, text);
    return length == 1 || device_id_valid(id);
}

static enum picket_status check_token(const struct identity_book *book,
                                      const struct enrolment_token *token, int64_t now_us,
                                      struct err *reterr)
{
    if (!is_pattern(token->device)) {
        err_set(reterr, "device: allowed is a device id, or the beginning of one and *");
        return PICKET_E_ARG;
    }
    if (!is_group_name(token->group)) {
        err_set(reterr, "group: allowed are 1 to %u letters, digits and . _ -", GROUP_NAME_MAX);
        return PICKET_E_ARG;
    }
    if (token->valid_until_us <= now_us) {
        err_set(reterr, "the token would have expired already");
        return PICKET_E_ARG;
    }
    if (book->token_count >= IDENTITY_TOKENS_MAX) {
        err_set(reterr, "there are %u tokens: withdraw some", IDENTITY_TOKENS_MAX);
        return PICKET_E_LIMIT;
    }
    return PICKET_OK;
}

enum picket_status enrolment_make_token(struct identity_book *book, struct enrolment_token *token,
                                        int64_t now_us, char ret_key[ENROLMENT_KEY_MAX],
                                        struct err *reterr)
{
    struct store *store = book->config.store;
    struct enrolment_token row = *token;
    char key[ENROLMENT_KEY_MAX];
    enum picket_status status = make_secret(key, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    identity_digest(key, strlen(key), row.digest);
    row.added_us = now_us;
    row.used_us = CREDENTIAL_NEVER;
    row.used_by[0] = '\0';
    status = identity_begin_change(book, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = check_token(book, &row, now_us, reterr);
    if (status == PICKET_OK) {
        row.number = book->next_token;
        status = store->ops->put_token(store, &row, reterr);
    }
    status = identity_commit_change(book, status, reterr);
    if (status == PICKET_OK) {
        status = identity_end_change(book, identity_put_token(book, &row), reterr);
    }
    if (status == PICKET_OK) {
        memcpy(ret_key, key, sizeof(key));
        *token = row;
    }
    return status;
}

enum picket_status enrolment_withdraw_token(struct identity_book *book, uint64_t number,
                                            struct err *reterr)
{
    struct store *store = book->config.store;
    const struct identity_token *token = NULL;
    enum picket_status status = identity_begin_change(book, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    token = book->newest_token;
    while (token != NULL && token->row.number != number) {
        token = token->next;
    }
    if (token == NULL) {
        err_set(reterr, "there is no such token");
        status = PICKET_E_NOTFOUND;
    } else {
        status = store->ops->delete_token(store, number, reterr);
    }
    status = identity_commit_change(book, status, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    identity_drop_token(book, number);
    return identity_end_change(book, PICKET_OK, reterr);
}

/* --- authorities --- */

static enum picket_status check_authority(const struct identity_book *book, X509 *certificate,
                                          struct err *reterr)
{
    if (X509_check_ca(certificate) != 1) {
        err_set(reterr, "this is no certificate of an authority: it may not sign others "
                        "(basicConstraints CA:TRUE)");
        return PICKET_E_ARG;
    }
    for (size_t i = 0; i < book->authority_count; i++) {
        if (X509_cmp(book->authorities[i].certificate, certificate) == 0) {
            err_set(reterr, "this authority is trusted already");
            return PICKET_E_CONFLICT;
        }
    }
    if (book->authority_count == IDENTITY_AUTHORITIES_MAX) {
        err_set(reterr, "allowed are at most %u authorities", IDENTITY_AUTHORITIES_MAX);
        return PICKET_E_LIMIT;
    }
    return PICKET_OK;
}

static enum picket_status check_known(const struct identity_book *book, uint64_t number,
                                      struct err *reterr)
{
    for (size_t i = 0; i < book->authority_count; i++) {
        if (book->authorities[i].row.number == number) {
            return PICKET_OK;
        }
    }
    err_set(reterr, "there is no such authority");
    return PICKET_E_NOTFOUND;
}

/* Begins a change of authorities: @p added comes, or, if it is NULL, @p dropped goes. */
static enum picket_status begin_authorities(struct identity_book *book, X509 *added,
                                            uint64_t dropped, struct identity_settled *ret,
                                            struct err *reterr)
{
    enum picket_status status;

    pthread_mutex_lock(&book->change_lock);
    status =
        added != NULL ? check_authority(book, added, reterr) : check_known(book, dropped, reterr);
    if (status == PICKET_OK) {
        status = identity_settle(book, added, dropped, ret, reterr);
    }
    if (status != PICKET_OK) {
        pthread_mutex_unlock(&book->change_lock);
        return status;
    }
    status = identity_begin_store(book, reterr);
    if (status != PICKET_OK) {
        identity_drop_settled(ret);
    }
    return status;
}

static enum picket_status add_authority(struct identity_book *book, X509 *certificate,
                                        struct authority *row, struct err *reterr)
{
    struct store *store = book->config.store;
    struct identity_settled settled;
    enum picket_status status = begin_authorities(book, certificate, 0, &settled, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    row->number = book->next_authority;
    status = store->ops->put_authority(store, row, reterr);
    status = identity_commit_change(book, status, reterr);
    if (status == PICKET_OK) {
        status = identity_put_authority(book, row);
        if (status == PICKET_OK) {
            identity_install(book, &settled);
        }
        status = identity_end_change(book, status, reterr);
    }
    identity_drop_settled(&settled);
    return status;
}

enum picket_status enrolment_add_authority(struct identity_book *book, const char *pem,
                                           const char *group, int64_t now_us, struct authority *ret,
                                           struct err *reterr)
{
    X509 *certificate = identity_read_pem(pem);
    struct authority row = {.added_us = now_us};
    struct identity_leaf leaf;
    unsigned char *der = NULL;
    int length = certificate == NULL ? -1 : i2d_X509(certificate, &der);
    enum picket_status status = PICKET_E_ARG;

    if (length <= 0 || !identity_describe(certificate, &leaf)) {
        err_set(reterr, "this is no certificate: allowed is one in PEM");
    } else if (!is_group_name(group)) {
        err_set(reterr, "group: allowed are 1 to %u letters, digits and . _ -", GROUP_NAME_MAX);
    } else {
        row.certificate = der;
        row.certificate_length = (size_t)length;
        row.valid_until_us = leaf.valid_until_us;
        identity_subject(certificate, row.subject);
        snprintf(row.group, sizeof(row.group), "%s", group);
        status = add_authority(book, certificate, &row, reterr);
    }
    OPENSSL_free(der);
    X509_free(certificate);
    if (status == PICKET_OK) {
        row.certificate = NULL;
        row.certificate_length = 0;
        *ret = row;
    }
    return status;
}

enum picket_status enrolment_remove_authority(struct identity_book *book, uint64_t number,
                                              struct err *reterr)
{
    struct store *store = book->config.store;
    struct identity_settled settled;
    enum picket_status status = begin_authorities(book, NULL, number, &settled, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store->ops->delete_authority(store, number, reterr);
    status = identity_commit_change(book, status, reterr);
    if (status == PICKET_OK) {
        (void)identity_drop_authority(book, number);
        identity_install(book, &settled);
        status = identity_end_change(book, PICKET_OK, reterr);
    }
    identity_drop_settled(&settled);
    return status;
}

/* --- listings --- */

uint64_t enrolment_each_credential(struct identity_book *book, const char *device,
                                   enrolment_credential_fn *fn, void *context)
{
    const struct identity_device *known = NULL;
    uint64_t refused = 0;

    pthread_rwlock_rdlock(&book->lock);
    known = identity_find_device(book, device);
    if (known != NULL) {
        refused = atomic_load(&known->refused);
        for (const struct identity_credential *credential = known->credentials; credential != NULL;
             credential = credential->next) {
            fn(context, &credential->row, atomic_load(&credential->last_used_us));
        }
    }
    pthread_rwlock_unlock(&book->lock);
    return refused;
}

void enrolment_each_token(struct identity_book *book, enrolment_token_fn *fn, void *context)
{
    pthread_rwlock_rdlock(&book->lock);
    for (const struct identity_token *token = book->newest_token; token != NULL;
         token = token->next) {
        fn(context, &token->row);
    }
    pthread_rwlock_unlock(&book->lock);
}

void enrolment_each_authority(struct identity_book *book, enrolment_authority_fn *fn, void *context)
{
    pthread_rwlock_rdlock(&book->lock);
    for (size_t i = 0; i < book->authority_count; i++) {
        const struct identity_authority *authority = &book->authorities[i];
        const struct authority_list list = {authority->list.count, authority->list.until_us};

        fn(context, &authority->row, authority->list.is_there ? &list : NULL);
    }
    pthread_rwlock_unlock(&book->lock);
}
