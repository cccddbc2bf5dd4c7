/* SPDX-License-Identifier: MIT */
#include "cli/ti_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define SPAN_BITS    8u /* a span is a /24 */
#define SPANS        (1u << 24)
#define SPAN_LAST    0xffu
#define WORD_BITS    64u
#define WORDS        (SPANS / WORD_BITS)
#define LEAF_WORDS   4u /* of 64 bits: one bit for each address of a span */
#define FILL_BATCH   64u
#define RANGES_FIRST ((size_t)1 << 16)

/*
 * Most addresses that are asked for are in a /24 of which nothing is listed: one bit in 2 MiB
 * says so. The others are in a /24 that is listed as a whole, or has a leaf with a bit for each
 * address; leaves lie in the order of their spans, so that counting bits finds one.
 */
struct range {
    uint32_t first;
    uint32_t last;
};

struct ti_set {
    struct range *ranges; /* until they are sealed */
    size_t range_count;
    size_t range_capacity;
    struct prefix *prefixes; /* IPv6; by address, none within another once sealed */
    size_t prefix_count;
    size_t prefix_capacity;
    uint64_t *any;    /* something of the span is in the set */
    uint64_t *whole;  /* all of it */
    uint32_t *before; /* leaves before the word's spans */
    uint64_t *leaves;
    size_t leaf_count;
    bool is_of_ipv4;
};

struct ti_set *ti_set_new(void)
{
    return calloc(1, sizeof(struct ti_set));
}

static void *map_zeroed(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* without them it is only slower */
    return memory;
}

static void unmap(void *memory, size_t bytes)
{
    if (memory != NULL) {
        (void)munmap(memory, bytes);
    }
}

void ti_set_free(struct ti_set *set)
{
    if (set == NULL) {
        return;
    }
    unmap(set->any, WORDS * sizeof(*set->any));
    unmap(set->whole, WORDS * sizeof(*set->whole));
    unmap(set->before, WORDS * sizeof(*set->before));
    unmap(set->leaves, set->leaf_count * LEAF_WORDS * sizeof(*set->leaves));
    free(set->prefixes);
    free(set->ranges);
    free(set);
}

enum picket_status ti_set_add_ipv4(struct ti_set *set, uint32_t first, uint32_t last)
{
    if (set->range_count == set->range_capacity) {
        size_t capacity = set->range_capacity == 0 ? RANGES_FIRST : 2 * set->range_capacity;
        struct range *ranges = realloc(set->ranges, capacity * sizeof(*ranges));

        if (ranges == NULL) {
            return PICKET_E_NOMEM;
        }
        set->ranges = ranges;
        set->range_capacity = capacity;
    }
    set->ranges[set->range_count++] = (struct range){first, last};
    return PICKET_OK;
}

enum picket_status ti_set_add_ipv6(struct ti_set *set, const struct prefix *prefix)
{
    if (set->prefix_count == set->prefix_capacity) {
        size_t capacity = set->prefix_capacity == 0 ? 1024 : 2 * set->prefix_capacity;
        struct prefix *prefixes = realloc(set->prefixes, capacity * sizeof(*prefixes));

        if (prefixes == NULL) {
            return PICKET_E_NOMEM;
        }
        set->prefixes = prefixes;
        set->prefix_capacity = capacity;
    }
    set->prefixes[set->prefix_count++] = *prefix;
    return PICKET_OK;
}

/* --- sealing --- */

/* Sets the bits of @p first to @p last. */
static void set_bits(uint64_t *words, uint32_t first, uint32_t last)
{
    uint32_t begin = first / WORD_BITS;
    uint32_t end = last / WORD_BITS;
    uint64_t head = ~UINT64_C(0) << first % WORD_BITS;
    uint64_t tail = ~UINT64_C(0) >> (WORD_BITS - 1 - last % WORD_BITS);

    if (begin == end) {
        words[begin] |= head & tail;
        return;
    }
    words[begin] |= head;
    memset(&words[begin + 1], 0xff, (end - begin - 1) * sizeof(*words));
    words[end] |= tail;
}

/* The /24s that a range covers as a whole, from *ret_first up to *ret_end. */
static void whole_spans(const struct range *range, uint32_t *ret_first, uint32_t *ret_end)
{
    *ret_first = (range->first >> SPAN_BITS) + ((range->first & SPAN_LAST) != 0);
    *ret_end = (range->last >> SPAN_BITS) + ((range->last & SPAN_LAST) == SPAN_LAST);
}

static void mark_spans(struct ti_set *set)
{
    for (size_t i = 0; i < set->range_count; i++) {
        const struct range *range = &set->ranges[i];
        uint32_t first = 0;
        uint32_t end = 0;

        if (range->first == range->last) {
            uint32_t span = range->first >> SPAN_BITS;

            set->any[span / WORD_BITS] |= UINT64_C(1) << span % WORD_BITS;
            continue;
        }
        whole_spans(range, &first, &end);
        set_bits(set->any, range->first >> SPAN_BITS, range->last >> SPAN_BITS);
        if (first < end) {
            set_bits(set->whole, first, end - 1);
        }
    }
}

static uint64_t *find_leaf(const struct ti_set *set, uint32_t span)
{
    uint32_t word = span / WORD_BITS;
    uint64_t below = (UINT64_C(1) << span % WORD_BITS) - 1;
    uint64_t leaves = set->any[word] & ~set->whole[word];

    return set->leaves + (size_t)LEAF_WORDS *
                             (set->before[word] + (uint32_t)__builtin_popcountll(leaves & below));
}

