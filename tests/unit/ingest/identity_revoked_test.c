/* SPDX-License-Identifier: MIT */
/* Lists of revoked certificates: what is on one, and what can't be read. */
#include <unistd.h>

#include "identity_fixture.h"
#include "ingest/identity_inside.h"

/* malloc() as the service's own code calls it: the call that fails, counted down; 0: none does. */
static unsigned failing_call;

void *failing_malloc(size_t size) __asm__("__wrap_malloc");
void *real_malloc(size_t size) __asm__("__real_malloc");

void *failing_malloc(size_t size)
{
    return failing_call > 0 && --failing_call == 0 ? NULL : real_malloc(size);
}

/* X509_CRL_verify() in the same way: while it works, doors must be able to ask the book. */
static struct identity_book *asked;
static unsigned verified, kept_out;

int watched_verify(X509_CRL *list, EVP_PKEY *key) __asm__("__wrap_X509_CRL_verify");
int real_verify(X509_CRL *list, EVP_PKEY *key) __asm__("__real_X509_CRL_verify");

int watched_verify(X509_CRL *list, EVP_PKEY *key)
{
    verified++;
    if (asked != NULL && pthread_rwlock_tryrdlock(&asked->lock) == 0) {
        pthread_rwlock_unlock(&asked->lock);
    } else {
        kept_out++;
    }
    return real_verify(list, key);
}

/* A list of @p ca with one certificate on it, or with none. */
static void write_list(const char *path, const struct paper *ca, const struct paper *revoked)
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

TEST(lists_that_find_no_memory_leave_those_before_in_force)
{
    struct desk *desk = desk_new(NULL);
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *leaf = paper_new("d1", ca, false, 30);
    const struct desk_claim claim = {.paper = leaf};
    struct authority authority;
    char path[] = "/tmp/picket-revoked-XXXXXX";
    enum picket_status status = PICKET_E_NOMEM;
    int file = mkstemp(path);

    CHECK(file >= 0);
    close(file);
    GOOD(enrolment_add_authority(desk->book, ca->pem, "", NOON_US, &authority, NULL));
    CHECK_TEXT(desk_try(desk, claim), "good");
    write_list(path, ca, leaf);
    GOOD(identity_load_revoked(desk->book, path, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, claim), "revoked");

    write_list(path, ca, NULL);
    for (unsigned call = 1; status == PICKET_E_NOMEM; call++) {
        failing_call = call;
        status = identity_load_revoked(desk->book, path, NOON_US, NULL);
        failing_call = 0;
        CHECK_TEXT(desk_try(desk, claim), status == PICKET_OK ? "good" : "revoked");
    }
    GOOD(status);
    unlink(path);
    paper_free(ca);
    paper_free(leaf);
    desk_free(desk);
}

TEST(doors_go_on_while_it_is_worked_out_what_lists_come_to)
{
    struct desk *desk = desk_new(NULL);
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *other = paper_new("Factory", NULL, true, 300); /* of that name, and not it */
    struct paper *leaf = paper_new("d1", ca, false, 30);
    const struct desk_claim claim = {.paper = leaf};
    struct authority authority;
    char path[] = "/tmp/picket-revoked-XXXXXX";
    int file = mkstemp(path);

    CHECK(file >= 0);
    close(file);
    asked = desk->book;
    verified = kept_out = 0;
    GOOD(enrolment_add_authority(desk->book, other->pem, "", NOON_US, &authority, NULL));
    write_list(path, ca, leaf);
    GOOD(identity_load_revoked(desk->book, path, NOON_US, NULL));
    CHECK_UINT(verified, 1);
    GOOD(enrolment_add_authority(desk->book, ca->pem, "", NOON_US, &authority, NULL));
    CHECK_UINT(verified, 3);
    GOOD(enrolment_remove_authority(desk->book, 1, NULL));
    CHECK_UINT(verified, 4);
    CHECK_UINT(kept_out, 0);
    CHECK_TEXT(desk_try(desk, claim), "revoked");
    GOOD(enrolment_remove_authority(desk->book, authority.number, NULL));
    CHECK_TEXT(desk_try(desk, claim), "unknown");
    asked = NULL;
    unlink(path);
    paper_free(ca);
    paper_free(other);
    paper_free(leaf);
    desk_free(desk);
}

TEST(token_pins_no_certificate_that_is_revoked)
{
    struct desk *desk = desk_new(NULL);
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *leaf = paper_new("d1", ca, false, 30);
    struct enrolment_token open = {.device = "*", .valid_until_us = NOON_US + DAY_US};
    struct authority authority;
    char token[ENROLMENT_KEY_MAX];
    char path[] = "/tmp/picket-revoked-XXXXXX";
    int file = mkstemp(path);

    CHECK(file >= 0);
    close(file);
    write_list(path, ca, leaf);
    GOOD(enrolment_add_authority(desk->book, ca->pem, "", NOON_US, &authority, NULL));
    GOOD(identity_load_revoked(desk->book, path, NOON_US, NULL));
    GOOD(enrolment_make_token(desk->book, &open, NOON_US, token, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = token, .paper = leaf}),
               "revoked");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = token}), "good");
    unlink(path);
    paper_free(ca);
    paper_free(leaf);
    desk_free(desk);
}

TEST(file_without_lists_is_refused_with_a_sentence)
{
    struct desk *desk = desk_new(NULL);
    struct err err = {""};
    char path[] = "/tmp/picket-revoked-XXXXXX";
    int file = mkstemp(path);

    CHECK(file >= 0);
    close(file);
    CHECK(identity_load_revoked(desk->book, path, NOON_US, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, ": list 1 can't be read: allowed are lists in PEM (X509 CRL)") != NULL);
    unlink(path);
    desk_free(desk);
}

TEST_MAIN(TEST_ROW(file_without_lists_is_refused_with_a_sentence),
          TEST_ROW(doors_go_on_while_it_is_worked_out_what_lists_come_to),
          TEST_ROW(token_pins_no_certificate_that_is_revoked),
          TEST_ROW(lists_that_find_no_memory_leave_those_before_in_force))
