/* SPDX-License-Identifier: MIT */
#include "store/flow_sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/time.h"
#include "store/flow_segment.h"
#include "store/folder.h"
#include "store/sqlite.h"

#define ARENA_BYTES_MAX ((size_t)512 << 20) /* of one segment; of one report, if that is larger */

/* Nobody sees the file before it is finished, and nobody changes it afterwards: it needs no log. */
#define SEALING_PRAGMAS                                                                            \
    "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE;"        \
    "PRAGMA cache_size = -8000"

/* As those of the store's own database: what was released is never changed. */
static const char *const STEPS[] = {
    "CREATE TABLE state ("
    " start_us INTEGER NOT NULL,"
    " end_us INTEGER NOT NULL,"
    " dictionary BLOB NOT NULL" /* as flow_dictionary_make() has it */
    ") STRICT;"
    "CREATE TABLE device ("
    " id TEXT NOT NULL PRIMARY KEY,"
    " first INTEGER NOT NULL," /* segment: the others stand behind it, the newest first */
    " last INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE segment ("
    " number INTEGER PRIMARY KEY,"
    " start_s INTEGER NOT NULL,"     /* of the report that started first, */
    " first_end_s INTEGER NOT NULL," /* the one that ended first, */
    " last_end_s INTEGER NOT NULL,"  /* and the one that ended last */
    " pack BLOB NOT NULL"            /* as flow_segment_write() has it */
    ") STRICT;",
};

/* Times of segments only say which ones to look into; whole seconds take half the room. */
static int64_t second_of(int64_t time_us)
{
    return time_us / TIME_US_PER_S - (time_us % TIME_US_PER_S < 0);
}

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory for a sealed day");
    return PICKET_E_NOMEM;
}

/* --- making one --- */

struct flow_sealing {
    struct sqlite_store *file;
    struct flow_codec *codec;
    struct buf pack;
    struct flow_span span; /* of all reports */
    char device[DEVICE_ID_MAX + 1];
    int64_t first; /* segment of the device */
    int64_t last;  /* 0: none is put yet */
};

