/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_CHECK_H
#define SERVICE_STORE_CHECK_H

#include "picket/status.h"

/**
 * Looks for damage in the store's files, beside a service that writes to them, or without one.
 * Nothing is changed, but what a crash left in a log goes to its file, as at the next start.
 *
 * Memory is bounded: rows are looked at one by one. A day that the service writes to may be ahead
 * of the store's own database by one transaction, and so it may be after a crash.
 */
struct err;

enum store_check_depth {
    STORE_CHECK_PAGES, /* can SQLite read it all, and is it of a version that this build knows? */
    STORE_CHECK_ALL,   /* and do the rows make sense? */
};

/** @p file within the folder; @p wrong: what it is and what to do, or NULL: the file is good. */
typedef void store_check_fn(void *context, const char *file, const char *wrong);

/**
 * Tells of each file, and of each thing that is wrong with it.
 *
 * Errors: PICKET_E_NOTFOUND if there is no store in @p folder, PICKET_E_IO, PICKET_E_NOMEM; not
 *         what was told.
 */
PICKET_MUST_CHECK enum picket_status store_check(const char *folder, enum store_check_depth depth,
                                                 store_check_fn *fn, void *context,
                                                 struct err *reterr);

#endif
