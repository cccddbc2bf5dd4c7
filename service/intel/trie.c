/* SPDX-License-Identifier: MIT */
#include "intel/trie.h"

#include <string.h>

#include "intel/leaf.h"

#define LANES 16u

static unsigned count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

/** Bits of a bitmap of 256 before bit @p place. */
static unsigned rank(const uint64_t bits[4], unsigned place)
{
    unsigned count = count_bits(bits[place / 64] & ((UINT64_C(1) << place % 64) - 1));

    for (unsigned i = 0; i < place / 64; i++) {
        count += count_bits(bits[i]);
    }
    return count;
}

static bool has_bit(const uint64_t bits[4], unsigned place)
{
    return (bits[place / 64] >> place % 64 & 1u) != 0;
}

/* --- looking up --- */

static uint32_t find_inline(uint64_t leaf, unsigned low)
{
    unsigned masked = low & ~(0xffu >> leaf_bits(leaf)) & 0xffu;

    for (unsigned i = 0; i < leaf_inline_count(leaf); i++) {
        if (leaf_inline_key(leaf, i) == masked) {
            return leaf_id(leaf) + i;
        }
    }
    return 0;
}

static uint32_t find_in_leaf(const struct trie *trie, uint64_t leaf, unsigned low)
{
    const struct trie_block *block;

    switch (leaf_kind(leaf)) {
    case LEAF_INLINE:
        return find_inline(leaf, low);
    case LEAF_COVERED:
        return leaf_id(leaf);
    case LEAF_MEMBERS:
        block = &trie->blocks[leaf_block(leaf)];
        return has_bit(block->bits, low) ? leaf_id(leaf) + rank(block->bits, low) : 0;
    case LEAF_RUNS:
    default:
        block = &trie->blocks[leaf_block(leaf)];
        return block[1].ids[rank(block->bits, low) + has_bit(block->bits, low) - 1];
    }
}

static uint32_t find(const struct trie *trie, const struct trie_line *line, uint32_t key)
{
    unsigned place = key >> 8u & 0xffu, word = place / 64;
    uint64_t before = line->occupied[word] & ((UINT64_C(1) << place % 64) - 1);
    uint32_t id;

    if (!has_bit(line->occupied, place)) {
        return line->cover;
    }
    id = find_in_leaf(trie, trie->leaves[line->leaf + line->ranks[word] + count_bits(before)],
                      key & 0xffu);
    return id != 0 ? id : line->cover;
}

static const struct trie_line *line_of(const struct trie *trie, uint32_t key)
{
    return &trie->lines[trie->index == NULL ? key >> 16u : trie->index[key >> 16u]];
}

void trie_match(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids)
{
    if (trie->line_count == 0) {
        memset(ret_ids, 0, count * sizeof(*ret_ids));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ret_ids[i] = find(trie, line_of(trie, keys[i]), keys[i]);
    }
}

/* --- checking --- */

static bool is_leaf_sound(const struct trie *trie, uint64_t leaf, uint32_t id_max)
{
    size_t place = leaf_block(leaf), runs;
    uint32_t id = leaf_id(leaf);
    const struct trie_block *block;

    if (leaf_kind(leaf) == LEAF_COVERED) {
        return id <= id_max;
    }
    if (leaf_kind(leaf) == LEAF_INLINE) {
        return id + leaf_inline_count(leaf) - 1 <= id_max;
    }
    if (place >= trie->block_count) {
        return false;
    }
    block = &trie->blocks[place];
    runs = rank(block->bits, 255) + has_bit(block->bits, 255);
    if (leaf_kind(leaf) == LEAF_MEMBERS) {
        return id + runs <= (size_t)id_max + 1;
    }
    /* the first run begins at the first address, so each address is in one */
    if (!has_bit(block->bits, 0) || (runs + 7) / 8 >= trie->block_count - place) {
        return false;
    }
    for (size_t i = 0; i < runs; i++) {
        if (block[1].ids[i] > id_max) {
            return false;
        }
    }
    return true;
}

static bool is_line_sound(const struct trie *trie, const struct trie_line *line, uint32_t id_max)
{
    size_t count = 0;

    for (size_t i = 0; i < 4; i++) {
        if (line->ranks[i] != (uint8_t)count) {
            return false;
        }
        count += count_bits(line->occupied[i]);
    }
    return line->cover <= id_max && line->leaf <= trie->leaf_count &&
           count <= trie->leaf_count - line->leaf;
}

bool trie_is_sound(const struct trie *trie, uint32_t id_max)
{
    for (size_t i = 0; trie->index != NULL && i < TRIE_INDEX_COUNT; i++) {
        if (trie->index[i] >= trie->line_count) {
            return false;
        }
    }
    for (size_t i = 0; i < trie->line_count; i++) {
        if (!is_line_sound(trie, &trie->lines[i], id_max)) {
            return false;
        }
    }
    for (size_t i = 0; i < trie->leaf_count; i++) {
        if (!is_leaf_sound(trie, trie->leaves[i], id_max)) {
            return false;
        }
    }
    return true;
}
