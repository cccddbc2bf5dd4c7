/* SPDX-License-Identifier: MIT */
#include "bench/intel/bench.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 300u

/** Prefixes seen so far, by hash, so that a set has none twice. */
struct unique {
    struct set *set;
    size_t capacity;  /* of the set */
    uint32_t *places; /* entry + 1, or 0 */
    size_t mask;
};

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static void clear_host_bits(struct prefix *prefix)
{
    for (unsigned bit = prefix->length; bit < 128; bit++) {
        prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
}

static bool unique_start(struct unique *unique, struct set *set, size_t count)
{
    size_t size = 1024;

    while (size < 2 * count) {
        size *= 2;
    }
    *unique = (struct unique){.set = set, .capacity = count, .mask = size - 1};
    unique->places = calloc(size, sizeof(*unique->places));
    set->prefixes = calloc(count, sizeof(*set->prefixes));
    return unique->places != NULL && set->prefixes != NULL;
}

/** Adds a prefix that is not there yet while there is room. */
static void unique_add(struct unique *unique, struct prefix prefix)
{
    uint64_t halves[2], hash = prefix.length;
    size_t place;

    clear_host_bits(&prefix);
    memcpy(halves, prefix.address.bytes, sizeof(halves));
    hash = random_next(&hash) ^ halves[0];
    hash = random_next(&hash) ^ halves[1];
    place = (size_t)random_next(&hash) & unique->mask;
    while (unique->places[place] != 0) {
        if (memcmp(&unique->set->prefixes[unique->places[place] - 1], &prefix, sizeof(prefix)) ==
            0) {
            return;
        }
        place = (place + 1) & unique->mask;
    }
    if (unique->set->count < unique->capacity) {
        unique->set->prefixes[unique->set->count++] = prefix;
        unique->places[place] = (uint32_t)unique->set->count;
    }
}

static bool read_prefix(char *text, bool is_ipv6, struct prefix *ret)
{
    char *slash = strchr(text, '/');
    unsigned bits = is_ipv6 ? 128 : 32, length = bits;
    struct prefix prefix = {.address = address_of_ipv4(0)};

    if (slash != NULL) {
        *slash = '\0';
        length = (unsigned)strtoul(slash + 1, NULL, 10);
    }
    if (length == 0 || length > bits ||
        inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, prefix.address.bytes + (is_ipv6 ? 0 : 12)) !=
            1) {
        return false;
    }
    prefix.length = (uint8_t)(128 - bits + length);
    *ret = prefix;
    return true;
}

static bool read_prefixes(struct unique *unique, const char *path, bool is_ipv6)
{
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    char line[TEXT_MAX];
    struct prefix prefix;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (read_prefix(line, is_ipv6, &prefix)) {
            unique_add(unique, prefix);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return path == NULL || file != NULL;
}

/** A builder must not profit from the order of the files. */
static void shuffle(struct set *set, uint64_t *seed)
{
    for (size_t i = set->count; i > 1; i--) {
        size_t k = (size_t)(random_next(seed) % i);

        if (set->prefixes != NULL) {
            struct prefix prefix = set->prefixes[i - 1];

            set->prefixes[i - 1] = set->prefixes[k];
            set->prefixes[k] = prefix;
        } else {
            char *name = set->names[i - 1];

            set->names[i - 1] = set->names[k];
            set->names[k] = name;
        }
    }
}

static bool is_routed(uint32_t ipv4)
{
    uint32_t first = ipv4 >> 24;

    return first != 0 && first != 10 && first != 127 && first < 224;
}

/**
 * An indicator near one that is there, as real lists grow: measured in 1.5 million real
 * ones, 83 % are hosts, and a /24 with any has three.
 */
static struct prefix ipv4_near(const struct prefix *seed, uint64_t *random)
{
    static const struct {
        unsigned percent;
        uint32_t far; /* bits that may differ from the seed's */
        uint8_t length;
    } growth[] = {
        {52, 0x000000ff, 32}, {83, 0x0000ffff, 32}, {88, 0x000003ff, 31}, {92, 0x00000fff, 30},
        {95, 0x0000ffff, 29}, {98, 0x0000ffff, 24}, {99, 0x0003ffff, 22}, {100, 0x00ffffff, 20},
    };
    uint64_t value = random_next(random);
    uint32_t percent = (uint32_t)(value % 100), base = ipv4_of(&seed->address);
    size_t row = 0;

    while (growth[row].percent <= percent) {
        row++;
    }
    base ^= (uint32_t)(value >> 32) & growth[row].far;
    return (struct prefix){address_of_ipv4(base), (uint8_t)(96 + growth[row].length)};
}

bool set_make_ipv4(struct set *set, size_t count, const char *path)
{
    struct unique unique;
    uint64_t random = 4;
    bool is_made;

    *set = (struct set){0};
    is_made = unique_start(&unique, set, count) && read_prefixes(&unique, path, false);
    /* without a list: networks, spread evenly, to grow from */
    while (is_made && set->count < count / 500 + 1) {
        uint32_t value = (uint32_t)random_next(&random);

        if (is_routed(value)) {
            unique_add(&unique, (struct prefix){address_of_ipv4(value), 128});
        }
    }
    while (is_made && set->count < count) {
        struct prefix near = ipv4_near(&set->prefixes[random_next(&random) % set->count], &random);

        if (is_routed(ipv4_of(&near.address))) {
            unique_add(&unique, near);
        }
    }
    shuffle(set, &random);
    free(unique.places);
    return is_made;
}

/** The 38 lengths of real lists, the frequent ones often. */
static const uint8_t ipv6_lengths[] = {128, 64, 48,  32, 128, 64,  48,  29, 128, 64, 44, 40,
                                       36,  56, 128, 48, 33,  34,  35,  37, 38,  39, 41, 42,
                                       43,  45, 46,  47, 49,  50,  52,  53, 54,  55, 57, 60,
                                       61,  62, 63,  96, 112, 120, 124, 28, 30,  31, 24, 25};

/** An indicator beside one that is there, and seldom inside it. */
static struct prefix ipv6_near(const struct prefix *seed, uint64_t *random)
{
    uint64_t value = random_next(random), halves[2] = {random_next(random), random_next(random)};
    unsigned kept = seed->length > 64 ? 40 : seed->length > 28 ? seed->length - 12u : 16;
    struct prefix prefix = {.length = ipv6_lengths[value % sizeof(ipv6_lengths)]};

    memcpy(prefix.address.bytes, halves, sizeof(halves));
    for (unsigned bit = 0; bit < kept; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);

        prefix.address.bytes[bit / 8] = (uint8_t)((prefix.address.bytes[bit / 8] & ~mask) |
                                                  (seed->address.bytes[bit / 8] & mask));
    }
    return prefix;
}

