/* SPDX-License-Identifier: MIT */
/* The book under all that asks and changes it at once; for the thread sanitizer above all. */
#include "identity_fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/json.h"

#define DEVICES 8u
#define ROUNDS  200u

struct crowd {
    struct desk *desk;
    struct paper *root, *pinned; /* the latter of the former, and device "pinned" has it */
    char lists[2][32];           /* files, of the root: with nobody, and with the pinned one */
    char keys[DEVICES][ENROLMENT_KEY_MAX];
    atomic_uint good;
};

static void name_device(unsigned number, char ret[DEVICE_ID_MAX + 1])
{
    (void)snprintf(ret, DEVICE_ID_MAX + 1, "d%u", number % DEVICES);
}

/* A door: lets devices in, takes messages of theirs, refuses some. */
static void *run_door(void *context)
{
    struct crowd *crowd = context;
    struct identity_book *book = crowd->desk->book;

    for (unsigned i = 0; i < ROUNDS; i++) {
        char device[DEVICE_ID_MAX + 1];
        const char *key = crowd->keys[i % 3 == 2 ? (i + 1) % DEVICES : i % DEVICES];
        struct identity_claim claim = {.device = device,
                                       .key = (const uint8_t *)key,
                                       .key_length = strlen(key),
                                       .source = i % 2 == 0 ? "192.0.2.1" : "198.51.100.1",
                                       .now_us = NOON_US + i};
        struct identity_pass pass;

        name_device(i, device);
        if (identity_check(book, &claim, &pass) == IDENTITY_GOOD) {
            identity_begin(book, &pass, claim.source, claim.now_us);
            crowd->good +=
                identity_recheck(book, &pass, claim.source, claim.now_us) == IDENTITY_GOOD;
            (void)identity_allows(book, &pass, claim.source, claim.now_us);
            identity_note_foreign(book, &pass, "d0", claim.source, claim.now_us);
            identity_end(book, &pass, claim.source, claim.now_us);
        }
        identity_note_refused(book, device, REFUSED_MALFORMED, "byte 0", claim.source,
                              claim.now_us);
        (void)identity_check_vouched(book, device, "a broker", claim.now_us, &pass);
    }
    return NULL;
}

static void skip_credential(void *context, const struct credential *row, int64_t last_used_us)
{
    *(int64_t *)context += last_used_us != 0 && row->number > 0;
}

/* An operator: enrols and revokes, reads all there is. */
static void *run_operator(void *context)
{
    struct crowd *crowd = context;
    struct identity_book *book = crowd->desk->book;
    struct enrolment_token token = {.device = "new-*", .valid_until_us = NOON_US + DAY_US};

    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        char key[ENROLMENT_KEY_MAX];
        char device[DEVICE_ID_MAX + 1];
        struct credential added;
        struct buf text;
        struct json json;
        int64_t seen = 0;

        (void)snprintf(device, sizeof(device), "extra-%u", i);
        (void)!enrolment_make_key(book, device, NOON_US, key, &added, NULL);
        (void)!enrolment_revoke(book, device, 0, NOON_US, NULL);
        (void)!enrolment_make_token(book, &token, NOON_US, key, NULL);
        (void)enrolment_each_credential(book, "d1", skip_credential, &seen);
        buf_init(&text, 4096);
        json_init(&json, &text, false);
        json_open_object(&json, NULL);
        identity_write_counts(&json, "identity", book);
        json_close_object(&json);
        buf_deinit(&text);
    }
    return NULL;
}

/* Devices enrol themselves by an authority that comes and goes. */
static void *run_factory(void *context)
{
    struct crowd *crowd = context;
    struct identity_book *book = crowd->desk->book;
    struct paper *factory = paper_new("factory", NULL, true, 30);
    struct paper *device = paper_new("made", factory, false, 30);

    for (unsigned i = 0; i < ROUNDS / 10; i++) {
        struct identity_claim claim = {.certificates = &device->shown,
                                       .certificate_count = 1,
                                       .source = "192.0.2.7",
                                       .now_us = NOON_US + i};
        struct authority added;
        struct identity_pass pass;

        (void)!enrolment_add_authority(book, factory->pem, "", NOON_US, &added, NULL);
        (void)identity_check(book, &claim, &pass);
        (void)!identity_load_revoked(book, "/dev/null", NOON_US, NULL); /* refused: no lists */
        (void)!enrolment_remove_authority(book, added.number, NULL);
    }
    paper_free(device);
    paper_free(factory);
    return NULL;
}

