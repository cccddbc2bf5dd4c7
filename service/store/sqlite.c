/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define BUSY_TIMEOUT_MS                                                                            \
    5000 /* only another program at the file, such as a backup, makes us wait                      \
          */

static enum picket_status begin(struct store *store, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    enum picket_status status;

    pthread_mutex_lock(&sqlite->writer.lock);
    assert(!sqlite_in_transaction(sqlite));
    atomic_store(&sqlite->owner, pthread_self());
    status = sqlite_run(sqlite, KEPT_BEGIN, "BEGIN IMMEDIATE", NULL, 0, reterr);
    if (status != PICKET_OK) {
        atomic_store(&sqlite->owner, 0);
        pthread_mutex_unlock(&sqlite->writer.lock);
    }
    return status;
}

static enum picket_status commit(struct store *store, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    enum picket_status status;

    status = sqlite_run(sqlite, KEPT_COMMIT, "COMMIT", NULL, 0, reterr);
    if (status == PICKET_OK) {
        atomic_store(&sqlite->owner, 0);
        pthread_mutex_unlock(&sqlite->writer.lock);
    }
    return status;
}

static void rollback(struct store *store)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    /* A full disk may have made SQLite roll back by itself. Should this fail, SQLite has given up
     * on the connection, and the next begin says so. */
    if (!sqlite3_get_autocommit(sqlite->writer.db)) {
        sqlite3_exec(sqlite->writer.db, "ROLLBACK", NULL, NULL, NULL);
    }
    atomic_store(&sqlite->owner, 0);
    pthread_mutex_unlock(&sqlite->writer.lock);
}

static void connection_init(struct sqlite_connection *connection)
{
    pthread_mutexattr_t attributes;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&connection->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static void connection_deinit(struct sqlite_connection *connection)
{
    sqlite3_close(connection->db);
    pthread_mutex_destroy(&connection->lock);
}

static void close_store(struct store *store)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    for (size_t i = 0; i < KEPT_COUNT; i++) {
        sqlite3_finalize(sqlite->kept[i]);
    }
    connection_deinit(&sqlite->reader);
    connection_deinit(&sqlite->writer); /* the last one moves the log into the file */
    if (sqlite->lock_file >= 0) {
        close(sqlite->lock_file);
    }
    free(sqlite->path);
    free(sqlite);
}

static const struct store_ops SQLITE_OPS = {
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .put_device = sqlite_put_device,
    .put_boot = sqlite_put_boot,
    .put_standing = sqlite_put_standing,
    .put_alert = sqlite_put_alert,
    .put_group = sqlite_put_group,
    .delete_group = sqlite_delete_group,
    .put_settings = sqlite_put_settings,
    .put_shard = sqlite_put_shard,
    .delete_shards = sqlite_delete_shards,
    .put_feed = sqlite_put_feed,
    .delete_feed = sqlite_delete_feed,
    .each_device = sqlite_each_device,
    .each_boot = sqlite_each_boot,
    .each_standing = sqlite_each_standing,
    .each_alert = sqlite_each_alert,
    .count_alerts = sqlite_count_alerts,
    .each_group = sqlite_each_group,
    .each_settings = sqlite_each_settings,
    .each_shard = sqlite_each_shard,
    .each_feed = sqlite_each_feed,
    .put_contacts = sqlite_put_contacts,
    .settle_contacts = sqlite_settle_contacts,
    .expire_contacts = sqlite_expire_contacts,
    .each_waiting = sqlite_each_waiting,
    .each_contact = sqlite_each_contact,
    .get_ledger = sqlite_get_ledger,
    .each_peer = sqlite_each_peer,
};

static struct sqlite_store *new_store(const char *folder)
{
    struct sqlite_store *sqlite = calloc(1, sizeof(*sqlite));
    int length;

    if (sqlite == NULL) {
        return NULL;
    }
    length = folder == NULL ? asprintf(&sqlite->path, ":memory:")
                            : asprintf(&sqlite->path, "%s/picket.db", folder);
    if (length < 0) {
        free(sqlite);
        return NULL;
    }
    sqlite->base.ops = &SQLITE_OPS;
    sqlite->lock_file = -1;
    connection_init(&sqlite->writer);
    connection_init(&sqlite->reader);
    return sqlite;
}

static enum picket_status file_failure(const char *path, struct err *reterr)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;

    err_set(reterr, "%s: %s", path, strerror(errno));
    return is_full ? PICKET_E_FULL : PICKET_E_IO;
}

