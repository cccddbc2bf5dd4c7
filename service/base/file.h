/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_FILE_H
#define SERVICE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/** Files as runs of bytes, and what makes a change of a folder outlive a power cut. */
struct err;

/** A whole file, read only. */
struct file_map {
    const uint8_t *bytes; /* NULL if the file is empty */
    size_t length;
};

/** Errors: PICKET_E_NOTFOUND, PICKET_E_IO if it can't be read or is no regular file. */
PICKET_MUST_CHECK enum picket_status file_map(const char *path, struct file_map *ret,
                                              struct err *reterr);
void file_unmap(struct file_map *map);
/** Writes all bytes from @p offset on; false with errno if it can't. */
bool file_write_at(int file, const void *bytes, size_t length, size_t offset);
/** Syncs the folder that @p path is in: what was made or renamed there stays so. */
PICKET_MUST_CHECK enum picket_status file_sync_folder(const char *path, struct err *reterr);

#endif
