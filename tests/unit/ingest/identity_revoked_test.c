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
    paper_write_list(path, ca, leaf);
    GOOD(identity_load_revoked(desk->book, path, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, claim), "revoked");

    paper_write_list(path, ca, NULL);
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
    paper_write_list(path, ca, leaf);
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
    paper_write_list(path, ca, leaf);
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

/** A root in the book, an authority below it, and a device's certificate of that one. */
struct plant {
    struct desk *desk;
    struct paper *root, *middle, *leaf;
    struct authority authority;
    char path[32];
};

static bool plant_open(struct plant *plant)
{
    int file;

    plant->desk = desk_new(NULL);
    plant->root = paper_new("Root", NULL, true, 300);
    plant->middle = paper_new("Middle", plant->root, true, 300);
    plant->leaf = paper_new("d1", plant->middle, false, 30);
    snprintf(plant->path, sizeof(plant->path), "/tmp/picket-revoked-XXXXXX");
    file = mkstemp(plant->path);
    close(file);
    return file >= 0 && enrolment_add_authority(plant->desk->book, plant->root->pem, "", NOON_US,
                                                &plant->authority, NULL) == PICKET_OK;
}

static void plant_close(struct plant *plant)
{
    unlink(plant->path);
    paper_free(plant->root);
    paper_free(plant->middle);
    paper_free(plant->leaf);
    desk_free(plant->desk);
}

/* @p revoked: the middle one, or NULL: nobody. */
static enum picket_status plant_revoke(struct plant *plant, const struct paper *revoked)
{
    paper_write_list(plant->path, plant->root, revoked);
    return identity_load_revoked(plant->desk->book, plant->path, NOON_US, NULL);
}

static const char *plant_try(struct plant *plant, const struct paper *middle)
{
    return desk_try(plant->desk, (struct desk_claim){.paper = plant->leaf, .middle = middle});
}

TEST(device_is_refused_with_the_next_message_when_one_above_it_is_revoked)
{
    struct plant plant;
    struct desk_claim claim = {.device = NULL};
    struct identity_pass pass;

    CHECK(plant_open(&plant));
    claim.paper = plant.leaf;
    claim.middle = plant.middle;
    CHECK(desk_ask(plant.desk, &claim, &pass) == IDENTITY_GOOD);
    GOOD(plant_revoke(&plant, plant.middle));
    CHECK(identity_recheck(plant.desk->book, &pass, "192.0.2.1", NOON_US) == IDENTITY_REVOKED);
    CHECK_TEXT(plant_try(&plant, plant.middle), "revoked");
    CHECK_TEXT(plant_try(&plant, NULL), "revoked"); /* leaving it out helps nobody */
    CHECK_TEXT(desk_list(plant.desk).text, "ID_REVOKED_USED of d1 x3 Medium; ");
    GOOD(plant_revoke(&plant, NULL));
    CHECK(identity_recheck(plant.desk->book, &pass, "192.0.2.1", NOON_US) == IDENTITY_GOOD);
    CHECK_TEXT(plant_try(&plant, NULL), "good");
    plant_close(&plant);
}

TEST(pinned_certificate_is_refused_when_one_above_it_that_it_is_shown_with_is_revoked)
{
    struct plant plant;
    struct credential added;

    CHECK(plant_open(&plant));
    GOOD(
        enrolment_add_certificate(plant.desk->book, "cam", plant.leaf->pem, NOON_US, &added, NULL));
    CHECK_TEXT(plant_try(&plant, NULL), "good");
    GOOD(plant_revoke(&plant, plant.middle));
    CHECK_TEXT(plant_try(&plant, NULL), "good"); /* nobody knows who vouches for it */
    CHECK_TEXT(plant_try(&plant, plant.middle), "revoked");
    CHECK_TEXT(plant_try(&plant, NULL), "revoked");
    plant_close(&plant);
}

TEST(one_that_is_revoked_and_in_the_book_itself_need_not_be_shown)
{
    struct plant plant;
    struct authority middle;

    CHECK(plant_open(&plant));
    GOOD(enrolment_add_authority(plant.desk->book, plant.middle->pem, "", NOON_US, &middle, NULL));
    CHECK_TEXT(plant_try(&plant, NULL), "good");
    GOOD(plant_revoke(&plant, plant.middle));
    CHECK_TEXT(plant_try(&plant, NULL), "revoked");
    desk_reopen_book(plant.desk);
    GOOD(plant_revoke(&plant, plant.middle));
    CHECK_TEXT(plant_try(&plant, NULL), "revoked");
    plant_close(&plant);
}

TEST(token_pins_no_certificate_below_one_that_is_revoked)
{
    struct plant plant;
    struct enrolment_token open = {.device = "*", .valid_until_us = NOON_US + DAY_US};
    char token[ENROLMENT_KEY_MAX];
    struct desk_claim claim = {.device = "d2", .key = token};

    CHECK(plant_open(&plant));
    claim.paper = plant.leaf;
    claim.middle = plant.middle;
    GOOD(plant_revoke(&plant, plant.middle));
    GOOD(enrolment_make_token(plant.desk->book, &open, NOON_US, token, NULL));
    CHECK_TEXT(desk_try(plant.desk, claim), "revoked");
    GOOD(plant_revoke(&plant, NULL));
    CHECK_TEXT(desk_try(plant.desk, claim), "good");
    plant_close(&plant);
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

TEST_MAIN(
    TEST_ROW(file_without_lists_is_refused_with_a_sentence),
    TEST_ROW(device_is_refused_with_the_next_message_when_one_above_it_is_revoked),
    TEST_ROW(pinned_certificate_is_refused_when_one_above_it_that_it_is_shown_with_is_revoked),
    TEST_ROW(one_that_is_revoked_and_in_the_book_itself_need_not_be_shown),
    TEST_ROW(token_pins_no_certificate_below_one_that_is_revoked),
    TEST_ROW(doors_go_on_while_it_is_worked_out_what_lists_come_to),
    TEST_ROW(token_pins_no_certificate_that_is_revoked),
    TEST_ROW(lists_that_find_no_memory_leave_those_before_in_force))
