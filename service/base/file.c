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

#include "base/buf.h"
#include "base/err.h"

#define READ_BYTES ((size_t)65536)

/** Opens a regular file. */
static enum picket_status open_file(const char *path, int *ret_file, size_t *ret_length,
                                    struct err *reterr)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum picket_status status = PICKET_E_IO;
    struct stat about;

    if (file < 0 || fstat(file, &about) != 0) {
        status = errno == ENOENT ? PICKET_E_NOTFOUND : PICKET_E_IO;
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        goto out;
    }
    if (!S_ISREG(about.st_mode)) {
        err_set(reterr, "%s: can't be read: it is no file", path);
        goto out;
    }
    *ret_file = file;
    *ret_length = (size_t)about.st_size;
    return PICKET_OK;
out:
    if (file >= 0) {
        (void)close(file);
    }
    return status;
}

static enum picket_status read_open(int file, const char *path, struct buf *content,
                                    struct err *reterr)
{
    char *piece = malloc(READ_BYTES);
    enum picket_status status = piece == NULL ? PICKET_E_NOMEM : PICKET_OK;
    ssize_t count = 1;

    while (status == PICKET_OK && count != 0) {
        count = read(file, piece, READ_BYTES);
        if (count < 0 && errno != EINTR) {
            status = PICKET_E_IO;
            err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        } else if (count > 0 && (size_t)count > content->bytes_max - content->length) {
            status = PICKET_E_LIMIT;
            err_set(reterr, "%s: larger than %zu bytes", path, content->bytes_max);
        } else if (count > 0) {
            buf_add(content, piece, (size_t)count);
            status = content->is_failed ? PICKET_E_NOMEM : PICKET_OK;
        }
    }
    if (status == PICKET_E_NOMEM) {
        err_set(reterr, "%s: out of memory", path);
    }
    if (piece != NULL) {
        explicit_bzero(piece, READ_BYTES); /* it may have held a secret */
    }
    free(piece);
    return status;
}

enum picket_status file_read(const char *path, struct buf *content, struct err *reterr)
{
    int file = -1;
    size_t length = 0;
    enum picket_status status = open_file(path, &file, &length, reterr);

    if (status == PICKET_OK) {
        status = read_open(file, path, content, reterr);
        (void)close(file);
    }
    return status;
}

enum picket_status file_map(const char *path, struct file_map *ret, struct err *reterr)
{
    int file = -1;
    size_t length = 0;
    void *bytes = NULL;
    enum picket_status status = open_file(path, &file, &length, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (length > 0) {
        bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    }
    if (bytes == MAP_FAILED) {
        err_set(reterr, "%s: can't be read: %s", path, strerror(errno));
        status = PICKET_E_IO;
    } else {
        *ret = (struct file_map){.bytes = bytes, .length = length};
    }
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

enum picket_status file_failure(const char *path, struct err *reterr)
{
    int cause = errno;
    bool is_full = cause == ENOSPC || cause == EDQUOT;

    err_set(reterr, "%s: %s%s", path, strerror(cause), is_full ? ": make room on the disk" : "");
    errno = cause;
    return is_full ? PICKET_E_FULL : PICKET_E_IO;
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
