/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_INGEST_IDENTITY_FIXTURE_H
#define TESTS_UNIT_INGEST_IDENTITY_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/rules.h"
#include "harness/check.h"
#include "ingest/enrolment.h"
#include "ingest/identity.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define GOOD(call) CHECK((call) == PICKET_OK)
#define NOON_US    INT64_C(1767225600000000) /* 2026-01-01T00:00:00Z */
#define MINUTE_US  (INT64_C(60) * TIME_US_PER_S)
#define DAY_US     (1440 * MINUTE_US)

/** A certificate with its key, in every form that a test wants. */
struct paper {
    EVP_PKEY *key;
    X509 *certificate;
    char pem[4096];
    uint8_t der[2048];
    struct tls_certificate shown;
};

static inline void paper_extend(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/** For @p name, valid from a day before to @p days after NOON_US; @p issuer NULL: signs itself. */
static inline struct paper *paper_new(const char *name, const struct paper *issuer, bool is_ca,
                                      int days)
{
    struct paper *paper = calloc(1, sizeof(*paper));
    time_t noon = NOON_US / TIME_US_PER_S;
    uint8_t *at = paper->der;
    BIO *text = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();

    paper->key = EVP_EC_gen("P-256");
    paper->certificate = certificate;
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), rand());
    X509_time_adj_ex(X509_getm_notBefore(certificate), -1, 0, &noon);
    X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, &noon);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                               (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer == NULL ? X509_get_subject_name(certificate)
                                                     : X509_get_subject_name(issuer->certificate));
    X509_set_pubkey(certificate, paper->key);
    if (is_ca) {
        paper_extend(certificate, NID_basic_constraints, "critical,CA:TRUE");
        paper_extend(certificate, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    X509_sign(certificate, issuer == NULL ? paper->key : issuer->key, EVP_sha256());
    PEM_write_bio_X509(text, certificate);
    BIO_read(text, paper->pem, sizeof(paper->pem) - 1);
    BIO_free(text);
    paper->shown.length = (size_t)i2d_X509(certificate, &at);
    paper->shown.bytes = paper->der;
    return paper;
}

static inline void paper_free(struct paper *paper)
{
    X509_free(paper->certificate);
    EVP_PKEY_free(paper->key);
    free(paper);
}

/** A list of @p ca with one certificate on it, or with none. */
static inline void paper_write_list(const char *path, const struct paper *ca,
                                    const struct paper *revoked)
{
    ASN1_TIME *noon = ASN1_TIME_set(NULL, NOON_US / TIME_US_PER_S);
    X509_CRL *list = X509_CRL_new();
    FILE *file = fopen(path, "w");

    X509_CRL_set_version(list, 1);
    X509_CRL_set_issuer_name(list, X509_get_subject_name(ca->certificate));
    X509_CRL_set1_lastUpdate(list, noon);
    X509_CRL_set1_nextUpdate(list, noon);
    if (revoked != NULL) {
        X509_REVOKED *entry = X509_REVOKED_new();

        X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->certificate));
        X509_REVOKED_set_revocationDate(entry, noon);
        X509_CRL_add0_revoked(list, entry);
    }
    X509_CRL_sign(list, ca->key, EVP_sha256());
    PEM_write_X509_CRL(file, list);
    fclose(file);
    X509_CRL_free(list);
    ASN1_TIME_free(noon);
}

/** A book over a store in memory, and a pipeline that works at once. */
struct desk {
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct pipeline *pipeline;
    struct identity_book *book;
};

static inline void desk_free_rulebook(void *rulebook)
{
    rulebook_free(rulebook);
}

static inline void desk_open_book(struct desk *desk, bool is_open, unsigned per_minute)
{
    const struct identity_config config = {.store = desk->store,
                                           .pipeline = desk->pipeline,
                                           .is_open = is_open,
                                           .messages_per_minute = per_minute};
    struct err err = {""};

    if (identity_new(&config, &desk->book, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        abort();
    }
}

static inline struct desk *desk_new(struct store *store)
{
    struct desk *desk = calloc(1, sizeof(*desk));
    struct pipeline_config config;

    desk->store = store;
    desk->intel = snapshot_cell_new();
    desk->rulebook = snapshot_cell_new();
    if ((store == NULL && store_open_sqlite(NULL, &desk->store, NULL) != PICKET_OK) ||
        !snapshot_publish(desk->rulebook, rulebook_new(), desk_free_rulebook)) {
        abort();
    }
    config = (struct pipeline_config){
        .store = desk->store, .intel = desk->intel, .rulebook = desk->rulebook};
    if (pipeline_new(&config, &desk->pipeline, NULL) != PICKET_OK) {
        abort();
    }
    desk_open_book(desk, false, 0);
    return desk;
}

static inline void desk_free(struct desk *desk)
{
    pipeline_free(desk->pipeline);
    identity_free(desk->book);
    store_close(desk->store);
    snapshot_cell_free(desk->rulebook);
    snapshot_cell_free(desk->intel);
    free(desk);
}

/** As after a restart. */
static inline void desk_reopen_book(struct desk *desk)
{
    identity_free(desk->book);
    desk_open_book(desk, false, 0);
}

struct desk_claim {
    const char *device;
    const char *key;
    const struct paper *paper;  /* the leaf */
    const struct paper *middle; /* shown after it */
    const char *source;
    int64_t now_us; /* 0: NOON_US */
};

static inline enum identity_verdict desk_ask(struct desk *desk, const struct desk_claim *asked,
                                             struct identity_pass *ret)
{
    struct tls_certificate shown[2];
    struct identity_claim claim = {
        .device = asked->device,
        .certificates = shown,
        .key = (const uint8_t *)asked->key,
        .key_length = asked->key == NULL ? 0 : strlen(asked->key),
        .source = asked->source == NULL ? "192.0.2.1" : asked->source,
        .now_us = asked->now_us == 0 ? NOON_US : asked->now_us,
    };

    if (asked->paper != NULL) {
        shown[claim.certificate_count++] = asked->paper->shown;
    }
    if (asked->middle != NULL) {
        shown[claim.certificate_count++] = asked->middle->shown;
    }
    return identity_check(desk->book, &claim, ret);
}

/** The verdict as a word, so that a failed check is easy to read. */
static inline const char *desk_try(struct desk *desk, struct desk_claim asked)
{
    struct identity_pass pass;

    return identity_verdict_name(desk_ask(desk, &asked, &pass));
}

/** "TYPE of DEVICE", each followed by a blank: the alerts that are open, by type. */
struct desk_alerts {
    char text[1024];
};

static inline bool desk_add_alert(void *context, const struct alert *alert)
{
    struct desk_alerts *alerts = context;
    size_t length = strlen(alerts->text);

    snprintf(alerts->text + length, sizeof(alerts->text) - length, "%s of %s x%u %s; ", alert->type,
             alert->device, (unsigned)alert->count, severity_name(alert->severity));
    return true;
}

static inline struct desk_alerts desk_list(struct desk *desk)
{
    const struct store_filter all = {.only_open = true};
    struct desk_alerts alerts = {""};

    if (desk->store->ops->each_alert(desk->store, &all, desk_add_alert, &alerts, NULL) !=
        PICKET_OK) {
        snprintf(alerts.text, sizeof(alerts.text), "can't be read");
    }
    return alerts;
}

#endif
