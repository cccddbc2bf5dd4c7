/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/check.h"

#define LONG_BYTES ((size_t)200001) /* of several pieces, and no multiple of them */

/** A folder of its own, and the path of what is made in it. */
struct rig {
    char folder[32];
    char path[64];
};

static bool rig_begin(struct rig *rig)
{
    memcpy(rig->folder, "/tmp/picket-file-XXXXXX", sizeof("/tmp/picket-file-XXXXXX"));
    if (mkdtemp(rig->folder) == NULL) {
        return false;
    }
    snprintf(rig->path, sizeof(rig->path), "%s/file", rig->folder);
    return true;
}

static void rig_end(const struct rig *rig)
{
    (void)unlink(rig->path);
    (void)rmdir(rig->folder);
}

static bool write_file(const char *path, const void *bytes, size_t length)
{
    FILE *file = fopen(path, "wbe");
    bool is_good = file != NULL && fwrite(bytes, 1, length, file) == length;

    return file != NULL && fclose(file) == 0 && is_good;
}

TEST(all_of_a_file_is_read_and_nothing_of_one_that_is_too_large)
{
    static const size_t lengths[] = {0, 1, 65536, LONG_BYTES};
    char *bytes = malloc(LONG_BYTES);
    struct rig rig;

    CHECK(bytes != NULL && rig_begin(&rig));
    for (size_t i = 0; bytes != NULL && i < LONG_BYTES; i++) {
        bytes[i] = (char)(i * 7 / 3);
    }
    for (size_t i = 0; bytes != NULL && i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct err err = {""};
        struct buf content;

        CHECK(write_file(rig.path, bytes, lengths[i]));
        buf_init(&content, lengths[i]);
        CHECK_UINT(file_read(rig.path, &content, &err), PICKET_OK);
        CHECK_UINT(content.length, lengths[i]);
        CHECK(lengths[i] == 0 || memcmp(content.bytes, bytes, lengths[i]) == 0);
        buf_deinit(&content);
        buf_init(&content, lengths[i] - 1);
        CHECK_UINT(file_read(rig.path, &content, &err),
                   lengths[i] == 0 ? PICKET_OK : PICKET_E_LIMIT);
        CHECK(lengths[i] == 0 || strstr(err.text, "/file: larger than ") != NULL);
        buf_deinit(&content);
    }
    rig_end(&rig);
    free(bytes);
}

TEST(what_is_no_file_is_refused_without_waiting_for_it)
{
    struct err err = {""};
    struct buf content;
    struct file_map map = {0};
    struct rig rig;

    CHECK(rig_begin(&rig));
    buf_init(&content, 100);
    CHECK_UINT(file_read(rig.path, &content, &err), PICKET_E_NOTFOUND);
    CHECK(strstr(err.text, "/file: can't be read: No such file or directory") != NULL);
    CHECK_UINT(file_read(rig.folder, &content, &err), PICKET_E_IO);
    CHECK(strstr(err.text, ": can't be read: it is no file") != NULL);
    CHECK(mkfifo(rig.path, 0600) == 0);
    CHECK_UINT(file_read(rig.path, &content, &err), PICKET_E_IO);
    CHECK_UINT(file_map(rig.path, &map, &err), PICKET_E_IO);
    CHECK_UINT(content.length, 0);
    CHECK(map.bytes == NULL);
    buf_deinit(&content);
    rig_end(&rig);
}

TEST(full_disk_is_told_as_such_and_errno_stays)
{
    static const int full[] = {ENOSPC, EDQUOT};
    struct err err = {""};

    for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
        errno = full[i];
        CHECK_UINT(file_failure("/a/file", &err), PICKET_E_FULL);
        CHECK(errno == full[i]);
        CHECK(strncmp(err.text, "/a/file: ", 9) == 0);
        CHECK(strstr(err.text, ": make room on the disk") != NULL);
    }
    errno = EACCES;
    CHECK_UINT(file_failure("/a/file", &err), PICKET_E_IO);
    CHECK_TEXT(err.text, "/a/file: Permission denied");
}

TEST_MAIN(TEST_ROW(all_of_a_file_is_read_and_nothing_of_one_that_is_too_large),
          TEST_ROW(what_is_no_file_is_refused_without_waiting_for_it),
          TEST_ROW(full_disk_is_told_as_such_and_errno_stays))
