/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_DAY_FILES_H
#define SERVICE_STORE_DAY_FILES_H

#include <stdbool.h>

#include "picket/status.h"

/** The days of flows as files of a data folder, for another process than the one that writes to
 * them; private to store. */
struct err;

/** @p name: within the data folder. An error ends the listing. */
typedef enum picket_status day_file_fn(void *context, const char *name, struct err *reterr);

/** Every database among them, whatever its kind, in the order of names; a folder without days has
 * none. Who wants them to stay holds them. */
PICKET_MUST_CHECK enum picket_status day_files_each(const char *folder, day_file_fn *fn,
                                                    void *context, struct err *reterr);
/** Every one that was put aside because it is damaged. */
PICKET_MUST_CHECK enum picket_status day_files_each_aside(const char *folder, day_file_fn *fn,
                                                          void *context, struct err *reterr);
/** True for a day as flow_day.h has it. */
bool day_files_is_open(const char *name);
/** True for a day as flow_sealed.h has it. */
bool day_files_is_sealed(const char *name);
/** Holds all against being taken away: *ret_hold for folder_let_go(), or -1 if there are none. */
PICKET_MUST_CHECK enum picket_status day_files_hold(const char *folder, int *ret_hold,
                                                    struct err *reterr);

#endif
