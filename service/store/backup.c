/* SPDX-License-Identifier: MIT */
#include "store/backup.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/day_files.h"
#include "store/flow_day.h"
#include "store/folder.h"
#include "store/sqlite.h"

/* So many are written at a time and go to the disk before the next: what piles up in memory would
 * go there at once, and the service's commits would wait behind it. */
#define COPY_PAGES   2048
#define STORE_NAME   "picket.db"
#define READ_PRAGMAS "PRAGMA query_only = ON; BEGIN" /* the first look fixes the moment */

struct store_backup {
    char *folder;
    int hold; /* of the days */
    struct sqlite_store *file;
    int64_t number; /* of the last report whose flows it knows of */
};

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

/* Opens a database of the folder, or of one in it. */
static enum picket_status open_file(const char *folder, const char *name, const char *pragmas,
                                    struct sqlite_store **ret, struct err *reterr)
{
    struct sqlite_store *file = NULL;
    enum picket_status status = PICKET_E_NOMEM;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        return no_memory(reterr);
    }
    file = sqlite_new(path);
    free(path);
    if (file == NULL) {
        return no_memory(reterr);
    }
    status = sqlite_connect(file, &file->writer, pragmas, reterr);
    if (status != PICKET_OK) {
        sqlite_free(file);
        return status;
    }
    *ret = file;
    return PICKET_OK;
}

/* --- the moment --- */

static bool take_number(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, 0, INT64_MAX);
    return false;
}

/* A store that is older than days of flows has none. */
static enum picket_status find_number(struct sqlite_store *file, int64_t *ret, struct err *reterr)
{
    int64_t has_days = 0;
    enum picket_status status =
        sqlite_select(file, "SELECT count(*) FROM sqlite_schema WHERE name = 'flow_number'", NULL,
                      0, take_number, &has_days, reterr);

    if (status != PICKET_OK || has_days == 0) {
        return status;
    }
    return sqlite_select(file, "SELECT number FROM flow_number", NULL, 0, take_number, ret, reterr);
}

static enum picket_status fix_moment(struct store_backup *backup, struct err *reterr)
{
    int step_count, version;
    enum picket_status status;

    if (!folder_has(backup->folder, STORE_NAME)) {
        err_set(reterr, "%s: there is no " STORE_NAME ": it is no data folder", backup->folder);
        return PICKET_E_NOTFOUND;
    }
    status = open_file(backup->folder, STORE_NAME, READ_PRAGMAS, &backup->file, reterr);
    if (status != PICKET_OK) {
        return status;
    }
    sqlite_schema_steps(&step_count);
    status = sqlite_get_version(backup->file, step_count, &version, reterr);
    return status == PICKET_OK ? find_number(backup->file, &backup->number, reterr) : status;
}

enum picket_status store_backup_begin(const char *folder, struct store_backup **ret,
                                      struct err *reterr)
{
    struct store_backup *backup = calloc(1, sizeof(*backup));
    enum picket_status status;

    if (backup == NULL) {
        return no_memory(reterr);
    }
    backup->hold = -1;
    backup->folder = strdup(folder);
    if (backup->folder == NULL) {
        status = no_memory(reterr);
        goto out;
    }
    status = day_files_hold(backup->folder, &backup->hold, reterr);
    if (status == PICKET_OK) {
        status = fix_moment(backup, reterr);
    }
    if (status == PICKET_OK) {
        *ret = backup;
        backup = NULL; /* moved */
    }
out:
    store_backup_end(backup);
    return status;
}

void store_backup_end(struct store_backup *backup)
{
    if (backup == NULL) {
        return;
    }
    sqlite_free(backup->file);
    folder_let_go(backup->hold);
    free(backup->folder);
    free(backup);
}

/* --- copying --- */

static enum picket_status copy_pages(struct sqlite_store *from, struct sqlite_store *to, int file,
                                     struct err *reterr)
{
    sqlite3_backup *copy = sqlite3_backup_init(to->writer.db, "main", from->writer.db, "main");
    bool is_synced = true;
    int code = SQLITE_OK;

    if (copy == NULL) {
        return sqlite_failure(to, to->writer.db, reterr);
    }
    while (code == SQLITE_OK && is_synced) {
        code = sqlite3_backup_step(copy, COPY_PAGES);
        is_synced = fdatasync(file) == 0;
    }
    if (!is_synced) {
        enum picket_status status = file_failure(to->path, reterr);

        sqlite3_backup_finish(copy);
        return status;
    }
    code = sqlite3_backup_finish(copy); /* tells what the steps did */
    return code == SQLITE_OK ? PICKET_OK : sqlite_failure(to, to->writer.db, reterr);
}

