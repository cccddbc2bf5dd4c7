/* SPDX-License-Identifier: MIT */
#include "intel/trie.h"

#include <string.h>

#include "intel/leaf.h"

#define LANES TRIE_MARKED_MAX /* at a time; places of a queue are 16 bits */

/* into each variant of match(), so that it is compiled for that processor */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE unsigned count_bits(uint64_t bits)
{
    return (unsigned)__builtin_popcountll(bits);
}

/* --- looking up --- */

/*
 * Keys go through in stages, many at a time: each stage asks memory for what the
 * next one reads, and leaves behind those that are answered. What a key needs can't
 * be foretold, so no stage that many keys come to has a branch that depends on it.
 */

/** Keys on their way to an answer. */
struct queue {
    size_t count;
    uint16_t places[LANES];
    uint64_t leaves[LANES]; /* numbers of them, then themselves */
};

ALWAYS_INLINE const struct trie_line *line_of(const struct trie *trie, uint32_t key)
{
    return &trie->lines[trie->index == NULL ? key >> 16u : trie->index[key >> 16u]];
}

/** Goes on with keys near which anything is listed. */
ALWAYS_INLINE void sift_by_summary(const struct trie *trie, const struct trie_marks *marks,
                                   const uint32_t *keys, size_t count, struct queue *ret_queue)
{
    const uint64_t *summary = marks == NULL ? trie->summary : marks->summary;
    size_t waiting = 0;

    memset(ret_queue->places, 0, count * sizeof(ret_queue->places[0]));
    memset(ret_queue->leaves, 0, count * sizeof(ret_queue->leaves[0]));
    for (size_t i = 0; i < count; i++) {
        ret_queue->places[waiting] = (uint16_t)i;
        waiting += trie_has_mark(summary, keys[i] >> trie->summary_shift);
    }
    ret_queue->count = waiting;
}

ALWAYS_INLINE unsigned is_marked(const struct trie_marks *marks, uint32_t key)
{
    return __atomic_load_n(&marks->lines[key >> 16u], __ATOMIC_RELAXED);
}

/** Asks for lines, and finds what is marked, if there are marks, while memory looks for them. */
ALWAYS_INLINE size_t look_ahead(const struct trie *trie, const struct trie_marks *marks,
                                const uint32_t *keys, const struct queue *queue,
                                uint16_t *ret_places)
{
    size_t count = 0;

    for (size_t i = 0; i < queue->count; i++) {
        uint16_t place = queue->places[i];

        __builtin_prefetch(line_of(trie, keys[place]));
        if (marks != NULL) {
            ret_places[count] = place;
            count += is_marked(marks, keys[place]);
        }
    }
    return count;
}

/** Answers by what covers the whole /16; goes on with keys in a /24 that has a leaf. */
ALWAYS_INLINE void answer_by_line(const struct trie *trie, const uint32_t *keys, uint32_t *ids,
                                  struct queue *queue)
{
    size_t waiting = 0;

    for (size_t i = 0; i < queue->count; i++) {
        uint16_t place = queue->places[i];
        const struct trie_line *line = line_of(trie, keys[place]);
        unsigned word = keys[place] >> 14u & 3u, bit = keys[place] >> 8u & 63u;
        uint64_t before = line->occupied[word] & ((UINT64_C(1) << bit) - 1);

        ids[place] = line->cover;
        queue->places[waiting] = place;
        queue->leaves[waiting] = line->leaves[word] + count_bits(before);
        waiting += line->occupied[word] >> bit & 1u;
    }
    queue->count = waiting;
}

/** Anything longer than /24 is listed among the eight addresses that @p key is one of. */
ALWAYS_INLINE bool has_eight(uint64_t leaf, uint32_t key)
{
    return (leaf_eights(leaf) >> (key >> 3u & 31u) & 1u) != 0;
}

/** Goes on with keys that have such, or whose /24 is covered. */
ALWAYS_INLINE void sift_by_leaf(const struct trie *trie, const uint32_t *keys, struct queue *queue)
{
    size_t waiting = 0;

    for (size_t i = 0; i < queue->count; i++) {
        __builtin_prefetch(&trie->leaves[queue->leaves[i]]);
    }
    for (size_t i = 0; i < queue->count; i++) {
        uint64_t leaf = trie->leaves[queue->leaves[i]];
        uint16_t place = queue->places[i];

        queue->places[waiting] = place;
        queue->leaves[waiting] = leaf;
        waiting += (unsigned)has_eight(leaf, keys[place]) | (unsigned)leaf_is_covered(leaf);
    }
    queue->count = waiting;
}

/** The word of the eight addresses that @p key is one of. */
ALWAYS_INLINE const uint32_t *word_of(const struct trie *trie, uint64_t leaf, uint32_t key)
{
    uint32_t before = leaf_eights(leaf) & ((1u << (key >> 3u & 31u)) - 1);

    return &trie->words[leaf_first_eight(leaf) + count_bits(before)];
}

/** What the words of a leaf say of @p key, which never leads beyond LEAF_WORDS_MAX. */
ALWAYS_INLINE uint32_t find_id(const struct trie *trie, uint64_t leaf, uint32_t key)
{
    uint32_t word = has_eight(leaf, key) ? *word_of(trie, leaf, key) : 0;
    uint32_t begun = count_bits(word_begins(word) & ((2u << (key & 7u)) - 1));
    uint32_t number = (word_ids_before(word) + begun - 1) & 0xffu;

    if ((word_listed(word) >> (key & 7u) & 1u) == 0) {
        return leaf_is_covered(leaf) ? trie->words[leaf_number(leaf)] : 0;
    }
    return trie->words[leaf_first_eight(leaf) + count_bits(leaf_eights(leaf)) + number];
}

