/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bench/intel/measure.h"
#include "intel/filter.h"
#include "intel/shards.h"

#define STORAGE_BYTES 65536u
#define HEAD_BYTES    16u /* of a shard in a device's storage */
#define OTHERS        1000000u
#define NOW_US        INT64_C(1767225600000000) /* 2026-01-01 */
#define NOBODYS_BYTE  0xfd                      /* what no listed address begins with */

/** The filters of a set; those that can't be built stay NULL. */
static struct filter **build_all(const struct shard_set *set)
{
    struct filter **filters = calloc(set->shard_count, sizeof(*filters));

    for (uint32_t i = 0; filters != NULL && i < set->shard_count; i++) {
        if (shard_build(&set->shards[i], &filters[i]) != PICKET_OK) {
            filters[i] = NULL;
        }
    }
    return filters;
}

static bool has(const struct shard_set *set, struct filter *const *filters, const uint8_t *address)
{
    uint32_t shard = picket_indicators_shard(address, 16, set->shard_count);

    return filters[shard] != NULL && picket_filter_has(filter_content(filters[shard]), address, 16);
}

static size_t count_missed(const struct shard_set *set, struct filter *const *filters)
{
    size_t missed = 0;

    for (uint32_t i = 0; i < set->shard_count; i++) {
        for (size_t k = 0; k < set->shards[i].count; k++) {
            missed += !has(set, filters, set->shards[i].addresses[k].bytes);
        }
    }
    return missed;
}

static size_t count_others(const struct shard_set *set, struct filter *const *filters)
{
    uint64_t random = 17;
    size_t found = 0;

    for (size_t i = 0; i < OTHERS; i++) {
        uint64_t halves[2] = {random_next(&random), random_next(&random)};
        uint8_t address[16];

        memcpy(address, halves, sizeof(address));
        address[0] = NOBODYS_BYTE;
        found += has(set, filters, address);
    }
    return found;
}

bool filter_measure(const struct intel_index *index, struct filter_quality *ret)
{
    struct shard_set *set = NULL;
    struct filter **filters = NULL;
    size_t bytes = 0;
    bool is_done = shards_choose(index, "", STORAGE_BYTES, NOW_US, &set) == PICKET_OK;

    filters = is_done && set != NULL ? build_all(set) : NULL;
    is_done = filters != NULL;
    for (uint32_t i = 0; is_done && i < set->shard_count; i++) {
        bytes += HEAD_BYTES;
        bytes += filters[i] == NULL ? 0 : filter_content(filters[i])->fingerprint_count;
    }
    if (is_done) {
        ret->bytes_each = (double)bytes / (double)shard_set_count(set);
        ret->others_percent = 100.0 * (double)count_others(set, filters) / OTHERS;
        ret->missed = count_missed(set, filters);
    }
    for (uint32_t i = 0; is_done && i < set->shard_count; i++) {
        filter_free(filters[i]);
    }
    free(filters);
    shard_set_free(set);
    return is_done;
}
