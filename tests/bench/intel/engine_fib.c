/* SPDX-License-Identifier: MIT */
/* DPDK's rte_fib (DIR24-8) and rte_fib6 (trie), 4 bytes an entry, in bulk. */
#include "bench/intel/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_fib.h>
#include <rte_fib6.h>
#include <rte_lcore.h>

#define UPDATES_MAX    65536u /* routes beyond the set's */
#define TABLE_BYTES    1024u  /* of 256 entries */
#define LINE_MAX_BYTES 256
#define ARGUMENTS_MAX  16

struct fib {
    struct rte_fib *ipv4;
    struct rte_fib6 *ipv6;
    size_t bytes;
    bool is_vector; /* a second view of the first one's tables */
};

bool fib_start(unsigned memory_mb, bool has_hugepages, unsigned cpu)
{
    char line[LINE_MAX_BYTES], *arguments[ARGUMENTS_MAX], *rest = line;
    int count = 0;

    snprintf(line, sizeof(line),
             "bench -l %u -m %u %s --no-shconf --no-pci --no-telemetry --iova-mode=va "
             "--log-level=3 --force-max-simd-bitwidth=512",
             cpu, memory_mb, has_hugepages ? "--in-memory" : "--no-huge");
    while (count < ARGUMENTS_MAX && (arguments[count] = strtok_r(rest, " ", &rest)) != NULL) {
        count++;
    }
    return rte_eal_init(count, arguments) >= 0;
}

/** Tables behind the first 24 bits that the set needs, at most. */
static uint32_t count_tables(const struct set *set)
{
    uint8_t *seen = calloc(1u << 21, 1);
    uint32_t count = 0;

    for (size_t i = 0; seen != NULL && i < set->count; i++) {
        uint32_t network = ipv4_of(&set->prefixes[i].address) >> 8;

        if (set->prefixes[i].length > 96 + 24 && (seen[network / 8] >> network % 8 & 1) == 0) {
            seen[network / 8] |= (uint8_t)(1u << network % 8);
            count++;
        }
    }
    free(seen);
    return count;
}

static bool add_ipv4(struct rte_fib *fib, const struct set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (rte_fib_add(fib, ipv4_of(&set->prefixes[i].address),
                        (uint8_t)(set->prefixes[i].length - 96), i + 1) != 0) {
            fprintf(stderr, "rte_fib: entry %zu: %s\n", i, rte_strerror(rte_errno));
            return false;
        }
    }
    return true;
}

static void *fill_ipv4(const struct set *set)
{
    struct fib *state = calloc(1, sizeof(*state));
    uint32_t tables = count_tables(set);
    struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8,
                                .max_routes = (int)(set->count + UPDATES_MAX)};

    if (state == NULL) {
        return NULL;
    }
    conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_4B;
    conf.dir24_8.num_tbl8 = tables + UPDATES_MAX;
    state->bytes = (size_t)tables * TABLE_BYTES + (4u << 24);
    state->ipv4 = rte_fib_create("bench", (int)rte_socket_id(), &conf);
    if (state->ipv4 == NULL || !add_ipv4(state->ipv4, set)) {
        fprintf(stderr, "rte_fib: %s\n", rte_strerror(rte_errno));
        rte_fib_free(state->ipv4);
        free(state);
        return NULL;
    }
    return state;
}

static void *view_ipv4(const struct set *set)
{
    struct rte_fib *fib = rte_fib_find_existing("bench");
    struct fib *state;

    (void)set;
    if (fib == NULL || rte_fib_select_lookup(fib, RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512) != 0) {
        return NULL;
    }
    state = calloc(1, sizeof(*state));
    if (state != NULL) {
        *state = (struct fib){.ipv4 = fib, .is_vector = true};
    }
    return state;
}

static void match_ipv4(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    struct fib *fib = state;

    rte_fib_select_lookup(fib->ipv4, fib->is_vector ? RTE_FIB_LOOKUP_DIR24_8_VECTOR_AVX512
                                                    : RTE_FIB_LOOKUP_DIR24_8_SCALAR_MACRO);
    rte_fib_lookup_bulk(fib->ipv4, queries->ipv4 + begin, raw, (int)count);
}

static bool update_ipv4(void *state, const struct set *more)
{
    struct fib *fib = state;

    if (!add_ipv4(fib->ipv4, more)) {
        return false;
    }
    for (size_t i = 0; i < more->count; i++) {
        if (rte_fib_delete(fib->ipv4, ipv4_of(&more->prefixes[i].address),
                           (uint8_t)(more->prefixes[i].length - 96)) != 0) {
            return false;
        }
    }
    return true;
}

