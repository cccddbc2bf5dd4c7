/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup.h"
#include "app/backup_manifest.h"
#include "app/check.h"
#include "app/staging.h"
#include "base/err.h"
#include "base/file.h"

/* A folder that a service has is not empty, but that would be half the truth. */
static enum picket_status check_free(const char *data, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    char *path = NULL;
    int file = -1;

    if (asprintf(&path, "%s/lock", data) < 0) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    file = open(path, O_RDONLY | O_CLOEXEC);
    if (file >= 0 && flock(file, LOCK_EX | LOCK_NB) != 0) {
        err_set(reterr, "a service is running in %s: end it, and use an empty folder", data);
        status = PICKET_E_CONFLICT;
    }
    if (file >= 0) {
        close(file);
    }
    free(path);
    return status;
}

/* --- one file --- */

/* Folders on the way to a file. */
static enum picket_status make_folders(char *path, size_t root_length, struct err *reterr)
{
    for (char *end = strchr(path + root_length + 1, '/'); end != NULL; end = strchr(end + 1, '/')) {
        int made;

        *end = '\0';
        made = mkdir(path, 0700);
        *end = '/';
        if (made != 0 && errno != EEXIST) {
            return file_failure(path, reterr);
        }
    }
    return PICKET_OK;
}

static enum picket_status copy_checked(const char *from, const char *to,
                                       const struct backup_file *wanted, struct err *reterr)
{
    int file = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct digest digest;
    enum picket_status status;

    if (file < 0) {
        status = file_failure(from, reterr);
        if (errno == ENOENT) {
            err_set(reterr, "%s is missing: use another backup", from);
            status = PICKET_E_MALFORMED;
        }
        return status;
    }
    status = digest_copy(file, from, to, &digest, reterr);
    close(file);
    if (status == PICKET_OK && (digest.bytes != wanted->digest.bytes ||
                                strcmp(digest.sha256, wanted->digest.sha256) != 0)) {
        err_set(reterr, "%s is damaged: it is not what was backed up: use another backup", from);
        status = PICKET_E_MALFORMED;
    }
    return status;
}

static enum picket_status restore_file(const char *from_folder, const char *to_folder,
                                       const struct backup_file *wanted, struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;
    char *from = NULL, *to = NULL;

    if (asprintf(&from, "%s/%s", from_folder, wanted->name) < 0) {
        from = NULL;
    }
    if (asprintf(&to, "%s/%s", to_folder, wanted->name) < 0) {
        to = NULL;
    }
    if (from == NULL || to == NULL) {
        err_set(reterr, "out of memory");
        goto out;
    }
    status = make_folders(to, strlen(to_folder), reterr);
    if (status == PICKET_OK) {
        status = copy_checked(from, to, wanted, reterr);
    }
out:
    free(to);
    free(from);
    return status;
}

/* --- the whole --- */

static enum picket_status fill(const struct backup_manifest *manifest, const char *from,
                               const char *to, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < manifest->count && status == PICKET_OK; i++) {
        status = restore_file(from, to, &manifest->files[i], reterr);
    }
    return status == PICKET_OK ? check_copy(to, reterr) : status;
}

static enum picket_status read_manifest(const char *from, struct backup_manifest *ret,
                                        struct err *reterr)
{
    enum picket_status status = backup_manifest_read(from, ret, reterr);

    if (status == PICKET_E_NOTFOUND) {
        err_set(reterr, "%s is no whole backup: there is no " BACKUP_MANIFEST_NAME " in it", from);
    }
    return status;
}

enum picket_status backup_restore(const char *from, const char *data, struct backup_manifest *ret,
                                  struct err *reterr)
{
    struct backup_manifest manifest = {.count = 0};
    struct staging *staging = NULL;
    enum picket_status status = read_manifest(from, &manifest, reterr);

    if (status == PICKET_OK) {
        status = check_free(data, reterr);
    }
    if (status == PICKET_OK) {
        status = staging_new(data, from, &staging, reterr);
    }
    if (status == PICKET_OK) {
        status = fill(&manifest, from, staging_folder(staging), reterr);
    }
    if (status == PICKET_OK) {
        status = staging_finish(staging, reterr);
    }
    if (status == PICKET_OK) {
        *ret = manifest;
        manifest = (struct backup_manifest){.count = 0}; /* moved */
    }
    backup_manifest_deinit(&manifest);
    staging_free(staging);
    return status;
}
