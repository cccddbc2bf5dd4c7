/* SPDX-License-Identifier: MIT */
/* Rules of groups: defaults, what is refused and how, the book of groups, and their documentation.
 */
#include "detect/rules.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/time.h"
#include "detect/parameters.h"
#include "harness/check.h"

/** Parses text with ' for "; the caller frees. */
static enum picket_status parse(const char *text, struct rules **ret, struct err *reterr)
{
    char *json = strdup(text);
    enum picket_status status;

    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    status = rules_parse(json, strlen(json), ret, reterr);
    free(json);
    return status;
}

static char *write_rules(const struct rules *rules)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, (size_t)1 << 20);
    json_init(&json, &buf, false);
    rules_write_json(&json, NULL, rules);
    return buf_take(&buf, NULL);
}

TEST(group_without_rules_has_the_defaults)
{
    struct rules *rules = NULL, *standard = rules_new_default("cameras");
    struct err err = {""};
    char *parsed, *expected = write_rules(standard);

    CHECK_UINT(parse("{'name': 'cameras'}", &rules, &err), PICKET_OK);
    parsed = write_rules(rules);
    CHECK_TEXT(parsed, expected);
    CHECK_TEXT(rules_name(rules), "cameras");
    CHECK(rules->ti.rule.is_enabled && !rules->destinations.rule.is_enabled &&
          !rules->connections.rule.is_enabled && rules->silence.rule.is_enabled &&
          rules->loss.rule.is_enabled && rules->cleartext.rule.is_enabled);
    CHECK(!rules->ti.rule.severity.is_set);
    CHECK_UINT(rules->ti.min_confidence, 50);
    CHECK_UINT(rules->ti.directions, RULE_OUTBOUND | RULE_INBOUND);
    CHECK_UINT(rules->ti.protocols, RULE_ANY_PROTOCOL);
    CHECK_UINT(rules->destinations.cidr.count + rules->destinations.ports.count, 0);
    CHECK_UINT(rules->connections.min, 0);
    CHECK_UINT(rules->connections.max, 30);
    CHECK_UINT(rules->connections.window_us, 300 * INT64_C(1000000));
    CHECK_UINT(rules->silence.intervals, 3);
    CHECK_UINT(rules->silence.medium_after_us, 86400 * INT64_C(1000000));
    CHECK_UINT(rules->loss.limit_percent, 1);
    CHECK_UINT(rules->loss.medium_percent, 20);
    CHECK_UINT(rules->loss.window_us, 3600 * INT64_C(1000000));
    CHECK_UINT(rules->cleartext.services.count, 8);
    free(parsed);
    free(expected);
    rules_free(rules);
    rules_free(standard);
}

/* Every rule type with all it can have set, and as it is written. */
static const char every_value[] =
    "{'name': 'Lab_1.a-b', 'indicator_bytes': 4096, 'rules': ["
    "{'type': 'REC_CLEARTEXT', 'enabled': false, 'severity': null, 'services': []},"
    "{'type': 'TI_IP_MATCH', 'severity': 'high', 'min_confidence': 0, 'directions': "
    "['inbound'], 'protocols': ['udp', 'tcp', 'udp'], 'max_indicator_age': 'PT12H', "
    "'shared_infra_penalty': false, 'approved_peers': ['192.0.2.0/24']},"
    "{'type': 'REC_HARDENING_OFF', 'protections': ['stack_checking', 'stack_protector']},"
    "{'type': 'CA_CONN_TO_IP', 'enabled': true, 'cidr': ['10.0.0.0/8', '2001:db8::1'],"
    " 'ports': [0, 65535]},"
    "{'type': 'CA_ACTIVE_CONNECTIONS', 'enabled': true, 'min': 30, 'max': 30,"
    " 'window': 'PT15M'},"
    "{'type': 'DEV_SILENT', 'intervals': 1000, 'medium_after': 'P2DT1H'},"
    "{'type': 'DEV_EVENTS_DROPPED', 'limit_percent': 0, 'medium_percent': 100},"
    "{'type': 'TI_DOMAIN_MATCH', 'match_parent': false},"
    "{'type': 'TI_TLS_MATCH', 'kinds': ['sni']},"
    "{'type': 'TI_TOR_OR_PROXY', 'categories': ['vpn', 'tor']},"
    "{'type': 'ID_CERT_EXPIRED', 'grace': 'PT1H'},"
    "{'type': 'ID_TOKEN_INVALID', 'count': 6, 'window': 'PT2M'},"
    "{'type': 'ID_DUPLICATE_SESSION', 'overlap': 'PT5S'},"
    "{'type': 'ID_UNKNOWN', 'count': 7, 'window': 'PT3M'},"
    "{'type': 'DEV_POLICY_DENIED', 'medium_count': 7}]}";
