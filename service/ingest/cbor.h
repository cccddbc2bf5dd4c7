/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_CBOR_H
#define SERVICE_INGEST_CBOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct err;

/**
 * CBOR in any encoding that RFC 8949 has (lengths that are not told before, numbers that are not
 * the shortest, tags, floats) as JSON, so that one reader serves both; private to ingest. Reports
 * of ours are read by the wire cursor, which takes the deterministic encoding alone.
 *
 * Errors: false, with offset and reason: damaged, nested too deep, or what JSON has no form for
 *         (keys that are not texts, byte strings, bytes behind the first item), or memory is out.
 */
bool cbor_to_json(const uint8_t *bytes, size_t length, struct buf *out, struct err *reterr);

#endif
