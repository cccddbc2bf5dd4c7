/* SPDX-License-Identifier: MIT */
/* TI_DOMAIN_MATCH: look-ups of listed names, and flows to what was answered. */
#include "rig.h"

enum { TCP = 6, NAMES_MAX = 80 };

static const struct intel_feed feeds[] = {
    {.name = "bad", .confidence = 80, .category = ""},
    {.name = "suffixes", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
    {.name = "top", .role = INDICATOR_POPULAR, .confidence = 20, .category = ""},
    {.name = "operator", .role = INDICATOR_ALLOWED, .category = ""}};
static const char *const lists[] = {
    "evil.example\n*.wild.example\nduckdns.org\nx.duckdns.org\nco.uk\npopular.example\n"
    "fine.example\nold.example expires=1",
    "duckdns.org\nco.uk", "popular.example", "fine.example scope=group:g"};

static struct rig *new_rig(const char *rules)
{
    struct rig *rig = rig_new(rules);

    rig->intel = rig_index(feeds, lists, 4);
    return rig;
}

/** "name" or "name>address". */
static struct picket_name_record name_record(const char *text)
{
    const char *mark = strchr(text, '>');
    size_t length = mark == NULL ? strlen(text) : (size_t)(mark - text);
    struct picket_name_record record = {.name = {text, length}};
    struct address address;

    if (mark != NULL) {
        if (address_parse(mark + 1, strlen(mark + 1), &address) != PICKET_OK) {
            abort();
        }
        record.address_size = 16;
        memcpy(record.address, address.bytes, 16);
    }
    return record;
}

static void ask(struct rig *rig, int64_t start_us, const char *const *names, size_t count,
                struct flow *flows, size_t flow_count)
{
    struct picket_name_record records[NAMES_MAX];
    struct report report = rig_report(start_us, start_us + MIN_US, flows, flow_count);

    for (size_t i = 0; i < count; i++) {
        records[i] = name_record(names[i]);
    }
    for (size_t i = 0; i < flow_count; i++) {
        flows[i].first_us = flows[i].last_us = start_us;
    }
    report.facts.names = records;
    report.facts.name_count = count;
    rig_send(rig, &report);
}

TEST(look_up_of_a_listed_name_is_medium)
{
    static const struct {
        const char *name;
        const char *key; /* NULL: nothing */
        const char *reason;
    } rows[] = {
        {"evil.example", "evil.example",
         "Asked for evil.example and got no address; evil.example is on list \"bad\"."},
        {"a.b.evil.example>198.51.100.9", "evil.example",
         "Asked for a.b.evil.example and got 198.51.100.9; evil.example is on list \"bad\"."},
        {"x.wild.example", "*.wild.example",
         "Asked for x.wild.example and got no address; *.wild.example is on list \"bad\"."},
        {"wild.example", NULL, NULL},
        {"notevil.example", NULL, NULL},
        {"evil.example.org", NULL, NULL},
        {"old.example", NULL, NULL},   /* expired */
        {"duckdns.org", NULL, NULL},   /* a suffix */
        {"y.duckdns.org", NULL, NULL}, /* someone's below it */
        {"x.duckdns.org", "x.duckdns.org",
         "Asked for x.duckdns.org and got no address; x.duckdns.org is on list \"bad\"."},
        {"bbc.co.uk", NULL, NULL},
        {"not a name", NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = new_rig(NULL);

        ask(rig, MIN_US, &rows[i].name, 1, NULL, 0);
        CHECK_UINT(rig->count, rows[i].key != NULL);
        if (rig->count == 1) {
            CHECK_TEXT(rig->findings[0].type, "TI_DOMAIN_MATCH");
            CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
            CHECK_TEXT(rig->findings[0].key, rows[i].key);
            CHECK_TEXT(rig->findings[0].reason, rows[i].reason);
            CHECK_UINT(rig->findings[0].first_us, MIN_US);
            CHECK_UINT(rig->findings[0].last_us, 2 * MIN_US);
            CHECK_UINT(rig->findings[0].flow_count, 0);
            CHECK_UINT(rig->findings[0].score->points, 80);
        }
        rig_free(rig);
    }
}

TEST(popular_name_is_low)
{
    static const char *const name = "popular.example";
    struct rig *rig = new_rig(NULL);

    ask(rig, MIN_US, &name, 1, NULL, 0);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[0].score->points, 60);
    rig_free(rig);
}

TEST(allowed_name_is_counted_and_nothing_else)
{
    static const char *const name = "www.fine.example";
    struct rig *rig = new_rig("{'type': 'DEV_SILENT'}"); /* of group g */

    ask(rig, MIN_US, &name, 1, NULL, 0);
    CHECK_UINT(rig->count, 0);
    CHECK_UINT(detect_device_take_intel_counts(rig->device).allowed, 1);
    rig_free(rig);
}

TEST(parameters_narrow_what_is_looked_at)
{
    static const struct {
        const char *rule;
        const char *name;
        bool is_raised;
    } rows[] = {
        {"'match_parent': false", "a.evil.example", false},
        {"'match_parent': false", "evil.example", true},
        {"'min_confidence': 81", "evil.example", false},
        {"'min_confidence': 80", "evil.example", true},
        {"'enabled': false", "evil.example", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rule[128];
        struct rig *rig;

        snprintf(rule, sizeof(rule), "{'type': 'TI_DOMAIN_MATCH', %s}", rows[i].rule);
        rig = new_rig(rule);
        ask(rig, MIN_US, &rows[i].name, 1, NULL, 0);
        CHECK_UINT(rig->count, rows[i].is_raised);
        rig_free(rig);
    }
}

TEST(flow_to_the_answer_is_high_also_reports_later)
{
    static const char *const name = "a.evil.example>198.51.100.9";
    struct rig *rig = new_rig(NULL);
    struct flow flows[3] = {rig_flow("198.51.100.9", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("198.51.100.8", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("198.51.100.9", PICKET_OUTBOUND, TCP, 81)};

    ask(rig, MIN_US, &name, 1, NULL, 0);
    CHECK_UINT(rig->count, 1);
    ask(rig, 5 * MIN_US, NULL, 0, flows, 3);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_HIGH);
    CHECK_TEXT(rig->findings[1].type, "TI_DOMAIN_MATCH");
    CHECK_TEXT(rig->findings[1].key, rig->findings[0].key);
    CHECK_UINT(rig->findings[1].flow_count, 2);
    CHECK_TEXT(rig->findings[1].reason,
               "Asked for a.evil.example and went to 198.51.100.9 with tcp/443 (answered); "
               "evil.example is on list \"bad\".");
    rig_free(rig);
}

TEST(flow_of_the_same_report_is_high_too)
{
    static const char *const name = "evil.example>198.51.100.9";
    struct rig *rig = new_rig(NULL);
    struct flow flow = rig_flow("198.51.100.9", PICKET_OUTBOUND, TCP, 443);

    ask(rig, MIN_US, &name, 1, &flow, 1);
    CHECK_UINT(rig->count, 2);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_HIGH);
    rig_free(rig);
}

TEST(inbound_flow_from_the_answer_is_no_contact_of_the_device)
{
    static const char *const name = "evil.example>198.51.100.9";
    struct rig *rig = new_rig(NULL);
    struct flow flow = rig_flow("198.51.100.9", PICKET_INBOUND, TCP, 443);

    ask(rig, MIN_US, &name, 1, &flow, 1);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(answer_counts_no_more_when_its_name_is_not_listed_any_longer)
{
    static const char *const name = "evil.example>198.51.100.9";
    static const char *const none[] = {"other.example"};
    struct rig *rig = new_rig(NULL);
    struct flow flow = rig_flow("198.51.100.9", PICKET_OUTBOUND, TCP, 443);

    ask(rig, MIN_US, &name, 1, NULL, 0);
    intel_index_free(rig->intel);
    rig->intel = rig_index(feeds, none, 1);
    ask(rig, 2 * MIN_US, NULL, 0, &flow, 1);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(many_look_ups_of_one_listed_name_in_a_report_are_one_finding)
{
    static const char *const names[] = {"a.evil.example>198.51.100.9", "b.evil.example",
                                        "evil.example>198.51.100.10", "x.duckdns.org"};
    struct rig *rig = new_rig(NULL);

    ask(rig, MIN_US, names, 4, NULL, 0);
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].key, "evil.example");
    CHECK_TEXT(rig->findings[1].key, "x.duckdns.org");
    rig_free(rig);
}

TEST(only_the_latest_answers_are_remembered)
{
    char texts[NAMES_MAX][64];
    const char *names[NAMES_MAX];
    struct rig *rig = new_rig(NULL);
    struct flow flows[4] = {rig_flow("198.51.100.0", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("198.51.100.7", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("198.51.100.8", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("198.51.100.39", PICKET_OUTBOUND, TCP, 443)};

    for (size_t i = 0; i < 40; i++) {
        snprintf(texts[i], sizeof(texts[i]), "n%zu.evil.example>198.51.100.%zu", i, i);
        names[i] = texts[i];
    }
    ask(rig, MIN_US, names, 40, NULL, 0);
    CHECK_UINT(rig->count, 1);
    ask(rig, 2 * MIN_US, NULL, 0, flows, 4);
    CHECK_UINT(rig->count, 3);
    CHECK_UINT(rig->findings[1].flows[0].peer.bytes[15], 8);
    CHECK_UINT(rig->findings[2].flows[0].peer.bytes[15], 39);
    rig_free(rig);
}

TEST(listed_name_is_found_behind_many_others)
{
    const char *names[NAMES_MAX];
    struct rig *rig = new_rig(NULL);

    for (size_t i = 0; i < NAMES_MAX; i++) {
        names[i] = i == 70 ? "evil.example" : i % 3 == 0 ? "-- no name" : "benign.example";
    }
    ask(rig, MIN_US, names, NAMES_MAX, NULL, 0);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(key_of_a_long_name_is_its_end)
{
    static const char label[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    char listed[256];
    const char *list = listed, *name = listed;
    struct rig *rig = rig_new(NULL);

    snprintf(listed, sizeof(listed), "%s.%s.%s.example", label, label, label);
    rig->intel = rig_index(feeds, &list, 1);
    ask(rig, MIN_US, &name, 1, NULL, 0);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(strlen(rig->findings[0].key), FINDING_KEY_MAX - 1);
    CHECK_TEXT(rig->findings[0].key, listed + strlen(listed) - (FINDING_KEY_MAX - 1));
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(look_up_of_a_listed_name_is_medium), TEST_ROW(popular_name_is_low),
          TEST_ROW(allowed_name_is_counted_and_nothing_else),
          TEST_ROW(parameters_narrow_what_is_looked_at),
          TEST_ROW(flow_to_the_answer_is_high_also_reports_later),
          TEST_ROW(flow_of_the_same_report_is_high_too),
          TEST_ROW(inbound_flow_from_the_answer_is_no_contact_of_the_device),
          TEST_ROW(answer_counts_no_more_when_its_name_is_not_listed_any_longer),
          TEST_ROW(many_look_ups_of_one_listed_name_in_a_report_are_one_finding),
          TEST_ROW(only_the_latest_answers_are_remembered),
          TEST_ROW(listed_name_is_found_behind_many_others),
          TEST_ROW(key_of_a_long_name_is_its_end))
