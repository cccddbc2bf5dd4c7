/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_STAGING_H
#define SERVICE_APP_STAGING_H

#include "picket/status.h"

/**
 * A folder that appears whole or not at all: it is filled under another name beside its place,
 * `NAME.partial`, and renamed when everything is on disk. What an interruption leaves is taken away
 * by the next one for the same place.
 */
struct err;

struct staging;

/**
 * @p from: the folder that it will be filled from.
 *
 * Errors: PICKET_E_ARG if one of @p from and @p path, or `NAME.partial`, is in the other, or is it;
 *         PICKET_E_CONFLICT if something is at @p path, an empty folder apart, or another process
 *         is filling one for that place, or `NAME.partial` is none of this user's own;
 *         PICKET_E_IO, PICKET_E_FULL, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status staging_new(const char *path, const char *from,
                                                 struct staging **ret, struct err *reterr);
/** Takes away what is not in its place. NULL is allowed. */
void staging_free(struct staging *staging);
/** The folder to be filled, for its owner alone; borrowed. */
const char *staging_folder(const struct staging *staging);
/** Puts it in its place. Its files are on disk already; its folders are when this returns. */
PICKET_MUST_CHECK enum picket_status staging_finish(struct staging *staging, struct err *reterr);

#endif
