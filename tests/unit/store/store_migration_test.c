/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "harness/check.h"
#include "store/backup.h"
#include "store/check.h"
#include "store/sqlite.h"
#include "store_fixture.h"

/** A row that could be there from one version on, and a count of 1 if it is there unchanged. */
struct kept_row {
    int version;
    const char *insert;
    const char *count;
};

static const struct kept_row ROWS[] = {
    {1,
     "INSERT INTO device (id, [group], first_seen_us, last_seen_us, interval_ms, reports, repeats,"
     " boot_id, seen, kept, folded, malformed, filtered, dropped, os, stack, hardware,"
     " firmware_version, module_version) VALUES ('d1', 'g1', 1000, 2000, 60000, 3, 1, 7, 10, 5, 2,"
     " 1, 1, 1, 'ThreadX', 'NetX Duo', 'board', '1.2', '0.1')",
     "SELECT count(*) FROM device WHERE id = 'd1' AND [group] = 'g1' AND reports = 3 AND seen = 10"
     " AND os = 'ThreadX' AND module_version = '0.1'"},
    {1, "INSERT INTO boot VALUES (5, 'd1', 7, 3, 7, 0, 1000, 900)",
     "SELECT count(*) FROM boot WHERE arrival = 5 AND device = 'd1' AND id = 7 AND highest = 3"},
    {1,
     /* evidence as the first version had it */
     "INSERT INTO alert VALUES ('a1', 0, 'd1', 'TI_IP_MATCH', 'key', 'reason', 2, 0, 1000, 2000, 0,"
     " 4, "
     "'{\"total\":null,\"flows\":[],\"flows_left_out\":0,\"indicator\":null,\"measure\":null}')",
     "SELECT count(*) FROM alert WHERE id = 'a1' AND device = 'd1' AND count = 4"},
    {1, "INSERT INTO [group] VALUES ('g1', '{}')",
     "SELECT count(*) FROM [group] WHERE name = 'g1' AND rules = '{}'"},
    {2, "INSERT INTO settings VALUES ('g1', 1, 9, x'0102')",
     "SELECT count(*) FROM settings WHERE [group] = 'g1' AND revision = 9 AND envelope = x'0102'"},
    {3, "UPDATE device SET sbom = 's', hardening_known = 3, hardening_on = 1 WHERE id = 'd1'",
     "SELECT count(*) FROM device WHERE id = 'd1' AND sbom = 's' AND hardening_known = 3"},
    {4, "INSERT INTO feed VALUES ('f1', '{\"a\":1}', '{\"b\":2}')",
     "SELECT count(*) FROM feed WHERE name = 'f1' AND settings = '{\"a\":1}'"},
    {5, "INSERT INTO ledger VALUES (1, 'd1', 1, 0, 0, x'')",
     "SELECT count(*) FROM ledger WHERE device = 'd1' AND contacts = 1"},
    {5,
     "INSERT INTO contact VALUES (1, x'0120010db8000000000000000000000009', 6, 443, 0,"
     " x'20010db8000000000000000000000009', 8, 2, 3, 4, 5, 6, 7, 1000, 2000)",
     "SELECT count(*) FROM contact WHERE ledger = 1 AND port = 443 AND bytes_out = 7"},
    {6, "INSERT INTO shard VALUES ('g1', 0, 1, 5, zeroblob(16), x'03')",
     "SELECT count(*) FROM shard WHERE [group] = 'g1' AND revision = 5"},
    {7, "INSERT INTO standing VALUES ('d1', 1, 9, 1, 0, 0, 1000, 9, 2000)",
     "SELECT count(*) FROM standing WHERE device = 'd1' AND confirmed_revision = 9"},
    {8, "UPDATE device SET format = 'agent', digests = zeroblob(8) WHERE id = 'd1'",
     "SELECT count(*) FROM device WHERE id = 'd1' AND format = 'agent'"},
    {9, "UPDATE flow_number SET number = 41", "SELECT count(*) FROM flow_number WHERE number = 41"},
    {10, "INSERT INTO credential VALUES (1, 'd1', 0, zeroblob(32), x'', 1, 2, 3, 4)",
     "SELECT count(*) FROM credential WHERE device = 'd1' AND revoked_us = 4"},
    {10, "INSERT INTO token VALUES (2, x'01', 'd2', 'g1', 1, 2, 3, '')",
     "SELECT count(*) FROM token WHERE number = 2 AND device = 'd2'"},
    {10, "INSERT INTO authority VALUES (3, x'30', 'CN=x', 'g1', 1, 2)",
     "SELECT count(*) FROM authority WHERE number = 3 AND subject = 'CN=x'"},
    {11, "INSERT INTO refused VALUES ('d1', 0, 6, 2000, '192.0.2.1', 'reason')",
     "SELECT count(*) FROM refused WHERE device = 'd1' AND count = 6"},
};

