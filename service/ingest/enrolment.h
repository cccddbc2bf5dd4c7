/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_ENROLMENT_H
#define SERVICE_INGEST_ENROLMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/identity.h"
#include "model/credential.h"
#include "picket/status.h"

/**
 * What an operator does with the book of identities: every change is in the store when a call
 * returns, and in force for the next message.
 *
 * Context: any thread; changes wait for the disk, one after the other.
 * Errors:  PICKET_E_ARG with a sentence if what is given can't be taken, PICKET_E_NOTFOUND,
 *          PICKET_E_CONFLICT if another device has that credential, PICKET_E_LIMIT, and those of
 *          the store. Nothing has changed then.
 */

/** A key or token of 32 random bytes, base64url: shown once and kept nowhere. */
#define ENROLMENT_KEY_MAX 44u

#define ENROLMENT_CREDENTIALS_MAX 16u /* of one device, those revoked included */

PICKET_MUST_CHECK enum picket_status
enrolment_add_certificate(struct identity_book *book, const char *device, const char *pem,
                          int64_t now_us, struct credential *ret, struct err *reterr);
PICKET_MUST_CHECK enum picket_status enrolment_make_key(struct identity_book *book,
                                                        const char *device, int64_t now_us,
                                                        char ret_key[ENROLMENT_KEY_MAX],
                                                        struct credential *ret, struct err *reterr);
/** @p base64: the key that the firmware has. */
PICKET_MUST_CHECK enum picket_status
enrolment_add_shared_key(struct identity_book *book, const char *device, const char *base64,
                         int64_t now_us, struct credential *ret, struct err *reterr);
/** @p number 0: all of the device. */
PICKET_MUST_CHECK enum picket_status enrolment_revoke(struct identity_book *book,
                                                      const char *device, uint64_t number,
                                                      int64_t now_us, struct err *reterr);

/** Of @p token: device, group, valid_until_us; the rest is filled in. */
PICKET_MUST_CHECK enum picket_status
enrolment_make_token(struct identity_book *book, struct enrolment_token *token, int64_t now_us,
                     char ret_key[ENROLMENT_KEY_MAX], struct err *reterr);
PICKET_MUST_CHECK enum picket_status enrolment_withdraw_token(struct identity_book *book,
                                                              uint64_t number, struct err *reterr);

/** @p pem: a certificate of a CA. *ret is without the certificate. */
PICKET_MUST_CHECK enum picket_status enrolment_add_authority(struct identity_book *book,
                                                             const char *pem, const char *group,
                                                             int64_t now_us, struct authority *ret,
                                                             struct err *reterr);
/** Devices that it let in stay. */
PICKET_MUST_CHECK enum picket_status
enrolment_remove_authority(struct identity_book *book, uint64_t number, struct err *reterr);

/** Called for each, which is borrowed for the call. Context: it must not ask the book. */
typedef void enrolment_credential_fn(void *context, const struct credential *credential,
                                     int64_t last_used_us /* 0: not since the start */);
typedef void enrolment_token_fn(void *context, const struct enrolment_token *token);
typedef void enrolment_authority_fn(void *context, const struct authority *authority,
                                    const struct authority_list *list /* NULL: none */);

/** The newest first. Returns how often the device was refused since the start. */
uint64_t enrolment_each_credential(struct identity_book *book, const char *device,
                                   enrolment_credential_fn *fn, void *context);
void enrolment_each_token(struct identity_book *book, enrolment_token_fn *fn, void *context);
void enrolment_each_authority(struct identity_book *book, enrolment_authority_fn *fn,
                              void *context);

#endif
