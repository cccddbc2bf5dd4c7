/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "harness/filter.h"
#include "picket/settings.h"

#define EITHER  PICKET_DIRECTION_UNKNOWN
#define TCP     6
#define UDP     17
#define ICMP    1
#define NO_RULE 99u

/* A rule about IPv4 in few words: port 0 is any port, and protocol 0 any protocol. */
struct words {
    bool is_deny;
    enum picket_direction direction;
    uint8_t protocol;
    uint8_t address[4];
    uint8_t prefix_length;
    uint16_t first_port, last_port;
};

static const struct words words[] = {
    {false, PICKET_OUTBOUND, UDP, {192, 0, 2, 53}, 32, 53, 53},
    {true, EITHER, 0, {203, 0, 113, 128}, 25, 0, UINT16_MAX},
    {false, PICKET_OUTBOUND, TCP, {203, 0, 113, 0}, 24, 443, 445},
    {false, PICKET_INBOUND, TCP, {10, 0, 0, 0}, 9, 22, 22},
    {false, EITHER, ICMP, {0}, 0, 0, UINT16_MAX},
    {true, PICKET_OUTBOUND, 0, {10, 0, 0, 0}, 8, 0, UINT16_MAX},
    {false, EITHER, UDP, {198, 51, 100, 0}, 23, 5000, 5010},
    {false, PICKET_INBOUND, 0, {192, 0, 2, 0}, 30, 0, 0},
};
#define WORDS (sizeof(words) / sizeof(words[0]))

static struct picket_rule rule_of(const struct words *from)
{
    struct picket_rule rule = {.is_deny = from->is_deny,
                               .has_protocol = from->protocol != 0,
                               .direction = from->direction,
                               .protocol = from->protocol,
                               .address_size = 4,
                               .prefix_length = from->prefix_length,
                               .first_port = from->first_port,
                               .last_port = from->last_port};

    memcpy(rule.address, from->address, 4);
    return rule;
}

/* The rules above; *rules has their bytes. */
static struct picket_policy make_policy(uint8_t rules[WORDS * PICKET_IPV4_RULE_BYTES],
                                        unsigned *check_failures)
{
    for (size_t i = 0; i < WORDS; i++) {
        struct picket_rule rule = rule_of(&words[i]);

        CHECK(picket_rule_put(&rule, rules + i * PICKET_IPV4_RULE_BYTES) == PICKET_OK);
    }
    return (struct picket_policy){
        .denies_others = true, .ipv4_rules = rules, .ipv4_rule_count = WORDS};
}

