/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "intel/hashing.h"
#include "intel/trie.h"

#define NESTING_MAX 129u /* prefix lengths 0..128 */

static bool span_covers(const struct span *outer, const struct span *inner)
{
    unsigned bits = outer->length;
    uint64_t high = outer->high ^ inner->high, low = outer->low ^ inner->low;

    if (bits < 64) {
        return bits == 0 || high >> (64 - bits) == 0;
    }
    return high == 0 && (bits == 64 || low >> (128 - bits) == 0);
}

static bool prefix_covers(const struct trie_prefix *outer, const struct trie_prefix *inner)
{
    return outer->length == 0 || (outer->key ^ inner->key) >> (32u - outer->length) == 0;
}

static void find_ipv4_parents(struct making *making)
{
    const struct trie_prefix *open[NESTING_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < making->prefix_count; i++) {
        const struct trie_prefix *prefix = &making->prefixes[i];

        while (depth > 0 && !prefix_covers(open[depth - 1], prefix)) {
            depth--;
        }
        making->parents[prefix->id] = depth == 0 ? 0 : open[depth - 1]->id;
        assert(depth < NESTING_MAX);
        open[depth++] = prefix;
    }
}

static void find_ipv6_parents(struct making *making)
{
    const struct span *open[NESTING_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < making->span_count; i++) {
        const struct span *span = &making->spans[i];

        while (depth > 0 && !span_covers(open[depth - 1], span)) {
            depth--;
        }
        making->parents[span->entry] = depth == 0 ? 0 : open[depth - 1]->entry;
        assert(depth < NESTING_MAX);
        open[depth++] = span;
    }
}

static void take_trie(struct making *making, struct trie_sections *trie,
                      enum layout_section section)
{
    making->sections[section] = trie->summary;
    making->sections[section + 1] = trie->index;
    making->sections[section + 2] = trie->lines;
    making->sections[section + 3] = trie->leaves;
    making->sections[section + 4] = trie->words;
}

static enum picket_status make_ipv4(struct making *making)
{
    struct trie_sections trie;
    enum picket_status status;

    find_ipv4_parents(making);
    status = trie_build(making->prefixes, making->prefix_count, &trie);
    take_trie(making, &trie, SECTION_IPV4_SUMMARY);
    free(making->prefixes);
    making->prefixes = NULL;
    return status;
}

/** Nodes of IPv6 while they are gathered, in the order of keys; those of the trie apart. */
struct gathering {
    struct trie_prefix *prefixes; /* of roots but the first, whose numbers they have */
    struct layout_node *roots;    /* the first one of nothing */
    uint32_t root_count;
    struct buf below; /* the others, whose parents are numbers of roots, or of one of these */
    uint32_t last[LAYOUT_NODE_LEVELS]; /* number of the last node of each level among its kind */
};

static const uint8_t levels[] = LAYOUT_LEVELS, steps[] = LAYOUT_STEPS;

/** The innermost prefix of up to @p bits that covers @p span or is it. */
static uint32_t short_cover(const struct making *making, const struct span *span, unsigned bits)
{
    uint32_t entry = span->entry;

    while (entry != 0 && keys_group(&making->keys, entry)->length > bits) {
        entry = making->parents[entry];
    }
    return entry;
}

/** The node of the trie that @p span is, or is below: the last one, or a new one. */
static struct layout_node *gather_root(const struct making *making, struct gathering *gathering,
                                       const struct span *span)
{
    uint8_t bits = span->length < levels[0] ? span->length : levels[0];
    uint32_t key = (uint32_t)(span->high >> 32u), count = gathering->root_count;
    struct trie_prefix *prefix = &gathering->prefixes[count - 1];

    if (count > 1 && prefix[-1].key == key && prefix[-1].length == bits) {
        return &gathering->roots[count - 1];
    }
    *prefix = (struct trie_prefix){.key = key, .id = count, .length = bits};
    gathering->roots[count] = (struct layout_node){.entry = short_cover(making, span, bits)};
    gathering->last[0] = count;
    gathering->root_count++;
    return &gathering->roots[count];
}

/** The node of a further level that @p span is below: the last one, or a new one. */
static struct layout_node *gather_below(const struct making *making, struct gathering *gathering,
                                        const struct span *span, unsigned level)
{
    uint16_t part = (uint16_t)(span->high >> (64u - levels[level]));
    struct layout_node node = {.name = layout_node_name(gathering->last[level - 1], part, level),
                               .entry = short_cover(making, span, levels[level])};
    uint32_t count = (uint32_t)(gathering->below.length / sizeof(node));
    struct layout_node *nodes = (void *)gathering->below.bytes;

    if (count > 0 && nodes[gathering->last[level]].name == node.name) {
        return &nodes[gathering->last[level]];
    }
    gathering->last[level] = count;
    buf_add(&gathering->below, &node, sizeof(node));
    nodes = (void *)gathering->below.bytes;
    return gathering->below.is_failed ? NULL : &nodes[count];
}

static enum picket_status gather(const struct making *making, struct gathering *gathering)
{
    for (size_t i = 0; i < making->span_count; i++) {
        const struct span *span = &making->spans[i];
        struct layout_node *node = gather_root(making, gathering, span);
        unsigned level = 0;

        while (level + 1 < LAYOUT_NODE_LEVELS && span->length > levels[level + 1]) {
            node->entry |= LAYOUT_NODE_HAS_BELOW;
            node = gather_below(making, gathering, span, ++level);
            if (node == NULL) {
                return PICKET_E_NOMEM;
            }
        }
        if (span->length > levels[0]) {
            node->lengths |= 1u << (span->length - levels[level] - 1u) / steps[level];
        }
    }
    return PICKET_OK;
}

