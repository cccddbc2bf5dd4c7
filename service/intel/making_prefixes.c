/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include <assert.h>
#include <stdlib.h>

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

/** Parents of the prefixes of one version. */
static void find_parents(struct making *making, const struct span *spans, size_t count)
{
    const struct span *open[NESTING_MAX];
    size_t depth = 0;

    for (size_t i = 0; i < count; i++) {
        while (depth > 0 && !span_covers(open[depth - 1], &spans[i])) {
            depth--;
        }
        making->parents[spans[i].entry] = depth == 0 ? 0 : open[depth - 1]->entry;
        assert(depth < NESTING_MAX);
        open[depth++] = &spans[i];
    }
}

static void take_trie(struct making *making, struct trie_sections *trie,
                      enum layout_section section)
{
    making->sections[section] = trie->index;
    making->sections[section + 1] = trie->lines;
    making->sections[section + 2] = trie->leaves;
    making->sections[section + 3] = trie->blocks;
}

static enum picket_status make_ipv4(struct making *making)
{
    struct trie_prefix *prefixes = malloc((making->ipv4_span_count + 1) * sizeof(*prefixes));
    struct trie_sections trie;
    enum picket_status status;

    if (prefixes == NULL) {
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < making->ipv4_span_count; i++) {
        prefixes[i] = (struct trie_prefix){(uint32_t)(making->spans[i].high >> 32u),
                                           making->spans[i].entry, making->spans[i].length};
    }
    find_parents(making, making->spans, making->ipv4_span_count);
    status = trie_build(prefixes, making->ipv4_span_count, &trie);
    take_trie(making, &trie, SECTION_IPV4_INDEX);
    free(prefixes);
    return status;
}

/** Nodes of the first 32 bits of IPv6, in the order of keys, while they are gathered. */
struct gathering {
    struct trie_prefix *prefixes;
    struct layout_node *nodes;
    size_t count;
    uint32_t counts[33]; /* by length */
};

/** Makes sure that the last node is that of @p span, or of its first 32 bits. */
static struct layout_node *gather_node(struct gathering *gathering, const struct span *span)
{
    uint32_t key = (uint32_t)(span->high >> 32u);
    uint8_t length = span->length < 32 ? span->length : 32;
    size_t last = gathering->count - 1;

    if (gathering->count > 0 && gathering->prefixes[last].key == key &&
        gathering->prefixes[last].length == length) {
        return &gathering->nodes[last];
    }
    gathering->prefixes[gathering->count] = (struct trie_prefix){.key = key, .length = length};
    gathering->counts[length]++;
    return &gathering->nodes[gathering->count++];
}

/** The innermost prefix of up to 32 bits that covers @p span or is it. */
static uint32_t short_cover(const struct making *making, const struct span *span)
{
    uint32_t entry = span->entry;
    const struct layout_group *group = keys_group(&making->keys, entry);

    while (group->length > 32) {
        entry = making->parents[entry];
        if (entry == 0) {
            return 0;
        }
        group = keys_group(&making->keys, entry);
    }
    return entry;
}

static void gather(struct making *making, struct gathering *gathering)
{
    for (size_t i = making->ipv4_span_count; i < making->span_count; i++) {
        const struct span *span = &making->spans[i];
        size_t before = gathering->count;
        struct layout_node *node = gather_node(gathering, span);

        if (gathering->count > before) {
            node->entry = short_cover(making, span);
        }
        if (span->length > 64) {
            node->deep |= UINT64_C(1) << (span->length - 65u);
        } else if (span->length > 32) {
            node->near |= 1u << (span->length - 33u);
        }
    }
}

/** Numbers nodes as the trie needs it: those of one length follow each other. */
static enum picket_status number_nodes(struct making *making, struct gathering *gathering)
{
    struct layout_node *nodes =
        making_section(making, SECTION_IPV6_NODES, gathering->count, sizeof(*nodes));
    uint32_t next[33], id = 1;

    if (nodes == NULL) {
        return PICKET_E_NOMEM;
    }
    for (size_t length = 0; length < 33; length++) {
        next[length] = id;
        id += gathering->counts[length];
    }
    for (size_t i = 0; i < gathering->count; i++) {
        gathering->prefixes[i].id = next[gathering->prefixes[i].length]++;
        nodes[gathering->prefixes[i].id - 1] = gathering->nodes[i];
    }
    return PICKET_OK;
}

static enum picket_status make_ipv6_nodes(struct making *making)
{
    size_t count = making->span_count - making->ipv4_span_count;
    struct gathering gathering = {.prefixes = calloc(count + 1, sizeof(*gathering.prefixes)),
                                  .nodes = calloc(count + 1, sizeof(*gathering.nodes))};
    struct trie_sections trie;
    enum picket_status status = PICKET_E_NOMEM;

    if (gathering.prefixes == NULL || gathering.nodes == NULL) {
        goto out;
    }
    gather(making, &gathering);
    status = number_nodes(making, &gathering);
    if (status != PICKET_OK) {
        goto out;
    }
    status = trie_build(gathering.prefixes, gathering.count, &trie);
    take_trie(making, &trie, SECTION_IPV6_INDEX);
out:
    free(gathering.prefixes);
    free(gathering.nodes);
    return status;
}

static uint64_t marker(const struct span *span, unsigned bits, uint64_t seed)
{
    return hashing_prefix(span->high & (UINT64_MAX << (64 - bits)), 0, KEYS_MARKER | bits, seed);
}

/** IPv6 prefixes over 32 bits by hash; and markers of what has any below its first 48 and 64 bits.
 */
static enum picket_status make_ipv6_long(struct making *making)
{
    const struct span *spans = making->spans + making->ipv4_span_count;
    size_t count = making->span_count - making->ipv4_span_count, longs = 0;
    uint64_t seed = making->header.seed;
    struct exact_sections exact;
    enum picket_status status;

    for (size_t i = 0; i < count; i++) {
        longs += spans[i].length > 32;
    }
    status = exact_init(&exact, longs, 2 * longs);
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        if (spans[i].length > 32) {
            exact_add(&exact, hashing_prefix(spans[i].high, spans[i].low, spans[i].length, seed),
                      spans[i].entry);
        }
        if (spans[i].length > 48) {
            exact_add_marker(&exact, marker(&spans[i], 48, seed));
        }
        if (spans[i].length > 64) {
            exact_add_marker(&exact, marker(&spans[i], 64, seed));
        }
    }
    making_take_exact(making, &exact, SECTION_IPV6_FILTER, &making->header.ipv6_probes);
    return status;
}

static enum picket_status make_ipv6(struct making *making)
{
    enum picket_status status;

    find_parents(making, making->spans + making->ipv4_span_count,
                 making->span_count - making->ipv4_span_count);
    status = make_ipv6_nodes(making);
    return status == PICKET_OK ? make_ipv6_long(making) : status;
}

enum picket_status making_prefixes(struct making *making)
{
    enum picket_status status = make_ipv4(making);

    return status == PICKET_OK ? make_ipv6(making) : status;
}