TEST(first_rule_that_matches_decides)
{
    static const struct {
        enum picket_direction direction;
        uint8_t protocol;
        uint8_t peer[4];
        bool has_ports;
        uint16_t peer_port, local_port;
        enum picket_verdict_cause cause;
        uint32_t rule;
    } rows[] = {
        {PICKET_OUTBOUND, UDP, {192, 0, 2, 53}, true, 53, 40000, PICKET_CAUSE_NONE, NO_RULE},
        {PICKET_OUTBOUND, UDP, {192, 0, 2, 54}, true, 53, 40000, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_OUTBOUND, TCP, {192, 0, 2, 53}, true, 53, 40000, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_INBOUND, UDP, {192, 0, 2, 53}, true, 53, 53, PICKET_CAUSE_OTHERS, NO_RULE},
        /* the deny of a half comes before the allow of the whole */
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 127}, true, 443, 1, PICKET_CAUSE_NONE, NO_RULE},
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 128}, true, 443, 1, PICKET_CAUSE_RULE, 1},
        {PICKET_INBOUND, TCP, {203, 0, 113, 255}, true, 9, 9, PICKET_CAUSE_RULE, 1},
        {EITHER, UDP, {203, 0, 113, 200}, false, 0, 0, PICKET_CAUSE_RULE, 1},
        /* ports: both ends belong to the range; it is the service's */
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 1}, true, 442, 443, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 1}, true, 445, 1, PICKET_CAUSE_NONE, NO_RULE},
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 1}, true, 446, 443, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_OUTBOUND, TCP, {203, 0, 113, 1}, false, 443, 443, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_INBOUND, TCP, {10, 127, 0, 1}, true, 40000, 22, PICKET_CAUSE_NONE, NO_RULE},
        {PICKET_INBOUND, TCP, {10, 128, 0, 1}, true, 40000, 22, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_INBOUND, TCP, {10, 127, 0, 1}, true, 22, 40000, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_OUTBOUND, TCP, {10, 127, 0, 1}, true, 40000, 22, PICKET_CAUSE_RULE, 5},
        /* a rule about all ports is about none, too; one about port 0 is not */
        {PICKET_INBOUND, ICMP, {8, 8, 8, 8}, false, 0, 0, PICKET_CAUSE_NONE, NO_RULE},
        {PICKET_INBOUND, 50, {192, 0, 2, 3}, false, 0, 0, PICKET_CAUSE_OTHERS, NO_RULE},
        {PICKET_INBOUND, UDP, {192, 0, 2, 3}, true, 7, 0, PICKET_CAUSE_NONE, NO_RULE},
        /* a direction that is not known: allowed if either is, else as if outbound */
        {EITHER, TCP, {10, 1, 2, 3}, true, 40000, 22, PICKET_CAUSE_NONE, NO_RULE},
        {EITHER, TCP, {203, 0, 113, 1}, true, 443, 40000, PICKET_CAUSE_NONE, NO_RULE},
        {EITHER, TCP, {10, 1, 2, 3}, true, 22, 40000, PICKET_CAUSE_RULE, 5},
        {EITHER, UDP, {198, 51, 101, 1}, true, 4000, 5010, PICKET_CAUSE_NONE, NO_RULE},
        {EITHER, UDP, {198, 51, 101, 1}, true, 5000, 4000, PICKET_CAUSE_NONE, NO_RULE},
        {EITHER, UDP, {198, 51, 101, 1}, true, 4999, 5011, PICKET_CAUSE_OTHERS, NO_RULE},
        {EITHER, UDP, {198, 51, 102, 1}, true, 5000, 5000, PICKET_CAUSE_OTHERS, NO_RULE},
    };
    uint8_t rules[WORDS * PICKET_IPV4_RULE_BYTES];
    struct picket_policy policy = make_policy(rules, check_failures);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_activity activity = {.direction = rows[i].direction,
                                           .protocol = rows[i].protocol,
                                           .address_size = 4,
                                           .peer = rows[i].peer,
                                           .has_ports = rows[i].has_ports,
                                           .peer_port = rows[i].peer_port,
                                           .local_port = rows[i].local_port};
        uint32_t rule = NO_RULE;
        enum picket_verdict_cause cause = picket_policy_judge_activity(&policy, &activity, &rule);

        if (cause != rows[i].cause || rule != rows[i].rule) {
            printf("row %u: cause %u, rule %u\n", (unsigned)i, (unsigned)cause, (unsigned)rule);
        }
        CHECK(cause == rows[i].cause && rule == rows[i].rule);
    }
}

TEST(others_are_allowed_unless_they_are_denied)
{
    static const uint8_t peer[16] = {0x20, 0x01};
    struct picket_activity activity = {.protocol = TCP, .address_size = 16, .peer = peer};
    struct picket_policy policy = {.mode = PICKET_POLICY_ENFORCE};
    uint32_t rule;

    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_NONE);
    policy.denies_others = true;
    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_OTHERS);
}

TEST(each_ip_version_has_its_own_rules)
{
    static const uint8_t ipv4[4] = {0xfd, 0x00, 0x12, 0x34};
    static const uint8_t inside[16] = {0xfd, 0x00, 0x12, 0x37, [15] = 1};
    static const uint8_t outside[16] = {0xfd, 0x00, 0x12, 0x38, [15] = 1};
    struct picket_rule rule = {.is_deny = true,
                               .direction = EITHER,
                               .address_size = 16,
                               .prefix_length = 128,
                               .last_port = UINT16_MAX};
    uint8_t bytes[2 * PICKET_IPV6_RULE_BYTES];
    struct picket_policy policy = {.ipv6_rules = bytes, .ipv6_rule_count = 2};
    struct picket_activity activity = {.protocol = TCP, .address_size = 16, .peer = inside};
    uint32_t found = NO_RULE;

    CHECK(picket_rule_put(&rule, bytes) == PICKET_OK);
    memcpy(rule.address, inside, 4);
    rule.address[3] = 0x34;
    rule.prefix_length = 30;
    CHECK(picket_rule_put(&rule, bytes + PICKET_IPV6_RULE_BYTES) == PICKET_OK);
    CHECK(picket_policy_judge_activity(&policy, &activity, &found) == PICKET_CAUSE_RULE);
    CHECK_UINT(found, 1);
    activity.peer = outside;
    CHECK(picket_policy_judge_activity(&policy, &activity, &found) == PICKET_CAUSE_NONE);
    activity.peer = ipv4;
    activity.address_size = 4;
    CHECK(picket_policy_judge_activity(&policy, &activity, &found) == PICKET_CAUSE_NONE);
}

