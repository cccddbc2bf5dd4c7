/* SPDX-License-Identifier: MIT */
/* What is found of names and fingerprints, and what the records say. */
#include "harness/check.h"
#include "unit/intel/intel_fixture.h"

#define JA3         "e7d705a3286e19ea42f587b344ee6865"
#define JA4         "t13d1516h2_8daaf6152771_b186095e22b6"
#define NAME_BYTES  96u
#define CERTIFICATE "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(names_match_by_whole_labels_longest_first)
{
    static const struct {
        const char *name;
        const char *chain;
    } rows[] = {
        {"example.com", "example.com@a"},
        {"www.example.com", "*.example.com@a example.com@a"},
        {"bad.example.com", "bad.example.com@a *.example.com@a example.com@a"},
        {"x.y.bad.example.com", "bad.example.com@a *.example.com@a example.com@a"},
        {"notexample.com", ""},
        {"example.com.evil.org", ""},
        {"com", ""},
        {"only.net", ""},
        {"a.only.net", "*.only.net@a"},
        {"b.a.only.net", "*.only.net@a"}, /* "*.b.a.only.net" is about what is below it */
        {"c.b.a.only.net", "*.b.a.only.net@a *.only.net@a"},
    };
    struct intel_index *index = fixture_index(
        "example.com *.example.com bad.example.com *.only.net *.b.a.only.net other.org");
    char chain[CHAIN_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(fixture_chain(index, rows[i].name, chain), rows[i].chain);
    }
    intel_index_free(index);
}

TEST(fingerprints_match_exactly_and_by_kind)
{
    struct intel_index *index = fixture_index(JA3 " " JA4 " " CERTIFICATE " example.com");
    const char *ja3 = JA3, *longer = JA3 "0";
    intel_record record;
    char chain[CHAIN_MAX];

    CHECK_TEXT(fixture_chain(index, JA3, chain), JA3 "@a");
    CHECK_TEXT(fixture_chain(index, JA4, chain), JA4 "@a");
    CHECK_TEXT(fixture_chain(index, CERTIFICATE, chain), CERTIFICATE "@a");
    intel_match_fingerprints(index, OBSERVABLE_CERTIFICATE, &ja3, 1, &record);
    CHECK_UINT(record, 0);
    intel_match_fingerprints(index, OBSERVABLE_TLS_CLIENT, &longer, 1, &record);
    CHECK_UINT(record, 0);
    intel_index_free(index);
}

TEST(ports_and_feeds_of_one_address_are_one_observable)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *index;
    struct intel_stats stats;
    char chain[CHAIN_MAX];

    fixture_add(builder, "192.0.2.1:443 192.0.2.1:443/tcp 192.0.2.1:443 192.0.2.1:80");
    fixture_begin(builder, "b");
    fixture_add(builder, "192.0.2.1:443 192.0.2.1 192.0.2.0/24 example.com");
    fixture_begin(builder, "a");
    fixture_add(builder, "192.0.2.1:80 192.0.2.1 example.com");
    index = fixture_build(builder);
    CHECK_TEXT(fixture_chain(index, "192.0.2.1", chain),
               "192.0.2.1:443@a 192.0.2.1:443/tcp@a 192.0.2.1:80@a 192.0.2.1:443@b 192.0.2.1@b "
               "192.0.2.1@a 192.0.2.0/24@b");
    CHECK_TEXT(fixture_chain(index, "x.example.com", chain), "example.com@b example.com@a");
    intel_get_stats(index, &stats);
    CHECK_UINT(stats.observables[OBSERVABLE_ADDRESS], 2);
    CHECK_UINT(stats.observables[OBSERVABLE_NAME], 1);
    CHECK_UINT(stats.records, 9);
    CHECK_UINT(stats.feeds, 2);
    CHECK_UINT(stats.changes, 0);
    CHECK_UINT(intel_index_count(index), 3);
    intel_index_free(index);
}

