/* SPDX-License-Identifier: MIT */
#include "base/lock.h"

#include <errno.h>
#include <unistd.h>

#include "harness/check.h"

#define DAY_S 86400

/* As when the clock is set back by a day after the first look at it. */
int true_clock_gettime(clockid_t clock, struct timespec *ret) __asm__("__real_clock_gettime");
int ahead_clock_gettime(clockid_t clock, struct timespec *ret) __asm__("__wrap_clock_gettime");

int ahead_clock_gettime(clockid_t clock, struct timespec *ret)
{
    int result = true_clock_gettime(clock, ret);

    ret->tv_sec += clock == CLOCK_REALTIME ? DAY_S : 0;
    return result;
}

TEST(wait_with_a_limit_ends_though_the_clock_is_set_back)
{
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t condition;
    struct timespec until;

    alarm(10); /* or the wait would be a day long */
    lock_init_condition(&condition);
    until = lock_until_s(0);
    pthread_mutex_lock(&lock);
    CHECK(pthread_cond_timedwait(&condition, &lock, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&lock);
    pthread_cond_destroy(&condition);
    alarm(0);
}

static void *read_once(void *context)
{
    pthread_rwlock_t *lock = context;
    int result = pthread_rwlock_tryrdlock(lock);

    if (result == 0) {
        pthread_rwlock_unlock(lock);
    }
    return result == 0 ? lock : NULL;
}

TEST(readers_read_together_where_nobody_writes)
{
    pthread_rwlock_t lock;
    pthread_t other;
    void *result = NULL;

    lock_init_for_writers(&lock);
    pthread_rwlock_rdlock(&lock);
    CHECK(pthread_create(&other, NULL, read_once, &lock) == 0);
    CHECK(pthread_join(other, &result) == 0 && result == &lock);
    pthread_rwlock_unlock(&lock);
    pthread_rwlock_wrlock(&lock);
    CHECK(pthread_create(&other, NULL, read_once, &lock) == 0);
    CHECK(pthread_join(other, &result) == 0 && result == NULL);
    pthread_rwlock_unlock(&lock);
    pthread_rwlock_destroy(&lock);
}

TEST_MAIN(TEST_ROW(wait_with_a_limit_ends_though_the_clock_is_set_back),
          TEST_ROW(readers_read_together_where_nobody_writes))
