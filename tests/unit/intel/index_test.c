/* SPDX-License-Identifier: MIT */
/* The index against a naive look at every indicator, and its chains. */
#include "harness/check.h"
#include "unit/intel/intel_fixture.h"

#define RANDOM_PREFIXES 300u
#define RANDOM_ROUNDS   8u
#define RANDOM_QUERIES  600u

/** An index of feeds "list0", "list1", … */
static struct intel_index *build(const char *const *lists, size_t count)
{
    struct intel_builder *builder = intel_builder_new();

    fixture_require(builder != NULL, "no builder");
    for (size_t i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof(name), "list%zu", i);
        fixture_begin(builder, name);
        fixture_add(builder, lists[i]);
    }
    return fixture_build(builder);
}

TEST(chain_goes_from_most_specific_over_other_lists_to_covering_prefixes)
{
    static const char *const lists[] = {
        "10.0.0.0/8 10.1.0.0/16 10.1.2.3 0.0.0.0/0 255.255.255.255 128.0.0.0/1",
        "10.1.0.0/16 10.1.2.3 10.1.2.0/24 ::/0 2001:db8::/32 2001:db8::1",
        "10.1.2.3 2001:db8::/32",
    };
    static const struct {
        const char *address;
        const char *chain;
    } rows[] = {
        {"10.1.2.3", "10.1.2.3@list0 10.1.2.3@list1 10.1.2.3@list2 10.1.2.0/24@list1 "
                     "10.1.0.0/16@list0 10.1.0.0/16@list1 10.0.0.0/8@list0 0.0.0.0/0@list0"},
        {"10.1.2.4", "10.1.2.0/24@list1 10.1.0.0/16@list0 10.1.0.0/16@list1 10.0.0.0/8@list0 "
                     "0.0.0.0/0@list0"},
        {"10.2.0.0", "10.0.0.0/8@list0 0.0.0.0/0@list0"},
        {"9.255.255.255", "0.0.0.0/0@list0"},
        {"11.0.0.0", "0.0.0.0/0@list0"},
        {"127.255.255.255", "0.0.0.0/0@list0"},
        {"128.0.0.0", "128.0.0.0/1@list0 0.0.0.0/0@list0"},
        {"255.255.255.254", "128.0.0.0/1@list0 0.0.0.0/0@list0"},
        {"255.255.255.255", "255.255.255.255@list0 128.0.0.0/1@list0 0.0.0.0/0@list0"},
        {"2001:db8::1", "2001:db8::1@list1 2001:db8::/32@list1 2001:db8::/32@list2 ::/0@list1"},
        {"2001:db8::2", "2001:db8::/32@list1 2001:db8::/32@list2 ::/0@list1"},
        {"::", "::/0@list1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0@list1"},
    };
    struct intel_index *index = build(lists, 3);
    char found[CHAIN_MAX];

    CHECK_UINT(intel_index_count(index), 10);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(fixture_chain(index, rows[i].address, found), rows[i].chain);
    }
    intel_index_free(index);
}

TEST(families_are_apart)
{
    static const char *const lists[] = {"::/0", "0.0.0.0/0"};
    struct intel_index *ipv6 = build(lists, 1), *ipv4 = build(lists + 1, 1);
    char found[CHAIN_MAX];

    CHECK_TEXT(fixture_chain(ipv6, "192.0.2.1", found), "");
    CHECK_TEXT(fixture_chain(ipv4, "2001:db8::1", found), "");
    CHECK_TEXT(fixture_chain(ipv4, "::ffff:192.0.2.1", found), "0.0.0.0/0@list0");
    intel_index_free(ipv6);
    intel_index_free(ipv4);
}

TEST(ipv4_inside_nat64_and_6to4_is_found)
{
    static const char *const lists[] = {"192.0.2.1 198.51.100.0/24",
                                        "64:ff9b::c633:640b 2002:c000:201:1::/64 2002::/16"};
    static const struct {
        const char *address;
        const char *chain;
    } rows[] = {
        {"64:ff9b::192.0.2.1", "192.0.2.1@list0"},
        {"64:ff9b::192.0.2.2", ""},
        {"64:ff9b:1::192.0.2.1", ""},
        {"64:ff9b::198.51.100.10", "198.51.100.0/24@list0"},
        {"64:ff9b::198.51.100.11", "64:ff9b::c633:640b@list1"}, /* the more specific of both */
        {"2002:c000:201::1", "192.0.2.1@list0"},
        {"2002:c000:201:1::1", "2002:c000:201:1::/64@list1 2002::/16@list1"},
        {"2002:c633:6401::1", "198.51.100.0/24@list0"},
        {"2002:c000:202::1", "2002::/16@list1"},
        {"2003:c000:201::1", ""},
    };
    struct intel_index *index = build(lists, 2);
    char found[CHAIN_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(fixture_chain(index, rows[i].address, found), rows[i].chain);
    }
    intel_index_free(index);
}

TEST(no_index_and_no_indicators_match_nothing)
{
    struct address addresses[2] = {{{1}}, {{2}}};
    intel_record records[2] = {7, 7};
    struct intel_index *empty = build(NULL, 0);

    intel_match(NULL, addresses, 2, records);
    CHECK_UINT(records[0] | records[1], 0);
    records[0] = records[1] = 7;
    intel_match(empty, addresses, 2, records);
    CHECK_UINT(records[0] | records[1], 0);
    CHECK_UINT(intel_index_count(NULL), 0);
    CHECK_UINT(intel_index_count(empty), 0);
    intel_index_free(empty);
    intel_index_free(NULL);
    intel_builder_free(NULL);
}

