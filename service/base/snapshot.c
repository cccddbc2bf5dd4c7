/* SPDX-License-Identifier: MIT */
#include "base/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

struct snapshot {
    atomic_size_t holders; /* the cell, while this is current, and every reader */
    void *value;
    snapshot_free_fn *free_value;
};

struct snapshot_cell {
    /* Guards `current` until the reader is counted: without it the last holder could
     * free the version between the load and the count. Held for these two. */
    pthread_mutex_t lock;
    struct snapshot *current;
};

struct snapshot_cell *snapshot_cell_new(void)
{
    struct snapshot_cell *cell = calloc(1, sizeof(*cell));

    if (cell != NULL) {
        pthread_mutex_init(&cell->lock, NULL);
    }
    return cell;
}

void snapshot_cell_free(struct snapshot_cell *cell)
{
    if (cell == NULL) {
        return;
    }
    snapshot_put(cell->current);
    pthread_mutex_destroy(&cell->lock);
    free(cell);
}

_Bool snapshot_publish(struct snapshot_cell *cell, void *value, snapshot_free_fn *free_value)
{
    struct snapshot *next = malloc(sizeof(*next));
    struct snapshot *previous;

    if (next == NULL) {
        return 0;
    }
    atomic_init(&next->holders, 1);
    next->value = value;
    next->free_value = free_value;

    pthread_mutex_lock(&cell->lock);
    previous = cell->current;
    cell->current = next;
    pthread_mutex_unlock(&cell->lock);

    snapshot_put(previous); /* outside the lock: freeing a large version takes its time */
    return 1;
}

struct snapshot *snapshot_get(struct snapshot_cell *cell)
{
    struct snapshot *snapshot;

    pthread_mutex_lock(&cell->lock);
    snapshot = cell->current;
    if (snapshot != NULL) {
        atomic_fetch_add_explicit(&snapshot->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&cell->lock);
    return snapshot;
}

const void *snapshot_value(const struct snapshot *snapshot)
{
    return snapshot == NULL ? NULL : snapshot->value;
}

void snapshot_put(struct snapshot *snapshot)
{
    if (snapshot != NULL &&
        atomic_fetch_sub_explicit(&snapshot->holders, 1, memory_order_acq_rel) == 1) {
        snapshot->free_value(snapshot->value);
        free(snapshot);
    }
}
