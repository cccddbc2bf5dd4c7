/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_IDENTITY_INSIDE_H
#define SERVICE_INGEST_IDENTITY_INSIDE_H

#include <openssl/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/enrolment.h"
#include "ingest/identity.h"
#include "ingest/identity_events.h"
#include "ingest/identity_use.h"
#include "model/credential.h"

/**
 * The inside of the book, shared by ingest/identity*.c and enrolment.c: what doors ask is in
 * identity.c, who is let in is decided in identity_judge.c, what an operator changes is in
 * enrolment.c, how it is stored and how devices enrol themselves in identity_enrol.c, what the book
 * is made of in identity_book.c, and what certificates say in identity_certificate.c. Private to
 * ingest.
 */

#define IDENTITY_AUTHORITIES_MAX 64u
#define IDENTITY_TOKENS_MAX      1000000u
#define IDENTITY_LISTS_MAX       64u /* of certificates that were revoked */
#define IDENTITY_CHAIN_MAX       6u

/** The certificates that a device's was verified by, up to the authority, as lists name them. */
struct identity_chain {
    size_t count; /* 0: nobody of the book vouches for it */
    uint8_t papers[IDENTITY_CHAIN_MAX][CREDENTIAL_DIGEST_BYTES];
};

struct identity_credential {
    struct credential row;
    atomic_int_fast64_t last_used_us; /* 0: not since the start */
    /* Of a certificate; NULL until it was shown with one. Then it stays, so that leaving a part out
     * helps nobody. */
    _Atomic(struct identity_chain *) chain;
    atomic_uint_fast64_t tried;       /* what it was last shown with, and to whom, in vain */
    struct identity_credential *next; /* of the same device, older */
};

struct identity_device {
    char id[DEVICE_ID_MAX + 1];              /* first: the key of the tree */
    struct identity_credential *credentials; /* the newest first */
    size_t credential_count;
    atomic_uint_fast64_t refused;
    atomic_int_fast64_t last_good_us; /* 0: not since the start */
    struct identity_use use;          /* guarded by use_lock */
};

struct identity_token {
    struct enrolment_token row;
    struct identity_token *next; /* older */
};

/** Lists that were read, whoever signed them. */
struct identity_lists {
    X509_CRL *items[IDENTITY_LISTS_MAX];
    size_t count;
};

/** Lists, and what those that authorities of the book signed come to. */
struct identity_revoked {
    struct identity_lists lists;
    uint8_t (*papers)[CREDENTIAL_DIGEST_BYTES]; /* of identity_paper(), ascending */
    size_t count;
};

/** The same, made aside: to verify and sort a million certificates takes seconds, in which doors
 * go on. */
struct identity_settled {
    struct identity_revoked revoked;
    bool counts[IDENTITY_LISTS_MAX]; /* a list: an authority has signed it */
    struct identity_authority_list {
        bool is_there;
        size_t count;
        int64_t until_us;
    } of[IDENTITY_AUTHORITIES_MAX]; /* by their place in the book */
};

struct identity_authority {
    struct authority row; /* without the certificate's bytes: */
    X509 *certificate;
    struct identity_authority_list list; /* of certificates that it revoked */
};

struct identity_book {
    struct identity_config config;
    /* Serialises changes; held for a transaction, and for what lists come to with another
     * authority. Taken before the next one. */
    pthread_mutex_t change_lock;
    /* Guards everything down to next_authority; held by readers for a check, and by a change only
     * to put in memory what is made already: no stream of checks keeps it waiting. */
    pthread_rwlock_t lock;
    void *devices;     /* <search.h>, of struct identity_device by id */
    void *credentials; /* of struct identity_credential by kind and digest: certificates and keys */
    void *tokens;      /* of struct identity_token by digest */
    struct identity_token *newest_token;
    size_t token_count;
    struct identity_authority authorities[IDENTITY_AUTHORITIES_MAX];
    size_t authority_count;
    X509_STORE *trust; /* of these; NULL if there are none */
    struct identity_revoked revoked;
    uint64_t next_credential;
    uint64_t next_token;
    uint64_t next_authority;
    pthread_mutex_t use_lock; /* held for a few compares */
    struct identity_events events;
    atomic_uint_fast64_t counts[IDENTITY_VERDICTS];
    atomic_uint_fast64_t over_allowance;
};

/* The caller of what follows holds the lock. */

/** NULL if there is none. */
struct identity_device *identity_find_device(const struct identity_book *book, const char *id);
/** A certificate or a key, by its digest. */
struct identity_credential *identity_find_credential(const struct identity_book *book,
                                                     enum credential_kind kind,
                                                     const uint8_t *digest);
struct identity_token *identity_find_token(const struct identity_book *book, const uint8_t *digest);

/** Copies into memory what the store has. PICKET_E_NOMEM: nothing has changed. */
PICKET_MUST_CHECK enum picket_status identity_put_credential(struct identity_book *book,
                                                             const struct credential *row);
PICKET_MUST_CHECK enum picket_status identity_put_token(struct identity_book *book,
                                                        const struct enrolment_token *row);
void identity_drop_token(struct identity_book *book, uint64_t number);
PICKET_MUST_CHECK enum picket_status identity_put_authority(struct identity_book *book,
                                                            const struct authority *row);
/** False if there is none. */
bool identity_drop_authority(struct identity_book *book, uint64_t number);

/** Reads the store into the book. */
PICKET_MUST_CHECK enum picket_status identity_load(struct identity_book *book, struct err *reterr);
/** Lets go of all that. */
void identity_unload(struct identity_book *book);

/* --- certificates --- */

