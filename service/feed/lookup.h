/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_LOOKUP_H
#define SERVICE_FEED_LOOKUP_H

#include "intel/intel.h"

/** What all feeds say of one value, for a person. */
struct json;

/** The most specific record for an observable, whatever its port and role; 0 if there is none. */
intel_record lookup_first(const struct intel_index *index, const struct observable *observable);
/**
 * True if a record that lookup_first() or intel_next() gave is about all of the
 * observable: one of a longer prefix is not.
 */
bool lookup_covers(const struct indicator *indicator, const struct observable *observable);
/**
 * An object with value, kind, and as items every record that covers the value,
 * most specific first, each with its feed's source, licence and half-life.
 */
void lookup_write_json(struct json *json, const struct intel_index *index,
                       const struct observable *observable);

#endif
