/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_IDENTITY_EVENT_H
#define SERVICE_MODEL_IDENTITY_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"
#include "model/credential.h"
#include "model/refused.h"
#include "model/report.h"

/** What a door saw of identities, or refused; detect/identity.c makes findings of it, and the
 * pipeline counts for the device. */

enum identity_event_kind {
    IDENTITY_EVENT_CERTIFICATE_MISMATCH,
    IDENTITY_EVENT_CERTIFICATE_EXPIRED,
    IDENTITY_EVENT_TOKEN_EXPIRED,
    IDENTITY_EVENT_TOKEN_INVALID,
    IDENTITY_EVENT_DUPLICATE_SESSION,
    IDENTITY_EVENT_REVOKED_USED,
    IDENTITY_EVENT_UNKNOWN,
    IDENTITY_EVENT_OVER_ALLOWANCE,
    IDENTITY_EVENT_MESSAGE_REFUSED, /* for what it was like, and not for who it is of */
    IDENTITY_EVENT_KINDS
};

#define DIGEST_TEXT_MAX (2 * CREDENTIAL_DIGEST_BYTES + 1)

struct identity_event {
    enum identity_event_kind kind;
    /* Whom it is about: a device that the service knows, else STORE_SERVICE_ID. */
    char subject[DEVICE_ID_MAX + 1];
    bool is_claimed; /* nobody has checked the subject: if the service knows none, it is nothing */
    enum refused_cause cause; /* REFUSED_CAUSES: nothing was refused */
    char reason[REFUSED_REASON_MAX];
    char source[ADDRESS_TEXT_MAX];
    uint64_t count;   /* times that it was seen, */
    int64_t first_us; /* from here */
    int64_t last_us;  /* to here */
    /* As the client named itself; any text, cut. "" if it did not. */
    char claimed[DEVICE_ID_MAX + 1];
    /* Of certificates, hexadecimal; "" if there is none. */
    char presented[DIGEST_TEXT_MAX];
    char expected[DIGEST_TEXT_MAX];
    int64_t valid_until_us; /* of what has expired */
    int64_t last_good_us;   /* when the device was last let in; 0: not since the start */
    /* The other one of two places, and for how long both were in use. */
    char other_source[ADDRESS_TEXT_MAX];
    int64_t overlap_us;
};

#endif
