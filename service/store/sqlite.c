/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/flow_days.h"
#include "store/folder.h"
#include "store/waiting_peers.h"

#define BUSY_TIMEOUT_MS                                                                            \
    5000 /* only another program at the file, such as a backup, makes us wait                      \
          */

static void leave(struct sqlite_store *store)
{
    atomic_store(&store->owner, 0);
    pthread_mutex_unlock(&store->writer.lock);
}

enum picket_status sqlite_begin(struct sqlite_store *store, struct err *reterr)
{
    enum picket_status status;

    pthread_mutex_lock(&store->writer.lock);
    assert(!sqlite_in_transaction(store));
    atomic_store(&store->owner, pthread_self());
    status = sqlite_run(store, KEPT_BEGIN, "BEGIN IMMEDIATE", NULL, 0, reterr);
    if (status != PICKET_OK) {
        leave(store);
    }
    return status;
}

enum picket_status sqlite_commit(struct sqlite_store *store, struct err *reterr)
{
    enum picket_status status = sqlite_run(store, KEPT_COMMIT, "COMMIT", NULL, 0, reterr);

    if (status == PICKET_OK) {
        leave(store);
    }
    return status;
}

void sqlite_rollback(struct sqlite_store *store)
{
    /* A full disk may have made SQLite roll back by itself. Should this fail, SQLite has given up
     * on the connection, and the next begin says so. */
    if (!sqlite3_get_autocommit(store->writer.db)) {
        sqlite3_exec(store->writer.db, "ROLLBACK", NULL, NULL, NULL);
    }
    leave(store);
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

struct sqlite_store *sqlite_new(const char *path)
{
    struct sqlite_store *store = calloc(1, sizeof(*store));

    if (store == NULL) {
        return NULL;
    }
    store->path = strdup(path);
    store->lock_file = -1;
    connection_init(&store->writer);
    connection_init(&store->reader);
    if (store->path == NULL) {
        sqlite_free(store);
        return NULL;
    }
    return store;
}

void sqlite_free(struct sqlite_store *store)
{
    if (store == NULL) {
        return;
    }
    for (size_t i = 0; i < KEPT_COUNT; i++) {
        sqlite3_finalize(store->kept[i]);
    }
    connection_deinit(&store->reader);
    connection_deinit(&store->writer); /* the last one moves the log into the file */
    flow_days_close(store->flows);
    waiting_peers_free(store->waiting_peers);
    if (store->lock_file >= 0) {
        close(store->lock_file);
    }
    free(store->path);
    free(store);
}

/* --- the rows of store_ops that are not about one table --- */

static enum picket_status begin(struct store *store, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    enum picket_status status = sqlite_begin(sqlite, reterr);

    if (status == PICKET_OK && sqlite->flows != NULL) {
        status = flow_days_begin(sqlite->flows, reterr);
        if (status != PICKET_OK) {
            sqlite_rollback(sqlite);
        }
    }
    return status;
}

static enum picket_status commit(struct store *store, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    enum picket_status status = sqlite_commit_flows(sqlite, reterr);

    if (status == PICKET_OK) {
        status = sqlite_run(sqlite, KEPT_COMMIT, "COMMIT", NULL, 0, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    waiting_peers_commit(sqlite->waiting_peers);
    if (sqlite->flows != NULL) {
        flow_days_settle(sqlite->flows); /* while the lock keeps the next transaction away */
    }
    leave(sqlite);
    return PICKET_OK;
}

static void rollback(struct store *store)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    waiting_peers_rollback(sqlite->waiting_peers);
    if (sqlite->flows != NULL) {
        flow_days_rollback(sqlite->flows);
    }
    sqlite_rollback(sqlite);
}

static void close_store(struct store *store)
{
    sqlite_free((struct sqlite_store *)store);
}

static const struct store_ops SQLITE_OPS = {
    .close = close_store,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .put_device = sqlite_put_device,
    .put_boot = sqlite_put_boot,
    .put_standing = sqlite_put_standing,
    .add_refused = sqlite_add_refused,
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
    .each_refused = sqlite_each_refused,
    .each_alert = sqlite_each_alert,
    .count_alerts = sqlite_count_alerts,
    .each_group = sqlite_each_group,
    .each_settings = sqlite_each_settings,
    .each_shard = sqlite_each_shard,
    .each_feed = sqlite_each_feed,
    .put_credential = sqlite_put_credential,
    .put_token = sqlite_put_token,
    .delete_token = sqlite_delete_token,
    .put_authority = sqlite_put_authority,
    .delete_authority = sqlite_delete_authority,
    .each_credential = sqlite_each_credential,
    .each_token = sqlite_each_token,
    .each_authority = sqlite_each_authority,
    .put_contacts = sqlite_put_contacts,
    .settle_contacts = sqlite_settle_contacts,
    .expire_contacts = sqlite_expire_contacts,
    .each_waiting = sqlite_each_waiting,
    .each_contact = sqlite_each_contact,
    .get_ledger = sqlite_get_ledger,
    .each_peer = sqlite_each_peer,
    .put_flows = sqlite_put_flows,
    .each_flow = sqlite_each_flow,
    .count_damaged_days = sqlite_count_damaged_days,
    .expire_flows = sqlite_expire_flows,
    .seal_flows = sqlite_seal_flows,
};

static struct sqlite_store *new_store(const char *folder)
{
    struct sqlite_store *store = NULL;
    char *path = NULL;
    int length =
        folder == NULL ? asprintf(&path, ":memory:") : asprintf(&path, "%s/picket.db", folder);

    if (length >= 0) {
        store = sqlite_new(path);
        free(path);
    }
    if (store != NULL) {
        store->base.ops = &SQLITE_OPS;
    }
    return store;
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
    status = folder_open_file(path, &store->lock_file, reterr);
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

    status = folder_make(folder, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = lock_folder(store, folder, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    status = folder_open_file(store->path, &file, reterr); /* SQLite would let others read it */
    if (status != PICKET_OK) {
        return status;
    }
    close(file);
    return PICKET_OK;
}

enum picket_status sqlite_connect(struct sqlite_store *store, struct sqlite_connection *connection,
                                  const char *pragmas, struct err *reterr)
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

    status = sqlite_connect(store, &store->writer,
                            SQLITE_WRITER_PRAGMAS ";PRAGMA foreign_keys = ON", reterr);
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
    return sqlite_connect(store, &store->reader, "PRAGMA query_only = ON", reterr);
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
    if (status == PICKET_OK) {
        status = sqlite_open_waiting(store, reterr);
    }
    if (status == PICKET_OK && folder != NULL) {
        status = sqlite_open_flows(store, folder, reterr);
    }
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
