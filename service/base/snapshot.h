/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_SNAPSHOT_H
#define SERVICE_BASE_SNAPSHOT_H

/**
 * Swap, don't mutate: a cell that holds the current version of something
 * immutable, counted by those who read it.
 *
 * A writer builds a new version aside and publishes it; readers keep the
 * version they hold; the last one to let go frees it. The cell's lock guards
 * one pointer and one counter and is held for a few instructions.
 */
struct snapshot_cell;
struct snapshot; /* one version */

typedef void snapshot_free_fn(void *value);

/** NULL if memory is out. */
struct snapshot_cell *snapshot_cell_new(void);
/** All readers have let go. NULL is allowed. */
void snapshot_cell_free(struct snapshot_cell *cell);
/** Takes @p value (freed with @p free_value); false, and nothing taken, if memory is out. */
_Bool snapshot_publish(struct snapshot_cell *cell, void *value, snapshot_free_fn *free_value);
/** The current version; NULL before the first publish. Pair with snapshot_put(). */
struct snapshot *snapshot_get(struct snapshot_cell *cell);
/** Borrowed until snapshot_put(). NULL @p snapshot gives NULL. */
const void *snapshot_value(const struct snapshot *snapshot);
/** NULL is allowed. */
void snapshot_put(struct snapshot *snapshot);

#endif
