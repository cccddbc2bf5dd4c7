/* SPDX-License-Identifier: MIT */
/* Policies and configurations as people write them: what is read, and what is said of the rest. */
#include "cli/settings.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "harness/check.h"

#define TEXT_MAX 2048u

/** Reads JSON that has ' for ". */
static enum picket_status read_draft(const char *text, struct settings_draft *ret, struct err *err)
{
    char json[TEXT_MAX];

    snprintf(json, sizeof(json), "%s", text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    return settings_draft_read(json, strlen(json), ret, err);
}

#define HEAD          "{'kind': 'policy', 'revision': 7, 'audience': 'cameras', 'mode': 'alert'"
#define RULE(members) HEAD ", 'rules': [{'action': 'allow', 'prefix': '::/0'}, {" members "}]}"
#define VALUES(members)                                                                            \
    "{'kind': 'configuration', 'revision': 3, 'audience': 'cameras', " members "}"

TEST(policy_is_read_whole)
{
    static const char text[] =
        "{'kind': 'policy', 'revision': 7, 'audience': 'cameras', 'mode': 'enforce',"
        " 'trial_ms': 60000, 'denies_others': true, 'rules': ["
        "{'action': 'deny', 'direction': 'outbound', 'protocol': 'tcp', 'prefix': '0.0.0.0/0',"
        " 'ports': '23'},"
        "{'action': 'allow', 'direction': 'inbound', 'protocol': 'udp', 'prefix': '2001:db8::/32',"
        " 'ports': '1000-2000'},"
        "{'action': 'allow', 'prefix': '192.0.2.7'}]}";
    struct settings_draft draft;
    struct err err = {""};
    const struct picket_policy *policy = &draft.settings.policy;
    struct picket_rule rule;

    CHECK_UINT(read_draft(text, &draft, &err), PICKET_OK);
    CHECK_TEXT(err.text, "");
    CHECK_UINT(draft.settings.kind, PICKET_SETTINGS_POLICY);
    CHECK_UINT(draft.settings.revision, 7);
    CHECK(draft.settings.audience.length == 7 &&
          memcmp(draft.settings.audience.bytes, "cameras", 7) == 0);
    CHECK_UINT(policy->mode, PICKET_POLICY_ENFORCE);
    CHECK_UINT(policy->trial_ms, 60000);
    CHECK(policy->denies_others && !policy->has_filter);
    CHECK_UINT(policy->ipv4_rule_count, 2);
    CHECK_UINT(policy->ipv6_rule_count, 1);

    picket_policy_get_rule(policy, 4, 0, &rule);
    CHECK(rule.is_deny && rule.has_protocol && rule.prefix_length == 0);
    CHECK(rule.direction == PICKET_OUTBOUND && rule.protocol == 6);
    CHECK(rule.first_port == 23 && rule.last_port == 23);
    picket_policy_get_rule(policy, 4, 1, &rule);
    CHECK(!rule.is_deny && !rule.has_protocol && rule.prefix_length == 32);
    CHECK(rule.direction == PICKET_DIRECTION_UNKNOWN);
    CHECK(memcmp(rule.address, "\xc0\x00\x02\x07", 4) == 0);
    CHECK(rule.first_port == 0 && rule.last_port == 65535);
    picket_policy_get_rule(policy, 16, 0, &rule);
    CHECK(rule.direction == PICKET_INBOUND && rule.protocol == 17 && rule.prefix_length == 32);
    CHECK(memcmp(rule.address, "\x20\x01\x0d\xb8", 4) == 0);
    CHECK(rule.first_port == 1000 && rule.last_port == 2000);
    settings_draft_deinit(&draft);
}

TEST(configuration_is_read_whole)
{
    static const char text[] =
        VALUES("'high_interval_ms': 1000, 'interval_ms': 60000, 'low_interval_ms': 86400000,"
               "'collectors': ['dns', 'tls'], 'exact_flows': true, 'ipv4_flows': 64,"
               "'ipv6_flows': 0, 'facts_bytes': 4294967295");
    static const uint32_t values[PICKET_SETTINGS_COUNT] = {1000, 60000, 86400000, 12,
                                                           1,    64,    0,        UINT32_MAX};
    struct settings_draft draft;
    struct err err = {""};

    CHECK_UINT(read_draft(text, &draft, &err), PICKET_OK);
    CHECK_TEXT(err.text, "");
    CHECK_UINT(draft.settings.kind, PICKET_SETTINGS_CONFIGURATION);
    CHECK_UINT(draft.settings.configuration.given, 0xff);
    for (size_t i = 0; i < PICKET_SETTINGS_COUNT; i++) {
        CHECK_UINT(draft.settings.configuration.values[i], values[i]);
    }
    settings_draft_deinit(&draft);
}

TEST(value_that_is_not_given_is_not_set)
{
    struct settings_draft draft;
    struct err err = {""};

    CHECK_UINT(read_draft(VALUES("'interval_ms': 5000"), &draft, &err), PICKET_OK);
    CHECK_UINT(draft.settings.configuration.given, 1u << 1);
    settings_draft_deinit(&draft);
}

static const struct {
    const char *text;
    const char *begin; /* of the sentence */
} refused[] = {
    {"", "line 1, column 0: not JSON: "},
    {"[]", "kind: it is missing or not right"},
    {"{'kind': 'policy',\n 'kind': 'policy'}", "line 2, column "},
    {"{}", "kind: it is missing or not right; allowed is \"policy\" or \"configuration\""},
    {"{'kind': 'rules'}", "kind: it is missing or not right"},
    {HEAD ", 'colour': 'red'}", "colour: there is no such key; there are kind, revision, "
                                "audience, mode, trial_ms, denies_others, rules, indicators"},
    {VALUES("'mode': 'alert'"), "mode: there is no such key; there are kind, revision, "},
    {"{'kind': 'policy', 'audience': 'a', 'mode': 'alert'}", "revision: it is missing; "},
    {"{'kind': 'policy', 'revision': 1, 'mode': 'alert'}", "audience: it is missing; "},
    {"{'kind': 'policy', 'revision': 1, 'audience': 'a'}", "mode: it is missing; "},
    {"{'kind': 'policy', 'revision': 0}", "revision: 0 is not right; allowed is "},
    {"{'kind': 'policy', 'revision': 4294967296}", "revision: 4294967296 is not right; "},
    {"{'kind': 'policy', 'revision': '1'}", "revision: \"1\" is not right; "},
    {"{'kind': 'policy', 'audience': 'Cameras'}", "audience: \"Cameras\" is not right; "},
    {"{'kind': 'policy', 'audience': ''}", "audience: \"\" is not right; "},
    {"{'kind': 'policy', 'mode': 'block'}", "mode: \"block\" is not right; allowed is "
                                            "\"observe\", \"alert\" or \"enforce\""},
    {HEAD ", 'trial_ms': 9999}", "trial_ms: 9999 is not right; "},
    {HEAD ", 'trial_ms': 86400001}", "trial_ms: 86400001 is not right; "},
    {HEAD ", 'denies_others': 1}", "denies_others: 1 is not right; "},
    {HEAD ", 'rules': {}}", "rules: {} is not right; "},
    {HEAD ", 'rules': [1]}", "rules[0].action: it is missing; "},
    {RULE("'prefix': '::/0'"), "rules[1].action: it is missing; "},
    {RULE("'action': 'allow'"), "rules[1].prefix: it is missing; "},
    {RULE("'action': 'permit'"), "rules[1].action: \"permit\" is not right; "},
    {RULE("'name': 'x'"), "rules[1].name: there is no such key; there are action, direction, "
                          "protocol, prefix, ports"},
    {RULE("'direction': 'both'"), "rules[1].direction: \"both\" is not right; "},
    {RULE("'protocol': 'http'"), "rules[1].protocol: \"http\" is not right; "},
    {RULE("'protocol': 'ip-256'"), "rules[1].protocol: \"ip-256\" is not right; "},
    {RULE("'prefix': '192.0.2.1/24'"), "rules[1].prefix: \"192.0.2.1/24\" is not right; "},
    {RULE("'prefix': '192.0.2.0/33'"), "rules[1].prefix: \"192.0.2.0/33\" is not right; "},
    {RULE("'ports': 443"), "rules[1].ports: 443 is not right; "},
    {RULE("'ports': ''"), "rules[1].ports: \"\" is not right; "},
    {RULE("'ports': '65536'"), "rules[1].ports: \"65536\" is not right; "},
    {RULE("'ports': '2-1'"), "rules[1].ports: \"2-1\" is not right; "},
    {RULE("'ports': '1-'"), "rules[1].ports: \"1-\" is not right; "},
    {RULE("'ports': '1-2-3'"), "rules[1].ports: \"1-2-3\" is not right; "},
    {RULE("'action': 'allow', 'prefix': '::/0', 'protocol': 'icmpv6', 'ports': '1'"),
     "rules[1].ports: only tcp and udp have ports"},
    {HEAD ", 'indicators': 7}", "indicators: 7 is not right; "},
    {HEAD ", 'indicators': '/nonexistent/list'}",
     "indicators: /nonexistent/list can't be opened: "},
    {VALUES("'interval_ms': 999"), "interval_ms: 999 is not right; "},
    {VALUES("'interval_ms': 86400001"), "interval_ms: 86400001 is not right; "},
    {VALUES("'interval_ms': 1.5"), "interval_ms: 1.5 is not right; "},
    {VALUES("'collectors': 'dns'"), "collectors: \"dns\" is not right; "},
    {VALUES("'collectors': ['dns', 'ftp']"), "collectors: \"ftp\" is not right; "},
    {VALUES("'exact_flows': 1"), "exact_flows: 1 is not right; "},
    {VALUES("'ipv4_flows': -1"), "ipv4_flows: -1 is not right; "},
};

TEST(what_is_wrong_is_named)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct settings_draft draft;
        struct err err = {""};