/** What matters of a certificate. */
struct identity_leaf {
    uint8_t digest[CREDENTIAL_DIGEST_BYTES];
    uint8_t paper[CREDENTIAL_DIGEST_BYTES]; /* of identity_paper() */
    char name[DEVICE_ID_MAX + 1]; /* its common name, if that can be a device id, else "" */
    int64_t valid_from_us;
    int64_t valid_until_us;
};

void identity_digest(const void *bytes, size_t length, uint8_t ret[CREDENTIAL_DIGEST_BYTES]);
/** False if it is no certificate. */
bool identity_read_leaf(const struct tls_certificate *certificate, struct identity_leaf *ret);
/** NULL if it is no certificate; free with X509_free(). */
X509 *identity_read_pem(const char *pem);
bool identity_describe(X509 *certificate, struct identity_leaf *ret);
/** "CN = Factory CA, O = …" */
void identity_subject(X509 *certificate, char ret[SUBJECT_TEXT_MAX]);
void identity_name_text(const X509_NAME *name, char ret[SUBJECT_TEXT_MAX]);
/** False if it can't be read. */
bool identity_read_time(const ASN1_TIME *time, int64_t *ret_us);
/** The authority that the chain leads to, whether or not the leaf has expired; NULL if none is
 * trusted with it. *ret_chain is of any time, and without the leaf. */
const struct identity_authority *identity_verify(const struct identity_book *book,
                                                 const struct tls_certificate *certificates,
                                                 size_t count, int64_t now_us,
                                                 struct identity_chain *ret_chain);
/** Keeps the chain that a certificate of the book is shown with. Cost: once for each certificate,
 * and again when others vouch, a chain of signatures. */
void identity_learn_chain(const struct identity_book *book, const struct identity_claim *claim,
                          struct identity_credential *credential);

/* --- certificates that were revoked by their authority --- */

/** What lists name a certificate by. */
void identity_paper(const X509_NAME *issuer, const ASN1_INTEGER *serial,
                    uint8_t ret[CREDENTIAL_DIGEST_BYTES]);
/** Whether a certificate, or one above it, is on a list. @p chain: NULL if it is not known. The
 * caller holds the lock. */
bool identity_is_revoked(const struct identity_book *book,
                         const uint8_t paper[CREDENTIAL_DIGEST_BYTES],
                         const struct identity_chain *chain);
/**
 * What the book's lists come to when @p added (or NULL) is one more authority, and @p dropped (or
 * 0) is none. The caller has the change lock, so that it stays so, and not the other one.
 */
PICKET_MUST_CHECK enum picket_status identity_settle(struct identity_book *book, X509 *added,
                                                     uint64_t dropped, struct identity_settled *ret,
                                                     struct err *reterr);
/** Puts it in the place of what the book has, and that into @p settled. The caller holds the lock
 * to write, and the book has these authorities. */
void identity_install(struct identity_book *book, struct identity_settled *settled);
void identity_drop_settled(struct identity_settled *settled);
void identity_drop_revoked(struct identity_revoked *revoked);

/* --- changes: what was put is in the store before it is in memory --- */

/** Begins a transaction; then nobody else changes the book. */
PICKET_MUST_CHECK enum picket_status identity_begin_change(struct identity_book *book,
                                                           struct err *reterr);
/** The same by who has the change lock already, and lets it go if this fails. */
PICKET_MUST_CHECK enum picket_status identity_begin_store(struct identity_book *book,
                                                          struct err *reterr);
/** Ends the transaction. If that is good, memory may be changed, and identity_end_change() follows;
 * if not, the change is over. */
PICKET_MUST_CHECK enum picket_status
identity_commit_change(struct identity_book *book, enum picket_status status, struct err *reterr);
PICKET_MUST_CHECK enum picket_status
identity_end_change(struct identity_book *book, enum picket_status status, struct err *reterr);

/** Whether @p row can be added, now that nobody else changes the book. */
PICKET_MUST_CHECK enum picket_status identity_check_credential(struct identity_book *book,
                                                               const struct credential *row,
                                                               struct err *reterr);
/** One that is always good; without number and digest. */
struct credential identity_credential_of(const char *device, enum credential_kind kind,
                                         int64_t now_us);
void identity_take_leaf(struct credential *row, const struct identity_leaf *leaf);

/* --- enrolling itself --- */

/** A device that may come in by a token, or by an authority. */
struct identity_enrolment {
    const char *device;
    const struct identity_leaf *leaf; /* pinned; NULL: the token becomes the device's key */
    const uint8_t *token;             /* its digest, or NULL */
    uint64_t authority;               /* 0 with a token */
    int64_t now_us;
};

/** Decides anew, since the book may have changed, and stores it. Without the lock. */
enum identity_verdict identity_enrol(struct identity_book *book,
                                     const struct identity_enrolment *enrolment,
                                     struct credential *ret);

/** How a device would come in. */
enum identity_way { IDENTITY_BY_AUTHORITY, IDENTITY_BY_OPEN_TOKEN, IDENTITY_BY_OWN_TOKEN };

/** Whether the device has a credential that is not revoked. */
bool identity_has_good(const struct identity_device *device);
/** Whether a device, known or not (NULL), may: nobody takes over what another one is by a token for
 * many, or with a second certificate, and who was revoked comes back by the operator alone. */
enum identity_verdict identity_may_enrol(const struct identity_device *device,
                                         enum identity_way way);

/* --- judging --- */

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

/** Fills the judgement. If it is good, then by `good`, or by an enrolment that is still to be done.
 */
enum identity_verdict identity_judge_claim(struct judgement *judgement);
/** What is told of a refusal. Whoever is not known, and not vouched for, has no device of its own
 * to be told of. */
void identity_describe_refusal(const struct judgement *judgement, enum identity_verdict verdict,
                               struct identity_event *ret);

#endif
