/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_BACKUP_H
#define SERVICE_APP_BACKUP_H

#include "picket/status.h"

/**
 * A backup is a folder that looks as the data folder did at one moment, with a manifest of what is
 * in it (app/backup_manifest.h). It is made from the files, and not by the service: so it can be
 * made beside one that runs, and of one that does not run any more.
 *
 * Everything that was acknowledged before it began is in it, once. The store's own moment is said
 * in store/backup.h. The other files are opened around it: what was there before it, because what
 * such a file is for may be done, and the file gone, only in a later state of the store (a
 * look-back); what is there behind it, because the store must not know of indicators that are not
 * there. Of these the files must be of one time (a journal that was cut belongs to the index that
 * was written before), so the folder is looked at until it does not change.
 *
 * Not in it are what the service fetches again (events of MISP feeds), what an interruption left
 * half written or put aside, and what lies elsewhere (configuration, keys and certificates).
 */
struct backup_manifest;
struct err;

/**
 * Makes a backup of the data folder @p data at @p to, by Picket of @p version.
 *
 * Ownership: the caller has *ret to be freed with backup_manifest_deinit().
 * Errors:    those of store_backup_begin() and staging_new(); PICKET_E_MALFORMED if what it has of
 *            the store is damaged, so that it could not be restored; PICKET_E_FULL, PICKET_E_IO.
 *            There is nothing at @p to then.
 */
PICKET_MUST_CHECK enum picket_status backup_make(const char *data, const char *to,
                                                 const char *version, struct backup_manifest *ret,
                                                 struct err *reterr);
/**
 * Puts a backup in the place of a data folder that is empty, or not there: all of it, or nothing.
 *
 * Errors: PICKET_E_NOTFOUND if @p from is no whole backup, PICKET_E_MALFORMED if it is damaged,
 *         or its store is a newer build's, PICKET_E_VERSION if the manifest is, PICKET_E_CONFLICT
 *         if @p data is not empty, or a service has it, those of staging_new(); PICKET_E_FULL,
 *         PICKET_E_IO.
 */
PICKET_MUST_CHECK enum picket_status
backup_restore(const char *from, const char *data, struct backup_manifest *ret, struct err *reterr);

#endif
