/* SPDX-License-Identifier: MIT */
#ifndef DEVICE_COLLECTORS_DNS_PARSER_H
#define DEVICE_COLLECTORS_DNS_PARSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/config.h"
#include "picket/facts.h"

/**
 * The parser of DNS answers (RFC 1035 §4): a pure function.
 */

/** What a DNS server answered to one question for the addresses of a name. */
struct picket_dns_answer {
    char name[PICKET_NAME_MAX]; /* that was asked for, as reports have names */
    size_t name_length;
    bool is_nonexistent;     /* there is no such name */
    uint32_t records_missed; /* behind the first PICKET_DNS_RECORDS */
    size_t address_count;
    uint16_t addresses[PICKET_DNS_RECORDS]; /* where in the message; the byte before is the size */
};

/*@ predicate picket_are_addresses(struct picket_dns_answer *answer, uint8_t *bytes,
  @                                integer length) =
  @     answer->address_count <= PICKET_DNS_RECORDS &&
  @     \forall integer i; 0 <= i < answer->address_count ==>
  @         0 < answer->addresses[i] <= length &&
  @         (bytes[answer->addresses[i] - 1] == 4 || bytes[answer->addresses[i] - 1] == 16) &&
  @         answer->addresses[i] + bytes[answer->addresses[i] - 1] <= length;
  @*/

/**
 * Reads the answer to one question: the addresses of the name that was asked
 * for, also by way of aliases, which the message must name before what they
 * stand for. Behind the end of a message that is cut off, nothing is missed.
 *
 * Errors: PICKET_E_MALFORMED for what is no answer to one question of class IN
 *         with a sound name; *ret is then undefined.
 * Cost:   PICKET_DNS_RECORDS records, for each of which two names of 255 bytes
 *         are compared at most.
 */
/*@ requires \valid_read(bytes + (0 .. length - 1));
  @ requires \valid(ret) && \separated(ret, bytes + (0 .. length - 1));
  @ assigns *ret;
  @ ensures \result == PICKET_OK || \result == PICKET_E_MALFORMED;
  @ ensures \result == PICKET_OK ==> 0 < ret->name_length <= PICKET_NAME_MAX;
  @ ensures \result == PICKET_OK ==> picket_are_addresses(ret, bytes, length);
  @*/
PICKET_MUST_CHECK enum picket_status picket_dns_parse(const uint8_t *bytes, size_t length,
                                                      struct picket_dns_answer *ret);

#endif
