/* SPDX-License-Identifier: MIT */
/* Names of every length against a naive look at every domain. */
#include "harness/check.h"
#include "intel/keys.h"
#include "unit/intel/intel_fixture.h"

#define LISTED     400u
#define QUERIES    700u /* more than are read at a time */
#define NAME_BYTES 253u
#define LABELS     127u

/** A name: @p tail, behind labels of which many are alike, and some long. */
static void random_name(uint64_t *state, const char *tail, char ret_name[NAME_BYTES + 1])
{
    size_t start = NAME_BYTES - strlen(tail), labels = 1 + fixture_random(state) % 5;
    char name[NAME_BYTES + 1];

    if (fixture_random(state) % 16 == 0) {
        labels = LABELS;
    }
    memcpy(name + start, tail, strlen(tail) + 1);
    while (labels-- > 0) {
        size_t length = fixture_random(state) % 4 == 0 ? 1 + fixture_random(state) % 40
                                                       : 1 + fixture_random(state) % 2;

        if (start < length + 1) {
            break;
        }
        name[--start] = '.';
        while (length-- > 0) {
            name[--start] = (char)('a' + fixture_random(state) % 2);
        }
    }
    memcpy(ret_name, name + start, NAME_BYTES + 1 - start);
}

/** The number, from 1, of the longest domain listed that a name is or is below; or 0. */
static uint32_t find_naively(char names[LISTED][NAME_BYTES + 1], const char *name)
{
    for (; name != NULL; name = strchr(name, '.'), name += name != NULL) {
        for (uint32_t i = 0; i < LISTED; i++) {
            if (strcmp(names[i], name) == 0) {
                return i + 1;
            }
        }
    }
    return 0;
}

static struct intel_index *build(char names[LISTED][NAME_BYTES + 1])
{
    struct intel_builder *builder = fixture_builder("a");

    for (uint32_t i = 0; i < LISTED; i++) {
        char text[OBSERVABLE_TEXT_MAX];
        struct indicator indicator = fixture_indicator(names[i], text);

        indicator.line = i + 1;
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, names[i]);
    }
    return fixture_build(builder);
}

TEST(random_names_match_as_a_naive_search_does)
{
    static char names[LISTED][NAME_BYTES + 1];
    char *queries[QUERIES];
    intel_record records[QUERIES];
    size_t found = 0;
    uint64_t state = 9;
    struct intel_index *index;

    for (size_t i = 0; i < LISTED; i++) {
        random_name(&state, i < 20 ? "ab" : names[fixture_random(&state) % i], names[i]);
    }
    index = build(names);
    for (size_t i = 0; i < QUERIES; i++) {
        char name[NAME_BYTES + 1];

        random_name(&state, i % 3 == 0 ? "b" : names[fixture_random(&state) % LISTED], name);
        queries[i] = strdup(name); /* of its own size, so that reading beyond it is noticed */
    }
    intel_match_names(index, (const char *const *)queries, QUERIES, records);
    for (size_t i = 0; i < QUERIES; i++) {
        uint32_t line = records[i] == 0 ? 0 : intel_indicator(index, records[i]).line;

        CHECK_UINT(line, find_naively(names, queries[i]));
        found += line != 0;
        free(queries[i]);
    }
    CHECK(found > QUERIES / 4 && found < QUERIES);
    intel_index_free(index);
}

TEST(a_name_is_found_at_every_length_and_nothing_that_differs_in_a_byte)
{
    for (size_t length = 3; length <= NAME_BYTES; length++) {
        char name[NAME_BYTES + 1], other[NAME_BYTES + 1];
        const char *const asked[] = {name, other};
        intel_record records[2];
        struct intel_index *index;

        for (size_t i = 0; i < length; i++) {
            name[i] = (length - i) % 24 == 2 && i > 0 ? '.' : 'a';
        }
        name[length] = '\0';
        index = fixture_index(name);
        for (size_t i = 0; i < length; i++) {
            memcpy(other, name, length + 1);
            other[i] = 'b';
            intel_match_names(index, asked, 2, records);
            CHECK(records[0] != 0);
            CHECK_UINT(records[1], 0);
        }
        intel_index_free(index);
    }
}

TEST(what_is_no_normalized_name_matches_nothing_and_harms_nothing)
{
    static const char *const odd[] = {"", ".", "..", "a.", ".a", "example.com.", "example..com"};
    struct intel_index *index = fixture_index("example.com a.b");
    char *far = malloc(1000);
    const char *asked = far;
    intel_record records[sizeof(odd) / sizeof(odd[0])];

    intel_match_names(index, odd, sizeof(odd) / sizeof(odd[0]), records);
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        CHECK_UINT(records[i], 0);
    }
    for (size_t i = 0; i < 999; i++) {
        far[i] = i % 2 == 0 ? '.' : 'a';
    }
    far[999] = '\0';
    intel_match_names(index, &asked, 1, records);
    CHECK_UINT(records[0], 0);
    free(far);
    intel_index_free(index);
}

TEST(no_domain_of_a_name_is_empty)
{
    static const struct {
        const char *name;
        size_t count;
    } rows[] = {{"", 0}, {".", 1}, {"a.", 1}, {"..", 2}, {"a.b", 2}, {"a.b.", 2}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct keys_domain domains[KEYS_LABELS_MAX];
        size_t count = keys_read_name(rows[i].name, 1, 1, domains);

        CHECK_UINT(count, rows[i].count);
        for (size_t k = 0; k < count; k++) {
            CHECK(domains[k].start < strlen(rows[i].name));
        }
    }
}

TEST_MAIN(TEST_ROW(no_domain_of_a_name_is_empty),
          TEST_ROW(random_names_match_as_a_naive_search_does),
          TEST_ROW(a_name_is_found_at_every_length_and_nothing_that_differs_in_a_byte),
          TEST_ROW(what_is_no_normalized_name_matches_nothing_and_harms_nothing))
