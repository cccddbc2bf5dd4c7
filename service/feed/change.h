/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_CHANGE_H
#define SERVICE_FEED_CHANGE_H

#include <stddef.h>
#include <stdint.h>

#include "intel/live.h"
#include "picket/status.h"

/** What is pushed into a feed: JSON in, changes of the index out. */
struct arena;
struct err;
struct feed_terms;

#define CHANGES_MAX 10000u /* in one push */

/** All changes of one push; they live in its arena. */
struct change_list {
    struct arena *arena;
    struct intel_change *changes;
    size_t count;
};

/**
 * Reads {"items": [{"value": "192.0.2.1", "confidence": 90, …}, …]} with, beside
 * the value, any of: confidence, category, comment, reference, scope,
 * listed_from, listed_until, expires. A removal has value and scope only. What
 * is not said comes from the feed's terms; now is when it was listed last. When it was
 * first stays 0 if that is not said: who has the index knows.
 *
 * Ownership: the caller frees the list with change_list_deinit(); its feed's texts point
 *            into @p terms.
 * Errors:    PICKET_E_MALFORMED with the item's place and what is allowed,
 *            PICKET_E_LIMIT over CHANGES_MAX, PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status change_list_parse(const char *text, size_t length,
                                                       enum intel_change_kind kind,
                                                       const struct feed_terms *terms,
                                                       int64_t now_us, struct change_list *ret,
                                                       struct err *reterr);
void change_list_deinit(struct change_list *list);

#endif
