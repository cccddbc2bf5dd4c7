/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_IDENTITY_H
#define SERVICE_INGEST_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/credential.h"
#include "model/refused.h"
#include "model/report.h"
#include "net/tls.h"
#include "picket/status.h"

/**
 * Who may speak as which device. One book for all doors, filled from the store, changed through
 * ingest/enrolment.h, and asked with each connection and each message.
 *
 * A device has credentials: certificates, pinned by the SHA-256 of their DER; keys, of which only a
 * digest is kept; and shared access keys, with which it signs tokens of its own. It gets them from
 * an operator; or it enrols itself: with a token that is good once, or with a certificate that a CA
 * signed which the operator trusts (its common name is the device id, and the certificate is pinned
 * with its first use). A device that has a certificate, or had one, gets no other one in this way.
 *
 * A refusal that says something about a device or a source becomes a finding of family ID_*
 * (spec/catalogue.json); what is told to the client never says which part of it was wrong.
 *
 * Context: any thread; no call waits for the disk but those that change the book: of these,
 *          identity_check() when a device enrols itself, once in its life.
 */
struct err;
struct identity_book;
struct json;
struct pipeline;
struct store;

enum identity_verdict {
    IDENTITY_GOOD,
    IDENTITY_NONE,     /* nothing was presented */
    IDENTITY_UNKNOWN,  /* no such device or credential */
    IDENTITY_MISMATCH, /* another certificate than the one pinned */
    IDENTITY_FOREIGN,  /* good, but another device's */
    IDENTITY_EXPIRED,  /* certificate, key or token, or not valid yet */
    IDENTITY_INVALID,  /* wrong key, or used-up token */
    IDENTITY_REVOKED,
    IDENTITY_BUSY, /* would be good, but its enrolment can't be stored now: ask again */
    IDENTITY_VERDICTS
};

/** What a client presents, on whatever door. Borrowed. */
struct identity_claim {
    const char *device; /* that it wants to speak as; NULL: as its certificate says */
    const struct tls_certificate *certificates; /* the leaf first */
    size_t certificate_count;
    const uint8_t *key; /* or token, or shared access signature; NULL: none */
    size_t key_length;
    const char *source; /* numeric address */
    int64_t now_us;
};

/** A claim that was good: what a session keeps, so that each of its messages is checked cheaply. */
struct identity_pass {
    char device[DEVICE_ID_MAX + 1];
    uint64_t credential; /* number of the credential in the book; 0: everyone may come in */
    uint8_t paper[CREDENTIAL_DIGEST_BYTES]; /* what lists name its certificate by; 0: it has none */
    int64_t until_us;                       /* it expires then; INT64_MAX: never */
};

struct identity_config {
    struct store *store;       /* borrowed */
    struct pipeline *pipeline; /* borrowed; is told of refusals */
    bool is_open;              /* everyone may speak as any device that is named; loopback only */
    unsigned messages_per_minute; /* of one device, in the mean of ten minutes; 0: any number */
};

PICKET_MUST_CHECK enum picket_status identity_new(const struct identity_config *config,
                                                  struct identity_book **ret, struct err *reterr);
/** After the pipeline is gone, which may still answer. NULL is allowed. */
void identity_free(struct identity_book *book);

/**
 * Reads lists of certificates that authorities have revoked (CRLs in PEM, any number in one file),
 * in the place of those that were read before; on failure these stay. In force for the next
 * message. A list counts if an authority of the book signed it, and when it has expired as well.
 *
 * Context: any thread; waits for the disk.
 */
PICKET_MUST_CHECK enum picket_status identity_load_revoked(struct identity_book *book,
                                                           const char *path, int64_t now_us,
                                                           struct err *reterr);

/** Judges a claim; @p ret is filled if it is good. Cost: a digest; for a certificate that is not
 * pinned, or shown for the first time, a chain of signatures. */
enum identity_verdict identity_check(struct identity_book *book, const struct identity_claim *claim,
                                     struct identity_pass *ret);
/** Whether a pass is still good: it is asked with each message. Cost: one look-up. */
enum identity_verdict identity_recheck(struct identity_book *book, const struct identity_pass *pass,
                                       const char *source, int64_t now_us);
/** Whether a device whose message another one vouches for, a broker, may speak: every one that is
 * in the book, and not revoked; where everyone may come in, those who are not in the book as well.
 * @p ret, if it may, is good for its allowance. Cost: one look-up. */
enum identity_verdict identity_check_vouched(struct identity_book *book, const char *device,
                                             const char *source, int64_t now_us,
                                             struct identity_pass *ret);
/** "good", "none", "unknown", … */
const char *identity_verdict_name(enum identity_verdict verdict);
bool identity_is_open(const struct identity_book *book);

/** Takes one message from the device's allowance; false if it is used up: then the message is
 * refused. */
bool identity_allows(struct identity_book *book, const struct identity_pass *pass,
                     const char *source, int64_t now_us);

/** A client named itself as no device can, or, through a broker, as one that is not known: it is
 * told of by its source, as identity_check() does it. */
void identity_note_unknown(struct identity_book *book, const char *claimed, const char *source,
                           int64_t now_us);

/** The device behind @p pass tried to speak as @p claimed, or to hear what is another one's. */
void identity_note_foreign(struct identity_book *book, const struct identity_pass *pass,
                           const char *claimed, const char *source, int64_t now_us);

/** A message of the device was refused for what it was like: it is counted for that device, and
 * becomes a finding, if the book or the service knows the device. The door has checked that it is
 * the device, as far as it can. @p reason: a sentence without its end. */
void identity_note_refused(struct identity_book *book, const char *device, enum refused_cause cause,
                           const char *reason, const char *source, int64_t now_us);

/** A session of @p pass from @p source begins or ends, or, where there are none, a message came:
 * the same identity live from two places is found by this. */
void identity_begin(struct identity_book *book, const struct identity_pass *pass,
                    const char *source, int64_t now_us);
void identity_end(struct identity_book *book, const struct identity_pass *pass, const char *source,
                  int64_t now_us);

/** {"good": N, "none": N, …}: claims and messages by what became of them. */
void identity_write_counts(struct json *json, const char *key, struct identity_book *book);

#endif