static const char every_value_written[] =
    "{\"name\":\"Lab_1.a-b\",\"indicator_bytes\":4096,\"rules\":["
    "{\"type\":\"TI_IP_MATCH\",\"enabled\":true,\"severity\":\"High\",\"min_confidence\":0,"
    "\"max_indicator_age\":\"PT12H\",\"shared_infra_penalty\":false,"
    "\"directions\":[\"inbound\"],\"protocols\":[\"tcp\",\"udp\"],"
    "\"approved_peers\":[\"192.0.2.0/24\"]},"
    "{\"type\":\"TI_DOMAIN_MATCH\",\"enabled\":true,\"severity\":null,"
    "\"min_confidence\":50,\"max_indicator_age\":\"P90D\",\"shared_infra_penalty\":true,"
    "\"match_parent\":false},"
    "{\"type\":\"TI_TLS_MATCH\",\"enabled\":true,\"severity\":null,"
    "\"min_confidence\":50,\"max_indicator_age\":\"P90D\",\"shared_infra_penalty\":true,"
    "\"match_parent\":true,\"kinds\":[\"sni\"]},"
    "{\"type\":\"TI_TOR_OR_PROXY\",\"enabled\":true,\"severity\":null,"
    "\"min_confidence\":50,\"max_indicator_age\":\"P90D\",\"shared_infra_penalty\":true,"
    "\"directions\":[\"outbound\",\"inbound\"],\"protocols\":[\"any\"],"
    "\"categories\":[\"tor\",\"vpn\"]},"
    "{\"type\":\"CA_CONN_TO_IP\",\"enabled\":true,\"severity\":null,"
    "\"cidr\":[\"10.0.0.0/8\",\"2001:db8::1\"],\"ports\":[0,65535]},"
    "{\"type\":\"CA_ACTIVE_CONNECTIONS\",\"enabled\":true,\"severity\":null,\"min\":30,"
    "\"max\":30,\"window\":\"PT15M\"},"
    "{\"type\":\"DEV_SILENT\",\"enabled\":true,\"severity\":null,\"intervals\":1000,"
    "\"medium_after\":\"P2DT1H\"},"
    "{\"type\":\"DEV_EVENTS_DROPPED\",\"enabled\":true,\"severity\":null,\"limit_percent\":0,"
    "\"medium_percent\":100,\"window\":\"PT1H\"},"
    "{\"type\":\"DEV_POLICY_DENIED\",\"enabled\":true,\"severity\":null,\"medium_count\":7},"
    "{\"type\":\"DEV_POLICY_ROLLBACK\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"DEV_CONFIG_ERROR\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"ID_REPLAY\",\"enabled\":true,\"severity\":null,\"window\":64},"
    "{\"type\":\"REC_CLEARTEXT\",\"enabled\":false,\"severity\":null,\"services\":[]},"
    "{\"type\":\"REC_HARDENING_OFF\",\"enabled\":true,\"severity\":null,"
    "\"protections\":[\"stack_protector\",\"stack_checking\"]},"
    "{\"type\":\"ID_CERT_MISMATCH\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"ID_CERT_EXPIRED\",\"enabled\":true,\"severity\":null,\"grace\":\"PT1H\"},"
    "{\"type\":\"ID_TOKEN_EXPIRED\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"ID_TOKEN_INVALID\",\"enabled\":true,\"severity\":null,\"count\":6,"
    "\"window\":\"PT2M\"},"
    "{\"type\":\"ID_DUPLICATE_SESSION\",\"enabled\":true,\"severity\":null,"
    "\"overlap\":\"PT5S\"},"
    "{\"type\":\"ID_REVOKED_USED\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"ID_UNKNOWN\",\"enabled\":true,\"severity\":null,\"count\":7,"
    "\"window\":\"PT3M\"},"
    "{\"type\":\"DEV_OVER_ALLOWANCE\",\"enabled\":true,\"severity\":null},"
    "{\"type\":\"DEV_MESSAGE_REFUSED\",\"enabled\":true,\"severity\":null}]}";

