/* SPDX-License-Identifier: MIT */
/* How records are weighed: which count, what each term adds, who outweighs whom. */
#include <stdlib.h>

#include "base/time.h"
#include "detect/parameters.h"
#include "detect/score.h"
#include "harness/check.h"

#define DAY_US (INT64_C(86400) * TIME_US_PER_S)
#define NOW_US (1000 * DAY_US)

#define LISTED  INDICATOR_LISTED
#define WARNED  INDICATOR_WARNED
#define POPULAR INDICATOR_POPULAR
#define ALLOWED INDICATOR_ALLOWED

static const struct rule_ti rule = {.min_confidence = 50,
                                    .max_age_us = 90 * DAY_US,
                                    .shared_infra_penalty = true,
                                    .match_parent = true};

static struct observable observe(const char *text)
{
    static char texts[32][OBSERVABLE_TEXT_MAX];
    static size_t next;
    struct observable observable;

    if (observable_parse(text, strlen(text), &observable, texts[next], NULL) != PICKET_OK) {
        printf("no observable: %s\n", text);
        abort();
    }
    next = (next + 1) % 32;
    return observable;
}

static struct score_question ask(const char *text)
{
    return (struct score_question){
        .observable = observe(text), .device = "d1", .group = "cameras", .at_us = NOW_US};
}

static struct score_record record(const char *text, enum indicator_role role, const char *feed,
                                  uint8_t confidence)
{
    return (struct score_record){.indicator = {.observable = observe(text),
                                               .role = role,
                                               .confidence = confidence,
                                               .feed = feed,
                                               .category = "",
                                               .comment = "",
                                               .reference = "",
                                               .scope = ""},
                                 .feed = {.name = feed, .source = "", .licence = ""}};
}

static struct score_verdict weigh(const char *asked, const struct score_record *records,
                                  size_t count)
{
    struct score_question question = ask(asked);
    struct score_verdict verdict;

    score_weigh(records, count, &question, &rule, &verdict);
    return verdict;
}

/** 0 if there is no such term. */
static int points_of(const struct score_verdict *verdict, const char *term)
{
    for (size_t i = 0; i < verdict->score.term_count; i++) {
        if (strcmp(verdict->score.terms[i].name, term) == 0) {
            return verdict->score.terms[i].points;
        }
    }
    return 0;
}

static void check_sum(unsigned *check_failures, const struct score_verdict *verdict)
{
    int sum = 0;

    for (size_t i = 0; i < verdict->score.term_count; i++) {
        CHECK(verdict->score.terms[i].points != 0 && verdict->score.terms[i].source[0] != '\0');
        sum += verdict->score.terms[i].points;
    }
    CHECK(verdict->score.points == sum);
}

TEST(listing_alone_scores_its_confidence)
{
    const struct score_record records[] = {record("5.6.7.8", LISTED, "c2", 80)};
    struct score_verdict verdict = weigh("5.6.7.8", records, 1);

    CHECK_UINT(verdict.result, SCORE_RAISED);
    CHECK_UINT(verdict.score.points, 80);
    CHECK_UINT(verdict.score.term_count, 1);
    CHECK_TEXT(verdict.score.terms[0].name, "confidence");
    CHECK_TEXT(verdict.score.terms[0].source, "list \"c2\"");
    CHECK_TEXT(verdict.listed.indicator.feed, "c2");
    CHECK(!verdict.score.is_shared);
}

TEST(nothing_listed_is_clear_whatever_else_is_said)
{
    const struct score_record records[] = {record("5.6.7.8", WARNED, "w", 50),
                                           record("5.6.7.8", ALLOWED, "a", 0)};

    CHECK_UINT(weigh("5.6.7.8", records, 2).result, SCORE_CLEAR);
    CHECK_UINT(weigh("5.6.7.8", records, 0).result, SCORE_CLEAR);
    CHECK_UINT(weigh("5.6.7.8", records, 0).score.term_count, 0);
}

