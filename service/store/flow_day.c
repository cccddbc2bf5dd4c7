/* SPDX-License-Identifier: MIT */
#include "store/flow_day.h"

#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "store/folder.h"
#include "store/sqlite.h"

#define ARENA_BYTES_MAX ((size_t)512 << 20) /* of one report: far more than a door lets in */

/* As those of the store's own database: what was released is never changed. */
static const char *const STEPS[] = {
    "CREATE TABLE device ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE"
    ") STRICT;"
    "CREATE TABLE report ("
    " device INTEGER NOT NULL,"
    " end_us INTEGER NOT NULL,"
    " number INTEGER NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " pack BLOB NOT NULL," /* as flow_pack_write() has it */
    " PRIMARY KEY (device, end_us, number)"
    ") STRICT, WITHOUT ROWID;"
    /* Whose reports the last transaction put. */
    "CREATE TABLE latest (device INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE state ("
    " number INTEGER NOT NULL,"
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER NOT NULL"
    ") STRICT;"
    "INSERT INTO state VALUES (0, 9223372036854775807, -9223372036854775808);",
};

static enum picket_status open_file(const char *path, const char *pragmas,
                                    struct sqlite_store **ret, struct err *reterr)
{
    struct sqlite_store *file = sqlite_new(path);
    enum picket_status status = PICKET_E_NOMEM;

    if (file == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = sqlite_connect(file, &file->writer, pragmas, reterr);
    if (status != PICKET_OK) {
        sqlite_free(file);
        return status;
    }
    *ret = file;
    return PICKET_OK;
}

enum picket_status flow_day_open(const char *path, struct sqlite_store **ret, struct err *reterr)
{
    struct sqlite_store *file = NULL;
    int made = -1;
    enum picket_status status = folder_open_file(path, &made, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    close(made);
    status = open_file(path, SQLITE_WRITER_PRAGMAS, &file, reterr);
    if (status == PICKET_OK) {
        status = sqlite_migrate(file, STEPS, (int)SQLITE_VALUE_COUNT(STEPS), reterr);
    }
    if (status == PICKET_OK) {
        *ret = file;
        file = NULL; /* moved */
    }
    sqlite_free(file);
    return status;
}

enum picket_status flow_day_open_to_read(const char *path, struct sqlite_store **ret,
                                         struct err *reterr)
{
    return open_file(path, "PRAGMA query_only = ON", ret, reterr);
}

static bool take_state(void *context, struct sqlite_row *row)
{
    struct flow_day_state *state = context;

    state->number = sqlite_row_number(row, 0, INT64_MAX);
    state->span.start_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    state->span.end_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    return false;
}

enum picket_status flow_day_get_state(struct sqlite_store *file, struct flow_day_state *ret,
                                      struct err *reterr)
{
    struct flow_day_state state = {.number = -1};
    enum picket_status status = sqlite_select(file, "SELECT number, start_us, end_us FROM state",
                                              NULL, 0, take_state, &state, reterr);

    if (status == PICKET_OK && state.number < 0) {
        err_set(reterr, "%s: the file is damaged: move it away", file->path);
        return PICKET_E_MALFORMED;
    }
    if (status == PICKET_OK) {
        *ret = state;
    }
    return status;
}

/* --- writing --- */

enum picket_status flow_day_start(struct sqlite_store *file, struct err *reterr)
{
    return sqlite_run(file, KEPT_CLEAR_FLOW_LATEST, "DELETE FROM latest", NULL, 0, reterr);
}

static bool take_number(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, 0, INT64_MAX);
    return false;
}

static enum picket_status find_device(struct sqlite_store *file, const char *device,
                                      int64_t *ret_number, struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);
    enum picket_status status;

    status = sqlite_get(file, KEPT_FIND_FLOW_DEVICE, "SELECT number FROM device WHERE id = ?", &id,
                        1, take_number, ret_number, reterr);
    if (status == PICKET_E_NOTFOUND) {
        status = sqlite_get(file, KEPT_PUT_FLOW_DEVICE,
                            "INSERT INTO device (id) VALUES (?) RETURNING number", &id, 1,
                            take_number, ret_number, reterr);
    }
    return status;
}

enum picket_status flow_day_put(struct sqlite_store *file, const char *device, int64_t number,
                                const struct flow_span *span, const struct buf *pack,
                                struct err *reterr)
{
    int64_t device_number = 0;
    enum picket_status status = find_device(file, device, &device_number, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    const struct sqlite_value values[] = {
        sqlite_number(device_number),
        sqlite_number(span->end_us),
        sqlite_number(number),
        sqlite_number(span->start_us),
        sqlite_bytes((const uint8_t *)pack->bytes, pack->length),
    };

    status = sqlite_run(file, KEPT_PUT_FLOW_REPORT, "INSERT INTO report VALUES (?, ?, ?, ?, ?)",
                        values, SQLITE_VALUE_COUNT(values), reterr);
    if (status == PICKET_OK) {
        status = sqlite_run(file, KEPT_PUT_FLOW_LATEST, "INSERT OR IGNORE INTO latest VALUES (?)",
                            values, 1, reterr);
    }
    return status;
}

enum picket_status flow_day_put_state(struct sqlite_store *file, const struct flow_day_state *state,
                                      struct err *reterr)
{
    const struct sqlite_value values[] = {sqlite_number(state->number),
                                          sqlite_number(state->span.start_us),
                                          sqlite_number(state->span.end_us)};

