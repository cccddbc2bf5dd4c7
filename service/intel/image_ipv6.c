/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "intel/hashing.h"
#include "intel/image_parts.h"

/*
 * An IPv6 address is looked up from one level to the next: its first 32 bits in a
 * trie, then by hash whether anything longer is below its first 48 and 64 bits.
 * The last node found knows which lengths there are up to the next level, and what
 * covers it if none of those does. All addresses of a call take a step together.
 */

static const uint8_t levels[] = LAYOUT_LEVELS, steps[] = LAYOUT_STEPS;

/** Addresses on their way. */
struct walk {
    const struct image *image;
    const struct ipv6_key *keys;
    const struct layout_node *nodes[IMAGE_IPV6_MAX]; /* the last one of each */
    size_t count;                                    /* of those that go on */
    uint16_t places[IMAGE_IPV6_MAX];
    uint64_t names[IMAGE_IPV6_MAX]; /* of the nodes that they may come to, */
    uint32_t homes[IMAGE_IPV6_MAX]; /* and lines of these */
};

/** Prefixes that addresses may be in. */
struct candidate {
    uint64_t hash;
    uint16_t place; /* of the address */
    uint16_t length;
};

static struct ipv6_key cut(struct ipv6_key key, unsigned length)
{
    if (length <= 64) {
        return (struct ipv6_key){key.high & UINT64_MAX << (64 - length), 0};
    }
    return (struct ipv6_key){key.high, key.low & UINT64_MAX << (128 - length)};
}

/** The bits of an address that lead to a level of nodes from the one before. */
static uint16_t part_of(struct ipv6_key key, unsigned level)
{
    return (uint16_t)(key.high >> (64u - levels[level]));
}

/*
 * Where an address goes can't be foretold, so what many addresses come to does not branch
 * on it: each is written down for the next step, and the count tells whether it stays there.
 */

/** Begins with the nodes that the first 32 bits lead to. */
static void begin(struct walk *walk, size_t count)
{
    const struct layout_node *nodes = walk->image->nodes;
    uint32_t firsts[IMAGE_IPV6_MAX] = {0}, ids[IMAGE_IPV6_MAX];
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        firsts[i] = (uint32_t)(walk->keys[i].high >> 32u);
    }
    memset(walk->places, 0, count * sizeof(walk->places[0]));
    trie_match(&walk->image->ipv6, firsts, count, ids);
    for (size_t i = 0; i < count; i++) {
        walk->nodes[i] = &nodes[ids[i]];
        walk->places[waiting] = (uint16_t)i;
        waiting += ids[i] != 0;
        __builtin_prefetch(walk->nodes[i]);
    }
    walk->count = waiting;
}

/** The first node of a line of those below the roots. */
static const struct layout_node *line_at(const struct image *image, uint32_t line)
{
    return &image->nodes[image->header->ipv6_root_count + (size_t)line * LAYOUT_NODE_WAYS];
}

static uint32_t line_count(const struct image *image)
{
    size_t below_count = image->node_count - image->header->ipv6_root_count;

    return (uint32_t)(below_count / LAYOUT_NODE_WAYS);
}

/** Of those that have anything below, goes on with what the filter lets through. */
static void sift_nodes(struct walk *walk, unsigned level)
{
    const struct layout_node *nodes = walk->image->nodes;
    struct exact filter = walk->image->ipv6_long;
    uint64_t seed = walk->image->header->seed;
    uint32_t lines = line_count(walk->image);
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint16_t place = walk->places[i];
        const struct layout_node *node = walk->nodes[place];
        uint64_t name =
            layout_node_name((uint32_t)(node - nodes), part_of(walk->keys[place], level), level);
        uint64_t hash = hashing_node(name, seed);

        walk->places[count] = place;
        walk->names[count] = name;
        walk->homes[count] = exact_place(hash, lines);
        count += (unsigned)exact_may_have(&filter, hash) & node->entry >> 31u;
    }
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(line_at(walk->image, walk->homes[i]));
    }
    walk->count = count;
}

/** The node of this name, or NULL. */
static const struct layout_node *find_node(const struct image *image, uint64_t name, uint32_t home)
{
    uint32_t probes = image->header->node_probes, lines = line_count(image);

    for (uint32_t i = 0; i < probes; i++) {
        const struct layout_node *line = line_at(image, exact_behind(home, i, lines));
        unsigned found = 0;

#pragma GCC unroll 4
        for (unsigned k = 0; k < LAYOUT_NODE_WAYS; k++) {
            found |= (unsigned)(line[k].name == name) << k;
        }
        if (found != 0) {
            return &line[__builtin_ctz(found)];
        }
        if (line[LAYOUT_NODE_WAYS - 1].name == 0) {
            break;
        }
    }
    return NULL;
}

