/* SPDX-License-Identifier: MIT */
/* A day whose file can't be trusted is put aside under another name, and never read again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "store/flow_days.h"
#include "store/flow_days_inside.h"
#include "store/folder.h"

#define LOG_SUFFIX "-wal" /* of a database's name */

/* One that is not there is none the worse. */
static enum picket_status rename_file(const char *path, const char *aside, struct err *reterr)
{
    if (path == NULL || aside == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    return rename(path, aside) == 0 || errno == ENOENT ? PICKET_OK : file_failure(path, reterr);
}

static enum picket_status rename_day(const struct flow_days *days, int32_t number,
                                     struct err *reterr)
{
    char *path = flow_days_path(days, number, FLOW_DAY_EXTENSION);
    char *path_aside = flow_days_path(days, number, FLOW_ASIDE_EXTENSION);
    char *log = flow_days_path(days, number, FLOW_DAY_EXTENSION LOG_SUFFIX);
    char *log_aside = flow_days_path(days, number, FLOW_ASIDE_EXTENSION LOG_SUFFIX);
    /* the log last: without it the file would look as if it were whole */
    enum picket_status status = rename_file(path, path_aside, reterr);

    if (status == PICKET_OK) {
        status = rename_file(log, log_aside, reterr);
    }
    if (status == PICKET_OK) {
        flow_days_remove_open(days, number); /* what else there is of it */
        status = file_sync_folder(path, reterr);
    }
    free(log_aside);
    free(log);
    free(path_aside);
    free(path);
    return status;
}

enum picket_status flow_days_set_aside(struct flow_days *days, int32_t number, struct err *reterr)
{
    struct flow_day day;
    int hold = -1;
    enum picket_status status = folder_hold(days->folder, true, &hold, reterr);

    if (status != PICKET_OK) {
        return status; /* a backup reads them: the next time will do */
    }
    pthread_rwlock_wrlock(&days->files);
    status = rename_day(days, number, reterr);
    if (status == PICKET_OK && flow_days_find(days, number, &day)) {
        day.is_closed = true;
        day.is_damaged = true;
        day.is_aside = true;
        (void)flow_days_replace(days, &day);
    }
    pthread_rwlock_unlock(&days->files);
    folder_let_go(hold);
    return status;
}
