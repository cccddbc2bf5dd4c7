/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "picket_threadx.h"
#include "stack.h"
#include "unit/device/agent_fixture.h"

static struct picket_threadx host;
static struct picket_port port;

static void start(ULONG ticks)
{
    stack_reset();
    memset(&host, 0, sizeof(host));
    stack.ticks = ticks;
}

static uint32_t after(ULONG ticks)
{
    stack.ticks += ticks;
    return port.now_ms(port.context);
}

TEST(the_clock_counts_milliseconds_over_the_wrap_of_ticks_and_its_own)
{
    start(0xfffffff0u);
    CHECK(picket_threadx_init(&host, &port) == PICKET_OK);
    CHECK_UINT(after(0), 0);
    CHECK_UINT(after(1), 1000 / TX_TIMER_TICKS_PER_SECOND);
    CHECK_UINT(after(TX_TIMER_TICKS_PER_SECOND - 1), 1000);
    CHECK_UINT(after(3600 * TX_TIMER_TICKS_PER_SECOND), 3601000);
    for (unsigned hours = 0; hours < 1200; hours++) { /* 50 days, and 2^32 ms are 49.7 */
        (void)after(3600 * TX_TIMER_TICKS_PER_SECOND);
    }
    CHECK_UINT(after(0), (uint32_t)(1201ull * 3600000 + 1000));
}

TEST(the_lock_is_a_mutex_that_lifts_who_holds_it)
{
    start(0);
    CHECK(picket_threadx_init(&host, &port) == PICKET_OK);
    CHECK(picket_threadx_init(&host, &port) == PICKET_E_STATE);
    port.lock(port.context);
    CHECK_UINT(host.mutex.count, 1);
    port.unlock(port.context);
    CHECK_UINT(host.mutex.count, 0);
    picket_threadx_deinit(&host);
    CHECK_UINT(host.mutex.is_created, 0);
}

TEST(null_arguments_are_refused)
{
    start(0);
    CHECK(picket_threadx_init(NULL, &port) == PICKET_E_ARG);
    CHECK(picket_threadx_init(&host, NULL) == PICKET_E_ARG);
    CHECK(picket_threadx_measure(NULL) == PICKET_E_ARG);
    picket_threadx_deinit(NULL);
}

TEST(sleeping_is_rounded_up_to_ticks)
{
    start(0);
    picket_threadx_sleep(0);
    CHECK_UINT(stack.slept_ticks, 1);
    picket_threadx_sleep(60000);
    CHECK_UINT(stack.slept_ticks, 60 * TX_TIMER_TICKS_PER_SECOND);
    picket_threadx_sleep(86400000);
    CHECK_UINT(stack.slept_ticks, 86400 * TX_TIMER_TICKS_PER_SECOND);
    picket_threadx_sleep(60001);
    CHECK(stack.slept_ticks > 60 * TX_TIMER_TICKS_PER_SECOND);
}

/* A ring of two threads, of whose 64 bytes of stack @p used were used. */
static void start_threads(struct fixture *f, TX_THREAD threads[2], UCHAR stacks[2][64], size_t used)
{
    static uint64_t facts[64];
    static char names[2][16] = {"Main Thread", "IP\x01"};
    struct picket_config config;
    struct picket_port agent_port;

    fixture_start(f, 8, false);
    config = fixture_config(f, 8, false);
    config.facts_storage = facts;
    config.facts_storage_bytes = sizeof(facts);
    agent_port = fixture_port(f);
    f->has_fault |= picket_init(&f->agent, &config, &agent_port) != PICKET_OK;
    for (size_t i = 0; i < 2; i++) {
        memset(stacks[i], 0xef, 64);
        memset(stacks[i] + 64 - used, 0, used);
        threads[i] = (TX_THREAD){names[i], stacks[i], 64, &threads[1 - i], 0};
    }
    stack.thread = &threads[0];
}

