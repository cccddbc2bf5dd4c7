/* SPDX-License-Identifier: MIT */
#include "store/flow_days.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/time.h"
#include "store/flow_day.h"
#include "store/flow_days_inside.h"
#include "store/flow_sealed.h"
#include "store/folder.h"
#include "store/sqlite.h"

#define DAY_DIGITS 10u /* 2026-11-25 */
#define NOTHING    ((struct flow_span){.start_us = INT64_MAX, .end_us = INT64_MIN})

/* --- the list of days --- */

static int32_t day_of(int64_t time_us)
{
    return (int32_t)((time_us >= 0 ? time_us : time_us - (FLOW_DAY_US - 1)) / FLOW_DAY_US);
}

/* False if the file is none of ours. */
static bool parse_day(const char *name, const char *extension, int32_t *ret)
{
    char text[DAY_DIGITS + sizeof("T00:00:00Z")];
    int64_t time_us;

    if (strlen(name) < DAY_DIGITS || strcmp(name + DAY_DIGITS, extension) != 0) {
        return false;
    }
    snprintf(text, sizeof(text), "%.10sT00:00:00Z", name);
    if (time_parse(text, &time_us) != PICKET_OK) {
        return false;
    }
    *ret = day_of(time_us);
    return true;
}

char *flow_days_path(const struct flow_days *days, int32_t number, const char *extension)
{
    char text[TIME_TEXT_MAX];
    char *path = NULL;

    time_format(number * FLOW_DAY_US, text);
    return asprintf(&path, "%s/%.10s%s", days->folder, text, extension) < 0 ? NULL : path;
}

/* NULL if there is none of that day. */
static struct flow_day *find_day(struct flow_days *days, int32_t number)
{
    for (size_t i = days->count; i > 0; i--) {
        if (days->days[i - 1].number == number) {
            return &days->days[i - 1];
        }
    }
    return NULL;
}

static enum picket_status add_day(struct flow_days *days, const struct flow_day *day,
                                  struct err *reterr)
{
    struct flow_day *grown = NULL;
    size_t place;

    if (days->count < FLOW_DAYS_MAX) {
        grown = realloc(days->days, (days->count + 1) * sizeof(*grown));
    }
    if (grown == NULL) {
        err_set(reterr, "out of memory for the days in %s", days->folder);
        return PICKET_E_NOMEM;
    }
    days->days = grown;
    for (place = days->count; place > 0 && grown[place - 1].number > day->number; place--) {
        grown[place] = grown[place - 1];
    }
    grown[place] = *day;
    days->count++;
    return PICKET_OK;
}

struct flow_day *flow_days_copy(struct flow_days *days, size_t *ret_count)
{
    struct flow_day *copy;

    pthread_mutex_lock(&days->lock);
    *ret_count = days->count;
    copy = malloc((days->count + 1) * sizeof(*copy));
    for (size_t i = 0; i < days->count && copy != NULL; i++) {
        copy[i] = days->days[days->count - 1 - i];
    }
    pthread_mutex_unlock(&days->lock);
    return copy;
}

bool flow_days_find(struct flow_days *days, int32_t number, struct flow_day *ret)
{
    const struct flow_day *day;

    pthread_mutex_lock(&days->lock);
    day = find_day(days, number);
    if (day != NULL) {
        *ret = *day;
    }
    pthread_mutex_unlock(&days->lock);
    return day != NULL;
}

bool flow_days_replace(struct flow_days *days, const struct flow_day *day)
{
    struct flow_day *former;

    pthread_mutex_lock(&days->lock);
    former = find_day(days, day->number);
    if (former != NULL) {
        *former = *day;
    }
    pthread_mutex_unlock(&days->lock);
    return former != NULL;
}

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

/* --- opening --- */

static void remove_file(const struct flow_days *days, int32_t number, const char *extension)
{
    char *path = flow_days_path(days, number, extension);

    if (path != NULL) {
        unlink(path); /* what stays is found again at the next start */
    }
    free(path);
}

void flow_days_remove_open(const struct flow_days *days, int32_t number)
{
    /* the log first: without its file it would be none */
    remove_file(days, number, FLOW_DAY_EXTENSION "-wal");
    remove_file(days, number, FLOW_DAY_EXTENSION "-shm");
    remove_file(days, number, FLOW_DAY_EXTENSION);
}

/* What is behind the number was committed in this file alone. */
static enum picket_status look_into_open(const char *path, int64_t number, struct flow_day *day,
                                         struct err *reterr)
{
    struct sqlite_store *file = NULL;
    struct flow_day_state state;
    enum picket_status status = flow_day_open(path, &file, reterr);

