/* SPDX-License-Identifier: MIT */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

#include "picket/status.h"

struct buf;
struct err;

/**
 * Reads the whole file at @p path, "-" for standard input, into @p buf, which
 * bounds it.
 *
 * Errors: PICKET_E_IO, PICKET_E_LIMIT if it is larger, with a sentence.
 */
PICKET_MUST_CHECK enum picket_status input_read(const char *path, struct buf *buf,
                                                struct err *reterr);

#endif
