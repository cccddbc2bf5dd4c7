/* SPDX-License-Identifier: MIT */
#ifndef PICKET_ACKNOWLEDGEMENT_H
#define PICKET_ACKNOWLEDGEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The cumulative acknowledgement of spec/mqtt.md, for ways whose own acknowledgements are worth
 * nothing: of a boot, all reports up to and with a sequence number are stored, and if some are
 * missing there, which ones above it.
 *
 * Nothing here allocates, locks, logs or reads a clock.
 */
struct picket_acknowledgement {
    uint32_t boot;
    uint32_t sequence;
    uint32_t highest; /* stored; of no meaning if it is not above sequence */
    uint64_t window;  /* bit n: highest - n is stored */
};

/** It never has more bytes when this version writes it. */
#define PICKET_ACKNOWLEDGEMENT_BYTES_MAX 29u

/** Errors: PICKET_E_SPACE, but not for PICKET_ACKNOWLEDGEMENT_BYTES_MAX. */
/*@ requires \valid_read(acknowledgement) && \valid(ret_length);
  @ requires \valid(bytes + (0 .. capacity - 1));
  @ requires \separated(ret_length, bytes + (0 .. capacity - 1), acknowledgement);
  @ assigns bytes[0 .. capacity - 1], *ret_length;
  @ ensures \result == PICKET_OK ==> *ret_length <= capacity;
  @ ensures \result != PICKET_OK ==> *ret_length == \old(*ret_length);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_acknowledgement_put(const struct picket_acknowledgement *acknowledgement, uint8_t *bytes,
                           size_t capacity, size_t *ret_length);

/** Passes over what later versions add. Errors: PICKET_E_TRUNCATED, PICKET_E_MALFORMED,
 * PICKET_E_LIMIT; *ret untouched. */
/*@ requires \valid_read(bytes + (0 .. length - 1)) && \valid(ret);
  @ requires \separated(ret, bytes + (0 .. length - 1));
  @ assigns *ret;
  @ ensures \result != PICKET_OK ==> *ret == \old(*ret);
  @*/
PICKET_MUST_CHECK enum picket_status
picket_acknowledgement_open(const uint8_t *bytes, size_t length,
                            struct picket_acknowledgement *ret);

/** Whether a report of its boot is stored. */
/*@ requires \valid_read(acknowledgement);
  @ assigns \nothing;
  @*/
bool picket_acknowledgement_has(const struct picket_acknowledgement *acknowledgement,
                                uint32_t sequence);

#ifdef __cplusplus
}
#endif
#endif
