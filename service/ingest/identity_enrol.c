/* SPDX-License-Identifier: MIT */
/* How the book changes: first the store, then memory; and devices that enrol themselves. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ingest/identity_inside.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

enum picket_status identity_begin_store(struct identity_book *book, struct err *reterr)
{
    enum picket_status status = book->config.store->ops->begin(book->config.store, reterr);

    if (status != PICKET_OK) {
        pthread_mutex_unlock(&book->change_lock);
    }
    return status;
}

enum picket_status identity_begin_change(struct identity_book *book, struct err *reterr)
{
    pthread_mutex_lock(&book->change_lock);
    return identity_begin_store(book, reterr);
}

/* True if what was put is stored: then memory may be changed, and identity_end_change() follows. */
enum picket_status identity_commit_change(struct identity_book *book, enum picket_status status,
                                          struct err *reterr)
{
    status = store_end(book->config.store, status, reterr);
    if (status == PICKET_OK) {
        pthread_rwlock_wrlock(&book->lock);
    } else {
        pthread_mutex_unlock(&book->change_lock);
    }
    return status;
}

/* Should memory be out, what is stored is in force after the next start. */
enum picket_status identity_end_change(struct identity_book *book, enum picket_status status,
                                       struct err *reterr)
{
    pthread_rwlock_unlock(&book->lock);
    pthread_mutex_unlock(&book->change_lock);
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory: it is stored, but not in force before the next start");
    }
    return status;
}

/* Why @p row can't be added; with the change lock, so that it stays so. */
enum picket_status identity_check_credential(struct identity_book *book,
                                             const struct credential *row, struct err *reterr)
{
    const struct identity_device *device = identity_find_device(book, row->device);
    const struct identity_credential *known =
        row->kind == CREDENTIAL_SHARED_KEY ? NULL
                                           : identity_find_credential(book, row->kind, row->digest);

    if (known != NULL) {
        err_set(reterr, "this %s is in the book already, of device %s%s",
                credential_kind_name(row->kind), known->row.device,
                known->row.revoked_us == CREDENTIAL_NEVER ? "" : ", and revoked");
        return PICKET_E_CONFLICT;
    }
    if (device != NULL && device->credential_count >= ENROLMENT_CREDENTIALS_MAX) {
        err_set(reterr, "device %s has had %u credentials: more are not kept", row->device,
                ENROLMENT_CREDENTIALS_MAX);
        return PICKET_E_LIMIT;
    }
    return PICKET_OK;
}

struct credential identity_credential_of(const char *device, enum credential_kind kind,
                                         int64_t now_us)
{
    struct credential row = {.kind = kind,
                             .added_us = now_us,
                             .valid_from_us = INT64_MIN,
                             .valid_until_us = CREDENTIAL_NEVER,
                             .revoked_us = CREDENTIAL_NEVER};

    snprintf(row.device, sizeof(row.device), "%s", device);
    return row;
}

void identity_take_leaf(struct credential *row, const struct identity_leaf *leaf)
{
    memcpy(row->digest, leaf->digest, sizeof(row->digest));
    row->valid_from_us = leaf->valid_from_us;
    row->valid_until_us = leaf->valid_until_us;
}

/* --- devices that enrol themselves --- */

bool identity_has_good(const struct identity_device *device)
{
    const struct identity_credential *credential = device->credentials;

    while (credential != NULL && credential->row.revoked_us != CREDENTIAL_NEVER) {
        credential = credential->next;
    }
    return credential != NULL;
}

enum identity_verdict identity_may_enrol(const struct identity_device *device,
                                         enum identity_way way)
{
    bool has_certificate = false;

    if (device == NULL || way == IDENTITY_BY_OWN_TOKEN) {
        return IDENTITY_GOOD;
    }
    for (const struct identity_credential *credential = device->credentials; credential != NULL;
         credential = credential->next) {
        has_certificate |= credential->row.kind == CREDENTIAL_CERTIFICATE;
    }
    if (!identity_has_good(device)) {
        return IDENTITY_REVOKED;
    }
    return way == IDENTITY_BY_OPEN_TOKEN || has_certificate ? IDENTITY_MISMATCH : IDENTITY_GOOD;
}

/** What an enrolment puts into the store. */
struct admission {
    struct credential row;
    struct enrolment_token token; /* number 0: none */
    const char *group;
};