static bool execute(sqlite3 *db, const char *sql)
{
    char *said = NULL;
    bool is_good = sqlite3_exec(db, sql, NULL, NULL, &said) == SQLITE_OK;

    if (!is_good) {
        printf("%s: %s\n", sql, said);
    }
    sqlite3_free(said);
    return is_good;
}

/* A data folder as a build that knew so many steps left it. */
static bool make_old_store(const char *folder, int version)
{
    int count;
    const char *const *steps = sqlite_schema_steps(&count);
    char path[128], set_version[40];
    bool is_good = true;
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/picket.db", folder);
    snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version);
    if (sqlite3_open(path, &db) != SQLITE_OK) {
        return false;
    }
    is_good = execute(db, "PRAGMA journal_mode = WAL") && execute(db, "PRAGMA foreign_keys = ON");
    for (int i = 0; i < version; i++) {
        is_good = is_good && execute(db, steps[i]);
    }
    for (size_t i = 0; i < SQLITE_VALUE_COUNT(ROWS); i++) {
        is_good = is_good && (ROWS[i].version > version || execute(db, ROWS[i].insert));
    }
    is_good = is_good && execute(db, set_version);
    sqlite3_close(db);
    return is_good;
}

/* How many of the rows that could be there at that version are not. */
static unsigned count_lost(struct store *store, int version)
{
    unsigned lost = 0;

    for (size_t i = 0; i < SQLITE_VALUE_COUNT(ROWS); i++) {
        if (ROWS[i].version <= version && select_number(store, ROWS[i].count) != 1) {
            printf("from version %d: %s\n", version, ROWS[i].count);
            lost++;
        }
    }
    return lost;
}

static bool add_text(void *context, struct sqlite_row *row)
{
    size_t length = 0;
    const char *text = sqlite_row_borrow_text(row, &length);

    buf_add(context, text, length);
    buf_add_text(context, "\n");
    return true;
}

/* All tables and indexes, as they were said; the caller frees it. */
static char *schema(struct store *store)
{
    size_t length = 0;
    struct buf text;

    buf_init(&text, 65536);
    if (sqlite_select((struct sqlite_store *)store,
                      "SELECT type || ' ' || name || ' ' || coalesce(sql, '') FROM sqlite_schema"
                      " ORDER BY type, name",
                      NULL, 0, add_text, &text, NULL) != PICKET_OK) {
        text.is_failed = true;
    }
    return buf_take(&text, &length);
}

static bool count_device(void *context, const struct device *device)
{
    *(unsigned *)context += strcmp(device->id, "d1") == 0 && device->counters.seen == 10;
    return true;
}

static bool count_alert(void *context, const struct alert *alert)
{
    *(unsigned *)context += strcmp(alert->id, "a1") == 0 && alert->count == 4;
    return true;
}

static bool count_contact(void *context, const char *device, const struct contact *contact)
{
    *(unsigned *)context += strcmp(device, "d1") == 0 && contact->flow.bytes_out == 7;
    return true;
}

TEST(store_of_every_earlier_version_is_taken_forward_with_all_its_rows)
{
    struct store *fresh = store_at(NULL);
    char *wanted = schema(fresh);
    int newest;

    sqlite_schema_steps(&newest);
    CHECK(newest == ROWS[SQLITE_VALUE_COUNT(ROWS) - 1].version); /* a new step has a row here */
    for (int version = 1; version <= newest; version++) {
        char folder[64];
        struct store *store = NULL;
        char *found = NULL;

        CHECK(folder_make(folder) && make_old_store(folder, version));
        store = store_at(folder);
        CHECK(store != NULL);
        if (store != NULL) {
            CHECK_UINT(select_number(store, "PRAGMA user_version"), newest);
            CHECK_UINT(count_lost(store, version), 0);
            CHECK_UINT(select_number(store, "SELECT count(*) FROM pragma_foreign_key_check"), 0);
            found = schema(store);
            CHECK_TEXT(found, wanted == NULL ? "(none)" : wanted);
        }
        free(found);
        store_close(store);
        folder_remove(folder);
    }
    free(wanted);
    store_close(fresh);
}

