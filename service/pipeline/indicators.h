/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_INDICATORS_H
#define SERVICE_PIPELINE_INDICATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"
#include "picket/status.h"

/**
 * The indicators that the devices of a group are to have: chosen of the index, set
 * beside what devices were given before, signed with the service's own key, and kept
 * in the store, where a downlink finds them.
 */
struct err;
struct intel_index;
struct store;

/** Signs with Ed25519; false if that fails. */
typedef bool indicators_sign_fn(void *context, const uint8_t *message, size_t length,
                                uint8_t ret_signature[PICKET_SIGNATURE_BYTES]);

struct indicators_config {
    struct store *store;
    indicators_sign_fn *sign;
    void *context;
};

/**
 * Renews a group's shards for devices that have @p bytes of storage; 0: there are none
 * any more. They are for the audience that has the group's name, in lower case.
 * Revisions are seconds since 1970 or follow the last one: so they rise, even if the
 * store is lost.
 *
 * Context: one thread at a time. Writes to the store only if something is to be sent.
 * Errors:  those of the store and PICKET_E_NOMEM; then devices are given what they were.
 */
PICKET_MUST_CHECK enum picket_status indicators_renew(const struct indicators_config *config,
                                                      const char *group, size_t bytes,
                                                      const struct intel_index *index,
                                                      int64_t now_us, bool *ret_is_changed,
                                                      struct err *reterr);

#endif