    if (status == PICKET_OK) {
        status = flow_day_get_state(file, &state, reterr);
    }
    if (status == PICKET_OK && state.number > number) {
        status = flow_day_forget(file, number, reterr);
    }
    sqlite_free(file);
    if (status == PICKET_OK) {
        day->span = state.span;
    }
    return status;
}

static enum picket_status look_into_sealed(const char *path, struct flow_day *day,
                                           struct err *reterr)
{
    struct flow_sealed *sealed = NULL;
    enum picket_status status = flow_sealed_open(path, &sealed, reterr);

    if (status == PICKET_OK) {
        day->span = flow_sealed_span(sealed);
    }
    flow_sealed_close(sealed);
    return status;
}

/* Of the forms in which a day may be there the one with the highest counts. */
static unsigned worth_of(const struct flow_day *day)
{
    if (day->is_damaged) {
        return day->is_aside ? 0 : day->is_sealed ? 1 : 2;
    }
    return day->is_sealed ? 4 : 3;
}

/* Where a day is there in both forms, the sealed one counts. */
static enum picket_status settle_forms(struct flow_days *days, const struct flow_day *day,
                                       struct err *reterr)
{
    struct flow_day *other = find_day(days, day->number);

    if (other == NULL) {
        return add_day(days, day, reterr);
    }
    if (worth_of(day) > worth_of(other)) {
        *other = *day;
    }
    return PICKET_OK;
}

/* Nobody knows more of it. */
static void give_up(struct flow_day *day)
{
    day->is_closed = true;
    day->is_damaged = true; /* who asks for its time is told, and nobody else */
    day->span = (struct flow_span){.start_us = day->number * FLOW_DAY_US,
                                   .end_us = (day->number + 1) * FLOW_DAY_US - 1};
}

static enum picket_status take_day(struct flow_days *days, struct flow_day *day, struct err *reterr)
{
    char *path = flow_days_path(days, day->number,
                                day->is_sealed ? FLOW_SEALED_EXTENSION : FLOW_DAY_EXTENSION);
    enum picket_status status;

    if (path == NULL) {
        return no_memory(reterr);
    }
    status = day->is_sealed ? look_into_sealed(path, day, reterr)
                            : look_into_open(path, atomic_load(&days->committed), day, reterr);
    free(path);
    day->is_closed = day->is_sealed;
    if (status == PICKET_E_MALFORMED) {
        give_up(day);
        status = PICKET_OK;
    }
    return status == PICKET_OK ? settle_forms(days, day, reterr) : status;
}

static enum picket_status take_file(struct flow_days *days, const char *name, struct err *reterr)
{
    struct flow_day day = {.is_sealed = false};

    if (parse_day(name, FLOW_SEALED_EXTENSION FLOW_SEALING_SUFFIX, &day.number)) {
        remove_file(days, day.number, FLOW_SEALED_EXTENSION FLOW_SEALING_SUFFIX);
        return PICKET_OK;
    }
    if (parse_day(name, FLOW_ASIDE_EXTENSION, &day.number)) {
        day.is_aside = true;
        give_up(&day);
        return settle_forms(days, &day, reterr);
    }
    day.is_sealed = parse_day(name, FLOW_SEALED_EXTENSION, &day.number);
    if (!day.is_sealed && !parse_day(name, FLOW_DAY_EXTENSION, &day.number)) {
        return PICKET_OK;
    }
    return take_day(days, &day, reterr);
}

static enum picket_status read_folder(struct flow_days *days, struct err *reterr)
{
    DIR *folder = opendir(days->folder);
    struct dirent *entry;
    enum picket_status status = PICKET_OK;

    if (folder == NULL) {
        return file_failure(days->folder, reterr);
    }
    while (status == PICKET_OK && (entry = readdir(folder)) != NULL) {
        status = take_file(days, entry->d_name, reterr);
    }
    closedir(folder);
    return status;
}

/* What sealing left of open days. A backup that reads them may be in the middle of one: then the
 * next start will do. */
static void remove_left_open(const struct flow_days *days)
{
    int hold = -1;

    if (folder_hold(days->folder, true, &hold, NULL) != PICKET_OK) {
        return;
    }
    for (size_t i = 0; i < days->count; i++) {
        if (days->days[i].is_sealed && !days->days[i].is_damaged) {
            flow_days_remove_open(days, days->days[i].number);
        }
    }
    folder_let_go(hold);
}

