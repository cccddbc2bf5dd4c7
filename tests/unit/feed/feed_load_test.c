/* SPDX-License-Identifier: MIT */
#include "feed/load.h"

#include <stdlib.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/check.h"

#define NOW_US INT64_C(1790000000000000)
#define DAY_US INT64_C(86400000000)

/** A load of a text into a builder of its own. */
struct rig {
    struct intel_builder *builder;
    struct intel_index *index; /* once built */
    struct feed_terms terms;
    struct feed_load load;
    struct err err;
};

static void rig_init(struct rig *rig)
{
    *rig = (struct rig){.builder = intel_builder_new()};
    feed_terms_init(&rig->terms, "test");
}

static void rig_deinit(struct rig *rig)
{
    intel_index_free(rig->index);
    intel_builder_free(rig->builder);
}

static enum picket_status load_over(struct rig *rig, const char *text, size_t previous,
                                    const struct intel_index *warnings)
{
    return feed_load(rig->builder, &rig->terms, (const uint8_t *)text, strlen(text), previous,
                     warnings, NOW_US, &rig->load, &rig->err);
}

/** The load of the day after one that is in force. */
static enum picket_status load_next(struct rig *rig, const char *text,
                                    const struct intel_index *current)
{
    return feed_load(rig->builder, &rig->terms, (const uint8_t *)text, strlen(text), 0, current,
                     NOW_US + DAY_US, &rig->load, &rig->err);
}

static enum picket_status load(struct rig *rig, const char *text)
{
    return load_over(rig, text, 0, NULL);
}

static enum picket_status build(struct rig *rig)
{
    return intel_build(rig->builder, &rig->index, &rig->err);
}

/** The first indicator for an address; its feed is NULL if there is none. */
static struct indicator find(const struct rig *rig, const char *text)
{
    struct address address = {{0}};
    intel_record record = 0;

    if (address_parse(text, strlen(text), &address) == PICKET_OK) {
        intel_match(rig->index, &address, 1, &record);
    }
    return record == 0 ? (struct indicator){.feed = NULL} : intel_indicator(rig->index, record);
}

static size_t sum(const struct feed_load *load)
{
    return load->blank + load->accepted + load->duplicate + load->malformed + load->unsupported +
           load->revoked + load->expired + load->reserved + load->over_limit;
}

TEST(every_line_is_in_one_class)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "# a list\n"
                     "9.9.9.1\n"
                     "9.9.9.2\n"
                     "\n"
                     "9.9.9.1 # again\n"
                     "9.9.9.300\n"
                     "10.0.0.1\n"
                     "AS64496\n"
                     "bad.example\n"
                     "Bad.Example.\n") == PICKET_OK);
    CHECK_UINT(rig.load.format, FEED_FORMAT_LINES);
    CHECK_UINT(rig.load.lines, 10);
    CHECK_UINT(rig.load.blank, 2);
    CHECK_UINT(rig.load.accepted, 3);
    CHECK_UINT(rig.load.duplicate, 2);
    CHECK_UINT(rig.load.malformed, 1);
    CHECK_UINT(rig.load.unsupported, 1);
    CHECK_UINT(rig.load.reserved, 1);
    CHECK_UINT(sum(&rig.load), rig.load.lines);
    CHECK_UINT(rig.load.reason_count, 1);
    CHECK_UINT(rig.load.reasons[0].line, 6);
    CHECK_TEXT(rig.load.reasons[0].reason, "not an address");
    feed_load_explain(&rig.load, &rig.err);
    CHECK_TEXT(rig.err.text, "3 indicators, 2 repeated, 1 unsupported, 1 in reserved ranges, "
                             "1 malformed (first line 6: not an address)");
    rig_deinit(&rig);
}

TEST(the_same_value_with_another_port_is_no_duplicate)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "9.9.9.9\n9.9.9.9:443\n9.9.9.9:443/udp\n9.9.9.0/24\n9.9.9.9:443\n"
                     "*.bad.example\nbad.example\n") == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 5);
    CHECK_UINT(rig.load.duplicate, 2);
    rig_deinit(&rig);
}

