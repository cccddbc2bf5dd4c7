/* SPDX-License-Identifier: MIT */
#include "store/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "flow_fixture.h"
#include "harness/check.h"
#include "store/check.h"
#include "store/sqlite.h"

#define REPORTS 6u

/** A data folder whose store is open, as a service has it, and a folder to copy it to. */
struct rig {
    char folder[64];
    char copy[64];
    struct store *store;
};

static bool rig_open(struct rig *rig)
{
    if (!folder_make(rig->folder) || !folder_make(rig->copy)) {
        return false;
    }
    rig->store = store_at(rig->folder);
    return rig->store != NULL;
}

static void rig_close(struct rig *rig)
{
    store_close(rig->store);
    folder_remove(rig->folder);
    folder_remove(rig->copy);
}

/* One transaction for each report: of d1 and d2 in turn, and each of their sequences from @p first
 * to @p last. */
static bool put_reports(struct store *store, uint32_t first, uint32_t last)
{
    struct err err = {""};

    for (uint32_t i = first; i <= last; i++) {
        if (put_report(store, "d1", i, NOON_US + i * MINUTE_US, &err) != PICKET_OK ||
            put_report(store, "d2", i, NOON_US + i * MINUTE_US, &err) != PICKET_OK) {
            printf("%s\n", err.text);
            return false;
        }
    }
    return true;
}

static bool write_copy(const struct rig *rig, struct store_backup *backup)
{
    struct err err = {""};

    if (store_backup_write(backup, rig->copy, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        return false;
    }
    return true;
}

TEST(copy_has_what_was_committed_before_its_moment_and_nothing_that_came_since)
{
    struct store_backup *backup = NULL;
    struct store *copied = NULL;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK_UINT(store_backup_number(backup), 2 * REPORTS);
    CHECK(put_reports(rig.store, REPORTS + 1, 2 * REPORTS)); /* the day is far ahead now */
    CHECK(write_copy(&rig, backup));
    store_backup_end(backup);
    copied = store_at(rig.copy);
    CHECK_UINT(count_once(copied, "d1", REPORTS), REPORTS * FLOWS);
    CHECK_UINT(count_once(copied, "d2", REPORTS), REPORTS * FLOWS);
    /* what comes to the copy gets the numbers that were taken out of it */
    CHECK(put_reports(copied, REPORTS + 1, REPORTS + 3));
    CHECK_UINT(count_once(copied, "d1", REPORTS + 3), (REPORTS + 3) * FLOWS);
    CHECK_UINT(count_once(rig.store, "d2", 2 * REPORTS), 2 * REPORTS * FLOWS);
    store_close(copied);
    rig_close(&rig);
}

static bool has_file(const char *folder, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

#define DAY "flows/2024-10-04.db" /* of NOON_US */

TEST(days_are_not_taken_away_while_a_backup_reads_them)
{
    struct store_backup *backup = NULL;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, 1));
    CHECK(has_file(rig.folder, DAY));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    rig.store->ops->expire_flows(rig.store, INT64_MAX);
    CHECK(has_file(rig.folder, DAY));
    CHECK(write_copy(&rig, backup));
    CHECK(has_file(rig.copy, DAY));
    store_backup_end(backup);
    rig.store->ops->expire_flows(rig.store, INT64_MAX);
    CHECK(!has_file(rig.folder, DAY));
    rig_close(&rig);
}

#define SEALED "flows/2024-10-04.sealed.db"

/* Is asked for each segment. */
static bool count_asked(void *context)
{
    *(size_t *)context += 1;
    return true;
}

static enum picket_status seal_counted(struct store *store, size_t *asked)
{
    return store->ops->seal_flows(store, NOON_US + DAY_US, count_asked, asked, NULL);
}

static enum picket_status seal(struct store *store)
{
    size_t asked = 0;

    return seal_counted(store, &asked);
}

