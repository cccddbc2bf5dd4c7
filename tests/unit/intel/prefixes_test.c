/* SPDX-License-Identifier: MIT */
/* Prefixes of every length, thick and thin, against a look at each of them. */
#include "harness/check.h"
#include "intel/hashing.h"
#include "unit/intel/intel_fixture.h"

#define PREFIXES_MAX 1500u

struct oracle {
    struct prefix prefixes[PREFIXES_MAX];
    size_t count;
};

static void cut(struct prefix *prefix)
{
    for (unsigned bit = prefix->length; bit < 128; bit++) {
        prefix->address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
}

static struct address last_of(const struct prefix *prefix)
{
    struct address last = prefix->address;

    for (unsigned bit = prefix->length; bit < 128; bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    return last;
}

/** The next address up or down. */
static struct address step(struct address address, bool is_up)
{
    for (size_t i = 16; i > 0; i--) {
        address.bytes[i - 1] = (uint8_t)(address.bytes[i - 1] + (is_up ? 1 : -1));
        if (address.bytes[i - 1] != (is_up ? 0x00 : 0xff)) {
            break;
        }
    }
    return address;
}

static struct intel_index *oracle_build(const struct oracle *oracle)
{
    struct intel_builder *builder = fixture_builder("a");
    struct indicator indicator = {.observable = {.kind = OBSERVABLE_ADDRESS, .text = ""},
                                  .category = "",
                                  .comment = "",
                                  .reference = "",
                                  .scope = ""};

    for (size_t i = 0; i < oracle->count; i++) {
        indicator.observable.prefix = oracle->prefixes[i];
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, "intel_add");
    }
    return fixture_build(builder);
}

/** How many distinct prefixes cover an address, and the longest one's length plus one. */
static size_t oracle_cover(const struct oracle *oracle, const struct address *address,
                           unsigned *ret_longest)
{
    bool is_there[129] = {false};
    size_t count = 0;

    *ret_longest = 0;
    for (size_t i = 0; i < oracle->count; i++) {
        const struct prefix *prefix = &oracle->prefixes[i];

        if (address_is_ipv4(&prefix->address) == address_is_ipv4(address) &&
            prefix_contains(prefix, address) && !is_there[prefix->length]) {
            is_there[prefix->length] = true;
            *ret_longest = prefix->length >= *ret_longest ? prefix->length + 1u : *ret_longest;
            count++;
        }
    }
    return count;
}

static bool is_right(const struct oracle *oracle, const struct intel_index *index,
                     const struct address *address, intel_record record)
{
    unsigned longest, length = 129;
    size_t expected = oracle_cover(oracle, address, &longest), found = 0;

    if (record != 0 && intel_indicator(index, record).observable.prefix.length + 1u != longest) {
        return false;
    }
    for (; record != 0; record = intel_next(index, record)) {
        struct prefix prefix = intel_indicator(index, record).observable.prefix;

        if (!prefix_contains(&prefix, address) || prefix.length >= length) {
            return false;
        }
        length = prefix.length;
        found++;
    }
    return found == expected;
}

/** At both ends of each prefix, and one step beyond them. */
static size_t count_wrong(const struct oracle *oracle, const struct intel_index *index)
{
    size_t wrong = 0;

    for (size_t i = 0; i < oracle->count; i++) {
        struct address last = last_of(&oracle->prefixes[i]);
        struct address addresses[4] = {oracle->prefixes[i].address, last,
                                       step(oracle->prefixes[i].address, false), step(last, true)};
        intel_record records[4];

        intel_match(index, addresses, 4, records);
        for (size_t k = 0; k < 4; k++) {
            wrong += !is_right(oracle, index, &addresses[k], records[k]);
        }
    }
    return wrong;
}

TEST(ipv4_prefixes_of_each_length_are_found_thick_and_thin)
{
    /* how many /24s they fall into, how many lengths there are, and the shortest; every other
     * network may hold hosts only */
    static const struct {
        uint32_t networks;
        unsigned lengths;
        unsigned least;
        size_t count;
        bool has_hosts;
    } rows[] = {
        {1, 33, 0, 300, false},   {4, 8, 25, 400, false},    {8, 1, 32, 1500, false},
        {200, 1, 32, 700, false}, {300, 1, 31, 700, false},  {50, 2, 31, 600, true},
        {90, 8, 25, 1500, true},  {500, 33, 0, 1500, false}, {600, 17, 16, 1500, false},
        {1, 1, 32, 256, false},
    };
    static struct oracle oracle;
    uint64_t state = 11;

    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        struct intel_index *index;

        oracle.count = rows[row].count;
        for (size_t i = 0; i < oracle.count; i++) {
            uint32_t network = fixture_random(&state) % rows[row].networks;
            uint8_t bytes[4] = {(uint8_t)(100 + network / 97), (uint8_t)(network * 31),
                                (uint8_t)network, (uint8_t)fixture_random(&state)};
            unsigned length = rows[row].least + fixture_random(&state) % rows[row].lengths;

            length = rows[row].has_hosts && network % 2 == 0 ? 32 : length;
            oracle.prefixes[i] =
                (struct prefix){address_from_bytes(bytes, 4), (uint8_t)(96 + length)};
            cut(&oracle.prefixes[i]);
        }
        index = oracle_build(&oracle);
        CHECK_UINT(count_wrong(&oracle, index), 0);
        intel_index_free(index);
    }
}

