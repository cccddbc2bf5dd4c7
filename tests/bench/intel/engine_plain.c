/* SPDX-License-Identifier: MIT */
/* What takes no thought: a bit for each IPv4 address, and a hash table for each length. */
#include "bench/intel/bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define BITMAP_BYTES (UINT64_C(1) << 29)
#define LENGTHS      129u

void ids_are_answers(void *state, const void *raw, size_t count, uint32_t *ret_ids)
{
    (void)state;
    memcpy(ret_ids, raw, count * sizeof(*ret_ids));
}

static void *fill_bitmap(const struct set *set)
{
    uint8_t *bits =
        mmap(NULL, BITMAP_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (bits == MAP_FAILED) {
        return NULL;
    }
    madvise(bits, BITMAP_BYTES, MADV_HUGEPAGE);
    for (size_t i = 0; i < set->count; i++) {
        uint64_t first = ipv4_of(&set->prefixes[i].address);
        uint64_t end = first + (UINT64_C(1) << (128 - set->prefixes[i].length));

        for (uint64_t ipv4 = first; ipv4 < end; ipv4++) {
            bits[ipv4 / 8] |= (uint8_t)(1u << ipv4 % 8);
        }
    }
    return bits;
}

static void match_bitmap(void *state, const struct queries *queries, size_t begin, size_t count,
                         void *raw)
{
    const uint8_t *bits = state;
    uint32_t *answers = raw;

    for (size_t i = 0; i < count; i++) {
        uint32_t ipv4 = queries->ipv4[begin + i];

        answers[i] = bits[ipv4 / 8] >> ipv4 % 8 & 1;
    }
}

static size_t bitmap_bytes(void *state)
{
    (void)state;
    return BITMAP_BYTES;
}

static void drop_bitmap(void *state)
{
    munmap(state, BITMAP_BYTES);
}

struct slot {
    uint64_t halves[2];
    uint32_t id;
};

struct lengths {
    struct slot *tables[LENGTHS]; /* NULL where no entry has that length */
    size_t masks[LENGTHS];
    size_t bytes;
};

static size_t slot_of(const struct slot *table, size_t mask, const uint64_t halves[2])
{
    uint64_t hash = halves[0] * UINT64_C(0x9e3779b97f4a7c15) ^ halves[1];
    size_t place = (size_t)(random_next(&hash)) & mask;

    while (table[place].id != 0 &&
           (table[place].halves[0] != halves[0] || table[place].halves[1] != halves[1])) {
        place = (place + 1) & mask;
    }
    return place;
}

static void read_halves(const struct address *address, unsigned length, uint64_t ret[2])
{
    uint64_t halves[2];

    memcpy(halves, address->bytes, sizeof(halves));
    halves[0] = __builtin_bswap64(halves[0]);
    halves[1] = __builtin_bswap64(halves[1]);
    ret[0] = length == 0 ? 0 : length >= 64 ? halves[0] : halves[0] >> (64 - length);
    ret[1] = length <= 64 ? 0 : halves[1] >> (128 - length);
}

static void drop_lengths(void *state)
{
    struct lengths *lengths = state;

    for (size_t length = 0; length < LENGTHS; length++) {
        free(lengths->tables[length]);
    }
    free(lengths);
}

static void *fill_lengths(const struct set *set)
{
    struct lengths *lengths = calloc(1, sizeof(*lengths));
    size_t counts[LENGTHS] = {0};

    for (size_t i = 0; i < set->count; i++) {
        counts[set->prefixes[i].length]++;
    }
    for (size_t length = 0; lengths != NULL && length < LENGTHS; length++) {
        size_t size = 4;

        while (size < 2 * counts[length]) {
            size *= 2;
        }
        lengths->tables[length] = counts[length] == 0 ? NULL : calloc(size, sizeof(struct slot));
        lengths->masks[length] = size - 1;
        lengths->bytes += counts[length] == 0 ? 0 : size * sizeof(struct slot);
        if (counts[length] != 0 && lengths->tables[length] == NULL) {
            drop_lengths(lengths);
            return NULL;
        }
    }
    for (size_t i = 0; lengths != NULL && i < set->count; i++) {
        unsigned length = set->prefixes[i].length;
        uint64_t halves[2];
        struct slot *table = lengths->tables[length];
        size_t place;

        read_halves(&set->prefixes[i].address, length, halves);
        place = slot_of(table, lengths->masks[length], halves);
        table[place] = (struct slot){{halves[0], halves[1]}, (uint32_t)i + 1};
    }
    return lengths;
}

static void match_lengths(void *state, const struct queries *queries, size_t begin, size_t count,
                          void *raw)
{
    const struct lengths *lengths = state;
    uint32_t *ids = raw;

    for (size_t i = 0; i < count; i++) {
        ids[i] = 0;
        for (unsigned length = LENGTHS; length-- > 0 && ids[i] == 0;) {
            const struct slot *table = lengths->tables[length];
            uint64_t halves[2];

            if (table != NULL) {
                read_halves(&queries->addresses[begin + i], length, halves);
                ids[i] = table[slot_of(table, lengths->masks[length], halves)].id;
            }
        }
    }
}

static size_t lengths_bytes(void *state)
{
    return ((struct lengths *)state)->bytes;
}

const struct engine engine_bitmap = {
    .name = "flat bitmap",
    .fill = fill_bitmap,
    .match = match_bitmap,
    .to_ids = ids_are_answers,
    .bytes = bitmap_bytes,
    .free = drop_bitmap,
    .answers_bits = true,
};
const struct engine engine_lengths = {
    .name = "hash per length",
    .fill = fill_lengths,
    .match = match_lengths,
    .to_ids = ids_are_answers,
    .bytes = lengths_bytes,
    .free = drop_lengths,
};
