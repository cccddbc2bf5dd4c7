/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_LOCK_H
#define SERVICE_BASE_LOCK_H

#include <pthread.h>

/**
 * A read-write lock for which those who wait to write go before those who come to read: readers
 * that never end can't keep a writer waiting for ever, as they can with the lock's own default.
 * So nobody reads twice at once: the second time would wait for a writer that waits for the first.
 */
void lock_init_for_writers(pthread_rwlock_t *lock);

#endif
