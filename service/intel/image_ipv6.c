/* SPDX-License-Identifier: MIT */
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
    uint8_t places[IMAGE_IPV6_MAX];
    uint64_t hashes[IMAGE_IPV6_MAX];
    uint32_t ids[IMAGE_IPV6_MAX];    /* found under the hash, */
    uint32_t probes[IMAGE_IPV6_MAX]; /* and where to go on if it is not the one */
};

/** A prefix that an address may be in. */
struct candidate {
    uint64_t hash;
    uint8_t place; /* of the address */
    uint8_t length;
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

/** The place of the node that an address has come to. */
static uint32_t place_of(const struct walk *walk, uint8_t place)
{
    return (uint32_t)(walk->nodes[place] - walk->image->nodes);
}

/*
 * Where an address goes can't be foretold, so what many addresses come to does not branch
 * on it: each is written down for the next step, and the count tells whether it stays there.
 */

/** Begins with the nodes that the first 32 bits lead to. */
static void begin(struct walk *walk, size_t count)
{
    static const struct layout_node nothing;
    uint32_t firsts[IMAGE_IPV6_MAX] = {0}, ids[IMAGE_IPV6_MAX];

    for (size_t i = 0; i < count; i++) {
        firsts[i] = (uint32_t)(walk->keys[i].high >> 32u);
    }
    trie_match(&walk->image->ipv6, firsts, count, ids);
    walk->count = 0;
    for (size_t i = 0; i < count; i++) {
        walk->nodes[i] = ids[i] == 0 ? &nothing : &walk->image->nodes[ids[i] - 1];
        walk->places[walk->count] = (uint8_t)i;
        walk->count += ids[i] != 0;
        __builtin_prefetch(walk->nodes[i]);
    }
}

/** Of those that have anything below, asks for the words of the filter. */
static void ask_filter(struct walk *walk, unsigned level)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint8_t place = walk->places[i];
        uint64_t hash = hashing_node(place_of(walk, place), part_of(walk->keys[place], level),
                                     walk->image->header->seed);

        exact_prefetch_filter(&walk->image->ipv6_long, hash);
        walk->hashes[count] = hash;
        walk->places[count] = place;
        count += walk->nodes[place]->has_below != 0;
    }
    walk->count = count;
}

/** Of those that the filter lets through, asks for the slots. */
static void ask_slots(struct walk *walk)
{
    const struct exact *exact = &walk->image->ipv6_long;
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint64_t hash = walk->hashes[i];

        walk->hashes[count] = hash;
        walk->places[count] = walk->places[i];
        count += exact_may_have(exact, hash);
    }
    for (size_t i = 0; i < count; i++) {
        exact_prefetch(exact, walk->hashes[i]);
    }
    walk->count = count;
}

/** The node that has an id above those of entries; of any other id, some node. */
static const struct layout_node *node_at(const struct image *image, uint32_t id)
{
    uint32_t entries = image->header->entry_count;

    return &image->nodes[id <= entries ? 0 : id - entries - 1];
}

/** Of those that have anything under their hash, asks for the node that it may be. */
static void ask_nodes(struct walk *walk)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint32_t probe = 0, id = exact_next(&walk->image->ipv6_long, walk->hashes[i], &probe);

        walk->hashes[count] = walk->hashes[i];
        walk->places[count] = walk->places[i];
        walk->ids[count] = id;
        walk->probes[count] = probe;
        if (id != 0) {
            __builtin_prefetch(node_at(walk->image, id));
            count++;
        }
    }
    walk->count = count;
}

/** The node of the i-th that goes on, or NULL. */
static const struct layout_node *find_node(const struct walk *walk, size_t i, unsigned level)
{
    const struct image *image = walk->image;
    uint32_t parent = place_of(walk, walk->places[i]);
    uint16_t part = part_of(walk->keys[walk->places[i]], level);
    uint32_t id = walk->ids[i], probe = walk->probes[i];

    for (; id != 0; id = exact_next(&image->ipv6_long, walk->hashes[i], &probe)) {
        const struct layout_node *node = node_at(image, id);

        if (id > image->header->entry_count && node->parent == parent && node->part == part &&
            node->level == level) {
            return node;
        }
    }
    return NULL;
}