TEST(rows_of_earlier_versions_are_read_by_this_build)
{
    const struct store_filter all = {0}, of_device = {.device = "d1"};
    int newest;

    sqlite_schema_steps(&newest);
    for (int version = 1; version <= newest; version++) {
        unsigned devices = 0, alerts = 0, contacts = 0;
        char folder[64];
        struct store *store = NULL;

        CHECK(folder_make(folder) && make_old_store(folder, version));
        store = store_at(folder);
        if (store != NULL) {
            CHECK(store->ops->each_device(store, &all, count_device, &devices, NULL) == PICKET_OK);
            CHECK(store->ops->each_alert(store, &all, count_alert, &alerts, NULL) == PICKET_OK);
            CHECK(store->ops->each_contact(store, &of_device, count_contact, &contacts, NULL) ==
                  PICKET_OK);
        }
        CHECK_UINT(devices, 1);
        CHECK_UINT(alerts, 1);
        CHECK_UINT(contacts, version >= 5);
        store_close(store);
        folder_remove(folder);
    }
}

static void count_wrong(void *context, const char *file, const char *wrong)
{
    if (wrong != NULL) {
        printf("%s: %s\n", file, wrong);
        (*(unsigned *)context)++;
    }
}

TEST(store_of_every_earlier_version_is_checked_and_copied_as_it_is)
{
    int newest;

    sqlite_schema_steps(&newest);
    for (int version = 1; version <= newest; version++) {
        struct store_backup *backup = NULL;
        char folder[64], copy[64];
        struct store *store = NULL;
        unsigned wrong = 0;

        CHECK(folder_make(folder) && folder_make(copy) && make_old_store(folder, version));
        CHECK(store_check(folder, STORE_CHECK_ALL, count_wrong, &wrong, NULL) == PICKET_OK);
        CHECK_UINT(wrong, 0);
        CHECK(store_backup_begin(folder, &backup, NULL) == PICKET_OK);
        CHECK(store_backup_write(backup, copy, NULL) == PICKET_OK);
        store_backup_end(backup);
        store = store_at(copy);
        if (store != NULL) {
            CHECK_UINT(count_lost(store, version), 0);
        }
        store_close(store);
        folder_remove(folder);
        folder_remove(copy);
    }
}

static void die(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)context;
    (void)count;
    (void)values;
    raise(SIGKILL);
}

/* In a process of its own: takes the store to a version with two steps more, in the second of which
 * the process is killed. */
static void migrate_and_die(const char *folder)
{
    const char *steps[64];
    char path[128];
    struct sqlite_store *store = NULL;
    int count;
    const char *const *known = sqlite_schema_steps(&count);

    memcpy(steps, known, (size_t)count * sizeof(*known));
    steps[count++] = "CREATE TABLE later (n INTEGER); UPDATE device SET os = 'gone'";
    steps[count++] = "DELETE FROM boot; SELECT die()";
    snprintf(path, sizeof(path), "%s/picket.db", folder);
    store = sqlite_new(path);
    if (store != NULL &&
        sqlite_connect(store, &store->writer, SQLITE_WRITER_PRAGMAS "; PRAGMA cache_size = 1",
                       NULL) == PICKET_OK &&
        sqlite3_create_function(store->writer.db, "die", 0, SQLITE_UTF8, NULL, die, NULL, NULL) ==
            SQLITE_OK) {
        (void)!sqlite_migrate(store, steps, count, NULL);
    }
    _exit(1);
}

TEST(process_killed_within_a_migration_leaves_the_former_version)
{
    int newest;

    sqlite_schema_steps(&newest);
    for (int version = 1; version <= newest; version++) {
        char folder[64];
        struct store *store = NULL;
        int outcome = 0;
        pid_t child;

        CHECK(folder_make(folder) && make_old_store(folder, version));
        child = fork();
        if (child == 0) {
            migrate_and_die(folder);
        }
        CHECK(waitpid(child, &outcome, 0) == child && WIFSIGNALED(outcome));
        store = store_at(folder);
        if (store != NULL) {
            CHECK_UINT(select_number(store, "PRAGMA user_version"), newest);
            CHECK_UINT(
                select_number(store, "SELECT count(*) FROM sqlite_schema WHERE name = 'later'"), 0);
            CHECK_UINT(count_lost(store, version), 0);
        }
        store_close(store);
        folder_remove(folder);
    }
}

TEST_MAIN(TEST_ROW(store_of_every_earlier_version_is_taken_forward_with_all_its_rows),
          TEST_ROW(rows_of_earlier_versions_are_read_by_this_build),
          TEST_ROW(store_of_every_earlier_version_is_checked_and_copied_as_it_is),
          TEST_ROW(process_killed_within_a_migration_leaves_the_former_version))
