/* SPDX-License-Identifier: MIT */
#include "ingest/identity.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "ingest/identity_inside.h"
#include "ingest/shared_signature.h"
#include "store/store.h"

/** One claim being judged. */
struct judgement {
    struct identity_book *book;
    const struct identity_claim *claim;
    struct identity_credential *good;    /* by which it is good */
    const struct identity_device *about; /* whom a refusal is about; NULL: the source alone */
    const char *about_new;               /* the same, of one that is vouched for but not known */
    bool is_certificate;                 /* what was presented */
    struct identity_leaf leaf;           /* if it is, and can be read; also beside a token */
    bool has_leaf;
    const uint8_t *expected;             /* digest of the certificate that the device has */
    int64_t valid_until_us;              /* of what has expired */
    int64_t until_us;                    /* of what is good */
    struct identity_enrolment enrolment; /* device NULL: there is none to do */
    uint8_t token[CREDENTIAL_DIGEST_BYTES];
};

/* --- by what it is good, or not --- */

static bool is_valid_at(const struct credential *row, int64_t now_us)
{
    return now_us >= row->valid_from_us && now_us <= row->valid_until_us;
}

static enum identity_verdict judge_row(struct judgement *judgement,
                                       struct identity_credential *credential)
{
    const struct credential *row = &credential->row;

    if (row->revoked_us != CREDENTIAL_NEVER) {
        return IDENTITY_REVOKED;
    }
    if (!is_valid_at(row, judgement->claim->now_us)) {
        judgement->valid_until_us = row->valid_until_us;
        return IDENTITY_EXPIRED;
    }
    judgement->good = credential;
    judgement->until_us = row->valid_until_us;
    return IDENTITY_GOOD;
}

/* What is another device's is told of that one: it is who misbehaves. */
static enum identity_verdict judge_foreign(struct judgement *judgement,
                                           struct identity_credential *credential)
{
    enum identity_verdict verdict = judge_row(judgement, credential);

    judgement->good = NULL;
    judgement->about = identity_find_device(judgement->book, credential->row.device);
    return verdict == IDENTITY_GOOD ? IDENTITY_FOREIGN : verdict;
}

/* --- certificates --- */

static const struct identity_credential *certificate_of(const struct identity_device *device)
{
    const struct identity_credential *credential = device == NULL ? NULL : device->credentials;

    while (credential != NULL && (credential->row.kind != CREDENTIAL_CERTIFICATE ||
                                  credential->row.revoked_us != CREDENTIAL_NEVER)) {
        credential = credential->next;
    }
    return credential;
}

/* Nobody vouches for it. */
static enum identity_verdict judge_stranger(struct judgement *judgement,
                                            const struct identity_device *device)
{
    const struct identity_credential *pinned = certificate_of(device);

    judgement->about = device;
    if (device == NULL) {
        return IDENTITY_UNKNOWN;
    }
    judgement->expected = pinned == NULL ? NULL : pinned->row.digest;
    return pinned == NULL ? IDENTITY_INVALID : IDENTITY_MISMATCH;
}

static enum identity_verdict judge_vouched(struct judgement *judgement,
                                           const struct identity_authority *authority)
{
    const struct identity_claim *claim = judgement->claim;
    const struct identity_leaf *leaf = &judgement->leaf;
    const struct identity_device *device = identity_find_device(judgement->book, leaf->name);
    const struct identity_credential *pinned = certificate_of(device);
    enum identity_verdict verdict = identity_may_enrol(device, IDENTITY_BY_AUTHORITY);

    judgement->about = device;
    judgement->about_new = leaf->name;
    if (claim->device != NULL && strcmp(claim->device, leaf->name) != 0) {
        return IDENTITY_FOREIGN;
    }
    if (verdict != IDENTITY_GOOD) {
        judgement->expected = pinned == NULL ? NULL : pinned->row.digest;
        return verdict;
    }
    if (claim->now_us < leaf->valid_from_us || claim->now_us > leaf->valid_until_us) {
        judgement->valid_until_us = leaf->valid_until_us;
        return IDENTITY_EXPIRED;
    }
    judgement->enrolment = (struct identity_enrolment){.device = leaf->name,
                                                       .leaf = leaf,
                                                       .authority = authority->row.number,
                                                       .now_us = claim->now_us};
    judgement->until_us = leaf->valid_until_us;
    return IDENTITY_GOOD;
}