static int compare_addresses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct address));
}

/** Tables of 8 bits behind the first 24 that the trie needs: one for each prefix of whole bytes
 * below which there is anything. */
static uint32_t count_tables6(const struct set *set)
{
    struct address *keys = malloc((set->count + 1) * sizeof(*keys));
    uint32_t count = 1;

    for (unsigned bytes = 3; keys != NULL && bytes < 16; bytes++) {
        size_t key_count = 0;

        for (size_t i = 0; i < set->count; i++) {
            if (set->prefixes[i].length > 8 * bytes) {
                keys[key_count] = (struct address){{0}};
                memcpy(keys[key_count++].bytes, set->prefixes[i].address.bytes, bytes);
            }
        }
        qsort(keys, key_count, sizeof(*keys), compare_addresses);
        for (size_t i = 0; i < key_count; i++) {
            count += i == 0 || compare_addresses(&keys[i], &keys[i - 1]) != 0;
        }
    }
    free(keys);
    return count;
}

static bool add_ipv6(struct rte_fib6 *fib, const struct set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (rte_fib6_add(fib, set->prefixes[i].address.bytes, set->prefixes[i].length, i + 1) !=
            0) {
            return false;
        }
    }
    return true;
}

static void *fill_ipv6(const struct set *set)
{
    struct fib *state = calloc(1, sizeof(*state));
    struct rte_fib6_conf conf = {.type = RTE_FIB6_TRIE,
                                 .max_routes = (int)(set->count + UPDATES_MAX)};
    uint32_t tables = count_tables6(set);

    if (state == NULL) {
        return NULL;
    }
    conf.trie.nh_sz = RTE_FIB6_TRIE_4B;
    conf.trie.num_tbl8 = tables + UPDATES_MAX;
    state->bytes = (size_t)tables * TABLE_BYTES + (4u << 24);
    state->ipv6 = rte_fib6_create("bench", (int)rte_socket_id(), &conf);
    if (state->ipv6 == NULL || !add_ipv6(state->ipv6, set)) {
        fprintf(stderr, "rte_fib6: %s\n", rte_strerror(rte_errno));
        rte_fib6_free(state->ipv6);
        free(state);
        return NULL;
    }
    return state;
}

static void *view_ipv6(const struct set *set)
{
    struct rte_fib6 *fib = rte_fib6_find_existing("bench");
    struct fib *state;

    (void)set;
    if (fib == NULL || rte_fib6_select_lookup(fib, RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512) != 0) {
        return NULL;
    }
    state = calloc(1, sizeof(*state));
    if (state != NULL) {
        *state = (struct fib){.ipv6 = fib, .is_vector = true};
    }
    return state;
}

static void match_ipv6(void *state, const struct queries *queries, size_t begin, size_t count,
                       void *raw)
{
    struct fib *fib = state;

    rte_fib6_select_lookup(fib->ipv6, fib->is_vector ? RTE_FIB6_LOOKUP_TRIE_VECTOR_AVX512
                                                     : RTE_FIB6_LOOKUP_TRIE_SCALAR);
    rte_fib6_lookup_bulk(fib->ipv6, (uint8_t(*)[16])(void *)(queries->addresses + begin), raw,
                         (int)count);
}

static void to_ids(void *state, const void *raw, size_t count, uint32_t *ret_ids)
{
    const uint64_t *hops = raw;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        ret_ids[i] = (uint32_t)hops[i];
    }
}

static size_t bytes(void *state)
{
    return ((struct fib *)state)->bytes;
}

static void drop(void *state)
{
    struct fib *fib = state;

    if (!fib->is_vector) {
        rte_fib_free(fib->ipv4);
        rte_fib6_free(fib->ipv6);
    }
    free(fib);
}

const struct engine engine_fib = {
    .name = "rte_fib",
    .fill = fill_ipv4,
    .match = match_ipv4,
    .to_ids = to_ids,
    .bytes = bytes,
    .update = update_ipv4,
    .free = drop,
};
const struct engine engine_fib_vector = {
    .name = "rte_fib AVX-512",
    .fill = view_ipv4,
    .match = match_ipv4,
    .to_ids = to_ids,
    .free = drop,
};
const struct engine engine_fib6 = {
    .name = "rte_fib6",
    .fill = fill_ipv6,
    .match = match_ipv6,
    .to_ids = to_ids,
    .bytes = bytes,
    .free = drop,
};
const struct engine engine_fib6_vector = {
    .name = "rte_fib6 AVX-512",
    .fill = view_ipv6,
    .match = match_ipv6,
    .to_ids = to_ids,
    .free = drop,
};
