/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FOLDER_H
#define SERVICE_STORE_FOLDER_H

#include "picket/status.h"

struct err;

/** Folders and files of the store, for their owner alone; private to store. */

/** What errno says about @p path: PICKET_E_FULL or PICKET_E_IO, with a sentence. */
enum picket_status folder_failure(const char *path, struct err *reterr);
/** The folder, and what is missing on the way to it. */
PICKET_MUST_CHECK enum picket_status folder_make(const char *folder, struct err *reterr);
/** Opens the file to write to it; an empty one is made if there is none. */
PICKET_MUST_CHECK enum picket_status folder_open_file(const char *path, int *ret_file,
                                                      struct err *reterr);

#endif
