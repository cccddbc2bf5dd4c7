/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "feed/journal.h"
#include "harness/check.h"

struct reading {
    char text[512]; /* what came, one behind the other */
    size_t count;
};

static enum picket_status take(void *context, const struct journal_entry *entry, struct err *reterr)
{
    struct reading *reading = context;
    size_t length = strlen(reading->text);

    (void)reterr;
    snprintf(reading->text + length, sizeof(reading->text) - length, "%s%s:%.*s;",
             entry->deed == JOURNAL_PUT ? "+" : "-", entry->feed, (int)entry->length, entry->body);
    reading->count++;
    return PICKET_OK;
}

static struct journal *open_at(const char *path, struct reading *ret, size_t *ret_cut)
{
    struct journal *journal = NULL;
    struct err err = {""};

    memset(ret, 0, sizeof(*ret));
    if (journal_open(path, take, ret, &journal, ret_cut, &err) != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return journal;
}

static enum picket_status add(struct journal *journal, enum journal_deed deed, const char *body)
{
    const struct journal_entry entry = {
        .deed = deed, .time_us = 7, .feed = "f", .body = body, .length = strlen(body)};

    return journal_append(journal, &entry, NULL);
}

static enum picket_status append(struct journal *journal, enum journal_deed deed, const char *body)
{
    enum picket_status status = add(journal, deed, body);

    return status == PICKET_OK ? journal_sync(journal, NULL) : status;
}

/* A path in a folder of its own. */
static bool make_path(char ret[64])
{
    strcpy(ret, "/tmp/picket-journal-XXXXXX");
    return mkdtemp(ret) != NULL && strcat(ret, "/journal") != NULL;
}

static void remove_path(char *path)
{
    char previous[80];

    snprintf(previous, sizeof(previous), "%s.previous", path);
    unlink(path);
    unlink(previous);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

TEST(entries_come_back_in_order)
{
    char path[64];
    struct reading reading;
    size_t cut = 1;
    struct journal *journal = NULL;

    CHECK(make_path(path));
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "one") == PICKET_OK);
    CHECK(append(journal, JOURNAL_REMOVE, "") == PICKET_OK);
    CHECK(append(journal, JOURNAL_PUT, "three") == PICKET_OK);
    journal_free(journal);
    journal = open_at(path, &reading, &cut);
    CHECK_TEXT(reading.text, "+f:one;-f:;+f:three;");
    CHECK_UINT(cut, 0);
    journal_free(journal);
    remove_path(path);
}

TEST(every_torn_tail_is_cut_and_what_is_before_it_stays)
{
    char path[64];
    struct reading reading;
    size_t cut = 0;
    size_t whole = 0;
    size_t one = 0;
    struct journal *journal = NULL;

    CHECK(make_path(path));
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "one") == PICKET_OK);
    one = journal_length(journal);
    CHECK(append(journal, JOURNAL_PUT, "two") == PICKET_OK);
    whole = journal_length(journal);
    journal_free(journal);
    for (size_t length = whole - 1; length > one; length--) {
        CHECK(truncate(path, (off_t)length) == 0);
        journal = open_at(path, &reading, &cut);
        CHECK_TEXT(reading.text, "+f:one;");
        CHECK_UINT(cut, length - one);
        CHECK_UINT(journal_length(journal), one);
        CHECK(append(journal, JOURNAL_PUT, "two") == PICKET_OK);
        journal_free(journal);
    }
    remove_path(path);
}

TEST(every_changed_byte_is_seen)
{
    char path[64];
    struct reading reading;
    size_t cut = 0;
    struct journal *journal = NULL;
    struct file_map map = {0};
    uint8_t bytes[64];

    CHECK(make_path(path));
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "body") == PICKET_OK);
    journal_free(journal);
    CHECK(file_map(path, &map, NULL) == PICKET_OK && map.length < sizeof(bytes));
    for (size_t at = 0; at < map.length; at++) {
        size_t good = 1;

        memcpy(bytes, map.bytes, map.length);
        bytes[at] ^= 0x40u;
        memset(&reading, 0, sizeof(reading));
        CHECK(journal_read(bytes, map.length, take, &reading, &good, NULL) == PICKET_OK);
        CHECK_UINT(reading.count, 0);
        CHECK_UINT(good, 0);
    }
    file_unmap(&map);
    remove_path(path);
}