TEST(many_ports_of_one_address_are_kept_once_each)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *index;
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = fixture_indicator("192.0.2.1:1", text);
    size_t count = 0;

    for (unsigned i = 0; i < 2 * UINT16_MAX; i++) {
        indicator.observable.port = (uint16_t)(1 + i % UINT16_MAX);
        CHECK_UINT(intel_add(builder, &indicator), PICKET_OK);
    }
    index = fixture_build(builder);
    for (intel_record record = fixture_find(index, "192.0.2.1"); record != 0;
         record = intel_next(index, record)) {
        count++;
        CHECK_UINT(intel_indicator(index, record).observable.port, count);
    }
    CHECK_UINT(count, UINT16_MAX);
    intel_index_free(index);
}

TEST(scopes_are_records_of_their_own)
{
    struct intel_builder *builder = fixture_builder("a");
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = fixture_indicator("example.com", text);
    struct intel_index *index;
    intel_record record;

    indicator.scope = "group:lamps";
    CHECK_UINT(intel_add(builder, &indicator), PICKET_OK);
    indicator.scope = "device:d1";
    CHECK_UINT(intel_add(builder, &indicator), PICKET_OK);
    index = fixture_build(builder);
    record = fixture_find(index, "example.com");
    CHECK_TEXT(intel_indicator(index, record).scope, "group:lamps");
    record = intel_next(index, record);
    CHECK_TEXT(intel_indicator(index, record).scope, "device:d1");
    CHECK_UINT(intel_next(index, record), 0);
    intel_index_free(index);
}

TEST(a_duplicate_leaves_the_first_with_the_longer_life)
{
    static const struct {
        int64_t lives[3];
        int64_t expires_us;
    } rows[] = {
        {{5, 9, 7}, 9}, {{9, 5, 7}, 9}, {{5, 0, 7}, 0}, {{0, 5, 7}, 0}, {{5, 5, 5}, 5},
    };
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = fixture_indicator("192.0.2.1", text);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct intel_builder *builder = fixture_builder("a");
        struct intel_index *index;
        struct indicator found;

        for (unsigned k = 0; k < 3; k++) {
            indicator.expires_us = rows[i].lives[k];
            indicator.comment = k == 0 ? "first" : "later";
            indicator.line = k + 1;
            CHECK_UINT(intel_add(builder, &indicator), PICKET_OK);
        }
        index = fixture_build(builder);
        found = intel_indicator(index, fixture_find(index, "192.0.2.1"));
        CHECK_UINT(found.expires_us, rows[i].expires_us);
        CHECK_TEXT(found.comment, "first");
        CHECK_UINT(found.line, 1);
        CHECK_UINT(intel_next(index, 1), 0);
        intel_index_free(index);
    }
}

TEST(a_record_says_all_that_was_added_and_else_what_its_feed_says)
{
    struct intel_builder *builder = fixture_builder("a");
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator own = fixture_indicator("[2001:db8::1]:53/udp", text);
    struct intel_index *index;
    struct indicator found;
    struct intel_feed feed;
    char form[OBSERVABLE_FORM_MAX];

    own.confidence = 90;
    own.line = 7;
    own.category = "scanner";
    own.comment = "tag";
    own.reference = "https://reference.example/";
    own.scope = "group:g";
    own.listed_from_us = 1;
    own.listed_until_us = 2;
    own.expires_us = 3;
    CHECK_UINT(intel_add(builder, &own), PICKET_OK);
    fixture_add(builder, "example.com");
    index = fixture_build(builder);
    found = intel_indicator(index, fixture_find(index, "2001:db8::1"));
    observable_format(&found.observable, form);
    CHECK_TEXT(form, "[2001:db8::1]:53/udp");
    CHECK_TEXT(found.category, "scanner");
    CHECK_TEXT(found.comment, "tag");
    CHECK_TEXT(found.reference, "https://reference.example/");
    CHECK_TEXT(found.scope, "group:g");
    CHECK(found.confidence == 90 && found.line == 7 && found.role == INDICATOR_LISTED);
    CHECK(found.listed_from_us == 1 && found.listed_until_us == 2 && found.expires_us == 3);
    found = intel_indicator(index, fixture_find(index, "example.com"));
    CHECK_TEXT(found.category, "c2");
    CHECK_UINT(found.confidence, 60);
    feed = intel_feed_of(index, fixture_find(index, "example.com"));
    CHECK_TEXT(feed.name, "a");
    CHECK_TEXT(feed.source, "https://feed.example/");
    CHECK_TEXT(feed.licence, "CC0-1.0");
    CHECK_UINT(feed.half_life_us, 7);
    intel_index_free(index);
}