TEST(every_value_that_is_set_is_read_and_written_again)
{
    struct rules *rules = NULL, *again = NULL;
    struct err err = {""};
    char *written, *rewritten = NULL;

    CHECK_UINT(parse(every_value, &rules, &err), PICKET_OK);
    CHECK_TEXT(err.text, "");
    if (rules == NULL) {
        return;
    }
    written = write_rules(rules);
    CHECK_TEXT(written, every_value_written);
    CHECK_UINT(rules_parse(written, strlen(written), &again, &err), PICKET_OK);
    if (again != NULL) {
        rewritten = write_rules(again);
    }
    CHECK_TEXT(rewritten, every_value_written);
    free(written);
    free(rewritten);
    rules_free(rules);
    rules_free(again);
}

#define GROUP(rules) "{'name': 'g', 'rules': [" rules "]}"
#define CONN(more)   GROUP("{'type': 'CA_ACTIVE_CONNECTIONS', " more "}")

static const struct {
    const char *text;
    const char *sentence;
} wrong[] = {
    {"", "line 1, column 0: not JSON: '[' or '{' expected near end of file"},
    {"{'name': 'g',\n'rules': [}", "line 2, column 11: not JSON: unexpected token near '}'"},
    {"{'name': 'g', 'name': 'h'}",
     "line 1, column 20: not JSON: duplicate object key near '\"name\"'"},
    {"[]",
     "a group is one object with \"name\", \"indicator_bytes\" and \"rules\", and nothing else"},
    {"{'name': 'g', 'rule': []}",
     "a group is one object with \"name\", \"indicator_bytes\" and \"rules\", and nothing else"},
    {"{'rules': []}", "name: allowed are 1 to 64 letters, digits and . _ -"},
    {"{'name': ''}", "name: allowed are 1 to 64 letters, digits and . _ -"},
    {"{'name': 'a b'}", "name: allowed are 1 to 64 letters, digits and . _ -"},
    {"{'name': 'g', 'rules': {}}", "rules: allowed is a list of objects, each with a \"type\""},
    {GROUP("7"),
     "rules[0].type: is missing or no text; allowed is one of TI_IP_MATCH, "
     "TI_DOMAIN_MATCH, TI_TLS_MATCH, TI_TOR_OR_PROXY, "
     "CA_CONN_TO_IP, CA_ACTIVE_CONNECTIONS, DEV_SILENT, DEV_EVENTS_DROPPED, "
     "DEV_POLICY_DENIED, DEV_POLICY_ROLLBACK, DEV_CONFIG_ERROR, ID_REPLAY, REC_CLEARTEXT, "
     "REC_HARDENING_OFF, ID_CERT_MISMATCH, ID_CERT_EXPIRED, ID_TOKEN_EXPIRED, ID_TOKEN_INVALID, "
     "ID_DUPLICATE_SESSION, ID_REVOKED_USED, ID_UNKNOWN, DEV_OVER_ALLOWANCE, "
     "DEV_MESSAGE_REFUSED"},
    {GROUP("{'type': 'CA_CONN'}"),
     "rules[0].type: \"CA_CONN\" is not a rule type; allowed is one of TI_IP_MATCH, "
     "TI_DOMAIN_MATCH, TI_TLS_MATCH, TI_TOR_OR_PROXY, "
     "CA_CONN_TO_IP, CA_ACTIVE_CONNECTIONS, DEV_SILENT, DEV_EVENTS_DROPPED, "
     "DEV_POLICY_DENIED, DEV_POLICY_ROLLBACK, DEV_CONFIG_ERROR, ID_REPLAY, REC_CLEARTEXT, "
     "REC_HARDENING_OFF, ID_CERT_MISMATCH, ID_CERT_EXPIRED, ID_TOKEN_EXPIRED, ID_TOKEN_INVALID, "
     "ID_DUPLICATE_SESSION, ID_REVOKED_USED, ID_UNKNOWN, DEV_OVER_ALLOWANCE, "
     "DEV_MESSAGE_REFUSED"},
    {GROUP("{'type': 'DEV_SILENT'}, {'type': 'DEV_SILENT'}"),
     "rules[1].type: DEV_SILENT stands here for the second time; give a rule type once"},
    {CONN("'maximum': 3"), "rules[0]: CA_ACTIVE_CONNECTIONS has no parameter \"maximum\"; it "
                           "has enabled, severity, min, max, window"},
    {CONN("'enabled': 'yes'"), "rules[0].enabled: \"yes\" is not right; allowed is true or false"},
    {CONN("'severity': 'urgent'"),
     "rules[0].severity: \"urgent\" is not right; allowed is Informational, Low, Medium, High, "
     "or null for the type's own"},
    {CONN("'max': 1000001"),
     "rules[0].max: 1000001 is not right; allowed is a whole number from 0 to 1000000"},
    {CONN("'max': -1"),
     "rules[0].max: -1 is not right; allowed is a whole number from 0 to 1000000"},
    {CONN("'max': 1.5"),
     "rules[0].max: 1.5 is not right; allowed is a whole number from 0 to 1000000"},
    {CONN("'max': 99999999999999999999"),
     "line 1, column 85: not JSON: too big integer near '99999999999999999999'"},
    {CONN("'min': 31"), "rules[0]: min is over max; no count can be right"},
    {CONN("'window': '5 minutes'"),
     "rules[0].window: \"5 minutes\" is not right; allowed is a duration from PT1M to P1D"},
    {CONN("'window': 'PT59S'"),
     "rules[0].window: \"PT59S\" is not right; allowed is a duration from PT1M to P1D"},
    {CONN("'window': 300"),
     "rules[0].window: 300 is not right; allowed is a duration from PT1M to P1D"},
    {GROUP("{'type': 'DEV_SILENT'}, {'type': 'TI_IP_MATCH', 'directions': []}"),
     "rules[1].directions: [] is not right; allowed is a list of outbound, inbound"},
    {GROUP("{'type': 'TI_IP_MATCH', 'directions': ['sideways']}"),
     "rules[0].directions: \"sideways\" is not right; allowed is a list of outbound, inbound"},
    {GROUP("{'type': 'TI_IP_MATCH', 'protocols': 'tcp'}"),
     "rules[0].protocols: \"tcp\" is not right; allowed is a list of any, tcp, udp, icmp"},
    {GROUP("{'type': 'CA_CONN_TO_IP', 'cidr': ['10.0.0.1/8']}"),
     "rules[0].cidr: \"10.0.0.1/8\" is not right; allowed is a list of at most 1024 networks "
     "like \"10.0.0.0/8\""},
    {GROUP("{'type': 'CA_CONN_TO_IP', 'ports': [65536]}"),
     "rules[0].ports: 65536 is not right; allowed is a list of at most 1024 ports from 0 to "
     "65535"},
    {GROUP("{'type': 'REC_CLEARTEXT', 'services': [{'name': 'x', 'protocol': 'sctp', 'port': "
           "1}]}"),
     "rules[0].services: {\"name\":\"x\",\"protocol\":\"sctp\",\"port\":1} is not right; "
     "allowed is a list of at most 64 objects with name, protocol (tcp or udp), port"},
    {GROUP("{'type': 'REC_HARDENING_OFF', 'protections': []}"),
     "rules[0].protections: [] is not right; allowed is a list of stack_protector, "
     "memory_protection, error_checking, stack_checking"},
    {GROUP("{'type': 'REC_CLEARTEXT', 'services': [{'name': 'x', 'protocol': 'tcp'}]}"),
     "rules[0].services: {\"name\":\"x\",\"protocol\":\"tcp\"} is not right; allowed is a list "
     "of at most 64 objects with name, protocol (tcp or udp), port"},
    {GROUP("{'type': 'REC_CLEARTEXT', 'services': [{'name': 'x', 'protocol': 'tcp', 'port': 1, 'a':"
           " 1}]}"),
     "rules[0].services: {\"name\":\"x\",\"protocol\":\"tcp\",\"port\":1,\"a\":1} is not right; "
     "allowed is a list of at most 64 objects with name, protocol (tcp or udp), port"},
    {"{'name': 'a', 'indicator_bytes': 2047}",
     "indicator_bytes: allowed is 0 (none), or 2048 to 1048576"},
    {"{'name': 'a', 'indicator_bytes': '4096'}",
     "indicator_bytes: allowed is 0 (none), or 2048 to 1048576"},
    {CONN("'max': 'a long text that nobody wants to read to its very end in a message'"),
     "rules[0].max: \"a long text that nobody wants to read to its ve... is not right; allowed "
     "is a whole number from 0 to 1000000"},
};

