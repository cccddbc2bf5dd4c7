/* SPDX-License-Identifier: MIT */
/* Filters that are made here, asked with the functions that a device asks them with. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "harness/check.h"
#include "intel/filter.h"

#define SEED   7u
#define OTHERS 100000u

static const size_t sizes[] = {1, 2, 3, 10, 1000, 100000};

/** A row of numbers that is the same in every run (xorshift, Marsaglia 2003). */
static uint64_t next_number(uint64_t *state)
{
    *state ^= *state << 13u;
    *state ^= *state >> 7u;
    *state ^= *state << 17u;
    return *state;
}

/** Every third address is of IPv6. Members and others begin with another byte each. */
static struct address make_address(uint64_t *state, uint8_t first_byte)
{
    uint64_t numbers[2] = {next_number(state), next_number(state)};
    uint8_t bytes[16];
    bool is_ipv6 = numbers[0] % 3 == 0;

    memcpy(bytes, numbers, sizeof(bytes));
    bytes[0] = first_byte;
    return address_from_bytes(bytes, is_ipv6 ? 16 : 4);
}

static struct address *make_members(size_t count)
{
    struct address *members = malloc(count * sizeof(*members));
    uint64_t state = 1;

    for (size_t i = 0; members != NULL && i < count; i++) {
        members[i] = make_address(&state, 0x20);
    }
    return members;
}

static size_t count_found(const struct picket_filter *filter, const struct address *addresses,
                          size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        found += picket_filter_has(filter, addresses[i].bytes, 16);
    }
    return found;
}

TEST(filter_has_every_member)
{
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct address *members = make_members(sizes[i]);
        struct filter *filter = NULL;

        CHECK_UINT(filter_build(members, sizes[i], SEED, &filter), PICKET_OK);
        if (filter != NULL) {
            CHECK_UINT(count_found(filter_content(filter), members, sizes[i]), sizes[i]);
        }
        filter_free(filter);
        free(members);
    }
}

TEST(filter_takes_one_in_256_others_for_a_member)
{
    /* binomial, n = 100,000, p = 1/256: mean 391, standard deviation 20; within five of them */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct address *members = make_members(sizes[i]);
        struct filter *filter = NULL;
        uint64_t state = 2;
        size_t found = 0;

        CHECK_UINT(filter_build(members, sizes[i], SEED, &filter), PICKET_OK);
        for (size_t k = 0; filter != NULL && k < OTHERS; k++) {
            struct address other = make_address(&state, 0x21);

            found += picket_filter_has(filter_content(filter), other.bytes, 16);
        }
        CHECK(found > 291 && found < 491);
        filter_free(filter);
        free(members);
    }
}

TEST(filter_finds_ipv4_in_both_forms)
{
    static const uint8_t ipv4[4] = {198, 51, 100, 7};
    struct address member = address_from_bytes(ipv4, sizeof(ipv4));
    struct filter *filter = NULL;

    CHECK_UINT(filter_build(&member, 1, SEED, &filter), PICKET_OK);
    if (filter != NULL) {
        CHECK(picket_filter_has(filter_content(filter), ipv4, 4));
        CHECK(picket_filter_has(filter_content(filter), member.bytes, 16));
    }
    filter_free(filter);
}

TEST(same_addresses_and_seed_give_same_bytes)
{
    struct address *members = make_members(1000);
    struct address *twice = malloc(2 * 1000 * sizeof(*twice));
    struct filter *filters[2] = {NULL, NULL};
    const struct picket_filter *a, *b;

    for (size_t i = 0; i < 1000; i++) {
        twice[i] = members[999 - i];
        twice[1000 + i] = members[i];
    }
    CHECK_UINT(filter_build(members, 1000, SEED, &filters[0]), PICKET_OK);
    CHECK_UINT(filter_build(twice, 2000, SEED, &filters[1]), PICKET_OK);
    a = filter_content(filters[0]);
    b = filter_content(filters[1]);
    CHECK_UINT(a->seed, b->seed);
    CHECK_UINT(a->segment_length, b->segment_length);
    CHECK_UINT(a->segment_count, b->segment_count);
    CHECK_UINT(a->fingerprint_count, b->fingerprint_count);
    CHECK(memcmp(a->fingerprints, b->fingerprints, a->fingerprint_count) == 0);
    filter_free(filters[0]);
    filter_free(filters[1]);
    free(twice);
    free(members);
}

