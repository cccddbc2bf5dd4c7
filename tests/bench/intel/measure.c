/* SPDX-License-Identifier: MIT */
#include "bench/intel/measure.h"

#include <float.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "intel/intel.h"

#define ROUNDS_MAX 64u

/** One of two threads that ask at the same time. */
struct asker {
    const struct engine *engine;
    void *state;
    const struct queries *queries;
    pthread_barrier_t *start;
    unsigned cpu;
    double seconds;
};

double cpu_seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), compare);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2.0;
}

static double least(const double *values, size_t count)
{
    double found = DBL_MAX;

    for (size_t i = 0; i < count; i++) {
        found = values[i] < found ? values[i] : found;
    }
    return found;
}

static void pin(unsigned cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(cpu, &cpus);
    sched_setaffinity(0, sizeof(cpus), &cpus);
}

unsigned pin_to_last_cpu(void)
{
    cpu_set_t cpus;
    unsigned last = 0;

    CPU_ZERO(&cpus);
    sched_getaffinity(0, sizeof(cpus), &cpus);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        last = CPU_ISSET(cpu, &cpus) ? cpu : last;
    }
    pin(last);
    return last;
}

double match_seconds(const struct engine *engine, void *state, const struct queries *queries)
{
    uint64_t raw[BURST];
    double begin = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);

    for (size_t i = 0; i < queries->count; i += BURST) {
        engine->match(state, queries, i, queries->count - i < BURST ? queries->count - i : BURST,
                      raw);
    }
    return cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
}

static bool open_once(const char *path, double *ret_milliseconds)
{
    static const struct address somewhere = {{[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};
    struct intel_index *index = NULL;
    struct err error;
    intel_record record;
    double begin = cpu_seconds(CLOCK_MONOTONIC); /* threads share the work */

    if (intel_open(path, &index, &error) != PICKET_OK) {
        fprintf(stderr, "picket: %s\n", error.text);
        return false;
    }
    intel_match(index, &somewhere, 1, &record);
    *ret_milliseconds = (cpu_seconds(CLOCK_MONOTONIC) - begin) * 1e3;
    intel_index_free(index);
    return true;
}

bool open_milliseconds(const void *index, unsigned rounds, double *ret_milliseconds,
                       size_t *ret_bytes)
{
    char path[] = "/tmp/picket-bench-XXXXXX";
    int descriptor = mkstemp(path);
    double times[ROUNDS_MAX];
    struct stat file = {0};
    struct err error = {""};
    cpu_set_t pinned, all;
    bool is_done = descriptor >= 0 && intel_write(index, path, &error) == PICKET_OK;

    memset(&all, 0xff, sizeof(all));
    sched_getaffinity(0, sizeof(pinned), &pinned);
    sched_setaffinity(0, sizeof(all), &all);
    for (unsigned round = 0; is_done && round < rounds; round++) {
        is_done = open_once(path, &times[round]);
    }
    sched_setaffinity(0, sizeof(pinned), &pinned);
    if (is_done) {
        *ret_milliseconds = least(times, rounds);
        *ret_bytes = stat(path, &file) == 0 ? (size_t)file.st_size : 0;
    } else {
        fprintf(stderr, "picket: %s\n", error.text);
    }
    if (descriptor >= 0) {
        close(descriptor);
        unlink(path);
    }
    return is_done;
}

static void *ask(void *argument)
{
    struct asker *asker = argument;

    pin(asker->cpu);
    pthread_barrier_wait(asker->start);
    asker->seconds = match_seconds(asker->engine, asker->state, asker->queries);
    return NULL;
}

/** Seconds of each of @p count threads that ask at the same time. */
static bool ask_together(struct asker *askers, size_t count)
{
    pthread_t threads[2];
    pthread_barrier_t start;
    size_t started = 0;

    if (pthread_barrier_init(&start, NULL, (unsigned)count) != 0) {
        return false;
    }
    while (started < count) {
        askers[started].start = &start;
        if (pthread_create(&threads[started], NULL, ask, &askers[started]) != 0) {
            abort(); /* the others wait for it */
        }
        started++;
    }
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start);
    return true;
}

bool thread_ratio(const struct engine *engine, void *state, const struct queries *queries,
                  unsigned rounds, double *ret)
{
    struct asker askers[2] = {{.engine = engine, .state = state, .queries = queries, .cpu = 0},
                              {.engine = engine, .state = state, .queries = queries, .cpu = 1}};
    double ratios[ROUNDS_MAX];

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
        return false;
    }
    for (unsigned round = 0; round < rounds; round++) {
        double alone;

        if (!ask_together(askers, 1)) {
            return false;
        }
        alone = askers[0].seconds;
        if (!ask_together(askers, 2)) {
            return false;
        }
        ratios[round] = alone / askers[0].seconds + alone / askers[1].seconds;
    }
    *ret = median(ratios, rounds);
    return true;
}