TEST(day_is_not_sealed_while_a_backup_reads_it_and_is_copied_when_it_is)
{
    struct store_backup *backup = NULL;
    struct store *copied = NULL;
    size_t asked = 0;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK(seal_counted(rig.store, &asked) == PICKET_E_CONFLICT);
    CHECK_UINT(asked, 0); /* it would be work for nothing */
    CHECK(has_file(rig.folder, DAY) && !has_file(rig.folder, SEALED));
    store_backup_end(backup);
    CHECK(seal(rig.store) == PICKET_OK);
    CHECK(!has_file(rig.folder, DAY) && has_file(rig.folder, SEALED));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK(write_copy(&rig, backup));
    store_backup_end(backup);
    copied = store_at(rig.copy);
    CHECK_UINT(count_once(copied, "d1", REPORTS), REPORTS * FLOWS);
    store_close(copied);
    rig_close(&rig);
}

TEST(copy_is_one_file_that_its_owner_alone_may_read)
{
    struct store_backup *backup = NULL;
    char path[160];
    struct stat about;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, 1));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK(write_copy(&rig, backup));
    store_backup_end(backup);
    CHECK(!has_file(rig.copy, "picket.db-wal") && !has_file(rig.copy, "picket.db-shm"));
    CHECK(!has_file(rig.copy, DAY "-wal") && !has_file(rig.copy, DAY "-shm"));
    snprintf(path, sizeof(path), "%s/" DAY, rig.copy);
    CHECK(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
    rig_close(&rig);
}

TEST(folder_without_store_or_of_a_newer_build_is_refused)
{
    struct store_backup *backup = NULL;
    struct err err = {""};
    struct rig rig;
    sqlite3 *db = NULL;
    char path[160];

    CHECK(rig_open(&rig));
    CHECK(store_backup_begin(rig.copy, &backup, &err) == PICKET_E_NOTFOUND);
    CHECK(!has_file(rig.copy, "picket.db"));
    store_close(rig.store);
    rig.store = NULL;
    snprintf(path, sizeof(path), "%s/picket.db", rig.folder);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(db);
    CHECK(store_backup_begin(rig.folder, &backup, &err) == PICKET_E_VERSION);
    CHECK(backup == NULL);
    rig_close(&rig);
}

static bool change(const char *folder, const char *name, const char *sql)
{
    char path[160];
    sqlite3 *db = NULL;
    bool is_done;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    is_done = sqlite3_open(path, &db) == SQLITE_OK &&
              sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
    sqlite3_close(db);
    return is_done;
}

TEST(damaged_day_is_named_and_not_its_copy)
{
    struct store_backup *backup = NULL;
    struct err err = {""};
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, 1));
    store_close(rig.store);
    rig.store = NULL;
    CHECK(change(rig.folder, DAY, "DELETE FROM state"));
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK(store_backup_write(backup, rig.copy, &err) == PICKET_E_MALFORMED);
    CHECK(strncmp(err.text, rig.folder, strlen(rig.folder)) == 0);
    CHECK(strstr(err.text, DAY ": the file is damaged") != NULL);
    store_backup_end(backup);
    rig_close(&rig);
}

/* --- check --- */

struct told {
    unsigned good;
    unsigned wrong;
    char text[4096]; /* file and wrong, a line each */
};

static void take_told(void *context, const char *file, const char *wrong)
{
    struct told *told = context;

    told->good += wrong == NULL;
    if (wrong != NULL) {
        size_t length = strlen(told->text);

        told->wrong++;
        snprintf(told->text + length, sizeof(told->text) - length, "%s: %s\n", file, wrong);
    }
}

static struct told check(const char *folder)
{
    struct told told = {0};
    struct err err = {""};

    if (store_check(folder, STORE_CHECK_ALL, take_told, &told, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        told.wrong = 999;
    }
    return told;
}

TEST(store_in_use_and_closed_is_good)
{
    struct told told;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
    told = check(rig.folder);
    CHECK_UINT(told.good, 2);
    CHECK_UINT(told.wrong, 0);
    store_close(rig.store);
    rig.store = NULL;
    told = check(rig.folder);
    CHECK_UINT(told.good, 2);
    CHECK_UINT(told.wrong, 0);
    rig_close(&rig);
}

/* A file of which nothing is written yet, as it is for a moment when the first report of a day
 * comes. */
static bool begin_day_file(const char *folder)
{
    char path[160];
    int file;

    snprintf(path, sizeof(path), "%s/flows/2024-10-05.db", folder);
    file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    close(file);
    return file >= 0;
}

TEST(day_that_is_only_just_being_made_is_copied_and_is_good)
{
    struct store_backup *backup = NULL;
    struct store *copied = NULL;
    struct told told;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS) && begin_day_file(rig.folder));
    told = check(rig.folder);
    CHECK_UINT(told.wrong, 0);
    CHECK(store_backup_begin(rig.folder, &backup, NULL) == PICKET_OK);
    CHECK(write_copy(&rig, backup));
    store_backup_end(backup);
    copied = store_at(rig.copy);
    CHECK_UINT(count_once(copied, "d1", REPORTS), REPORTS * FLOWS);
    store_close(copied);
    rig_close(&rig);
}

