/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <errno.h>
#include <string.h>

#include "base/err.h"

/* What SQLite says, what it means to a caller, and what a person can do about it. */
static const struct cause {
    int code;
    enum picket_status status;
    const char *advice;
} CAUSES[] = {
    {SQLITE_FULL, PICKET_E_FULL, "make room on the disk"},
    {SQLITE_CORRUPT, PICKET_E_MALFORMED,
     "the file is damaged: put a backup in its place, or move it away to begin with an empty one"},
    {SQLITE_NOTADB, PICKET_E_MALFORMED,
     "the file is damaged: put a backup in its place, or move it away to begin with an empty one"},
    {SQLITE_NOMEM, PICKET_E_NOMEM, "out of memory"},
    {SQLITE_BUSY, PICKET_E_IO, "another program holds the file: end that program"},
    {SQLITE_READONLY, PICKET_E_IO, "check the rights of the file and its folder"},
    {SQLITE_CANTOPEN, PICKET_E_IO, "check the rights of the file and its folder"},
};

/* A full disk may also show as a failed write, or as a shared-memory file that can't grow. */
static bool disk_is_full(sqlite3 *db)
{
    int code = sqlite3_errcode(db) & 0xff;
    int cause = sqlite3_system_errno(db);

    return sqlite3_extended_errcode(db) == SQLITE_IOERR_SHMSIZE ||
           ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) &&
            (cause == ENOSPC || cause == EDQUOT));
}

enum picket_status sqlite_failure(const struct sqlite_store *store, sqlite3 *db, struct err *reterr)
{
    int code = disk_is_full(db) ? SQLITE_FULL : sqlite3_errcode(db) & 0xff;

    for (size_t i = 0; i < SQLITE_VALUE_COUNT(CAUSES); i++) {
        if (CAUSES[i].code == code) {
            err_set(reterr, "%s: %s: %s", store->path, sqlite3_errmsg(db), CAUSES[i].advice);
            return CAUSES[i].status;
        }
    }
    err_set(reterr, "%s: %s", store->path, sqlite3_errmsg(db));
    return PICKET_E_IO;
}

bool sqlite_in_transaction(struct sqlite_store *store)
{
    return pthread_equal(atomic_load(&store->owner), pthread_self());
}

static int bind_value(sqlite3_stmt *statement, int place, const struct sqlite_value *value)
{
    if (value->text != NULL) {
        return sqlite3_bind_text(statement, place, value->text, -1, SQLITE_STATIC);
    }
    if (value->bytes != NULL) {
        return sqlite3_bind_blob64(statement, place, value->bytes, (sqlite3_uint64)value->number,
                                   SQLITE_STATIC);
    }
    return sqlite3_bind_int64(statement, place, value->number);
}

static int bind_values(sqlite3_stmt *statement, const struct sqlite_value *values, size_t count)
{
    int code = SQLITE_OK;

    assert((size_t)sqlite3_bind_parameter_count(statement) == count);
    for (size_t i = 0; i < count && code == SQLITE_OK; i++) {
        code = bind_value(statement, (int)i + 1, &values[i]);
    }
    return code;
}

/* Leaves the statement at its row, if it gives one. */
static enum picket_status step_kept(struct sqlite_store *store, enum sqlite_kept kept,
                                    const char *sql, const struct sqlite_value *values,
                                    size_t value_count, bool *ret_has_row, struct err *reterr)
{
    sqlite3 *db = store->writer.db;
    sqlite3_stmt **statement = &store->kept[kept];
    int code;

    assert(sqlite_in_transaction(store));
    if (*statement == NULL &&
        sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK) {
        return sqlite_failure(store, db, reterr);
    }
    if (bind_values(*statement, values, value_count) != SQLITE_OK) {
        return sqlite_failure(store, db, reterr);
    }
    code = sqlite3_step(*statement);
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        return sqlite_failure(store, db, reterr);
    }
    *ret_has_row = code == SQLITE_ROW;
    return PICKET_OK;
}

static void reset_kept(struct sqlite_store *store, enum sqlite_kept kept)
{
    if (store->kept[kept] != NULL) {
        sqlite3_reset(store->kept[kept]);
        sqlite3_clear_bindings(store->kept[kept]); /* the values were borrowed */
    }
}

enum picket_status sqlite_run(struct sqlite_store *store, enum sqlite_kept kept, const char *sql,
                              const struct sqlite_value *values, size_t value_count,
                              struct err *reterr)
{
    bool has_row = false;
    enum picket_status status = step_kept(store, kept, sql, values, value_count, &has_row, reterr);

    assert(!has_row);
    reset_kept(store, kept);
    return status;
}

static enum picket_status row_failure(const struct sqlite_store *store,
                                      const struct sqlite_row *row, struct err *reterr)
{
    err_set(reterr,
            "%s: the file is damaged (\"%s\" has a value that can't be): put a backup in its "
            "place, or move it away to begin with an empty one",
            store->path, sqlite3_column_name(row->statement, row->column - 1));
    return row->status;
}

