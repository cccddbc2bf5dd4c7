/* SPDX-License-Identifier: MIT */
/* Several threads at every entry of one agent, with the Linux port's lock. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "harness/check.h"
#include "picket/picket.h"
#include "picket_linux.h"
#include "settings_fixture.h"

#define OBSERVERS 3u
#define ROUNDS    1200u /* of reports */
#define BETWEEN   16u   /* packets that come at least between two of them */

/* The clock is used inside the port's lock, which is what guards it. */
struct world {
    struct picket_linux host; /* first: what the port's functions get is the world, too */
    struct settings_fixture settings;
    uint32_t revision; /* of the settings applied last */
    unsigned refused;
    unsigned facts;      /* names, sessions and listeners in reports */
    atomic_uint packets; /* of all observers; relaxed, as is_over, or they would hide races */
    atomic_bool is_over;
};

struct observer {
    struct world *world;
    uint32_t number;
    uint64_t packets;
    uint64_t bytes;
    uint64_t junk;
    bool has_fault;
};

static uint32_t tick(void *context)
{
    struct world *world = context;

    return world->settings.facts.base.now_ms++;
}

static struct fixture *fixture_of(struct world *world)
{
    return &world->settings.facts.base;
}

static bool is_signed(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                      size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    return verify(fixture_of(context), algorithm, message, length, signature);
}

/* What an application has to say and to ask, beside packets; false if it is not heard. */
static bool call_in(struct picket_agent *agent)
{
    static const struct picket_address service = {4, {203, 0, 113, 7}};
    static const struct picket_listener_record listeners[] = {{.protocol = TCP, .port = 80},
                                                              {.protocol = UDP, .port = 68},
                                                              {.protocol = TCP, .port = 22}};

    return picket_set_service(agent, &service, 1) == PICKET_OK &&
           picket_note_event(agent, "round", NULL) != PICKET_E_ARG &&
           picket_set_metric(agent, "heap_free", 1) != PICKET_E_ARG &&
           picket_set_listeners(agent, listeners, 3) != PICKET_E_ARG &&
           picket_committed_revision(agent, PICKET_SETTINGS_POLICY) <= ROUNDS;
}

static void show(struct observer *observer, enum picket_direction direction, const uint8_t *bytes,
                 size_t length)
{
    observe(fixture_of(observer->world), direction, bytes, length, length);
    observer->packets++;
    observer->bytes += length;
}

/* What collectors read: an answer of the resolver, and a server's half of a handshake. */
static void show_facts(struct observer *observer, uint32_t number)
{
    static const struct talk resolver = {UDP, 40000, 53, 1, false};
    static const struct talk web = {TCP, 40000, 443, 2, true};
    uint8_t bytes[600];
    struct dns_message message;
    struct tls_segment segment = {.length = 0};
    size_t record = tls_open_record(&segment);

    dns_begin(&message, "cam.example", 1);
    dns_put_ipv4(&message, DNS_QUESTION, number % 256);
    show(observer, IN, bytes, put_datagram(bytes, &resolver, IN, message.bytes, message.length));
    tls_put_server_hello(&segment, 0x0303, 0xc02f, 0);
    tls_put_certificate(&segment, "leaf");
    tls_close(&segment, record, 2);
    show(observer, IN, bytes, put_datagram(bytes, &web, IN, segment.bytes, segment.length));
}

/* Both halves of a datagram. */
static void show_fragments(struct observer *observer, uint32_t number)
{
    static const struct talk coap = {UDP, 40001, 5683, 1, false};
    uint8_t bytes[20 + 24] = {0};

    for (unsigned i = 0; i < 2; i++) {
        size_t header = put_ip_header(bytes, &coap, OUT, 24);

        put_u16(bytes + 4, number);
        put_u16(bytes + 6, i == 0 ? 0x2000 : 3);
        show(observer, OUT, bytes, header + 24);
    }
}

/* Counts a packet that is to come; false if none has to. */
static bool go_on(struct world *world)
{
    (void)atomic_fetch_add_explicit(&world->packets, 1, memory_order_relaxed);
    return !atomic_load_explicit(&world->is_over, memory_order_relaxed);
}