/* Decides again, now that nobody else changes the book. */
static enum identity_verdict
admit(struct identity_book *book, const struct identity_enrolment *enrolment, struct admission *ret)
{
    const struct identity_device *device = identity_find_device(book, enrolment->device);
    const struct identity_token *token =
        enrolment->token == NULL ? NULL : identity_find_token(book, enrolment->token);
    enum identity_way way = IDENTITY_BY_AUTHORITY;

    ret->group = "";
    if (enrolment->token != NULL && (token == NULL || token->row.used_us != CREDENTIAL_NEVER)) {
        return IDENTITY_INVALID;
    }
    if (token != NULL) {
        way = strcmp(token->row.device, enrolment->device) == 0 ? IDENTITY_BY_OWN_TOKEN
                                                                : IDENTITY_BY_OPEN_TOKEN;
        ret->token = token->row;
        ret->token.used_us = enrolment->now_us;
        snprintf(ret->token.used_by, sizeof(ret->token.used_by), "%s", enrolment->device);
        ret->group = ret->token.group;
    }
    for (size_t i = 0; i < book->authority_count; i++) {
        if (book->authorities[i].row.number == enrolment->authority) {
            ret->group = book->authorities[i].row.group;
        }
    }
    ret->row = identity_credential_of(
        enrolment->device, enrolment->leaf == NULL ? CREDENTIAL_KEY : CREDENTIAL_CERTIFICATE,
        enrolment->now_us);
    if (enrolment->leaf != NULL) {
        identity_take_leaf(&ret->row, enrolment->leaf);
    } else {
        assert(enrolment->token != NULL); /* an authority has seen a certificate */
        memcpy(ret->row.digest, enrolment->token, sizeof(ret->row.digest));
    }
    return identity_may_enrol(device, way);
}

static enum picket_status store_admission(struct identity_book *book, struct admission *admission,
                                          struct err *reterr)
{
    struct store *store = book->config.store;
    enum picket_status status = identity_check_credential(book, &admission->row, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    admission->row.number = book->next_credential;
    status = store->ops->put_credential(store, &admission->row, reterr);
    if (status == PICKET_OK && admission->token.number != 0) {
        status = store->ops->put_token(store, &admission->token, reterr);
    }
    return status;
}

static enum picket_status remember_admission(struct identity_book *book,
                                             const struct admission *admission)
{
    enum picket_status status = identity_put_credential(book, &admission->row);

    return status == PICKET_OK && admission->token.number != 0
               ? identity_put_token(book, &admission->token)
               : status;
}

/* Without the transaction: of what it decides on, nothing changes under the change lock. */
static enum identity_verdict prepare(struct identity_book *book,
                                     const struct identity_enrolment *enrolment,
                                     struct admission *ret)
{
    enum identity_verdict verdict = admit(book, enrolment, ret);
    enum picket_status status = PICKET_OK;

    /* The group before the device: it would stay without one if the queue were full later. */
    if (verdict == IDENTITY_GOOD && ret->group[0] != '\0') {
        status = pipeline_assign(book->config.pipeline, enrolment->device, ret->group, NULL, NULL);
    }
    return status == PICKET_OK ? verdict : IDENTITY_BUSY;
}

/* PICKET_E_CONFLICT, PICKET_E_LIMIT: it can't be; anything else: not now. Ends the change. */
static enum picket_status carry_out(struct identity_book *book, struct admission *admission,
                                    struct err *reterr)
{
    enum picket_status status = identity_begin_store(book, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = store_admission(book, admission, reterr);
    status = identity_commit_change(book, status, reterr);
    return status == PICKET_OK
               ? identity_end_change(book, remember_admission(book, admission), reterr)
               : status;
}

enum identity_verdict identity_enrol(struct identity_book *book,
                                     const struct identity_enrolment *enrolment,
                                     struct credential *ret)
{
    struct admission admission = {.token = {.number = 0}};
    struct err err = {""};
    enum identity_verdict verdict;
    enum picket_status status;

    pthread_mutex_lock(&book->change_lock);
    verdict = prepare(book, enrolment, &admission);
    if (verdict != IDENTITY_GOOD) {
        pthread_mutex_unlock(&book->change_lock);
        return verdict;
    }
    status = carry_out(book, &admission, &err);
    if (status == PICKET_E_CONFLICT || status == PICKET_E_LIMIT) {
        return IDENTITY_INVALID; /* another device has that certificate */
    }
    if (status != PICKET_OK) {
        return IDENTITY_BUSY;
    }
    log_notice("device %s enrolled itself by %s", enrolment->device,
               enrolment->token != NULL ? "a token" : "an authority");
    *ret = admission.row;
    return IDENTITY_GOOD;
}
