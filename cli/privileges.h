/* SPDX-License-Identifier: MIT */
#ifndef CLI_PRIVILEGES_H
#define CLI_PRIVILEGES_H

#include <sys/types.h>

#include "picket/status.h"

/**
 * Who a program goes on as, once it has opened what takes privileges.
 *
 * Life: find while the system's files can still be read, drop behind the last
 * thing that needs root.
 */
struct err;

struct privileges {
    const char *user; /* NULL: as it was started */
    uid_t uid;
    gid_t gid;
};

/**
 * Finds @p user; NULL: nobody if the program runs as root, else the one who
 * started it.
 *
 * Errors: PICKET_E_NOTFOUND; PICKET_E_ARG if another user is named without root.
 */
PICKET_MUST_CHECK enum picket_status privileges_find(const char *user, struct privileges *ret,
                                                     struct err *reterr);

/**
 * Becomes that user, with the groups of that user alone, and lets go of every
 * capability for good: nothing that is executed later gets one either. Looks
 * afterwards whether it is so.
 *
 * Context: before other threads are started.
 * Errors:  PICKET_E_STATE: the program must not go on.
 */
PICKET_MUST_CHECK enum picket_status privileges_drop(const struct privileges *wanted,
                                                     struct err *reterr);

#endif
