/* SPDX-License-Identifier: MIT */
#include "app/flows.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/time.h"
#include "store/store.h"

#define ROUND_S  60
#define DAY_US   (INT64_C(86400) * TIME_US_PER_S)
#define GRACE_US (INT64_C(600) * TIME_US_PER_S) /* for what was received when a day ended */
#define NICENESS 10 /* sealing a day takes a while, and nobody waits for it */

struct flows {
    struct store *store;
    int64_t keep_us;
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock; /* guards is_stopped; held for a look */
    pthread_cond_t changed;
    bool is_stopped;
};

/* False if it is over. */
static bool wait_round(struct flows *flows)
{
    struct timespec end;
    bool is_stopped;
    int error = 0;

    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += ROUND_S;
    pthread_mutex_lock(&flows->lock);
    while (!flows->is_stopped && error == 0) {
        error = pthread_cond_timedwait(&flows->changed, &flows->lock, &end);
    }
    is_stopped = flows->is_stopped;
    pthread_mutex_unlock(&flows->lock);
    return !is_stopped;
}

static bool goes_on(void *context)
{
    struct flows *flows = context;
    bool is_stopped;

    pthread_mutex_lock(&flows->lock);
    is_stopped = flows->is_stopped;
    pthread_mutex_unlock(&flows->lock);
    return !is_stopped;
}

/* A reason that stays is said once. */
static void seal(struct flows *flows, enum picket_status *last)
{
    struct store *store = flows->store;
    struct err err = {""};
    enum picket_status status =
        store->ops->seal_flows(store, time_now_us() - GRACE_US, goes_on, flows, &err);

    if (status != PICKET_OK && status != PICKET_E_STATE && status != PICKET_E_CONFLICT &&
        status != *last) {
        log_warning("a day of flows can't be sealed, and stays as it is: %s", err.text);
    }
    *last = status;
}

/* Each time that there are more. */
static void tell_damaged(struct flows *flows, uint64_t *last)
{
    uint64_t count = flows->store->ops->count_damaged_days(flows->store);

    if (count > *last) {
        log_error("%" PRIu64 " of the days of flows can't be read: picket check says which, and "
                  "what to do; reports go to another day",
                  count);
    }
    *last = count;
}

static void *work(void *context)
{
    struct flows *flows = context;
    struct store *store = flows->store;
    enum picket_status last = PICKET_OK;
    uint64_t damaged = 0;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS); /* on Linux: of this thread */
    do {
        store->ops->expire_flows(store, time_now_us() - flows->keep_us);
        seal(flows, &last);
        tell_damaged(flows, &damaged);
    } while (wait_round(flows));
    return NULL;
}

enum picket_status flows_new(struct store *store, unsigned days, struct flows **ret,
                             struct err *reterr)
{
    struct flows *flows = calloc(1, sizeof(*flows));
    pthread_condattr_t clock;

    if (flows == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    flows->store = store;
    flows->keep_us = days > 0 ? (int64_t)days * DAY_US : -DAY_US; /* today goes as well */
    pthread_mutex_init(&flows->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&flows->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (pthread_create(&flows->thread, NULL, work, flows) != 0) {
        err_set(reterr, "the thread that looks after flows can't be started");
        flows_free(flows);
        return PICKET_E_NOMEM;
    }
    flows->is_running = true;
    *ret = flows;
    return PICKET_OK;
}

void flows_free(struct flows *flows)
{
    if (flows == NULL) {
        return;
    }
    if (flows->is_running) {
        pthread_mutex_lock(&flows->lock);
        flows->is_stopped = true;
        pthread_cond_signal(&flows->changed);
        pthread_mutex_unlock(&flows->lock);
        pthread_join(flows->thread, NULL);
    }
    pthread_cond_destroy(&flows->changed);
    pthread_mutex_destroy(&flows->lock);
    free(flows);
}