TEST(what_is_wrong_is_refused_with_its_place_and_what_is_allowed)
{
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct rules *rules = NULL;
        struct err err = {""};

        CHECK_UINT(parse(wrong[i].text, &rules, &err), PICKET_E_MALFORMED);
        CHECK_TEXT(err.text, wrong[i].sentence);
        CHECK(rules == NULL);
        rules_free(rules);
    }
}

TEST(deep_or_large_text_is_refused)
{
    size_t length = ((size_t)1 << 20) + 1;
    char *text = malloc(length);
    struct rules *rules = NULL;
    struct err err = {""};

    if (text == NULL) {
        return;
    }
    memset(text, '[', length);
    CHECK_UINT(rules_parse(text, length, &rules, &err), PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "the rules of a group have at most 1048576 bytes");
    CHECK_UINT(rules_parse(text, length - 1, &rules, &err), PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "maximum parsing depth reached") != NULL);
    free(text);
}

TEST(book_finds_groups_and_falls_back_to_default)
{
    struct rulebook *book = rulebook_new();
    struct rules *replacement = NULL;
    struct err err = {""};

    CHECK_UINT(rulebook_add(book, rules_new_default("m")), PICKET_OK);
    CHECK_UINT(rulebook_add(book, rules_new_default("z")), PICKET_OK);
    CHECK_UINT(rulebook_add(book, rules_new_default("a")), PICKET_OK);
    CHECK_TEXT(rules_name(rulebook_find(book, "a")), "a");
    CHECK_TEXT(rules_name(rulebook_find(book, "m")), "m");
    CHECK_TEXT(rules_name(rulebook_find(book, "z")), "z");
    CHECK_TEXT(rules_name(rulebook_find(book, "b")), "default");
    CHECK_TEXT(rules_name(rulebook_find(book, "")), "default");
    CHECK_UINT(parse("{'name': 'm', 'rules': [{'type': 'CA_CONN_TO_IP', 'enabled': true}]}",
                     &replacement, &err),
               PICKET_OK);
    CHECK_UINT(rulebook_add(book, replacement), PICKET_OK);
    CHECK(rulebook_find(book, "m") == replacement);
    rulebook_free(book);
    rulebook_free(NULL);
    rules_free(NULL);
}