TEST(confidence_halves_with_each_half_life)
{
    static const struct {
        int64_t age_us;
        int64_t half_life_us;
        int points;
    } rows[] = {
        {0, 30 * DAY_US, 80},           {15 * DAY_US, 30 * DAY_US, 60},
        {30 * DAY_US, 30 * DAY_US, 40}, {45 * DAY_US, 30 * DAY_US, 30},
        {60 * DAY_US, 30 * DAY_US, 20}, {-DAY_US, 30 * DAY_US, 80},
        {90 * DAY_US, DAY_US, 0},       {45 * DAY_US, 0, 80},
        {40 * DAY_US, DAY_US, 0},       {DAY_US, 1, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct score_record listed = record("5.6.7.8", LISTED, "c2", 80);
        struct score_verdict verdict;

        listed.indicator.listed_until_us = NOW_US - rows[i].age_us;
        listed.feed.half_life_us = rows[i].half_life_us;
        verdict = weigh("5.6.7.8", &listed, 1);
        CHECK(verdict.score.points == rows[i].points);
        CHECK(points_of(&verdict, "decay") == rows[i].points - 80);
        check_sum(check_failures, &verdict);
    }
}

TEST(listing_without_a_date_does_not_decay)
{
    struct score_record listed = record("5.6.7.8", LISTED, "c2", 80);

    listed.feed.half_life_us = DAY_US;
    CHECK_UINT(weigh("5.6.7.8", &listed, 1).score.points, 80);
}

TEST(further_lists_add_a_tenth_of_their_own_up_to_a_bound)
{
    const struct score_record records[] = {
        record("5.6.7.8", LISTED, "a", 60), record("5.6.7.8", LISTED, "b", 90),
        record("5.6.7.8", LISTED, "a", 60), record("5.6.7.8", LISTED, "c", 40),
        record("5.6.7.8", LISTED, "d", 99), record("5.6.7.8", LISTED, "e", 88),
    };
    static const struct {
        size_t count;
        int points;
        unsigned others;
    } rows[] = {{1, 60, 0}, {2, 96, 1}, {3, 96, 1}, {4, 100, 2}, {5, 99 + 6 + 9 + 4, 3},
                {6, 119, 4}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct score_verdict verdict = weigh("5.6.7.8", records, rows[i].count);

        CHECK_UINT(verdict.score.points, (unsigned)rows[i].points);
        CHECK_UINT(verdict.score.other_feeds, rows[i].others);
        check_sum(check_failures, &verdict);
    }
}

TEST(list_that_says_next_to_nothing_takes_nothing_away)
{
    const struct score_record records[] = {record("5.6.7.8", LISTED, "a", 60),
                                           record("4.0.0.0/6", LISTED, "b", 5)};
    struct score_verdict verdict = weigh("5.6.7.8", records, 2);

    CHECK_UINT(verdict.score.points, 60);
    CHECK_UINT(verdict.score.term_count, 1);
    CHECK_UINT(verdict.score.other_feeds, 1);
}

TEST(wider_network_says_less_of_each_address)
{
    static const struct {
        const char *asked;
        const char *listed;
        int points;
    } rows[] = {
        {"5.6.7.8", "5.6.7.8/29", 0},   {"5.6.7.8", "5.6.7.0/28", -5},
        {"5.6.7.8", "5.6.7.0/24", -5},  {"5.6.7.8", "5.6.6.0/23", -10},
        {"5.6.7.8", "5.6.0.0/16", -20}, {"5.6.7.8", "4.0.0.0/6", -30},
        {"2a00::1", "2a00::/64", 0},    {"2a00::1", "2a00::/63", -5},
        {"2a00::1", "2a00::/40", -10},  {"2a00::1", "2a00::/32", -20},
        {"2a00::1", "2a00::/16", -30},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct score_record listed = record(rows[i].listed, LISTED, "c2", 80);
        struct score_verdict verdict = weigh(rows[i].asked, &listed, 1);

        CHECK(points_of(&verdict, "prefix_width") == rows[i].points);
        CHECK(verdict.score.points == 80 + rows[i].points);
    }
}

TEST(listing_of_a_port_counts_for_that_port_alone_and_more)
{
    static const struct {
        const char *asked;
        uint8_t protocol;
        const char *listed;
        enum score_result result;
    } rows[] = {
        {"5.6.7.8:443", 6, "5.6.7.8:443", SCORE_RAISED},
        {"5.6.7.8:443", 17, "5.6.7.8:443", SCORE_RAISED},
        {"5.6.7.8:443", 6, "5.6.7.8:443/tcp", SCORE_RAISED},
        {"5.6.7.8:443", 17, "5.6.7.8:443/tcp", SCORE_CLEAR},
        {"5.6.7.8:444", 6, "5.6.7.8:443", SCORE_CLEAR},
        {"5.6.7.8", 6, "5.6.7.8:443", SCORE_CLEAR},
        {"5.6.7.8:443", 0, "5.6.7.8:443/tcp", SCORE_CLEAR},
        {"5.6.7.8:443", 6, "5.6.7.8", SCORE_RAISED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct score_record listed = record(rows[i].listed, LISTED, "c2", 45);
        struct score_question question = ask(rows[i].asked);
        struct score_verdict verdict;

        question.observable.protocol = rows[i].protocol;
        score_weigh(&listed, 1, &question, &rule, &verdict);
        CHECK(points_of(&verdict, "port") ==
              (rows[i].result == SCORE_RAISED && listed.indicator.observable.port != 0 ? 10 : 0));
        CHECK_UINT(verdict.result,
                   listed.indicator.observable.port == 0 ? SCORE_WEAK : rows[i].result);
    }
}

TEST(score_below_the_rules_is_weak)
{
    const struct score_record weak = record("5.6.7.8", LISTED, "c2", 49);
    const struct score_record enough = record("5.6.7.8", LISTED, "c2", 50);

    CHECK_UINT(weigh("5.6.7.8", &weak, 1).result, SCORE_WEAK);
    CHECK_UINT(weigh("5.6.7.8", &enough, 1).result, SCORE_RAISED);
}

TEST(expired_and_old_listings_do_not_count)
{
    struct score_record listed = record("5.6.7.8", LISTED, "c2", 80);

    listed.indicator.expires_us = NOW_US;
    CHECK_UINT(weigh("5.6.7.8", &listed, 1).result, SCORE_CLEAR);
    listed.indicator.expires_us = NOW_US + 1;
    CHECK_UINT(weigh("5.6.7.8", &listed, 1).result, SCORE_RAISED);
    listed.indicator.listed_until_us = NOW_US - 90 * DAY_US - 1;
    CHECK_UINT(weigh("5.6.7.8", &listed, 1).result, SCORE_CLEAR);
    listed.indicator.listed_until_us++;
    CHECK_UINT(weigh("5.6.7.8", &listed, 1).result, SCORE_RAISED);
}

TEST(impossible_times_do_no_harm)
{
    static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_MAX};
    static const bool is_old[5][5] = {{false}, /* by time of the contact, then of the listing */
                                      {true, false, false, false, false},
                                      {true, false, false, false, false},
                                      {true, false, false, false, false},
                                      {true, true, false, true, false}};
    struct score_record listed = record("5.6.7.8", LISTED, "c2", 80);
    struct score_question question = ask("5.6.7.8");
    struct score_verdict verdict;

    for (size_t i = 0; i < 25; i++) {
        question.at_us = times[i / 5];
        listed.indicator.listed_until_us = times[i % 5];
        listed.feed.half_life_us = INT64_MAX;
        score_weigh(&listed, 1, &question, &rule, &verdict);
        CHECK_UINT(verdict.result, is_old[i / 5][i % 5] ? SCORE_CLEAR : SCORE_RAISED);
    }
}

TEST(expired_listing_does_not_agree_either)
{
    struct score_record records[] = {record("5.6.7.8", LISTED, "a", 60),
                                     record("5.6.7.8", LISTED, "b", 90)};

    records[1].indicator.expires_us = 1;
    CHECK_UINT(weigh("5.6.7.8", records, 2).score.points, 60);
    CHECK_UINT(weigh("5.6.7.8", records, 2).score.other_feeds, 0);
}

TEST(warning_takes_away_what_its_list_says)
{
    static const struct {
        const char *asked, *listed, *warned;
        int points;
    } rows[] = {
        {"8.8.8.8", "8.8.8.8", "8.8.8.8", -40},
        {"8.8.8.8", "8.8.8.0/24", "8.8.8.8", -40},
        {"8.8.8.8", "8.8.8.0/24", "8.8.8.0/24", -40},
        {"8.8.8.8", "8.8.8.8", "8.8.8.0/24", -20},                /* not all of it need be shared */
        {"www.cdn.example", "www.cdn.example", "cdn.example", 0}, /* a customer's name */
        {"www.cdn.example", "cdn.example", "www.cdn.example", -40},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct score_record records[] = {record(rows[i].listed, LISTED, "c2", 100),
                                               record(rows[i].warned, WARNED, "w", 40)};
        struct score_verdict verdict = weigh(rows[i].asked, records, 2);

        CHECK(points_of(&verdict, "shared_infrastructure") == rows[i].points);
        CHECK(verdict.score.is_shared == (rows[i].points != 0));
        check_sum(check_failures, &verdict);
    }
}

TEST(heaviest_warning_counts_and_not_their_sum)
{
    const struct score_record records[] = {
        record("8.8.8.8", LISTED, "c2", 100), record("8.8.8.8", WARNED, "v", 30),
        record("8.8.8.8", WARNED, "w", 40), record("8.8.8.0/24", WARNED, "x", 60)};

    CHECK_UINT(weigh("8.8.8.8", records, 4).score.points, 60);
}

TEST(listed_name_that_a_warning_list_has_exactly_does_not_count)
{
    const struct score_record records[] = {record("dyn.example", LISTED, "bad", 100),
                                           record("dyn.example", WARNED, "suffixes", 50)};
    const struct score_record below[] = {record("x.dyn.example", LISTED, "bad", 100), records[0],
                                         records[1]};

    CHECK_UINT(weigh("dyn.example", records, 2).result, SCORE_CLEAR);
    CHECK_UINT(weigh("y.dyn.example", records, 2).result, SCORE_CLEAR);
    CHECK_UINT(weigh("x.dyn.example", below, 3).result, SCORE_RAISED);
    CHECK_UINT(weigh("x.dyn.example", below, 3).score.points, 100);
    CHECK(!weigh("x.dyn.example", below, 3).score.is_shared);
}

TEST(listed_public_suffix_does_not_count_even_without_a_warning_list)
{
    static const char *const suffixes[] = {"co.uk",     "com.au",  "duckdns.org",
                                           "github.io", "*.co.uk", "xn--55qx5d.cn"};
    static const char *const others[] = {"example.co.uk", "x.duckdns.org", "example.com",
                                         "under.score.example", "www.ck"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        const struct score_record listed = record(suffixes[i], LISTED, "careless", 100);
        char below[OBSERVABLE_FORM_MAX];

        snprintf(below, sizeof(below), "a.b.%.200s", listed.indicator.observable.text);
        CHECK_UINT(weigh(listed.indicator.observable.text, &listed, 1).result, SCORE_CLEAR);
        CHECK_UINT(weigh(below, &listed, 1).result, SCORE_CLEAR);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        const struct score_record listed = record(others[i], LISTED, "bad", 100);

        CHECK_UINT(weigh(others[i], &listed, 1).result, SCORE_RAISED);
    }
}

TEST(word_about_a_public_suffix_counts_all_the_same)
{
    const struct score_record records[] = {record("github.io", ALLOWED, "ours", 0),
                                           record("x.github.io", LISTED, "bad", 90)};

    CHECK_UINT(weigh("x.github.io", records, 2).result, SCORE_ALLOWED);
}

TEST(popular_name_weighs_less_and_is_shared)
{
    const struct score_record records[] = {record("example.com", LISTED, "bad", 100),
                                           record("example.com", POPULAR, "top", 30)};
    struct score_verdict verdict = weigh("example.com", records, 2);

    CHECK(points_of(&verdict, "popularity") == -30);
    CHECK(verdict.score.is_shared);
    CHECK_UINT(verdict.result, SCORE_RAISED);
}

TEST(rule_without_the_penalty_does_not_heed_warnings)
{
    const struct score_record records[] = {record("8.8.8.8", LISTED, "c2", 60),
                                           record("8.8.8.8", WARNED, "w", 50)};
    struct rule_ti bold = rule;
    struct score_question question = ask("8.8.8.8");
    struct score_verdict verdict;

    bold.shared_infra_penalty = false;
    score_weigh(records, 2, &question, &bold, &verdict);
    CHECK_UINT(verdict.result, SCORE_RAISED);
    CHECK(!verdict.score.is_shared);
}

TEST(approved_peer_of_the_group_weighs_less)
{
    struct prefix networks[] = {observe("::/0").prefix, observe("5.6.0.0/16").prefix};
    const struct score_record listed = record("5.6.7.8", LISTED, "c2", 80);
    struct rule_ti approving = rule;
    struct score_question question = ask("5.6.7.8");
    struct score_verdict verdict;

    approving.approved_peers = (struct prefix_list){networks, 1};
    score_weigh(&listed, 1, &question, &approving, &verdict);
    CHECK_UINT(verdict.score.points, 80);
    approving.approved_peers.count = 2;
    score_weigh(&listed, 1, &question, &approving, &verdict);
    CHECK_UINT(verdict.score.points, 40);
    CHECK_UINT(verdict.result, SCORE_WEAK);
}

TEST(word_of_the_operator_outweighs_every_sum_within_its_scope_and_time)
{
    static const struct {
        const char *scope;
        int64_t expires_us;
        enum score_result result;
    } rows[] = {
        {"", 0, SCORE_ALLOWED},
        {"", NOW_US + 1, SCORE_ALLOWED},
        {"", NOW_US, SCORE_RAISED},
        {"group:cameras", 0, SCORE_ALLOWED},
        {"group:camera", 0, SCORE_RAISED},
        {"device:d1", 0, SCORE_ALLOWED},
        {"device:d2", 0, SCORE_RAISED},
        {"device:cameras", 0, SCORE_RAISED},
        {"nonsense", 0, SCORE_RAISED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct score_record records[] = {record("5.6.7.8", LISTED, "a", 100),
                                         record("5.6.7.8", LISTED, "b", 100),
                                         record("5.0.0.0/8", ALLOWED, "operator", 0)};
        struct score_verdict verdict;

        records[2].indicator.scope = rows[i].scope;
        records[2].indicator.expires_us = rows[i].expires_us;
        verdict = weigh("5.6.7.8", records, 3);
        CHECK_UINT(verdict.result, rows[i].result);
        CHECK_UINT(verdict.score.points, 110);
        if (rows[i].result == SCORE_ALLOWED) {
            CHECK_TEXT(verdict.allowed.indicator.feed, "operator");
        }
    }
}

TEST(parents_count_if_the_rule_says_so)
{
    const struct score_record listed = record("evil.example", LISTED, "bad", 80);
    struct score_question question = ask("a.b.evil.example");
    struct rule_ti exact = rule;
    struct score_verdict verdict;

    CHECK_UINT(weigh("a.b.evil.example", &listed, 1).result, SCORE_RAISED);
    exact.match_parent = false;
    score_weigh(&listed, 1, &question, &exact, &verdict);
    CHECK_UINT(verdict.result, SCORE_CLEAR);
    question = ask("evil.example");
    score_weigh(&listed, 1, &question, &exact, &verdict);
    CHECK_UINT(verdict.result, SCORE_RAISED);
}

TEST(wildcard_is_about_what_is_below_it)
{
    const struct score_record listed = record("*.evil.example", LISTED, "bad", 80);

    CHECK_UINT(weigh("evil.example", &listed, 1).result, SCORE_CLEAR);
    CHECK_UINT(weigh("a.evil.example", &listed, 1).result, SCORE_RAISED);
}

TEST(anonymizers_are_a_type_of_their_own)
{
    static const struct {
        const char *category;
        bool is_anonymizer;
    } rows[] = {{"tor", true}, {"Tor_exit", true},      {"open proxy", true},
                {"VPN", true}, {"c2", false},           {"torrent", false},
                {"", false},   {"proxyjacking", false}, {"anti-tor", true}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct score_record listed = record("5.6.7.8", LISTED, "x", 80);
        struct score_question question = ask("5.6.7.8");
        struct rule_ti anonymizers = rule;
        struct score_verdict verdict;

        listed.indicator.category = rows[i].category;
        anonymizers.categories = RULE_TOR | RULE_PROXY | RULE_VPN;
        score_weigh(&listed, 1, &question, &anonymizers, &verdict);
        CHECK_UINT(verdict.result, rows[i].is_anonymizer ? SCORE_RAISED : SCORE_CLEAR);
        score_weigh(&listed, 1, &question, &rule, &verdict);
        CHECK_UINT(verdict.result, rows[i].is_anonymizer ? SCORE_CLEAR : SCORE_RAISED);
    }
}

TEST(of_equally_heavy_listings_the_most_specific_is_shown)
{
    const struct score_record records[] = {record("5.6.7.8", LISTED, "weak", 40),
                                           record("5.6.7.0/24", LISTED, "net", 90),
                                           record("5.6.6.0/23", LISTED, "wider", 95)};

    CHECK_TEXT(weigh("5.6.7.8", records, 3).listed.indicator.feed, "net");
}

TEST(longest_texts_are_cut_and_nothing_else)
{
    char feed[200], name[OBSERVABLE_TEXT_MAX];
    struct score_record records[3];
    struct score_verdict verdict;

    memset(feed, 'f', sizeof(feed) - 1);
    feed[sizeof(feed) - 1] = '\0';
    memset(name, 'n', sizeof(name) - 1);
    for (size_t i = 60; i < sizeof(name) - 1; i += 60) {
        name[i] = '.';
    }
    name[sizeof(name) - 1] = '\0';
    records[0] = record(name, LISTED, feed, 80);
    records[0].indicator.category = feed;
    records[1] = record(name, POPULAR, feed, 10);
    records[2] = record(name, LISTED, "other", 80);
    verdict = weigh(name, records, 3);
    CHECK_UINT(verdict.score.points, 78);
    for (size_t i = 0; i < verdict.score.term_count; i++) {
        CHECK(strlen(verdict.score.terms[i].source) < SCORE_SOURCE_MAX);
    }
}

TEST_MAIN(TEST_ROW(listing_alone_scores_its_confidence),
          TEST_ROW(nothing_listed_is_clear_whatever_else_is_said),
          TEST_ROW(confidence_halves_with_each_half_life),
          TEST_ROW(listing_without_a_date_does_not_decay),
          TEST_ROW(further_lists_add_a_tenth_of_their_own_up_to_a_bound),
          TEST_ROW(list_that_says_next_to_nothing_takes_nothing_away),
          TEST_ROW(wider_network_says_less_of_each_address),
          TEST_ROW(listing_of_a_port_counts_for_that_port_alone_and_more),
          TEST_ROW(score_below_the_rules_is_weak), TEST_ROW(expired_and_old_listings_do_not_count),
          TEST_ROW(impossible_times_do_no_harm), TEST_ROW(expired_listing_does_not_agree_either),
          TEST_ROW(warning_takes_away_what_its_list_says),
          TEST_ROW(heaviest_warning_counts_and_not_their_sum),
          TEST_ROW(listed_name_that_a_warning_list_has_exactly_does_not_count),
          TEST_ROW(listed_public_suffix_does_not_count_even_without_a_warning_list),
          TEST_ROW(word_about_a_public_suffix_counts_all_the_same),
          TEST_ROW(popular_name_weighs_less_and_is_shared),
          TEST_ROW(rule_without_the_penalty_does_not_heed_warnings),
          TEST_ROW(approved_peer_of_the_group_weighs_less),
          TEST_ROW(word_of_the_operator_outweighs_every_sum_within_its_scope_and_time),
          TEST_ROW(parents_count_if_the_rule_says_so), TEST_ROW(wildcard_is_about_what_is_below_it),
          TEST_ROW(anonymizers_are_a_type_of_their_own),
          TEST_ROW(of_equally_heavy_listings_the_most_specific_is_shown),
          TEST_ROW(longest_texts_are_cut_and_nothing_else))
