/* SPDX-License-Identifier: MIT */
#include "intel/trie.h"

#include <string.h>

#include "intel/leaf.h"

#define LANES 512u /* at a time; places of a queue are 16 bits */

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
    unsigned word = place / 64, count = count_bits_before(bits[word], place % 64);

    count += word > 0 ? count_bits(bits[0]) : 0;
    count += word > 1 ? count_bits(bits[1]) : 0;
    count += word > 2 ? count_bits(bits[2]) : 0;
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
    uint32_t masked = low & ~(0xffu >> leaf_bits(leaf)) & 0xffu;
    uint32_t unlike = leaf_inline_keys(leaf) ^ masked * 0x01010101u;
    uint32_t zeros = (unlike - 0x01010101u) & ~unlike & 0x80808080u; /* its lowest bit is exact */
    unsigned place = (unsigned)__builtin_ctz(zeros | 1u << 31u) / 8;

    return zeros != 0 && place < leaf_inline_count(leaf) ? leaf_id(leaf) + place : 0;
}

/* --- looking up --- */

/*
 * Keys go through in stages, many at a time: each stage asks memory for what the
 * next one reads, and leaves behind those that are answered. What a key needs can't
 * be foretold, so no stage has a branch that depends on it.
 */

/** Keys on their way to one kind of answer. */
struct queue {
    size_t count;
    uint16_t places[LANES];
    uint64_t leaves[LANES];
};

/** Puts a key in if it belongs there. */
ALWAYS_INLINE void queue_put(struct queue *queue, uint16_t place, uint64_t leaf, bool is_in)
{
    queue->places[queue->count] = place;
    queue->leaves[queue->count] = leaf;
    queue->count += is_in;
}

/** Answers by what covers the whole /16; keys in a /24 that has a leaf are queued. */
ALWAYS_INLINE void answer_by_line(const struct trie *trie, const uint32_t *keys, size_t count,
                                  uint32_t *ids, struct queue *ret_queue)
{
    size_t waiting = 0;

    memset(ret_queue->places, 0, count * sizeof(ret_queue->places[0]));
    for (size_t i = 0; i < count; i++) {
        const struct trie_line *line = line_of(trie, keys[i]);

        ids[i] = line->cover;
        ret_queue->places[waiting] = (uint16_t)i;
        waiting += has_bit(line->occupied, keys[i] >> 8u & 0xffu);
    }
    ret_queue->count = waiting;
}

ALWAYS_INLINE void find_leaves(const struct trie *trie, const uint32_t *keys, struct queue *queue)
{
    const uint64_t *leaves[LANES];

    for (size_t i = 0; i < queue->count; i++) {
        uint32_t key = keys[queue->places[i]];
        const struct trie_line *line = line_of(trie, key);
        unsigned place = key >> 8u & 0xffu;

        leaves[i] = &trie->leaves[line->leaf + line->ranks[place / 64] +
                                  count_bits_before(line->occupied[place / 64], place % 64)];
        __builtin_prefetch(leaves[i]);
    }
    for (size_t i = 0; i < queue->count; i++) {
        queue->leaves[i] = *leaves[i];
    }
}

ALWAYS_INLINE void answer_by_leaf(const struct trie *trie, const uint32_t *keys, uint32_t *ids,
                                  const struct queue *queue, struct queue *ret_members,
                                  struct queue *ret_runs)
{
    ret_members->count = ret_runs->count = 0;
    for (size_t i = 0; i < queue->count; i++) {
        uint64_t leaf = queue->leaves[i];
        uint16_t place = queue->places[i];
        enum leaf_kind kind = leaf_kind(leaf);
        uint32_t inlined = find_inline(leaf, keys[place] & 0xffu);
        uint32_t id = kind == LEAF_INLINE ? inlined : kind == LEAF_COVERED ? leaf_id(leaf) : 0;

        ids[place] = id != 0 ? id : ids[place];
        __builtin_prefetch(&trie->blocks[kind >= LEAF_MEMBERS ? leaf_block(leaf) : 0]);
        queue_put(ret_members, place, leaf, kind == LEAF_MEMBERS);
        queue_put(ret_runs, place, leaf, kind == LEAF_RUNS);
    }
}

ALWAYS_INLINE void answer_by_members(const struct trie *trie, const uint32_t *keys, uint32_t *ids,
                                     const struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        const struct trie_block *block = &trie->blocks[leaf_block(queue->leaves[i])];
        uint16_t place = queue->places[i];
        unsigned low = keys[place] & 0xffu;
        uint32_t id = leaf_id(queue->leaves[i]) + rank(block->bits, low);

        ids[place] = has_bit(block->bits, low) ? id : ids[place];
    }
}

/** What run @p run, from 0, of a block with runs belongs to: the ids are in the blocks behind it.
 */
ALWAYS_INLINE uint32_t run_id(const struct trie_block *block, unsigned run)
{
    return block[1 + run / 8].ids[run % 8];
}

ALWAYS_INLINE void answer_by_runs(const struct trie *trie, const uint32_t *keys, uint32_t *ids,
                                  const struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        const struct trie_block *block = &trie->blocks[leaf_block(queue->leaves[i])];
        uint16_t place = queue->places[i];
        unsigned low = keys[place] & 0xffu;
        unsigned run = rank(block->bits, low) + has_bit(block->bits, low);
        uint32_t id = run_id(block, run - 1);

        ids[place] = id != 0 ? id : ids[place];
    }
}

ALWAYS_INLINE void match(const struct trie *trie, const uint32_t *keys, size_t count,
                         uint32_t *ret_ids)
{
    struct queue queue, members, runs;

    for (size_t i = 0; i < count; i += LANES) {
        answer_by_line(trie, keys + i, count - i < LANES ? count - i : LANES, ret_ids + i, &queue);
        find_leaves(trie, keys + i, &queue);
        answer_by_leaf(trie, keys + i, ret_ids + i, &queue, &members, &runs);
        answer_by_members(trie, keys + i, ret_ids + i, &members);
        answer_by_runs(trie, keys + i, ret_ids + i, &runs);
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
    for (unsigned i = 0; i < runs; i++) {
        if (run_id(block, i) > id_max) {
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
