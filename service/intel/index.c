/* SPDX-License-Identifier: MIT */
#include "intel/intel.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/record.h"

#define NESTING_MAX 129u /* prefix lengths 0..128 */
#define LANES       16u

/** An address as a number; IPv4 in the lower 32 bits. */
struct key {
    uint64_t high;
    uint64_t low;
};

/**
 * Nested prefixes flattened into ranges that do not overlap: the range from
 * starts[i] to the next start belongs to records[i], the most specific one (0:
 * none). One binary search answers, however many lengths a list has.
 */
struct ranges {
    size_t count;
    uint32_t *records;
    uint32_t *ipv4_starts; /* one of the two, by family */
    struct key *ipv6_starts;
};

struct intel_index {
    struct record *records; /* sorted; a record's number is its place + 1 */
    size_t record_count;
    struct feed *feeds;
    size_t feed_count;
    char *comments;
    struct ranges ipv4;
    struct ranges ipv6;
};

/** Prefixes that are open at the point the sweep has come to, outermost first. */
struct sweep {
    struct ranges *ranges;
    struct key most; /* the family's last address */
    struct {
        struct key last;
        uint32_t record;
    } open[NESTING_MAX];
    size_t depth;
};

static uint64_t read_be(const uint8_t *bytes, size_t length)
{
    uint64_t value = 0;

    for (size_t i = 0; i < length; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static struct key ipv6_key(const struct address *address)
{
    return (struct key){read_be(address->bytes, 8), read_be(address->bytes + 8, 8)};
}

static struct key ipv4_key(const struct address *address)
{
    return (struct key){0, read_be(address->bytes + 12, 4)};
}

static bool key_less(struct key a, struct key b)
{
    return (a.high < b.high) | ((a.high == b.high) & (a.low < b.low));
}

static struct key key_after(struct key key)
{
    key.low++;
    key.high += key.low == 0;
    return key;
}

static bool is_ipv4_prefix(const struct prefix *prefix)
{
    return prefix->length >= 96 && address_is_ipv4(&prefix->address);
}

static struct key first_key(const struct prefix *prefix)
{
    return is_ipv4_prefix(prefix) ? ipv4_key(&prefix->address) : ipv6_key(&prefix->address);
}

static struct key last_key(const struct prefix *prefix)
{
    struct key key = first_key(prefix);
    unsigned host_bits = 128u - prefix->length;

    key.low |= host_bits >= 64 ? UINT64_MAX : (UINT64_C(1) << host_bits) - 1;
    if (host_bits > 64) {
        key.high |= host_bits == 128 ? UINT64_MAX : (UINT64_C(1) << (host_bits - 64)) - 1;
    }
    return key;
}

/** The range from @p start on belongs to @p record; of equal starts the last one counts. */
static void emit(struct ranges *ranges, struct key start, uint32_t record)
{
    if (ranges->ipv4_starts != NULL) {
        ranges->ipv4_starts[ranges->count] = (uint32_t)start.low;
    } else {
        ranges->ipv6_starts[ranges->count] = start;
    }
    ranges->records[ranges->count++] = record;
}

static void close_innermost(struct sweep *sweep)
{
    struct key last = sweep->open[--sweep->depth].last;
    uint32_t outer = sweep->depth == 0 ? 0 : sweep->open[sweep->depth - 1].record;

    if (key_less(last, sweep->most)) {
        emit(sweep->ranges, key_after(last), outer);
    }
}

/** Takes the sorted records [begin, end) of one family in. */
static void sweep_records(struct sweep *sweep, struct record *records, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        struct record *record = &records[i];
        struct key first = first_key(&record->prefix);

        if (i > begin && memcmp(&record->prefix, &record[-1].prefix, sizeof(record->prefix)) == 0) {
            record->parent = record[-1].parent;
            continue;
        }
        while (sweep->depth > 0 && key_less(sweep->open[sweep->depth - 1].last, first)) {
            close_innermost(sweep);
        }
        record->parent = sweep->depth == 0 ? 0 : sweep->open[sweep->depth - 1].record;
        emit(sweep->ranges, first, (uint32_t)i + 1);
        assert(sweep->depth < NESTING_MAX);
        sweep->open[sweep->depth].last = last_key(&record->prefix);
        sweep->open[sweep->depth++].record = (uint32_t)i + 1;
    }
}

static void sweep_finish(struct sweep *sweep)
{
    while (sweep->depth > 0) {
        close_innermost(sweep);
    }
}

/** Gives back what was reserved too much; a shrink that fails leaves all as it was. */
static void *shrink(void *bytes, size_t size)
{
    void *smaller = realloc(bytes, size);

    return smaller == NULL ? bytes : smaller;
}

static enum picket_status fill_ranges(struct intel_index *index)
{
    static const struct key ipv4_most = {0, UINT32_MAX}, ipv6_most = {UINT64_MAX, UINT64_MAX};
    struct sweep ipv4 = {.ranges = &index->ipv4, .most = ipv4_most};
    struct sweep ipv6 = {.ranges = &index->ipv6, .most = ipv6_most};
    size_t begin = 0, end, count = index->record_count;

    /* IPv4 stands together in the order of addresses, IPv6 before and behind it */
    while (begin < count && !is_ipv4_prefix(&index->records[begin].prefix)) {
        begin++;
    }
    end = begin;
    while (end < count && is_ipv4_prefix(&index->records[end].prefix)) {
        end++;
    }
    index->ipv4.ipv4_starts = calloc(2 * (end - begin) + 1, sizeof(*index->ipv4.ipv4_starts));
    index->ipv4.records = calloc(2 * (end - begin) + 1, sizeof(*index->ipv4.records));
    count -= end - begin;
    index->ipv6.ipv6_starts = calloc(2 * count + 1, sizeof(*index->ipv6.ipv6_starts));
    index->ipv6.records = calloc(2 * count + 1, sizeof(*index->ipv6.records));
    if (index->ipv4.ipv4_starts == NULL || index->ipv4.records == NULL ||
        index->ipv6.ipv6_starts == NULL || index->ipv6.records == NULL) {
        return PICKET_E_NOMEM;
    }
    /* every search finds a range, also below the first prefix */
    emit(&index->ipv4, (struct key){0, 0}, 0);
    emit(&index->ipv6, (struct key){0, 0}, 0);
    sweep_records(&ipv4, index->records, begin, end);
    sweep_records(&ipv6, index->records, 0, begin);
    sweep_records(&ipv6, index->records, end, index->record_count);
    sweep_finish(&ipv4);
    sweep_finish(&ipv6);
    return PICKET_OK;
}

static void shrink_ranges(struct intel_index *index)
{
    struct ranges *ipv4 = &index->ipv4, *ipv6 = &index->ipv6;

    ipv4->ipv4_starts = shrink(ipv4->ipv4_starts, ipv4->count * sizeof(*ipv4->ipv4_starts));
    ipv4->records = shrink(ipv4->records, ipv4->count * sizeof(*ipv4->records));
    ipv6->ipv6_starts = shrink(ipv6->ipv6_starts, ipv6->count * sizeof(*ipv6->ipv6_starts));
    ipv6->records = shrink(ipv6->records, ipv6->count * sizeof(*ipv6->records));
}

enum picket_status intel_build(struct intel_builder *builder, struct intel_index **ret,
                               struct err *reterr)
{
    struct intel_index *index = calloc(1, sizeof(*index));
    enum picket_status status = PICKET_E_NOMEM;
    size_t comments_size = 0;

    if (index == NULL) {
        goto out;
    }
    index->record_count = records_sort(builder->records, 0, builder->record_count);
    index->records = shrink(builder->records, (index->record_count + 1) * sizeof(*index->records));
    index->feeds = builder->feeds;
    index->feed_count = builder->feed_count;
    index->comments = buf_take(&builder->comments, &comments_size);
    builder_start(builder);
    if (index->comments == NULL) {
        goto out;
    }
    index->comments = shrink(index->comments, comments_size);
    status = fill_ranges(index);
    if (status != PICKET_OK) {
        goto out;
    }
    shrink_ranges(index);
    *ret = index;
    index = NULL;
out:
    if (status != PICKET_OK) {
        err_set(reterr, "the indicator index can't be built: %s", picket_strerror(status));
    }
    intel_index_free(index);
    return status;
}

void intel_index_free(struct intel_index *index)
{
    if (index == NULL) {
        return;
    }
    free(index->records);
    feeds_free(index->feeds, index->feed_count);
    free(index->comments);
    free(index->ipv4.records);
    free(index->ipv4.ipv4_starts);
    free(index->ipv6.records);
    free(index->ipv6.ipv6_starts);
    free(index);
}

size_t intel_index_count(const struct intel_index *index)
{
    return index == NULL ? 0 : index->record_count;
}

/** Addresses that are looked up side by side, ready for the search. */
struct batch {
    uint32_t ipv4_keys[LANES]; /* of an IPv4 address, or of the one inside an IPv6 address */
    struct key ipv6_keys[LANES];
    uint32_t ipv4_records[LANES];
    uint32_t ipv6_records[LANES];
};

/*
 * Both searches choose their half without a branch, because which one it is
 * can't be foretold, and go side by side, because each step waits for memory.
 */

static void find_ipv4(const struct ranges *ranges, struct batch *batch, size_t count)
{
    size_t places[LANES] = {0};

    for (size_t left = ranges->count; left > 1; left -= left / 2) {
        for (size_t i = 0; i < count; i++) {
            size_t middle = places[i] + left / 2;

            places[i] = ranges->ipv4_starts[middle] <= batch->ipv4_keys[i] ? middle : places[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        batch->ipv4_records[i] = ranges->records[places[i]];
    }
}

static void find_ipv6(const struct ranges *ranges, struct batch *batch, size_t count)
{
    size_t places[LANES] = {0};

    for (size_t left = ranges->count; left > 1; left -= left / 2) {
        for (size_t i = 0; i < count; i++) {
            size_t middle = places[i] + left / 2;

            places[i] =
                key_less(batch->ipv6_keys[i], ranges->ipv6_starts[middle]) ? places[i] : middle;
        }
    }
    for (size_t i = 0; i < count; i++) {
        batch->ipv6_records[i] = ranges->records[places[i]];
    }
}

/** IPv6 addresses that have an IPv4 address inside. */
static const struct embedding {
    uint8_t bytes[12];
    uint8_t length; /* bytes in front of the IPv4 address */
} embeddings[] = {
    {{0x00, 0x64, 0xff, 0x9b}, 12}, /* NAT64 */
    {{0x20, 0x02}, 2},              /* 6to4 */
};

static const struct embedding *find_embedding(const struct address *address)
{
    for (size_t i = 0; i < sizeof(embeddings) / sizeof(embeddings[0]); i++) {
        if (memcmp(address->bytes, embeddings[i].bytes, embeddings[i].length) == 0) {
            return &embeddings[i];
        }
    }
    return NULL;
}

/** The more specific of both families' answers for an IPv6 address. */
static intel_record choose(const struct intel_index *index, const struct address *address,
                           intel_record whole, intel_record inside)
{
    const struct embedding *embedding = find_embedding(address);
    unsigned inside_length;

    if (embedding == NULL || inside == 0) {
        return whole;
    }
    /* in the IPv6 address the IPv4 address begins elsewhere than in its mapped form */
    inside_length = index->records[inside - 1].prefix.length - 96u + 8u * embedding->length;
    return whole != 0 && index->records[whole - 1].prefix.length > inside_length ? whole : inside;
}

static void match_batch(const struct intel_index *index, const struct address *addresses,
                        size_t count, intel_record *ret_records)
{
    struct batch batch = {0};
    size_t ipv4_count = 0;

    for (size_t i = 0; i < count; i++) {
        const struct embedding *embedding = find_embedding(&addresses[i]);
        size_t start = embedding != NULL ? embedding->length : 12;

        batch.ipv4_keys[i] = (uint32_t)read_be(addresses[i].bytes + start, 4);
        batch.ipv6_keys[i] = ipv6_key(&addresses[i]);
        ipv4_count += address_is_ipv4(&addresses[i]);
    }
    find_ipv4(&index->ipv4, &batch, count);
    if (ipv4_count < count) {
        find_ipv6(&index->ipv6, &batch, count);
    }
    for (size_t i = 0; i < count; i++) {
        ret_records[i] =
            address_is_ipv4(&addresses[i])
                ? batch.ipv4_records[i]
                : choose(index, &addresses[i], batch.ipv6_records[i], batch.ipv4_records[i]);
    }
}

void intel_match(const struct intel_index *index, const struct address *addresses, size_t count,
                 intel_record *ret_records)
{
    if (index == NULL) {
        memset(ret_records, 0, count * sizeof(*ret_records));
        return;
    }
    for (size_t i = 0; i < count; i += LANES) {
        match_batch(index, addresses + i, count - i < LANES ? count - i : LANES, ret_records + i);
    }
}

struct indicator intel_indicator(const struct intel_index *index, intel_record record)
{
    const struct record *found = &index->records[record - 1];
    const struct feed *feed = &index->feeds[found->feed];

    assert(record != 0 && record <= index->record_count);
    return (struct indicator){.prefix = found->prefix,
                              .feed = feed->name,
                              .line = found->line,
                              .confidence = feed->confidence,
                              .category = feed->category,
                              .comment = index->comments + found->comment,
                              .expires_us = feed->expires_us};
}

intel_record intel_next(const struct intel_index *index, intel_record record)
{
    const struct record *found = &index->records[record - 1];

    assert(record != 0 && record <= index->record_count);
    /* other lists' records of a prefix stand behind each other */
    if (record < index->record_count &&
        memcmp(&found[1].prefix, &found->prefix, sizeof(found->prefix)) == 0) {
        return record + 1;
    }
    return found->parent;
}
