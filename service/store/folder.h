/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FOLDER_H
#define SERVICE_STORE_FOLDER_H

#include <stdbool.h>

#include "picket/status.h"

struct err;

/** Folders and files of the store, for their owner alone; private to store. */

/** The folder, and what is missing on the way to it. */
PICKET_MUST_CHECK enum picket_status folder_make(const char *folder, struct err *reterr);
/** Opens the file to write to it; an empty one is made if there is none. */
PICKET_MUST_CHECK enum picket_status folder_open_file(const char *path, int *ret_file,
                                                      struct err *reterr);
/** True if there is something of that name in the folder. */
bool folder_has(const char *folder, const char *name);
/**
 * Holds what is in the folder: any number of processes so that nothing is taken away, or one that
 * takes files away. Who is to stay waits for that one; who takes away is told to come again.
 *
 * Ownership: let go with folder_let_go().
 * Errors:    PICKET_E_CONFLICT at once if @p takes_away and others hold it; PICKET_E_NOTFOUND,
 *            PICKET_E_IO.
 */
PICKET_MUST_CHECK enum picket_status folder_hold(const char *folder, bool takes_away, int *ret_hold,
                                                 struct err *reterr);
/** -1 is allowed. */
void folder_let_go(int hold);

#endif
