/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_FILE_H
#define SERVICE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/** Files as runs of bytes, and what makes a change of a folder outlive a power cut. */
struct buf;
struct err;

/**
 * Adds what a file holds to @p content, which bounds it. Who writes to the file
 * meanwhile decides what is read, and does no other harm; of a mapped one
 * (file_map()) he could take bytes away, and so end the program.
 *
 * Context: blocks for the disk alone: pipes and devices are refused.
 * Errors:  PICKET_E_NOTFOUND, PICKET_E_IO if it can't be read or is no regular
 *          file, PICKET_E_LIMIT if it is larger than @p content may be, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status file_read(const char *path, struct buf *content,
                                               struct err *reterr);

/** A whole file, read only; for files that nobody else cuts off. */
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
/**
 * What errno, which stays, says about @p path: PICKET_E_FULL if there is no room on the disk, else
 * PICKET_E_IO.
 */
enum picket_status file_failure(const char *path, struct err *reterr);
/** Syncs the folder that @p path is in: what was made or renamed there stays so. */
PICKET_MUST_CHECK enum picket_status file_sync_folder(const char *path, struct err *reterr);

#endif
