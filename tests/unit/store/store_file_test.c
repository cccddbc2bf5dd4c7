/* SPDX-License-Identifier: MIT */
#include "store/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "harness/check.h"
#include "store/sqlite.h"
#include "store_fixture.h"

#define GOOD(call) CHECK((call) == PICKET_OK)

static enum picket_status put_device(struct store *store, const char *id, struct err *reterr)
{
    struct device device = device_of(id);
    enum picket_status status;

    status = store->ops->begin(store, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = store->ops->put_device(store, &device, reterr);
    if (status == PICKET_OK) {
        status = store->ops->commit(store, reterr);
    }
    if (status != PICKET_OK) {
        store->ops->rollback(store);
    }
    return status;
}

static bool count_device(void *context, const struct device *device)
{
    (void)device;
    (*(unsigned *)context)++;
    return true;
}

static unsigned device_count(struct store *store)
{
    const struct store_filter all = {0};
    unsigned count = 0;

    return store->ops->each_device(store, &all, count_device, &count, NULL) == PICKET_OK ? count
                                                                                         : 999;
}

TEST(folder_is_made_with_its_parents_and_for_the_owner_alone)
{
    char folder[64], path[128];
    struct store *store;
    struct stat about;

    CHECK(folder_make(folder));
    snprintf(path, sizeof(path), "%s/a/b", folder);
    store = store_at(path);
    CHECK(store != NULL);
    CHECK(stat(path, &about) == 0 && (about.st_mode & 0777) == 0700);
    snprintf(path, sizeof(path), "%s/a/b/picket.db", folder);
    CHECK(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
    snprintf(path, sizeof(path), "%s/a/b/picket.db-wal", folder);
    CHECK(stat(path, &about) == 0 && (about.st_mode & 0777) == 0600);
    store_close(store);
    snprintf(path, sizeof(path), "%s/a/b", folder);
    folder_remove(path);
    snprintf(path, sizeof(path), "%s/a", folder);
    folder_remove(path);
    folder_remove(folder);
}

TEST(what_was_committed_is_there_after_opening_again)
{
    char folder[64];
    struct store *store;

    CHECK(folder_make(folder));
    store = store_at(folder);
    GOOD(put_device(store, "d1", NULL));
    store_close(store);
    store = store_at(folder);
    CHECK_UINT(device_count(store), 1);
    store_close(store);
    folder_remove(folder);
}

TEST(second_process_is_refused_while_the_first_has_the_folder)
{
    char folder[64];
    struct store *first, *second = NULL;
    struct err err = {""};

    CHECK(folder_make(folder));
    first = store_at(folder);
    CHECK(store_open_sqlite(folder, &second, &err) == PICKET_E_CONFLICT);
    CHECK(second == NULL);
    CHECK(strstr(err.text, folder) != NULL);
    store_close(first);
    second = store_at(folder);
    CHECK(second != NULL);
    store_close(second);
    folder_remove(folder);
}

TEST(folder_that_is_a_file_is_named)
{
    struct store *store = NULL;
    struct err err = {""};

    CHECK(store_open_sqlite("/dev/null/x", &store, &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "/dev/null") != NULL);
}

static void write_at(const char *folder, long offset, const char *text)
{
    char path[128];
    FILE *file;

    snprintf(path, sizeof(path), "%s/picket.db", folder);
    file = fopen(path, "r+");
    if (file == NULL) {
        file = fopen(path, "w");
    }
    fseek(file, offset, SEEK_SET);
    fputs(text, file);
    fclose(file);
}

TEST(file_that_is_no_database_is_refused_with_what_to_do)
{
    char folder[64];
    struct store *store = NULL;
    struct err err = {""};

    CHECK(folder_make(folder));
    write_at(folder, 0,
             "this is a letter, and no database, and it is long enough for a header; "
             "and it goes on for a little while, so that it is taken seriously.");
    CHECK(store_open_sqlite(folder, &store, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "picket.db") != NULL);
    CHECK(strstr(err.text, "backup") != NULL);
    folder_remove(folder);
}

TEST(damaged_page_is_found_at_the_start)
{
    char folder[64];
    struct store *store;
    struct err err = {""};

    CHECK(folder_make(folder));
    store = store_at(folder);
    for (unsigned i = 0; i < 200; i++) {
        char id[16];

        snprintf(id, sizeof(id), "d%u", i);
        GOOD(put_device(store, id, NULL));
    }
    store_close(store);
    write_at(folder, 4096 * 4, "damage damage damage damage damage");
    store = NULL;
    CHECK(store_open_sqlite(folder, &store, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "picket.db") != NULL);
    folder_remove(folder);
}

TEST(value_that_can_not_be_is_damage_and_names_its_column)
{
    struct store *store = store_at(NULL);
    const struct store_filter all = {0};
    struct err err = {""};
    unsigned count = 0;

    GOOD(put_device(store, "d1", NULL));
    sqlite3_exec(((struct sqlite_store *)store)->writer.db, "UPDATE device SET interval_ms = -1",
                 NULL, NULL, NULL);
    CHECK(store->ops->each_device(store, &all, count_device, &count, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "interval_ms") != NULL);
    CHECK_UINT(count, 0);
    store_close(store);
}

/* As a full disk: SQLite may not make the file any larger. */
static void limit_pages(struct store *store, const char *pragma)
{
    sqlite3_exec(((struct sqlite_store *)store)->writer.db, pragma, NULL, NULL, NULL);
}

TEST(full_disk_is_told_loses_nothing_and_passes)
{
    char folder[64], id[16];
    struct store *store;
    struct err err = {""};
    enum picket_status status = PICKET_OK;
    unsigned stored = 0;

    CHECK(folder_make(folder));
    store = store_at(folder);
    limit_pages(store, "PRAGMA max_page_count = 1"); /* as many as there are now */
    while (status == PICKET_OK && stored < 100000) {
        snprintf(id, sizeof(id), "d%u", stored);
        status = put_device(store, id, &err);
        stored += status == PICKET_OK;
    }
    CHECK(status == PICKET_E_FULL);
    CHECK(strstr(err.text, "make room") != NULL);
    CHECK_UINT(device_count(store), stored);
    limit_pages(store, "PRAGMA max_page_count = 100000");
    GOOD(put_device(store, id, NULL));
    store_close(store);
    store = store_at(folder);
    CHECK_UINT(device_count(store), stored + 1);
    store_close(store);
    folder_remove(folder);
}

struct writing {
    struct store *store;
    char prefix;
    unsigned failures;
};

static void *write_devices(void *context)
{
    struct writing *writing = context;

    for (unsigned i = 0; i < 50; i++) {
        char id[16];

        snprintf(id, sizeof(id), "%c%u", writing->prefix, i);
        writing->failures += put_device(writing->store, id, NULL) != PICKET_OK;
    }
    return NULL;
}

static void write_while_reading(struct store *store, unsigned *check_failures)
{
    struct writing writings[] = {{.store = store, .prefix = 'a'}, {.store = store, .prefix = 'b'}};
    pthread_t threads[2];
    unsigned last = 0;

    for (size_t i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, write_devices, &writings[i]);
    }
    for (unsigned i = 0; i < 50; i++) {
        unsigned now = device_count(store);

        CHECK(now >= last && now <= 100);
        last = now;
    }
    for (size_t i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK_UINT(writings[i].failures, 0);
    }
    CHECK_UINT(device_count(store), 100);
}

TEST(threads_write_one_after_another_while_others_read)
{
    char folder[64];
    struct store *store;

    CHECK(folder_make(folder));
    store = store_at(folder);
    write_while_reading(store, check_failures);
    store_close(store);
    folder_remove(folder);
    store = store_at(NULL);
    write_while_reading(store, check_failures);
    store_close(store);
}

TEST_MAIN(TEST_ROW(folder_is_made_with_its_parents_and_for_the_owner_alone),
          TEST_ROW(what_was_committed_is_there_after_opening_again),
          TEST_ROW(second_process_is_refused_while_the_first_has_the_folder),
          TEST_ROW(folder_that_is_a_file_is_named),
          TEST_ROW(file_that_is_no_database_is_refused_with_what_to_do),
          TEST_ROW(damaged_page_is_found_at_the_start),
          TEST_ROW(value_that_can_not_be_is_damage_and_names_its_column),
          TEST_ROW(full_disk_is_told_loses_nothing_and_passes),
          TEST_ROW(threads_write_one_after_another_while_others_read))