TEST(what_is_cut_is_not_in_the_index)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *index;

    fixture_add(builder, "192.0.2.1 example.com");
    CHECK_UINT(intel_builder_count(builder), 2);
    fixture_add(builder, "192.0.2.2 example.org");
    intel_builder_cut(builder, 2);
    CHECK_UINT(intel_builder_count(builder), 2);
    index = fixture_build(builder);
    CHECK_UINT(intel_index_count(index), 2);
    CHECK_UINT(fixture_find(index, "example.org"), 0);
    CHECK_UINT(fixture_find(index, "192.0.2.2"), 0);
    intel_index_free(index);
}

TEST(what_takes_the_place_of_names_that_were_cut_is_as_it_was_added)
{
    struct intel_builder *builder = fixture_builder("a");
    struct intel_index *index;
    char form[OBSERVABLE_FORM_MAX];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(form, sizeof(form), "host%u.example.com", i);
        fixture_add(builder, form);
    }
    intel_builder_cut(builder, 30);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(form, sizeof(form), i < 10 ? "2001:db8::%u" : "name%u.example.com", i);
        fixture_add(builder, form);
    }
    index = fixture_build(builder);
    CHECK_UINT(intel_index_count(index), 70);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(form, sizeof(form), "host%u.example.com", i);
        CHECK_UINT(fixture_find(index, form) != 0, i < 30);
        snprintf(form, sizeof(form), i < 10 ? "2001:db8::%u" : "name%u.example.com", i);
        CHECK(fixture_find(index, form) != 0);
    }
    intel_index_free(index);
}

TEST(of_what_is_found_only_what_is_listed_and_holds_is_left)
{
    static const struct {
        const char *form;
        enum indicator_role role;
        int64_t expires_us;
        bool is_left; /* at 100 */
    } rows[] = {{"192.0.2.1", INDICATOR_LISTED, 0, true},
                {"192.0.2.2", INDICATOR_LISTED, 101, true},
                {"192.0.2.3", INDICATOR_LISTED, 100, false},
                {"192.0.2.4", INDICATOR_WARNED, 0, false},
                {"198.51.100.0/24", INDICATOR_LISTED, 0, true},
                {"198.51.100.7", INDICATOR_ALLOWED, 0, true}}; /* what is above it is listed */
    struct intel_builder *builder = intel_builder_new();
    intel_record records[sizeof(rows) / sizeof(rows[0]) + 1] = {0};
    size_t count = sizeof(rows) / sizeof(rows[0]);
    struct intel_index *index;

    for (size_t i = 0; i < count; i++) {
        static const char *const names[] = {"listed", "warned", "popular", "allowed"};
        struct intel_feed feed = {.name = names[rows[i].role],
                                  .source = "",
                                  .licence = "",
                                  .category = "",
                                  .role = rows[i].role};
        char text[OBSERVABLE_TEXT_MAX];
        struct indicator indicator = fixture_indicator(rows[i].form, text);

        indicator.expires_us = rows[i].expires_us;
        CHECK_UINT(intel_begin_feed(builder, &feed), PICKET_OK);
        CHECK_UINT(intel_add(builder, &indicator), PICKET_OK);
    }
    index = fixture_build(builder);
    for (size_t i = 0; i < count; i++) {
        records[i] = fixture_find(index, i == 4 ? "198.51.100.1" : rows[i].form);
        CHECK(records[i] != 0);
    }
    intel_leave_listed(index, 100, records, count + 1);
    for (size_t i = 0; i < count; i++) {
        CHECK_UINT(records[i] != 0, rows[i].is_left);
    }
    CHECK_UINT(records[count], 0);
    intel_index_free(index);
}

TEST(feeds_have_a_limit)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_feed feed = {.source = "", .licence = "", .category = ""};
    char name[16];

    feed.name = name;
    for (unsigned i = 0; i < INTEL_FEEDS_MAX; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        CHECK_UINT(intel_begin_feed(builder, &feed), PICKET_OK);
    }
    CHECK_UINT(intel_begin_feed(builder, &feed), PICKET_OK);
    feed.name = "one more";
    CHECK_UINT(intel_begin_feed(builder, &feed), PICKET_E_LIMIT);
    intel_builder_free(builder);
}

