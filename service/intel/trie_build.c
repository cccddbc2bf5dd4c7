/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "intel/leaf.h"
#include "intel/trie.h"

#define LINES_SPARSE_MAX  32768u /* with more, a line for each /16 costs little more */
#define NESTING_MAX       33u
#define SUMMARY_SHIFT_MAX 16u
#define SUMMARY_SHIFT_MIN 11u /* a quarter of a megabyte: it stays in the processor's own cache */

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
    uint32_t word_count;
    uint32_t bare_line; /* the last one without leaves, and its cover */
    uint32_t bare_cover;
};

/** What a leaf refers to, while it is made. */
struct words {
    uint32_t eights;
    uint32_t count;
    uint32_t id_count;
    uint32_t words[32 + 1]; /* and one to begin with */
    uint32_t ids[256];
};

static void sections_init(struct trie_sections *sections)
{
    buf_init(&sections->summary, SIZE_MAX);
    buf_init(&sections->index, SIZE_MAX);
    buf_init(&sections->lines, SIZE_MAX);
    buf_init(&sections->leaves, SIZE_MAX);
    buf_init(&sections->words, SIZE_MAX);
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

/** Where the next prefix begins that was not entered; behind all keys if there is none. */
static uint64_t next_key(const struct sweep *sweep)
{
    return sweep->taken < sweep->count ? sweep->prefixes[sweep->taken].key : UINT64_C(1) << 32u;
}

/** The innermost prefix that is open, if it is longer than that of a line; else NULL. */
static const struct trie_prefix *innermost(const struct sweep *sweep)
{
    bool is_there = sweep->depth > 0 && sweep->open[sweep->depth - 1].length > 16;

    return is_there ? &sweep->open[sweep->depth - 1] : NULL;
}

/** Adds addresses of a /24, given by their last bytes, that have one id. */
static void add_run(struct words *words, unsigned first, unsigned last, uint32_t id)
{
    for (unsigned eight = first / 8; eight <= last / 8; eight++) {
        bool is_first = eight == first / 8;
        unsigned from = is_first ? first % 8 : 0, to = eight == last / 8 ? last % 8 : 7;

        if ((words->eights >> eight & 1u) == 0) {
            words->eights |= 1u << eight;
            words->words[words->count++] = word_of_eight(0, 0, words->id_count + !is_first);
        }
        words->words[words->count - 1] |=
            word_of_eight((2u << to) - (1u << from), (uint32_t)is_first << from, 0);
    }
    words->ids[words->id_count++] = id;
}

/**
 * Adds single addresses of a /24 up to the next prefix that is not one. Most indicators are such,
 * and where they are can't be foretold, so nothing branches on it.
 */
static void add_hosts(struct sweep *sweep, uint64_t end, struct words *words)
{
    const struct trie_prefix *host = sweep->prefixes + sweep->taken;

    for (; host < sweep->prefixes + sweep->count && host->key < end && host->length == 32; host++) {
        uint32_t eight = 1u << (host->key >> 3u & 31u), bit = 1u << (host->key & 7u);

        words->words[words->count] = word_of_eight(0, 0, words->id_count);
        words->count += (words->eights & eight) == 0;
        words->eights |= eight;
        words->words[words->count - 1] |= word_of_eight(bit, bit, 0);
        words->ids[words->id_count++] = host->id;
    }
    sweep->taken = (size_t)(host - sweep->prefixes);
}

/** The leaf of the /24 at @p key, in which the next prefix begins. */
static uint64_t make_words(struct sweep *sweep, uint64_t key)
{
    struct words words;
    const struct trie_prefix *outer = innermost(sweep);
    uint32_t first = sweep->word_count, outer_id = outer == NULL ? 0 : outer->id;
    struct buf *buf = &sweep->sections->words;

    words.eights = words.count = words.id_count = 0;
    for (uint64_t here = key, next; here < key + 256; here = next) {
        const struct trie_prefix *cover;

        advance(sweep, (uint32_t)here, 31);
        cover = innermost(sweep);
        if (cover == NULL || cover->length <= 24) {
            add_hosts(sweep, key + 256, &words);
            next = next_key(sweep) < key + 256 ? next_key(sweep) : key + 256;
            continue;
        }
        advance(sweep, (uint32_t)here, 32);
        cover = innermost(sweep);
        next = next_key(sweep) < key + 256 ? next_key(sweep) : key + 256;
        next = last_key(cover) < next ? (uint64_t)last_key(cover) + 1 : next;
        add_run(&words, here & 0xffu, (next - 1) & 0xffu, cover->id);
    }
    if (outer_id != 0) {
        buf_add(buf, &outer_id, sizeof(outer_id));
    }
    buf_add(buf, words.words, words.count * sizeof(words.words[0]));
    buf_add(buf, words.ids, words.id_count * sizeof(words.ids[0]));
    sweep->word_count += (outer_id != 0) + words.count + words.id_count;
    return leaf_of_words(first, outer_id != 0, words.eights);
}

static void add_leaf(struct sweep *sweep, uint64_t key, struct trie_line *line)
{
    unsigned word = key >> 14u & 3u, bit = key >> 8u & 63u;
    const struct trie_prefix *cover = innermost(sweep);
    uint64_t leaf = next_key(sweep) < key + 256 || cover == NULL ? make_words(sweep, key)
                                                                 : leaf_of_id(cover->id);

    if (line->occupied[word] == 0) {
        line->leaves[word] = sweep->leaf_count;
    }
    line->occupied[word] |= UINT64_C(1) << bit;
    buf_add(&sweep->sections->leaves, &leaf, sizeof(leaf));
    sweep->leaf_count++;
}

/** The leaves of the /16 at @p key. */
static void fill_line(struct sweep *sweep, uint64_t key, struct trie_line *line)
{
    uint64_t end = key + 65536;

    while (key < end) {
        advance(sweep, (uint32_t)key, 24);
        if (innermost(sweep) != NULL || next_key(sweep) < key + 256) {
            add_leaf(sweep, key, line);
            key += 256;
        } else {
            key = next_key(sweep) & ~UINT64_C(0xff);
        }
    }
}

/** Gives the number of the line of the /16 at @p key; those without leaves share one if they can.
 */
static uint32_t add_line(struct sweep *sweep, uint32_t key)
{
    struct trie_line line = {.occupied = {0}};

    advance(sweep, key, 16);
    line.cover = sweep->depth == 0 ? 0 : sweep->open[sweep->depth - 1].id;
    if (next_key(sweep) >= (uint64_t)key + 65536) {
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

/** Gives a few bits of the summary to a prefix, within bounds. */
static void add_summary(struct buf *summary, const struct trie_prefix *prefixes, size_t count)
{
    unsigned shift = SUMMARY_SHIFT_MAX;
    uint64_t *bits;

    while (shift > SUMMARY_SHIFT_MIN && UINT32_MAX >> shift < 8 * count) {
        shift--;
    }
    summary->length = ((size_t)UINT32_MAX >> shift) / 8 + 1;
    bits = calloc(1, summary->length);
    for (size_t i = 0; bits != NULL && i < count; i++) {
        uint32_t last = last_key(&prefixes[i]) >> shift;

        for (uint32_t bit = prefixes[i].key >> shift; bit <= last; bit++) {
            bits[bit / 64] |= UINT64_C(1) << bit % 64;
        }
    }
    summary->bytes = (char *)bits;
    summary->is_failed = bits == NULL;
}

enum picket_status trie_build(const struct trie_prefix *prefixes, size_t count,
                              struct trie_sections *ret)
{
    static const uint64_t spare[LEAF_WORDS_MAX];
    struct sweep sweep = {
        .sections = ret, .prefixes = prefixes, .count = count, .bare_cover = UINT32_MAX};
    uint32_t *places = malloc(TRIE_INDEX_COUNT * sizeof(*places));

    sections_init(ret);
    if (places == NULL) {
        return PICKET_E_NOMEM;
    }
    buf_reserve(&ret->lines, TRIE_INDEX_COUNT * sizeof(struct trie_line));
    buf_reserve(&ret->leaves, count * sizeof(uint64_t));
    buf_reserve(&ret->words, count * 3 * sizeof(uint32_t)); /* seldom are there more */
    if (count > 0) {
        add_summary(&ret->summary, prefixes, count);
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
    if (count > 0) {
        buf_add(&ret->leaves, spare, TRIE_LEAVES_SPARE * sizeof(spare[0]));
        buf_add(&ret->words, spare, LEAF_WORDS_MAX * sizeof(uint32_t));
    }
    free(places);
    return ret->summary.is_failed || ret->index.is_failed || ret->lines.is_failed ||
                   ret->leaves.is_failed || ret->words.is_failed
               ? PICKET_E_NOMEM
               : PICKET_OK;
}
