/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "intel/leaf.h"
#include "intel/trie.h"

#define LINES_SPARSE_MAX 32768u /* with more, a line for each /16 costs little more */
#define NESTING_MAX      33u

/** A build, from the first key to the last. */
struct sweep {
    struct trie_sections *sections;
    const struct trie_prefix *prefixes;
    size_t count;
    size_t taken;
    struct trie_prefix open[NESTING_MAX]; /* that cover the point it has come to, outermost first */
    size_t depth;
    uint32_t line_count;
    uint32_t leaf_count;
    uint32_t block_count;
    uint32_t hole; /* a block that is free */
    bool has_hole;
    uint32_t bare_line; /* the last one without leaves, and its cover */
    uint32_t bare_cover;
};

static void sections_init(struct trie_sections *sections)
{
    buf_init(&sections->index, SIZE_MAX);
    buf_init(&sections->lines, SIZE_MAX);
    buf_init(&sections->leaves, SIZE_MAX);
    buf_init(&sections->blocks, SIZE_MAX);
}

void trie_sections_deinit(struct trie_sections *sections)
{
    buf_deinit(&sections->index);
    buf_deinit(&sections->lines);
    buf_deinit(&sections->leaves);
    buf_deinit(&sections->blocks);
}

static uint32_t last_key(const struct trie_prefix *prefix)
{
    return prefix->length == 32 ? prefix->key : prefix->key | UINT32_MAX >> prefix->length;
}

/** Comes to @p key: leaves what ends before it, and enters prefixes that begin there, up to a
 * length. */
static void advance(struct sweep *sweep, uint32_t key, unsigned length_max)
{
    while (sweep->depth > 0 && last_key(&sweep->open[sweep->depth - 1]) < key) {
        sweep->depth--;
    }
    while (sweep->taken < sweep->count && sweep->prefixes[sweep->taken].key == key &&
           sweep->prefixes[sweep->taken].length <= length_max) {
        sweep->open[sweep->depth++] = sweep->prefixes[sweep->taken++];
    }
}

/** The innermost prefix that is open, if it is longer than that of a line; else 0. */
static uint32_t leaf_cover(const struct sweep *sweep)
{
    bool is_there = sweep->depth > 0 && sweep->open[sweep->depth - 1].length > 16;

    return is_there ? sweep->open[sweep->depth - 1].id : 0;
}

/**
 * Adds what a leaf refers to. More than one block begins at a line of the cache, so
 * that the bitmap and the first ids are in one; single ones fill what that leaves.
 */
static uint32_t add_blocks(struct sweep *sweep, const struct trie_block *blocks, size_t count)
{
    struct buf *buf = &sweep->sections->blocks;
    uint32_t place = sweep->block_count;

    if (count == 1 && sweep->has_hole) {
        sweep->has_hole = false;
        if (!buf->is_failed) {
            memcpy(buf->bytes + sweep->hole * sizeof(*blocks), blocks, sizeof(*blocks));
        }
        return sweep->hole;
    }
    if (count > 1 && place % 2 == 1) {
        buf_add(buf, blocks, sizeof(*blocks));
        sweep->has_hole = true;
        sweep->hole = place++;
    }
    buf_add(buf, blocks, count * sizeof(*blocks));
    sweep->block_count = place + (uint32_t)count;
    return place;
}

static uint64_t make_inline(const struct trie_prefix *prefixes, size_t count)
{
    uint64_t leaf = leaf_of_block(LEAF_INLINE, prefixes[0].id, 0);

    leaf |= (uint64_t)(count - 1) << 27u | (uint64_t)(prefixes[0].length - 25u) << 29u;
    for (size_t i = 0; i < count; i++) {
        leaf |= (uint64_t)(prefixes[i].key & 0xffu) << (32u + 8u * i);
    }
    return leaf;
}

static uint64_t make_members(struct sweep *sweep, const struct trie_prefix *prefixes, size_t count)
{
    struct trie_block block = {.bits = {0}};

    for (size_t i = 0; i < count; i++) {
        unsigned low = prefixes[i].key & 0xffu;

        block.bits[low / 64] |= UINT64_C(1) << low % 64;
    }
    return leaf_of_block(LEAF_MEMBERS, prefixes[0].id, add_blocks(sweep, &block, 1));
}

static uint64_t make_runs(struct sweep *sweep, const struct trie_prefix *prefixes, size_t count,
                          uint32_t cover)
{
    struct trie_block blocks[1 + 256 / 8] = {{.bits = {0}}};
    uint32_t ids[256];
    size_t runs = 0;

    for (size_t low = 0; low < 256; low++) {
        ids[low] = cover;
    }
    /* outer ones come before inner ones */
    for (size_t i = 0; i < count; i++) {
        for (size_t low = prefixes[i].key & 0xffu; low <= (last_key(&prefixes[i]) & 0xffu); low++) {
            ids[low] = prefixes[i].id;
        }
    }
    for (size_t low = 0; low < 256; low++) {
        if (low == 0 || ids[low] != ids[low - 1]) {
            blocks[0].bits[low / 64] |= UINT64_C(1) << low % 64;
            blocks[1 + runs / 8].ids[runs % 8] = ids[low];
            runs++;
        }
    }
    return leaf_of_block(LEAF_RUNS, 0, add_blocks(sweep, blocks, 1 + (runs + 7) / 8));
}