/** Few keys come to this, most of them with one outcome. */
ALWAYS_INLINE void answer_by_words(const struct trie *trie, const uint32_t *keys, uint32_t *ids,
                                   const struct queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        __builtin_prefetch(word_of(trie, queue->leaves[i], keys[queue->places[i]]));
    }
    for (size_t i = 0; i < queue->count; i++) {
        uint64_t leaf = queue->leaves[i];
        uint32_t key = keys[queue->places[i]];
        uint32_t id = leaf_is_id(leaf) ? leaf_number(leaf) : find_id(trie, leaf, key);

        if (id != 0 && id <= trie->id_max) {
            ids[queue->places[i]] = id;
        }
    }
}

/** Gives how many places of keys that are marked it found. */
ALWAYS_INLINE size_t match(const struct trie *trie, const struct trie_marks *marks,
                           const uint32_t *keys, size_t count, uint32_t *ids, uint16_t *ret_places)
{
    struct queue queue;
    size_t marked;

    sift_by_summary(trie, marks, keys, count, &queue);
    marked = look_ahead(trie, marks, keys, &queue, ret_places);
    answer_by_line(trie, keys, ids, &queue);
    sift_by_leaf(trie, keys, &queue);
    answer_by_words(trie, keys, ids, &queue);
    return marked;
}

static size_t match_anywhere(const struct trie *trie, const struct trie_marks *marks,
                             const uint32_t *keys, size_t count, uint32_t *ids,
                             uint16_t *ret_places)
{
    return match(trie, marks, keys, count, ids, ret_places);
}

#if defined(__x86_64__)

/** With the processor's own counting of bits, which the oldest of this kind do not have. */
__attribute__((target("popcnt"))) static size_t match_popcnt(const struct trie *trie,
                                                             const struct trie_marks *marks,
                                                             const uint32_t *keys, size_t count,
                                                             uint32_t *ids, uint16_t *ret_places)
{
    return match(trie, marks, keys, count, ids, ret_places);
}

static bool has_popcnt(void)
{
    return __builtin_cpu_supports("popcnt");
}

#else

static size_t match_popcnt(const struct trie *trie, const struct trie_marks *marks,
                           const uint32_t *keys, size_t count, uint32_t *ids, uint16_t *ret_places)
{
    return match(trie, marks, keys, count, ids, ret_places);
}

static bool has_popcnt(void)
{
    return false;
}

#endif

void trie_match(const struct trie *trie, const uint32_t *keys, size_t count, uint32_t *ret_ids)
{
    bool is_fast = has_popcnt();

    memset(ret_ids, 0, count * sizeof(*ret_ids));
    for (size_t i = 0; trie->line_count > 0 && i < count; i += LANES) {
        size_t many = count - i < LANES ? count - i : LANES;

        (void)(is_fast ? match_popcnt : match_anywhere)(trie, NULL, keys + i, many, ret_ids + i,
                                                        NULL);
    }
}

size_t trie_match_marked(const struct trie *trie, const struct trie_marks *marks,
                         const uint32_t *keys, size_t count, uint32_t *ret_ids,
                         uint16_t ret_places[TRIE_MARKED_MAX])
{
    size_t marked = 0;

    memset(ret_ids, 0, count * sizeof(*ret_ids));
    if (trie->line_count > 0) {
        return (has_popcnt() ? match_popcnt : match_anywhere)(trie, marks, keys, count, ret_ids,
                                                              ret_places);
    }
    for (size_t i = 0; i < count; i++) {
        ret_places[marked] = (uint16_t)i;
        marked += is_marked(marks, keys[i]);
    }
    return marked;
}

/* --- checking --- */

/*
 * What look-ups read lies within the trie because leaves and words go on, unused,
 * behind the last one that is referred to: so nothing need be counted here. Ids of
 * leaves and words are compared when they are found: those are few.
 */

/** The summary is of the size that its use goes by. */
static bool is_summary_sound(const struct trie *trie)
{
    return trie->summary_shift <= 26 && trie->summary_count == 1u << (26 - trie->summary_shift);
}

static bool is_index_sound(const struct trie *trie)
{
    bool is_sound = true;

    for (size_t i = 0; trie->index != NULL && i < TRIE_INDEX_COUNT; i++) {
        is_sound &= trie->index[i] < trie->line_count;
    }
    return is_sound;
}

static bool are_lines_sound(const struct trie *trie)
{
    bool is_sound = trie->leaf_count >= TRIE_LEAVES_SPARE;

    for (size_t i = 0; is_sound && i < trie->line_count; i++) {
        const struct trie_line *line = &trie->lines[i];

        is_sound = line->cover <= trie->id_max;
        for (size_t k = 0; k < 4; k++) {
            is_sound &= line->leaves[k] <= trie->leaf_count - TRIE_LEAVES_SPARE;
        }
    }
    return is_sound;
}

static bool are_leaves_sound(const struct trie *trie)
{
    bool is_sound = trie->word_count >= LEAF_WORDS_MAX;

    for (size_t i = 0; i < trie->leaf_count; i++) {
        uint64_t leaf = trie->leaves[i];
        bool is_within = leaf_number(leaf) + (uint64_t)LEAF_WORDS_MAX <= trie->word_count;

        is_sound &= (unsigned)leaf_is_id(leaf) | (unsigned)is_within; /* which can't be foretold */
    }
    return is_sound;
}

bool trie_is_sound(const struct trie *trie)
{
    return is_summary_sound(trie) && is_index_sound(trie) && are_lines_sound(trie) &&
           are_leaves_sound(trie);
}
