/* SPDX-License-Identifier: MIT */
/* TI_IP_MATCH, TI_TOR_OR_PROXY: severity by outcome, which indicator, which flows. */
#include "base/buf.h"
#include "base/json.h"
#include "detect/score.h"
#include "model/contact.h"
#include "rig.h"

#define OUT PICKET_OUTBOUND
#define IN  PICKET_INBOUND
#define UNK PICKET_DIRECTION_UNKNOWN

enum { ICMP = 1, TCP = 6, UDP = 17, NONE = -1 };

static const struct intel_feed feed = {.name = "c2", .confidence = 60, .category = "c2"};
static const char *const list[] = {"203.0.113.7\n203.0.113.8\n2001:db8::7\n224.0.0.0/4\n"};

static struct rig *new_rig(const char *rules)
{
    struct rig *rig = rig_new(rules);

    rig->intel = rig_index(&feed, list, 1);
    return rig;
}

TEST(severity_follows_the_outcome)
{
    static const struct {
        enum picket_direction direction;
        uint8_t protocol;
        uint8_t outcome;
        uint64_t connections, packets_in, bytes_in, packets_out;
        int severity; /* or NONE */
        const char *words;
    } rows[] = {
        {OUT, TCP, PICKET_ANSWERED, 1, 10, 5000, 10, SEVERITY_HIGH, "answered"},
        {OUT, TCP, PICKET_ANSWERED, 1, 1, 60, 1, SEVERITY_HIGH, "answered"},
        {OUT, TCP, PICKET_ANSWERED | PICKET_REFUSED, 2, 9, 900, 9, SEVERITY_HIGH, "answered"},
        {OUT, TCP, PICKET_RESET, 1, 2, 100, 3, SEVERITY_HIGH, "answered"},
        {OUT, TCP, PICKET_REFUSED, 1, 1, 40, 1, SEVERITY_MEDIUM, "refused"},
        {OUT, TCP, 0, 0, 5, 500, 5, SEVERITY_HIGH, "answered"}, /* no outcome told, but two-way */
        {OUT, TCP, 0, 1, 0, 0, 5, SEVERITY_MEDIUM, "unanswered"},
        {OUT, UDP, PICKET_ANSWERED, 1, 1, 80, 1, SEVERITY_HIGH, "answered"},
        {OUT, UDP, 0, 1, 0, 0, 1, SEVERITY_MEDIUM, "unanswered"},
        {OUT, ICMP, PICKET_ANSWERED, 1, 4, 336, 4, SEVERITY_HIGH, "answered"},
        {OUT, 47, 0, 1, 0, 0, 1, SEVERITY_MEDIUM, "unanswered"},
        {IN, TCP, PICKET_ANSWERED, 1, 10, 5000, 10, SEVERITY_HIGH, "answered"},
        {IN, TCP, PICKET_ANSWERED, 0, 2, 100, 2, SEVERITY_HIGH, "answered"}, /* goes on */
        {IN, TCP, 0, 1, 1, 44, 0, SEVERITY_LOW, "unanswered"},
        {IN, TCP, PICKET_REFUSED, 1, 1, 44, 1, SEVERITY_LOW, "refused"},
        /* probes of an open port: SYN scan, connect scan; then one step more each */
        {IN, TCP, PICKET_ANSWERED, 1, 2, 84, 1, SEVERITY_LOW, "probed without data"},
        {IN, TCP, PICKET_ANSWERED | PICKET_RESET, 3, 9, 500, 6, SEVERITY_LOW,
         "probed without data"},
        {IN, TCP, PICKET_ANSWERED, 1, 3, 180, 2, SEVERITY_LOW, "probed without data"},
        {IN, TCP, PICKET_ANSWERED, 1, 3, 181, 2, SEVERITY_HIGH, "answered"},
        {IN, TCP, PICKET_ANSWERED, 1, 4, 200, 4, SEVERITY_HIGH, "answered"},
        {IN, TCP, PICKET_ANSWERED, 4, 8, 320, 4, SEVERITY_HIGH, "answered"},
        {IN, UDP, PICKET_ANSWERED, 1, 1, 60, 1, SEVERITY_HIGH, "answered"},
        {IN, UDP, 0, 1, 3, 90, 0, SEVERITY_LOW, "unanswered"},
        {IN, ICMP, PICKET_ANSWERED, 1, 4, 336, 4, SEVERITY_LOW, "probed without data"},
        {IN, ICMP, PICKET_ANSWERED, 1, 4, 513, 4, SEVERITY_HIGH, "answered"},
        {UNK, TCP, 0, 0, 5, 500, 5, SEVERITY_HIGH, "answered"},
        {UNK, TCP, 0, 0, 0, 0, 5, SEVERITY_MEDIUM, "unanswered"},
        {UNK, TCP, 0, 0, 5, 500, 0, SEVERITY_LOW, "unanswered"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = new_rig(NULL);
        struct flow flow = rig_flow("203.0.113.7", rows[i].direction, rows[i].protocol, 443);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        flow.outcome = rows[i].outcome;
        flow.connections = rows[i].connections;
        flow.packets_in = rows[i].packets_in;
        flow.bytes_in = rows[i].bytes_in;
        flow.packets_out = rows[i].packets_out;
        rig_send(rig, &report);
        CHECK_UINT(rig->count, 1);
        CHECK_UINT(rig->findings[0].severity, (unsigned)rows[i].severity);
        CHECK(strstr(rig->findings[0].reason, rows[i].words) != NULL);
        if (rig->findings[0].severity != (enum severity)rows[i].severity) {
            printf("row %zu: %s\n", i, rig->findings[0].reason);
        }
        rig_free(rig);
    }
}

TEST(probe_of_an_ipv6_listener_may_have_larger_headers)
{
    struct rig *rig = new_rig(NULL);
    struct flow flow = rig_flow("2001:db8::7", IN, TCP, 2222);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    flow.packets_in = 3;
    flow.bytes_in = 240;
    rig_send(rig, &report);
    flow.bytes_in = 241;
    rig_send(rig, &report);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[1].severity, SEVERITY_HIGH);
    rig_free(rig);
}

