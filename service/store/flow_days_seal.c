/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/flow_days.h"
#include "store/flow_days_inside.h"
#include "store/flow_seal.h"
#include "store/folder.h"

bool flow_days_find_over(struct flow_days *days, int32_t after, int64_t before_us, int32_t *ret)
{
    const struct flow_day *found = NULL;

    pthread_mutex_lock(&days->lock);
    for (size_t i = 0; i < days->count && found == NULL; i++) {
        const struct flow_day *day = &days->days[i];

        if (day->number > after && !day->is_sealed && !day->is_damaged &&
            (day->number + 1) * FLOW_DAY_US <= before_us) {
            found = day;
            *ret = day->number;
        }
    }
    pthread_mutex_unlock(&days->lock);
    return found != NULL;
}

void flow_days_end(struct flow_days *days, int32_t number, struct sqlite_store **ret)
{
    struct flow_day day;

    if (flow_days_find(days, number, &day)) {
        day.is_closed = true;
        (void)flow_days_replace(days, &day);
    }
    *ret = NULL;
    if (days->writer != NULL && days->writer_day == number) {
        *ret = days->writer;
        days->writer = NULL;
    }
}

/* What is left of the disk is for reports that come: a day is not sealed unless there is room for
 * all of it once more, though it takes a fraction. */
static enum picket_status check_room(const struct flow_days *days, const char *path,
                                     struct err *reterr)
{
    struct statvfs disk;
    struct stat about;

    if (stat(path, &about) != 0 || statvfs(days->folder, &disk) != 0) {
        return file_failure(path, reterr);
    }
    if ((uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)about.st_size) {
        err_set(reterr, "%s: there is no room for it as a sealed day: make room on the disk", path);
        return PICKET_E_FULL;
    }
    return PICKET_OK;
}

/* It would be work for nothing, again and again, as long as a backup reads them. */
static enum picket_status check_held(const struct flow_days *days, struct err *reterr)
{
    int hold = -1;
    enum picket_status status = folder_hold(days->folder, true, &hold, reterr);

    folder_let_go(hold);
    return status;
}

/* From here on listings read the sealed day. It may be gone: it can expire meanwhile. */
static enum picket_status swap(struct flow_days *days, int32_t number, const char *beside,
                               const char *path, struct err *reterr)
{
    struct flow_day day;
    enum picket_status status = PICKET_OK;

    pthread_rwlock_wrlock(&days->files);
    if (!flow_days_find(days, number, &day)) {
        unlink(beside);
        goto out;
    }
    if (rename(beside, path) != 0) {
        status = file_failure(path, reterr);
        goto out;
    }
    status = file_sync_folder(path, reterr);
    if (status == PICKET_OK) {
        day.is_sealed = true;
        (void)flow_days_replace(days, &day);
    }
out:
    pthread_rwlock_unlock(&days->files);
    return status;
}

static enum picket_status seal(struct flow_days *days, int32_t number, const char *beside,
                               store_goes_on_fn *goes_on, void *context, struct err *reterr)
{
    char *open_path = flow_days_path(days, number, FLOW_DAY_EXTENSION);
    char *path = flow_days_path(days, number, FLOW_SEALED_EXTENSION);
    enum picket_status status = PICKET_E_NOMEM;
    int hold = -1;

    if (open_path == NULL || path == NULL) {
        err_set(reterr, "out of memory");
        goto out;
    }
    status = check_held(days, reterr);
    if (status == PICKET_OK) {
        status = check_room(days, open_path, reterr);
    }
    if (status == PICKET_OK) {
        status =
            flow_seal(open_path, atomic_load(&days->committed), beside, goes_on, context, reterr);
    }
    if (status == PICKET_OK) {
        status = folder_hold(days->folder, true, &hold, reterr); /* one may have begun */
    }
    if (status == PICKET_OK) {
        status = swap(days, number, beside, path, reterr);
    }
    if (status == PICKET_OK) {
        flow_days_remove_open(days, number);
    }
out:
    folder_let_go(hold);
    free(open_path);
    free(path);
    return status;
}

enum picket_status flow_days_seal(struct flow_days *days, int32_t number, store_goes_on_fn *goes_on,
                                  void *context, struct err *reterr)
{
    char *beside = flow_days_path(days, number, FLOW_SEALED_EXTENSION FLOW_SEALING_SUFFIX);
    struct flow_day day;
    enum picket_status status;

    if (beside == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    unlink(beside); /* what a failure left */
    status = seal(days, number, beside, goes_on, context, reterr);
    if (status != PICKET_OK) {
        unlink(beside);
    }
    if (status == PICKET_E_MALFORMED && flow_days_find(days, number, &day)) {
        day.is_damaged = true;
        (void)flow_days_replace(days, &day);
    }
    free(beside);
    return status;
}