/* What can't be, because a backup reads them or nothing can be written, can wait. */
static void set_damaged_aside(struct flow_days *days)
{
    for (size_t i = 0; i < days->count; i++) {
        const struct flow_day *day = &days->days[i];

        if (day->is_damaged && !day->is_sealed && !day->is_aside) {
            (void)!flow_days_set_aside(days, day->number, NULL);
        }
    }
}

enum picket_status flow_days_open(const char *folder, int64_t number, struct flow_days **ret,
                                  struct err *reterr)
{
    struct flow_days *days = calloc(1, sizeof(*days));
    enum picket_status status = PICKET_E_NOMEM;

    if (days == NULL) {
        return no_memory(reterr);
    }
    pthread_mutex_init(&days->lock, NULL);
    lock_init_for_writers(&days->files);
    buf_init(&days->pack, FLOW_PACK_BYTES_MAX);
    atomic_init(&days->committed, number);
    days->folder = strdup(folder);
    if (days->folder == NULL) {
        status = no_memory(reterr);
        goto out;
    }
    status = folder_make(folder, reterr);
    if (status == PICKET_OK) {
        status = read_folder(days, reterr);
    }
    if (status == PICKET_OK) {
        remove_left_open(days);
        set_damaged_aside(days);
        *ret = days;
        days = NULL; /* moved */
    }
out:
    flow_days_close(days);
    return status;
}

void flow_days_close(struct flow_days *days)
{
    if (days == NULL) {
        return;
    }
    sqlite_free(days->writer);
    buf_deinit(&days->pack);
    pthread_rwlock_destroy(&days->files);
    pthread_mutex_destroy(&days->lock);
    free(days->days);
    free(days->folder);
    free(days);
}

uint64_t flow_days_count_damaged(struct flow_days *days)
{
    uint64_t count = 0;

    pthread_mutex_lock(&days->lock);
    for (size_t i = 0; i < days->count; i++) {
        count += days->days[i].is_damaged;
    }
    pthread_mutex_unlock(&days->lock);
    return count;
}

/* --- writing --- */

static enum picket_status take_back(struct flow_days *days, struct err *reterr)
{
    enum picket_status status =
        flow_day_forget(days->writer, atomic_load(&days->committed), reterr);

    if (status == PICKET_OK) {
        days->state = FLOW_IDLE;
    }
    return status;
}

enum picket_status flow_days_begin(struct flow_days *days, struct err *reterr)
{
    enum picket_status status = days->state == FLOW_AHEAD ? take_back(days, reterr) : PICKET_OK;

    if (status != PICKET_E_MALFORMED) {
        return status;
    }
    status = flow_days_set_aside(days, days->writer_day, reterr);
    if (status == PICKET_OK) {
        sqlite_free(days->writer);
        days->writer = NULL;
        days->state = FLOW_IDLE;
    }
    return status;
}

/* The first day that is not closed, from that of the receipt on. */
static int32_t choose_day(struct flow_days *days, int64_t received_us, bool *ret_is_known)
{
    int32_t number = day_of(received_us);
    const struct flow_day *day;

    pthread_mutex_lock(&days->lock);
    while ((day = find_day(days, number)) != NULL && day->is_closed) {
        number++;
    }
    pthread_mutex_unlock(&days->lock);
    *ret_is_known = day != NULL;
    return number;
}

static enum picket_status open_day(struct flow_days *days, int64_t received_us, struct err *reterr)
{
    bool is_known = false;
    struct flow_day day = {.number = choose_day(days, received_us, &is_known), .span = NOTHING};
    enum picket_status status = PICKET_OK;
    char *path;

    /* a clock that was ahead may have had the file taken away: it is made anew */
    if (days->writer != NULL && days->writer_day == day.number && is_known) {
        return PICKET_OK;
    }
    sqlite_free(days->writer);
    days->writer = NULL;
    path = flow_days_path(days, day.number, FLOW_DAY_EXTENSION);
    if (path == NULL) {
        return no_memory(reterr);
    }
    status = flow_day_open(path, &days->writer, reterr);
    free(path);
    if (status == PICKET_OK && !is_known) {
        pthread_mutex_lock(&days->lock);
        status = add_day(days, &day, reterr);
        pthread_mutex_unlock(&days->lock);
    }
    days->writer_day = day.number;
    return status;
}

/* All reports of a transaction go to one day: that of the first. */
static enum picket_status begin_day(struct flow_days *days, int64_t received_us, struct err *reterr)
{
    enum picket_status status = open_day(days, received_us, reterr);

