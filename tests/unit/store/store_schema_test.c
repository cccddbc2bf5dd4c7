/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include "harness/check.h"
#include "store_fixture.h"

TEST(new_store_is_at_the_newest_version)
{
    struct store *store = store_at(NULL);
    int step_count;

    sqlite_schema_steps(&step_count);
    CHECK(step_count > 0);
    CHECK_UINT(select_number(store, "PRAGMA user_version"), step_count);
    store_close(store);
}

/* Steps of a later build, behind those of this one. */
static enum picket_status migrate_further(struct store *store, const char *one, const char *two,
                                          struct err *reterr)
{
    const char *steps[64];
    int count;
    const char *const *known = sqlite_schema_steps(&count);

    memcpy(steps, known, (size_t)count * sizeof(*known));
    steps[count++] = one;
    steps[count++] = two;
    return sqlite_migrate((struct sqlite_store *)store, steps, count, reterr);
}

TEST(only_steps_not_seen_yet_are_taken)
{
    struct store *store = store_at(NULL);
    int64_t version = select_number(store, "PRAGMA user_version");

    CHECK(migrate_further(store, "CREATE TABLE later (n INTEGER)", "INSERT INTO later VALUES (42)",
                          NULL) == PICKET_OK);
    CHECK_UINT(select_number(store, "PRAGMA user_version"), version + 2);
    CHECK_UINT(select_number(store, "SELECT n FROM later"), 42);
    store_close(store);
}

TEST(failed_step_leaves_version_and_tables_as_they_were)
{
    struct store *store = store_at(NULL);
    struct err err = {""};
    int64_t version = select_number(store, "PRAGMA user_version");

    CHECK(migrate_further(store, "CREATE TABLE later (n INTEGER)", "no SQL", &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "syntax error") != NULL);
    CHECK_UINT(select_number(store, "PRAGMA user_version"), version);
    CHECK_UINT(select_number(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'later'"), 0);
    store_close(store);
}

static void execute(const char *folder, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/picket.db", folder);
    sqlite3_open(path, &db);
    sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_close(db);
}

TEST(store_of_a_newer_build_is_refused_untouched)
{
    char folder[64];
    struct store *store = NULL;
    struct err err = {""};
    char set_version[40];
    int step_count;

    CHECK(folder_make(folder));
    store_close(store_at(folder));
    execute(folder, "PRAGMA user_version = 99");
    CHECK(store_open_sqlite(folder, &store, &err) == PICKET_E_VERSION);
    CHECK(store == NULL);
    CHECK(strstr(err.text, "picket.db was written by a newer Picket") != NULL);
    CHECK(strstr(err.text, "99") != NULL);
    sqlite_schema_steps(&step_count);
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", step_count);
    execute(folder, set_version);
    store = store_at(folder);
    CHECK(store != NULL);
    store_close(store);
    folder_remove(folder);
}

TEST(empty_file_becomes_a_store)
{
    char folder[64];
    struct store *store;

    CHECK(folder_make(folder));
    execute(folder, "VACUUM"); /* version 0, no table */
    store = store_at(folder);
    CHECK(store != NULL);
    CHECK_UINT(
        select_number(store, "SELECT count(*) FROM device WHERE id <> '" STORE_SERVICE_ID "'"), 0);
    store_close(store);
    folder_remove(folder);
}

TEST_MAIN(TEST_ROW(new_store_is_at_the_newest_version), TEST_ROW(only_steps_not_seen_yet_are_taken),
          TEST_ROW(failed_step_leaves_version_and_tables_as_they_were),
          TEST_ROW(store_of_a_newer_build_is_refused_untouched),
          TEST_ROW(empty_file_becomes_a_store))