TEST(peer_is_one_finding_with_all_its_flows_by_time)
{
    struct rig *rig = new_rig(NULL);
    struct flow flows[5] = {
        rig_flow("203.0.113.7", OUT, TCP, 443), rig_flow("203.0.113.8", OUT, TCP, 8080),
        rig_flow("203.0.113.7", IN, TCP, 2222), rig_flow("192.0.2.1", OUT, TCP, 443),
        rig_flow("203.0.113.7", OUT, UDP, 53)};
    struct report report = rig_report(0, MIN_US, flows, 5);

    for (size_t i = 0; i < 5; i++) {
        flows[i].first_us = (int64_t)(10 - i) * S_US;
        flows[i].last_us = flows[i].first_us + S_US;
    }
    flows[0].outcome = flows[2].outcome = flows[4].outcome = 0;
    flows[0].packets_in = flows[4].packets_in = 0;
    flows[2].packets_out = 0;
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].type, "TI_IP_MATCH");
    CHECK_TEXT(rig->findings[0].key, "203.0.113.7");
    CHECK_UINT(rig->findings[0].kind, FINDING_ALERT);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
    CHECK_UINT(rig->findings[0].flow_count, 3);
    CHECK_UINT(rig->findings[0].flows[0].protocol, UDP);
    CHECK_UINT(rig->findings[0].flows[1].direction, IN);
    CHECK_UINT(rig->findings[0].flows[2].peer_port, 443);
    CHECK_UINT(rig->findings[0].first_us, 6 * S_US);
    CHECK_UINT(rig->findings[0].last_us, 11 * S_US);
    CHECK_TEXT(rig->findings[0].indicator->feed, "c2");
    CHECK_TEXT(rig->findings[0].reason,
               "Outbound udp/53 to 203.0.113.7 was unanswered; 203.0.113.7 is on list \"c2\".");
    CHECK_TEXT(rig->findings[1].key, "203.0.113.8");
    CHECK_UINT(rig->findings[1].flow_count, 1);
    rig_free(rig);
}