/* A device that is revoked and let in again while doors learn who vouches for it. */
static void *run_certificates(void *context)
{
    struct crowd *crowd = context;
    const struct identity_claim claim = {.certificates = &crowd->pinned->shown,
                                         .certificate_count = 1,
                                         .source = "192.0.2.8",
                                         .now_us = NOON_US};

    for (unsigned i = 0; i < ROUNDS; i++) {
        struct identity_pass pass;

        if (identity_check(crowd->desk->book, &claim, &pass) == IDENTITY_GOOD) {
            (void)identity_recheck(crowd->desk->book, &pass, claim.source, claim.now_us);
        }
    }
    return NULL;
}

static void *run_lists(void *context)
{
    struct crowd *crowd = context;

    for (unsigned i = 0; i < ROUNDS / 2; i++) {
        (void)!identity_load_revoked(crowd->desk->book, crowd->lists[i % 2], NOON_US, NULL);
    }
    return NULL;
}

static bool prepare_certificates(struct crowd *crowd)
{
    struct authority authority;
    struct credential added;

    crowd->root = paper_new("root", NULL, true, 30);
    crowd->pinned = paper_new("pinned", crowd->root, false, 30);
    for (size_t i = 0; i < 2; i++) {
        int file;

        snprintf(crowd->lists[i], sizeof(crowd->lists[i]), "/tmp/picket-revoked-XXXXXX");
        file = mkstemp(crowd->lists[i]);
        if (file < 0) {
            return false;
        }
        close(file);
        paper_write_list(crowd->lists[i], crowd->root, i == 0 ? NULL : crowd->pinned);
    }
    return enrolment_add_authority(crowd->desk->book, crowd->root->pem, "", NOON_US, &authority,
                                   NULL) == PICKET_OK &&
           enrolment_add_certificate(crowd->desk->book, "pinned", crowd->pinned->pem, NOON_US,
                                     &added, NULL) == PICKET_OK;
}

static void drop_certificates(struct crowd *crowd)
{
    unlink(crowd->lists[0]);
    unlink(crowd->lists[1]);
    paper_free(crowd->root);
    paper_free(crowd->pinned);
}

static int64_t noon(void *context)
{
    (void)context;
    return NOON_US;
}

/* Workers of its own: what doors note comes from all threads. */
static void give_workers(struct desk *desk)
{
    const struct pipeline_config config = {.workers = 2,
                                           .queue_max = 64,
                                           .store = desk->store,
                                           .intel = desk->intel,
                                           .rulebook = desk->rulebook,
                                           .now_us = noon};

    identity_free(desk->book);
    pipeline_free(desk->pipeline);
    if (pipeline_new(&config, &desk->pipeline, NULL) != PICKET_OK) {
        abort();
    }
    desk_open_book(desk, false, 600);
}

TEST(doors_and_operators_may_ask_and_change_it_at_once)
{
    static void *(*const parts[])(void *) = {run_door,         run_door,         run_door,
                                             run_door,         run_operator,     run_factory,
                                             run_certificates, run_certificates, run_lists};
    struct crowd crowd = {.desk = desk_new(NULL)};
    pthread_t threads[sizeof(parts) / sizeof(parts[0])];
    struct credential added;

    give_workers(crowd.desk);
    CHECK(prepare_certificates(&crowd));
    for (unsigned i = 0; i < DEVICES; i++) {
        char device[DEVICE_ID_MAX + 1];

        name_device(i, device);
        GOOD(enrolment_make_key(crowd.desk->book, device, NOON_US, crowd.keys[i], &added, NULL));
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        CHECK_UINT(pthread_create(&threads[i], NULL, parts[i], &crowd), 0);
    }
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        CHECK_UINT(pthread_join(threads[i], NULL), 0);
    }
    CHECK_UINT(crowd.good, 4 * (ROUNDS - ROUNDS / 3)); /* with two keys of three */
    drop_certificates(&crowd);
    desk_free(crowd.desk);
}

TEST_MAIN(TEST_ROW(doors_and_operators_may_ask_and_change_it_at_once))