TEST(many_are_counted_as_exactly_as_few)
{
    struct rig rig;
    struct buf text;

    rig_init(&rig);
    buf_init(&text, 1 << 20);
    for (unsigned i = 0; i < 30000; i++) {
        buf_addf(&text, "9.%u.%u.9\n", i % 20000 / 200, i % 200);
    }
    CHECK(load(&rig, text.bytes) == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 20000);
    CHECK_UINT(rig.load.duplicate, 10000);
    buf_deinit(&text);
    rig_deinit(&rig);
}

TEST(only_lists_of_what_is_harmless_may_have_ranges_that_are_not_public)
{
    static const char text[] = "9.9.9.9\n192.168.0.0/16\n0.0.0.0/0\n9.0.0.0/8\n192.0.0.0/8\n"
                               "::/0\n2001:db8::1\n2600::/16\n";
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, text) == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 3);
    CHECK_UINT(rig.load.reserved, 5);
    rig.terms.role = INDICATOR_WARNED;
    CHECK(load(&rig, text) == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 8);
    CHECK_UINT(rig.load.reserved, 0);
    rig_deinit(&rig);
}

TEST(what_the_list_does_not_say_its_terms_do)
{
    static const char text[] = "ip,first_seen,last_seen,expires,confidence,category\n"
                               "9.9.9.1,,,,,\n"
                               "9.9.9.2,2026-09-01,2026-09-20,,80,c2\n"
                               "9.9.9.3,,2026-09-20,2026-12-24,,\n"
                               "9.9.9.4,,2026-01-01,,,\n"
                               "9.9.9.5,,,2026-01-01,,\n"
                               "9.9.9.6,,2099-01-01,,,\n";
    const int64_t september_20_us = INT64_C(1789862400000000);
    struct rig rig;

    rig_init(&rig);
    rig.terms.lifetime_us = 10 * DAY_US;
    rig.terms.confidence = 33;
    snprintf(rig.terms.category, sizeof(rig.terms.category), "scanner");
    CHECK(load(&rig, text) == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 4);
    CHECK_UINT(rig.load.expired, 2);
    CHECK(build(&rig) == PICKET_OK);
    CHECK(find(&rig, "9.9.9.1").listed_until_us == NOW_US);
    CHECK(find(&rig, "9.9.9.1").expires_us == NOW_US + 10 * DAY_US);
    CHECK_UINT(find(&rig, "9.9.9.1").confidence, 33);
    CHECK_TEXT(find(&rig, "9.9.9.1").category, "scanner");
    CHECK(find(&rig, "9.9.9.2").listed_until_us == september_20_us);
    CHECK(find(&rig, "9.9.9.2").expires_us == september_20_us + 10 * DAY_US);
    CHECK_UINT(find(&rig, "9.9.9.2").confidence, 80);
    CHECK_TEXT(find(&rig, "9.9.9.2").category, "c2");
    CHECK(find(&rig, "9.9.9.3").expires_us == INT64_C(1798070400000000));
    CHECK(find(&rig, "9.9.9.6").listed_until_us == NOW_US);
    CHECK(find(&rig, "9.9.9.4").feed == NULL);
    rig_deinit(&rig);
}

TEST(of_duplicates_the_longer_life_counts)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "ip,expires\n9.9.9.1,2026-11-01\n9.9.9.1,2026-12-01\n9.9.9.1,2026-10-01\n") ==
          PICKET_OK);
    CHECK_UINT(rig.load.duplicate, 2);
    CHECK(build(&rig) == PICKET_OK);
    CHECK(find(&rig, "9.9.9.1").expires_us == INT64_C(1796083200000000));
    rig_deinit(&rig);
}