TEST(multicast_broadcast_and_loopback_peers_raise_nothing)
{
    static const enum picket_cast casts[] = {PICKET_MULTICAST, PICKET_BROADCAST, PICKET_LOOPBACK};
    struct rig *rig = new_rig(NULL);
    struct flow flow = rig_flow("224.0.0.251", OUT, UDP, 5353);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    rig_send(rig, &report);
    flow = rig_flow("203.0.113.7", OUT, UDP, 5353);
    for (size_t i = 0; i < 3; i++) {
        flow.cast = casts[i];
        rig_send(rig, &report);
    }
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(nothing_matches_without_an_index_or_with_the_rule_off)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    rig_send(rig, &report);
    rig->intel = rig_index(&feed, list, 1);
    rig_set_rules(rig, "{'type': 'TI_IP_MATCH', 'enabled': false}");
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(parameters_narrow_what_is_looked_at)
{
    static const struct {
        const char *rule;
        enum picket_direction direction;
        uint8_t protocol;
        bool is_raised;
    } rows[] = {
        {"'min_confidence': 60", OUT, TCP, true},
        {"'min_confidence': 61", OUT, TCP, false},
        {"'directions': ['inbound']", OUT, TCP, false},
        {"'directions': ['inbound']", IN, TCP, true},
        {"'directions': ['outbound']", IN, TCP, false},
        {"'directions': ['outbound']", UNK, TCP, true},
        {"'protocols': ['tcp']", OUT, TCP, true},
        {"'protocols': ['tcp']", OUT, UDP, false},
        {"'protocols': ['udp', 'icmp']", OUT, UDP, true},
        {"'protocols': ['udp', 'icmp']", OUT, ICMP, true},
        {"'protocols': ['icmp']", OUT, 58, true},
        {"'protocols': ['tcp', 'udp', 'icmp']", OUT, 47, false},
        {"'protocols': ['any']", OUT, 47, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char rule[128];
        struct rig *rig;
        struct flow flow = rig_flow("203.0.113.7", rows[i].direction, rows[i].protocol, 443);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        snprintf(rule, sizeof(rule), "{'type': 'TI_IP_MATCH', %s}", rows[i].rule);
        rig = new_rig(rule);
        rig_send(rig, &report);
        CHECK_UINT(rig->count, rows[i].is_raised);
        rig_free(rig);
    }
}

TEST(rule_severity_overrides_the_outcome)
{
    struct rig *rig = new_rig("{'type': 'TI_IP_MATCH', 'severity': 'informational'}");
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    rig_send(rig, &report);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_INFORMATIONAL);
    rig_free(rig);
}

TEST(strongest_confidence_that_passes_is_the_evidence)
{
    static const struct intel_feed feeds[] = {
        {.name = "weak", .confidence = 40, .category = ""},
        {.name = "wide", .confidence = 90, .category = ""},
        {.name = "expired", .confidence = 100, .category = ""},
        {.name = "same", .confidence = 90, .category = ""},
    };
    static const char *const lists[] = {"203.0.113.7", "203.0.113.0/24", "203.0.113.7 expires=5",
                                        "203.0.112.0/20"};
    static const struct {
        int64_t first_us;
        const char *feed;
    } rows[] = {
        {4 * S_US, "expired"}, /* listed then */
        {5 * S_US - 1, "expired"},
        {5 * S_US, "wide"},
    };
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    rig->intel = rig_index(feeds, lists, 4);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        flow.first_us = rows[i].first_us;
        flow.last_us = 10 * S_US;
        rig_send(rig, &report);
        CHECK_UINT(rig->count, i + 1);
        CHECK_TEXT(rig->findings[i].indicator->feed, rows[i].feed);
    }
    rig_free(rig);
}

