/* SPDX-License-Identifier: MIT */
#include "base/queue.h"

#include <pthread.h>
#include <stddef.h>

#include "harness/check.h"

#define WAIT_MS       20000 /* longer than any machine takes; a test that waits it out has failed */
#define PRODUCERS     3u
#define CONSUMERS     2u
#define ITEMS_OF_EACH 5000u

TEST(items_come_out_in_the_order_they_went_in)
{
    struct queue *queue = queue_new(4);
    int items[6];
    void *taken[4] = {NULL};
    bool is_closed = true;

    /* round the ring: 3 in, 2 out, 3 in, 4 out */
    for (size_t i = 0; i < 3; i++) {
        CHECK_UINT(queue_push(queue, &items[i]), PICKET_OK);
    }
    CHECK_UINT(queue_pop(queue, taken, 2, 0, &is_closed), 2);
    CHECK(taken[0] == &items[0] && taken[1] == &items[1]);
    for (size_t i = 3; i < 6; i++) {
        CHECK_UINT(queue_push(queue, &items[i]), PICKET_OK);
    }
    CHECK_UINT(queue_pop(queue, taken, 4, 0, &is_closed), 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK(taken[i] == &items[i + 2]);
    }
    CHECK(!is_closed);
    queue_free(queue);
}

TEST(a_full_queue_refuses_at_once)
{
    struct queue *queue = queue_new(2);
    int item = 0;
    void *taken[2];
    bool is_closed;

    CHECK_UINT(queue_push(queue, &item), PICKET_OK);
    CHECK_UINT(queue_push(queue, &item), PICKET_OK);
    CHECK_UINT(queue_push(queue, &item), PICKET_E_FULL);
    CHECK_UINT(queue_pop(queue, taken, 1, 0, &is_closed), 1);
    CHECK_UINT(queue_push(queue, &item), PICKET_OK);
    CHECK_UINT(queue_pop(queue, taken, 2, 0, &is_closed), 2);
    queue_free(queue);
}

TEST(an_empty_queue_answers_nothing_after_the_wait)
{
    struct queue *queue = queue_new(1);
    void *taken[1];
    bool is_closed = true;

    CHECK_UINT(queue_pop(queue, taken, 1, 0, &is_closed), 0);
    CHECK(!is_closed);
    queue_free(queue);
}

TEST(a_closed_queue_is_emptied_before_it_says_so)
{
    struct queue *queue = queue_new(2);
    int item = 0;
    void *taken[2];
    bool is_closed = true;

    CHECK_UINT(queue_push(queue, &item), PICKET_OK);
    queue_close(queue);
    CHECK_UINT(queue_push(queue, &item), PICKET_E_STATE);
    CHECK_UINT(queue_pop(queue, taken, 2, WAIT_MS, &is_closed), 1);
    CHECK(!is_closed);
    CHECK_UINT(queue_pop(queue, taken, 2, WAIT_MS, &is_closed), 0);
    CHECK(is_closed);
    queue_free(queue);
}

struct item {
    unsigned producer;
    unsigned number;
    unsigned taken_count; /* owned by whoever popped it */
};

struct producer {
    pthread_t thread;
    struct queue *queue;
    struct item items[ITEMS_OF_EACH];
};

struct consumer {
    pthread_t thread;
    struct queue *queue;
    size_t taken_count;
    bool is_in_order; /* per producer */
};

static void *produce(void *context)
{
    struct producer *producer = context;

    for (size_t i = 0; i < ITEMS_OF_EACH; i++) {
        while (queue_push(producer->queue, &producer->items[i]) == PICKET_E_FULL) {
            sched_yield();
        }
    }
    return NULL;
}

static void *consume(void *context)
{
    struct consumer *consumer = context;
    unsigned next[PRODUCERS] = {0};
    bool is_closed = false;

    consumer->is_in_order = true;
    while (!is_closed) {
        void *taken[7];
        size_t count = queue_pop(consumer->queue, taken, 7, WAIT_MS, &is_closed);

        for (size_t i = 0; i < count; i++) {
            struct item *item = taken[i];

            item->taken_count++;
            consumer->is_in_order = consumer->is_in_order && item->number >= next[item->producer];
            next[item->producer] = item->number + 1;
        }
        consumer->taken_count += count;
    }
    return NULL;
}

TEST(many_threads_take_every_item_once_and_in_order)
{
    static struct producer producers[PRODUCERS];
    static struct consumer consumers[CONSUMERS];
    struct queue *queue = queue_new(16);
    size_t taken = 0;
    size_t not_once = 0;

    for (unsigned i = 0; i < CONSUMERS; i++) {
        consumers[i].queue = queue;
        CHECK_UINT(pthread_create(&consumers[i].thread, NULL, consume, &consumers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].queue = queue;
        for (unsigned n = 0; n < ITEMS_OF_EACH; n++) {
            producers[i].items[n] = (struct item){.producer = i, .number = n};
        }
        CHECK_UINT(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        pthread_join(producers[i].thread, NULL);
    }
    queue_close(queue);
    for (unsigned i = 0; i < CONSUMERS; i++) {
        pthread_join(consumers[i].thread, NULL);
        taken += consumers[i].taken_count;
        CHECK(consumers[i].is_in_order);
    }
    for (unsigned i = 0; i < PRODUCERS; i++) {
        for (unsigned n = 0; n < ITEMS_OF_EACH; n++) {
            not_once += producers[i].items[n].taken_count != 1;
        }
    }
    CHECK_UINT(taken, PRODUCERS * ITEMS_OF_EACH);
    CHECK_UINT(not_once, 0);
    queue_free(queue);
}

TEST_MAIN(TEST_ROW(items_come_out_in_the_order_they_went_in),
          TEST_ROW(a_full_queue_refuses_at_once),
          TEST_ROW(an_empty_queue_answers_nothing_after_the_wait),
          TEST_ROW(a_closed_queue_is_emptied_before_it_says_so),
          TEST_ROW(many_threads_take_every_item_once_and_in_order))