static enum identity_verdict judge_certificate(struct judgement *judgement)
{
    const struct identity_claim *claim = judgement->claim;
    const struct identity_authority *authority = NULL;
    struct identity_credential *known = NULL;

    judgement->is_certificate = true;
    if (!judgement->has_leaf) {
        return IDENTITY_UNKNOWN;
    }
    known =
        identity_find_credential(judgement->book, CREDENTIAL_CERTIFICATE, judgement->leaf.digest);
    if (known != NULL && claim->device != NULL && strcmp(known->row.device, claim->device) != 0) {
        return judge_foreign(judgement, known);
    }
    if (known != NULL) {
        judgement->about = identity_find_device(judgement->book, known->row.device);
        return judge_row(judgement, known);
    }
    if (judgement->leaf.name[0] != '\0') {
        authority = identity_verify(judgement->book, claim->certificates, claim->certificate_count,
                                    claim->now_us);
    }
    if (authority != NULL) {
        return judge_vouched(judgement, authority);
    }
    return judge_stranger(judgement,
                          identity_find_device(judgement->book, claim->device != NULL
                                                                    ? claim->device
                                                                    : judgement->leaf.name));
}

/* --- keys and tokens --- */

static struct identity_credential *find_key(const struct identity_device *device,
                                            const uint8_t digest[CREDENTIAL_DIGEST_BYTES])
{
    struct identity_credential *credential = device == NULL ? NULL : device->credentials;

    while (credential != NULL &&
           (credential->row.kind != CREDENTIAL_KEY ||
            CRYPTO_memcmp(credential->row.digest, digest, CREDENTIAL_DIGEST_BYTES) != 0)) {
        credential = credential->next;
    }
    return credential;
}

static enum identity_verdict judge_token(struct judgement *judgement,
                                         const struct identity_token *token)
{
    const struct identity_claim *claim = judgement->claim;
    const struct identity_device *device = identity_find_device(judgement->book, claim->device);
    bool is_own = strcmp(token->row.device, claim->device) == 0;
    enum identity_verdict verdict =
        identity_may_enrol(device, is_own ? IDENTITY_BY_OWN_TOKEN : IDENTITY_BY_OPEN_TOKEN);

    judgement->about = device;
    judgement->about_new = is_own ? claim->device : NULL;
    if (token->row.used_us != CREDENTIAL_NEVER || verdict == IDENTITY_MISMATCH) {
        return IDENTITY_INVALID;
    }
    if (verdict != IDENTITY_GOOD) {
        return verdict;
    }
    if (claim->now_us > token->row.valid_until_us) {
        judgement->valid_until_us = token->row.valid_until_us;
        return IDENTITY_EXPIRED;
    }
    judgement->enrolment =
        (struct identity_enrolment){.device = claim->device,
                                    .leaf = judgement->has_leaf ? &judgement->leaf : NULL,
                                    .token = judgement->token,
                                    .now_us = claim->now_us};
    judgement->until_us = judgement->has_leaf ? judgement->leaf.valid_until_us : CREDENTIAL_NEVER;
    return IDENTITY_GOOD;
}

static enum identity_verdict judge_key(struct judgement *judgement,
                                       const struct identity_device *device)
{
    const struct identity_claim *claim = judgement->claim;
    struct identity_credential *key = NULL;
    const struct identity_token *token = NULL;

    identity_digest(claim->key, claim->key_length, judgement->token);
    key = find_key(device, judgement->token);
    if (key != NULL) {
        return judge_row(judgement, key);
    }
    key = identity_find_credential(judgement->book, CREDENTIAL_KEY, judgement->token);
    if (key != NULL) {
        return judge_foreign(judgement, key);
    }
    token = identity_find_token(judgement->book, judgement->token);
    if (token != NULL && enrolment_device_matches(token->row.device, claim->device)) {
        return judge_token(judgement, token);
    }
    return device == NULL ? IDENTITY_UNKNOWN : IDENTITY_INVALID;
}