/* An empty file that its owner alone may read. */
static enum picket_status make_file(const char *folder, const char *name, int *ret_file,
                                    struct err *reterr)
{
    enum picket_status status;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        return no_memory(reterr);
    }
    status = folder_open_file(path, ret_file, reterr);
    free(path);
    return status;
}

static enum picket_status copy_file(struct sqlite_store *from, const char *to_folder,
                                    const char *name, struct err *reterr)
{
    struct sqlite_store *to = NULL;
    int file = -1;
    enum picket_status status = make_file(to_folder, name, &file, reterr);

    if (status == PICKET_OK) {
        status = open_file(to_folder, name, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF",
                           &to, reterr);
    }
    if (status == PICKET_OK) {
        status = copy_pages(from, to, file, reterr);
    }
    sqlite_free(to);
    if (file >= 0) {
        close(file); /* not before: SQLite's locks of the file would go with it */
    }
    return status;
}

/* What the store's own database does not know of: all of it, of any device. A day that is only
 * just being made has no tables. */
static enum picket_status trim_day(struct sqlite_store *file, int64_t number, struct err *reterr)
{
    struct flow_day_state state = {.number = 0};
    int version = 0;
    char trim[200];
    enum picket_status status = sqlite_get_version(file, INT32_MAX, &version, reterr);

    if (status == PICKET_OK && version > 0) {
        status = flow_day_get_state(file, &state, reterr);
    }
    if (status != PICKET_OK || state.number <= number) {
        return status;
    }
    snprintf(trim, sizeof(trim),
             "BEGIN; DELETE FROM report WHERE number > %" PRId64 "; DELETE FROM latest;"
             "UPDATE state SET number = %" PRId64 "; COMMIT",
             number, number);
    return sqlite3_exec(file->writer.db, trim, NULL, NULL, NULL) == SQLITE_OK
               ? PICKET_OK
               : sqlite_failure(file, file->writer.db, reterr);
}

/* A copy that is one file, without a log: it can be read where nothing can be written. */
static enum picket_status finish_copy(const struct store_backup *backup, const char *to_folder,
                                      const char *name, bool is_day, struct err *reterr)
{
    struct sqlite_store *file = NULL;
    enum picket_status status = open_file(
        to_folder, name, "PRAGMA synchronous = OFF; PRAGMA journal_mode = DELETE", &file, reterr);

    if (status == PICKET_OK && is_day) {
        status = trim_day(file, backup->number, reterr);
    }
    sqlite_free(file);
    return status;
}

static bool take_nothing(void *context, struct sqlite_row *row)
{
    (void)context;
    (void)row;
    return false;
}

/** What a listing of days is for. */
struct day_copy {
    const struct store_backup *backup;
    const char *to;
};

static enum picket_status copy_day(void *context, const char *name, struct err *reterr)
{
    const struct day_copy *copy = context;
    struct sqlite_store *from = NULL;
    enum picket_status status = open_file(copy->backup->folder, name, READ_PRAGMAS, &from, reterr);

    if (status == PICKET_OK) {
        status =
            sqlite_select(from, "SELECT 1 FROM sqlite_schema", NULL, 0, take_nothing, NULL, reterr);
    }
    if (status == PICKET_OK) {
        status = copy_file(from, copy->to, name, reterr);
    }
    sqlite_free(from);
    if (status == PICKET_OK) {
        status = finish_copy(copy->backup, copy->to, name, day_files_is_open(name), reterr);
    }
    if (status == PICKET_E_MALFORMED) { /* and so is the copy, which goes */
        err_set(reterr, "%s/%s: the file is damaged: put a backup in its place, or move it away",
                copy->backup->folder, name);
    }
    return status;
}

static enum picket_status copy_days(const struct store_backup *backup, const char *to,
                                    struct err *reterr)
{
    struct day_copy copy = {.backup = backup, .to = to};
    enum picket_status status;
    char *path = NULL;

    if (asprintf(&path, "%s/flows", to) < 0) {
        return no_memory(reterr);
    }
    status = folder_make(path, reterr);
    free(path);
    return status == PICKET_OK ? day_files_each(backup->folder, copy_day, &copy, reterr) : status;
}

int64_t store_backup_number(const struct store_backup *backup)
{
    return backup->number;
}

enum picket_status store_backup_write(struct store_backup *backup, const char *to,
                                      struct err *reterr)
{
    enum picket_status status = copy_file(backup->file, to, STORE_NAME, reterr);

    if (status == PICKET_OK) {
        status = finish_copy(backup, to, STORE_NAME, false, reterr);
    }
    sqlite_free(backup->file); /* its log need not grow any further */
    backup->file = NULL;
    return status == PICKET_OK && backup->hold >= 0 ? copy_days(backup, to, reterr) : status;
}
