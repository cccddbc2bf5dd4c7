/* SPDX-License-Identifier: MIT */
/* Prefixes of two feeds; what the index answers must be what a naive search answers. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/intel.h"

#define PREFIXES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/** The distinct prefixes of one feed. */
struct oracle {
    struct prefix prefixes[PREFIXES_MAX];
    size_t count;
};

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static bool same_prefix(const struct prefix *a, const struct prefix *b)
{
    return a->length == b->length && address_equal(&a->address, &b->address);
}

static bool oracle_has(const struct oracle *oracle, const struct prefix *prefix)
{
    for (size_t i = 0; i < oracle->count; i++) {
        if (same_prefix(&oracle->prefixes[i], prefix)) {
            return true;
        }
    }
    return false;
}

/** Gives a prefix to both, unless the oracle is full. */
static void add(struct oracle *oracle, struct intel_builder *builder, const struct prefix *prefix)
{
    const struct indicator indicator = {
        .observable = {.kind = OBSERVABLE_ADDRESS, .prefix = *prefix, .text = ""},
        .category = "",
        .comment = "",
        .reference = "",
        .scope = ""};

    if (oracle->count == PREFIXES_MAX) {
        return;
    }
    require(intel_add(builder, &indicator) == PICKET_OK);
    if (!oracle_has(oracle, prefix)) {
        oracle->prefixes[oracle->count++] = *prefix;
    }
}

/** Adds each line that is a prefix. */
static void add_lines(struct oracle *oracle, struct intel_builder *builder, const char *text,
                      size_t length)
{
    size_t begin = 0;

    for (size_t end = 0; end <= length; end++) {
        struct prefix prefix;

        if (end < length && text[end] != '\n') {
            continue;
        }
        if (prefix_parse(text + begin, end - begin, &prefix) == PICKET_OK) {
            add(oracle, builder, &prefix);
        }
        begin = end + 1;
    }
}

/** How many of the prefixes cover an address of their own family, and the longest one's length. */
static size_t oracle_cover(const struct oracle *oracle, const struct address *address,
                           unsigned *longest)
{
    size_t count = 0;

    for (size_t i = 0; i < oracle->count; i++) {
        const struct prefix *prefix = &oracle->prefixes[i];
        bool is_ipv4 = prefix->length >= 96 && address_is_ipv4(&prefix->address);

        if (is_ipv4 == address_is_ipv4(address) && prefix_contains(prefix, address)) {
            count++;
            *longest = prefix->length > *longest ? prefix->length : *longest;
        }
    }
    return count;
}

/** IPv4 inside has rules of its own (see index_test.c); only whole addresses are asked here. */
static bool has_ipv4_inside(const struct address *address)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    return memcmp(address->bytes, nat64, sizeof(nat64)) == 0 ||
           (address->bytes[0] == 0x20 && address->bytes[1] == 0x02);
}

static void check_address(const struct intel_index *index, const struct oracle oracles[2],
                          const struct address *address)
{
    unsigned longest = 0, previous = 128;
    size_t expected, found = 0;
    intel_record record;

    if (has_ipv4_inside(address)) {
        return;
    }
    expected = oracle_cover(&oracles[0], address, &longest);
    expected += oracle_cover(&oracles[1], address, &longest);
    intel_match(index, address, 1, &record);
    require((record != 0) == (expected > 0));
    require(record == 0 || intel_indicator(index, record).observable.prefix.length == longest);
    for (; record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        require(prefix_contains(&indicator.observable.prefix, address));
        require(indicator.observable.prefix.length <= previous);
        previous = indicator.observable.prefix.length;
        found++;
    }
    require(found == expected);
}

/** Asks at both ends of a prefix, and one step beyond them. */
static void check_edges(const struct intel_index *index, const struct oracle oracles[2],
                        const struct prefix *prefix)
{
    struct address first = prefix->address, last = prefix->address, step;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    check_address(index, oracles, &first);
    check_address(index, oracles, &last);
    step = first;
    for (size_t i = 16; i > 0 && step.bytes[i - 1]-- == 0; i--) {
    }
    check_address(index, oracles, &step);
    step = last;
    for (size_t i = 16; i > 0 && ++step.bytes[i - 1] == 0; i--) {
    }
    check_address(index, oracles, &step);
}

/** Prefixes that are in one of both. */
static size_t count_distinct(const struct oracle oracles[2])
{
    size_t count = oracles[0].count;

    for (size_t i = 0; i < oracles[1].count; i++) {
        count += !oracle_has(&oracles[0], &oracles[1].prefixes[i]);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static const char *const names[2] = {"a", "b"};
    const char *text = (const char *)bytes;
    const size_t lengths[2] = {length / 2, length - length / 2};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct oracle oracles[2];
    struct err err;

    require(builder != NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct intel_feed feed = {
            .name = names[i], .source = "", .licence = "", .category = ""};

        oracles[i].count = 0;
        require(intel_begin_feed(builder, &feed) == PICKET_OK);
        add_lines(&oracles[i], builder, text + (i == 0 ? 0 : lengths[0]), lengths[i]);
    }
    require(intel_build(builder, &index, &err) == PICKET_OK);
    require(intel_index_count(index) == count_distinct(oracles));
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < oracles[i].count; k++) {
            check_edges(index, oracles, &oracles[i].prefixes[k]);
        }
    }
    intel_index_free(index);
    intel_builder_free(builder);
    return 0;
}