TEST(beyond_the_limit_nothing_is_added)
{
    struct rig rig;

    rig_init(&rig);
    rig.terms.max_indicators = 2;
    CHECK(load(&rig, "9.9.9.1\n9.9.9.2\n9.9.9.3\n9.9.9.4\n") == PICKET_OK);
    CHECK_UINT(rig.load.accepted, 2);
    CHECK_UINT(rig.load.over_limit, 2);
    CHECK_UINT(intel_builder_count(rig.builder), 2);
    rig_deinit(&rig);
}

TEST(a_load_that_shrank_or_grew_too_much_is_refused_and_shown)
{
    static const struct {
        size_t previous;
        uint8_t shrink_max;
        uint32_t growth_max;
        enum picket_status expected;
    } rows[] = {
        {8, 50, 0, PICKET_OK},    {9, 50, 0, PICKET_E_CONFLICT},
        {100, 100, 0, PICKET_OK}, {5, 0, 0, PICKET_E_CONFLICT},
        {4, 0, 1, PICKET_OK},     {2, 50, 100, PICKET_OK},
        {1, 50, 300, PICKET_OK},  {1, 50, 299, PICKET_E_CONFLICT},
        {0, 0, 1, PICKET_OK},     {1, 50, UINT32_MAX, PICKET_OK},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig rig;
        size_t count;

        rig_init(&rig);
        CHECK(load(&rig, "8.8.8.8\n") == PICKET_OK);
        rig.terms.shrink_max_percent = rows[i].shrink_max;
        rig.terms.growth_max_percent = rows[i].growth_max;
        CHECK(load_over(&rig, "9.9.9.1\n9.9.9.2\n9.9.9.3\n9.9.9.4\n", rows[i].previous, NULL) ==
              rows[i].expected);
        count = intel_builder_count(rig.builder);
        CHECK_UINT(count, rows[i].expected == PICKET_OK ? 5 : 1);
        CHECK_UINT(rig.load.accepted, 4);
        CHECK((rig.err.text[0] != '\0') == (rows[i].expected != PICKET_OK));
        rig_deinit(&rig);
    }
}

TEST(a_load_of_which_more_is_rejected_than_the_terms_allow_is_poor)
{
    static const struct {
        struct feed_load load;
        uint8_t max;
        const char *words; /* NULL: it is not poor */
    } rows[] = {
        {{.accepted = 95, .malformed = 5}, 5, NULL},
        {{.accepted = 94, .malformed = 5},
         5,
         "5.1 % of its 99 items were rejected, more than the 5 % that are allowed: 5 malformed, 0 "
         "reserved, 0 over its limit"},
        {{.accepted = 80, .malformed = 1, .reserved = 2, .over_limit = 3},
         6,
         "7.0 % of its 86 items were rejected, more than the 6 % that are allowed: 1 malformed, 2 "
         "reserved, 3 over its limit"},
        {{.accepted = 1, .duplicate = 20, .unsupported = 20, .revoked = 20, .expired = 20},
         0,
         NULL},
        {{.accepted = 1, .duplicate = 99, .reserved = 1}, 0, "1.0 % of its 101 items"},
        {{.accepted = 1, .malformed = 99}, 100, NULL},
        {{.lines = 0}, 0, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct feed_terms terms = {.rejected_max_percent = rows[i].max};
        struct err reason = {""};

        CHECK(feed_load_is_poor(&rows[i].load, &terms, &reason) == (rows[i].words != NULL));
        CHECK(strstr(reason.text, rows[i].words == NULL ? "" : rows[i].words) == reason.text);
    }
}

TEST(a_load_without_anything_to_take_is_refused_and_shown)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "") == PICKET_E_EMPTY);
    CHECK(load(&rig, "# nothing\n") == PICKET_E_EMPTY);
    CHECK_UINT(rig.load.blank, 1);
    CHECK(load(&rig, "AS64496\n10.0.0.1\n") == PICKET_E_EMPTY);
    CHECK_UINT(rig.load.unsupported, 1);
    CHECK_UINT(rig.load.reserved, 1);
    CHECK(load(&rig, "nonsense\n") == PICKET_E_MALFORMED);
    CHECK_UINT(rig.load.malformed, 1);
    CHECK(load(&rig, "<html>9.9.9.9</html>\n") == PICKET_E_MALFORMED);
    CHECK_UINT(intel_builder_count(rig.builder), 0);
    rig_deinit(&rig);
}

