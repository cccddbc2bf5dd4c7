/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_CHECK_H
#define SERVICE_APP_CHECK_H

#include "picket/status.h"
#include "store/check.h"

/**
 * Looks for damage in all of a data folder's files, or a backup's, whether a service runs there or
 * not: the store's (store/check.h), the index of indicators and what looks back for, the journal,
 * and in a backup the digest of every file.
 */
struct err;

/** Errors: as store_check(); what is wrong with a file is told. */
PICKET_MUST_CHECK enum picket_status check_folder(const char *folder, store_check_fn *fn,
                                                  void *context, struct err *reterr);
/** Whether a copy of a data folder can be used: PICKET_E_MALFORMED if pages of a database in it are
 * damaged, with the first. */
PICKET_MUST_CHECK enum picket_status check_copy(const char *folder, struct err *reterr);

#endif