static bool has_bit(const uint64_t *words, uint32_t bit)
{
    return (words[bit / WORD_BITS] >> bit % WORD_BITS & 1u) != 0;
}

/* Bits of one leaf that are to be set. */
struct filling {
    uint64_t *leaf;
    uint8_t first;
    uint8_t last;
};

/* Leaves lie all over the memory: a batch of them is asked for before the first is needed. */
struct batch {
    const struct ti_set *set;
    struct filling fillings[FILL_BATCH];
    size_t count;
};

static void fill(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct filling *filling = &batch->fillings[i];

        if (filling->first == filling->last) {
            filling->leaf[filling->first / WORD_BITS] |= UINT64_C(1) << filling->first % WORD_BITS;
        } else {
            set_bits(filling->leaf, filling->first, filling->last);
        }
    }
    batch->count = 0;
}

/* The part of a range in one span. */
static void add_filling(struct batch *batch, uint32_t first, uint32_t last)
{
    uint32_t span = first >> SPAN_BITS;
    struct filling *filling = &batch->fillings[batch->count];

    if (has_bit(batch->set->whole, span)) {
        return;
    }
    filling->leaf = find_leaf(batch->set, span);
    filling->first = (uint8_t)(first & SPAN_LAST);
    filling->last = (uint8_t)(last & SPAN_LAST);
    __builtin_prefetch(&filling->leaf[filling->first / WORD_BITS], 1);
    batch->count++;
    if (batch->count == FILL_BATCH) {
        fill(batch);
    }
}

static void fill_leaves(struct ti_set *set)
{
    struct batch batch = {.set = set};

    for (size_t i = 0; i < set->range_count; i++) {
        const struct range *range = &set->ranges[i];

        if (range->first >> SPAN_BITS == range->last >> SPAN_BITS) {
            add_filling(&batch, range->first, range->last);
        } else {
            add_filling(&batch, range->first, range->first | SPAN_LAST);
            add_filling(&batch, range->last & ~SPAN_LAST, range->last);
        }
    }
    fill(&batch);
}

static void count_leaves(struct ti_set *set)
{
    for (size_t word = 0; word < WORDS; word++) {
        set->before[word] = (uint32_t)set->leaf_count;
        set->leaf_count += (size_t)__builtin_popcountll(set->any[word] & ~set->whole[word]);
    }
}

static int compare_prefixes(const void *a, const void *b)
{
    const struct prefix *one = a;
    const struct prefix *other = b;
    int order = memcmp(one->address.bytes, other->address.bytes, sizeof(one->address.bytes));

    return order != 0 ? order : (int)one->length - (int)other->length;
}

static void seal_ipv6(struct ti_set *set)
{
    size_t kept = 0;

    qsort(set->prefixes, set->prefix_count, sizeof(*set->prefixes), compare_prefixes);
    for (size_t i = 0; i < set->prefix_count; i++) {
        if (kept == 0 || !prefix_contains(&set->prefixes[kept - 1], &set->prefixes[i].address)) {
            set->prefixes[kept++] = set->prefixes[i];
        }
    }
    set->prefix_count = kept;
}

enum picket_status ti_set_seal(struct ti_set *set)
{
    set->any = map_zeroed(WORDS * sizeof(*set->any));
    set->whole = map_zeroed(WORDS * sizeof(*set->whole));
    set->before = map_zeroed(WORDS * sizeof(*set->before));
    if (set->any == NULL || set->whole == NULL || set->before == NULL) {
        return PICKET_E_NOMEM;
    }
    set->is_of_ipv4 = set->range_count > 0;
    mark_spans(set);
    count_leaves(set);
    set->leaves = set->leaf_count == 0
                      ? NULL
                      : map_zeroed(set->leaf_count * LEAF_WORDS * sizeof(*set->leaves));
    if (set->leaves == NULL && set->leaf_count > 0) {
        set->leaf_count = 0;
        return PICKET_E_NOMEM;
    }
    fill_leaves(set);
    if (set->prefix_count > 0) {
        seal_ipv6(set);
    }
    free(set->ranges);
    set->ranges = NULL;
    set->range_count = 0;
    set->range_capacity = 0;
    return PICKET_OK;
}

/* --- questions --- */

bool ti_set_is_of_ipv4(const struct ti_set *set)
{
    return set->is_of_ipv4;
}

bool ti_set_is_of_ipv6(const struct ti_set *set)
{
    return set->prefix_count > 0;
}

void ti_set_match_ipv4(const struct ti_set *set, const uint32_t *addresses, size_t count, bool *ret)
{
    for (size_t i = 0; i < count; i++) {
        ret[i] = has_bit(set->any, addresses[i] >> SPAN_BITS);
    }
    for (size_t i = 0; i < count; i++) {
        if (ret[i]) {
            uint32_t span = addresses[i] >> SPAN_BITS;

            ret[i] = has_bit(set->whole, span) ||
                     has_bit(find_leaf(set, span), addresses[i] & SPAN_LAST);
        }
    }
}

bool ti_set_has_ipv6(const struct ti_set *set, const struct address *address)
{
    size_t low = 0;
    size_t high = set->prefix_count;

    while (low < high) { /* the last prefix that does not begin behind the address */
        size_t middle = low + (high - low) / 2;

        if (memcmp(set->prefixes[middle].address.bytes, address->bytes, sizeof(address->bytes)) <=
            0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && prefix_contains(&set->prefixes[low - 1], address);
}
