/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_DIGEST_H
#define SERVICE_APP_DIGEST_H

#include <stdint.h>

#include "picket/status.h"

/** What tells one content of a file from another: its length and its SHA-256. Blocks for the disk.
 */
struct err;

#define DIGEST_TEXT_MAX 65u

struct digest {
    uint64_t bytes;
    char sha256[DIGEST_TEXT_MAX]; /* lower-case digits */
};

/** Of a file, which is on disk then. */
PICKET_MUST_CHECK enum picket_status digest_file(const char *path, struct digest *ret,
                                                 struct err *reterr);
/**
 * Copies what an open file holds now into a new one, for its owner alone, which is on disk then,
 * and reads it back from there.
 *
 * Errors: PICKET_E_FULL if the disk is full, PICKET_E_IO.
 */
PICKET_MUST_CHECK enum picket_status digest_copy(int from, const char *from_name, const char *to,
                                                 struct digest *ret, struct err *reterr);

#endif
