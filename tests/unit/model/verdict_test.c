/* SPDX-License-Identifier: MIT */
#include "model/verdict.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "harness/check.h"
#include "model/flow.h"

static const struct verdict usual = {.direction = PICKET_INBOUND,
                                     .cause = PICKET_CAUSE_RULE,
                                     .protocol = 6,
                                     .port = 22,
                                     .rule = 3,
                                     .revision = 7,
                                     .packets = 10,
                                     .blocked = 4};

TEST(verdict_is_the_same_but_for_its_counts)
{
    struct verdict others[8] = {usual, usual, usual, usual, usual, usual, usual, usual};

    others[0].direction = PICKET_OUTBOUND;
    others[1].cause = PICKET_CAUSE_OTHERS;
    others[2].protocol = 17;
    others[3].port = FLOW_PORT_UNKNOWN;
    others[4].rule = 4;
    others[5].revision = 8;
    others[6].peer.bytes[15] = 1;
    for (size_t i = 0; i < 7; i++) {
        CHECK(!verdict_same(&usual, &others[i]));
    }
    others[7].packets = 1;
    others[7].blocked = 1;
    CHECK(verdict_same(&usual, &others[7]));
}

TEST(counts_are_added_and_never_wrap)
{
    struct verdict sum = usual;
    const struct verdict most = {.packets = FLOW_COUNT_MAX, .blocked = FLOW_COUNT_MAX - 4};

    verdict_add(&sum, &usual);
    CHECK_UINT(sum.packets, 20);
    CHECK_UINT(sum.blocked, 8);
    verdict_add(&sum, &most);
    CHECK_UINT(sum.packets, FLOW_COUNT_MAX);
    CHECK_UINT(sum.blocked, FLOW_COUNT_MAX);
}

TEST(record_of_a_report_becomes_a_verdict)
{
    const struct picket_verdict_record record = {.direction = PICKET_OUTBOUND,
                                                 .cause = PICKET_CAUSE_INDICATOR,
                                                 .protocol = 1,
                                                 .address_size = 4,
                                                 .peer = {198, 51, 100, 7},
                                                 .revision = 9,
                                                 .packets = UINT32_MAX,
                                                 .blocked = 1};
    struct verdict verdict = verdict_from_record(&record);
    char peer[ADDRESS_TEXT_MAX];

    address_format(&verdict.peer, peer);
    CHECK_TEXT(peer, "198.51.100.7");
    CHECK(verdict.port == FLOW_PORT_UNKNOWN);
    CHECK_UINT(verdict.packets, UINT32_MAX);
    CHECK_UINT(verdict.revision, 9);
    CHECK_UINT(verdict.cause, PICKET_CAUSE_INDICATOR);
}

/** What is wrong with JSON that has ' for ", or "". */
static const char *fault_of(const char *text, char fault[32])
{
    char json[512];
    struct verdict verdict;
    const char *found;
    json_t *object;

    snprintf(json, sizeof(json), "%s", text);
    for (char *c = json; *c != '\0'; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    object = json_loads(json, 0, NULL);
    found = verdict_read_json(object, &verdict);
    snprintf(fault, 32, "%s", found == NULL ? "" : found);
    json_decref(object);
    return fault;
}

TEST(damaged_verdict_is_refused_with_its_member)
{
#define VERDICT(direction, cause, protocol, peer, rest)                                            \
    "{'direction': '" direction "', 'cause': '" cause "', 'protocol': '" protocol                  \
    "', 'peer': '" peer "', " rest "}"
#define REST "'port': 1, 'rule': null, 'revision': 1, 'packets': 2, 'blocked': 1"
    static const char *const rows[][2] = {
        {VERDICT("inbound", "rule", "tcp", "::1", REST), ""},
        {VERDICT("sideways", "rule", "tcp", "::1", REST), "direction"},
        {VERDICT("inbound", "none", "tcp", "::1", REST), "cause"},
        {VERDICT("inbound", "rule", "http", "::1", REST), "protocol"},
        {VERDICT("inbound", "rule", "tcp", "::1/128", REST), "peer"},
        {VERDICT("inbound", "rule", "tcp", "::1", "'port': 65536"), "port"},
        {VERDICT("inbound", "rule", "tcp", "::1", "'port': null, 'rule': -1"), "rule"},
        {"[]", "direction"},
    };
    char fault[32];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(fault_of(rows[i][0], fault), rows[i][1]);
    }
}

TEST_MAIN(TEST_ROW(verdict_is_the_same_but_for_its_counts),
          TEST_ROW(counts_are_added_and_never_wrap), TEST_ROW(record_of_a_report_becomes_a_verdict),
          TEST_ROW(damaged_verdict_is_refused_with_its_member))
