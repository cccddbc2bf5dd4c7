/* SPDX-License-Identifier: MIT */
#include "store/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/flow_pack.h"
#include "store/backup.h"
#include "store/day_files.h"
#include "store/flow_day.h"
#include "store/flow_sealed.h"
#include "store/folder.h"
#include "store/sqlite.h"
#include "store/waiting.h"

#define ARENA_BYTES_MAX ((size_t)512 << 20) /* of one report, as in flow_day.c */
#define STORE_NAME      "picket.db"
#define PUT_BACK        "put a backup in its place"

/** A check of one file. */
struct check {
    enum store_check_depth depth;
    store_check_fn *fn;
    void *context;
    const char *name;
    struct sqlite_store *file;
    bool is_wrong;
};

static void tell(struct check *check, const char *wrong)
{
    check->is_wrong = true;
    check->fn(check->context, check->name, wrong);
}

/* What a file can't answer is told of; only what is no fault of the file's ends the check. */
static enum picket_status judge(struct check *check, enum picket_status status,
                                const struct err *err)
{
    if (status == PICKET_OK || status == PICKET_E_NOMEM) {
        return status;
    }
    tell(check, err->text);
    return PICKET_OK;
}

/* --- claims: a count of what breaks them, which must be 0 --- */

struct claim {
    int version; /* of the schema, from which on it can be asked */
    const char *count;
    const char *wrong; /* behind that count */
};

static const struct claim STORE_CLAIMS[] = {
    {1, "SELECT count(*) FROM pragma_foreign_key_check", "rows refer to others that are not there"},
    {1,
     "SELECT count(*) FROM device WHERE seen < 9223372036854775807" /* where sums stop */
     " AND seen <> kept + folded + malformed + filtered + dropped",
     "devices have counters of packets that do not add up"},
    {1, "SELECT count(*) FROM device WHERE first_seen_us > last_seen_us",
     "devices were last seen before they were first seen"},
    {1, "SELECT count(*) FROM boot WHERE missing > highest",
     "boots miss more reports than they had"},
    {1, "SELECT count(*) FROM alert WHERE first_us > last_us OR count < 1",
     "alerts end before they begin, or count nothing"},
    {5,
     "SELECT count(*) FROM ledger WHERE contacts <>"
     " (SELECT count(*) FROM contact WHERE contact.ledger = ledger.number)",
     "ledgers have not the number of contacts that they say"},
    {5, "SELECT count(*) FROM contact WHERE first_us > last_us", "contacts end before they begin"},
    {6,
     "SELECT count(*) FROM shard WHERE length(addresses) % 16 <> 0 OR shard < 0 OR"
     " shard >= shard_count",
     "shards of indicators are no whole ones"},
    {8, "SELECT count(*) FROM device WHERE length(digests) % 8 <> 0",
     "devices have digests of reports that are no whole ones"},
    {9, "SELECT abs(count(*) - 1) FROM flow_number",
     "rows too many or too few say which report was the last"},
    {10, "SELECT count(*) FROM credential WHERE length(digest) <> 32",
     "credentials have no whole digest"},
};

static const struct claim DAY_CLAIMS[] = {
    {1, "SELECT count(*) FROM report WHERE device NOT IN (SELECT number FROM device)",
     "reports are of a device that is not there"},
    {1, "SELECT abs(count(*) - 1) FROM state", "rows too many or too few say how far the day goes"},
};

static const struct claim SEALED_CLAIMS[] = {
    {1, "SELECT abs(count(*) - 1) FROM state", "rows too many or too few say of which time it is"},
    {1,
     "SELECT count(*) FROM (SELECT first, last, lag(last, 1, 0) OVER (ORDER BY id) AS before"
     " FROM device) WHERE first <> before + 1 OR last < first",
     "devices have not the segments that they say"},
    {1, "SELECT abs((SELECT count(*) FROM segment) - (SELECT ifnull(max(last), 0) FROM device))",
     "segments too many or too few are there"},
    {1, "SELECT count(*) FROM segment WHERE start_s > first_end_s OR first_end_s > last_end_s",
     "segments end before they begin"},
    {1,
     "SELECT count(*) FROM state, (SELECT min(start_s) AS start, max(last_end_s) AS end"
     " FROM segment) WHERE start_us / 1000000 - (start_us % 1000000 < 0) <> start"
     " OR end_us / 1000000 - (end_us % 1000000 < 0) <> end",
     "rows say another time than the segments have"},
};

