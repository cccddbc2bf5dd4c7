/* SPDX-License-Identifier: MIT */
/* Several threads at every entry of one agent, with a mutex as the port's lock. */
#include <pthread.h>

#include "harness/check.h"
#include "picket/picket.h"
#include "settings_fixture.h"

#define OBSERVERS 3u
#define ROUNDS    50000u

/* Locked by the agent around every use of the clock, which is what guards it. */
struct world {
    struct settings_fixture settings;
    pthread_mutex_t mutex;
    uint32_t revision; /* of the settings applied last */
    unsigned refused;
};

struct observer {
    struct world *world;
    uint32_t number;
    uint64_t packets;
    uint64_t bytes;
    bool has_fault;
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

    return world->settings.facts.base.now_ms++;
}

static struct fixture *fixture_of(struct world *world)
{
    return &world->settings.facts.base;
}

/* What an application has to say and to ask, beside packets; false if it is not heard. */
static bool call_in(struct picket_agent *agent)
{
    static const struct picket_address service = {4, {203, 0, 113, 7}};

    return picket_set_service(agent, &service, 1) == PICKET_OK &&
           picket_note_event(agent, "round", NULL) != PICKET_E_ARG &&
           picket_set_metric(agent, "heap_free", 1) != PICKET_E_ARG &&
           picket_committed_revision(agent, PICKET_SETTINGS_POLICY) <= ROUNDS;
}

/* Conversations that all observers share, some of their own, and what can't be parsed. */
static void *watch(void *context)
{
    struct observer *observer = context;
    struct fixture *fixture = fixture_of(observer->world);

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
            picket_note_dropped(&fixture->agent, 2);
            picket_note_filtered(&fixture->agent, 3);
        }
        if (i % 500 == 0) {
            observer->has_fault |= !call_in(&fixture->agent);
        }
    }
    return NULL;
}

/* Policies with and without a trial, and configurations that ask for other tables. */
static void apply_next(struct world *world)
{
    uint32_t revision = ++world->revision;
    struct picket_settings settings = policy_of(revision, PICKET_POLICY_ENFORCE, NULL);

    if (revision % 3 == 0) {
        settings = configuration_of(revision);
        give(&settings, PICKET_SETTING_INTERVAL_MS, 1000 + revision);
        give(&settings, PICKET_SETTING_EXACT_FLOWS, revision / 3 % 2);
        give(&settings, PICKET_SETTING_IPV4_FLOWS, 8 + revision % 8);
        give(&settings, PICKET_SETTING_COLLECTORS, revision % 256);
        give(&settings, PICKET_SETTING_FACTS_BYTES, revision % 2048);
    } else if (revision % 3 == 1) {
        settings.policy.trial_ms = PICKET_TRIAL_MS_MIN;
    }
    world->refused += apply(&world->settings, &settings) != PICKET_OK;
}

/* Reports as they come due and, as an operator would, before. Only here are they read. */
static void *report(void *context)
{
    struct world *world = context;
    struct fixture *fixture = fixture_of(world);

    for (uint32_t i = 0; i < ROUNDS / 20; i++) {
        if (picket_next_report_ms(&fixture->agent) > 0) {
            fixture->has_fault |= picket_seal_window(&fixture->agent) != PICKET_OK;
        }
        fixture->flow_count = 0; /* of the flows only the sums are asked for */
        fixture_drain(fixture, 700);
        apply_next(world);
    }
    return NULL;
}

static bool start(struct world *world)
{
    struct picket_config config;
    struct picket_port port = {
        .context = world, .now_ms = tick, .lock = lock, .unlock = unlock, .verify = verify};

    memset(world, 0, sizeof(*world));
    config = settings_config(&world->settings);
    config.ipv4_storage_bytes = PICKET_IPV4_STORAGE_BYTES(64);
    config.ipv6_storage_bytes = PICKET_IPV6_STORAGE_BYTES(64);
    config.interval_ms = 1000;
    config.high_interval_ms = 1000;
    if (pthread_mutex_init(&world->mutex, NULL) != 0 ||
        picket_init(&fixture_of(world)->agent, &config, &port) != PICKET_OK) {
        return false;
    }
    set_service(&world->settings);
    return true;
}

TEST(sums_are_exact_though_many_threads_observe_and_one_reports)
{
    static struct world world;
    struct observer observers[OBSERVERS];
    pthread_t threads[OBSERVERS + 1];
    struct fixture *fixture = fixture_of(&world);
    const struct picket_counters *counters = &fixture->counters;
    uint64_t packets = 0;
    uint64_t bytes = 0;

    CHECK(start(&world));
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        observers[i] = (struct observer){&world, i + 1, 0, 0, false};
        CHECK(pthread_create(&threads[i], NULL, watch, &observers[i]) == 0);
    }
    CHECK(pthread_create(&threads[OBSERVERS], NULL, report, &world) == 0);
    for (uint32_t i = 0; i <= OBSERVERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        packets += observers[i].packets;
        bytes += observers[i].bytes;
        CHECK(!observers[i].has_fault);
    }
    fixture->flow_count = 0;
    fixture_drain(fixture, PICKET_REPORT_BYTES_MAX);
    CHECK(picket_seal_window(&fixture->agent) == PICKET_OK);
    fixture_drain(fixture, PICKET_REPORT_BYTES_MAX);
    CHECK_UINT(fixture->packets, packets);
    CHECK_UINT(fixture->bytes, bytes);
    CHECK_UINT(counters->kept + counters->folded, packets);
    CHECK_UINT(counters->malformed, OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->dropped, 2 * OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->filtered, 3 * OBSERVERS * ROUNDS / 50);
    CHECK_UINT(counters->seen, packets + 6 * OBSERVERS * ROUNDS / 50);
    CHECK(fixture->reports > 1 && !fixture->has_fault);
    CHECK(world.revision > 1000 && world.refused < world.revision / 10);
    CHECK(pthread_mutex_destroy(&world.mutex) == 0);
}

TEST_MAIN(TEST_ROW(sums_are_exact_though_many_threads_observe_and_one_reports))
