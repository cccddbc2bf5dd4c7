/* SPDX-License-Identifier: MIT */
#include "app/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/backup_manifest.h"
#include "app/check.h"
#include "app/staging.h"
#include "base/err.h"
#include "base/file.h"
#include "base/time.h"
#include "store/backup.h"

#define FILES_MAX 512u /* open at a time; a data folder has a dozen */
#define LOOKS_MAX 100u
#define FEEDS     "feeds" /* where an operator puts files for feeds */

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory");
    return PICKET_E_NOMEM;
}

/* --- files of the folder, held open: they can go, or be replaced, and are still there --- */

struct open_file {
    char name[NAME_MAX + 1];
    dev_t device;
    ino_t inode;
    int file;
};

struct open_files {
    const char *folder;
    struct open_file items[FILES_MAX];
    size_t count;
    bool is_changed; /* since the look before */
};

/* The store copies its own, and no other process needs what a crash or a repair left. A backup that
 * was copied by hand has a manifest, of which this one's own takes the place. */
static bool is_wanted(const char *name)
{
    static const char *const prefixes[] = {".", "picket.db"};
    static const char *const endings[] = {".new", ".damaged", ".partial"};
    size_t length = strlen(name);

    if (strcmp(name, "lock") == 0 || strcmp(name, BACKUP_MANIFEST_NAME) == 0) {
        return false;
    }
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t ending = strlen(endings[i]);

        if (length > ending && strcmp(name + length - ending, endings[i]) == 0) {
            return false;
        }
    }
    return true;
}

static struct open_file *find_file(struct open_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++) {
        if (strcmp(files->items[i].name, name) == 0) {
            return &files->items[i];
        }
    }
    return NULL;
}

/* Takes the open file @p found in the place of the one of that name, unless it is the same. */
static enum picket_status keep_file(struct open_files *files, const struct open_file *found,
                                    struct err *reterr)
{
    struct open_file *known = find_file(files, found->name);

    if (known != NULL && known->inode == found->inode && known->device == found->device) {
        close(found->file);
        return PICKET_OK;
    }
    files->is_changed = true;
    if (known != NULL) {
        close(known->file);
        *known = *found;
        return PICKET_OK;
    }
    if (files->count == FILES_MAX) {
        close(found->file);
        err_set(reterr, "%s: more than %u files: is it a data folder?", files->folder, FILES_MAX);
        return PICKET_E_LIMIT;
    }
    files->items[files->count++] = *found;
    return PICKET_OK;
}

static enum picket_status look_at(struct open_files *files, int folder, const char *name,
                                  struct err *reterr)
{
    struct open_file found = {
        .file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)};
    struct stat about;

    if (found.file < 0 && (errno == ENOENT || errno == ELOOP)) {
        return PICKET_OK; /* gone since it was listed, or none of ours */
    }
    if (found.file < 0) {
        return file_failure(name, reterr);
    }
    if (fstat(found.file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(found.file); /* a folder, or what else is none of ours */
        return PICKET_OK;
    }
    snprintf(found.name, sizeof(found.name), "%s", name);
    found.device = about.st_dev;
    found.inode = about.st_ino;
    return keep_file(files, &found, reterr);
}

/* Opens what is there now. What was there and is gone stays open. */
static enum picket_status look(struct open_files *files, struct err *reterr)
{
    DIR *entries = opendir(files->folder);
    enum picket_status status = PICKET_OK;
    const struct dirent *entry;

    if (entries == NULL) {
        return file_failure(files->folder, reterr);
    }
    files->is_changed = false;
    while (status == PICKET_OK && (entry = readdir(entries)) != NULL) {
        if (is_wanted(entry->d_name)) {
            status = look_at(files, dirfd(entries), entry->d_name, reterr);
        }
    }
    closedir(entries);
    return status;
}

/* Two looks that saw the same say that it all was there at once, between them. */
static enum picket_status look_until_same(struct open_files *files, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    size_t looks = 0;

    do {
        status = look(files, reterr);
    } while (status == PICKET_OK && files->is_changed && ++looks < LOOKS_MAX);
    if (status == PICKET_OK && files->is_changed) {
        err_set(reterr, "%s: its files change all the time: try again", files->folder);
        status = PICKET_E_IO;
    }
    return status;
}

