/* SPDX-License-Identifier: MIT */
#include "ingest/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/lock.h"
#include "ingest/identity_inside.h"
#include "store/store.h"

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
    enum identity_verdict verdict = identity_judge_claim(judgement);

    if (verdict == IDENTITY_GOOD && judgement->good != NULL) {
        const struct credential *row = &judgement->good->row;

        atomic_store(&judgement->good->last_used_us, judgement->claim->now_us);
        *ret = (struct identity_pass){.credential = row->number, .until_us = judgement->until_us};
        snprintf(ret->device, sizeof(ret->device), "%s", row->device);
        if (judgement->is_certificate) {
            memcpy(ret->paper, judgement->leaf.paper, sizeof(ret->paper));
        }
    } else if (verdict != IDENTITY_GOOD) {
        identity_describe_refusal(judgement, verdict, ret_event);
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

/* For the operator; details are in the finding. */
static const char *const reasons[IDENTITY_EVENT_KINDS] = {
    [IDENTITY_EVENT_CERTIFICATE_MISMATCH] = "another certificate than the pinned one",
    [IDENTITY_EVENT_CERTIFICATE_EXPIRED] = "a certificate that has expired",
    [IDENTITY_EVENT_TOKEN_EXPIRED] = "a token or signature that has expired",
    [IDENTITY_EVENT_TOKEN_INVALID] = "a key that is not the device's, or a used token",
    [IDENTITY_EVENT_REVOKED_USED] = "a credential that was revoked",
    [IDENTITY_EVENT_UNKNOWN] = "nobody has that identity",
    [IDENTITY_EVENT_OVER_ALLOWANCE] = "more messages than the device may send",
};

static void refuse(struct identity_book *book, struct identity_event *event)
{
    if (event->reason[0] == '\0') {
        snprintf(event->reason, sizeof(event->reason), "%s", reasons[event->kind]);
    }
    count_refused(book, event->subject);
    identity_events_note(&book->events, event);
}

static void learn_chain(const struct judgement *judgement)
{
    struct identity_book *book = judgement->book;
    struct identity_credential *added = NULL;

    pthread_rwlock_rdlock(&book->lock);
    added = identity_find_credential(book, CREDENTIAL_CERTIFICATE, judgement->leaf.digest);
    if (added != NULL) {
        identity_learn_chain(book, judgement->claim, added);
    }
    pthread_rwlock_unlock(&book->lock);
}

static enum identity_verdict enrol(struct judgement *judgement, struct identity_event *ret_event,
                                   struct identity_pass *ret)
{
    struct credential added;
    enum identity_verdict verdict = identity_enrol(judgement->book, &judgement->enrolment, &added);

    if (verdict == IDENTITY_GOOD) {
        *ret = (struct identity_pass){.credential = added.number, .until_us = added.valid_until_us};
        snprintf(ret->device, sizeof(ret->device), "%s", added.device);
        memcpy(ret->paper, judgement->leaf.paper, sizeof(ret->paper));
        if (judgement->has_leaf) {
            learn_chain(judgement);
        }
    } else if (verdict != IDENTITY_BUSY) {
        judgement->about = NULL; /* without the lock it may be gone */
        judgement->about_new = judgement->enrolment.device;
        identity_describe_refusal(judgement, verdict, ret_event);
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
static struct identity_event event_of(enum identity_event_kind kind, enum refused_cause cause,
                                      const struct identity_pass *pass, const char *source,
                                      int64_t now_us)
{
    struct identity_event event = {
        .kind = kind, .cause = cause, .count = 1, .first_us = now_us, .last_us = now_us};

    snprintf(event.subject, sizeof(event.subject), "%s", pass->device);
    snprintf(event.claimed, sizeof(event.claimed), "%s", pass->device);
    snprintf(event.source, sizeof(event.source), "%s", source);
    return event;
}

/* Of a pass that is not good any more. */
static enum identity_event_kind kind_of(const struct identity_credential *credential,
                                        enum identity_verdict verdict)
{
    if (verdict == IDENTITY_REVOKED) {
        return IDENTITY_EVENT_REVOKED_USED;
    }
    return credential->row.kind == CREDENTIAL_CERTIFICATE ? IDENTITY_EVENT_CERTIFICATE_EXPIRED
                                                          : IDENTITY_EVENT_TOKEN_EXPIRED;
}

/* With the lock. *ret_kind is of a verdict that is told of the device. */
static enum identity_verdict recheck(const struct identity_book *book,
                                     const struct identity_pass *pass, int64_t now_us,
                                     enum identity_event_kind *ret_kind)
{
    struct identity_device *device = identity_find_device(book, pass->device);
    struct identity_credential *credential = device == NULL ? NULL : device->credentials;
    enum identity_verdict verdict = IDENTITY_GOOD;

    while (credential != NULL && credential->row.number != pass->credential) {
        credential = credential->next;
    }
    if (credential == NULL) {
        return IDENTITY_UNKNOWN;
    }
    if (credential->row.revoked_us != CREDENTIAL_NEVER ||
        identity_is_revoked(book, pass->paper, atomic_load(&credential->chain))) {
        verdict = IDENTITY_REVOKED;
    } else if (now_us > pass->until_us) {
        verdict = IDENTITY_EXPIRED;
    }
    *ret_kind = kind_of(credential, verdict);
    return verdict;
}

enum identity_verdict identity_recheck(struct identity_book *book, const struct identity_pass *pass,
                                       const char *source, int64_t now_us)
{
    enum identity_event_kind kind = IDENTITY_EVENT_KINDS;
    enum identity_verdict verdict = IDENTITY_GOOD;

    if (!book->config.is_open) {
        pthread_rwlock_rdlock(&book->lock);
        verdict = recheck(book, pass, now_us, &kind);
        pthread_rwlock_unlock(&book->lock);
    }
    if (verdict != IDENTITY_GOOD) {
        atomic_fetch_add(&book->counts[verdict], 1);
    }
    if (verdict != IDENTITY_GOOD && kind != IDENTITY_EVENT_KINDS) {
        struct identity_event event = event_of(kind, REFUSED_UNAUTHORIZED, pass, source, now_us);

        event.valid_until_us = pass->until_us;
        refuse(book, &event);
    }
    return verdict;
}

void identity_note_unknown(struct identity_book *book, const char *claimed, const char *source,
                           int64_t now_us)
{
    struct identity_pass nobody = {.device = STORE_SERVICE_ID};
    struct identity_event event =
        event_of(IDENTITY_EVENT_UNKNOWN, REFUSED_UNAUTHORIZED, &nobody, source, now_us);

    atomic_fetch_add(&book->counts[IDENTITY_UNKNOWN], 1);
    snprintf(event.claimed, sizeof(event.claimed), "%s", claimed);
    if (!book->config.is_open) { /* where nobody shows who he is, nobody is unknown */
        refuse(book, &event);
    }
}

enum identity_verdict identity_check_vouched(struct identity_book *book, const char *device,
                                             const char *source, int64_t now_us,
                                             struct identity_pass *ret)
{
    const struct identity_device *known = NULL;
    struct identity_pass pass = {.until_us = CREDENTIAL_NEVER};
    struct identity_event event;
    bool is_known = false;
    bool is_revoked = false;

    pthread_rwlock_rdlock(&book->lock);
    known = identity_find_device(book, device);
    is_known = known != NULL;
    is_revoked = known != NULL && !identity_has_good(known);
    pthread_rwlock_unlock(&book->lock);
    snprintf(pass.device, sizeof(pass.device), "%s", device);
    if (!is_known && !book->config.is_open) {
        identity_note_unknown(book, device, source, now_us);
        return IDENTITY_UNKNOWN;
    }
    if (!is_revoked) {
        *ret = pass;
        return IDENTITY_GOOD;
    }
    event = event_of(IDENTITY_EVENT_REVOKED_USED, REFUSED_UNAUTHORIZED, &pass, source, now_us);
    atomic_fetch_add(&book->counts[IDENTITY_REVOKED], 1);
    refuse(book, &event);
    return IDENTITY_REVOKED;
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
        struct identity_event event =
            event_of(IDENTITY_EVENT_OVER_ALLOWANCE, REFUSED_OVER_ALLOWANCE, pass, source, now_us);

        atomic_fetch_add(&book->over_allowance, 1);
        refuse(book, &event);
    }
    return is_allowed;
}

void identity_note_refused(struct identity_book *book, const char *device, enum refused_cause cause,
                           const char *reason, const char *source, int64_t now_us)
{
    struct identity_pass pass = {.credential = 0};
    struct identity_event event;

    snprintf(pass.device, sizeof(pass.device), "%s", device);
    event = event_of(IDENTITY_EVENT_MESSAGE_REFUSED, cause, &pass, source, now_us);
    snprintf(event.reason, sizeof(event.reason), "%s", reason);
    pthread_rwlock_rdlock(&book->lock);
    event.is_claimed = identity_find_device(book, device) == NULL;
    pthread_rwlock_unlock(&book->lock);
    refuse(book, &event);
}

void identity_note_foreign(struct identity_book *book, const struct identity_pass *pass,
                           const char *claimed, const char *source, int64_t now_us)
{
    struct identity_event event =
        event_of(IDENTITY_EVENT_CERTIFICATE_MISMATCH, REFUSED_FOREIGN_TOPIC, pass, source, now_us);

    atomic_fetch_add(&book->counts[IDENTITY_FOREIGN], 1);
    snprintf(event.reason, sizeof(event.reason), "it is of the device %.100s", claimed);
    if (book->config.is_open) { /* nobody has shown who it is */
        identity_note_refused(book, pass->device, event.cause, event.reason, source, now_us);
        return;
    }
    snprintf(event.claimed, sizeof(event.claimed), "%s", claimed);
    refuse(book, &event);
}

static void note_use(struct identity_book *book, const struct identity_pass *pass,
                     const char *source, int64_t now_us)
{
    struct identity_event event =
        event_of(IDENTITY_EVENT_DUPLICATE_SESSION, REFUSED_CAUSES, pass, source, now_us);
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
    lock_init_for_writers(&book->lock);
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