/* With any of the device's shared keys; one that was revoked signs as well as before. */
static struct identity_credential *find_signer(const struct identity_device *device,
                                               const struct shared_signature *signature)
{
    struct identity_credential *revoked = NULL;

    for (struct identity_credential *credential = device->credentials; credential != NULL;
         credential = credential->next) {
        if (credential->row.kind == CREDENTIAL_SHARED_KEY &&
            shared_signature_verify(signature, credential->row.secret,
                                    credential->row.secret_length)) {
            if (credential->row.revoked_us == CREDENTIAL_NEVER) {
                return credential;
            }
            revoked = credential;
        }
    }
    return revoked;
}

static enum identity_verdict judge_signature(struct judgement *judgement,
                                             const struct identity_device *device)
{
    const struct identity_claim *claim = judgement->claim;
    struct shared_signature signature;
    struct identity_credential *signer = NULL;
    enum identity_verdict verdict;

    if (device == NULL) {
        return IDENTITY_UNKNOWN;
    }
    if (!shared_signature_parse(claim->key, claim->key_length, &signature) ||
        !shared_signature_is_for(&signature, claim->device)) {
        return IDENTITY_INVALID;
    }
    signer = find_signer(device, &signature);
    if (signer == NULL) {
        return IDENTITY_INVALID;
    }
    verdict = judge_row(judgement, signer);
    if (verdict == IDENTITY_GOOD && claim->now_us > signature.expires_us) {
        judgement->good = NULL;
        judgement->valid_until_us = signature.expires_us;
        verdict = IDENTITY_EXPIRED;
    }
    judgement->until_us = signature.expires_us;
    return verdict;
}

static enum identity_verdict judge_secret(struct judgement *judgement)
{
    const struct identity_claim *claim = judgement->claim;
    const struct identity_device *device = NULL;

    if (claim->device == NULL) {
        return IDENTITY_UNKNOWN;
    }
    device = identity_find_device(judgement->book, claim->device);
    judgement->about = device;
    return shared_signature_is(claim->key, claim->key_length) ? judge_signature(judgement, device)
                                                              : judge_key(judgement, device);
}

static enum identity_verdict judge(struct judgement *judgement)
{
    const struct identity_claim *claim = judgement->claim;

    if (claim->device != NULL && !device_id_valid(claim->device)) {
        return IDENTITY_UNKNOWN;
    }
    judgement->has_leaf = claim->certificate_count > 0 &&
                          identity_read_leaf(&claim->certificates[0], &judgement->leaf);
    if (claim->key != NULL) {
        return judge_secret(judgement);
    }
    return claim->certificate_count > 0 ? judge_certificate(judgement) : IDENTITY_NONE;
}

/* --- telling --- */

static enum identity_event_kind event_kind(const struct judgement *judgement,
                                           enum identity_verdict verdict)
{
    static const enum identity_event_kind kinds[IDENTITY_VERDICTS] = {
        [IDENTITY_GOOD] = IDENTITY_EVENT_KINDS,
        [IDENTITY_NONE] = IDENTITY_EVENT_UNKNOWN,
        [IDENTITY_UNKNOWN] = IDENTITY_EVENT_UNKNOWN,
        [IDENTITY_MISMATCH] = IDENTITY_EVENT_CERTIFICATE_MISMATCH,
        [IDENTITY_FOREIGN] = IDENTITY_EVENT_CERTIFICATE_MISMATCH,
        [IDENTITY_EXPIRED] = IDENTITY_EVENT_TOKEN_EXPIRED,
        [IDENTITY_INVALID] = IDENTITY_EVENT_TOKEN_INVALID,
        [IDENTITY_REVOKED] = IDENTITY_EVENT_REVOKED_USED,
        [IDENTITY_BUSY] = IDENTITY_EVENT_KINDS,
    };

    if (verdict == IDENTITY_EXPIRED && judgement->is_certificate) {
        return IDENTITY_EVENT_CERTIFICATE_EXPIRED;
    }
    return kinds[verdict];
}

