/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_LOCK_H
#define SERVICE_BASE_LOCK_H

#include <pthread.h>
#include <time.h>

/**
 * A read-write lock for which those who wait to write go before those who come to read: readers
 * that never end can't keep a writer waiting for ever, as they can with the lock's own default.
 * So nobody reads twice at once: the second time would wait for a writer that waits for the first.
 */
void lock_init_for_writers(pthread_rwlock_t *lock);

/** A condition that is waited for by a clock that nobody sets: with the other one, a clock that is
 * set back by a day makes a second's wait last a day. */
void lock_init_condition(pthread_cond_t *condition);
/** As of pthread_cond_timedwait() for such a condition, so far from now. */
struct timespec lock_until_s(int seconds);

#endif
