/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static enum picket_status map_open(int file, const char *path, struct file_map *ret,
                                   struct err *reterr)
{
    struct stat about;
    void *bytes = NULL;

    if (fstat(file, &about) != 0) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    if (!S_ISREG(about.st_mode)) {
        err_set(reterr, "%s: can't be read: it is no file", path);
        return PICKET_E_IO;
    }
    if (about.st_size > 0) {
        bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    }
    if (bytes == MAP_FAILED) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    ret->bytes = bytes;
    ret->length = (size_t)about.st_size;
    return PICKET_OK;
}

enum picket_status file_map(const char *path, struct file_map *ret, struct err *reterr)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum picket_status status = PICKET_OK;

    if (file < 0) {
        status = errno == ENOENT ? PICKET_E_NOTFOUND : PICKET_E_IO;
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        return status;
    }
    status = map_open(file, path, ret, reterr);
    (void)close(file);
    return status;
}

void file_unmap(struct file_map *map)
{
    if (map->bytes != NULL) {
        (void)munmap((void *)(uintptr_t)map->bytes, map->length);
    }
    map->bytes = NULL;
    map->length = 0;
}

bool file_write_at(int file, const void *bytes, size_t length, size_t offset)
{
    const char *at = bytes;

    while (length > 0) {
        ssize_t written = pwrite(file, at, length, (off_t)offset);

        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        at += written;
        offset += (size_t)written;
        length -= (size_t)written;
    }
    return true;
}

enum picket_status file_sync_folder(const char *path, struct err *reterr)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int file = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_good = file >= 0 && fsync(file) == 0;

    if (!is_good) {
        err_set(reterr, "%s: %s", folder == NULL ? path : folder, strerror(errno));
    }
    if (file >= 0) {
        (void)close(file);
    }
    free(folder);
    return is_good ? PICKET_OK : PICKET_E_IO;
}