    if (status == PICKET_OK) {
        status = sqlite_begin(days->writer, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    days->state = FLOW_BEGUN;
    days->last = atomic_load(&days->committed);
    days->span = NOTHING;
    return flow_day_start(days->writer, reterr);
}

/* Reports go to another day than one that is damaged: for as long as that is today, there would be
 * no room for any. */
static enum picket_status judge(struct flow_days *days, enum picket_status status)
{
    struct flow_day day;

    if (status == PICKET_E_MALFORMED && flow_days_find(days, days->writer_day, &day)) {
        day.is_closed = true;
        day.is_damaged = true;
        (void)flow_days_replace(days, &day);
    }
    return status;
}

static enum picket_status put(struct flow_days *days, const char *device,
                              const struct flow_report *report, struct err *reterr)
{
    struct flow_span span = flow_report_span(report);
    enum picket_status status = PICKET_OK;

    if (days->state == FLOW_IDLE) {
        status = begin_day(days, report->received_us, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    days->pack.length = 0; /* its memory is used again */
    flow_pack_write(&days->pack, report, 1);
    if (days->pack.is_failed) {
        buf_deinit(&days->pack);
        return no_memory(reterr);
    }
    status = flow_day_put(days->writer, device, days->last + 1, &span, &days->pack, reterr);
    if (status == PICKET_OK) {
        days->last++;
        flow_span_add(&days->span, span.start_us, span.end_us);
    }
    return status;
}

enum picket_status flow_days_put(struct flow_days *days, const char *device,
                                 const struct flow_report *report, struct err *reterr)
{
    return judge(days, put(days, device, report, reterr));
}

bool flow_days_is_touched(const struct flow_days *days, int64_t *ret_number)
{
    *ret_number = days->last;
    return days->state == FLOW_BEGUN;
}

enum picket_status flow_days_commit(struct flow_days *days, struct err *reterr)
{
    const struct flow_day_state state = {.number = days->last, .span = days->span};
    enum picket_status status = flow_day_put_state(days->writer, &state, reterr);

    if (status == PICKET_OK) {
        status = sqlite_commit(days->writer, reterr);
    }
    if (status == PICKET_OK) {
        days->state = FLOW_AHEAD;
    }
    return judge(days, status);
}

void flow_days_settle(struct flow_days *days)
{
    struct flow_day *day;

    if (days->state != FLOW_AHEAD) {
        return;
    }
    days->state = FLOW_IDLE;
    pthread_mutex_lock(&days->lock);
    day = find_day(days, days->writer_day);
    if (day != NULL) {
        flow_span_add(&day->span, days->span.start_us, days->span.end_us);
    }
    pthread_mutex_unlock(&days->lock);
    atomic_store(&days->committed, days->last);
}

void flow_days_rollback(struct flow_days *days)
{
    if (days->state == FLOW_BEGUN) {
        sqlite_rollback(days->writer);
        days->state = FLOW_IDLE;
    }
    if (days->state == FLOW_AHEAD) {
        (void)!take_back(days, NULL); /* if that can't be, begin tries again */
    }
}

/* --- the end of a day --- */

/* Takes the first day off the list if it was over before. */
static bool drop_expired(struct flow_days *days, int64_t before_us, int32_t *ret)
{
    bool is_expired;

    pthread_mutex_lock(&days->lock);
    is_expired = days->count > 0 && (days->days[0].number + 1) * FLOW_DAY_US <= before_us;
    if (is_expired) {
        *ret = days->days[0].number;
        days->count--;
        memmove(days->days, days->days + 1, days->count * sizeof(*days->days));
    }
    pthread_mutex_unlock(&days->lock);
    return is_expired;
}

void flow_days_expire(struct flow_days *days, int64_t before_us)
{
    int32_t number = 0;
    int hold = -1;

    if (folder_hold(days->folder, true, &hold, NULL) != PICKET_OK) {
        return; /* a backup reads them: the next time will do */
    }
    pthread_rwlock_wrlock(&days->files);
    while (drop_expired(days, before_us, &number)) {
        flow_days_remove_open(days, number);
        remove_file(days, number, FLOW_SEALED_EXTENSION);
        remove_file(days, number, FLOW_ASIDE_EXTENSION "-wal");
        remove_file(days, number, FLOW_ASIDE_EXTENSION);
    }
    pthread_rwlock_unlock(&days->files);
    folder_let_go(hold);
}
