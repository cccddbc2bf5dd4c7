/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_INTEL_MEASURE_H
#define TESTS_BENCH_INTEL_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "bench/intel/bench.h"

struct intel_index;

/** Of a clock of processor time. */
double cpu_seconds(clockid_t clock);
/** Of @p count values, which are put in order. */
double median(double *values, size_t count);
/** The last of the processors that there are; the first one has interrupts to see to. */
unsigned pin_to_last_cpu(void);

/** For all questions once. */
double match_seconds(const struct engine *engine, void *state, const struct queries *queries);
/** intel_open() of the index written to a file, and a first answer. */
bool open_milliseconds(const void *index, unsigned rounds, double *ret_milliseconds,
                       size_t *ret_bytes);
/** What two threads on two processors do together, in units of what one does alone. */
bool thread_ratio(const struct engine *engine, void *state, const struct queries *queries,
                  unsigned rounds, double *ret);

/** Of what devices get of an index. */
struct filter_quality {
    double bytes_each;
    double others_percent; /* of addresses that are none of them, but are found */
    size_t missed;         /* of those that are */
};

/** The filters that are made of an index of addresses, asked as devices ask them. */
bool filter_measure(const struct intel_index *index, struct filter_quality *ret);

/** Forms that a list can come in. */
enum import_form {
    IMPORT_LINES,
    IMPORT_CSV,
    IMPORT_JSON, /* an object a line */
    IMPORT_FORMS,
};
/** How quickly the entries of a set are taken from such a list into a builder. */
bool import_speed(const struct set *set, enum import_form form, unsigned rounds,
                  double *ret_lines_per_s, double *ret_bytes_per_s);

#endif
