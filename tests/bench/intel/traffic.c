/* SPDX-License-Identifier: MIT */
#include "bench/intel/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ZIPF_DISTINCT  65536u /* destinations of a fleet */
#define NEAR_ATTEMPTS  64u    /* where all near it is listed, too */
#define NAME_MAX_BYTES 256u

/** What one question is made of. */
struct source {
    const struct set *set;
    const struct oracle *oracle;
    bool is_ipv4;
    uint64_t random;
    char *text; /* room for the next name */
};

static struct address random_address(struct source *source)
{
    uint64_t halves[2] = {random_next(&source->random), random_next(&source->random)};
    struct address address;

    if (source->is_ipv4) {
        return address_of_ipv4((uint32_t)halves[0]);
    }
    memcpy(address.bytes, halves, sizeof(address.bytes));
    address.bytes[0] = (uint8_t)(0x20 | (address.bytes[0] & 0x0f));
    return address;
}

/** The entry's first @p length bits, and any others. */
static struct address address_within(struct source *source, const struct prefix *prefix,
                                     unsigned length)
{
    struct address address = random_address(source);

    for (unsigned bit = 0; bit < length; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);

        address.bytes[bit / 8] =
            (uint8_t)((address.bytes[bit / 8] & ~mask) | (prefix->address.bytes[bit / 8] & mask));
    }
    return address;
}

static const struct prefix *random_prefix(struct source *source)
{
    return &source->set->prefixes[random_next(&source->random) % source->set->count];
}

static struct address missing_address(struct source *source, bool is_near)
{
    for (unsigned attempt = 0;; attempt++) {
        struct address address;

        if (is_near && attempt < NEAR_ATTEMPTS) {
            address = address_within(source, random_prefix(source), source->is_ipv4 ? 120 : 48);
        } else {
            address = random_address(source);
        }
        if (oracle_find(source->oracle, &address) == 0) {
            return address;
        }
    }
}

static struct address make_address(struct source *source, enum traffic traffic)
{
    /* half of the misses that devices see of IPv6 are in networks that are in use */
    bool is_near =
        traffic == TRAFFIC_NEAR_MISS || (!source->is_ipv4 && random_next(&source->random) % 2 == 0);

    if (traffic != TRAFFIC_MISS && !(traffic == TRAFFIC_NEAR_MISS) &&
        random_next(&source->random) % 100 == 0) {
        const struct prefix *prefix = random_prefix(source);

        return address_within(source, prefix, prefix->length);
    }
    return missing_address(source, is_near);
}

static void make_name(struct source *source, enum traffic traffic, char name[NAME_MAX_BYTES])
{
    static const char *const tails[] = {"com", "net", "io", "de", "co.uk", "org"};
    uint64_t value = random_next(&source->random);
    const char *listed = source->set->names[(value >> 8) % source->set->count];
    char host[WORD_MAX], word[WORD_MAX];
    bool is_hit = traffic != TRAFFIC_MISS && traffic != TRAFFIC_NEAR_MISS && value % 100 == 0;

    word_make(value >> 20, 1, host);
    word_make(random_next(&source->random), 2 + (unsigned)(value >> 60) % 3, word);
    if (is_hit) {
        snprintf(name, NAME_MAX_BYTES, "%s%s%.200s", value & 4 ? host : "", value & 4 ? "." : "",
                 listed);
    } else if (traffic == TRAFFIC_NEAR_MISS) {
        /* its end is a listed name, but within a label */
        snprintf(name, NAME_MAX_BYTES, "%s.%s-%.150s", host, word, listed);
    } else {
        snprintf(name, NAME_MAX_BYTES, "%s.%s.%s", host, word, tails[(value >> 10) % 6]);
    }
}

static void make_one(struct queries *queries, size_t i, struct source *source, enum traffic traffic)
{
    struct address address;

    if (queries->names != NULL) {
        make_name(source, traffic, source->text);
        queries->names[i] = source->text;
        source->text += strlen(source->text) + 1;
        return;
    }
    address = make_address(source, traffic);
    if (queries->ipv4 != NULL) {
        queries->ipv4[i] = ipv4_of(&address);
    } else {
        queries->addresses[i] = address;
    }
}

/** Rank of a number evenly in [0, 1): the inverse of Zipf's distribution with exponent 1. */
static size_t zipf_rank(double even)
{
    return (size_t)pow((double)ZIPF_DISTINCT, even) - 1;
}

/** Asks the same questions again, each as often as its rank says. */
static bool repeat_by_rank(struct queries *queries, struct source *source)
{
    size_t size = queries->names != NULL  ? sizeof(*queries->names)
                  : queries->ipv4 != NULL ? sizeof(*queries->ipv4)
                                          : sizeof(*queries->addresses);
    char *all = queries->names != NULL  ? (char *)queries->names
                : queries->ipv4 != NULL ? (char *)queries->ipv4
                                        : (char *)queries->addresses;
    char *once = malloc(queries->count * size);

    if (once == NULL) {
        return false;
    }
    memcpy(once, all, queries->count * size);
    for (size_t i = 0; i < queries->count; i++) {
        double even = (double)(random_next(&source->random) >> 11) * 0x1.0p-53;

        memcpy(all + i * size, once + zipf_rank(even) * size, size);
    }
    free(once);
    return true;
}

bool queries_make(struct queries *queries, enum traffic traffic, const struct set *set,
                  const struct oracle *oracle, size_t count)
{
    struct source source = {.set = set, .oracle = oracle, .random = 100 + (uint64_t)traffic};

    source.is_ipv4 = set->prefixes != NULL && address_is_ipv4(&set->prefixes[0].address);
    *queries = (struct queries){.count = count};
    if (set->names != NULL) {
        queries->names = calloc(count, sizeof(*queries->names));
        queries->texts = malloc(count * NAME_MAX_BYTES);
    } else if (source.is_ipv4) {
        queries->ipv4 = calloc(count, sizeof(*queries->ipv4));
    } else {
        queries->addresses = calloc(count, sizeof(*queries->addresses));
    }
    if ((queries->names == NULL || queries->texts == NULL) && queries->ipv4 == NULL &&
        queries->addresses == NULL) {
        queries_free(queries);
        return false;
    }
    source.text = queries->texts;
    for (size_t i = 0; i < count; i++) {
        make_one(queries, i, &source, traffic);
    }
    return traffic != TRAFFIC_ZIPF || repeat_by_rank(queries, &source);
}

void queries_free(struct queries *queries)
{
    free(queries->names);
    free(queries->texts);
    free(queries->ipv4);
    free(queries->addresses);
    *queries = (struct queries){0};
}
