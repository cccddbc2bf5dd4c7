/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_PIPELINE_DOWNLINK_H
#define SERVICE_PIPELINE_DOWNLINK_H

#include <stddef.h>
#include <stdint.h>

#include "picket/settings.h"
#include "picket/status.h"

/**
 * What the devices of each group are to be told: settings, as an operator signed
 * them. The service keeps them and hands them on; it has no key to make any.
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

/** Reads the settings of every group. */
PICKET_MUST_CHECK enum picket_status downlink_load(struct store *store, struct downlink **ret,
                                                   struct err *reterr);
/** NULL is allowed. */
void downlink_free(struct downlink *downlink);

/** NULL if there are none; so has NULL @p downlink. */
const struct downlink_settings *downlink_find(const struct downlink *downlink, const char *group,
                                              enum picket_settings_kind kind);

/**
 * What the sender of @p report, a device of @p group, is to be told now; NULL if
 * nothing.
 *
 * Every window's first report says what the device has. It is told what is newer,
 * a policy first, unless it has refused just that, or is still trying something
 * else out. What could not be trusted is told again with the next window.
 */
const struct downlink_settings *downlink_choose(const struct downlink *downlink, const char *group,
                                                const struct report *report);

#endif