TEST(builder_is_empty_and_usable_after_a_build)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *first = NULL, *second = NULL;
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator one = fixture_indicator("192.0.2.1", text);
    struct indicator two = fixture_indicator("192.0.2.2", text);
    struct err err = {""};

    one.comment = "one";
    two.comment = "two";
    two.expires_us = 99;
    CHECK_UINT(intel_add(builder, &one), PICKET_OK);
    CHECK_UINT(intel_build(builder, &first, &err), PICKET_OK);
    fixture_begin(builder, "a");
    CHECK_UINT(intel_add(builder, &two), PICKET_OK);
    CHECK_UINT(intel_build(builder, &second, &err), PICKET_OK);
    CHECK_UINT(intel_index_count(first), 1);
    CHECK_UINT(intel_index_count(second), 1);
    CHECK_TEXT(intel_indicator(first, 1).comment, "one");
    CHECK_TEXT(intel_indicator(second, 1).comment, "two");
    CHECK_UINT(intel_indicator(second, 1).expires_us, 99);
    intel_index_free(first);
    intel_index_free(second);
    intel_builder_free(builder);
}

TEST(a_feed_begun_twice_has_its_prefixes_once)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *index;

    fixture_add(builder, "192.0.2.1 192.0.2.3");
    fixture_begin(builder, "a");
    fixture_add(builder, "192.0.2.1 192.0.2.2");
    index = fixture_build(builder);
    CHECK_UINT(intel_index_count(index), 3);
    intel_index_free(index);
}

/** Addresses of few distinct bits, so that prefixes nest and touch. */
static struct address random_address(uint64_t *state)
{
    static const uint8_t choices[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    struct address address = {{[10] = 0xff, [11] = 0xff}};
    bool is_ipv4 = fixture_random(state) % 2 == 0;

    for (size_t i = is_ipv4 ? 12 : 0; i < 16; i++) {
        address.bytes[i] = choices[fixture_random(state) % sizeof(choices)];
    }
    return address;
}

static struct prefix random_prefix(uint64_t *state)
{
    struct prefix prefix = {.address = random_address(state)};
    uint8_t least = address_is_ipv4(&prefix.address) ? 96 : 0;

    prefix.length = (uint8_t)(least + fixture_random(state) % (129u - least));
    for (unsigned bit = prefix.length; bit < 128; bit++) {
        prefix.address.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    }
    return prefix;
}

/** The chain must have all covering prefixes there are, once each, longest first. */
static void check_query(const struct intel_index *index, const struct prefix *prefixes,
                        size_t count, const struct address *address, unsigned *check_failures)
{
    intel_record record;
    size_t expected = 0, found = 0;
    unsigned length = 129;

    for (size_t i = 0; i < count; i++) {
        expected += prefix_contains(&prefixes[i], address) &&
                    address_is_ipv4(&prefixes[i].address) == address_is_ipv4(address);
    }
    for (intel_match(index, address, 1, &record); record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        CHECK(prefix_contains(&indicator.observable.prefix, address));
        CHECK(indicator.observable.prefix.length < length);
        length = indicator.observable.prefix.length;
        found++;
    }
    CHECK_UINT(found, expected);
}

static bool is_there(const struct prefix *prefixes, size_t count, const struct prefix *prefix)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&prefixes[i], prefix, sizeof(*prefix)) == 0) {
            return true;
        }
    }
    return false;
}

TEST(random_prefixes_match_as_a_naive_search_does)
{
    uint64_t state = 42;

    for (size_t round = 0; round < RANDOM_ROUNDS; round++) {
        struct prefix prefixes[RANDOM_PREFIXES];
        static char text[RANDOM_PREFIXES * PREFIX_TEXT_MAX];
        const char *list = text;
        size_t length = 0, count = 0;
        struct intel_index *index;

        for (size_t i = 0; i < RANDOM_PREFIXES; i++) {
            struct prefix prefix = random_prefix(&state);

            prefix_format(&prefix, text + length);
            length += strlen(text + length);
            text[length++] = ' ';
            if (!is_there(prefixes, count, &prefix)) {
                prefixes[count++] = prefix;
            }
        }
        text[length] = '\0';
        index = build(&list, 1);
        CHECK_UINT(intel_index_count(index), count);
        for (size_t i = 0; i < RANDOM_QUERIES; i++) {
            struct address address = random_address(&state);

            check_query(index, prefixes, count, &address, check_failures);
        }
        intel_index_free(index);
    }
}

TEST(side_by_side_answers_are_those_of_one_by_one)
{
    static const char *const lists[] = {"10.0.0.0/8 0.0.0.0/1 2001:db8::/32 ::/1 192.0.2.1"};
    struct intel_index *index = build(lists, 1);
    struct address addresses[100];
    intel_record together[100], alone;
    uint64_t state = 7;

    for (size_t i = 0; i < 100; i++) {
        addresses[i] = random_address(&state);
    }
    for (size_t count = 0; count <= 100; count++) {
        memset(together, 0xff, sizeof(together));
        intel_match(index, addresses, count, together);
        for (size_t i = 0; i < count; i++) {
            intel_match(index, &addresses[i], 1, &alone);
            CHECK_UINT(together[i], alone);
        }
        CHECK(count == 100 || together[count] == UINT32_MAX);
    }
    intel_index_free(index);
}

TEST_MAIN(TEST_ROW(chain_goes_from_most_specific_over_other_lists_to_covering_prefixes),
          TEST_ROW(families_are_apart), TEST_ROW(ipv4_inside_nat64_and_6to4_is_found),
          TEST_ROW(no_index_and_no_indicators_match_nothing),
          TEST_ROW(builder_is_empty_and_usable_after_a_build),
          TEST_ROW(a_feed_begun_twice_has_its_prefixes_once),
          TEST_ROW(random_prefixes_match_as_a_naive_search_does),
          TEST_ROW(side_by_side_answers_are_those_of_one_by_one))
