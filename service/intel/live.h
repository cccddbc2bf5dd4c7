/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_LIVE_H
#define SERVICE_INTEL_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intel/intel.h"

/**
 * Indicators that change while they are used. One writer turns the current index
 * and a batch of changes into the next index, which app publishes; readers keep
 * the version they hold and are never waited for. The image below is shared by all
 * versions since it was made; the overlay holds, for each observable that changed
 * since, all its records, and shares with the version before what a batch did not change.
 */

/** How many observables an overlay has room for; a new image is to be built well before. */
#define INTEL_CHANGES_MAX 65536u

enum intel_change_kind {
    INTEL_PUT,    /* in the place of what this feed says of this observable, port and scope */
    INTEL_REMOVE, /* this feed says nothing any more of this observable, port and scope */
};

struct intel_change {
    enum intel_change_kind kind;
    struct intel_feed feed;
    struct indicator indicator; /* removal: of it only the observable and the scope */
};

/**
 * The index after @p count changes, in their order; @p index stays as it is.
 *
 * Ownership: everything is copied; the image is shared by count. The caller frees
 *            *ret with intel_index_free(), before or after @p index.
 * Context:   one writer at a time for versions of one line.
 * Cost:      that of the changes, and a few microseconds for what is shared.
 * Errors:    PICKET_E_FULL if the overlay would hold over INTEL_CHANGES_MAX,
 *            PICKET_E_NOMEM: then nothing was changed.
 */
PICKET_MUST_CHECK enum picket_status intel_change(const struct intel_index *index,
                                                  const struct intel_change *changes, size_t count,
                                                  struct intel_index **ret, struct err *reterr);

/**
 * Adds all records of an index to a builder, overlay applied, each to its feed: the
 * background merge is this, then intel_build(). Records of feeds that @p is_kept (or
 * NULL) says no to, and what expired before @p now_us, are not added; the feed that was
 * begun last is another afterwards.
 */
PICKET_MUST_CHECK enum picket_status
intel_add_index(struct intel_builder *builder, const struct intel_index *index,
                bool (*is_kept)(void *context, const char *feed), void *context, int64_t now_us);
/**
 * Gives every record, overlay applied, in no order that means anything, until @p fn
 * says false. PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status
intel_each(const struct intel_index *index,
           bool (*fn)(void *context, const struct indicator *indicator), void *context);
/**
 * Adds the listed records of @p index whose observable @p before (or NULL) does not
 * list: what earlier contacts have not been looked at for yet.
 */
PICKET_MUST_CHECK enum picket_status intel_add_new(struct intel_builder *builder,
                                                   const struct intel_index *index,
                                                   const struct intel_index *before);

/**
 * Puts the image of @p image below what changed between @p base and @p latest,
 * which was published while the image was being built of @p base.
 *
 * Errors: those of intel_change().
 */
PICKET_MUST_CHECK enum picket_status intel_rebase(const struct intel_index *image,
                                                  const struct intel_index *base,
                                                  const struct intel_index *latest,
                                                  struct intel_index **ret, struct err *reterr);

#endif
