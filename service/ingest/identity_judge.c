/* SPDX-License-Identifier: MIT */
/* Whether a claim is good, and what is told of one that is not. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "ingest/identity_inside.h"
#include "ingest/shared_signature.h"
#include "store/store.h"

/* --- by what it is good, or not --- */

static bool is_valid_at(const struct credential *row, int64_t now_us)
{
    return now_us >= row->valid_from_us && now_us <= row->valid_until_us;
}

static enum identity_verdict judge_row(struct judgement *judgement,
                                       struct identity_credential *credential)
{
    const struct credential *row = &credential->row;

    if (row->revoked_us != CREDENTIAL_NEVER ||
        (row->kind == CREDENTIAL_CERTIFICATE &&
         identity_is_revoked(judgement->book, judgement->leaf.paper,
                             atomic_load(&credential->chain)))) {
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
                                           const struct identity_authority *authority,
                                           const struct identity_chain *chain)
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
    if (identity_is_revoked(judgement->book, leaf->paper, chain)) {
        return IDENTITY_REVOKED;
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
    struct identity_chain chain = {.count = 0};

    judgement->is_certificate = true;
    if (!judgement->has_leaf) {
        return IDENTITY_UNKNOWN;
    }
    known =
        identity_find_credential(judgement->book, CREDENTIAL_CERTIFICATE, judgement->leaf.digest);
    if (known != NULL) {
        identity_learn_chain(judgement->book, claim, known);
    }
    if (known != NULL && claim->device != NULL && strcmp(known->row.device, claim->device) != 0) {
        return judge_foreign(judgement, known);
    }
    if (known != NULL) {
        judgement->about = identity_find_device(judgement->book, known->row.device);
        return judge_row(judgement, known);
    }
    if (judgement->leaf.name[0] != '\0') {
        authority = identity_verify(judgement->book, claim->certificates, claim->certificate_count,
                                    claim->now_us, &chain);
    }
    if (authority != NULL) {
        return judge_vouched(judgement, authority, &chain);
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

/* What is shown beside a token would be pinned, and the token used up. */
static bool is_pin_revoked(const struct judgement *judgement)
{
    const struct identity_claim *claim = judgement->claim;
    struct identity_chain chain;

    if (!judgement->has_leaf) {
        return false;
    }
    (void)identity_verify(judgement->book, claim->certificates, claim->certificate_count,
                          claim->now_us, &chain);
    return identity_is_revoked(judgement->book, judgement->leaf.paper, &chain);
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
    if (is_pin_revoked(judgement)) {
        return IDENTITY_REVOKED;
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

enum identity_verdict identity_judge_claim(struct judgement *judgement)
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

void identity_describe_refusal(const struct judgement *judgement, enum identity_verdict verdict,
                               struct identity_event *ret)
{
    const struct identity_claim *claim = judgement->claim;
    const char *subject = judgement->about != NULL ? judgement->about->id : judgement->about_new;

    *ret = (struct identity_event){.kind = event_kind(judgement, verdict),
                                   .cause = verdict == IDENTITY_FOREIGN ? REFUSED_FOREIGN_TOPIC
                                                                        : REFUSED_UNAUTHORIZED,
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
    if (verdict == IDENTITY_FOREIGN) {
        snprintf(ret->reason, sizeof(ret->reason), "it spoke as the device %.100s", ret->claimed);
    }
    if (judgement->has_leaf) {
        put_digest(judgement->leaf.digest, ret->presented);
    }
    if (judgement->expected != NULL) {
        put_digest(judgement->expected, ret->expected);
    }
}