static enum picket_status put_state(struct flow_sealing *sealing, const uint8_t *dictionary,
                                    size_t length, struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_number(sealing->span.start_us), sqlite_number(sealing->span.end_us),
        sqlite_bytes(length > 0 ? dictionary : (const uint8_t *)"", length)};

    return sqlite_run(sealing->file, KEPT_PUT_SEALED_STATE, "INSERT INTO state VALUES (?, ?, ?)",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

static enum picket_status begin_file(struct flow_sealing *sealing, const char *path,
                                     struct err *reterr)
{
    int made = -1;
    enum picket_status status = folder_open_file(path, &made, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    close(made);
    sealing->file = sqlite_new(path);
    if (sealing->file == NULL) {
        return no_memory(reterr);
    }
    status = sqlite_connect(sealing->file, &sealing->file->writer, SEALING_PRAGMAS, reterr);
    if (status == PICKET_OK) {
        status = sqlite_migrate(sealing->file, STEPS, (int)SQLITE_VALUE_COUNT(STEPS), reterr);
    }
    return status == PICKET_OK ? sqlite_begin(sealing->file, reterr) : status;
}

enum picket_status flow_sealing_new(const char *path, const uint8_t *dictionary,
                                    size_t dictionary_length, struct flow_sealing **ret,
                                    struct err *reterr)
{
    struct flow_sealing *sealing = calloc(1, sizeof(*sealing));
    enum picket_status status = PICKET_E_NOMEM;

    if (sealing == NULL) {
        return no_memory(reterr);
    }
    buf_init(&sealing->pack, FLOW_PACK_BYTES_MAX);
    sealing->span = (struct flow_span){.start_us = INT64_MAX, .end_us = INT64_MIN};
    if (flow_codec_new(dictionary, dictionary_length, &sealing->codec) != PICKET_OK) {
        status = no_memory(reterr);
        goto out;
    }
    status = begin_file(sealing, path, reterr);
    if (status == PICKET_OK) {
        status = put_state(sealing, dictionary, dictionary_length, reterr);
    }
    if (status == PICKET_OK) {
        *ret = sealing;
        sealing = NULL; /* moved */
    }
out:
    flow_sealing_free(sealing);
    return status;
}

void flow_sealing_free(struct flow_sealing *sealing)
{
    if (sealing == NULL) {
        return;
    }
    if (sealing->file != NULL && sqlite_in_transaction(sealing->file)) {
        sqlite_rollback(sealing->file);
    }
    sqlite_free(sealing->file);
    flow_codec_free(sealing->codec);
    buf_deinit(&sealing->pack);
    free(sealing);
}

static enum picket_status put_device(struct flow_sealing *sealing, struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_text(sealing->device), sqlite_number(sealing->first), sqlite_number(sealing->last)};

    if (sealing->last == 0) {
        return PICKET_OK;
    }
    return sqlite_run(sealing->file, KEPT_PUT_SEALED_DEVICE, "INSERT INTO device VALUES (?, ?, ?)",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

static enum picket_status put_segment(struct flow_sealing *sealing, const struct flow_span *spans,
                                      size_t count, struct err *reterr)
{
    struct flow_span span = spans[0];

    for (size_t i = 1; i < count; i++) {
        flow_span_add(&span, spans[i].start_us, spans[i].end_us);
    }
    flow_span_add(&sealing->span, span.start_us, span.end_us);
    const struct sqlite_value values[] = {
        sqlite_number(++sealing->last),
        sqlite_number(second_of(span.start_us)),
        sqlite_number(second_of(spans[count - 1].end_us)),
        sqlite_number(second_of(span.end_us)),
        sqlite_bytes((const uint8_t *)sealing->pack.bytes, sealing->pack.length),
    };

    return sqlite_run(sealing->file, KEPT_PUT_SEALED_SEGMENT,
                      "INSERT INTO segment VALUES (?, ?, ?, ?, ?)", values,
                      SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status flow_sealing_put(struct flow_sealing *sealing, const char *device,
                                    const struct flow_report *reports,
                                    const struct flow_span *spans, size_t count, struct err *reterr)
{
    if (strcmp(sealing->device, device) != 0) {
        enum picket_status status = put_device(sealing, reterr);

        if (status != PICKET_OK) {
            return status;
        }
        snprintf(sealing->device, sizeof(sealing->device), "%s", device);
        sealing->first = sealing->last + 1;
    }
    sealing->pack.length = 0; /* its memory is used again */
    flow_segment_write(sealing->codec, &sealing->pack, reports, count);
    if (sealing->pack.is_failed) {
        return no_memory(reterr);
    }
    return put_segment(sealing, spans, count, reterr);
}

static enum picket_status put_span(struct flow_sealing *sealing, struct err *reterr)
{
    const struct sqlite_value values[] = {sqlite_number(sealing->span.start_us),
                                          sqlite_number(sealing->span.end_us)};

    return sqlite_run(sealing->file, KEPT_PUT_FLOW_STATE,
                      "UPDATE state SET start_us = ?, end_us = ?", values,
                      SQLITE_VALUE_COUNT(values), reterr);
}

static enum picket_status sync_file(const char *path, struct err *reterr)
{
    int file = -1;
    enum picket_status status = folder_open_file(path, &file, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (fsync(file) != 0) {
        status = file_failure(path, reterr);
    }
    close(file);
    return status;
}

enum picket_status flow_sealing_finish(struct flow_sealing *sealing, struct err *reterr)
{
    enum picket_status status = put_device(sealing, reterr);

    if (status == PICKET_OK) {
        status = put_span(sealing, reterr);
    }
    if (status == PICKET_OK) {
        status = sqlite_commit(sealing->file, reterr);
    }
    return status == PICKET_OK ? sync_file(sealing->file->path, reterr) : status;
}

/* --- reading it --- */

struct flow_sealed {
    struct sqlite_store *file;
    struct flow_codec *codec; /* NULL until the state is read */
    struct flow_span span;
};

static bool take_state(void *context, struct sqlite_row *row)
{
    struct flow_sealed *sealed = context;
    size_t length = 0;
    const uint8_t *dictionary;

    sealed->span.start_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    sealed->span.end_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    dictionary = sqlite_row_borrow_bytes(row, &length);
    if (row->status == PICKET_OK && length > FLOW_DICTIONARY_BYTES_MAX) {
        row->status = PICKET_E_MALFORMED;
    }
    if (row->status == PICKET_OK) {
        row->status = flow_codec_new(dictionary, length, &sealed->codec);
    }
    return false;
}

static bool take_version(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, 0, INT64_MAX);
    return false;
}

static enum picket_status read_state(struct flow_sealed *sealed, struct err *reterr)
{
    const char *path = sealed->file->path;
    int64_t version = 0;
    enum picket_status status =
        sqlite_select(sealed->file, "PRAGMA user_version", NULL, 0, take_version, &version, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (version > (int64_t)SQLITE_VALUE_COUNT(STEPS)) {
        err_set(reterr, "%s was written by a newer Picket: use that Picket, or move the file away",
                path);
        return PICKET_E_VERSION;
    }
    if (version == (int64_t)SQLITE_VALUE_COUNT(STEPS)) {
        status = sqlite_select(sealed->file, "SELECT start_us, end_us, dictionary FROM state", NULL,
                               0, take_state, sealed, reterr);
    }
    if (status == PICKET_OK && sealed->codec == NULL) {
        err_set(reterr, "%s: the file is damaged: move it away", path);
        return PICKET_E_MALFORMED;
    }
    return status;
}

enum picket_status flow_sealed_open(const char *path, struct flow_sealed **ret, struct err *reterr)
{
    struct flow_sealed *sealed = calloc(1, sizeof(*sealed));
    enum picket_status status = PICKET_E_NOMEM;

    if (sealed == NULL) {
        return no_memory(reterr);
    }
    sealed->file = sqlite_new(path);
    if (sealed->file == NULL) {
        status = no_memory(reterr);
        goto out;
    }
    status = sqlite_connect(sealed->file, &sealed->file->writer, "PRAGMA query_only = ON", reterr);
    if (status == PICKET_OK) {
        status = read_state(sealed, reterr);
    }
    if (status == PICKET_OK) {
        *ret = sealed;
        sealed = NULL; /* moved */
    }
out:
    flow_sealed_close(sealed);
    return status;
}

void flow_sealed_close(struct flow_sealed *sealed)
{
    if (sealed != NULL) {
        sqlite_free(sealed->file);
        flow_codec_free(sealed->codec);
        free(sealed);
    }
}

struct flow_span flow_sealed_span(const struct flow_sealed *sealed)
{
    return sealed->span;
}

struct segment_listing {
    struct flow_codec *codec;
    const struct flow_span *span;
    int64_t end_us;
    flow_report_fn *fn;
    void *context;
};

static bool is_asked_for(const struct segment_listing *listing, const struct flow_span *span)
{
    return span->end_us >= listing->span->start_us && span->end_us <= listing->end_us &&
           span->start_us <= listing->span->end_us;
}

static bool give_reports(const struct segment_listing *listing, const struct flow_report *reports,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct flow_span span = flow_report_span(&reports[i]);

        if (is_asked_for(listing, &span) && !listing->fn(listing->context, &reports[i], &span)) {
            return false;
        }
    }
    return true;
}

/** What a segment's row says of its reports, in seconds. */
struct segment_times {
    int64_t start;
    int64_t first_end;
    int64_t last_end;
};

/* A row that says another time would hide its segment from who asks for this one. */
static bool is_in_place(const struct segment_times *times, const struct flow_report *reports,
                        size_t count)
{
    struct flow_span all = {.start_us = INT64_MAX, .end_us = INT64_MIN};
    struct flow_span last = all;

    for (size_t i = 0; i < count; i++) {
        last = flow_report_span(&reports[i]);
        flow_span_add(&all, last.start_us, last.end_us);
    }
    return times->start == second_of(all.start_us) && times->first_end == second_of(last.end_us) &&
           times->last_end == second_of(all.end_us);
}

static bool give_segment(void *context, struct sqlite_row *row)
{
    struct segment_listing *listing = context;
    struct arena *arena = NULL;
    struct segment_times times = {.start = sqlite_row_number(row, INT64_MIN, INT64_MAX)};
    const struct flow_report *reports = NULL;
    size_t length = 0, count = 0;
    const uint8_t *pack;
    bool has_more = false;

    times.first_end = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    times.last_end = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    pack = sqlite_row_borrow_bytes(row, &length);
    if (pack == NULL) {
        return false;
    }
    arena = arena_new(ARENA_BYTES_MAX);
    row->status = arena == NULL
                      ? PICKET_E_NOMEM
                      : flow_segment_read(listing->codec, pack, length, arena, &reports, &count);
    if (row->status == PICKET_OK && !is_in_place(&times, reports, count)) {
        row->status = PICKET_E_MALFORMED;
    }
    if (row->status == PICKET_OK) {
        has_more = give_reports(listing, reports, count);
    }
    arena_free(arena);
    return has_more;
}

enum picket_status flow_sealed_each(struct flow_sealed *sealed, const char *device,
                                    const struct flow_span *span, int64_t end_us,
                                    flow_report_fn *fn, void *context, struct err *reterr)
{
    struct segment_listing listing = {
        .codec = sealed->codec, .span = span, .end_us = end_us, .fn = fn, .context = context};
    const struct sqlite_value values[] = {
        sqlite_text(device), sqlite_number(second_of(span->start_us)),
        sqlite_number(second_of(end_us)), sqlite_number(second_of(span->end_us))};
    enum picket_status status;

    status = sqlite_select(sealed->file,
                           "SELECT start_s, first_end_s, last_end_s, pack FROM device"
                           " JOIN segment ON segment.number BETWEEN device.first AND device.last"
                           " WHERE id = ? AND last_end_s >= ? AND first_end_s <= ?"
                           " AND start_s <= ? ORDER BY segment.number",
                           values, SQLITE_VALUE_COUNT(values), give_segment, &listing, reterr);
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "out of memory for the flows of device %s", device);
    }
    return status;
}