TEST(ipv6_prefixes_of_each_length_are_found)
{
    static struct oracle oracle;
    uint64_t state = 12;

    for (unsigned round = 0; round < 6; round++) {
        struct intel_index *index;

        oracle.count = 1200;
        for (size_t i = 0; i < oracle.count; i++) {
            struct address address = {{0x20, 0x01, 0x0d}};

            /* few values a byte, fewer in the first rounds, so that prefixes nest */
            for (size_t k = 3; k < 16; k++) {
                address.bytes[k] = (uint8_t)(fixture_random(&state) % (1u + round) * 0x55);
            }
            oracle.prefixes[i] = (struct prefix){address, (uint8_t)(fixture_random(&state) % 129)};
            cut(&oracle.prefixes[i]);
        }
        index = oracle_build(&oracle);
        CHECK_UINT(count_wrong(&oracle, index), 0);
        intel_index_free(index);
    }
}

TEST(prefixes_all_over_ipv4_are_found_many_at_a_time)
{
    enum { COUNT = 40000, STRIDE = 104729 };
    struct intel_builder *builder = fixture_builder("a");
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = fixture_indicator("192.0.2.1", text);
    uint32_t *keys = malloc(2 * COUNT * sizeof(*keys));
    intel_record *records = malloc(2 * COUNT * sizeof(*records));
    struct intel_index *index;
    size_t wrong = 0;

    for (uint32_t i = 0; i < COUNT; i++) {
        uint32_t key = i * STRIDE;
        uint8_t bytes[4] = {(uint8_t)(key >> 24), (uint8_t)(key >> 16), (uint8_t)(key >> 8),
                            (uint8_t)key};

        indicator.observable.prefix.address = address_from_bytes(bytes, 4);
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, "intel_add");
        keys[2 * i] = key;
        keys[2 * i + 1] = key + 1;
    }
    index = fixture_build(builder);
    intel_match_ipv4(index, keys, 2 * COUNT, records);
    for (size_t i = 0; i < 2 * COUNT; i++) {
        bool is_listed = keys[i] % STRIDE == 0 && keys[i] / STRIDE < COUNT;

        wrong += (records[i] != 0) != is_listed;
        if (records[i] != 0) {
            struct prefix prefix = intel_indicator(index, records[i]).observable.prefix;

            wrong += prefix.address.bytes[15] != (uint8_t)keys[i] ||
                     prefix.address.bytes[12] != (uint8_t)(keys[i] >> 24);
        }
    }
    CHECK_UINT(wrong, 0);
    intel_index_free(index);
    free(keys);
    free(records);
}