static void put_digest(const uint8_t *digest, char ret[DIGEST_TEXT_MAX])
{
    for (size_t i = 0; i < CREDENTIAL_DIGEST_BYTES; i++) {
        snprintf(ret + 2 * i, 3, "%02x", digest[i]);
    }
}

/* Whoever is not known, and not vouched for, has no device of its own to be told of. */
static void describe(const struct judgement *judgement, enum identity_verdict verdict,
                     struct identity_event *ret)
{
    const struct identity_claim *claim = judgement->claim;
    const char *subject = judgement->about != NULL ? judgement->about->id : judgement->about_new;

    *ret = (struct identity_event){.kind = event_kind(judgement, verdict),
                                   .count = 1,
                                   .first_us = claim->now_us,
                                   .last_us = claim->now_us,
                                   .valid_until_us = judgement->valid_until_us};
    if (subject == NULL) {
        subject = STORE_SERVICE_ID;
        ret->kind = IDENTITY_EVENT_UNKNOWN;
    } else if (judgement->about != NULL) {
        ret->last_good_us = atomic_load(&judgement->about->last_good_us);
    }
    snprintf(ret->subject, sizeof(ret->subject), "%s", subject);
    snprintf(ret->source, sizeof(ret->source), "%s", claim->source);
    snprintf(ret->claimed, sizeof(ret->claimed), "%s",
             claim->device != NULL ? claim->device : judgement->leaf.name);
    if (judgement->has_leaf) {
        put_digest(judgement->leaf.digest, ret->presented);
    }
    if (judgement->expected != NULL) {
        put_digest(judgement->expected, ret->expected);
    }
}

/* --- for doors --- */

static enum identity_verdict let_in_open(struct identity_book *book,
                                         const struct identity_claim *claim,
                                         struct identity_pass *ret)
{
    bool is_named = claim->device != NULL && device_id_valid(claim->device);
    enum identity_verdict verdict = is_named ? IDENTITY_GOOD : IDENTITY_NONE;

    atomic_fetch_add(&book->counts[verdict], 1);
    if (is_named) {
        *ret = (struct identity_pass){.until_us = CREDENTIAL_NEVER};
        snprintf(ret->device, sizeof(ret->device), "%s", claim->device);
    }
    return verdict;
}

/* With the lock: what is told of it goes after it. */
static enum identity_verdict conclude(struct judgement *judgement, struct identity_event *ret_event,
                                      struct identity_pass *ret)
{
    enum identity_verdict verdict = judge(judgement);

    if (verdict == IDENTITY_GOOD && judgement->good != NULL) {
        const struct credential *row = &judgement->good->row;

        atomic_store(&judgement->good->last_used_us, judgement->claim->now_us);
        *ret = (struct identity_pass){.credential = row->number, .until_us = judgement->until_us};
        snprintf(ret->device, sizeof(ret->device), "%s", row->device);
    } else if (verdict != IDENTITY_GOOD) {
        describe(judgement, verdict, ret_event);
    }
    return verdict;
}

static void count_refused(struct identity_book *book, const char *device)
{
    struct identity_device *known = NULL;

    pthread_rwlock_rdlock(&book->lock);
    known = identity_find_device(book, device);
    if (known != NULL) {
        atomic_fetch_add(&known->refused, 1);
    }
    pthread_rwlock_unlock(&book->lock);
}

static void refuse(struct identity_book *book, const struct identity_event *event)
{
    count_refused(book, event->subject);
    identity_events_note(&book->events, event);
}

static enum identity_verdict enrol(struct judgement *judgement, struct identity_event *ret_event,
                                   struct identity_pass *ret)
{
    struct credential added;
    enum identity_verdict verdict = identity_enrol(judgement->book, &judgement->enrolment, &added);

    if (verdict == IDENTITY_GOOD) {
        *ret = (struct identity_pass){.credential = added.number, .until_us = added.valid_until_us};
        snprintf(ret->device, sizeof(ret->device), "%s", added.device);
    } else if (verdict != IDENTITY_BUSY) {
        judgement->about = NULL; /* without the lock it may be gone */
        judgement->about_new = judgement->enrolment.device;
        describe(judgement, verdict, ret_event);
    }
    return verdict;
}

