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
    struct trie_prefix *prefixes; /* of roots */
    struct layout_node *roots;
    size_t root_count;
    uint32_t counts[33]; /* of roots, by length */
    struct buf below;
    size_t last[LAYOUT_NODE_LEVELS]; /* place of the last node of each level, plus one */
};

static const uint8_t levels[] = LAYOUT_LEVELS;

static uint64_t first_bits(uint64_t high, unsigned bits)
{
    return bits == 0 ? 0 : high & UINT64_MAX << (64 - bits);
}

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
    uint64_t key = first_bits(span->high, bits);
    struct layout_node *root = gathering->roots + gathering->root_count;

    if (gathering->root_count > 0 && root[-1].key == key && root[-1].bits == bits) {
        return root - 1;
    }
    *root =
        (struct layout_node){.key = key, .entry = short_cover(making, span, bits), .bits = bits};
    gathering->prefixes[gathering->root_count++] =
        (struct trie_prefix){.key = (uint32_t)(key >> 32u), .length = bits};
    gathering->counts[bits]++;
    return root;
}

/** The node of a further level that @p span is below: the last one, or a new one. */
static struct layout_node *gather_below(const struct making *making, struct gathering *gathering,
                                        const struct span *span, unsigned level)
{
    struct layout_node node = {.key = first_bits(span->high, levels[level]),
                               .entry = short_cover(making, span, levels[level]),
                               .bits = levels[level]};
    struct layout_node *last = (void *)gathering->below.bytes;

    if (gathering->last[level] == 0 || last[gathering->last[level] - 1].key != node.key) {
        buf_add(&gathering->below, &node, sizeof(node));
        gathering->last[level] = gathering->below.length / sizeof(node);
    }
    if (gathering->below.is_failed) {
        return NULL;
    }
    last = (void *)gathering->below.bytes;
    return &last[gathering->last[level] - 1];
}

static enum picket_status gather(const struct making *making, struct gathering *gathering)
{
    for (size_t i = 0; i < making->span_count; i++) {
        const struct span *span = &making->spans[i];
        struct layout_node *node = gather_root(making, gathering, span);
        unsigned level = 0;

        while (span->length > levels[level + 1]) {
            node->has_below = 1;
            node = gather_below(making, gathering, span, ++level);
            if (node == NULL) {
                return PICKET_E_NOMEM;
            }
        }
        if (span->length > levels[0]) {
            node->lengths |= UINT64_C(1) << (span->length - levels[level] - 1u);
        }
    }
    return PICKET_OK;
}

/** Numbers nodes: those of the trie as it needs it, one length after the other; then the others. */
static enum picket_status number_nodes(struct making *making, struct gathering *gathering)
{
    size_t below_count = gathering->below.length / sizeof(struct layout_node);
    struct layout_node *nodes = making_section(making, SECTION_IPV6_NODES,
                                               gathering->root_count + below_count, sizeof(*nodes));
    uint32_t next[33], id = 1;

    if (nodes == NULL) {
        return PICKET_E_NOMEM;
    }
    for (size_t length = 0; length < 33; length++) {
        next[length] = id;
        id += gathering->counts[length];
    }
    for (size_t i = 0; i < gathering->root_count; i++) {
        gathering->prefixes[i].id = next[gathering->prefixes[i].length]++;
        nodes[gathering->prefixes[i].id - 1] = gathering->roots[i];
    }
    if (below_count > 0) {
        memcpy(nodes + gathering->root_count, gathering->below.bytes, gathering->below.length);
    }
    making->header.ipv6_root_count = (uint32_t)gathering->root_count;
    return PICKET_OK;
}

static enum picket_status make_ipv6_nodes(struct making *making)
{
    size_t count = making->span_count;
    struct gathering gathering = {.prefixes = calloc(count + 1, sizeof(*gathering.prefixes)),
                                  .roots = calloc(count + 1, sizeof(*gathering.roots))};
    struct trie_sections trie;
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&gathering.below, SIZE_MAX);
    if (gathering.prefixes == NULL || gathering.roots == NULL) {
        goto out;
    }
    status = gather(making, &gathering);
    if (status == PICKET_OK) {
        status = number_nodes(making, &gathering);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    status = trie_build(gathering.prefixes, gathering.root_count, &trie);
    take_trie(making, &trie, SECTION_IPV6_SUMMARY);
out:
    free(gathering.prefixes);
    free(gathering.roots);
    buf_deinit(&gathering.below);
    return status;
}

/** IPv6 prefixes and nodes over 32 bits, by hash. */
static enum picket_status make_ipv6_long(struct making *making)
{
    const struct span *spans = making->spans;
    size_t span_count = making->span_count, long_count = 0;
    const struct buf *section = &making->sections[SECTION_IPV6_NODES];
    const struct layout_node *nodes = (const void *)section->bytes;
    size_t node_count = section->length / sizeof(*nodes),
           root_count = making->header.ipv6_root_count;
    uint64_t seed = making->header.seed;
    struct exact_sections exact;
    enum picket_status status;

    for (size_t i = 0; i < span_count; i++) {
        long_count += spans[i].length > levels[0];
    }
    status = exact_init(&exact, long_count + node_count - root_count);
    for (size_t i = 0; i < span_count && status == PICKET_OK; i++) {
        uint64_t hash = hashing_prefix(spans[i].high, spans[i].low, spans[i].length, seed);

        if (spans[i].length > levels[0] && !exact_add(&exact, hash, spans[i].entry)) {
            status = PICKET_E_LIMIT;
        }
    }
    for (size_t i = root_count; i < node_count && status == PICKET_OK; i++) {
        uint64_t hash = hashing_prefix(nodes[i].key, 0, HASHING_NODE | nodes[i].bits, seed);

        if (!exact_add(&exact, hash, making->header.entry_count + 1 + (uint32_t)i)) {
            status = PICKET_E_LIMIT;
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
