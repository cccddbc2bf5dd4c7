/* SPDX-License-Identifier: MIT */
#include "intel/shards_choice.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "intel/intel.h"
#include "intel/live.h"

#define BATCH 64u /* look-ups at a time */

struct gathering {
    struct candidate *items;
    size_t count;
    size_t capacity;
    int64_t now_us;
    bool is_out_of_memory;
};

static bool is_in_force(const struct indicator *indicator, int64_t now_us)
{
    return indicator->expires_us == 0 || indicator->expires_us > now_us;
}

static bool gather(void *context, const struct indicator *indicator)
{
    struct gathering *gathering = context;

    if (indicator->observable.kind != OBSERVABLE_ADDRESS ||
        indicator->observable.prefix.length != 128 || indicator->role != INDICATOR_LISTED ||
        !is_in_force(indicator, gathering->now_us)) {
        return true;
    }
    if (gathering->count == gathering->capacity) {
        size_t capacity = gathering->capacity == 0 ? 1024 : 2 * gathering->capacity;
        struct candidate *items = realloc(gathering->items, capacity * sizeof(*items));

        if (items == NULL) {
            gathering->is_out_of_memory = true;
            return false;
        }
        gathering->items = items;
        gathering->capacity = capacity;
    }
    gathering->items[gathering->count++] =
        (struct candidate){.address = indicator->observable.prefix.address};
    return true;
}

static int compare_addresses(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    return memcmp(a->address.bytes, b->address.bytes, sizeof(a->address.bytes));
}

static int compare_weights(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;

    if (a->weight != b->weight) {
        return a->weight > b->weight ? -1 : 1;
    }
    return compare_addresses(left, right);
}

static size_t drop_repeats(struct candidate *items, size_t count)
{
    size_t kept = 0;

    qsort(items, count, sizeof(*items), compare_addresses);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || !address_equal(&items[i].address, &items[kept - 1].address)) {
            items[kept++] = items[i];
        }
    }
    return kept;
}

static size_t word_length(const char *text)
{
    size_t length = 0;

    while (isalnum((unsigned char)text[length])) {
        length++;
    }
    return length;
}

/* How much a device should fear what is of a category, by the worst of its words ("botnet_cc",
 * "Tor exit"); what has none of these is between. */
static unsigned rank_of(const char *category)
{
    static const struct {
        const char *word;
        unsigned rank;
    } rows[] = {{"c2", 4},   {"cc", 4},      {"cnc", 4},     {"command", 4},  {"botnet", 4},
                {"bot", 4},  {"malware", 4}, {"scanner", 2}, {"scanning", 2}, {"scan", 2},
                {"spam", 2}, {"tor", 1},     {"proxy", 1},   {"vpn", 1},      {"anonymization", 1}};
    unsigned worst = 0;

    while (*category != '\0') {
        size_t length = word_length(category);

        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            if (strlen(rows[i].word) == length &&
                strncasecmp(rows[i].word, category, length) == 0 && rows[i].rank > worst) {
                worst = rows[i].rank;
            }
        }
        category += length > 0 ? length : 1;
    }
    return worst == 0 ? 3 : worst;
}

/* 0 if the address is not to be chosen. */
static uint64_t weigh(const struct intel_index *index, intel_record record, const char *scope,
                      int64_t now_us)
{
    uint64_t rank = 0;
    uint64_t confidence = 0;
    uint64_t listings = 0;

    for (; record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        if (!is_in_force(&indicator, now_us)) {
            continue;
        }
        if (indicator.role == INDICATOR_WARNED ||
            (indicator.role == INDICATOR_ALLOWED &&
             (indicator.scope[0] == '\0' || strcmp(indicator.scope, scope) == 0))) {
            return 0;
        }
        if (indicator.role == INDICATOR_LISTED) {
            unsigned its_rank = rank_of(indicator.category);

            rank = its_rank > rank ? its_rank : rank;
            confidence = indicator.confidence > confidence ? indicator.confidence : confidence;
            listings++;
        }
    }
    return rank << 48 | confidence << 40 | listings;
}

static void weigh_all(const struct intel_index *index, const char *scope, int64_t now_us,
                      struct candidate *items, size_t count)
{
    struct address addresses[BATCH];
    intel_record records[BATCH];

    for (size_t first = 0; first < count; first += BATCH) {
        size_t size = count - first < BATCH ? count - first : BATCH;

        for (size_t i = 0; i < size; i++) {
            addresses[i] = items[first + i].address;
        }
        intel_match(index, addresses, size, records);
        for (size_t i = 0; i < size; i++) {
            items[first + i].weight = weigh(index, records[i], scope, now_us);
        }
    }
}

enum picket_status shards_rank(const struct intel_index *index, const char *scope, int64_t now_us,
                               struct candidate **ret, size_t *ret_count)
{
    struct gathering all = {.now_us = now_us};
    enum picket_status status = intel_each(index, gather, &all);
    size_t count = 0;

    if (status != PICKET_OK || all.is_out_of_memory) {
        free(all.items);
        return PICKET_E_NOMEM;
    }
    if (all.count > 0) {
        count = drop_repeats(all.items, all.count);
        weigh_all(index, scope, now_us, all.items, count);
        qsort(all.items, count, sizeof(*all.items), compare_weights);
    }
    while (count > 0 && all.items[count - 1].weight == 0) {
        count--;
    }
    *ret = all.items;
    *ret_count = count;
    return PICKET_OK;
}