enum identity_verdict identity_check(struct identity_book *book, const struct identity_claim *claim,
                                     struct identity_pass *ret)
{
    struct judgement judgement = {.book = book, .claim = claim};
    struct identity_event event = {.count = 0};
    struct identity_pass pass = {.credential = 0};
    enum identity_verdict verdict;

    if (book->config.is_open) {
        return let_in_open(book, claim, ret);
    }
    pthread_rwlock_rdlock(&book->lock);
    verdict = conclude(&judgement, &event, &pass);
    pthread_rwlock_unlock(&book->lock);
    if (judgement.enrolment.device != NULL && verdict == IDENTITY_GOOD) {
        verdict = enrol(&judgement, &event, &pass);
    }
    atomic_fetch_add(&book->counts[verdict], 1);
    if (event.count > 0) {
        refuse(book, &event);
    }
    if (verdict == IDENTITY_GOOD) {
        *ret = pass;
    }
    return verdict;
}

static enum identity_verdict recheck(const struct identity_book *book,
                                     const struct identity_pass *pass, int64_t now_us)
{
    struct identity_device *device = identity_find_device(book, pass->device);
    struct identity_credential *credential = device == NULL ? NULL : device->credentials;

    while (credential != NULL && credential->row.number != pass->credential) {
        credential = credential->next;
    }
    if (credential == NULL) {
        return IDENTITY_UNKNOWN;
    }
    if (credential->row.revoked_us != CREDENTIAL_NEVER) {
        return IDENTITY_REVOKED;
    }
    return now_us > pass->until_us ? IDENTITY_EXPIRED : IDENTITY_GOOD;
}

enum identity_verdict identity_recheck(struct identity_book *book, const struct identity_pass *pass,
                                       int64_t now_us)
{
    enum identity_verdict verdict = IDENTITY_GOOD;

    if (!book->config.is_open) {
        pthread_rwlock_rdlock(&book->lock);
        verdict = recheck(book, pass, now_us);
        pthread_rwlock_unlock(&book->lock);
    }
    if (verdict != IDENTITY_GOOD) {
        atomic_fetch_add(&book->counts[verdict], 1);
    }
    return verdict;
}

const char *identity_verdict_name(enum identity_verdict verdict)
{
    static const char *const names[IDENTITY_VERDICTS] = {
        [IDENTITY_GOOD] = "good",       [IDENTITY_NONE] = "none",
        [IDENTITY_UNKNOWN] = "unknown", [IDENTITY_MISMATCH] = "mismatch",
        [IDENTITY_FOREIGN] = "foreign", [IDENTITY_EXPIRED] = "expired",
        [IDENTITY_INVALID] = "invalid", [IDENTITY_REVOKED] = "revoked",
        [IDENTITY_BUSY] = "busy",
    };

    return names[verdict];
}

bool identity_is_open(const struct identity_book *book)
{
    return book->config.is_open;
}

/* About the device behind a pass. */
static struct identity_event event_of(enum identity_event_kind kind,
                                      const struct identity_pass *pass, const char *source,
                                      int64_t now_us)
{
    struct identity_event event = {.kind = kind, .count = 1, .first_us = now_us, .last_us = now_us};

    snprintf(event.subject, sizeof(event.subject), "%s", pass->device);
    snprintf(event.claimed, sizeof(event.claimed), "%s", pass->device);
    snprintf(event.source, sizeof(event.source), "%s", source);
    return event;
}

bool identity_allows(struct identity_book *book, const struct identity_pass *pass,
                     const char *source, int64_t now_us)
{
    struct identity_device *device = NULL;
    bool is_allowed = true;

    pthread_rwlock_rdlock(&book->lock);
    device = identity_find_device(book, pass->device);
    if (device != NULL) {
        pthread_mutex_lock(&book->use_lock);
        is_allowed = identity_use_allows(&device->use, book->config.messages_per_minute, now_us);
        pthread_mutex_unlock(&book->use_lock);
    }
    pthread_rwlock_unlock(&book->lock);
    if (!is_allowed) {
        const struct identity_event event =
            event_of(IDENTITY_EVENT_OVER_ALLOWANCE, pass, source, now_us);

        atomic_fetch_add(&book->over_allowance, 1);
        refuse(book, &event);
    }
    return is_allowed;
}

