/* SPDX-License-Identifier: MIT */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

enum picket_status folder_make(const char *folder, struct err *reterr)
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

enum picket_status folder_open_file(const char *path, int *ret_file, struct err *reterr)
{
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (file < 0) {
        return file_failure(path, reterr);
    }
    *ret_file = file;
    return PICKET_OK;
}

bool folder_has(const char *folder, const char *name)
{
    char *path = NULL;
    bool is_there;

    if (asprintf(&path, "%s/%s", folder, name) < 0) {
        return false;
    }
    is_there = access(path, F_OK) == 0;
    free(path);
    return is_there;
}

enum picket_status folder_hold(const char *folder, bool takes_away, int *ret_hold,
                               struct err *reterr)
{
    int hold = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum picket_status status;

    if (hold >= 0 && flock(hold, takes_away ? LOCK_EX | LOCK_NB : LOCK_SH) == 0) {
        *ret_hold = hold;
        return PICKET_OK;
    }
    status = errno == ENOENT        ? PICKET_E_NOTFOUND
             : errno == EWOULDBLOCK ? PICKET_E_CONFLICT
                                    : PICKET_E_IO;
    err_set(reterr, "%s: %s", folder, strerror(errno));
    folder_let_go(hold);
    return status;
}

void folder_let_go(int hold)
{
    if (hold >= 0) {
        close(hold); /* the lock goes with it */
    }
}