/** Damage that SQLite itself does not see, where, and what is told of it. */
static const struct planted {
    const char *file;
    const char *sql;
    const char *said;
} PLANTED[] = {
    {"picket.db", "UPDATE device SET kept = kept + 1 WHERE id = 'd1'",
     "picket.db: 1 devices have counters of packets that do not add up"},
    {"picket.db", "UPDATE device SET first_seen_us = last_seen_us + 1 WHERE id = 'd1'",
     "before they were first seen"},
    {"picket.db", "PRAGMA foreign_keys = OFF; DELETE FROM device WHERE id = 'd1'",
     "rows refer to others that are not there"},
    {"picket.db", "UPDATE ledger SET contacts = contacts + 1 WHERE device = 'd2'",
     "1 ledgers have not the number of contacts that they say"},
    {"picket.db", "UPDATE ledger SET waiting = x'ffff' WHERE device = 'd2'",
     "1 ledgers have contacts waiting that can't be read"},
    {"picket.db", "DELETE FROM flow_number", "which report was the last"},
    {"picket.db", "UPDATE device SET digests = x'01' WHERE id = 'd1'", "digests of reports"},
    {"picket.db", "PRAGMA user_version = 99", "was written by a newer Picket"},
    {"picket.db", "UPDATE flow_number SET number = 3",
     DAY ": it has reports up to 11, but picket.db knows of 3 only"},
    {DAY, "UPDATE report SET pack = zeroblob(length(pack)) WHERE number = 5",
     DAY ": the flows of 1 reports can't be read"},
    {DAY, "UPDATE report SET start_us = start_us - 1 WHERE number = 5",
     DAY ": 1 reports are not of the time or number"},
    {DAY, "UPDATE report SET number = 4000 WHERE number = 5",
     DAY ": 1 reports are not of the time or number"},
    {DAY, "DELETE FROM device WHERE id = 'd2'", DAY ": 6 reports are of a device that is not"},
    {DAY, "DELETE FROM state", DAY ": 1 rows too many or too few"},
    {DAY, "DROP TABLE latest", DAY ": "},
    {DAY,
     "ALTER TABLE report RENAME TO true_report;"
     "CREATE VIEW report AS SELECT device, end_us, number, start_us, NULL AS pack"
     " FROM true_report",
     DAY ": the file is damaged"},
};

TEST(rows_that_make_no_sense_are_told_with_their_file)
{
    for (size_t i = 0; i < SQLITE_VALUE_COUNT(PLANTED); i++) {
        struct told told;
        struct rig rig;

        CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
        store_close(rig.store);
        rig.store = NULL;
        CHECK(change(rig.folder, PLANTED[i].file, PLANTED[i].sql));
        told = check(rig.folder);
        CHECK(told.wrong >= 1);
        if (strstr(told.text, PLANTED[i].said) == NULL) {
            CHECK_TEXT(told.text, PLANTED[i].said);
        }
        rig_close(&rig);
    }
}

static const struct planted PLANTED_SEALED[] = {
    {SEALED, "UPDATE segment SET pack = zeroblob(length(pack)) WHERE number = 2",
     "put a backup in its place"},
    {SEALED, "DELETE FROM segment WHERE number = 2", "segments too many or too few"},
    {SEALED, "DELETE FROM segment WHERE number = 1", "segments too many or too few"},
    {SEALED, "UPDATE device SET first = 1 WHERE id = 'd2'",
     "1 devices have not the segments that they say"},
    {SEALED, "DELETE FROM device WHERE id = 'd1'", "1 devices have not the segments that they say"},
    {SEALED, "DELETE FROM device WHERE id = 'd2'", "segments too many or too few"},
    {SEALED, "UPDATE segment SET last_end_s = last_end_s - 1 WHERE number = 2",
     "put a backup in its place"},
    {SEALED, "UPDATE segment SET start_s = start_s + 1 WHERE number = 1",
     "put a backup in its place"},
    {SEALED, "UPDATE segment SET first_end_s = last_end_s + 1", "2 segments end before they begin"},
    {SEALED, "UPDATE state SET end_us = end_us - 1000000",
     "1 rows say another time than the segments have"},
};