TEST(filter_costs_what_the_paper_says)
{
    static const struct {
        size_t addresses;
        size_t bytes_max;
    } rows[] = {{1, 12}, {10, 48}, {1000, 1500}, {100000, 120000}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address *members = make_members(rows[i].addresses);
        struct filter *filter = NULL;
        const struct picket_filter *content;

        CHECK_UINT(filter_build(members, rows[i].addresses, SEED, &filter), PICKET_OK);
        content = filter_content(filter);
        CHECK(content->fingerprint_count <= rows[i].bytes_max);
        CHECK_UINT(content->segment_length & (content->segment_length - 1), 0);
        CHECK_UINT(content->fingerprint_count,
                   (size_t)(content->segment_count + 2) * content->segment_length);
        filter_free(filter);
        free(members);
    }
}

TEST(no_addresses_and_too_many_are_refused)
{
    struct address member = {{1}};
    struct filter *filter = NULL;

    CHECK_UINT(filter_build(&member, 0, SEED, &filter), PICKET_E_EMPTY);
    CHECK_UINT(filter_build(&member, FILTER_ADDRESSES_MAX + 1, SEED, &filter), PICKET_E_LIMIT);
    CHECK(filter == NULL);
}

TEST(list_becomes_a_filter)
{
    static const char list[] = "# bad ones\n198.51.100.7\n\n2001:db8::7 ; a comment\r\n";
    static const uint8_t ipv4[4] = {198, 51, 100, 7};
    static const uint8_t ipv6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7};
    struct filter *filter = NULL;
    struct err err = {""};

    CHECK_UINT(filter_build_list(list, sizeof(list) - 1, SEED, &filter, &err), PICKET_OK);
    if (filter != NULL) {
        CHECK(picket_filter_has(filter_content(filter), ipv4, 4));
        CHECK(picket_filter_has(filter_content(filter), ipv6, 16));
    }
    filter_free(filter);
}

TEST(wrong_list_is_refused_with_its_line)
{
    static const struct {
        const char *list;
        enum picket_status status;
        const char *sentence;
    } rows[] = {
        {"198.51.100.7\nrubbish\n", PICKET_E_MALFORMED,
         "line 2: not an address or prefix: \"rubbish\""},
        {"198.51.100.7:443\n", PICKET_E_MALFORMED,
         "line 1: not an address or prefix: \"198.51.100.7:443\""},
        {"\xef\xbb\xbf"
         "2001:db8::7\nexample.com # a name",
         PICKET_E_MALFORMED, "line 2: not an address or prefix: \"example.com\""},
        {"198.51.100.1/24\n", PICKET_E_MALFORMED,
         "line 1: not an address or prefix: \"198.51.100.1/24\""},
        {"0123456789012345678901234567890123456\x01", PICKET_E_MALFORMED,
         "line 1: not an address or prefix: \"012345678901234567890123456789012345\"..."},
        {"\n198.51.100.0/24\n", PICKET_E_MALFORMED,
         "line 2: \"198.51.100.0/24\" is a prefix; a filter holds single addresses"},
        {"# nothing\n", PICKET_E_EMPTY, "there is no address in it"},
        {"<html>", PICKET_E_MALFORMED,
         "this is a web page or XML; needed is text with an address a line"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct filter *filter = NULL;
        struct err err = {""};

        CHECK_UINT(filter_build_list(rows[i].list, strlen(rows[i].list), SEED, &filter, &err),
                   rows[i].status);
        CHECK_TEXT(err.text, rows[i].sentence);
        CHECK(filter == NULL);
    }
}

TEST_MAIN(TEST_ROW(filter_has_every_member), TEST_ROW(filter_takes_one_in_256_others_for_a_member),
          TEST_ROW(filter_finds_ipv4_in_both_forms),
          TEST_ROW(same_addresses_and_seed_give_same_bytes),
          TEST_ROW(filter_costs_what_the_paper_says),
          TEST_ROW(no_addresses_and_too_many_are_refused), TEST_ROW(list_becomes_a_filter),
          TEST_ROW(wrong_list_is_refused_with_its_line))
