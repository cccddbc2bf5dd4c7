/* SPDX-License-Identifier: MIT */
/*
 * Binary fuse filters: Graf and Lemire, "Binary Fuse Filters: Fast and Smaller
 * Than Xor Filters", ACM Journal of Experimental Algorithmics 27, 2022.
 *
 * Each address has three slots in three segments that follow each other, and its
 * fingerprint must be what the three hold, combined by XOR. A slot that only one
 * address has is that address's own: it can be set last, whatever the other two
 * hold. So addresses with a slot of their own are taken away, one after the
 * other, which gives others such slots; when all are gone, the slots are set in
 * the opposite order. If some remain, another seed is tried.
 */
#include "intel/filter.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_PER_ADDRESS 3u
/* an attempt seldom fails; so many in a row say that something else is wrong */
#define ATTEMPTS_MAX 100u

struct filter {
    struct picket_filter content;
    uint8_t fingerprints[];
};

/** What is left in one slot. */
struct slot {
    uint32_t count; /* of addresses */
    uint32_t mix;   /* their numbers, combined by XOR: of one address its number */
};

/** An address that was taken away, and by which of its slots. */
struct taken {
    uint32_t address;
    uint32_t position;
};

struct construction {
    const struct picket_filter *filter;
    struct address *addresses; /* distinct, sorted */
    size_t count;
    struct slot *slots;
    struct taken *taken; /* in this order; count of them when it is done */
};

