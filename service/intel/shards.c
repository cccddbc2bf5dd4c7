/* SPDX-License-Identifier: MIT */
#include "intel/shards.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "intel/filter.h"
#include "intel/intel.h"
#include "intel/live.h"
#include "intel/shards_choice.h"

#define HEAD_BYTES  16u /* of a shard on a device, in front of its fingerprints */
#define DELTA_BYTES ((size_t)2 * SHARDS_DELTA_MAX * PICKET_DELTA_ITEM_BYTES)
/* smaller ones have more bytes an address */
#define SHARD_ADDRESSES_MIN 1000u

/* --- sets --- */

struct shard_set *shard_set_new(uint32_t shard_count)
{
    struct shard_set *set = calloc(1, sizeof(*set));

    if (set == NULL) {
        return NULL;
    }
    set->shards = calloc(shard_count, sizeof(*set->shards));
    if (set->shards == NULL) {
        free(set);
        return NULL;
    }
    set->shard_count = shard_count;
    return set;
}

void shard_set_free(struct shard_set *set)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->shard_count; i++) {
        free(set->shards[i].addresses);
    }
    free(set->shards);
    free(set);
}

enum picket_status shard_set_fill(struct shard_set *set, uint32_t shard,
                                  const struct address *addresses, size_t count)
{
    struct address *copy = malloc((count + 1) * sizeof(*copy));

    if (copy == NULL) {
        return PICKET_E_NOMEM;
    }
    if (count > 0) {
        memcpy(copy, addresses, count * sizeof(*copy));
    }
    free(set->shards[shard].addresses);
    set->shards[shard].addresses = copy;
    set->shards[shard].count = count;
    return PICKET_OK;
}

size_t shard_set_count(const struct shard_set *set)
{
    size_t count = 0;

    for (uint32_t i = 0; i < set->shard_count; i++) {
        count += set->shards[i].count;
    }
    return count;
}

/* --- choosing --- */

/* How many addresses have a filter of at most @p bytes, and so have all fewer ones. */
static size_t addresses_in(size_t bytes)
{
    size_t count = 0;

    while (filter_bytes(count + 1) <= bytes) {
        count++;
    }
    return count;
}

static size_t shard_bytes(size_t bytes, uint32_t shard_count)
{
    size_t part = (bytes - DELTA_BYTES) / shard_count;

    return part > HEAD_BYTES ? part - HEAD_BYTES : 0;
}

static uint32_t count_shards(size_t bytes)
{
    uint32_t count = PICKET_SHARDS_MAX;

    while (count > 1 && addresses_in(shard_bytes(bytes, count)) < SHARD_ADDRESSES_MIN) {
        count /= 2;
    }
    return count;
}

static int compare_addresses(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct address));
}

/* Puts the candidates, best first, into their shards, of which each takes @p room of them. */
static enum picket_status place(struct shard_set *set, const struct candidate *candidates,
                                size_t count, size_t room)
{
    uint32_t full = 0;

    for (uint32_t i = 0; i < set->shard_count; i++) {
        set->shards[i].addresses = malloc((room + 1) * sizeof(struct address));
        if (set->shards[i].addresses == NULL) {
            return PICKET_E_NOMEM;
        }
    }
    for (size_t i = 0; i < count && full < set->shard_count; i++) {
        const struct address *address = &candidates[i].address;
        struct shard *shard =
            &set->shards[picket_indicators_shard(address->bytes, 16, set->shard_count)];

        if (shard->count < room) {
            shard->addresses[shard->count++] = *address;
            full += shard->count == room;
        }
    }
    for (uint32_t i = 0; i < set->shard_count; i++) {
        qsort(set->shards[i].addresses, set->shards[i].count, sizeof(struct address),
              compare_addresses);
    }
    return PICKET_OK;
}

enum picket_status shards_choose(const struct intel_index *index, const char *scope, size_t bytes,
                                 int64_t now_us, struct shard_set **ret)
{
    struct candidate *candidates = NULL;
    struct shard_set *set = NULL;
    size_t count = 0;
    enum picket_status status = PICKET_E_NOMEM;

    if (bytes < SHARDS_BYTES_MIN || bytes > SHARDS_BYTES_MAX) {
        return PICKET_E_ARG;
    }
    set = shard_set_new(count_shards(bytes));
    if (set == NULL) {
        goto out;
    }
    status = shards_rank(index, scope, now_us, &candidates, &count);
    if (status != PICKET_OK) {
        goto out;
    }
    status = place(set, candidates, count, addresses_in(shard_bytes(bytes, set->shard_count)));
    if (status == PICKET_OK) {
        *ret = set;
        set = NULL;
    }
out:
    shard_set_free(set);
    free(candidates);
    return status;
}

/* --- settling --- */

/* What became of a shard. */
struct change {
    uint32_t shard;
    uint32_t revision;
    size_t listed;
    size_t unlisted;
    bool is_sent;
};

