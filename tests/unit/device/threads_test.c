/* SPDX-License-Identifier: MIT */
/* Several threads at every entry of one agent, with a mutex as the port's lock. */
#include <pthread.h>

#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/picket.h"

#define OBSERVERS 3u
#define ROUNDS    50000u

/* Locked by the agent around every use of the clock, which is what guards it. */
struct world {
    struct fixture fixture;
    pthread_mutex_t mutex;
};

struct observer {
    struct world *world;
    uint32_t number;
    uint64_t packets;
    uint64_t bytes;
};

static void lock(void *context)
{
    struct world *world = context;

    (void)pthread_mutex_lock(&world->mutex);
}

static void unlock(void *context)
{
    struct world *world = context;

    (void)pthread_mutex_unlock(&world->mutex);
}

static uint32_t tick(void *context)
{
    struct world *world = context;

    return world->fixture.now_ms++;
}

/* Conversations that all observers share, some of their own, and what can't be parsed. */
static void *watch(void *context)
{
    struct observer *observer = context;
    struct fixture *fixture = &observer->world->fixture;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct talk talk = {i % 3 == 0 ? UDP : TCP, 40000, 443,
                            (uint16_t)(i % 5 == 0 ? observer->number * 1000 + i % 100 : i % 4),
                            i % 2 == 0};
        uint8_t junk = 0;

        say(fixture, &talk, i % 7 < 4 ? OUT : IN, i % 11 == 0 ? SYN : ACK);
        observer->packets++;
        observer->bytes += talk.is_ipv6 ? 60 : 40;
        if (i % 50 == 0) {
            observe(fixture, IN, &junk, 1, 1);
            picket_note_dropped(&observer->world->fixture.agent, 2);
            picket_note_filtered(&observer->world->fixture.agent, 3);
        }
    }
    return NULL;
}

/* Reports as they come due and, as an operator would, before. Only here are they read. */
static void *report(void *context)
{
    struct world *world = context;

    for (uint32_t i = 0; i < ROUNDS / 20; i++) {
        if (picket_next_report_ms(&world->fixture.agent) > 0) {
            world->fixture.has_fault |= picket_seal_window(&world->fixture.agent) != PICKET_OK;
        }
        world->fixture.flow_count = 0; /* of the flows only the sums are asked for */
        fixture_drain(&world->fixture, 700);
    }
    return NULL;
}

static bool start(struct world *world)
{
    struct picket_config config;
    struct picket_port port = {.context = world, .now_ms = tick, .lock = lock, .unlock = unlock};

    memset(world, 0, sizeof(*world));
    config = fixture_config(&world->fixture, 64, false);
    config.interval_ms = 1000;
    return pthread_mutex_init(&world->mutex, NULL) == 0 &&
           picket_init(&world->fixture.agent, &config, &port) == PICKET_OK;
}

TEST(sums_are_exact_though_many_threads_observe_and_one_reports)
{
    static struct world world;
    struct observer observers[OBSERVERS];
    pthread_t threads[OBSERVERS + 1];
    const struct picket_counters *counters = &world.fixture.counters;
    uint64_t packets = 0;
    uint64_t bytes = 0;

    CHECK(start(&world));
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        observers[i] = (struct observer){&world, i + 1, 0, 0};
        CHECK(pthread_create(&threads[i], NULL, watch, &observers[i]) == 0);
    }
    CHECK(pthread_create(&threads[OBSERVERS], NULL, report, &world) == 0);
    for (uint32_t i = 0; i <= OBSERVERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        packets += observers[i].packets;
        bytes += observers[i].bytes;
    }
    world.fixture.flow_count = 0;
    CHECK(picket_seal_window(&world.fixture.agent) == PICKET_OK);
    fixture_drain(&world.fixture, PICKET_REPORT_BYTES_MAX);
    CHECK_UINT(world.fixture.packets, packets);
    CHECK_UINT(world.fixture.bytes, bytes);
    CHECK_UINT(counters->kept + counters->folded, packets);
    CHECK_UINT(counters->malformed, OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->dropped, 2 * OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->filtered, 3 * OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->seen, packets + 6 * OBSERVERS * ROUNDS / 50);
    CHECK(world.fixture.reports > 1 && !world.fixture.has_fault);
    CHECK(pthread_mutex_destroy(&world.mutex) == 0);
}

TEST_MAIN(TEST_ROW(sums_are_exact_though_many_threads_observe_and_one_reports))
