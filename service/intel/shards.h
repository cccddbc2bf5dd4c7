/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_SHARDS_H
#define SERVICE_INTEL_SHARDS_H

#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/settings.h"
#include "picket/status.h"

/**
 * What devices get of an index: the single addresses that matter most, in shards
 * with a small exact delta, as spec/settings.md has them.
 *
 * A set is chosen of an index, then settled with what devices have: as few shards
 * as possible are to be sent, and the rest of the difference is the delta.
 *
 * Nothing here locks, logs or reads a clock.
 */
struct filter;
struct intel_index;

/** As many as a device has room for unless it was built with another PICKET_DELTA. */
#define SHARDS_DELTA_MAX 32u
/** Bytes that a device may be asked for: its indicator_storage. */
#define SHARDS_BYTES_MIN 2048u
#define SHARDS_BYTES_MAX 1048576u

struct shard {
    struct address *addresses; /* ascending */
    size_t count;
    uint32_t revision; /* with which devices got it; 0: it is to be sent */
};

struct shard_set {
    uint32_t shard_count;
    struct shard *shards;
    struct address listed[SHARDS_DELTA_MAX]; /* ascending, as is the other */
    struct address unlisted[SHARDS_DELTA_MAX];
    size_t listed_count;
    size_t unlisted_count;
};

/** A set of empty shards; NULL if memory is out. */
struct shard_set *shard_set_new(uint32_t shard_count);
/** NULL is allowed. */
void shard_set_free(struct shard_set *set);
/** Gives a shard its addresses, which are copied. */
PICKET_MUST_CHECK enum picket_status shard_set_fill(struct shard_set *set, uint32_t shard,
                                                    const struct address *addresses, size_t count);
/** Addresses in all shards. */
size_t shard_set_count(const struct shard_set *set);

/**
 * Chooses for devices that have @p bytes of storage. Left out is what is warned of
 * or allowed, everywhere or for @p scope ("group:NAME"), and what expired. What
 * matters most: servers of botnets and malware before all others and scanners last;
 * then what has the highest confidence, then what is listed most often.
 *
 * Ownership: the caller frees *ret with shard_set_free().
 * Cost:      a look-up and two sortings of all listed addresses.
 * Errors:    PICKET_E_ARG if @p bytes is out of range, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status shards_choose(const struct intel_index *index,
                                                   const char *scope, size_t bytes, int64_t now_us,
                                                   struct shard_set **ret);

/**
 * Makes of a chosen set what devices that have @p before (NULL: nothing) are to have:
 * shards that need not be sent are as they were, with their revision. If nothing is to
 * be sent, all are. What @p before had may be in @p set afterwards.
 */
void shards_settle(struct shard_set *set, struct shard_set *before);

/** The filter of a shard; the caller frees *ret with filter_free(). */
PICKET_MUST_CHECK enum picket_status shard_build(const struct shard *shard, struct filter **ret);

#endif