TEST(a_warning_list_is_not_taken_for_malicious)
{
    static const char text[] = "{\"name\": \"x\", \"type\": \"cidr\", \"list\": [\"9.9.9.9\"]}";
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, text) == PICKET_E_CONFLICT);
    CHECK_UINT(intel_builder_count(rig.builder), 0);
    rig.terms.role = INDICATOR_WARNED;
    CHECK(load(&rig, text) == PICKET_OK);
    rig_deinit(&rig);
}

TEST(what_is_on_a_warning_list_is_counted)
{
    struct rig warnings, rig;

    rig_init(&warnings);
    rig_init(&rig);
    warnings.terms.role = INDICATOR_WARNED;
    CHECK(load(&warnings, "9.9.9.0/24\n8.8.8.8:53\ngood.example\n7.0.0.0/24\n") == PICKET_OK);
    feed_terms_init(&warnings.terms, "listed");
    CHECK(load(&warnings, "7.7.7.7\n") == PICKET_OK);
    CHECK(build(&warnings) == PICKET_OK);
    CHECK(load_over(&rig,
                    "9.9.9.9\n9.9.9.9\n9.9.9.128/25\n7.0.0.0/16\n8.8.8.8\n8.8.8.8:53\n"
                    "www.good.example\nbad.example\n7.7.7.7\n",
                    0, warnings.index) == PICKET_OK);
    CHECK_UINT(rig.load.allow_listed, 4);
    CHECK_UINT(rig.load.accepted, 8);
    rig_deinit(&rig);
    rig_deinit(&warnings);
}

TEST(probes_tell_whether_a_load_is_in_an_index)
{
    static const char *const texts[] = {
        "9.9.9.1\n9.9.9.2\n9.9.9.3:443/udp\n",
        "9.9.9.9\n",
        "value,x\n*.bad.example\n9.9.9.0/24\n2600::1\n9.9.9.7\nworse.example\n"
        "0123456789abcdef0123456789abcdef\n",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct rig rig, other;

        rig_init(&rig);
        rig_init(&other);
        CHECK(load(&rig, texts[i]) == PICKET_OK);
        CHECK(build(&rig) == PICKET_OK);
        feed_probe(rig.index, &rig.load);
        CHECK_UINT(rig.load.probed, FEED_PROBES);
        CHECK(load(&other, "9.9.9.3\n9.0.0.0/8\nbad.example\n") == PICKET_OK);
        CHECK(build(&other) == PICKET_OK);
        feed_probe(other.index, &rig.load);
        CHECK_UINT(rig.load.probed, 0);
        feed_probe(NULL, &rig.load);
        CHECK_UINT(rig.load.probed, 0);
        rig_deinit(&other);
        rig_deinit(&rig);
    }
}

TEST(what_is_about_a_protocol_without_a_port_is_found_again)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":"
                     "\"indicator\",\"spec_version\":\"2.1\",\"pattern_type\":\"stix\","
                     "\"pattern\":\"[ipv4-addr:value = '9.9.9.1' AND "
                     "network-traffic:protocols[*] = 'tcp']\"}]}") == PICKET_OK);
    CHECK(build(&rig) == PICKET_OK);
    CHECK_UINT(find(&rig, "9.9.9.1").observable.protocol, 6);
    feed_probe(rig.index, &rig.load);
    CHECK_UINT(rig.load.probed, FEED_PROBES);
    rig_deinit(&rig);
}