TEST(same_additions_give_the_same_build)
{
    static const char forms[] = "192.0.2.1 10.0.0.0/8 2001:db8::/48 example.com *.example.com " JA3;
    struct intel_index *first = fixture_index(forms), *second = fixture_index(forms);
    struct intel_index *other = fixture_index("192.0.2.2");
    struct intel_stats stats[3];

    intel_get_stats(first, &stats[0]);
    intel_get_stats(second, &stats[1]);
    intel_get_stats(other, &stats[2]);
    CHECK(stats[0].build_id == stats[1].build_id);
    CHECK(stats[0].build_id != stats[2].build_id);
    intel_index_free(first);
    intel_index_free(second);
    intel_index_free(other);
}

/** A name of few labels out of few, so that many are below others. */
static void random_name(uint64_t *state, char ret_name[NAME_BYTES])
{
    static const char *const labels[] = {"a", "b", "cd", "long-label-with-17", "x_1"};
    size_t length = 0, count = 1 + fixture_random(state) % 4;

    for (size_t i = 0; i < count; i++) {
        length += (size_t)snprintf(ret_name + length, NAME_BYTES - length, "%s.",
                                   labels[fixture_random(state) % 5]);
    }
    snprintf(ret_name + length, NAME_BYTES - length, "%s",
             fixture_random(state) % 2 == 0 ? "com" : "org");
}

TEST(random_names_match_as_a_naive_search_does)
{
    static char forms[200][NAME_BYTES + 2];
    uint64_t state = 5;

    for (unsigned round = 0; round < 20; round++) {
        struct intel_builder *builder = fixture_builder("a");
        struct intel_index *index;
        char query[NAME_BYTES];

        for (size_t i = 0; i < 200; i++) {
            bool is_wild = fixture_random(&state) % 3 == 0;

            random_name(&state, query);
            snprintf(forms[i], sizeof(forms[i]), "%s%s", is_wild ? "*." : "", query);
            fixture_add(builder, forms[i]);
        }
        index = fixture_build(builder);
        for (size_t q = 0; q < 300; q++) {
            size_t longest = 0, found = 0;
            intel_record record;

            random_name(&state, query);
            for (size_t i = 0; i < 200; i++) {
                bool is_wild = forms[i][0] == '*';
                const char *name = forms[i] + (is_wild ? 2 : 0);
                bool is_in = name_is_within(query, name) && !(is_wild && strcmp(query, name) == 0);

                longest = is_in && strlen(name) > longest ? strlen(name) : longest;
            }
            record = fixture_find(index, query);
            found = record == 0 ? 0 : strlen(intel_indicator(index, record).observable.text);
            CHECK_UINT(found, longest);
            for (; record != 0; record = intel_next(index, record)) {
                struct observable observable = intel_indicator(index, record).observable;

                CHECK(name_is_within(query, observable.text));
                CHECK(!observable.only_subdomains || strcmp(query, observable.text) != 0);
            }
        }
        intel_index_free(index);
    }
}

TEST_MAIN(TEST_ROW(names_match_by_whole_labels_longest_first),
          TEST_ROW(fingerprints_match_exactly_and_by_kind),
          TEST_ROW(ports_and_feeds_of_one_address_are_one_observable),
          TEST_ROW(many_ports_of_one_address_are_kept_once_each),
          TEST_ROW(scopes_are_records_of_their_own),
          TEST_ROW(a_duplicate_leaves_the_first_with_the_longer_life),
          TEST_ROW(a_record_says_all_that_was_added_and_else_what_its_feed_says),
          TEST_ROW(what_is_cut_is_not_in_the_index),
          TEST_ROW(what_takes_the_place_of_names_that_were_cut_is_as_it_was_added),
          TEST_ROW(of_what_is_found_only_what_is_listed_and_holds_is_left),
          TEST_ROW(feeds_have_a_limit), TEST_ROW(same_additions_give_the_same_build),
          TEST_ROW(random_names_match_as_a_naive_search_does))
