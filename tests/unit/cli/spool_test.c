/* SPDX-License-Identifier: MIT */
#include "cli/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/check.h"

#define BLOCKS 64u /* the least limit */

static const struct privileges owner = {0};

/* A folder of the test's own; @p ret is its path. */
static void make_folder(char ret[32])
{
    (void)snprintf(ret, 32, "/tmp/picket-spool-XXXXXX");
    (void)mkdtemp(ret);
}

static void remove_folder(const char *path)
{
    char command[64];

    (void)snprintf(command, sizeof(command), "rm -r %s", path);
    (void)!system(command);
}

static struct spool *reopen(struct spool *spool, const char *path)
{
    struct err err = {""};

    struct spool_place place = {.folder = -1};

    spool_free(spool);
    spool = NULL;
    if (spool_place_open(path, &owner, &place, &err) != PICKET_OK ||
        spool_open(&place, "d1", (uint64_t)BLOCKS * SPOOL_BLOCK_BYTES, &spool, &err) != PICKET_OK ||
        spool_load(spool, &err) != PICKET_OK) {
        printf("%s\n", err.text);
    }
    spool_place_close(&place);
    return spool;
}

/* Adds a report of one byte; how many were given up for it. */
static uint64_t put(struct spool *spool, uint8_t byte)
{
    uint64_t given_up = UINT64_MAX;
    struct err err = {""};

    return spool_put(spool, &byte, 1, &given_up, &err) == PICKET_OK ? given_up : UINT64_MAX;
}

/* The byte of the report that has waited longest, or -1. */
static int get(struct spool *spool)
{
    uint8_t bytes[16];
    size_t length = 0;
    struct err err = {""};

    return spool_get(spool, bytes, sizeof(bytes), &length, &err) == PICKET_OK && length == 1
               ? bytes[0]
               : -1;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[128];
    FILE *file = NULL;

    (void)snprintf(path, sizeof(path), "%s/device-d1/%s", folder, name);
    file = fopen(path, "we");
    if (file != NULL) {
        (void)fputs(text, file);
        (void)fclose(file);
    }
}

TEST(reports_come_back_in_order_after_a_restart)
{
    char folder[32];
    struct spool *spool = NULL;

    make_folder(folder);
    spool = reopen(NULL, folder);
    CHECK(get(spool) == -1);
    for (uint8_t i = 0; i < 12; i++) {
        CHECK_UINT(put(spool, i), 0);
    }
    spool_remove(spool);
    spool = reopen(spool, folder);
    CHECK_UINT(put(spool, 12), 0);
    for (int i = 1; i <= 12; i++) {
        CHECK(get(spool) == i);
        spool_remove(spool);
    }
    CHECK(get(spool) == -1);
    spool_free(spool);
    remove_folder(folder);
}

TEST(the_oldest_report_makes_room_and_is_counted)
{
    char folder[32];
    struct spool *spool = NULL;
    uint64_t given_up = 0;

    make_folder(folder);
    spool = reopen(NULL, folder);
    for (unsigned i = 0; i < BLOCKS + 5; i++) {
        given_up += put(spool, (uint8_t)i);
    }
    CHECK_UINT(given_up, 5);
    CHECK(get(spool) == 5);
    spool = reopen(spool, folder);
    CHECK(get(spool) == 5);
    CHECK_UINT(put(spool, 0), 1);
    spool_free(spool);
    remove_folder(folder);
}

TEST(refused_reports_make_room_before_those_that_wait_and_never_come_back)
{
    char folder[32];
    struct spool *spool = NULL;

    make_folder(folder);
    spool = reopen(NULL, folder);
    for (unsigned i = 0; i < BLOCKS; i++) {
        (void)put(spool, (uint8_t)i);
    }
    spool_set_aside(spool);
    spool_set_aside(spool);
    CHECK(get(spool) == 2);
    spool = reopen(spool, folder);
    CHECK(get(spool) == 2);
    CHECK_UINT(put(spool, 100), 0);
    CHECK_UINT(put(spool, 101), 0);
    CHECK(get(spool) == 2);
    CHECK_UINT(put(spool, 102), 1);
    CHECK(get(spool) == 3);
    spool_free(spool);
    remove_folder(folder);
}