        CHECK(read_draft(refused[i].text, &draft, &err) != PICKET_OK);
        err.text[strlen(refused[i].begin)] = '\0';
        CHECK_TEXT(err.text, refused[i].begin);
        settings_draft_deinit(&draft);
    }
}

TEST(too_many_rules_of_a_version_are_refused)
{
    static char text[(PICKET_RULES_MAX + 2) * 48];
    struct settings_draft draft;
    struct err err = {""};
    size_t length = (size_t)snprintf(text, sizeof(text),
                                     "{\"kind\": \"policy\", \"revision\": 1, \"audience\": \"a\", "
                                     "\"mode\": \"alert\", \"rules\": [");

    for (unsigned i = 0; i <= PICKET_RULES_MAX; i++) {
        length += (size_t)snprintf(text + length, sizeof(text) - length,
                                   "%s{\"action\":\"allow\",\"prefix\":\"10.0.0.0/8\"}",
                                   i == 0 ? "" : ",");
    }
    (void)snprintf(text + length, sizeof(text) - length, "]}");
    CHECK_UINT(settings_draft_read(text, strlen(text), &draft, &err), PICKET_E_LIMIT);
    CHECK_TEXT(err.text, "rules[256].prefix: a policy has at most 256 rules of an IP version");
    settings_draft_deinit(&draft);
}

