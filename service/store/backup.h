/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_BACKUP_H
#define SERVICE_STORE_BACKUP_H

#include <stdint.h>

#include "picket/status.h"

/**
 * A copy of the store's files as they were at one moment, made beside a service that writes to
 * them, or without one.
 *
 * The moment is that of the store's own database, and it is fixed before a day of flows is looked
 * at: a day is committed first, so every day then has all that the database knows of, and perhaps
 * more. The other way round it would have less, and what is missing could not be made up. What a
 * copy of a day has more is taken out of it, all of it: a service that starts takes back only the
 * last transaction (flow_days_open()), but here many may have come in the meantime.
 *
 * SQLite's snapshots hold up nobody who writes; the log grows until a file is copied. Days are held
 * against being taken away (folder_hold()).
 */
struct err;
struct store_backup;

/**
 * Fixes the moment.
 *
 * Errors: PICKET_E_NOTFOUND if there is no store in @p folder, PICKET_E_VERSION if a newer build
 *         wrote it, PICKET_E_MALFORMED, PICKET_E_IO.
 */
PICKET_MUST_CHECK enum picket_status
store_backup_begin(const char *folder, struct store_backup **ret, struct err *reterr);
/** The last report whose flows were committed at that moment. */
int64_t store_backup_number(const struct store_backup *backup);
/**
 * Writes the files under their names into @p to, a folder that has none of them. They are not
 * synced, and what an error leaves there is no backup.
 */
PICKET_MUST_CHECK enum picket_status store_backup_write(struct store_backup *backup, const char *to,
                                                        struct err *reterr);
/** NULL is allowed. */
void store_backup_end(struct store_backup *backup);

#endif
