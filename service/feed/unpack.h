/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_UNPACK_H
#define SERVICE_FEED_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

struct buf;
struct err;

/**
 * Takes a feed out of its wrapper: gzip (RFC 1952, also several members), the one
 * file of a zip archive, UTF-8 with a byte-order mark, UTF-16; anything else is
 * copied. Whatever the wrapper claims, no more than the limit of @p content is
 * unpacked, and memory never exceeds it.
 *
 * Errors: PICKET_E_LIMIT if there is more than the limit, PICKET_E_TRUNCATED,
 *         PICKET_E_MALFORMED (an archive with several files or none, encryption,
 *         a checksum that does not hold, a wrapper in a wrapper), PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status feed_unpack(const uint8_t *bytes, size_t length,
                                                 struct buf *content, struct err *reterr);
/** Nothing is to be unpacked: feed_unpack() would only copy it. */
bool feed_is_plain(const uint8_t *bytes, size_t length);

#endif
