/* SPDX-License-Identifier: MIT */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct queue {
    pthread_mutex_t lock;   /* guards what follows; held for a few stores */
    pthread_cond_t changed; /* not empty any more, or closed */
    void **ring;
    size_t capacity;
    size_t head; /* oldest */
    size_t count;
    bool is_closed;
};

struct queue *queue_new(size_t capacity)
{
    struct queue *queue = calloc(1, sizeof(*queue));
    pthread_condattr_t attributes;

    assert(capacity > 0);
    if (queue == NULL) {
        return NULL;
    }
    queue->ring = calloc(capacity, sizeof(*queue->ring));
    if (queue->ring == NULL) {
        free(queue);
        return NULL;
    }
    queue->capacity = capacity;
    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes,
                              CLOCK_MONOTONIC); /* setting the clock must not hang us */
    pthread_cond_init(&queue->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return queue;
}

void queue_free(struct queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(queue->count == 0);
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    free(queue->ring);
    free(queue);
}

enum picket_status queue_push(struct queue *queue, void *item)
{
    enum picket_status status = PICKET_OK;

    pthread_mutex_lock(&queue->lock);
    if (queue->is_closed) {
        status = PICKET_E_STATE;
    } else if (queue->count == queue->capacity) {
        status = PICKET_E_FULL;
    } else {
        queue->ring[(queue->head + queue->count) % queue->capacity] = item;
        queue->count++;
        pthread_cond_signal(&queue->changed);
    }
    pthread_mutex_unlock(&queue->lock);
    return status;
}

static struct timespec deadline_after(int timeout_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

size_t queue_pop(struct queue *queue, void **ret_items, size_t items_max, int timeout_ms,
                 bool *ret_is_closed)
{
    struct timespec deadline = deadline_after(timeout_ms);
    size_t taken = 0;
    int waited = 0;

    assert(timeout_ms >= 0);
    pthread_mutex_lock(&queue->lock);
    while (queue->count == 0 && !queue->is_closed && waited == 0) {
        waited = pthread_cond_timedwait(&queue->changed, &queue->lock, &deadline);
    }
    for (; taken < items_max && queue->count > 0; taken++) {
        ret_items[taken] = queue->ring[queue->head];
        queue->head = (queue->head + 1) % queue->capacity;
        queue->count--;
    }
    *ret_is_closed = queue->is_closed && taken == 0;
    pthread_mutex_unlock(&queue->lock);
    return taken;
}

void queue_close(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->is_closed = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
