/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_QUEUE_H
#define SERVICE_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "picket/status.h"

/**
 * Bounded queue of pointers between threads. When full, a push is refused at
 * once (PICKET_E_FULL): the door that pushes slows its own client down.
 * Its one lock guards ring and flags; held for a few stores.
 */
struct queue;

struct queue *queue_new(size_t capacity);
/** The caller has emptied it. NULL is allowed. */
void queue_free(struct queue *queue);
/** PICKET_E_FULL, or PICKET_E_STATE after queue_close(). */
PICKET_MUST_CHECK enum picket_status queue_push(struct queue *queue, void *item);
/**
 * Up to @p items_max items, in order; waits up to @p timeout_ms for the first.
 * 0 on time-out, or when the queue is closed and empty (*ret_is_closed).
 */
size_t queue_pop(struct queue *queue, void **ret_items, size_t items_max, int timeout_ms,
                 bool *ret_is_closed);
/** Refuses further pushes and wakes who waits; what is inside can still be popped. */
void queue_close(struct queue *queue);

#endif