TEST(only_weak_or_expired_indicators_raise_nothing)
{
    static const struct intel_feed feeds[] = {
        {.name = "weak", .confidence = 49, .category = ""},
        {.name = "expired", .confidence = 100, .category = ""}};
    static const char *const lists[] = {"203.0.113.7", "203.0.113.0/24 expires=1"};
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    flow.first_us = flow.last_us = S_US;
    rig->intel = rig_index(feeds, lists, 2);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(clock_of_a_device_that_runs_ahead_does_not_expire_what_is_listed)
{
    static const char *const lists[] = {"203.0.113.7 expires=1000 until=1"};
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    flow.first_us = flow.last_us = INT64_MAX / 2;
    rig->intel = rig_index(&feed, lists, 1);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST(listing_of_a_port_is_about_that_port_of_the_peer)
{
    static const struct {
        enum picket_direction direction;
        uint8_t protocol;
        int32_t peer_port, local_port;
        bool is_raised;
    } rows[] = {
        {OUT, TCP, 443, NONE, true},   {OUT, UDP, 443, NONE, false}, {OUT, TCP, 81, NONE, false},
        {IN, TCP, NONE, 443, false},   {IN, TCP, 443, 22, true},     {UNK, TCP, 443, 50000, true},
        {UNK, TCP, 50000, 443, false},
    };
    static const char *const ports[] = {"203.0.113.7:443/tcp\n203.0.113.7:8080"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct flow flow = rig_flow("203.0.113.7", rows[i].direction, rows[i].protocol, 0);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        flow.peer_port = rows[i].peer_port;
        flow.local_port = rows[i].local_port;
        rig->intel = rig_index(&feed, ports, 1);
        rig_send(rig, &report);
        CHECK_UINT(rig->count, rows[i].is_raised);
        if (rig->count == 1) {
            CHECK_UINT(rig->findings[0].score->points, 70);
            CHECK(strstr(rig->findings[0].reason, "; 203.0.113.7:443/tcp is on list") != NULL);
        }
        rig_free(rig);
    }
}

TEST(flows_to_other_ports_of_a_listed_port_are_no_evidence)
{
    static const char *const ports[] = {"203.0.113.7:443"};
    struct rig *rig = rig_new(NULL);
    struct flow flows[2] = {rig_flow("203.0.113.7", OUT, TCP, 443),
                            rig_flow("203.0.113.7", OUT, TCP, 81)};
    struct report report = rig_report(0, MIN_US, flows, 2);

    rig->intel = rig_index(&feed, ports, 1);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].flow_count, 1);
    CHECK_UINT(rig->findings[0].flows[0].peer_port, 443);
    rig_free(rig);
}

TEST(shared_infrastructure_is_low_at_most_even_if_the_rule_says_otherwise)
{
    static const struct intel_feed feeds[] = {
        {.name = "c2", .confidence = 90, .category = ""},
        {.name = "cdn", .role = INDICATOR_WARNED, .confidence = 50, .category = ""}};
    static const char *const lists[] = {"203.0.113.7", "203.0.113.0/24"};
    static const struct {
        const char *rule;
        enum severity severity;
    } rows[] = {
        {"{'type': 'TI_IP_MATCH'}", SEVERITY_LOW},
        {"{'type': 'TI_IP_MATCH', 'severity': 'High'}", SEVERITY_LOW},
        {"{'type': 'TI_IP_MATCH', 'severity': 'Informational'}", SEVERITY_INFORMATIONAL},
        {"{'type': 'TI_IP_MATCH', 'shared_infra_penalty': false}", SEVERITY_HIGH},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(rows[i].rule);
        struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        rig->intel = rig_index(feeds, lists, 2);
        rig_send(rig, &report);
        CHECK_UINT(rig->count, 1);
        CHECK_UINT(rig->findings[0].severity, rows[i].severity);
        rig_free(rig);
    }
}