/** Reads a policy whose list of indicators holds @p list. */
static enum picket_status read_with_list(const char *list, struct settings_draft *ret,
                                         struct err *err)
{
    char path[] = "/tmp/picket_list_XXXXXX";
    char text[TEXT_MAX];
    int file = mkstemp(path);
    enum picket_status status = PICKET_E_IO;

    if (file >= 0 && write(file, list, strlen(list)) == (ssize_t)strlen(list)) {
        snprintf(text, sizeof(text), HEAD ", 'indicators': '%s'}", path);
        status = read_draft(text, ret, err);
    }
    if (file >= 0) {
        (void)close(file);
        (void)unlink(path);
    }
    return status;
}

TEST(list_of_indicators_becomes_a_filter)
{
    static const uint8_t listed[4] = {198, 51, 100, 7};
    struct settings_draft draft = {0};
    struct err err = {""};

    CHECK_UINT(read_with_list("198.51.100.7\n", &draft, &err), PICKET_OK);
    CHECK(draft.settings.policy.has_filter);
    if (draft.settings.policy.has_filter) {
        CHECK(picket_filter_has(&draft.settings.policy.filter, listed, sizeof(listed)));
    }
    settings_draft_deinit(&draft);
}

TEST(wrong_list_is_named_with_its_line)
{
    struct settings_draft draft = {0};
    struct err err = {""};

    CHECK_UINT(read_with_list("198.51.100.7\nrubbish\n", &draft, &err), PICKET_E_MALFORMED);
    CHECK(strncmp(err.text, "indicators: /tmp/picket_list_", 29) == 0);
    CHECK(strstr(err.text, ": line 2: not an address or prefix: \"rubbish\"") != NULL);
    settings_draft_deinit(&draft);
}

TEST_MAIN(TEST_ROW(policy_is_read_whole), TEST_ROW(configuration_is_read_whole),
          TEST_ROW(value_that_is_not_given_is_not_set), TEST_ROW(what_is_wrong_is_named),
          TEST_ROW(too_many_rules_of_a_version_are_refused),
          TEST_ROW(list_of_indicators_becomes_a_filter),
          TEST_ROW(wrong_list_is_named_with_its_line))
