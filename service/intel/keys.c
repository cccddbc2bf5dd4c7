/* SPDX-License-Identifier: MIT */
#include "intel/keys.h"

#include <string.h>

#include "intel/hashing.h"

size_t keys_size(const struct layout_group *group)
{
    return group->family == FAMILY_IPV4   ? 4
           : group->family == FAMILY_IPV6 ? 16
                                          : (size_t)group->length + 1;
}

const struct layout_group *keys_group(const struct keys *keys, uint32_t entry)
{
    size_t place = 0;

    for (size_t left = keys->group_count; left > 1; left -= left / 2) {
        if (keys->groups[place + left / 2].first <= entry) {
            place += left / 2;
        }
    }
    return &keys->groups[place];
}

const uint8_t *keys_get(const struct keys *keys, const struct layout_group *group, uint32_t entry)
{
    return keys->bytes + group->keys + (size_t)(entry - group->first) * keys_size(group);
}

/* --- names --- */

/*
 * A name is read in blocks of 16 bytes that are counted from its end, which the domains that it
 * is below have in common. The hash of a domain is that of its first 16 bytes, or as many as there
 * are, and of the whole blocks behind the first byte. Nothing branches on lengths of labels, which
 * can't be foretold.
 */
#define BLOCK      16u
#define BLOCKS_MAX 16u /* of 255 bytes, the first of them not whole */

struct reading {
    const char *name;
    size_t length;
    uint64_t seed;
    uint64_t hashes[BLOCKS_MAX];   /* of as many whole blocks at the end */
    uint64_t dots[BLOCKS_MAX / 4]; /* of four blocks from the end on: bits, the last byte highest */
    char only[BLOCK];              /* of a name that is shorter, its end */
};

/** Of a block all but its first bytes, in front of what has the hash @p behind. */
static uint64_t hash_block(const struct reading *reading, uint64_t behind, const char *block,
                           size_t omitted)
{
    static const uint8_t all[2 * BLOCK] = {[BLOCK] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff,           0xff, 0xff, 0xff, 0xff, 0xff,
                                           0xff,           0xff, 0xff, 0xff};
    uint64_t halves[2], kept[2];

    memcpy(halves, block, BLOCK);
    memcpy(kept, all + BLOCK - omitted, BLOCK);
    return hashing_fold((halves[0] & kept[0]) ^ behind, (halves[1] & kept[1]) ^ reading->seed);
}

/** A bit for each dot in a block, the first byte's lowest. */
static uint64_t find_dots(const char *block)
{
    typedef uint8_t vector __attribute__((vector_size(BLOCK)));
    static const uint64_t gathering = UINT64_C(0x0102040810204080);
    vector bytes;
    uint64_t halves[2];

    memcpy(&bytes, block, BLOCK);
    bytes = (vector)(bytes == '.') & 1;
    memcpy(halves, &bytes, BLOCK);
    return halves[0] * gathering >> 56u | halves[1] * gathering >> 56u << 8u;
}

static void note_dots(struct reading *reading, size_t number, uint64_t dots)
{
    reading->dots[number / 4] |= dots << (48u - 16u * (number % 4));
}

static void read_blocks(struct reading *reading)
{
    const char *name = reading->name;
    size_t count = reading->length / BLOCK, rest = reading->length % BLOCK;

    memset(reading->dots, 0, sizeof(reading->dots));
    reading->hashes[0] = reading->seed ^ HASHING_SALT_A;
    for (size_t i = 0; i < count; i++) {
        const char *block = name + reading->length - (i + 1) * BLOCK;

        note_dots(reading, i, find_dots(block));
        reading->hashes[i + 1] = hash_block(reading, reading->hashes[i], block, 0);
    }
    if (count == 0) {
        memset(reading->only, 0, BLOCK);
        memcpy(reading->only + BLOCK - rest, name, rest);
        note_dots(reading, 0, find_dots(reading->only));
    } else {
        note_dots(reading, count, find_dots(name) << (BLOCK - rest));
    }
}

/** Finds where domains begin: behind dots, but for one that nothing follows. */
static size_t find_starts(struct reading *reading, struct keys_domain ret_domains[KEYS_LABELS_MAX])
{
    size_t count = 1;

    ret_domains[0].start = 0;
    reading->dots[0] &= UINT64_MAX >> 1u;
    for (size_t i = reading->length / 64 + 1; i > 0; i--) {
        size_t end = reading->length - 64 * i + 1;

        for (uint64_t dots = reading->dots[i - 1]; dots != 0 && count < KEYS_LABELS_MAX;
             dots &= dots - 1) {
            ret_domains[count++].start = (uint8_t)(end + (unsigned)__builtin_ctzll(dots));
        }
    }
    return count;
}

static void hash_domains(const struct reading *reading, struct keys_domain *domains, size_t count)
{
    bool is_short = reading->length < BLOCK;
    const char *bytes = is_short ? reading->only : reading->name;
    size_t last = is_short ? 0 : reading->length - BLOCK; /* where a block can begin */

    for (size_t i = 0; i < count; i++) {
        size_t start = domains[i].start, left = reading->length - start;

        domains[i].hash = hashing_end(hash_block(reading, reading->hashes[(left - 1) / BLOCK],
                                                 bytes + (start < last ? start : last),
                                                 left < BLOCK ? BLOCK - left : 0));
    }
}

size_t keys_read_name(const char *name, uint64_t seed, size_t labels_min,
                      struct keys_domain ret_domains[KEYS_LABELS_MAX])
{
    struct reading reading;
    size_t count;

    reading.name = name;
    reading.length = strnlen(name, UINT8_MAX);
    reading.seed = seed;
    if (reading.length == 0) {
        return 0;
    }
    read_blocks(&reading);
    count = find_starts(&reading, ret_domains);
    count = count < labels_min ? 0 : count - labels_min + 1;
    hash_domains(&reading, ret_domains, count);
    return count;
}

uint64_t keys_hash_fingerprint(const char *text, uint8_t family, uint64_t seed)
{
    return hashing_run(text, strlen(text), seed + family);
}

uint32_t keys_find_text(const struct keys *keys, const struct exact *exact, uint64_t hash,
                        uint8_t family, const char *text)
{
    uint32_t place = 0, entry;

    if (!exact_may_have(exact, hash)) {
        return 0;
    }
    for (entry = exact_next(exact, hash, &place); entry != 0;
         entry = exact_next(exact, hash, &place)) {
        const struct layout_group *group = keys_group(keys, entry);

        if (group->family == family &&
            strcmp((const char *)keys_get(keys, group, entry), text) == 0) {
            return entry;
        }
    }
    return 0;
}
