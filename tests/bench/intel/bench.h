/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_INTEL_BENCH_H
#define TESTS_BENCH_INTEL_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"

/**
 * The indicator index beside others that could do its work. All engines are filled
 * with one set, are asked the same questions in the same process by turns, and each
 * answer is compared with that of an oracle which shares no code with any of them.
 */

/** Questions that are asked at a time; answers of a burst stay in the nearest cache. */
#define BURST 512u

/** Entry i has the id i + 1; no two are equal. Of the two arrays one is there. */
struct set {
    size_t count;
    struct prefix *prefixes;
    char **names;
};

/** A set of @p count: what the file has (or NULL), and made-up entries up to the count. */
bool set_make_ipv4(struct set *set, size_t count, const char *path);
bool set_make_ipv6(struct set *set, size_t count, const char *path);
bool set_make_names(struct set *set, size_t count, const char *path);
void set_free(struct set *set);

/** SplitMix64 (Steele, Lea, Flood 2014): the same numbers on every machine. */
uint64_t random_next(uint64_t *state);

#define WORD_MAX 48u /* bytes of a word of up to eight parts, NUL included */
/** A word that could be part of a name. */
void word_make(uint64_t random, unsigned part_count, char *ret_word);

enum traffic {
    TRAFFIC_MISS,      /* nothing is listed */
    TRAFFIC_HIT,       /* one in a hundred is */
    TRAFFIC_NEAR_MISS, /* not listed, but in the /24 (IPv6: /48, names: domain) of what is */
    TRAFFIC_ZIPF,      /* TRAFFIC_HIT, where few come often */
    TRAFFICS,
};

/** What is looked up; by the kind of set one of the three arrays is there. */
struct queries {
    size_t count;
    uint32_t *ipv4; /* host order */
    struct address *addresses;
    const char **names;
    char *texts; /* of the names, one behind the other: what is measured is not where they lie */
};

struct oracle;

/** Sorted ranges, or sorted names, and a binary search: slow, and easy to believe. */
struct oracle *oracle_new(const struct set *set);
void oracle_free(struct oracle *oracle);
/** The id of the most specific entry that covers it, or 0. */
uint32_t oracle_find(const struct oracle *oracle, const struct address *address);
uint32_t oracle_find_name(const struct oracle *oracle, const char *name);
/** oracle_find() or oracle_find_name() of one of the questions. */
uint32_t oracle_answer(const struct oracle *oracle, const struct queries *queries, size_t i);

bool queries_make(struct queries *queries, enum traffic traffic, const struct set *set,
                  const struct oracle *oracle, size_t count);
void queries_free(struct queries *queries);

/** One that is measured. */
struct engine {
    const char *name;
    /* NULL if it can't hold the set */
    void *(*fill)(const struct set *set);
    /* @p raw has room for BURST answers of 8 bytes, in the engine's own form */
    void (*match)(void *state, const struct queries *queries, size_t begin, size_t count,
                  void *raw);
    void (*to_ids)(void *state, const void *raw, size_t count, uint32_t *ret_ids);
    /* of what look-ups read; 0 if it can't be told */
    size_t (*bytes)(void *state);
    /* takes entries of @p more out and puts them in again, in batches of a thousand; or NULL */
    bool (*update)(void *state, const struct set *more);
    void (*free)(void *state);
    bool answers_bits; /* whether, and not what */
};

extern const struct engine engine_picket_ipv4, engine_picket_ipv6, engine_picket_names;
extern const struct engine engine_fib, engine_fib_vector, engine_fib6, engine_fib6_vector;
extern const struct engine engine_mmdb;
extern const struct engine engine_patricia_ipv4, engine_patricia_ipv6, engine_automaton;
extern const struct engine engine_bitmap, engine_lengths;

/** Starts DPDK; @p memory_mb are hugepages if there are enough, ordinary pages if not. */
bool fib_start(unsigned memory_mb, bool has_hugepages, unsigned cpu);

/** 32 bits of an IPv4 address in host order. */
static inline uint32_t ipv4_of(const struct address *address)
{
    const uint8_t *bytes = address->bytes + 12;

    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline struct address address_of_ipv4(uint32_t value)
{
    return (struct address){{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (uint8_t)(value >> 24),
                             (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}};
}

/** to_ids of engines whose answers are ids of 32 bits. */
void ids_are_answers(void *state, const void *raw, size_t count, uint32_t *ret_ids);

#endif