TEST(what_is_allowed_is_looked_for_in_the_filter_and_what_is_denied_is_not)
{
    static struct filter_maker maker;
    static const uint8_t listed[2][4] = {{203, 0, 113, 1}, {203, 0, 113, 200}};
    uint8_t rules[WORDS * PICKET_IPV4_RULE_BYTES];
    struct picket_policy policy = make_policy(rules, check_failures);
    struct picket_activity activity = {
        .protocol = TCP, .address_size = 4, .peer = listed[0], .has_ports = true, .peer_port = 443};
    uint32_t rule = NO_RULE;

    policy.filter = (struct picket_filter){.segment_length = 8, .segment_count = 1};
    CHECK(filter_make(&maker, listed[0], 4, 2, &policy.filter));
    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_NONE);
    policy.has_filter = true;
    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_INDICATOR);
    CHECK_UINT(rule, NO_RULE);
    activity.peer = listed[1];
    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_RULE);
    activity.peer_port = 80;
    activity.peer = listed[0];
    CHECK(picket_policy_judge_activity(&policy, &activity, &rule) == PICKET_CAUSE_OTHERS);
}

TEST(rule_comes_out_as_it_was_put_in)
{
    uint8_t rules[WORDS * PICKET_IPV4_RULE_BYTES];
    struct picket_policy policy = make_policy(rules, check_failures);

    for (uint32_t i = 0; i < WORDS; i++) {
        struct picket_rule expected = rule_of(&words[i]);
        struct picket_rule rule;

        picket_policy_get_rule(&policy, 4, i, &rule);
        CHECK(rule.is_deny == expected.is_deny && rule.has_protocol == expected.has_protocol);
        CHECK(rule.direction == expected.direction && rule.protocol == expected.protocol);
        CHECK_UINT(rule.address_size, 4);
        CHECK_UINT(rule.prefix_length, expected.prefix_length);
        CHECK(memcmp(rule.address, expected.address, sizeof(rule.address)) == 0);
        CHECK_UINT(rule.first_port, expected.first_port);
        CHECK_UINT(rule.last_port, expected.last_port);
    }
}

TEST(impossible_rule_is_not_written)
{
    static const struct picket_rule rows[] = {
        {.address_size = 5, .last_port = 1},
        {.address_size = 0, .last_port = 1},
        {.address_size = 4, .prefix_length = 33},
        {.address_size = 16, .prefix_length = 129},
        {.address_size = 4, .prefix_length = 31, .address = {1, 2, 3, 5}},
        {.address_size = 16, .prefix_length = 8, .address = {0x20, [15] = 1}},
        {.address_size = 4, .prefix_length = 0, .address = {0x80}},
        {.address_size = 4, .protocol = 6},
        {.address_size = 4, .direction = (enum picket_direction)3},
        {.address_size = 4, .direction = (enum picket_direction)4},
        {.address_size = 4, .first_port = 2, .last_port = 1},
    };
    uint8_t bytes[PICKET_IPV6_RULE_BYTES];

    memset(bytes, 0x55, sizeof(bytes));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(picket_rule_put(&rows[i], bytes) == PICKET_E_ARG);
    }
    for (size_t i = 0; i < sizeof(bytes); i++) {
        CHECK_UINT(bytes[i], 0x55);
    }
}

TEST_MAIN(TEST_ROW(first_rule_that_matches_decides),
          TEST_ROW(others_are_allowed_unless_they_are_denied),
          TEST_ROW(each_ip_version_has_its_own_rules),
          TEST_ROW(what_is_allowed_is_looked_for_in_the_filter_and_what_is_denied_is_not),
          TEST_ROW(rule_comes_out_as_it_was_put_in), TEST_ROW(impossible_rule_is_not_written))
