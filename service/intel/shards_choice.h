/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_SHARDS_CHOICE_H
#define SERVICE_INTEL_SHARDS_CHOICE_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/status.h"

/** Which addresses of an index matter most to devices; private to intel/shards.c. */
struct intel_index;

struct candidate {
    struct address address;
    uint64_t weight;
};

/**
 * All that may be chosen, the most important first; the caller frees *ret. What is
 * looked at is said at shards_choose().
 */
PICKET_MUST_CHECK enum picket_status shards_rank(const struct intel_index *index, const char *scope,
                                                 int64_t now_us, struct candidate **ret,
                                                 size_t *ret_count);

#endif