TEST(since_when_a_list_has_something_is_known_from_the_load_before)
{
    struct rig first, second;

    rig_init(&first);
    CHECK(load(&first, "9.9.9.1\n9.9.8.0/24\n") == PICKET_OK);
    CHECK(build(&first) == PICKET_OK);
    CHECK(find(&first, "9.9.9.1").listed_from_us == NOW_US);

    rig_init(&second);
    CHECK(load_next(&second, "9.9.9.1\n9.9.9.1:80\n9.9.8.0/24\n9.9.8.7\n", first.index) ==
          PICKET_OK);
    CHECK(build(&second) == PICKET_OK);
    CHECK(find(&second, "9.9.8.1").listed_from_us == NOW_US);
    CHECK(find(&second, "9.9.8.1").listed_until_us == NOW_US + DAY_US);
    CHECK(find(&second, "9.9.8.7").listed_from_us == NOW_US + DAY_US);
    for (unsigned i = 0; i < 2; i++) {
        intel_record record = 0;
        struct address address;
        struct indicator indicator;

        CHECK(address_parse("9.9.9.1", 7, &address) == PICKET_OK);
        intel_match(second.index, &address, 1, &record);
        record = i == 0 ? record : intel_next(second.index, record);
        CHECK(record != 0);
        indicator = intel_indicator(second.index, record);
        CHECK(indicator.listed_from_us ==
              (indicator.observable.port == 0 ? NOW_US : NOW_US + DAY_US));
    }
    rig_deinit(&second);
    rig_deinit(&first);
}

TEST(what_another_list_has_says_nothing_of_since_when)
{
    struct rig first, second;

    rig_init(&first);
    CHECK(load(&first, "9.9.9.1\n") == PICKET_OK);
    CHECK(build(&first) == PICKET_OK);
    rig_init(&second);
    feed_terms_init(&second.terms, "other");
    CHECK(load_next(&second, "9.9.9.1\n", first.index) == PICKET_OK);
    CHECK(build(&second) == PICKET_OK);
    CHECK(find(&second, "9.9.9.1").listed_from_us == NOW_US + DAY_US);
    rig_deinit(&second);
    rig_deinit(&first);
}

TEST(nothing_is_listed_first_after_it_was_listed_last)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "ip,last_seen\n9.9.9.1,2026-01-02 00:00:00\n") == PICKET_OK);
    CHECK(build(&rig) == PICKET_OK);
    CHECK(find(&rig, "9.9.9.1").listed_until_us < NOW_US);
    CHECK(find(&rig, "9.9.9.1").listed_from_us == find(&rig, "9.9.9.1").listed_until_us);
    rig_deinit(&rig);
}

TEST(a_load_says_which_indicators_were_probed)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "9.9.9.1\n9.9.9.2\n9.9.9.3\n9.9.9.4\n9.9.9.5\n9.9.9.6\n") == PICKET_OK);
    CHECK_TEXT(rig.load.probes[0], "9.9.9.1");
    CHECK_TEXT(rig.load.probes[1], "9.9.9.4");
    CHECK_TEXT(rig.load.probes[2], "9.9.9.6");
    rig_deinit(&rig);
}

TEST(wrappers_are_taken_off_and_bombs_are_refused)
{
    const size_t bomb_bytes = (size_t)100 << 20;
    uint8_t *bomb = calloc(1, bomb_bytes), *packed = malloc(bomb_bytes / 100);
    z_stream stream = {.next_in = bomb,
                       .avail_in = (uInt)bomb_bytes,
                       .next_out = packed,
                       .avail_out = (uInt)(bomb_bytes / 100)};
    struct rig rig;

    rig_init(&rig);
    CHECK(load(&rig, "\xef\xbb\xbf"
                     "9.9.9.9\r\n") == PICKET_OK);
    if (bomb != NULL && packed != NULL &&
        deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK) {
        (void)deflate(&stream, Z_FINISH);
        CHECK(feed_load(rig.builder, &rig.terms, packed, (size_t)stream.total_out / 10, 0, NULL,
                        NOW_US, &rig.load, &rig.err) == PICKET_E_TRUNCATED);
        CHECK(stream.total_out < ((size_t)36 << 20) / 100);
        CHECK(feed_load(rig.builder, &rig.terms, packed, stream.total_out, 0, NULL, NOW_US,
                        &rig.load, &rig.err) == PICKET_E_LIMIT);
        (void)deflateEnd(&stream);
    }
    free(packed);
    free(bomb);
    rig_deinit(&rig);
}

