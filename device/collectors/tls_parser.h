/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_COLLECTORS_TLS_PARSER_H
#define DEVICE_COLLECTORS_TLS_PARSER_H

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
    size_t leaf;       /* where in the segment the first certificate is, if all of it is there */
    size_t leaf_bytes; /* 0 if not */
};

/*@ predicate picket_is_leaf(struct picket_tls_hello *hello, integer end) =
  @     hello->leaf + hello->leaf_bytes <= end;
  @*/

/**
 * Reads a segment that begins with a record of a handshake. A message that is
 * cut off is read as far as it goes; what it does not show stays unset.
 *
 * Errors: PICKET_E_EMPTY if there is nothing in it that is looked for; *ret is
 *         then undefined.
 * Cost:   one pass over the segment.
 */
/*@ requires \valid(ret) && \valid_read(bytes + (0 .. length - 1));
  @ assigns *ret;
  @ ensures \result == PICKET_OK || \result == PICKET_E_EMPTY;
  @ ensures ret->server_name_length <= PICKET_NAME_MAX;
  @ ensures picket_is_leaf(ret, length);
  @*/
PICKET_MUST_CHECK enum picket_status picket_tls_parse(const uint8_t *bytes, size_t length,
                                                      struct picket_tls_hello *ret);

#endif