void identity_note_foreign(struct identity_book *book, const struct identity_pass *pass,
                           const char *claimed, const char *source, int64_t now_us)
{
    struct identity_event event =
        event_of(IDENTITY_EVENT_CERTIFICATE_MISMATCH, pass, source, now_us);

    atomic_fetch_add(&book->counts[IDENTITY_FOREIGN], 1);
    if (!book->config.is_open) {
        snprintf(event.claimed, sizeof(event.claimed), "%s", claimed);
        refuse(book, &event);
    }
}

static void note_use(struct identity_book *book, const struct identity_pass *pass,
                     const char *source, int64_t now_us)
{
    struct identity_event event = event_of(IDENTITY_EVENT_DUPLICATE_SESSION, pass, source, now_us);
    struct identity_device *device = NULL;
    bool is_twice = false;

    pthread_rwlock_rdlock(&book->lock);
    device = identity_find_device(book, pass->device);
    if (device != NULL) {
        atomic_store(&device->last_good_us, now_us);
        pthread_mutex_lock(&book->use_lock);
        is_twice =
            identity_use_note(&device->use, source, now_us, event.other_source, &event.overlap_us);
        pthread_mutex_unlock(&book->use_lock);
    }
    pthread_rwlock_unlock(&book->lock);
    if (is_twice) {
        event.first_us = now_us - event.overlap_us;
        identity_events_note(&book->events, &event);
    }
}

void identity_begin(struct identity_book *book, const struct identity_pass *pass,
                    const char *source, int64_t now_us)
{
    note_use(book, pass, source, now_us);
}

void identity_end(struct identity_book *book, const struct identity_pass *pass, const char *source,
                  int64_t now_us)
{
    struct identity_device *device = NULL;

    pthread_rwlock_rdlock(&book->lock);
    device = identity_find_device(book, pass->device);
    if (device != NULL) {
        pthread_mutex_lock(&book->use_lock);
        identity_use_end(&device->use, source, now_us);
        pthread_mutex_unlock(&book->use_lock);
    }
    pthread_rwlock_unlock(&book->lock);
}

void identity_write_counts(struct json *json, const char *key, struct identity_book *book)
{
    json_open_object(json, key);
    json_put_bool(json, "is_open", book->config.is_open);
    for (size_t i = 0; i < IDENTITY_VERDICTS; i++) {
        json_put_uint(json, identity_verdict_name((enum identity_verdict)i),
                      atomic_load(&book->counts[i]));
    }
    json_put_uint(json, "over_allowance", atomic_load(&book->over_allowance));
    json_put_uint(json, "events_left_out", identity_events_left_out(&book->events));
    json_close_object(json);
}

/* --- life --- */

enum picket_status identity_new(const struct identity_config *config, struct identity_book **ret,
                                struct err *reterr)
{
    struct identity_book *book = calloc(1, sizeof(*book));
    enum picket_status status = PICKET_E_NOMEM;

    if (book == NULL) {
        err_set(reterr, "out of memory for the identities");
        return status;
    }
    book->config = *config;
    book->next_credential = book->next_token = book->next_authority = 1;
    pthread_mutex_init(&book->change_lock, NULL);
    pthread_rwlock_init(&book->lock, NULL);
    pthread_mutex_init(&book->use_lock, NULL);
    identity_events_init(&book->events, config->pipeline);
    status = identity_load(book, reterr);
    if (status != PICKET_OK) {
        identity_free(book);
        return status;
    }
    *ret = book;
    return PICKET_OK;
}

void identity_free(struct identity_book *book)
{
    if (book == NULL) {
        return;
    }
    identity_unload(book);
    identity_events_deinit(&book->events);
    pthread_mutex_destroy(&book->use_lock);
    pthread_rwlock_destroy(&book->lock);
    pthread_mutex_destroy(&book->change_lock);
    free(book);
}