static size_t read_metrics(struct fixture *f, struct picket_metric_record *ret, size_t count_max)
{
    static uint8_t bytes[PICKET_REPORT_BYTES_MAX]; /* what is returned points into it */
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flows = 0;
    size_t length = 0;
    size_t count = 0;

    if (picket_seal_window(&f->agent) != PICKET_OK ||
        picket_build_report(&f->agent, bytes, sizeof(bytes), &length) != PICKET_OK ||
        picket_report_open(&reader, bytes, length, &head, &flows) != PICKET_OK) {
        return SIZE_MAX;
    }
    (void)picket_report_seek(&reader, PICKET_SECTION_METRICS);
    while (count < count_max && picket_report_next_metric(&reader, &ret[count])) {
        count++;
    }
    return count;
}

static bool is_named(const struct picket_metric_record *metric, const char *name)
{
    return metric->name.length == strlen(name) &&
           memcmp(metric->name.bytes, name, metric->name.length) == 0;
}

TEST(unused_stack_of_each_thread_becomes_a_metric)
{
    static struct fixture f;
    static UCHAR stacks[2][64];
    struct picket_metric_record metrics[3] = {{{NULL, 0}, 0}};
    TX_THREAD threads[2];

    start(0);
    start_threads(&f, threads, stacks, 24);
    CHECK(picket_threadx_measure(&f.agent) == PICKET_OK);
    CHECK_UINT(read_metrics(&f, metrics, 3), 2);
    CHECK(is_named(&metrics[0], "stack_free.main_thread"));
    CHECK(is_named(&metrics[1], "stack_free.ip_"));
    CHECK_UINT(metrics[0].value, 40);
    CHECK(!f.has_fault);
}

TEST(a_stack_never_used_is_measured_to_its_end)
{
    static struct fixture f;
    static UCHAR stacks[2][64];
    struct picket_metric_record metrics[3] = {{{NULL, 0}, 0}};
    TX_THREAD threads[2];

    start(0);
    start_threads(&f, threads, stacks, 0);
    CHECK(picket_threadx_measure(&f.agent) == PICKET_OK);
    CHECK_UINT(read_metrics(&f, metrics, 3), 2);
    CHECK_UINT(metrics[1].value, 64);
}

TEST(a_thread_without_a_name_or_with_a_long_one_is_told_all_the_same)
{
    static struct fixture f;
    static UCHAR stacks[2][64];
    static char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789";
    struct picket_metric_record metrics[3] = {{{NULL, 0}, 0}};
    TX_THREAD threads[2];

    start(0);
    start_threads(&f, threads, stacks, 24);
    threads[0].name = NULL;
    threads[1].name = long_name;
    CHECK(picket_threadx_measure(&f.agent) == PICKET_OK);
    CHECK_UINT(read_metrics(&f, metrics, 3), 2);
    CHECK(is_named(&metrics[0], "stack_free."));
    CHECK_UINT(metrics[1].name.length, PICKET_TEXT_MAX);
}

TEST(a_thread_that_has_just_been_deleted_ends_the_walk)
{
    static struct fixture f;
    static UCHAR stacks[2][64];
    struct picket_metric_record metrics[3] = {{{NULL, 0}, 0}};
    TX_THREAD threads[2];

    start(0);
    start_threads(&f, threads, stacks, 24);
    threads[1].is_deleted = 1;
    CHECK(picket_threadx_measure(&f.agent) == PICKET_OK);
    CHECK_UINT(read_metrics(&f, metrics, 3), 1);
}

TEST_MAIN(TEST_ROW(the_clock_counts_milliseconds_over_the_wrap_of_ticks_and_its_own),
          TEST_ROW(the_lock_is_a_mutex_that_lifts_who_holds_it),
          TEST_ROW(null_arguments_are_refused), TEST_ROW(sleeping_is_rounded_up_to_ticks),
          TEST_ROW(unused_stack_of_each_thread_becomes_a_metric),
          TEST_ROW(a_stack_never_used_is_measured_to_its_end),
          TEST_ROW(a_thread_without_a_name_or_with_a_long_one_is_told_all_the_same),
          TEST_ROW(a_thread_that_has_just_been_deleted_ends_the_walk))
