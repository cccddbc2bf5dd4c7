/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_CREDENTIAL_H
#define SERVICE_MODEL_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/device.h"
#include "model/report.h"

struct json;

/** By what devices are known, and by what they become known. */

#define CREDENTIAL_DIGEST_BYTES 32u /* SHA-256 */
#define CREDENTIAL_SECRET_MAX   64u /* bytes of a shared access key */
#define SUBJECT_TEXT_MAX        256u
#define CREDENTIAL_NEVER        INT64_MAX /* it does not expire, or is not used, or revoked */

enum credential_kind {
    CREDENTIAL_CERTIFICATE, /* the digest is of its DER */
    CREDENTIAL_KEY,         /* the digest is of the key's text; nobody has the key but the device */
    CREDENTIAL_SHARED_KEY,  /* signs shared access signatures; the digest is of the key's bytes */
    CREDENTIAL_KINDS
};

/** One way in for one device. Credentials are revoked and never removed, so that their use is seen.
 */
struct credential {
    uint64_t number; /* from 1, never used again */
    char device[DEVICE_ID_MAX + 1];
    enum credential_kind kind;
    uint8_t digest[CREDENTIAL_DIGEST_BYTES];
    uint8_t secret[CREDENTIAL_SECRET_MAX]; /* of a shared access key */
    size_t secret_length;
    int64_t added_us;
    int64_t valid_from_us;
    int64_t valid_until_us; /* or CREDENTIAL_NEVER, as the next */
    int64_t revoked_us;
};

/** Lets one device in that is not known, once. */
struct enrolment_token {
    uint64_t number;
    uint8_t digest[CREDENTIAL_DIGEST_BYTES];
    char device[DEVICE_ID_MAX + 1]; /* the id, or how it begins and '*' */
    char group[GROUP_NAME_MAX + 1]; /* that the device is put into; "" if none */
    int64_t added_us;
    int64_t valid_until_us;
    int64_t used_us;                 /* or CREDENTIAL_NEVER */
    char used_by[DEVICE_ID_MAX + 1]; /* "" before */
};

/** Who may sign certificates that let devices in. */
struct authority {
    uint64_t number;
    const uint8_t *certificate; /* DER; borrowed */
    size_t certificate_length;
    char subject[SUBJECT_TEXT_MAX];
    char group[GROUP_NAME_MAX + 1]; /* as of a token */
    int64_t added_us;
    int64_t valid_until_us;
};

/** "certificate", "key", "shared_key". */
const char *credential_kind_name(enum credential_kind kind);
/** Whether a token for @p pattern lets @p device in. */
bool enrolment_device_matches(const char *pattern, const char *device);

/** @p last_used_us: 0 if it was not since the start. */
void credential_write_json(struct json *json, const char *key, const struct credential *credential,
                           int64_t last_used_us);
void enrolment_token_write_json(struct json *json, const char *key,
                                const struct enrolment_token *token);
/** The list of certificates that an authority has revoked. */
struct authority_list {
    size_t count;
    int64_t valid_until_us; /* CREDENTIAL_NEVER: it does not say */
};

/** @p list: NULL if there is none. */
void authority_write_json(struct json *json, const char *key, const struct authority *authority,
                          const struct authority_list *list);

#endif