/** Goes on with those that have a node at this level. */
static void descend(struct walk *walk)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        const struct layout_node *node = find_node(walk->image, walk->names[i], walk->homes[i]);
        uint16_t place = walk->places[i];

        if (node != NULL) {
            walk->nodes[place] = node;
            walk->places[count++] = place;
        }
    }
    walk->count = count;
}

/** The entry of the first @p length bits of an address, which have this hash, or 0. */
static image_entry find_prefix(const struct image *image, struct ipv6_key key, unsigned length,
                               uint64_t hash)
{
    struct ipv6_key wanted = cut(key, length), found;
    uint32_t place = 0;
    image_entry entry;

    for (entry = exact_next(&image->ipv6_long, hash, &place); entry != 0;
         entry = exact_next(&image->ipv6_long, hash, &place)) {
        const struct layout_group *group = keys_group(&image->keys, entry);

        memcpy(&found, keys_get(&image->keys, group, entry), sizeof(found));
        if (group->length == length && found.high == wanted.high && found.low == wanted.low) {
            return entry;
        }
    }
    return 0;
}

/** A bit for each length that there may be below a node, the next one's lowest. */
static uint64_t lengths_below(const struct layout_node *node)
{
    uint64_t lengths = node->lengths;

    if (steps[layout_node_level(node->name)] == 1) {
        return lengths;
    }
    lengths = (lengths | lengths << 16u) & UINT64_C(0x0000ffff0000ffff);
    lengths = (lengths | lengths << 8u) & UINT64_C(0x00ff00ff00ff00ff);
    lengths = (lengths | lengths << 4u) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    lengths = (lengths | lengths << 2u) & UINT64_C(0x3333333333333333);
    lengths = (lengths | lengths << 1u) & UINT64_C(0x5555555555555555);
    return lengths * 3;
}

/** Begins the last step: what covers the last nodes is the answer, unless there is a prefix of
 * one of these lengths below them. */
static void answer_by_nodes(struct walk *walk, size_t count, uint64_t *ret_lengths,
                            image_entry *ret_entries)
{
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        ret_lengths[i] = lengths_below(walk->nodes[i]);
        ret_entries[i] = walk->nodes[i]->entry & ~LAYOUT_NODE_HAS_BELOW;
        walk->places[waiting] = (uint16_t)i;
        waiting += ret_lengths[i] != 0;
    }
    walk->count = waiting;
}

/** Takes the longest length of each that goes on; gives those that the filter lets through. */
static size_t sift_lengths(const struct walk *walk, uint64_t *lengths,
                           struct candidate *ret_candidates)
{
    struct exact filter = walk->image->ipv6_long;
    uint64_t seed = walk->image->header->seed;
    size_t found = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint16_t place = walk->places[i];
        unsigned bit = 63u - (unsigned)__builtin_clzll(lengths[place]);
        unsigned length = levels[layout_node_level(walk->nodes[place]->name)] + bit + 1;
        struct ipv6_key key = cut(walk->keys[place], length);
        uint64_t hash = hashing_prefix(key.high, key.low, length, seed);

        lengths[place] ^= UINT64_C(1) << bit;
        ret_candidates[found] = (struct candidate){hash, place, (uint16_t)length};
        found += exact_may_have(&filter, hash);
    }
    for (size_t i = 0; i < found; i++) {
        exact_prefetch(&filter, ret_candidates[i].hash);
    }
    return found;
}

/** Goes on with those that have lengths left. */
static void leave_open(struct walk *walk, const uint64_t *lengths)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint16_t place = walk->places[i];

        walk->places[count] = place;
        count += lengths[place] != 0;
    }
    walk->count = count;
}

/** Answers by the longest prefixes below the last nodes. */
static void answer_by_lengths(struct walk *walk, uint64_t *lengths, image_entry *ret_entries)
{
    struct candidate candidates[IMAGE_IPV6_MAX];

    while (walk->count > 0) {
        size_t found = sift_lengths(walk, lengths, candidates);

        for (size_t i = 0; i < found; i++) {
            uint16_t place = candidates[i].place;
            image_entry entry = find_prefix(walk->image, walk->keys[place], candidates[i].length,
                                            candidates[i].hash);

            if (entry != 0) {
                ret_entries[place] = entry;
                lengths[place] = 0;
            }
        }
        leave_open(walk, lengths);
    }
}

void image_match_ipv6(const struct image *image, const struct ipv6_key *keys, size_t count,
                      image_entry *ret_entries)
{
    uint64_t lengths[IMAGE_IPV6_MAX];
    struct walk walk;

    walk.image = image;
    walk.keys = keys;
    begin(&walk, count);
    for (unsigned level = 1; level < LAYOUT_NODE_LEVELS && walk.count > 0; level++) {
        sift_nodes(&walk, level);
        descend(&walk);
    }
    answer_by_nodes(&walk, count, lengths, ret_entries);
    answer_by_lengths(&walk, lengths, ret_entries);
}
