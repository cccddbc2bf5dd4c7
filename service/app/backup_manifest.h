/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_BACKUP_MANIFEST_H
#define SERVICE_APP_BACKUP_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "app/digest.h"
#include "picket/status.h"

/**
 * What a backup consists of: `manifest.json` in its folder, which is written last.
 *
 *     {"picket_backup": 1, "version": "0.1.0", "made": "2026-11-25T12:00:00.000000Z",
 *      "files": [{"name": "picket.db", "bytes": 4096, "sha256": "…"}, …]}
 */
struct err;

#define BACKUP_MANIFEST_NAME "manifest.json"

struct backup_file {
    char *name; /* within the folder; a path in it, and of no other */
    struct digest digest;
};

struct backup_manifest {
    char version[32]; /* of the Picket that made it */
    int64_t made_us;
    struct backup_file *files;
    size_t count;
};

/** Takes all files that are in the folder, and syncs them; version and time are the caller's. */
PICKET_MUST_CHECK enum picket_status
backup_manifest_take(const char *folder, struct backup_manifest *ret, struct err *reterr);
/** Writes it into the folder, synced. */
PICKET_MUST_CHECK enum picket_status backup_manifest_write(const struct backup_manifest *manifest,
                                                           const char *folder, struct err *reterr);
/**
 * Every name is safe to be joined to a folder.
 *
 * Errors: PICKET_E_VERSION if a newer build wrote it, PICKET_E_MALFORMED, PICKET_E_LIMIT,
 *         PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status backup_manifest_parse(const char *text, size_t length,
                                                           struct backup_manifest *ret,
                                                           struct err *reterr);
/** Reads the one that is in the folder: PICKET_E_NOTFOUND if there is none, PICKET_E_IO. */
PICKET_MUST_CHECK enum picket_status
backup_manifest_read(const char *folder, struct backup_manifest *ret, struct err *reterr);
/** Bytes of all files. */
uint64_t backup_manifest_bytes(const struct backup_manifest *manifest);
void backup_manifest_deinit(struct backup_manifest *manifest);

#endif