enum picket_status sqlite_get(struct sqlite_store *store, enum sqlite_kept kept, const char *sql,
                              const struct sqlite_value *values, size_t value_count,
                              sqlite_row_fn *fn, void *context, struct err *reterr)
{
    bool has_row = false;
    enum picket_status status = step_kept(store, kept, sql, values, value_count, &has_row, reterr);
    struct sqlite_row row = {.statement = store->kept[kept], .status = PICKET_OK};

    if (status == PICKET_OK && !has_row) {
        status = PICKET_E_NOTFOUND;
    }
    if (status == PICKET_OK) {
        (void)fn(context, &row);
        status = row.status == PICKET_OK ? PICKET_OK : row_failure(store, &row, reterr);
    }
    reset_kept(store, kept);
    return status;
}

static enum picket_status select_locked(struct sqlite_store *store, sqlite3 *db, const char *sql,
                                        const struct sqlite_value *values, size_t value_count,
                                        sqlite_row_fn *fn, void *context, struct err *reterr)
{
    struct sqlite_row row = {.status = PICKET_OK};
    enum picket_status status = PICKET_OK;
    bool has_more = true;
    int code = SQLITE_ROW;

    if (sqlite3_prepare_v2(db, sql, -1, &row.statement, NULL) != SQLITE_OK ||
        bind_values(row.statement, values, value_count) != SQLITE_OK) {
        status = sqlite_failure(store, db, reterr);
        goto out;
    }
    while (has_more && row.status == PICKET_OK) {
        code = sqlite3_step(row.statement);
        if (code != SQLITE_ROW) {
            break;
        }
        row.column = 0;
        has_more = fn(context, &row);
    }
    if (row.status != PICKET_OK) {
        status = row_failure(store, &row, reterr);
    } else if (code != SQLITE_ROW && code != SQLITE_DONE) {
        status = sqlite_failure(store, db, reterr);
    }
out:
    sqlite3_finalize(row.statement);
    return status;
}

enum picket_status sqlite_select(struct sqlite_store *store, const char *sql,
                                 const struct sqlite_value *values, size_t value_count,
                                 sqlite_row_fn *fn, void *context, struct err *reterr)
{
    bool from_writer = store->reader.db == NULL || sqlite_in_transaction(store);
    struct sqlite_connection *connection = from_writer ? &store->writer : &store->reader;
    enum picket_status status;

    pthread_mutex_lock(&connection->lock);
    status = select_locked(store, connection->db, sql, values, value_count, fn, context, reterr);
    pthread_mutex_unlock(&connection->lock);
    return status;
}

const char *sqlite_row_borrow_text(struct sqlite_row *row, size_t *ret_length)
{
    const char *text = NULL;

    if (row->status == PICKET_OK) {
        text = (const char *)sqlite3_column_text(row->statement, row->column);
        *ret_length = (size_t)sqlite3_column_bytes(row->statement, row->column);
        row->column++;
        row->status = text == NULL ? PICKET_E_MALFORMED : PICKET_OK;
    }
    return text;
}

const uint8_t *sqlite_row_borrow_bytes(struct sqlite_row *row, size_t *ret_length)
{
    const uint8_t *bytes = NULL;

    if (row->status == PICKET_OK) {
        bytes = sqlite3_column_blob(row->statement, row->column);
        *ret_length = (size_t)sqlite3_column_bytes(row->statement, row->column);
        if (bytes == NULL && sqlite3_column_type(row->statement, row->column) == SQLITE_BLOB) {
            bytes = (const uint8_t *)""; /* an empty one */
        }
        row->column++;
        row->status = bytes == NULL ? PICKET_E_MALFORMED : PICKET_OK;
    }
    return bytes;
}

void sqlite_row_text(struct sqlite_row *row, char *ret, size_t capacity)
{
    size_t length = 0;
    const char *text = sqlite_row_borrow_text(row, &length);

    assert(capacity > 0);
    ret[0] = '\0';
    if (text == NULL) {
        return;
    }
    if (length >= capacity) {
        row->status = PICKET_E_MALFORMED;
        return;
    }
    memcpy(ret, text, length);
    ret[length] = '\0';
}

int64_t sqlite_row_number(struct sqlite_row *row, int64_t min, int64_t max)
{
    int64_t number;

    if (row->status != PICKET_OK) {
        return min;
    }
    number = sqlite3_column_int64(row->statement, row->column++);
    if (number < min || number > max) {
        row->status = PICKET_E_MALFORMED;
        return min;
    }
    return number;
}

uint64_t sqlite_row_count(struct sqlite_row *row)
{
    return (uint64_t)sqlite_row_number(row, 0, INT64_MAX);
}
