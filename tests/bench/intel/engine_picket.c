/* SPDX-License-Identifier: MIT */
/* The index, by its public interface alone. */
#include "bench/intel/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/intel.h"
#include "intel/live.h"

#define CHANGES 1000u /* made visible at a time */

/** What all indicators of the set say. */
static const struct indicator bench_indicator = {
    .observable = {.kind = OBSERVABLE_ADDRESS, .text = ""},
    .confidence = 50,
    .feed = "bench",
    .category = "",
    .comment = "",
    .reference = "",
    .scope = "",
};

/** Makes an indicator that of an entry. */
static void aim(struct indicator *indicator, const struct set *set, size_t i)
{
    indicator->line = (uint32_t)i + 1;
    if (set->names != NULL) {
        indicator->observable.kind = OBSERVABLE_NAME;
        indicator->observable.text = set->names[i];
    } else {
        indicator->observable.prefix = set->prefixes[i];
    }
}

static const struct intel_feed bench_feed = {
    .name = "bench", .source = "", .licence = "", .category = "", .confidence = 50};

static void *fill(const struct set *set)
{
    struct intel_builder *builder = intel_builder_new();
    struct indicator indicator = bench_indicator;
    struct intel_index *index = NULL;
    struct err error = {""};
    enum picket_status status = builder == NULL ? PICKET_E_NOMEM : PICKET_OK;

    if (status == PICKET_OK) {
        status = intel_begin_feed(builder, &bench_feed);
    }
    for (size_t i = 0; status == PICKET_OK && i < set->count; i++) {
        aim(&indicator, set, i);
        status = intel_add(builder, &indicator);
    }
    if (status == PICKET_OK) {
        status = intel_build(builder, &index, &error);
    }
    if (status != PICKET_OK) {
        fprintf(stderr, "picket: %s %s\n", picket_strerror(status), error.text);
    }
    intel_builder_free(builder);
    return index;
}

static void match_ipv4(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    intel_match_ipv4(state, queries->ipv4 + begin, count, raw);
}

static void match_ipv6(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    intel_match(state, queries->addresses + begin, count, raw);
}

static void match_names(void *state, const struct queries *queries, size_t begin, size_t count,
                        void *raw)
{
    intel_match_names(state, queries->names + begin, count, raw);
}

static void to_ids(void *state, const void *raw, size_t count, uint32_t *ret_ids)
{
    const intel_record *records = raw;

    for (size_t i = 0; i < count; i++) {
        ret_ids[i] = records[i] == 0 ? 0 : intel_indicator(state, records[i]).line;
    }
}

static size_t lookup_bytes(void *state)
{
    struct intel_stats stats;

    intel_get_stats(state, &stats);
    return stats.lookup_bytes;
}

/** One batch in the place of *index; the first version belongs to who made it. */
static bool change(struct intel_index **index, struct intel_index *first, const struct set *more,
                   size_t begin, enum intel_change_kind kind)
{
    struct intel_change *changes = calloc(CHANGES, sizeof(*changes));
    struct intel_index *next = NULL;
    struct err error = {""};
    enum picket_status status = PICKET_E_NOMEM;
    size_t count = more->count - begin < CHANGES ? more->count - begin : CHANGES;

    if (changes != NULL) {
        for (size_t i = 0; i < count; i++) {
            changes[i] = (struct intel_change){kind, bench_feed, bench_indicator};
            aim(&changes[i].indicator, more, begin + i);
        }
        status = intel_change(*index, changes, count, &next, &error);
    }
    free(changes);
    if (status != PICKET_OK) {
        fprintf(stderr, "picket: %s %s\n", picket_strerror(status), error.text);
        return false;
    }
    if (*index != first) {
        intel_index_free(*index);
    }
    *index = next;
    return true;
}

static bool update(void *state, const struct set *more)
{
    static const enum intel_change_kind kinds[] = {INTEL_PUT, INTEL_REMOVE};
    struct intel_index *first = state, *index = first;
    bool is_done = true;

    for (size_t kind = 0; kind < 2; kind++) {
        for (size_t i = 0; is_done && i < more->count; i += CHANGES) {
            is_done = change(&index, first, more, i, kinds[kind]);
        }
    }
    if (index != first) {
        intel_index_free(index);
    }
    return is_done;
}

static void drop(void *state)
{
    intel_index_free(state);
}

const struct engine engine_picket_ipv4 = {
    .name = "picket",
    .fill = fill,
    .match = match_ipv4,
    .to_ids = to_ids,
    .bytes = lookup_bytes,
    .update = update,
    .free = drop,
};
const struct engine engine_picket_ipv6 = {
    .name = "picket",
    .fill = fill,
    .match = match_ipv6,
    .to_ids = to_ids,
    .bytes = lookup_bytes,
    .update = update,
    .free = drop,
};
const struct engine engine_picket_names = {
    .name = "picket",
    .fill = fill,
    .match = match_names,
    .to_ids = to_ids,
    .bytes = lookup_bytes,
    .update = update,
    .free = drop,
};