static bool take_count(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, 0, INT64_MAX);
    return false;
}

static enum picket_status check_claims(struct check *check, const struct claim *claims,
                                       size_t claim_count, int version)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < claim_count && status == PICKET_OK; i++) {
        struct err err = {""};
        int64_t count = 0;

        if (claims[i].version > version) {
            continue;
        }
        status = sqlite_select(check->file, claims[i].count, NULL, 0, take_count, &count, &err);
        status = judge(check, status, &err);
        if (count > 0) {
            err_set(&err, "%" PRId64 " %s: " PUT_BACK, count, claims[i].wrong);
            tell(check, err.text);
        }
    }
    return status;
}

/* --- pages --- */

static bool take_integrity(void *context, struct sqlite_row *row)
{
    struct check *check = context;
    char said[300];
    struct err err;

    sqlite_row_text(row, said, sizeof(said));
    row->status = PICKET_OK; /* cut or not, it is damage */
    if (strcmp(said, "ok") == 0) {
        return false;
    }
    err_set(&err, "damaged (%s): " PUT_BACK, said[0] == '\0' ? "in many places" : said);
    tell(check, err.text);
    return false;
}

static enum picket_status check_pages(struct check *check)
{
    struct err err = {""};
    enum picket_status status = sqlite_select(check->file, "PRAGMA integrity_check(1)", NULL, 0,
                                              take_integrity, check, &err);

    return judge(check, status, &err);
}

/* Opens the file as it is now; *ret_version is -1 if that can't be. */
static enum picket_status open_snapshot(struct check *check, const char *folder, int step_count,
                                        int *ret_version)
{
    struct err err = {""};
    int version = -1;
    enum picket_status status = PICKET_E_NOMEM;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, check->name) < 0) {
        return PICKET_E_NOMEM;
    }
    check->file = sqlite_new(path);
    free(path);
    if (check->file == NULL) {
        return PICKET_E_NOMEM;
    }
    status =
        sqlite_connect(check->file, &check->file->writer, "PRAGMA query_only = ON; BEGIN", &err);
    if (status == PICKET_OK) {
        status = sqlite_get_version(check->file, step_count, &version, &err);
    }
    *ret_version = version;
    return judge(check, status, &err);
}

static enum picket_status finish(struct check *check, enum picket_status status)
{
    sqlite_free(check->file);
    if (status == PICKET_OK && !check->is_wrong) {
        check->fn(check->context, check->name, NULL);
    }
    return status;
}

/* --- the store's own database --- */

struct waiting_check {
    uint64_t wrong;
    struct waiting waiting;
};

static bool take_waiting(void *context, struct sqlite_row *row)
{
    struct waiting_check *check = context;
    size_t length = 0;
    const uint8_t *bytes = sqlite_row_borrow_bytes(row, &length);

    if (bytes != NULL && !waiting_read(bytes, length, &check->waiting)) {
        check->wrong++;
    }
    return true;
}

static enum picket_status check_waiting(struct check *check)
{
    struct waiting_check *waiting = calloc(1, sizeof(*waiting));
    struct err err = {""};
    enum picket_status status;

    if (waiting == NULL) {
        return PICKET_E_NOMEM;
    }
    status = sqlite_select(check->file, "SELECT waiting FROM ledger WHERE length(waiting) > 0",
                           NULL, 0, take_waiting, waiting, &err);
    status = judge(check, status, &err);
    if (waiting->wrong > 0) {
        err_set(&err, "%" PRIu64 " ledgers have contacts waiting that can't be read: " PUT_BACK,
                waiting->wrong);
        tell(check, err.text);
    }
    free(waiting);
    return status;
}

static enum picket_status check_rows(struct check *check, int version)
{
    enum picket_status status =
        check_claims(check, STORE_CLAIMS, SQLITE_VALUE_COUNT(STORE_CLAIMS), version);

    return status == PICKET_OK && version >= 5 ? check_waiting(check) : status;
}

static enum picket_status check_store(struct check check, const char *folder)
{
    enum picket_status status;
    int step_count, version;