/** Goes on with those that have a node at this level. */
static void descend(struct walk *walk, unsigned level)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint8_t place = walk->places[i];
        const struct layout_node *node = find_node(walk, i, level);

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

        if (entry > image->header->entry_count || group->family != FAMILY_IPV6 ||
            group->length != length) {
            continue;
        }
        memcpy(&found, keys_get(&image->keys, group, entry), sizeof(found));
        if (found.high == wanted.high && found.low == wanted.low) {
            return entry;
        }
    }
    return 0;
}

/** A bit for each length that there may be below a node, the next one's lowest. */
static uint64_t lengths_below(const struct layout_node *node)
{
    uint64_t lengths = node->lengths;

    if (steps[node->level] == 1) {
        return lengths;
    }
    lengths = (lengths | lengths << 16u) & UINT64_C(0x0000ffff0000ffff);
    lengths = (lengths | lengths << 8u) & UINT64_C(0x00ff00ff00ff00ff);
    lengths = (lengths | lengths << 4u) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    lengths = (lengths | lengths << 2u) & UINT64_C(0x3333333333333333);
    lengths = (lengths | lengths << 1u) & UINT64_C(0x5555555555555555);
    return lengths * 3;
}

/** Goes on with those that have lengths left. */
static bool leave_open(struct walk *walk, const uint64_t *lengths)
{
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint8_t place = walk->places[i];

        walk->places[count] = place;
        count += lengths[place] != 0;
    }
    walk->count = count;
    return count > 0;
}

/** Of those that go on, the ones that the filter lets through with their longest length. */
static size_t sift_lengths(struct walk *walk, uint64_t *lengths, struct candidate *ret_candidates)
{
    const struct image *image = walk->image;
    size_t count = 0;

    for (size_t i = 0; i < walk->count; i++) {
        uint8_t place = walk->places[i];
        unsigned bit = 63u - (unsigned)__builtin_clzll(lengths[place]);
        unsigned length = levels[walk->nodes[place]->level] + bit + 1;
        struct ipv6_key key = cut(walk->keys[place], length);
        uint64_t hash = hashing_prefix(key.high, key.low, length, image->header->seed);

        lengths[place] ^= UINT64_C(1) << bit;
        ret_candidates[count] = (struct candidate){hash, place, (uint8_t)length};
        count += exact_may_have(&image->ipv6_long, hash);
    }
    return count;
}

/** Answers by what covers the last nodes, or by the longest prefix below them. */
static void answer(struct walk *walk, size_t count, image_entry *ret_entries)
{
    struct candidate candidates[IMAGE_IPV6_MAX];
    uint64_t lengths[IMAGE_IPV6_MAX];

    walk->count = count;
    for (size_t i = 0; i < count; i++) {
        walk->places[i] = (uint8_t)i;
        lengths[i] = lengths_below(walk->nodes[i]);
        ret_entries[i] = walk->nodes[i]->entry;
    }
    while (leave_open(walk, lengths)) {
        size_t found = sift_lengths(walk, lengths, candidates);

        for (size_t i = 0; i < found; i++) {
            uint8_t place = candidates[i].place;
            image_entry entry = find_prefix(walk->image, walk->keys[place], candidates[i].length,
                                            candidates[i].hash);

            if (entry != 0) {
                ret_entries[place] = entry;
                lengths[place] = 0;
            }
        }
    }
}

void image_match_ipv6(const struct image *image, const struct ipv6_key *keys, size_t count,
                      image_entry *ret_entries)
{
    struct walk walk;

    walk.image = image;
    walk.keys = keys;
    begin(&walk, count);
    for (unsigned level = 1; level < LAYOUT_NODE_LEVELS && walk.count > 0; level++) {
        ask_filter(&walk, level);
        ask_slots(&walk);
        ask_nodes(&walk);
        descend(&walk, level);
    }
    answer(&walk, count, ret_entries);
}
