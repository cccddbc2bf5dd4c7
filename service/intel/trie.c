/* SPDX-License-Identifier: MIT */
#include "intel/trie.h"

#include <string.h>

#include "intel/leaf.h"

#define LANES 64u

/* into each variant of match(), so that it is compiled for that processor */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE unsigned count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

ALWAYS_INLINE unsigned count_bits_before(uint64_t bits, unsigned place)
{
    return count_bits(bits & ((UINT64_C(1) << place) - 1));
}

/** Bits of a bitmap of 256 before bit @p place. */
ALWAYS_INLINE unsigned rank(const uint64_t bits[4], unsigned place)
{
    unsigned count = count_bits_before(bits[place / 64], place % 64);

    for (unsigned i = 0; i < place / 64; i++) {
        count += count_bits(bits[i]);
    }
    return count;
}

ALWAYS_INLINE bool has_bit(const uint64_t bits[4], unsigned place)
{
    return (bits[place / 64] >> place % 64 & 1u) != 0;
}

ALWAYS_INLINE const struct trie_line *line_of(const struct trie *trie, uint32_t key)
{
    return &trie->lines[trie->index == NULL ? key >> 16u : trie->index[key >> 16u]];
}

/** The id of the prefix in an inline leaf that has this last byte, or 0. */
ALWAYS_INLINE uint32_t find_inline(uint64_t leaf, unsigned low)
{
    unsigned masked = low & ~(0xffu >> leaf_bits(leaf)) & 0xffu;
    uint32_t id = 0;

    for (unsigned i = 0; i < LEAF_INLINE_MAX; i++) {
        bool is_it = leaf_inline_key(leaf, i) == masked && i < leaf_inline_count(leaf);

        id = is_it ? leaf_id(leaf) + i : id;
    }
    return id;
}

/* --- looking up --- */

/*
 * Keys go through in stages, many at a time: each stage asks memory for what the
 * next one reads, and leaves behind those that are answered. The first stage
 * answers nearly all, and has no branch that could be foretold wrong.
 */

/** Keys on their way, of one call. */
struct batch {
    const uint32_t *keys;
    uint32_t *ids;
    uint8_t waiting[LANES]; /* places of those not answered yet */
    size_t count;
    uint64_t leaves[LANES]; /* of those that wait */
};

ALWAYS_INLINE void answer_by_line(const struct trie *trie, struct batch *batch, size_t count)
{
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t key = batch->keys[i];
        const struct trie_line *line = line_of(trie, key);

        batch->ids[i] = line->cover;
        batch->waiting[waiting] = (uint8_t)i;
        waiting += has_bit(line->occupied, key >> 8u & 0xffu);
    }
    batch->count = waiting;
}

ALWAYS_INLINE void find_leaves(const struct trie *trie, struct batch *batch)
{
    const uint64_t *places[LANES];

    for (size_t i = 0; i < batch->count; i++) {
        uint32_t key = batch->keys[batch->waiting[i]];
        const struct trie_line *line = line_of(trie, key);
        unsigned place = key >> 8u & 0xffu;

        places[i] = &trie->leaves[line->leaf + line->ranks[place / 64] +
                                  count_bits_before(line->occupied[place / 64], place % 64)];
        __builtin_prefetch(places[i]);
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->leaves[i] = *places[i];
    }
}

ALWAYS_INLINE void answer_by_leaf(const struct trie *trie, struct batch *batch)
{
    size_t waiting = 0;

    for (size_t i = 0; i < batch->count; i++) {
        uint64_t leaf = batch->leaves[i];
        uint8_t lane = batch->waiting[i];
        uint32_t id = leaf_kind(leaf) == LEAF_COVERED
                          ? leaf_id(leaf)
                          : find_inline(leaf, batch->keys[lane] & 0xffu);

        if (leaf_kind(leaf) >= LEAF_MEMBERS) {
            __builtin_prefetch(&trie->blocks[leaf_block(leaf)]);
            batch->leaves[waiting] = leaf;
            batch->waiting[waiting++] = lane;
        } else {
            batch->ids[lane] = id != 0 ? id : batch->ids[lane];
        }
    }
    batch->count = waiting;
}

ALWAYS_INLINE void answer_by_block(const struct trie *trie, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        uint64_t leaf = batch->leaves[i];
        const struct trie_block *block = &trie->blocks[leaf_block(leaf)];
        unsigned low = batch->keys[batch->waiting[i]] & 0xffu;
        uint32_t id = 0;

        if (leaf_kind(leaf) == LEAF_RUNS) {
            id = block[1].ids[rank(block->bits, low) + has_bit(block->bits, low) - 1];
        } else if (has_bit(block->bits, low)) {
            id = leaf_id(leaf) + rank(block->bits, low);
        }
        batch->ids[batch->waiting[i]] = id != 0 ? id : batch->ids[batch->waiting[i]];
    }
}

ALWAYS_INLINE void match(const struct trie *trie, const uint32_t *keys, size_t count,
                         uint32_t *ret_ids)
{
    struct batch batch;

    for (size_t i = 0; i < count; i += LANES) {
        batch.keys = keys + i;
        batch.ids = ret_ids + i;
        answer_by_line(trie, &batch, count - i < LANES ? count - i : LANES);
        find_leaves(trie, &batch);
        answer_by_leaf(trie, &batch);
        answer_by_block(trie, &batch);
    }
}

static void match_anywhere(const struct trie *trie, const uint32_t *keys, size_t count,
                           uint32_t *ret_ids)
{
    match(trie, keys, count, ret_ids);
}

#if defined(__x86_64__)

/** With the processor's own counting of bits, which the oldest of this kind do not have. */
__attribute__((target("popcnt"))) static void
match_popcnt(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids)
{
    match(trie, keys, count, ret_ids);
}

static bool has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}

#else

static void match_popcnt(const struct trie *trie, const uint32_t *keys, size_t count,
                         uint32_t *ret_ids)
{
    match(trie, keys, count, ret_ids);
}

static bool has_popcnt(void)
{
    return false;
}

#endif

void trie_match(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids)
{
    if (trie->line_count == 0) {
        memset(ret_ids, 0, count * sizeof(*ret_ids));
    } else if (has_popcnt()) {
        match_popcnt(trie, keys, count, ret_ids);
    } else {
        match_anywhere(trie, keys, count, ret_ids);
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