TEST(a_file_that_is_not_there_is_an_error_of_input)
{
    struct rig rig;

    rig_init(&rig);
    CHECK(feed_load_file(rig.builder, &rig.terms, "/nowhere/feed.txt", 0, NULL, NOW_US, &rig.load,
                         &rig.err) == PICKET_E_NOTFOUND);
    CHECK_TEXT(rig.err.text, "/nowhere/feed.txt: can't be read: No such file or directory");
    CHECK(feed_load_file(rig.builder, &rig.terms, "/", 0, NULL, NOW_US, &rig.load, &rig.err) ==
          PICKET_E_IO);
    rig_deinit(&rig);
}

TEST(the_account_is_shown_whole)
{
    struct rig rig;
    struct buf buf;
    struct json json;

    rig_init(&rig);
    buf_init(&buf, 4096);
    json_init(&json, &buf, false);
    CHECK(load(&rig, "# Last updated: 2026-09-01\n9.9.9.9\n9.9.9.300\n") == PICKET_OK);
    feed_load_write_json(&json, NULL, &rig.load);
    CHECK_TEXT(buf.bytes,
               "{\"format\":\"lines\",\"lines\":3,\"blank\":1,\"accepted\":1,\"duplicate\":0,"
               "\"malformed\":1,\"unsupported\":0,\"revoked\":0,\"expired\":0,\"reserved\":0,"
               "\"over_limit\":0,\"allow_listed\":0,\"probed\":0,"
               "\"published\":\"2026-09-01T00:00:00.000000Z\","
               "\"reasons\":[{\"line\":3,\"reason\":\"not an address\"}]}");
    buf_deinit(&buf);
    rig_deinit(&rig);
}

TEST_MAIN(TEST_ROW(every_line_is_in_one_class),
          TEST_ROW(the_same_value_with_another_port_is_no_duplicate),
          TEST_ROW(many_are_counted_as_exactly_as_few),
          TEST_ROW(only_lists_of_what_is_harmless_may_have_ranges_that_are_not_public),
          TEST_ROW(what_the_list_does_not_say_its_terms_do),
          TEST_ROW(of_duplicates_the_longer_life_counts),
          TEST_ROW(beyond_the_limit_nothing_is_added),
          TEST_ROW(a_load_that_shrank_or_grew_too_much_is_refused_and_shown),
          TEST_ROW(a_load_of_which_more_is_rejected_than_the_terms_allow_is_poor),
          TEST_ROW(a_load_without_anything_to_take_is_refused_and_shown),
          TEST_ROW(a_warning_list_is_not_taken_for_malicious),
          TEST_ROW(what_is_on_a_warning_list_is_counted),
          TEST_ROW(probes_tell_whether_a_load_is_in_an_index),
          TEST_ROW(what_is_about_a_protocol_without_a_port_is_found_again),
          TEST_ROW(since_when_a_list_has_something_is_known_from_the_load_before),
          TEST_ROW(what_another_list_has_says_nothing_of_since_when),
          TEST_ROW(nothing_is_listed_first_after_it_was_listed_last),
          TEST_ROW(a_load_says_which_indicators_were_probed),
          TEST_ROW(wrappers_are_taken_off_and_bombs_are_refused),
          TEST_ROW(a_file_that_is_not_there_is_an_error_of_input),
          TEST_ROW(the_account_is_shown_whole))