TEST(cut_lets_go_of_what_is_before_the_place_and_keeps_a_copy)
{
    char path[64];
    char previous[80];
    struct reading reading;
    size_t cut = 0;
    size_t place = 0;
    struct journal *journal = NULL;

    CHECK(make_path(path));
    snprintf(previous, sizeof(previous), "%s.previous", path);
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "one") == PICKET_OK);
    place = journal_length(journal);
    CHECK(append(journal, JOURNAL_PUT, "two") == PICKET_OK);
    CHECK(journal_cut(journal, place, NULL) == PICKET_OK);
    CHECK(append(journal, JOURNAL_PUT, "three") == PICKET_OK);
    journal_free(journal);
    journal_free(open_at(previous, &reading, &cut));
    CHECK_TEXT(reading.text, "+f:one;+f:two;");
    journal_free(open_at(path, &reading, &cut));
    CHECK_TEXT(reading.text, "+f:two;+f:three;");
    remove_path(path);
}

TEST(entry_that_is_too_long_is_refused)
{
    char path[64];
    struct reading reading;
    size_t cut = 0;
    struct journal *journal = NULL;
    char *body = malloc(JOURNAL_BODY_MAX + 1);
    struct journal_entry entry = {
        .deed = JOURNAL_PUT, .feed = "f", .body = body, .length = JOURNAL_BODY_MAX + 1};

    CHECK(body != NULL && make_path(path));
    memset(body, 'x', JOURNAL_BODY_MAX + 1);
    journal = open_at(path, &reading, &cut);
    CHECK(journal_append(journal, &entry, NULL) == PICKET_E_LIMIT);
    entry.length--;
    CHECK(journal_append(journal, &entry, NULL) == PICKET_OK);
    CHECK(journal_sync(journal, NULL) == PICKET_OK);
    journal_free(journal);
    journal_free(open_at(path, &reading, &cut));
    CHECK_UINT(reading.count, 1);
    free(body);
    remove_path(path);
}

TEST(entries_that_are_not_synced_do_not_count)
{
    char path[64];
    struct reading reading;
    size_t cut = 0;
    size_t place = 0;
    struct journal *journal = NULL;

    CHECK(make_path(path));
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "one") == PICKET_OK);
    place = journal_length(journal);
    CHECK(add(journal, JOURNAL_PUT, "two") == PICKET_OK);
    CHECK(add(journal, JOURNAL_PUT, "three") == PICKET_OK);
    CHECK_UINT(journal_length(journal), place);
    CHECK(journal_sync(journal, NULL) == PICKET_OK);
    CHECK(journal_length(journal) > 2 * place);
    journal_free(journal);
    journal_free(open_at(path, &reading, &cut));
    CHECK_TEXT(reading.text, "+f:one;+f:two;+f:three;");
    remove_path(path);
}

/* Lets no file of this process grow beyond @p bytes. */
static bool limit_files(size_t bytes)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    return signal(SIGXFSZ, SIG_IGN) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

TEST(entry_that_cannot_be_written_takes_those_with_it_that_are_not_synced)
{
    char path[64];
    struct reading reading;
    size_t cut = 0;
    size_t one = 0;
    struct journal *journal = NULL;

    CHECK(make_path(path));
    journal = open_at(path, &reading, &cut);
    CHECK(append(journal, JOURNAL_PUT, "one") == PICKET_OK);
    one = journal_length(journal);
    CHECK(limit_files(2 * one + one / 2));
    CHECK(add(journal, JOURNAL_PUT, "two") == PICKET_OK);
    CHECK(add(journal, JOURNAL_PUT, "three") != PICKET_OK);
    CHECK(limit_files(0));
    CHECK_UINT(journal_length(journal), one);
    CHECK(append(journal, JOURNAL_PUT, "four") == PICKET_OK);
    journal_free(journal);
    journal_free(open_at(path, &reading, &cut));
    CHECK_TEXT(reading.text, "+f:one;+f:four;");
    CHECK_UINT(cut, 0);
    remove_path(path);
}

TEST_MAIN(TEST_ROW(entries_come_back_in_order),
          TEST_ROW(every_torn_tail_is_cut_and_what_is_before_it_stays),
          TEST_ROW(every_changed_byte_is_seen),
          TEST_ROW(cut_lets_go_of_what_is_before_the_place_and_keeps_a_copy),
          TEST_ROW(entry_that_is_too_long_is_refused),
          TEST_ROW(entries_that_are_not_synced_do_not_count),
          TEST_ROW(entry_that_cannot_be_written_takes_those_with_it_that_are_not_synced))
