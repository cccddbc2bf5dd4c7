/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "intel/image_parts.h"

#define WRITE_BYTES_MAX (1u << 30) /* at a time */

static enum picket_status explain(struct err *reterr, const char *path, const char *doing)
{
    int error = errno;

    err_set(reterr, "%s: can't be %s: %s", path, doing, strerror(error));
    return error == ENOENT                      ? PICKET_E_NOTFOUND
           : error == ENOSPC || error == EDQUOT ? PICKET_E_FULL
                                                : PICKET_E_IO;
}

/* --- writing --- */

static bool write_all(int descriptor, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count =
            write(descriptor, bytes, length < WRITE_BYTES_MAX ? length : WRITE_BYTES_MAX);

        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return false;
        }
        bytes += count;
        length -= (size_t)count;
    }
    return true;
}

/** Makes sure that a name in the folder of @p path outlives a power cut. */
static bool sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
    int descriptor = folder == NULL ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = descriptor >= 0 && fsync(descriptor) == 0;

    if (descriptor >= 0) {
        close(descriptor);
    }
    free(folder);
    return is_synced;
}

enum picket_status image_write(const struct image *image, const char *path, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    char *beside = NULL;
    int descriptor = -1;

    /* one writer a path, so that what a crash left behind is written over and does not pile up */
    if (asprintf(&beside, "%s.new", path) < 0) {
        err_set(reterr, "%s: can't be written: out of memory", path);
        return PICKET_E_NOMEM;
    }
    descriptor = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0 || !write_all(descriptor, image->bytes, image->header->length) ||
        fsync(descriptor) != 0) {
        status = explain(reterr, beside, "written");
        goto out;
    }
    if (rename(beside, path) != 0 || !sync_folder(path)) {
        status = explain(reterr, path, "put in place");
    }
out:
    if (descriptor >= 0) {
        close(descriptor);
    }
    if (status != PICKET_OK) {
        unlink(beside);
    }
    free(beside);
    return status;
}

/* --- opening --- */

enum picket_status image_open(const char *path, struct image **ret, struct err *reterr)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    enum picket_status status;
    void *bytes = MAP_FAILED;
    struct stat found;

    if (descriptor < 0 || fstat(descriptor, &found) != 0) {
        status = explain(reterr, path, "opened");
        goto out;
    }
    if (!S_ISREG(found.st_mode) || found.st_size < (off_t)sizeof(struct layout_header)) {
        err_set(reterr, "%s: not an indicator snapshot: too short", path);
        status = PICKET_E_MALFORMED;
        goto out;
    }
    bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, descriptor, 0);
    if (bytes == MAP_FAILED) {
        status = explain(reterr, path, "mapped");
        goto out;
    }
    status = image_check(bytes, (size_t)found.st_size, IMAGE_MAPPED, ret, reterr);
    if (status != PICKET_OK) {
        err_prefix(reterr, "%s", path);
    }
out:
    if (status != PICKET_OK && bytes != MAP_FAILED) {
        munmap(bytes, (size_t)found.st_size);
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return status;
}

enum picket_status image_open_bytes(const uint8_t *bytes, size_t length, struct image **ret,
                                    struct err *reterr)
{
    return image_check(bytes, length, IMAGE_BORROWED, ret, reterr);
}
