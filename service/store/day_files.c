/* SPDX-License-Identifier: MIT */
#include "store/day_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "store/flow_days_inside.h"
#include "store/folder.h"

#define FOLDER "flows"

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

static int has_extension(const struct dirent *entry, const char *extension)
{
    size_t length = strlen(entry->d_name);
    size_t extension_length = strlen(extension);

    return entry->d_name[0] != '.' && length > extension_length &&
           strcmp(entry->d_name + length - extension_length, extension) == 0;
}

static int is_database(const struct dirent *entry)
{
    return has_extension(entry, FLOW_DAY_EXTENSION);
}

static int is_aside(const struct dirent *entry)
{
    return has_extension(entry, FLOW_ASIDE_EXTENSION);
}

static enum picket_status list(const char *folder, int (*is_wanted)(const struct dirent *entry),
                               struct dirent ***ret, int *ret_count, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    char *path = NULL;
    int count = -1;

    if (asprintf(&path, "%s/" FOLDER, folder) < 0) {
        return no_memory(reterr);
    }
    count = scandir(path, ret, is_wanted, alphasort);
    if (count >= 0) {
        *ret_count = count;
    } else if (errno != ENOENT) {
        status = file_failure(path, reterr);
    }
    free(path);
    return status;
}

static enum picket_status each(const char *folder, int (*is_wanted)(const struct dirent *entry),
                               day_file_fn *fn, void *context, struct err *reterr)
{
    struct dirent **entries = NULL;
    int count = 0;
    enum picket_status status = list(folder, is_wanted, &entries, &count, reterr);

    for (int i = 0; i < count; i++) {
        char *name = NULL;

        if (status == PICKET_OK && asprintf(&name, FOLDER "/%s", entries[i]->d_name) < 0) {
            name = NULL;
            status = no_memory(reterr);
        }
        if (status == PICKET_OK) {
            status = fn(context, name, reterr);
        }
        free(name);
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum picket_status day_files_each(const char *folder, day_file_fn *fn, void *context,
                                  struct err *reterr)
{
    return each(folder, is_database, fn, context, reterr);
}

enum picket_status day_files_each_aside(const char *folder, day_file_fn *fn, void *context,
                                        struct err *reterr)
{
    return each(folder, is_aside, fn, context, reterr);
}

bool day_files_is_open(const char *name)
{
    return strlen(name) == strlen(FOLDER "/2026-11-25" FLOW_DAY_EXTENSION);
}

bool day_files_is_sealed(const char *name)
{
    return strlen(name) == strlen(FOLDER "/2026-11-25" FLOW_SEALED_EXTENSION);
}

enum picket_status day_files_hold(const char *folder, int *ret_hold, struct err *reterr)
{
    enum picket_status status;
    char *path = NULL;
    int hold = -1;

    if (asprintf(&path, "%s/" FOLDER, folder) < 0) {
        return no_memory(reterr);
    }
    status = folder_hold(path, false, &hold, reterr);
    free(path);
    if (status != PICKET_OK && status != PICKET_E_NOTFOUND) {
        return status;
    }
    *ret_hold = hold;
    return PICKET_OK;
}
