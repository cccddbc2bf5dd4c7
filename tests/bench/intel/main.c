/* SPDX-License-Identifier: MIT */
/*
 * One set of indicators, the engines that can hold it, four kinds of traffic. Prints
 * what it measures, a line each, for tools/bench_intel.py to judge:
 *
 *     fill     ENGINE SECONDS BYTES        bytes of what look-ups read; 0: not told
 *     match    TRAFFIC ENGINE NS WRONG     median of the rounds; answers unlike the oracle's
 *     update   ENGINE MICROSECONDS         for one entry, of batches of a thousand
 *     open     MILLISECONDS IMAGE_BYTES    of the snapshot file, to the first answer: of the
 *                                          clock on the wall, the least of the rounds
 *     threads  RATIO                       look-ups of two threads beside those of one
 *     filter   BYTES PERCENT MISSED        for devices: bytes an address, others that are found,
 *                                          members that are not
 *     import   FORM LINES BYTES            in a second, from a list into a builder
 *     absent   ENGINE                      it can't hold the set
 *
 * Other times are of the processor and not of the clock on the wall: other work on the
 * machine does not count, what it does to the caches does.
 */
#include "bench/intel/bench.h"

#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/intel/measure.h"

#define QUERIES_IPV4 (1u << 20) /* more than the caches hold */
#define QUERIES      (1u << 18)
#define UPDATES      16000u
#define ROUNDS       5u
#define ROUNDS_MAX   64u

/** A kind of set, and who can hold it. */
struct scenario {
    const char *name;
    bool (*make)(struct set *set, size_t count, const char *path);
    const struct engine *engines[8];
};

static const struct scenario scenarios[] = {
    {"ipv4",
     set_make_ipv4,
     {&engine_picket_ipv4, &engine_fib, &engine_fib_vector, &engine_bitmap, &engine_mmdb,
      &engine_patricia_ipv4}},
    {"ipv6",
     set_make_ipv6,
     {&engine_picket_ipv6, &engine_fib6, &engine_fib6_vector, &engine_patricia_ipv6,
      &engine_lengths}},
    {"names", set_make_names, {&engine_picket_names, &engine_automaton}},
};

static const char *const traffic_names[TRAFFICS] = {"miss", "hit", "near", "zipf"};

struct options {
    const struct scenario *scenario;
    size_t count;
    const char *list;
    const char *without; /* engines left out, by name, with commas */
    unsigned memory_mb;
    bool has_hugepages;
    bool has_import;
    unsigned rounds;
    unsigned cpu;
};

struct bench {
    struct options options;
    struct set set;
    struct set more; /* entries beside the set's, for updates */
    struct oracle *oracle;
    size_t engine_count;
    const struct engine *engines[8];
    void *states[8];
};

static void fill_engines(struct bench *bench)
{
    const struct scenario *scenario = bench->options.scenario;

    for (size_t i = 0; i < 8 && scenario->engines[i] != NULL; i++) {
        const struct engine *engine = scenario->engines[i];
        bool is_left_out = strstr(bench->options.without, engine->name) != NULL;
        double begin = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID), seconds;
        void *state = is_left_out ? NULL : engine->fill(&bench->set);

        seconds = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
        if (state == NULL) {
            printf("absent\t%s\n", engine->name);
            continue;
        }
        bench->engines[bench->engine_count] = engine;
        bench->states[bench->engine_count++] = state;
        printf("fill\t%s\t%.6f\t%zu\n", engine->name, seconds,
               engine->bytes == NULL ? 0 : engine->bytes(state));
        fflush(stdout);
    }
}

/** Answers that are not the oracle's. */
static size_t count_wrong(const struct engine *engine, void *state, const struct queries *queries,
                          const uint32_t *answers)
{
    uint64_t raw[BURST];
    uint32_t ids[BURST];
    size_t wrong = 0;

    for (size_t i = 0; i < queries->count; i += BURST) {
        size_t count = queries->count - i < BURST ? queries->count - i : BURST;

        engine->match(state, queries, i, count, raw);
        engine->to_ids(state, raw, count, ids);
        for (size_t k = 0; k < count; k++) {
            wrong += engine->answers_bits ? (ids[k] != 0) != (answers[i + k] != 0)
                                          : ids[k] != answers[i + k];
        }
    }
    return wrong;
}

static size_t query_count(const struct bench *bench)
{
    return bench->options.scenario->make == set_make_ipv4 ? QUERIES_IPV4 : QUERIES;
}

static bool measure_traffic(struct bench *bench, enum traffic traffic)
{
    double times[8][ROUNDS_MAX];
    struct queries queries;
    size_t count = query_count(bench);
    uint32_t *answers = calloc(count, sizeof(*answers));

    if (answers == NULL || !queries_make(&queries, traffic, &bench->set, bench->oracle, count)) {
        free(answers);
        return false;
    }
    for (size_t i = 0; i < queries.count; i++) {
        answers[i] = oracle_answer(bench->oracle, &queries, i);
    }
    for (unsigned round = 0; round < bench->options.rounds; round++) {
        for (size_t i = 0; i < bench->engine_count; i++) {
            times[i][round] = match_seconds(bench->engines[i], bench->states[i], &queries);
        }
    }
    for (size_t i = 0; i < bench->engine_count; i++) {
        printf("match\t%s\t%s\t%.3f\t%zu\n", traffic_names[traffic], bench->engines[i]->name,
               median(times[i], bench->options.rounds) * 1e9 / (double)queries.count,
               count_wrong(bench->engines[i], bench->states[i], &queries, answers));
        fflush(stdout);
    }
    free(answers);
    queries_free(&queries);
    return true;
}