TEST(sealed_day_that_makes_no_sense_is_told_with_its_file)
{
    for (size_t i = 0; i < SQLITE_VALUE_COUNT(PLANTED_SEALED); i++) {
        struct told told;
        struct rig rig;

        CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
        CHECK(seal(rig.store) == PICKET_OK);
        store_close(rig.store);
        rig.store = NULL;
        told = check(rig.folder);
        CHECK_UINT(told.good, 2);
        CHECK(change(rig.folder, SEALED, PLANTED_SEALED[i].sql));
        told = check(rig.folder);
        CHECK_UINT(told.good, 1);
        CHECK(strncmp(told.text, SEALED, strlen(SEALED)) == 0);
        if (strstr(told.text, PLANTED_SEALED[i].said) == NULL) {
            CHECK_TEXT(told.text, PLANTED_SEALED[i].said);
        }
        rig_close(&rig);
    }
}

static bool overwrite(const char *folder, const char *name, off_t offset)
{
    static const char rubbish[] = "these bytes have no business here, whatever stood before them";
    char path[160];
    int file;
    bool is_done;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = open(path, O_WRONLY);
    is_done = file >= 0 && pwrite(file, rubbish, sizeof(rubbish), offset) == sizeof(rubbish);
    close(file);
    return is_done;
}

TEST(damaged_pages_and_heads_are_told_with_their_file)
{
    static const struct {
        const char *file;
        off_t offset;
    } places[] = {{"picket.db", 0}, {"picket.db", 4096}, {DAY, 0}, {DAY, 4096}};

    for (size_t i = 0; i < SQLITE_VALUE_COUNT(places); i++) {
        struct told told;
        struct rig rig;

        CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
        store_close(rig.store);
        rig.store = NULL;
        CHECK(overwrite(rig.folder, places[i].file, places[i].offset));
        told = check(rig.folder);
        CHECK_UINT(told.good, 1);
        CHECK_UINT(told.wrong, 1);
        CHECK(strncmp(told.text, places[i].file, strlen(places[i].file)) == 0);
        CHECK(strstr(told.text, "put a backup in its place") != NULL);
        rig_close(&rig);
    }
}

TEST(day_that_is_ahead_by_a_transaction_is_as_a_crash_leaves_it)
{
    char path[160];
    sqlite3 *db = NULL;
    struct told told;
    struct rig rig;

    CHECK(rig_open(&rig) && put_reports(rig.store, 1, REPORTS));
    store_close(rig.store);
    rig.store = NULL;
    snprintf(path, sizeof(path), "%s/picket.db", rig.folder);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "UPDATE flow_number SET number = number - 1", NULL, NULL, NULL) ==
          SQLITE_OK);
    sqlite3_close(db);
    told = check(rig.folder);
    CHECK_UINT(told.wrong, 0);
    CHECK_UINT(told.good, 2);
    rig_close(&rig);
}

TEST_MAIN(TEST_ROW(copy_has_what_was_committed_before_its_moment_and_nothing_that_came_since),
          TEST_ROW(days_are_not_taken_away_while_a_backup_reads_them),
          TEST_ROW(day_is_not_sealed_while_a_backup_reads_it_and_is_copied_when_it_is),
          TEST_ROW(copy_is_one_file_that_its_owner_alone_may_read),
          TEST_ROW(folder_without_store_or_of_a_newer_build_is_refused),
          TEST_ROW(damaged_day_is_named_and_not_its_copy),
          TEST_ROW(store_in_use_and_closed_is_good),
          TEST_ROW(day_that_is_only_just_being_made_is_copied_and_is_good),
          TEST_ROW(rows_that_make_no_sense_are_told_with_their_file),
          TEST_ROW(sealed_day_that_makes_no_sense_is_told_with_its_file),
          TEST_ROW(damaged_pages_and_heads_are_told_with_their_file),
          TEST_ROW(day_that_is_ahead_by_a_transaction_is_as_a_crash_leaves_it))
