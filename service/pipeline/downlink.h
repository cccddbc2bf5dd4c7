/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_DOWNLINK_H
#define SERVICE_PIPELINE_DOWNLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"
#include "picket/status.h"

/**
 * What the devices of each group are to be told: settings, as an operator signed
 * them, which the service keeps and hands on; and shards of indicators, which it
 * makes itself (pipeline/indicators.h).
 *
 * Immutable once loaded; published in a snapshot cell, as a rulebook is.
 */
struct downlink;
struct err;
struct report;
struct store;

/** The newest settings of one kind for one group. */
struct downlink_settings {
    enum picket_settings_kind kind;
    uint32_t revision;
    const uint8_t *envelope;
    size_t envelope_length;
};

/** A group's indicators, all shards together. */
struct downlink_indicators {
    uint32_t revision; /* the newest */
    uint32_t shard_count;
    size_t addresses;
    size_t bytes; /* of the envelopes */
};

/** Reads the settings and shards of every group. */
PICKET_MUST_CHECK enum picket_status downlink_load(struct store *store, struct downlink **ret,
                                                   struct err *reterr);
/** NULL is allowed. */
void downlink_free(struct downlink *downlink);

/** Of indicators there is none; NULL @p downlink has none of any kind. */
const struct downlink_settings *downlink_find(const struct downlink *downlink, const char *group,
                                              enum picket_settings_kind kind);

/** False, and nothing returned, if the group has none. */
bool downlink_get_indicators(const struct downlink *downlink, const char *group,
                             struct downlink_indicators *ret);

/**
 * What the sender of @p report, a device of @p group, is to be told now; NULL if
 * nothing.
 *
 * Every window's first report says what the device has. It is told what is newer,
 * a policy first, unless it has refused just that, or is still trying something
 * else out; then shards, one by one. What could not be trusted is told again with the
 * next window.
 */
const struct downlink_settings *downlink_choose(const struct downlink *downlink, const char *group,
                                                const struct report *report);

#endif