/* The folder and what is missing on the way to it. */
static enum picket_status make_folder(const char *folder, struct err *reterr)
{
    char *path = strdup(folder);
    enum picket_status status = PICKET_OK;

    if (path == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    for (char *end = path; end != NULL && status == PICKET_OK;) {
        end = strchr(end + 1, '/');
        if (end != NULL) {
            *end = '\0';
        }
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            status = file_failure(path, reterr);
        }
        if (end != NULL) {
            *end = '/';
        }
    }
    free(path);
    return status;
}

static enum picket_status open_file(const char *path, int *ret_file, struct err *reterr)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0) {
        return file_failure(path, reterr);
    }
    *ret_file = file;
    return PICKET_OK;
}

/* Two processes that write to one store would each fold alerts on its own. */
static enum picket_status lock_folder(struct sqlite_store *store, const char *folder,
                                      struct err *reterr)
{
    char *path = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (asprintf(&path, "%s/lock", folder) < 0) {
        path = NULL;
        err_set(reterr, "out of memory");
        goto out;
    }
    status = open_file(path, &store->lock_file, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    if (flock(store->lock_file, LOCK_EX | LOCK_NB) == 0) {
        goto out;
    }
    if (errno != EWOULDBLOCK) {
        status = file_failure(path, reterr);
        goto out;
    }
    err_set(reterr, "another process is using the data folder %s: end it, or use another folder",
            folder);
    status = PICKET_E_CONFLICT;
out:
    free(path);
    return status;
}

static enum picket_status prepare_folder(struct sqlite_store *store, const char *folder,
                                         struct err *reterr)
{
    int file = -1;
    enum picket_status status;

    status = make_folder(folder, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = lock_folder(store, folder, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = open_file(store->path, &file, reterr); /* SQLite would let others read it */
    if (status != PICKET_OK) {
        return status;
    }
    close(file);
    return PICKET_OK;
}

static enum picket_status connect_to(struct sqlite_store *store,
                                     struct sqlite_connection *connection, const char *pragmas,
                                     struct err *reterr)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (sqlite3_open_v2(store->path, &connection->db, flags, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(connection->db, BUSY_TIMEOUT_MS) != SQLITE_OK ||
        sqlite3_exec(connection->db, pragmas, NULL, NULL, NULL) != SQLITE_OK) {
        return sqlite_failure(store, connection->db, reterr);
    }
    return PICKET_OK;
}

static bool take_check(void *context, struct sqlite_row *row)
{
    char answer[3];

    sqlite_row_text(row, answer, sizeof(answer));
    *(bool *)context = strcmp(answer, "ok") == 0;
    row->status = PICKET_OK; /* a longer answer says what is wrong: our own sentence will do */
    return false;
}

static enum picket_status check_file(struct sqlite_store *store, struct err *reterr)
{
    bool is_good = false;
    enum picket_status status;

    status = sqlite_select(store, "PRAGMA quick_check(1)", NULL, 0, take_check, &is_good, reterr);
    if (status == PICKET_OK && !is_good) {
        err_set(reterr,
                "%s: the file is damaged: put a backup in its place, or move it away to begin "
                "with an empty one",
                store->path);
        return PICKET_E_MALFORMED;
    }
    return status;
}

static enum picket_status open_database(struct sqlite_store *store, bool in_memory,
                                        struct err *reterr)
{
    int step_count;
    const char *const *steps = sqlite_schema_steps(&step_count);
    enum picket_status status;

    status = connect_to(store, &store->writer,
                        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                        "PRAGMA foreign_keys = ON",
                        reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = check_file(store, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = sqlite_migrate(store, steps, step_count, reterr);
    if (status != PICKET_OK || in_memory) {
        return status;
    }
    return connect_to(store, &store->reader, "PRAGMA query_only = ON", reterr);
}

enum picket_status store_open_sqlite(const char *folder, struct store **ret, struct err *reterr)
{
    struct sqlite_store *store = new_store(folder);
    enum picket_status status;

    if (store == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    if (folder != NULL) {
        status = prepare_folder(store, folder, reterr);
        if (status != PICKET_OK) {
            goto out;
        }
    }
    status = open_database(store, folder == NULL, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = &store->base;
    store = NULL; /* moved */
out:
    if (store != NULL) {
        close_store(&store->base);
    }
    return status;
}