    sqlite_schema_steps(&step_count);
    check.name = STORE_NAME;
    status = open_snapshot(&check, folder, step_count, &version);
    if (status == PICKET_OK && version >= 0) {
        status = check_pages(&check);
    }
    if (status == PICKET_OK && !check.is_wrong && check.depth == STORE_CHECK_ALL) {
        status = check_rows(&check, version);
    }
    return finish(&check, status);
}

/* --- a day of flows --- */

struct day_check {
    struct check *check;
    struct flow_day_state state;
    uint64_t unreadable;
    uint64_t misplaced; /* not where their row says, or outside of the day's state */
    int64_t settled;    /* the last report that the last transaction can't have put */
    bool is_out_of_memory;
};

static bool is_in_place(const struct day_check *day, const struct flow_span *span, int64_t number,
                        const struct flow_report *report)
{
    struct flow_span own = flow_report_span(report);

    return own.start_us == span->start_us && own.end_us == span->end_us &&
           span->start_us >= day->state.span.start_us && span->end_us <= day->state.span.end_us &&
           number >= 1 && number <= day->state.number;
}

static bool take_report(void *context, struct sqlite_row *row)
{
    struct day_check *day = context;
    struct flow_span span;
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *reports = NULL;
    size_t length = 0, count = 0;
    int64_t number;
    bool is_latest;
    const uint8_t *pack;
    enum picket_status status;

    span.end_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    number = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    span.start_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    is_latest = sqlite_row_number(row, 0, 1) == 1;
    pack = sqlite_row_borrow_bytes(row, &length);
    status = arena == NULL ? PICKET_E_NOMEM : PICKET_E_MALFORMED;
    if (arena != NULL && pack != NULL) {
        status = flow_pack_read(pack, length, arena, &reports, &count);
    }
    day->is_out_of_memory = status == PICKET_E_NOMEM;
    if (status != PICKET_OK || count != 1) {
        day->unreadable++;
    } else if (!is_in_place(day, &span, number, reports)) {
        day->misplaced++;
    }
    if (!is_latest && number > day->settled) {
        day->settled = number;
    }
    arena_free(arena);
    return !day->is_out_of_memory;
}

static void tell_reports(const struct day_check *day)
{
    struct err err;

    if (day->unreadable > 0) {
        err_set(&err, "the flows of %" PRIu64 " reports can't be read: " PUT_BACK, day->unreadable);
        tell(day->check, err.text);
    }
    if (day->misplaced > 0) {
        err_set(&err, "%" PRIu64 " reports are not of the time or number that they say: " PUT_BACK,
                day->misplaced);
        tell(day->check, err.text);
    }
}

static enum picket_status check_reports(struct day_check *day)
{
    struct err err = {""};
    enum picket_status status = flow_day_get_state(day->check->file, &day->state, &err);

    if (status == PICKET_OK) {
        status = sqlite_select(day->check->file,
                               "SELECT end_us, number, start_us,"
                               " device IN (SELECT device FROM latest), pack FROM report",
                               NULL, 0, take_report, day, &err);
    }
    status = day->is_out_of_memory ? PICKET_E_NOMEM : judge(day->check, status, &err);
    if (status == PICKET_OK) {
        tell_reports(day);
    }
    return status;
}

/* Looked up behind the day, so that a service that went on can only have got further. */
static enum picket_status check_number(const char *folder, const struct day_check *day)
{
    struct store_backup *moment = NULL;
    struct err err = {""};
    enum picket_status status = store_backup_begin(folder, &moment, &err);

    if (status == PICKET_OK && day->settled > store_backup_number(moment)) {
        err_set(&err,
                "it has reports up to %" PRId64 ", but picket.db knows of %" PRId64
                " only: the two are not of the same time: put both back from one backup",
                day->settled, store_backup_number(moment));
        tell(day->check, err.text);
    }
    store_backup_end(moment);
    return status == PICKET_E_NOMEM ? status : PICKET_OK; /* the rest was told of picket.db */
}

static enum picket_status check_open_day(struct check *check, const char *folder)
{
    struct day_check day = {.check = check};
    enum picket_status status =
        check_claims(check, DAY_CLAIMS, SQLITE_VALUE_COUNT(DAY_CLAIMS), INT32_MAX);

