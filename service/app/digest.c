/* SPDX-License-Identifier: MIT */
#include "app/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

#define PIECE_BYTES ((size_t)1 << 20)
/* So much goes to the disk at a time: who commits meanwhile waits for no more. */
#define SYNC_BYTES ((uint64_t)16 << 20)

/** A file that is gone through. */
struct pass {
    int from;
    const char *from_name;
    int to; /* -1: it is only read */
    const char *to_name;
    uint8_t *piece;
    EVP_MD_CTX *digest;
    uint64_t bytes;
};

static enum picket_status take_piece(struct pass *pass, size_t count, struct err *reterr)
{
    EVP_DigestUpdate(pass->digest, pass->piece, count);
    if (pass->to >= 0 && !file_write_at(pass->to, pass->piece, count, (size_t)pass->bytes)) {
        return file_failure(pass->to_name, reterr);
    }
    if (pass->to >= 0 && (pass->bytes + count) / SYNC_BYTES != pass->bytes / SYNC_BYTES &&
        fdatasync(pass->to) != 0) {
        return file_failure(pass->to_name, reterr);
    }
    pass->bytes += count;
    return PICKET_OK;
}

/* Up to the length that the file has at the beginning. */
static enum picket_status go_through(struct pass *pass, struct err *reterr)
{
    enum picket_status status = PICKET_OK;
    struct stat about;

    if (fstat(pass->from, &about) != 0) {
        return file_failure(pass->from_name, reterr);
    }
    while (status == PICKET_OK && pass->bytes < (uint64_t)about.st_size) {
        uint64_t left = (uint64_t)about.st_size - pass->bytes;
        ssize_t count = pread(pass->from, pass->piece, left < PIECE_BYTES ? left : PIECE_BYTES,
                              (off_t)pass->bytes);

        if (count < 0) {
            return file_failure(pass->from_name, reterr);
        }
        if (count == 0) {
            return PICKET_OK; /* it became shorter */
        }
        status = take_piece(pass, (size_t)count, reterr);
    }
    return status;
}

static void tell(struct pass *pass, struct digest *ret)
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    EVP_DigestFinal_ex(pass->digest, bytes, &length);
    ret->bytes = pass->bytes;
    for (unsigned i = 0; i < length && 2 * i + 2 < DIGEST_TEXT_MAX; i++) {
        snprintf(ret->sha256 + 2 * (size_t)i, 3, "%02x", bytes[i]);
    }
}

/* What can't be written to has nothing that is not on the disk: a backup may lie there. */
static bool is_synced(const struct pass *pass)
{
    return pass->to >= 0 ? fsync(pass->to) == 0
                         : fsync(pass->from) == 0 || errno == EINVAL || errno == EROFS;
}

static enum picket_status run(struct pass *pass, struct digest *ret, struct err *reterr)
{
    enum picket_status status = PICKET_E_NOMEM;

    pass->piece = malloc(PIECE_BYTES);
    pass->digest = EVP_MD_CTX_new();
    if (pass->piece == NULL || pass->digest == NULL ||
        EVP_DigestInit_ex(pass->digest, EVP_sha256(), NULL) != 1) {
        err_set(reterr, "out of memory");
        goto out;
    }
    status = go_through(pass, reterr);
    if (status == PICKET_OK && !is_synced(pass)) {
        status = file_failure(pass->to >= 0 ? pass->to_name : pass->from_name, reterr);
    }
    if (status == PICKET_OK) {
        tell(pass, ret);
    }
out:
    EVP_MD_CTX_free(pass->digest);
    free(pass->piece);
    return status;
}

enum picket_status digest_file(const char *path, struct digest *ret, struct err *reterr)
{
    struct pass pass = {.from_name = path, .to = -1};
    enum picket_status status;

    pass.from = open(path, O_RDONLY | O_CLOEXEC);
    if (pass.from < 0) {
        status = file_failure(path, reterr);
        return errno == ENOENT ? PICKET_E_NOTFOUND : status;
    }
    status = run(&pass, ret, reterr);
    close(pass.from);
    return status;
}

static enum picket_status read_back(const char *path, const struct digest *written,
                                    struct err *reterr)
{
    struct digest digest = {.bytes = 0};
    enum picket_status status = digest_file(path, &digest, reterr);

    if (status == PICKET_OK &&
        (digest.bytes != written->bytes || strcmp(digest.sha256, written->sha256) != 0)) {
        err_set(reterr, "%s: what is read is not what was written: use another disk", path);
        status = PICKET_E_IO;
    }
    return status;
}

enum picket_status digest_copy(int from, const char *from_name, const char *to, struct digest *ret,
                               struct err *reterr)
{
    struct pass pass = {.from = from, .from_name = from_name, .to_name = to};
    struct digest digest = {.bytes = 0};
    enum picket_status status;

    pass.to = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (pass.to < 0) {
        return file_failure(to, reterr);
    }
    status = run(&pass, &digest, reterr);
    (void)posix_fadvise(pass.to, 0, 0, POSIX_FADV_DONTNEED); /* or memory would be read back */
    close(pass.to);
    if (status == PICKET_OK) {
        status = read_back(to, &digest, reterr);
    }
    if (status == PICKET_OK) {
        *ret = digest;
    }
    return status;
}
