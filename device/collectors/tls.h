/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_COLLECTORS_TLS_H
#define DEVICE_COLLECTORS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/facts.h"

/**
 * The parser of what TLS handshakes show in the clear (RFC 8446 §4, RFC 5246
 * §7.4, RFC 6066 §3): a pure function.
 */

/** What one TCP segment shows of a handshake. */
struct picket_tls_hello {
    bool has_client_hello;
    bool has_server_hello;     /* version and cipher_suite are set */
    bool has_certificate;      /* the server's or the client's, whoever sent the segment */
    uint16_t version;          /* that the server chose */
    uint16_t cipher_suite;     /* that the server chose */
    size_t server_name_length; /* 0: the client named none, or none that the segment shows whole */
    char server_name[PICKET_NAME_MAX]; /* as reports have names */
    const uint8_t *leaf;               /* the first certificate, borrowed, if all of it is there */
    size_t leaf_bytes;
};

/**
 * Reads a segment that begins with a record of a handshake. A message that is
 * cut off is read as far as it goes; what it does not show stays unset.
 *
 * Errors: PICKET_E_EMPTY if there is nothing in it that is looked for; *ret is
 *         then undefined.
 * Cost:   one pass over the segment.
 */
PICKET_MUST_CHECK enum picket_status picket_tls_parse(const uint8_t *bytes, size_t length,
                                                      struct picket_tls_hello *ret);

#endif