/* Addresses of @p a that @p b has not; the first @p room of them go to @p ret. */
static size_t subtract(const struct shard *a, const struct shard *b, struct address *ret,
                       size_t room)
{
    size_t count = 0;
    size_t k = 0;

    for (size_t i = 0; i < a->count; i++) {
        while (k < b->count && compare_addresses(&b->addresses[k], &a->addresses[i]) < 0) {
            k++;
        }
        if (k == b->count || !address_equal(&b->addresses[k], &a->addresses[i])) {
            if (count < room) {
                ret[count] = a->addresses[i];
            }
            count++;
        }
    }
    return count;
}

/* Most changed first; of equal ones that which was sent longest ago. */
static int compare_changes(const void *left, const void *right)
{
    const struct change *a = left, *b = right;
    size_t of_a = a->listed + a->unlisted;
    size_t of_b = b->listed + b->unlisted;

    if (of_a != of_b) {
        return of_a > of_b ? -1 : 1;
    }
    return a->revision < b->revision ? -1 : a->revision > b->revision;
}

/* The difference of all shards that are not sent. */
static void set_delta(struct shard_set *set, const struct shard_set *before,
                      const struct change *changes)
{
    set->listed_count = 0;
    set->unlisted_count = 0;
    for (uint32_t i = 0; i < set->shard_count; i++) {
        const struct shard *now = &set->shards[changes[i].shard];
        const struct shard *then = &before->shards[changes[i].shard];

        if (!changes[i].is_sent) {
            set->listed_count += subtract(now, then, set->listed + set->listed_count,
                                          SHARDS_DELTA_MAX - set->listed_count);
            set->unlisted_count += subtract(then, now, set->unlisted + set->unlisted_count,
                                            SHARDS_DELTA_MAX - set->unlisted_count);
        }
    }
    qsort(set->listed, set->listed_count, sizeof(set->listed[0]), compare_addresses);
    qsort(set->unlisted, set->unlisted_count, sizeof(set->unlisted[0]), compare_addresses);
}

static bool has_same_delta(const struct shard_set *a, const struct shard_set *b)
{
    return a->listed_count == b->listed_count && a->unlisted_count == b->unlisted_count &&
           memcmp(a->listed, b->listed, a->listed_count * sizeof(a->listed[0])) == 0 &&
           memcmp(a->unlisted, b->unlisted, a->unlisted_count * sizeof(a->unlisted[0])) == 0;
}

/* Gives the difference of each shard, and of all. */
static struct change compare_sets(const struct shard_set *set, const struct shard_set *before,
                                  struct change *ret_changes)
{
    struct change all = {0};

    for (uint32_t i = 0; i < set->shard_count; i++) {
        struct change *change = &ret_changes[i];

        *change = (struct change){.shard = i, .revision = before->shards[i].revision};
        change->listed = subtract(&set->shards[i], &before->shards[i], NULL, 0);
        change->unlisted = subtract(&before->shards[i], &set->shards[i], NULL, 0);
        all.listed += change->listed;
        all.unlisted += change->unlisted;
    }
    return all;
}

/* Sends at least one, and until the rest of the difference has room in a delta. */
static void send_most_changed(struct change *changes, uint32_t count, struct change all)
{
    qsort(changes, count, sizeof(*changes), compare_changes);
    for (uint32_t i = 0;
         i < count && (i == 0 || all.listed > SHARDS_DELTA_MAX || all.unlisted > SHARDS_DELTA_MAX);
         i++) {
        changes[i].is_sent = true;
        all.listed -= changes[i].listed;
        all.unlisted -= changes[i].unlisted;
    }
}

void shards_settle(struct shard_set *set, struct shard_set *before)
{
    struct change changes[PICKET_SHARDS_MAX] = {{.shard = 0}};
    struct change all;
    bool is_small;

    if (before == NULL || before->shard_count != set->shard_count) {
        return;
    }
    all = compare_sets(set, before, changes);
    is_small = all.listed <= SHARDS_DELTA_MAX && all.unlisted <= SHARDS_DELTA_MAX;
    if (is_small) {
        set_delta(set, before, changes);
    }
    if (!is_small || !has_same_delta(set, before)) {
        send_most_changed(changes, set->shard_count, all);
        set_delta(set, before, changes);
    }
    for (uint32_t i = 0; i < set->shard_count; i++) {
        if (!changes[i].is_sent) {
            struct shard now = set->shards[changes[i].shard];

            set->shards[changes[i].shard] = before->shards[changes[i].shard];
            before->shards[changes[i].shard] = now;
        }
    }
}

enum picket_status shard_build(const struct shard *shard, struct filter **ret)
{
    /* A filter has something; nobody talks to ::, so a shard of nothing has that. */
    static const struct address nobody = {{0}};

    return shard->count == 0 ? filter_build(&nobody, 1, 0, ret)
                             : filter_build(shard->addresses, shard->count, 0, ret);
}