/** Puts a node into the first place that is free from its home on; gives it, or 0 if none is. */
static uint32_t place_node(struct making *making, const struct layout_node *node)
{
    const struct buf *section = &making->sections[SECTION_IPV6_NODES];
    struct layout_node *nodes = (void *)section->bytes;
    uint32_t root_count = making->header.ipv6_root_count;
    uint32_t lines = (uint32_t)(section->length / sizeof(*nodes) - root_count) / LAYOUT_NODE_WAYS;
    uint32_t home = exact_place(hashing_node(node->name, making->header.seed), lines);

    for (uint32_t i = 0; i < EXACT_PROBES_MAX && i < lines; i++) {
        uint32_t first = root_count + exact_behind(home, i, lines) * LAYOUT_NODE_WAYS;

        for (uint32_t place = first; place < first + LAYOUT_NODE_WAYS; place++) {
            if (nodes[place].name == 0) {
                nodes[place] = *node;
                making->header.node_probes =
                    i < making->header.node_probes ? making->header.node_probes : i + 1;
                return place;
            }
        }
    }
    return 0;
}

/** Whole lines of nodes that have room for so many. */
static size_t whole_lines(size_t count)
{
    return (count + LAYOUT_NODE_WAYS - 1) / LAYOUT_NODE_WAYS * LAYOUT_NODE_WAYS;
}

/** Puts the roots in front, and each of the others where its name says, once its parent has its
 * place. */
static enum picket_status place_nodes(struct making *making, const struct gathering *gathering)
{
    const struct layout_node *below = (const void *)gathering->below.bytes;
    size_t below_count = gathering->below.length / sizeof(*below);
    size_t root_count = whole_lines(gathering->root_count);
    size_t room = whole_lines(below_count * 100 / LAYOUT_NODE_PERCENT);
    struct layout_node *nodes =
        making_section(making, SECTION_IPV6_NODES, root_count + room, sizeof(*nodes));
    uint32_t *places = making_array(below_count, sizeof(*places));
    enum picket_status status = nodes == NULL || places == NULL ? PICKET_E_NOMEM : PICKET_OK;

    making->header.ipv6_root_count = (uint32_t)root_count;
    if (status == PICKET_OK) {
        memcpy(nodes, gathering->roots, gathering->root_count * sizeof(*nodes));
    }
    for (size_t i = 0; i < below_count && status == PICKET_OK; i++) {
        struct layout_node node = below[i];
        uint32_t parent = layout_node_parent(node.name);
        unsigned level = layout_node_level(node.name);

        node.name = layout_node_name(level == 1 ? parent : places[parent],
                                     layout_node_part(node.name), level);
        places[i] = place_node(making, &node);
        status = places[i] == 0 ? PICKET_E_LIMIT : PICKET_OK;
    }
    free(places);
    return status;
}

static enum picket_status make_ipv6_nodes(struct making *making)
{
    size_t count = making->span_count;
    struct gathering gathering = {.prefixes = calloc(count + 1, sizeof(*gathering.prefixes)),
                                  .roots = calloc(count + 1, sizeof(*gathering.roots)),
                                  .root_count = 1};
    struct trie_sections trie;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&gathering.below, SIZE_MAX);
    if (gathering.prefixes == NULL || gathering.roots == NULL) {
        goto out;
    }
    status = gather(making, &gathering);
    if (status == PICKET_OK) {
        status = place_nodes(making, &gathering);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    status = trie_build(gathering.prefixes, gathering.root_count - 1, &trie);
    take_trie(making, &trie, SECTION_IPV6_SUMMARY);
out:
    free(gathering.prefixes);
    free(gathering.roots);
    buf_deinit(&gathering.below);
    return status;
}

/** Room for prefixes over 32 bits, and in the filter for the nodes below the roots. */
static enum picket_status init_ipv6_long(const struct making *making,
                                         const struct layout_node *nodes, size_t node_count,
                                         struct exact_sections *exact)
{
    size_t long_count = 0, below_count = 0;

    for (size_t i = 0; i < making->span_count; i++) {
        long_count += making->spans[i].length > levels[0];
    }
    for (size_t i = 0; i < node_count; i++) {
        below_count += nodes[i].name != 0;
    }
    return exact_init(exact, long_count, below_count);
}

static enum picket_status make_ipv6_long(struct making *making)
{
    const struct buf *section = &making->sections[SECTION_IPV6_NODES];
    const struct layout_node *nodes = (const void *)section->bytes;
    size_t node_count = section->length / sizeof(*nodes);
    uint64_t seed = making->header.seed;
    struct exact_sections exact;
    enum picket_status status = init_ipv6_long(making, nodes, node_count, &exact);

    for (size_t i = 0; i < making->span_count && status == PICKET_OK; i++) {
        const struct span *span = &making->spans[i];
        uint64_t hash = hashing_prefix(span->high, span->low, span->length, seed);

        if (span->length > levels[0] && !exact_add(&exact, hash, span->entry)) {
            status = PICKET_E_LIMIT;
        }
    }
    for (size_t i = 0; i < node_count && status == PICKET_OK; i++) {
        if (nodes[i].name != 0) {
            exact_admit(&exact, hashing_node(nodes[i].name, seed));
        }
    }
    making_take_exact(making, &exact, SECTION_IPV6_FILTER, &making->header.ipv6_probes);
    return status;
}

static enum picket_status make_ipv6(struct making *making)
{
    enum picket_status status;

    find_ipv6_parents(making);
    status = make_ipv6_nodes(making);
    return status == PICKET_OK ? make_ipv6_long(making) : status;
}

enum picket_status making_prefixes(struct making *making)
{
    enum picket_status status = make_ipv4(making);

    return status == PICKET_OK ? make_ipv6(making) : status;
}
