/* SPDX-License-Identifier: MIT */
#include "app/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

struct staging {
    char *path;    /* where it is to be */
    char *partial; /* where it is being filled; NULL when it is in its place */
    int hold;      /* tells others that it is being filled */
};

/* --- all that is in a folder --- */

/** What is done with an entry; false with errno if it can't be. */
typedef bool entry_fn(const FTSENT *entry);

static bool remove_inside(const FTSENT *entry)
{
    return entry->fts_level == FTS_ROOTLEVEL || entry->fts_info == FTS_D ||
           remove(entry->fts_accpath) == 0;
}

static bool sync_entry(const FTSENT *entry)
{
    int folder = -1;
    bool is_synced = true;

    if (entry->fts_info == FTS_DP) {
        folder = open(entry->fts_accpath, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        is_synced = folder >= 0 && fsync(folder) == 0;
    }
    if (folder >= 0) {
        close(folder);
    }
    return is_synced;
}

static enum picket_status with_each(char *folder, entry_fn *fn, struct err *reterr)
{
    char *const paths[] = {folder, NULL};
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    enum picket_status status = PICKET_OK;
    const FTSENT *entry;

    if (tree == NULL) {
        return file_failure(folder, reterr);
    }
    while (status == PICKET_OK && (entry = fts_read(tree)) != NULL) {
        if (!fn(entry)) {
            status = file_failure(entry->fts_path, reterr);
        }
    }
    if (status == PICKET_OK && errno != 0) { /* not at its end */
        status = file_failure(folder, reterr);
    }
    fts_close(tree);
    return status;
}

/* --- beginning --- */

/* A folder can't be put in the place of one. */
static bool is_link(const char *path)
{
    struct stat about;

    return lstat(path, &about) == 0 && S_ISLNK(about.st_mode);
}

static enum picket_status check_place(const char *path, struct err *reterr)
{
    DIR *entries = NULL;
    size_t count = 0;

    if (is_link(path)) {
        err_set(reterr, "%s is a link: give the name that it leads to", path);
        return PICKET_E_CONFLICT;
    }
    entries = opendir(path);
    if (entries == NULL && errno == ENOENT) {
        return PICKET_OK;
    }
    if (entries == NULL && errno != ENOTDIR) {
        return file_failure(path, reterr);
    }
    if (entries != NULL) {
        while (readdir(entries) != NULL) {
            count++;
        }
        closedir(entries);
        if (count <= 2) { /* "." and ".." */
            return PICKET_OK;
        }
    }
    err_set(reterr, "%s is there and not an empty folder: give another name", path);
    return PICKET_E_CONFLICT;
}

static bool is_within(const char *path, const char *folder)
{
    size_t length = strlen(folder);

    return strcmp(folder, "/") == 0 ||
           (strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0'));
}

/* Where the last part is not there, the folder that it is to be in must be. NULL with errno if not.
 */
static char *resolve(const char *path)
{
    char *real = realpath(path, NULL);
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? path : slash + 1;
    char *folder = NULL;
    char *joined = NULL;

    if (real != NULL || errno != ENOENT) {
        return real;
    }
    folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(name - path));
    real = folder == NULL ? NULL : realpath(folder, NULL);
    if (real != NULL && asprintf(&joined, "%s/%s", real, name) < 0) {
        joined = NULL;
    }
    free(real);
    free(folder);
    return joined;
}

/* What is copied into itself never ends, and what an interruption left there would be taken away.
 */
static enum picket_status check_apart(const char *from, const char *place, struct err *reterr)
{
    char *real_from = realpath(from, NULL);
    char *real_place = real_from == NULL ? NULL : resolve(place);
    enum picket_status status = PICKET_OK;

    if (real_place == NULL) {
        status = file_failure(real_from == NULL ? from : place, reterr);
    } else if (is_within(real_place, real_from) || is_within(real_from, real_place)) {
        err_set(reterr, "%s can't be copied to %s: one is in the other: give another place", from,
                place);
        status = PICKET_E_ARG;
    }
    free(real_place);
    free(real_from);
    return status;
}

static void free_parts(struct staging *staging)
{
    if (staging->hold >= 0) {
        close(staging->hold);
    }
    free(staging->partial);
    free(staging->path);
    free(staging);
}

/* NULL if memory is out. */
static struct staging *make_staging(const char *path)
{
    struct staging *staging = calloc(1, sizeof(*staging));
    size_t length = strlen(path);

    if (staging == NULL) {
        return NULL;
    }
    while (length > 1 && path[length - 1] == '/') {
        length--;
    }
    staging->hold = -1;
    staging->path = strndup(path, length);
    if (asprintf(&staging->partial, "%.*s.partial", (int)length, path) < 0) {
        staging->partial = NULL;
    }
    if (staging->path == NULL || staging->partial == NULL) {
        free_parts(staging);
        return NULL;
    }
    return staging;
}

/* What another user made, or others may write to, is no place for keys; and what does not look as
 * staging_new() makes it is not to be taken away. */
static bool is_own(int folder)
{
    struct stat about;

    return fstat(folder, &about) == 0 && about.st_uid == geteuid() && (about.st_mode & 077) == 0;
}

static enum picket_status open_folder(struct staging *staging, struct err *reterr)
{
    bool is_made = mkdir(staging->partial, 0700) == 0;

    if (!is_made && errno != EEXIST) {
        return file_failure(staging->partial, reterr);
    }
    staging->hold = open(staging->partial, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (is_made && staging->hold < 0) {
        return file_failure(staging->partial, reterr);
    }
    if (!is_made && (staging->hold < 0 || !is_own(staging->hold))) {
        err_set(reterr, "%s is in the way, and not what an interruption left: move it away",
                staging->partial);
        return PICKET_E_CONFLICT;
    }
    return PICKET_OK;
}

/* Takes the folder for this process, and takes away what is in it: an interruption left that. */
static enum picket_status take_folder(struct staging *staging, struct err *reterr)
{
    enum picket_status status = open_folder(staging, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (flock(staging->hold, LOCK_EX | LOCK_NB) == 0) {
        return with_each(staging->partial, remove_inside, reterr);
    }
    if (errno != EWOULDBLOCK) {
        return file_failure(staging->partial, reterr);
    }
    err_set(reterr, "another process is writing %s", staging->partial);
    return PICKET_E_CONFLICT;
}

enum picket_status staging_new(const char *path, const char *from, struct staging **ret,
                               struct err *reterr)
{
    struct staging *staging = make_staging(path);
    enum picket_status status;

    if (staging == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = check_place(staging->path, reterr);
    if (status == PICKET_OK) {
        status = check_apart(from, staging->path, reterr);
    }
    if (status == PICKET_OK) {
        status = check_apart(from, staging->partial, reterr);
    }
    if (status == PICKET_OK) {
        status = take_folder(staging, reterr);
    }
    if (status != PICKET_OK) {
        free_parts(staging); /* the folder is another's */
        return status;
    }
    *ret = staging;
    return PICKET_OK;
}

const char *staging_folder(const struct staging *staging)
{
    return staging->partial;
}

/* --- the end --- */

enum picket_status staging_finish(struct staging *staging, struct err *reterr)
{
    enum picket_status status = with_each(staging->partial, sync_entry, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (rename(staging->partial, staging->path) != 0) {
        status = file_failure(staging->path, reterr);
        if (errno == EBUSY) {
            err_set(reterr, "%s is where a file system is mounted: use a folder in it",
                    staging->path);
        }
        return status;
    }
    free(staging->partial);
    staging->partial = NULL;
    return file_sync_folder(staging->path, reterr);
}

void staging_free(struct staging *staging)
{
    if (staging == NULL) {
        return;
    }
    if (staging->partial != NULL) {
        (void)!with_each(staging->partial, remove_inside, NULL);
        (void)rmdir(staging->partial);
    }
    free_parts(staging);
}