/** The leaf of the /24 at @p key, whose prefixes over 24 bits come next. */
static uint64_t make_leaf(struct sweep *sweep, uint32_t key)
{
    const struct trie_prefix *prefixes = sweep->prefixes + sweep->taken;
    uint32_t cover = leaf_cover(sweep);
    size_t count = 0;
    bool is_uniform = true;

    while (sweep->taken < sweep->count && (sweep->prefixes[sweep->taken].key ^ key) < 256) {
        is_uniform = is_uniform && prefixes[count].length == prefixes[0].length;
        count++;
        sweep->taken++;
    }
    if (count == 0) {
        return leaf_of_block(LEAF_COVERED, cover, 0);
    }
    if (cover == 0 && is_uniform && count <= LEAF_INLINE_MAX) {
        return make_inline(prefixes, count);
    }
    if (cover == 0 && is_uniform && prefixes[0].length == 32) {
        return make_members(sweep, prefixes, count);
    }
    return make_runs(sweep, prefixes, count, cover);
}

/** The leaves of the /16 at @p key. */
static void fill_line(struct sweep *sweep, uint32_t key, struct trie_line *line)
{
    unsigned leaves = 0;

    line->leaf = sweep->leaf_count;
    for (unsigned place = 0; place < 256; place++) {
        uint32_t here = key | place << 8u;
        bool has_next;

        line->ranks[place / 64] = place % 64 == 0 ? (uint8_t)leaves : line->ranks[place / 64];
        advance(sweep, here, 24);
        has_next = sweep->taken < sweep->count && (sweep->prefixes[sweep->taken].key ^ here) < 256;
        if (has_next || leaf_cover(sweep) != 0) {
            uint64_t leaf = make_leaf(sweep, here);

            buf_add(&sweep->sections->leaves, &leaf, sizeof(leaf));
            line->occupied[place / 64] |= UINT64_C(1) << place % 64;
            leaves++;
        }
    }
    sweep->leaf_count += leaves;
}

/** Gives the number of the line of the /16 at @p key; those without leaves share one if they can.
 */
static uint32_t add_line(struct sweep *sweep, uint32_t key)
{
    struct trie_line line = {.occupied = {0}};

    advance(sweep, key, 16);
    line.cover = sweep->depth == 0 ? 0 : sweep->open[sweep->depth - 1].id;
    if (sweep->taken == sweep->count || (sweep->prefixes[sweep->taken].key ^ key) >= 65536) {
        if (sweep->bare_cover == line.cover) {
            return sweep->bare_line;
        }
        sweep->bare_cover = line.cover;
        sweep->bare_line = sweep->line_count;
    } else {
        fill_line(sweep, key, &line);
    }
    buf_add(&sweep->sections->lines, &line, sizeof(line));
    return sweep->line_count++;
}

/** Puts the lines in the order of their /16s, so that no index is needed. */
static void unfold(struct sweep *sweep, const uint32_t *places)
{
    struct buf lines;

    buf_init(&lines, SIZE_MAX);
    for (size_t i = 0; i < TRIE_INDEX_COUNT && !sweep->sections->lines.is_failed; i++) {
        buf_add(&lines, sweep->sections->lines.bytes + places[i] * sizeof(struct trie_line),
                sizeof(struct trie_line));
    }
    buf_deinit(&sweep->sections->lines);
    sweep->sections->lines = lines;
}

enum picket_status trie_build(const struct trie_prefix *prefixes, size_t count,
                              struct trie_sections *ret)
{
    struct sweep sweep = {
        .sections = ret, .prefixes = prefixes, .count = count, .bare_cover = UINT32_MAX};
    uint32_t *places = malloc(TRIE_INDEX_COUNT * sizeof(*places));

    sections_init(ret);
    if (places == NULL) {
        return PICKET_E_NOMEM;
    }
    for (uint32_t i = 0; i < TRIE_INDEX_COUNT && count > 0; i++) {
        places[i] = add_line(&sweep, i << 16u);
    }
    if (sweep.line_count > LINES_SPARSE_MAX) {
        unfold(&sweep, places);
    } else if (sweep.line_count > 0) {
        for (size_t i = 0; i < TRIE_INDEX_COUNT; i++) {
            uint16_t place = (uint16_t)places[i];

            buf_add(&ret->index, &place, sizeof(place));
        }
    }
    free(places);
    return ret->index.is_failed || ret->lines.is_failed || ret->leaves.is_failed ||
                   ret->blocks.is_failed
               ? PICKET_E_NOMEM
               : PICKET_OK;
}