static int compare_addresses(const void *left, const void *right)
{
    const struct address *a = left, *b = right;

    return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Gives how many are distinct. */
static size_t sort_addresses(struct address *addresses, size_t count)
{
    size_t last = 0;

    qsort(addresses, count, sizeof(*addresses), compare_addresses);
    for (size_t i = 1; i < count; i++) {
        if (!address_equal(&addresses[i], &addresses[last])) {
            addresses[++last] = addresses[i];
        }
    }
    return last + 1;
}

/* The lengths that the paper found by experiment (section 4, for three slots). */
static void set_lengths(struct picket_filter *filter, size_t count)
{
    double size = (double)count;
    double spread = count < 2 ? 0.0 : fmax(1.125, 0.875 + 0.25 * log(1e6) / log(size));
    uint32_t length = 1u << (unsigned)floor(log(size) / log(3.33) + 2.25);
    uint32_t segments;

    length = length < PICKET_SEGMENT_LENGTH_MAX ? length : PICKET_SEGMENT_LENGTH_MAX;
    segments = ((uint32_t)lround(size * spread) + length - 1) / length;
    filter->segment_length = length;
    filter->segment_count = segments < SLOTS_PER_ADDRESS ? 1 : segments - (SLOTS_PER_ADDRESS - 1);
    filter->fingerprint_count =
        (size_t)(filter->segment_count + SLOTS_PER_ADDRESS - 1) * filter->segment_length;
}

static void locate(const struct construction *construction, size_t address,
                   struct picket_filter_slots *ret)
{
    const struct address *found = &construction->addresses[address];

    picket_filter_locate(construction->filter, found->bytes, sizeof(found->bytes), ret);
}

static void fill_slots(struct construction *construction)
{
    struct picket_filter_slots found;

    memset(construction->slots, 0,
           construction->filter->fingerprint_count * sizeof(*construction->slots));
    for (size_t i = 0; i < construction->count; i++) {
        locate(construction, i, &found);
        for (size_t k = 0; k < SLOTS_PER_ADDRESS; k++) {
            construction->slots[found.positions[k]].count++;
            construction->slots[found.positions[k]].mix ^= (uint32_t)i;
        }
    }
}

/* Takes the address away that alone has the slot. */
static void take(struct construction *construction, uint32_t position, size_t *taken)
{
    struct picket_filter_slots found;
    uint32_t address = construction->slots[position].mix;

    construction->taken[(*taken)++] = (struct taken){address, position};
    locate(construction, address, &found);
    for (size_t k = 0; k < SLOTS_PER_ADDRESS; k++) {
        construction->slots[found.positions[k]].count--;
        construction->slots[found.positions[k]].mix ^= address;
    }
}

/* Takes from a slot, then from those that this left with one address, as far as they go. */
static void take_from(struct construction *construction, uint32_t position, size_t *taken)
{
    struct picket_filter_slots found;
    size_t next = *taken;

    if (construction->slots[position].count != 1) {
        return;
    }
    for (take(construction, position, taken); next < *taken; next++) {
        locate(construction, construction->taken[next].address, &found);
        for (size_t k = 0; k < SLOTS_PER_ADDRESS; k++) {
            if (construction->slots[found.positions[k]].count == 1) {
                take(construction, found.positions[k], taken);
            }
        }
    }
}

/* True if none is left. */
static bool take_all(struct construction *construction)
{
    size_t taken = 0;

    fill_slots(construction);
    for (size_t i = 0; i < construction->filter->fingerprint_count; i++) {
        take_from(construction, (uint32_t)i, &taken);
    }
    return taken == construction->count;
}

static void set_fingerprints(const struct construction *construction, uint8_t *fingerprints)
{
    struct picket_filter_slots found;

    for (size_t i = construction->count; i-- > 0;) {
        uint8_t value;

        locate(construction, construction->taken[i].address, &found);
        value = found.fingerprint;
        for (size_t k = 0; k < SLOTS_PER_ADDRESS; k++) {
            value ^= fingerprints[found.positions[k]]; /* its own is still 0 */
        }
        fingerprints[construction->taken[i].position] = value;
    }
}

/* The next of a row of seeds: SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_seed(uint64_t *state)
{
    uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

    mixed = (mixed ^ mixed >> 30u) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27u) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31u;
}

/* A filter with its lengths and without contents; NULL if memory is out. */
static struct filter *filter_new(size_t count)
{
    struct picket_filter content = {0};
    struct filter *filter = NULL;

    set_lengths(&content, count);
    filter = calloc(1, sizeof(*filter) + content.fingerprint_count);
    if (filter != NULL) {
        filter->content = content;
        filter->content.fingerprints = filter->fingerprints;
    }
    return filter;
}

static enum picket_status construct(struct construction *construction, struct filter *filter,
                                    uint64_t seed)
{
    construction->filter = &filter->content;
    for (unsigned attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        filter->content.seed = next_seed(&seed);
        if (take_all(construction)) {
            set_fingerprints(construction, filter->fingerprints);
            return PICKET_OK;
        }
    }
    return PICKET_E_LIMIT;
}

enum picket_status filter_build(const struct address *addresses, size_t count, uint64_t seed,
                                struct filter **ret)
{
    struct construction construction = {0};
    struct filter *filter = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (count == 0 || count > FILTER_ADDRESSES_MAX) {
        return count == 0 ? PICKET_E_EMPTY : PICKET_E_LIMIT;
    }
    construction.addresses = malloc(count * sizeof(*addresses));
    if (construction.addresses == NULL) {
        goto out;
    }
    memcpy(construction.addresses, addresses, count * sizeof(*addresses));
    construction.count = sort_addresses(construction.addresses, count);
    filter = filter_new(construction.count);
    if (filter == NULL) {
        goto out;
    }
    construction.slots = malloc(filter->content.fingerprint_count * sizeof(*construction.slots));
    construction.taken = malloc(construction.count * sizeof(*construction.taken));
    if (construction.slots == NULL || construction.taken == NULL) {
        goto out;
    }
    status = construct(&construction, filter, seed);
    if (status == PICKET_OK) {
        *ret = filter;
        filter = NULL;
    }
out:
    free(construction.addresses);
    free(construction.slots);
    free(construction.taken);
    filter_free(filter);
    return status;
}

size_t filter_bytes(size_t count)
{
    struct picket_filter filter;

    set_lengths(&filter, count);
    return filter.fingerprint_count;
}

const struct picket_filter *filter_content(const struct filter *filter)
{
    return &filter->content;
}

void filter_free(struct filter *filter)
{
    free(filter);
}