bool set_make_ipv6(struct set *set, size_t count, const char *path)
{
    struct unique unique;
    uint64_t random = 6;
    bool is_made;

    *set = (struct set){0};
    is_made = unique_start(&unique, set, count) && read_prefixes(&unique, path, true);
    while (is_made && set->count < count / 500 + 1) {
        struct prefix prefix = {.length = 48};
        uint64_t value = random_next(&random);

        memcpy(prefix.address.bytes, &value, 6);
        prefix.address.bytes[0] = (uint8_t)(0x20 | (prefix.address.bytes[0] & 0x0f));
        unique_add(&unique, prefix);
    }
    while (is_made && set->count < count) {
        unique_add(&unique, ipv6_near(&set->prefixes[random_next(&random) % set->count], &random));
    }
    shuffle(set, &random);
    free(unique.places);
    return is_made;
}

static void read_names(struct set *set, size_t count, const char *path, bool *ret_is_read)
{
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    char line[TEXT_MAX];

    while (file != NULL && set->count < count && fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        set->names[set->count++] = strdup(line);
    }
    if (file != NULL) {
        fclose(file);
    }
    *ret_is_read = path == NULL || file != NULL;
}

bool set_make_names(struct set *set, size_t count, const char *path)
{
    static const char *const tails[] = {"com",    "net",   "org",         "info",
                                        "ru",     "cn",    "top",         "xyz",
                                        "com.br", "co.uk", "duckdns.org", "no-ip.biz"};
    uint64_t random = 8;
    bool is_made;

    *set = (struct set){.names = calloc(count, sizeof(*set->names))};
    if (set->names == NULL) {
        return false;
    }
    read_names(set, count, path, &is_made);
    while (is_made && set->count < count) {
        uint64_t value = random_next(&random);
        char word[WORD_MAX], name[TEXT_MAX];
        const char *tail = tails[(value >> 8) % (sizeof(tails) / sizeof(tails[0]))];

        word_make(value, 2 + (unsigned)(value >> 60) % 3, word);
        /* the number makes it unlike all others */
        snprintf(name, sizeof(name), "%s%s%zx.%s", (value >> 16) % 8 == 0 ? "www." : "", word,
                 set->count, tail);
        set->names[set->count++] = strdup(name);
    }
    shuffle(set, &random);
    return is_made;
}

void set_free(struct set *set)
{
    for (size_t i = 0; set->names != NULL && i < set->count; i++) {
        free(set->names[i]);
    }
    free(set->names);
    free(set->prefixes);
    *set = (struct set){0};
}