    return sqlite_run(file, KEPT_PUT_FLOW_STATE,
                      "UPDATE state SET number = ?, start_us = min(start_us, ?),"
                      " end_us = max(end_us, ?)",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status flow_day_forget(struct sqlite_store *file, int64_t number, struct err *reterr)
{
    const struct sqlite_value after = sqlite_number(number);
    struct flow_day_state state = {.number = number, .span = {INT64_MAX, INT64_MIN}};
    enum picket_status status = sqlite_begin(file, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = sqlite_run(file, KEPT_FORGET_FLOW_REPORTS,
                        "DELETE FROM report WHERE device IN (SELECT device FROM latest)"
                        " AND number > ?",
                        &after, 1, reterr);
    if (status == PICKET_OK) {
        status = flow_day_put_state(file, &state, reterr);
    }
    if (status == PICKET_OK) {
        status = sqlite_commit(file, reterr);
    }
    if (status != PICKET_OK) {
        sqlite_rollback(file);
    }
    return status;
}

/* --- reading --- */

struct report_listing {
    flow_report_fn *fn;
    void *context;
    bool is_out_of_memory;
};

static bool give_report(void *context, struct sqlite_row *row)
{
    struct report_listing *listing = context;
    struct flow_span span = {.end_us = sqlite_row_number(row, INT64_MIN, INT64_MAX)};
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *reports = NULL;
    size_t length = 0, count = 0;
    const uint8_t *pack;
    enum picket_status status = PICKET_E_NOMEM;
    bool has_more = false;

    span.start_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    pack = sqlite_row_borrow_bytes(row, &length);
    if (pack == NULL) {
        goto out;
    }
    if (arena != NULL) {
        status = flow_pack_read(pack, length, arena, &reports, &count);
    }
    if (status == PICKET_OK && count == 1) {
        has_more = listing->fn(listing->context, reports, &span);
    } else if (status == PICKET_E_NOMEM) {
        listing->is_out_of_memory = true;
    } else {
        row->status = PICKET_E_MALFORMED;
    }
out:
    arena_free(arena);
    return has_more;
}

enum picket_status flow_day_each(struct sqlite_store *file, const char *device, int64_t number,
                                 const struct flow_span *span, int64_t end_us, flow_report_fn *fn,
                                 void *context, struct err *reterr)
{
    struct report_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value values[] = {sqlite_text(device), sqlite_number(span->start_us),
                                          sqlite_number(end_us), sqlite_number(span->end_us),
                                          sqlite_number(number)};
    enum picket_status status;

    status = sqlite_select(file,
                           "SELECT end_us, start_us, pack FROM report"
                           " WHERE device = (SELECT number FROM device WHERE id = ?)"
                           " AND end_us BETWEEN ? AND ? AND start_us <= ? AND number <= ?"
                           " ORDER BY end_us DESC, number DESC",
                           values, SQLITE_VALUE_COUNT(values), give_report, &listing, reterr);
    if (status == PICKET_OK && listing.is_out_of_memory) {
        err_set(reterr, "out of memory for the flows of device %s", device);
        status = PICKET_E_NOMEM;
    }
    return status;
}

struct pack_listing {
    flow_pack_fn *fn;
    void *context;
    enum picket_status status; /* of the last call */
};

static bool give_pack(void *context, struct sqlite_row *row)
{
    struct pack_listing *listing = context;
    size_t length = 0;
    char device[DEVICE_ID_MAX + 1];
    const uint8_t *pack;

    sqlite_row_text(row, device, sizeof(device));
    pack = sqlite_row_borrow_bytes(row, &length);
    if (row->status != PICKET_OK) {
        return false;
    }
    listing->status = listing->fn(listing->context, device, pack, length);
    if (listing->status == PICKET_E_MALFORMED) {
        row->status = PICKET_E_MALFORMED;
    }
    return listing->status == PICKET_OK;
}

enum picket_status flow_day_each_pack(struct sqlite_store *file, int64_t number, int64_t one_in,
                                      flow_pack_fn *fn, void *context, struct err *reterr)
{
    struct pack_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value values[] = {sqlite_number(number), sqlite_number(one_in)};
    enum picket_status status;

    /* CROSS JOIN: device by device in the order of the index, so that nothing has to be sorted */
    status = sqlite_select(file,
                           "SELECT id, pack FROM device CROSS JOIN report"
                           " ON report.device = device.number"
                           " WHERE report.number <= ? AND device.number % ? = 0"
                           " ORDER BY id, end_us DESC, report.number DESC",
                           values, SQLITE_VALUE_COUNT(values), give_pack, &listing, reterr);
    return status == PICKET_OK ? listing.status : status;
}

enum picket_status flow_day_count_devices(struct sqlite_store *file, int64_t *ret,
                                          struct err *reterr)
{
    return sqlite_select(file, "SELECT count(*) FROM device", NULL, 0, take_number, ret, reterr);
}