    if (status == PICKET_OK && !check->is_wrong) {
        status = check_reports(&day);
    }
    if (status == PICKET_OK && !check->is_wrong) {
        status = check_number(folder, &day);
    }
    return status;
}

/* --- a sealed day --- */

struct sealed_check {
    struct check *check;
    struct flow_sealed *sealed;
};

static bool take_sealed_report(void *context, const struct flow_report *report,
                               const struct flow_span *span)
{
    (void)context;
    (void)report;
    (void)span;
    return true;
}

static bool take_sealed_device(void *context, struct sqlite_row *row)
{
    const struct flow_span all = {.start_us = INT64_MIN, .end_us = INT64_MAX};
    struct sealed_check *day = context;
    char device[DEVICE_ID_MAX + 1];
    struct err err = {""};

    sqlite_row_text(row, device, sizeof(device));
    if (row->status == PICKET_OK) {
        row->status = judge(
            day->check,
            flow_sealed_each(day->sealed, device, &all, INT64_MAX, take_sealed_report, NULL, &err),
            &err);
    }
    return !day->check->is_wrong; /* one device says it for all */
}

static enum picket_status check_sealed_day(struct check *check)
{
    struct sealed_check day = {.check = check};
    struct err err = {""};
    enum picket_status status =
        check_claims(check, SEALED_CLAIMS, SQLITE_VALUE_COUNT(SEALED_CLAIMS), INT32_MAX);

    if (status != PICKET_OK || check->is_wrong) {
        return status;
    }
    status = flow_sealed_open(check->file->path, &day.sealed, &err);
    if (status == PICKET_OK) {
        status = sqlite_select(check->file, "SELECT id FROM device", NULL, 0, take_sealed_device,
                               &day, &err);
    }
    flow_sealed_close(day.sealed);
    return judge(check, status, &err);
}

/** What a listing of files is for. */
struct folder_check {
    const char *folder;
    struct check check; /* as it begins with each file */
};

static enum picket_status check_day(void *context, const char *name, struct err *reterr)
{
    const struct folder_check *all = context;
    struct check check = all->check;
    enum picket_status status;
    int version;

    (void)reterr; /* what is wrong is told */
    check.name = name;
    status = open_snapshot(&check, all->folder, INT32_MAX, &version);
    if (status == PICKET_OK && version >= 0) {
        status = check_pages(&check);
    }
    /* a day that is only just being made has no tables */
    if (status == PICKET_OK && !check.is_wrong && check.depth == STORE_CHECK_ALL &&
        day_files_is_open(name) && version > 0) {
        status = check_open_day(&check, all->folder);
    }
    if (status == PICKET_OK && !check.is_wrong && check.depth == STORE_CHECK_ALL &&
        day_files_is_sealed(name)) {
        status = check_sealed_day(&check);
    }
    return finish(&check, status);
}

static enum picket_status tell_aside(void *context, const char *name, struct err *reterr)
{
    const struct folder_check *all = context;

    (void)reterr; /* what is wrong is told */
    all->check.fn(all->check.context, name,
                  "the service put it aside, because it is damaged: " PUT_BACK
                  " under the day's own "
                  "name, and take this one away");
    return PICKET_OK;
}

enum picket_status store_check(const char *folder, enum store_check_depth depth, store_check_fn *fn,
                               void *context, struct err *reterr)
{
    struct folder_check all = {.folder = folder,
                               .check = {.depth = depth, .fn = fn, .context = context}};
    enum picket_status status = PICKET_E_NOTFOUND;
    int hold = -1;

    if (!folder_has(folder, STORE_NAME)) {
        err_set(reterr, "%s: there is no " STORE_NAME ": it is no data folder", folder);
        return PICKET_E_NOTFOUND;
    }
    status = day_files_hold(folder, &hold, reterr);
    if (status == PICKET_OK) {
        status = check_store(all.check, folder);
    }
    if (status == PICKET_OK) {
        status = day_files_each(folder, check_day, &all, reterr);
    }
    if (status == PICKET_OK) {
        status = day_files_each_aside(folder, tell_aside, &all, reterr);
    }
    folder_let_go(hold);
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory");
    }
    return status;
}