TEST(what_is_no_report_is_left_alone)
{
    char folder[32];
    struct spool *spool = NULL;

    make_folder(folder);
    spool = reopen(NULL, folder);
    (void)put(spool, 1);
    write_text(folder, "report-1.cbor", "x");
    write_text(folder, "report-99999999999999999999.cbor", "x");
    write_text(folder, "report-00000000000000000009.cbor.bak", "x");
    write_text(folder, ".new", "half");
    spool = reopen(spool, folder);
    CHECK_UINT(put(spool, 2), 0);
    CHECK(get(spool) == 1);
    spool_remove(spool);
    CHECK(get(spool) == 2);
    spool_remove(spool);
    CHECK(get(spool) == -1);
    spool_free(spool);
    remove_folder(folder);
}

TEST(a_report_that_is_too_large_or_empty_is_an_error_that_can_be_removed)
{
    char folder[32];
    struct spool *spool = NULL;
    struct err err = {""};
    uint8_t bytes[4];
    size_t length = 0;

    make_folder(folder);
    spool = reopen(NULL, folder);
    write_text(folder, "report-00000000000000000001.cbor", "12345");
    write_text(folder, "report-00000000000000000002.cbor", "");
    spool = reopen(spool, folder);
    CHECK(spool_get(spool, bytes, sizeof(bytes), &length, &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "report-00000000000000000001.cbor can't be read") != NULL);
    spool_remove(spool);
    CHECK(spool_get(spool, bytes, sizeof(bytes), &length, &err) == PICKET_E_IO);
    spool_remove(spool);
    CHECK(spool_get(spool, bytes, sizeof(bytes), &length, &err) == PICKET_E_EMPTY);
    spool_free(spool);
    remove_folder(folder);
}

TEST(what_is_kept_under_a_name_is_replaced_whole)
{
    char folder[32];
    struct spool *spool = NULL;
    struct err err = {""};
    struct buf out;

    make_folder(folder);
    spool = reopen(NULL, folder);
    buf_init(&out, 16);
    CHECK(spool_recall(spool, "policy.cose", &out) == PICKET_E_EMPTY);
    CHECK(spool_keep(spool, "policy.cose", (const uint8_t *)"first one", 9, &err) == PICKET_OK);
    CHECK(spool_keep(spool, "policy.cose", (const uint8_t *)"second", 6, &err) == PICKET_OK);
    spool = reopen(spool, folder);
    CHECK(spool_recall(spool, "policy.cose", &out) == PICKET_OK);
    CHECK_TEXT(out.bytes, "second");
    buf_deinit(&out);
    spool_free(spool);
    remove_folder(folder);
}

static void note_device(void *context, const char *device)
{
    char *seen = context;

    strcat(seen, device);
    strcat(seen, " ");
}

TEST(a_place_shows_whose_folders_it_has_and_forgets_empty_ones)
{
    struct spool_place place = {.folder = -1};
    struct spool *spool = NULL;
    struct err err = {""};
    uint64_t given_up = 0;
    char path[32];
    char seen[64] = "";

    make_folder(path);
    CHECK_UINT(spool_place_open(path, &owner, &place, &err), PICKET_OK);
    CHECK(spool_place_is_writable(&place));
    for (unsigned i = 0; i < 2; i++) {
        CHECK_UINT(spool_open(&place, i == 0 ? "gw-10.0.0.1" : "gw-10.0.0.2", SPOOL_BYTES_MIN,
                              &spool, &err),
                   PICKET_OK);
        if (i == 1) {
            CHECK_UINT(spool_put(spool, (const uint8_t *)"x", 1, &given_up, &err), PICKET_OK);
        }
        spool_free(spool);
    }
    CHECK(spool_place_forget(&place, "gw-10.0.0.1"));
    CHECK(!spool_place_forget(&place, "gw-10.0.0.1"));
    CHECK(!spool_place_forget(&place, "gw-10.0.0.2"));
    spool_place_each(&place, note_device, seen);
    CHECK_TEXT(seen, "gw-10.0.0.2 ");
    spool_place_close(&place);
    spool_place_close(&place);
    remove_folder(path);
}

TEST_MAIN(TEST_ROW(reports_come_back_in_order_after_a_restart),
          TEST_ROW(a_place_shows_whose_folders_it_has_and_forgets_empty_ones),
          TEST_ROW(the_oldest_report_makes_room_and_is_counted),
          TEST_ROW(refused_reports_make_room_before_those_that_wait_and_never_come_back),
          TEST_ROW(what_is_no_report_is_left_alone),
          TEST_ROW(a_report_that_is_too_large_or_empty_is_an_error_that_can_be_removed),
          TEST_ROW(what_is_kept_under_a_name_is_replaced_whole))