static char *read_document(void)
{
    struct buf buf;
    FILE *file = fopen(PICKET_SOURCE_DIR "/docs/rules.md", "r");
    char line[1024];

    buf_init(&buf, (size_t)1 << 20);
    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        buf_add_text(&buf, line);
    }
    if (file != NULL) {
        fclose(file);
    }
    return buf_take(&buf, NULL);
}

TEST(document_has_every_parameter_with_default_and_range)
{
    char *document = read_document();

    for (size_t i = 0; i < RULE_TYPES; i++) {
        char heading[64];
        char *section, *end;

        snprintf(heading, sizeof(heading), "\n## %s", rule_types[i].id);
        section = document == NULL ? NULL : strstr(document, heading);
        CHECK(section != NULL);
        if (section == NULL) {
            printf("docs/rules.md has no section%s\n", heading);
            continue;
        }
        end = strstr(section + 1, "\n## ");
        for (size_t k = 0; k < RULE_PARAMETERS_MAX && rule_types[i].parameters[k].name; k++) {
            const struct parameter *parameter = &rule_types[i].parameters[k];
            char row[1024];
            const char *found;

            snprintf(row, sizeof(row), "| `%s` | %s | `%s` |", parameter->name, parameter->allowed,
                     parameter->standard);
            found = strstr(section, row);
            CHECK(found != NULL && (end == NULL || found < end));
            if (found == NULL) {
                printf("docs/rules.md, %s, lacks: %s\n", rule_types[i].id, row);
            }
        }
    }
    free(document);
}

TEST(words_for_what_is_allowed_say_the_range)
{
    for (size_t i = 0; i < RULE_TYPES; i++) {
        for (size_t k = 0; k < RULE_PARAMETERS_MAX && rule_types[i].parameters[k].name; k++) {
            const struct parameter *parameter = &rule_types[i].parameters[k];
            char least[TIME_TEXT_MAX], most[TIME_TEXT_MAX], range[128];

            if (parameter->kind == PARAMETER_DURATION) {
                duration_format(parameter->min, least);
                duration_format(parameter->max, most);
            } else if (parameter->kind == PARAMETER_INTEGER) {
                snprintf(least, sizeof(least), "%" PRId64, parameter->min);
                snprintf(most, sizeof(most), "%" PRId64, parameter->max);
            } else {
                continue;
            }
            snprintf(range, sizeof(range), "from %s to %s", least, most);
            CHECK(strstr(parameter->allowed, range) != NULL);
        }
    }
}

TEST_MAIN(TEST_ROW(group_without_rules_has_the_defaults),
          TEST_ROW(every_value_that_is_set_is_read_and_written_again),
          TEST_ROW(what_is_wrong_is_refused_with_its_place_and_what_is_allowed),
          TEST_ROW(deep_or_large_text_is_refused),
          TEST_ROW(book_finds_groups_and_falls_back_to_default),
          TEST_ROW(document_has_every_parameter_with_default_and_range),
          TEST_ROW(words_for_what_is_allowed_say_the_range))