/* Conversations that all observers share, some of their own, and what can't be parsed. */
static void *watch(void *context)
{
    struct observer *observer = context;
    struct fixture *fixture = fixture_of(observer->world);

    for (uint32_t i = 0; go_on(observer->world); i++) {
        struct talk talk = {i % 3 == 0 ? UDP : TCP, 40000, 443,
                            (uint16_t)(i % 5 == 0 ? observer->number * 1000 + i % 100 : i % 4),
                            i % 2 == 0};
        uint8_t junk = 0;

        say(fixture, &talk, i % 7 < 4 ? OUT : IN, i % 11 == 0 ? SYN : ACK);
        observer->packets++;
        observer->bytes += talk.is_ipv6 ? 60 : 40;
        if (i % 50 == 0) {
            observe(fixture, IN, &junk, 1, 1);
            observer->junk++;
            picket_note_dropped(&fixture->agent, 2);
            picket_note_filtered(&fixture->agent, 3);
        }
        if (i % 20 == 0) {
            observer->has_fault |= !call_in(&fixture->agent);
            show_facts(observer, i / 20);
            show_fragments(observer, i);
            (void)sched_yield(); /* or a report would wait for the end of a time slice */
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

/* So that each report has something to tell. */
static void wait_for_packets(struct world *world)
{
    unsigned before = atomic_load_explicit(&world->packets, memory_order_relaxed);

    while (atomic_load_explicit(&world->packets, memory_order_relaxed) - before < BETWEEN) {
        (void)sched_yield();
    }
}

/* Builds, reads and confirms every report that is due. */
static void drain(struct world *world, size_t capacity)
{
    struct fixture *fixture = fixture_of(world);
    uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    size_t length = 0;

    while (picket_build_report(&fixture->agent, bytes, capacity, &length) == PICKET_OK) {
        struct picket_report_reader reader;
        struct picket_report_head head;
        uint32_t flows = 0;

        fixture->flow_count = 0; /* of the flows only the sums are asked for */
        fixture_read(fixture, bytes, length);
        fixture->has_fault |= picket_confirm_report(&fixture->agent) != PICKET_OK;
        if (picket_report_open(&reader, bytes, length, &head, &flows) == PICKET_OK) {
            world->facts += picket_report_seek(&reader, PICKET_SECTION_NAMES) +
                            picket_report_seek(&reader, PICKET_SECTION_TLS) +
                            picket_report_seek(&reader, PICKET_SECTION_LISTENERS);
        }
    }
}

/* Reports as they come due and, as an operator would, before. Only here are they read. */
static void *report(void *context)
{
    struct world *world = context;
    struct fixture *fixture = fixture_of(world);

    for (uint32_t i = 0; i < ROUNDS; i++) {
        wait_for_packets(world);
        if (picket_next_report_ms(&fixture->agent) > 0) {
            fixture->has_fault |= picket_seal_window(&fixture->agent) != PICKET_OK;
        }
        drain(world, 700);
        apply_next(world);
    }
    atomic_store_explicit(&world->is_over, true, memory_order_relaxed);
    return NULL;
}

static bool start(struct world *world)
{
    struct picket_config config;
    struct picket_port port;

    if (picket_linux_init(&world->host, &port) != PICKET_OK) {
        return false;
    }
    port.now_ms = tick;
    port.clock_ms = NULL;
    port.verify = is_signed;
    config = settings_config(&world->settings);
    config.ipv4_storage_bytes = PICKET_IPV4_STORAGE_BYTES(64);
    config.ipv6_storage_bytes = PICKET_IPV6_STORAGE_BYTES(64);
    config.interval_ms = 1000;
    config.high_interval_ms = 1000;
    if (picket_init(&fixture_of(world)->agent, &config, &port) != PICKET_OK) {
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
    uint64_t junk = 0;

    CHECK(start(&world));
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        observers[i] = (struct observer){&world, i + 1, 0, 0, 0, false};
        CHECK(pthread_create(&threads[i], NULL, watch, &observers[i]) == 0);
    }
    CHECK(pthread_create(&threads[OBSERVERS], NULL, report, &world) == 0);
    for (uint32_t i = 0; i <= OBSERVERS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    for (uint32_t i = 0; i < OBSERVERS; i++) {
        packets += observers[i].packets;
        bytes += observers[i].bytes;
        junk += observers[i].junk;
        CHECK(!observers[i].has_fault);
    }
    drain(&world, PICKET_REPORT_BYTES_MAX);
    CHECK(picket_seal_window(&fixture->agent) == PICKET_OK);
    drain(&world, PICKET_REPORT_BYTES_MAX);
    CHECK_UINT(fixture->packets, packets);
    CHECK_UINT(fixture->bytes, bytes);
    CHECK_UINT(counters->kept + counters->folded, packets);
    CHECK_UINT(counters->malformed, junk);
    CHECK_UINT(counters->dropped, 2 * junk);
    CHECK_UINT(counters->filtered, 3 * junk);
    CHECK_UINT(counters->seen, packets + 6 * junk);
    CHECK(fixture->reports > 1 && !fixture->has_fault);
    CHECK(world.revision > 1000 && world.refused < world.revision / 10);
    CHECK(world.facts > 200);
    picket_linux_deinit(&world.host);
}

TEST_MAIN(TEST_ROW(sums_are_exact_though_many_threads_observe_and_one_reports))