TEST(what_raises_nothing_is_counted)
{
    static const struct intel_feed feeds[] = {
        {.name = "weak", .confidence = 49, .category = ""},
        {.name = "operator", .role = INDICATOR_ALLOWED, .category = ""}};
    static const char *const lists[] = {"203.0.113.7\n203.0.113.8 confidence=90",
                                        "203.0.113.8 scope=device:d1"};
    struct rig *rig = rig_new(NULL);
    struct flow flows[4] = {
        rig_flow("203.0.113.7", OUT, TCP, 443), rig_flow("203.0.113.7", OUT, TCP, 81),
        rig_flow("203.0.113.8", OUT, TCP, 443), rig_flow("203.0.113.9", OUT, TCP, 443)};
    struct report report = rig_report(0, MIN_US, flows, 4);
    struct intel_counts counts;

    rig->intel = rig_index(feeds, lists, 2);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 0);
    counts = detect_device_take_intel_counts(rig->device);
    CHECK_UINT(counts.weak, 2);
    CHECK_UINT(counts.allowed, 1);
    rig_free(rig);
}

TEST(relay_is_a_type_of_its_own_and_medium_at_most)
{
    static const char *const relays[] = {"203.0.113.7 category=tor_exit"};
    static const struct {
        const char *rule;
        enum picket_direction direction;
        const char *type; /* NULL: nothing */
        enum severity severity;
    } rows[] = {
        {NULL, OUT, "TI_TOR_OR_PROXY", SEVERITY_MEDIUM},
        {NULL, IN, "TI_TOR_OR_PROXY", SEVERITY_MEDIUM},
        {"{'type': 'TI_TOR_OR_PROXY', 'enabled': false}", OUT, NULL, SEVERITY_LOW},
        {"{'type': 'TI_TOR_OR_PROXY', 'categories': ['vpn']}", OUT, NULL, SEVERITY_LOW},
        {"{'type': 'TI_TOR_OR_PROXY', 'directions': ['inbound']}", OUT, NULL, SEVERITY_LOW},
        {"{'type': 'TI_IP_MATCH', 'enabled': false}", OUT, "TI_TOR_OR_PROXY", SEVERITY_MEDIUM},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(rows[i].rule);
        struct flow flow = rig_flow("203.0.113.7", rows[i].direction, TCP, 443);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        rig->intel = rig_index(&feed, relays, 1);
        rig_send(rig, &report);
        CHECK_UINT(rig->count, rows[i].type != NULL);
        if (rig->count == 1) {
            CHECK_TEXT(rig->findings[0].type, rows[i].type);
            CHECK_UINT(rig->findings[0].severity, rows[i].severity);
        }
        rig_free(rig);
    }
}

TEST(relay_that_is_worse_is_told_of_as_that_alone)
{
    static const char *const lists[] = {"203.0.113.7 category=tor\n203.0.113.7:443 category=c2"};
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("203.0.113.7", OUT, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    rig->intel = rig_index(&feed, lists, 1);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "TI_IP_MATCH");
    CHECK_TEXT(rig->findings[0].indicator->category, "c2");
    rig_free(rig);
}

TEST(approved_peers_of_the_group_weigh_less)
{
    struct rig *rig = new_rig("{'type': 'TI_IP_MATCH', 'approved_peers': ['203.0.113.0/24']}");
    struct flow flows[2] = {rig_flow("203.0.113.7", OUT, TCP, 443),
                            rig_flow("2001:db8::7", OUT, TCP, 443)};
    struct report report = rig_report(0, MIN_US, flows, 2);

    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].key, "2001:db8::7");
    rig_free(rig);
}

