/* SPDX-License-Identifier: MIT */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"

enum picket_status folder_failure(const char *path, struct err *reterr)
{
    bool is_full = errno == ENOSPC || errno == EDQUOT;

    err_set(reterr, "%s: %s", path, strerror(errno));
    return is_full ? PICKET_E_FULL : PICKET_E_IO;
}

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
            status = folder_failure(path, reterr);
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
        return folder_failure(path, reterr);
    }
    *ret_file = file;
    return PICKET_OK;
}