static enum picket_status copy_open_files(const struct open_files *files, const char *to,
                                          struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < files->count && status == PICKET_OK; i++) {
        const struct open_file *item = &files->items[i];
        struct digest digest;
        char *path = NULL;

        if (asprintf(&path, "%s/%s", to, item->name) < 0) {
            return no_memory(reterr);
        }
        status = digest_copy(item->file, item->name, path, &digest, reterr);
        free(path);
    }
    return status;
}

static void close_files(struct open_files *files)
{
    for (size_t i = 0; files != NULL && i < files->count; i++) {
        close(files->items[i].file);
    }
    free(files);
}

/* --- files for feeds: they are the operator's, who changes them when he likes --- */

static enum picket_status copy_by_name(const char *from, const char *to, struct err *reterr)
{
    int file = open(from, O_RDONLY | O_CLOEXEC);
    struct digest digest;
    enum picket_status status;

    if (file < 0) {
        return errno == ENOENT ? PICKET_OK
                               : file_failure(from, reterr); /* gone since it was listed */
    }
    status = digest_copy(file, from, to, &digest, reterr);
    close(file);
    return status;
}

static enum picket_status copy_entry(const FTSENT *entry, const char *name, const char *to,
                                     struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    char *path = NULL;

    if (asprintf(&path, "%s/%s", to, name) < 0) {
        return no_memory(reterr);
    }
    if (entry->fts_info == FTS_D && mkdir(path, 0700) != 0) {
        status = file_failure(path, reterr);
    } else if (entry->fts_info == FTS_F) {
        status = copy_by_name(entry->fts_path, path, reterr);
    } else if (entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR) {
        errno = entry->fts_errno;
        status = file_failure(entry->fts_path, reterr);
    }
    free(path);
    return status;
}

static enum picket_status copy_feeds(const char *data, const char *to, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    const FTSENT *entry;
    char *path = NULL;
    FTS *tree = NULL;

    if (asprintf(&path, "%s/" FEEDS, data) < 0) {
        return no_memory(reterr);
    }
    char *const paths[] = {path, NULL};

    tree = access(path, F_OK) == 0 ? fts_open(paths, FTS_LOGICAL | FTS_NOCHDIR, NULL) : NULL;
    while (tree != NULL && status == PICKET_OK && (entry = fts_read(tree)) != NULL) {
        status = copy_entry(entry, entry->fts_path + strlen(data) + 1, to, reterr);
    }
    if (tree != NULL && status == PICKET_OK && errno != 0) { /* not at its end */
        status = file_failure(path, reterr);
    }
    if (tree != NULL) {
        fts_close(tree);
    }
    free(path);
    return status;
}

/* --- the whole --- */

static enum picket_status fill(struct open_files *files, const char *to, struct err *reterr)
{
    struct store_backup *store = NULL;
    enum picket_status status = look(files, reterr);

    if (status == PICKET_OK) {
        status = store_backup_begin(files->folder, &store, reterr);
    }
    if (status == PICKET_OK) {
        status = look_until_same(files, reterr);
    }
    if (status == PICKET_OK) {
        status = store_backup_write(store, to, reterr);
    }
    store_backup_end(store);
    if (status == PICKET_OK) {
        status = copy_open_files(files, to, reterr);
    }
    return status == PICKET_OK ? copy_feeds(files->folder, to, reterr) : status;
}

static enum picket_status add_manifest(const char *to, const char *version, int64_t made_us,
                                       struct backup_manifest *ret, struct err *reterr)
{
    enum picket_status status = backup_manifest_take(to, ret, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    snprintf(ret->version, sizeof(ret->version), "%s", version);
    ret->made_us = made_us;
    return backup_manifest_write(ret, to, reterr);
}

enum picket_status backup_make(const char *data, const char *to, const char *version,
                               struct backup_manifest *ret, struct err *reterr)
{
    struct open_files *files = calloc(1, sizeof(*files));
    struct backup_manifest manifest = {.count = 0};
    struct staging *staging = NULL;
    int64_t made_us = time_now_us();
    enum picket_status status = PICKET_E_NOMEM;

    if (files == NULL) {
        return no_memory(reterr);
    }
    files->folder = data;
    status = staging_new(to, data, &staging, reterr);
    if (status == PICKET_OK) {
        status = fill(files, staging_folder(staging), reterr);
    }
    if (status == PICKET_OK) {
        status = check_copy(staging_folder(staging), reterr);
    }
    if (status == PICKET_OK) {
        status = add_manifest(staging_folder(staging), version, made_us, &manifest, reterr);
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
    close_files(files);
    return status;
}