static struct address address_of_halves(uint64_t high, uint64_t low)
{
    struct address address;

    for (unsigned i = 0; i < 8; i++) {
        address.bytes[i] = (uint8_t)(high >> (56u - 8 * i));
        address.bytes[8 + i] = (uint8_t)(low >> (56u - 8 * i));
    }
    return address;
}

/** An index of addresses that have one lower half, each in a /48 and /64 of its own. */
static struct intel_index *build_by_upper_halves(const uint64_t *highs, size_t count, uint64_t low)
{
    struct intel_builder *builder = fixture_builder("a");
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = fixture_indicator("2001:db8::", text);

    for (size_t i = 0; i < count; i++) {
        indicator.observable.prefix.address = address_of_halves(highs[i], low);
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, "intel_add");
    }
    return fixture_build(builder);
}

TEST(ipv6_addresses_are_found_many_at_a_time_whatever_half_they_share)
{
    enum { COUNT = 6000 };
    /* none of the constants of the hash may make all that is listed one */
    static const uint64_t lows[] = {0, 1, HASHING_SALT_A, HASHING_SALT_B, UINT64_MAX};
    static uint64_t highs[COUNT];
    static struct address addresses[2 * COUNT];
    static intel_record records[2 * COUNT];

    for (uint64_t i = 0; i < COUNT; i++) {
        highs[i] = UINT64_C(0x20010db800000000) | (i % 50) << 32u | (i * 40503 & 0xffffffffu);
    }
    for (size_t row = 0; row < sizeof(lows) / sizeof(lows[0]); row++) {
        struct intel_index *index = build_by_upper_halves(highs, COUNT, lows[row]);
        size_t wrong = 0;

        for (size_t i = 0; i < COUNT; i++) {
            addresses[2 * i] = address_of_halves(highs[i], lows[row]);
            addresses[2 * i + 1] = address_of_halves(highs[i], lows[row] ^ 2u);
        }
        intel_match(index, addresses, 2 * COUNT, records);
        for (size_t i = 0; i < 2 * COUNT; i++) {
            struct indicator found;

            wrong += (records[i] != 0) != (i % 2 == 0);
            if (records[i] != 0) {
                found = intel_indicator(index, records[i]);
                wrong += !address_equal(&found.observable.prefix.address, &addresses[i]);
            }
        }
        CHECK_UINT(wrong, 0);
        intel_index_free(index);
    }
}

TEST(short_prefixes_cover_what_has_nothing_longer)
{
    struct intel_index *index = fixture_index("0.0.0.0/0 128.0.0.0/1 10.0.0.0/8 10.1.0.0/16 "
                                              "10.1.128.0/17 10.1.129.0/24 10.1.129.7");
    static const struct {
        const char *address;
        const char *first;
    } rows[] = {
        {"1.2.3.4", "0.0.0.0/0"},        {"200.1.1.1", "128.0.0.0/1"},
        {"10.2.3.4", "10.0.0.0/8"},      {"10.1.3.4", "10.1.0.0/16"},
        {"10.1.130.1", "10.1.128.0/17"}, {"10.1.129.8", "10.1.129.0/24"},
        {"10.1.129.7", "10.1.129.7"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        intel_record record = fixture_find(index, rows[i].address);
        char form[OBSERVABLE_FORM_MAX] = "";

        if (record != 0) {
            struct indicator indicator = intel_indicator(index, record);

            observable_format(&indicator.observable, form);
        }
        CHECK_TEXT(form, rows[i].first);
    }
    intel_index_free(index);
}

TEST_MAIN(TEST_ROW(ipv4_prefixes_of_each_length_are_found_thick_and_thin),
          TEST_ROW(ipv6_prefixes_of_each_length_are_found),
          TEST_ROW(prefixes_all_over_ipv4_are_found_many_at_a_time),
          TEST_ROW(ipv6_addresses_are_found_many_at_a_time_whatever_half_they_share),
          TEST_ROW(short_prefixes_cover_what_has_nothing_longer))