static void measure_updates(const struct bench *bench)
{
    double times[8][ROUNDS_MAX];

    for (unsigned round = 0; round < bench->options.rounds; round++) {
        for (size_t i = 0; i < bench->engine_count; i++) {
            double begin = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);

            if (bench->engines[i]->update != NULL &&
                !bench->engines[i]->update(bench->states[i], &bench->more)) {
                fprintf(stderr, "%s: update failed\n", bench->engines[i]->name);
            }
            times[i][round] = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - begin;
        }
    }
    for (size_t i = 0; i < bench->engine_count; i++) {
        if (bench->engines[i]->update != NULL) {
            printf("update\t%s\t%.4f\n", bench->engines[i]->name,
                   median(times[i], bench->options.rounds) * 1e6 /
                       (2.0 * (double)bench->more.count));
        }
    }
}

/** What only the index is asked for. */
static bool measure_index(const struct bench *bench)
{
    struct filter_quality quality;
    struct queries queries;
    double milliseconds, ratio;
    size_t bytes;

    if (bench->engine_count == 0 || bench->engines[0] != bench->options.scenario->engines[0]) {
        return false;
    }
    if (!queries_make(&queries, TRAFFIC_MISS, &bench->set, bench->oracle, query_count(bench))) {
        return false;
    }
    if (open_milliseconds(bench->states[0], bench->options.rounds, &milliseconds, &bytes)) {
        printf("open\t%.4f\t%zu\n", milliseconds, bytes);
    }
    if (thread_ratio(bench->engines[0], bench->states[0], &queries, bench->options.rounds,
                     &ratio)) {
        printf("threads\t%.3f\n", ratio);
    }
    if (bench->options.scenario->make == set_make_ipv4 &&
        filter_measure(bench->states[0], &quality)) {
        printf("filter\t%.4f\t%.4f\t%zu\n", quality.bytes_each, quality.others_percent,
               quality.missed);
    }
    queries_free(&queries);
    return true;
}

static void measure_import(const struct bench *bench)
{
    static const char *const forms[IMPORT_FORMS] = {"lines", "CSV", "JSON"};

    for (enum import_form form = 0; form < IMPORT_FORMS; form++) {
        double lines, bytes;

        if (import_speed(&bench->set, form, bench->options.rounds, &lines, &bytes)) {
            printf("import\t%s\t%.0f\t%.0f\n", forms[form], lines, bytes);
        }
    }
}

static bool run(struct bench *bench)
{
    struct options *options = &bench->options;
    bool is_done = options->scenario->make(&bench->set, options->count + UPDATES, options->list);

    if (!is_done) {
        fprintf(stderr, "bench: no memory, or no list %s\n", options->list);
        return false;
    }
    bench->set.count -= UPDATES;
    if (bench->set.prefixes != NULL) {
        bench->more =
            (struct set){.count = UPDATES, .prefixes = bench->set.prefixes + bench->set.count};
    } else {
        bench->more = (struct set){.count = UPDATES, .names = bench->set.names + bench->set.count};
    }
    bench->oracle = oracle_new(&bench->set);
    is_done = bench->oracle != NULL;
    fill_engines(bench);
    for (enum traffic traffic = 0; is_done && traffic < TRAFFICS; traffic++) {
        is_done = measure_traffic(bench, traffic);
    }
    if (is_done) {
        measure_updates(bench);
        measure_index(bench);
    }
    if (is_done && options->has_import) {
        measure_import(bench);
    }
    for (size_t i = 0; i < bench->engine_count; i++) {
        bench->engines[i]->free(bench->states[i]);
    }
    oracle_free(bench->oracle);
    bench->set.count += UPDATES;
    set_free(&bench->set);
    return is_done;
}

static bool find_scenario(const char *name, struct options *options)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (strcmp(scenarios[i].name, name) == 0) {
            options->scenario = &scenarios[i];
            return true;
        }
    }
    return false;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"list", required_argument, NULL, 'l'},
        {"memory", required_argument, NULL, 'm'},
        {"hugepages", no_argument, NULL, 'h'},
        {"rounds", required_argument, NULL, 'r'},
        {"without", required_argument, NULL, 'w'},
        {"import", no_argument, NULL, 'i'},
        {NULL, 0, NULL, 0},
    };
    int letter;

    *options = (struct options){.without = "", .memory_mb = 1024, .rounds = ROUNDS};
    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (letter) {
        case 'l':
            options->list = optarg;
            break;
        case 'm':
            options->memory_mb = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'h':
            options->has_hugepages = true;
            break;
        case 'r':
            options->rounds = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 'i':
            options->has_import = true;
            break;
        case 'w':
            options->without = optarg;
            break;
        default:
            return false;
        }
    }
    if (argc - optind != 2 || !find_scenario(argv[optind], options)) {
        return false;
    }
    options->count = strtoul(argv[optind + 1], NULL, 10);
    return options->count > 0 && options->rounds > 0 && options->rounds <= ROUNDS_MAX;
}

int main(int argc, char **argv)
{
    struct bench bench = {0};

    if (!read_options(argc, argv, &bench.options)) {
        fprintf(stderr, "usage: bench_intel ipv4|ipv6|names COUNT [--list FILE] [--rounds N]\n"
                        "    [--memory MB [--hugepages]] [--without ENGINE,…] [--import]\n");
        return 2;
    }
    bench.options.cpu = pin_to_last_cpu();
    if (bench.options.scenario->make != set_make_names &&
        !fib_start(bench.options.memory_mb, bench.options.has_hugepages, bench.options.cpu)) {
        fprintf(stderr, "bench: DPDK does not start\n");
        return 1;
    }
    return run(&bench) ? 0 : 1;
}
