/* SPDX-License-Identifier: MIT */
#include "bench/intel/bench.h"

#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 number;

struct edge {
    number first, last;
    uint32_t id;
    uint8_t length;
};

struct range {
    number first; /* up to the next one's */
    uint32_t id;
};

struct named {
    const char *name;
    uint32_t id;
};

struct oracle {
    struct range *ranges;
    size_t range_count;
    struct named *names;
    size_t name_count;
};

static number number_of(const struct address *address)
{
    number value = 0;

    for (size_t i = 0; i < 16; i++) {
        value = value << 8 | address->bytes[i];
    }
    return value;
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->first != y->first) {
        return x->first < y->first ? -1 : 1;
    }
    return (x->length > y->length) - (x->length < y->length);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/** A later range of the same start takes its place. */
static void add_range(struct oracle *oracle, number first, uint32_t id)
{
    if (oracle->range_count > 0 && oracle->ranges[oracle->range_count - 1].first == first) {
        oracle->range_count--;
    }
    oracle->ranges[oracle->range_count++] = (struct range){first, id};
}

/** Nested prefixes, sorted, become ranges side by side. */
static void flatten(struct oracle *oracle, const struct edge *edges, size_t count)
{
    const struct edge *open[130];
    size_t depth = 0;

    add_range(oracle, 0, 0);
    for (size_t i = 0; i <= count; i++) {
        while (depth > 0 && (i == count || open[depth - 1]->last < edges[i].first)) {
            depth--;
            if (open[depth]->last + 1 != 0) {
                add_range(oracle, open[depth]->last + 1, depth == 0 ? 0 : open[depth - 1]->id);
            }
        }
        if (i < count) {
            open[depth++] = &edges[i];
            add_range(oracle, edges[i].first, edges[i].id);
        }
    }
}

static bool take_prefixes(struct oracle *oracle, const struct set *set)
{
    struct edge *edges = calloc(set->count + 1, sizeof(*edges));

    oracle->ranges = calloc(2 * set->count + 1, sizeof(*oracle->ranges));
    if (edges == NULL || oracle->ranges == NULL) {
        free(edges);
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct prefix *prefix = &set->prefixes[i];
        number first = number_of(&prefix->address);
        number host = prefix->length == 0 ? ~(number)0 : ((number)1 << (128 - prefix->length)) - 1;

        edges[i] = (struct edge){first, first | host, (uint32_t)i + 1, prefix->length};
    }
    qsort(edges, set->count, sizeof(*edges), compare_edges);
    flatten(oracle, edges, set->count);
    free(edges);
    return true;
}

static bool take_names(struct oracle *oracle, const struct set *set)
{
    oracle->names = calloc(set->count + 1, sizeof(*oracle->names));
    if (oracle->names == NULL) {
        return false;
    }
    for (size_t i = 0; i < set->count; i++) {
        oracle->names[i] = (struct named){set->names[i], (uint32_t)i + 1};
    }
    oracle->name_count = set->count;
    qsort(oracle->names, set->count, sizeof(*oracle->names), compare_names);
    return true;
}

struct oracle *oracle_new(const struct set *set)
{
    struct oracle *oracle = calloc(1, sizeof(*oracle));

    if (oracle != NULL &&
        !(set->names != NULL ? take_names(oracle, set) : take_prefixes(oracle, set))) {
        oracle_free(oracle);
        oracle = NULL;
    }
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    if (oracle != NULL) {
        free(oracle->ranges);
        free(oracle->names);
        free(oracle);
    }
}

uint32_t oracle_find(const struct oracle *oracle, const struct address *address)
{
    number value = number_of(address);
    size_t low = 0, high = oracle->range_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (oracle->ranges[middle].first <= value) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return oracle->ranges[low].id;
}

uint32_t oracle_find_name(const struct oracle *oracle, const char *name)
{
    for (; name != NULL; name = strchr(name, '.')) {
        struct named wanted = {.name = *name == '.' ? ++name : name};
        const struct named *found = bsearch(&wanted, oracle->names, oracle->name_count,
                                            sizeof(*oracle->names), compare_names);

        if (found != NULL) {
            return found->id;
        }
    }
    return 0;
}

uint32_t oracle_answer(const struct oracle *oracle, const struct queries *queries, size_t i)
{
    struct address address;

    if (queries->names != NULL) {
        return oracle_find_name(oracle, queries->names[i]);
    }
    address = queries->ipv4 != NULL ? address_of_ipv4(queries->ipv4[i]) : queries->addresses[i];
    return oracle_find(oracle, &address);
}