TEST(scope_is_the_group_of_the_device_and_not_of_its_rules)
{
    static const struct intel_feed feeds[] = {
        {.name = "c2", .confidence = 60, .category = ""},
        {.name = "operator", .role = INDICATOR_ALLOWED, .category = ""}};
    static const char *const lists[] = {"203.0.113.7\n203.0.113.8",
                                        "203.0.113.7 scope=group:lamps\n"
                                        "203.0.113.8 scope=group:default"};
    static const struct {
        const char *group;
        const char *key; /* of the one that is not allowed */
    } rows[] = {{"lamps", "203.0.113.8"}, {"default", "203.0.113.7"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct flow flows[2] = {rig_flow("203.0.113.7", OUT, TCP, 443),
                                rig_flow("203.0.113.8", OUT, TCP, 443)};
        const struct contact contacts[2] = {{.flow = flows[0]}, {.flow = flows[1]}};
        const struct detect_past past = {contacts, 2, MIN_US};
        struct report report = rig_report(0, MIN_US, flows, 2);
        struct rig *rig = rig_new(NULL); /* a group without rules has those of "default" */

        rig->group = rows[i].group;
        rig->intel = rig_index(feeds, lists, 2);
        rig_send(rig, &report);
        rig_look_back(rig, &past);
        CHECK_UINT(rig->count, 2);
        CHECK_TEXT(rig->findings[0].type, "TI_IP_MATCH");
        CHECK_TEXT(rig->findings[0].key, rows[i].key);
        CHECK_TEXT(rig->findings[1].type, "TI_RETRO_MATCH");
        CHECK_TEXT(rig->findings[1].key, rows[i].key);
        rig_free(rig);
    }
}

/** What is told of why @p asked would, or would not, raise an alert. */
static char *why(const struct rig *rig, const char *asked)
{
    struct score_question question = {.device = "d1", .group = "g", .at_us = 10 * S_US};
    char text[OBSERVABLE_TEXT_MAX];
    struct json json;
    struct buf buf;

    if (observable_parse(asked, strlen(asked), &question.observable, text, NULL) != PICKET_OK) {
        abort();
    }
    buf_init(&buf, 100000);
    json_init(&json, &buf, false);
    score_write_json(&json, NULL, rig->intel, &question, rig->rules);
    return buf_take(&buf, NULL);
}

TEST(operator_is_told_why_and_why_not)
{
    static const struct intel_feed feeds[] = {
        {.name = "c2",
         .source = "https://c2.example/list",
         .licence = "CC0",
         .confidence = 60,
         .category = ""},
        {.name = "cdn", .role = INDICATOR_WARNED, .confidence = 50, .category = ""},
        {.name = "operator", .role = INDICATOR_ALLOWED, .category = ""}};
    static const char *const lists[] = {
        "203.0.113.7\n203.0.113.7:443\n203.0.113.8\n203.0.113.9 category=tor\nevil.example",
        "203.0.113.8", "evil.example scope=group:g expires=11"};
    static const struct {
        const char *asked;
        const char *parts[4]; /* of the answer */
    } rows[] = {
        {"203.0.113.7",
         {"\"kind\":\"address\",\"result\":\"raised\",\"type\":\"TI_IP_MATCH\",\"min_confidence\":"
          "50,"
          "\"score\":{\"points\":60,\"terms\":[{\"name\":\"confidence\",\"points\":60,\"source\":"
          "\"list \\\"c2\\\"\"}],\"other_feeds\":0,\"is_shared\":false},\"allowed_by\":null",
          "\"source\":\"https://c2.example/list\",\"licence\":\"CC0\",\"counts\":true,"
          "\"because\":null",
          "\"counts\":false,\"because\":\"it is about another port or protocol\"",
          "\"records_left_out\":0}"}},
        {"203.0.113.7:443/tcp", {"\"value\":\"203.0.113.7:443/tcp\"", "\"points\":70"}},
        {"203.0.113.8",
         {"\"result\":\"weak\"", "\"points\":10,",
          "{\"name\":\"shared_infrastructure\",\"points\":-50,\"source\":\"warning list "
          "\\\"cdn\\\" has 203.0.113.8\"}"}},
        {"203.0.113.9", {"\"type\":\"TI_TOR_OR_PROXY\"", "\"result\":\"raised\""}},
        {"a.evil.example",
         {"\"result\":\"allowed\",\"type\":\"TI_DOMAIN_MATCH\"",
          "\"allowed_by\":{\"value\":\"evil.example\"", "\"scope\":\"group:g\""}},
        {"203.0.113.10",
         {"\"result\":\"clear\",\"type\":\"TI_IP_MATCH\"", "\"score\":null,\"allowed_by\":null",
          "\"records\":[]"}},
        {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         {"\"kind\":\"certificate\",\"result\":\"clear\",\"type\":\"TI_TLS_MATCH\""}},
    };
    struct rig *rig = rig_new("{'type': 'DEV_SILENT'}"); /* of group g */

    rig->intel = rig_index(feeds, lists, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *answer = why(rig, rows[i].asked);

        for (size_t k = 0; k < 4 && rows[i].parts[k] != NULL; k++) {
            CHECK(strstr(answer, rows[i].parts[k]) != NULL);
            if (strstr(answer, rows[i].parts[k]) == NULL) {
                printf("%s lacks %s\n", answer, rows[i].parts[k]);
            }
        }
        free(answer);
    }
    rig_free(rig);
}

TEST(only_so_many_records_are_shown_and_all_that_count_are_weighed)
{
    struct intel_feed many[200];
    const char *lists[200];
    char names[200][16];
    struct rig *rig = rig_new(NULL);
    char *answer;

    for (size_t i = 0; i < 200; i++) {
        snprintf(names[i], sizeof(names[i]), "list%zu", i);
        many[i] = (struct intel_feed){.name = names[i], .category = "", .confidence = 60};
        lists[i] = "203.0.113.7";
    }
    many[199].role = INDICATOR_ALLOWED;
    rig->intel = rig_index(many, lists, 200);
    answer = why(rig, "203.0.113.7");
    CHECK(strstr(answer, "\"records_left_out\":136}") != NULL);
    CHECK(strstr(answer, "\"result\":\"allowed\"") != NULL);
    CHECK(strstr(answer, "\"points\":80,") != NULL);
    free(answer);
    rig_free(rig);
}

TEST(listed_peer_is_found_behind_many_others)
{
    struct rig *rig = new_rig(NULL);
    struct flow flows[200];
    struct report report = rig_report(0, MIN_US, flows, 200);

    for (size_t i = 0; i < 200; i++) {
        flows[i] = rig_flow(i == 130 ? "203.0.113.7" : "192.0.2.1", OUT, TCP, 443);
    }
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].flow_count, 1);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(severity_follows_the_outcome),
          TEST_ROW(probe_of_an_ipv6_listener_may_have_larger_headers),
          TEST_ROW(peer_is_one_finding_with_all_its_flows_by_time),
          TEST_ROW(multicast_broadcast_and_loopback_peers_raise_nothing),
          TEST_ROW(nothing_matches_without_an_index_or_with_the_rule_off),
          TEST_ROW(parameters_narrow_what_is_looked_at),
          TEST_ROW(rule_severity_overrides_the_outcome),
          TEST_ROW(strongest_confidence_that_passes_is_the_evidence),
          TEST_ROW(only_weak_or_expired_indicators_raise_nothing),
          TEST_ROW(clock_of_a_device_that_runs_ahead_does_not_expire_what_is_listed),
          TEST_ROW(listing_of_a_port_is_about_that_port_of_the_peer),
          TEST_ROW(flows_to_other_ports_of_a_listed_port_are_no_evidence),
          TEST_ROW(shared_infrastructure_is_low_at_most_even_if_the_rule_says_otherwise),
          TEST_ROW(what_raises_nothing_is_counted),
          TEST_ROW(relay_is_a_type_of_its_own_and_medium_at_most),
          TEST_ROW(relay_that_is_worse_is_told_of_as_that_alone),
          TEST_ROW(approved_peers_of_the_group_weigh_less),
          TEST_ROW(scope_is_the_group_of_the_device_and_not_of_its_rules),
          TEST_ROW(operator_is_told_why_and_why_not),
          TEST_ROW(only_so_many_records_are_shown_and_all_that_count_are_weighed),
          TEST_ROW(listed_peer_is_found_behind_many_others))
