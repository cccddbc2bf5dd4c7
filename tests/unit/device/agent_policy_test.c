/* SPDX-License-Identifier: MIT */
/* Policies on the device: what is judged, blocked and told, and how a trial ends. */
#include "harness/check.h"
#include "picket/picket.h"
#include "settings_fixture.h"

#define TRIAL_MS 60000u

static const struct talk web = {TCP, 40000, 443, 1, false};
static const struct talk telnet = {TCP, 40000, 23, 2, false};
static const struct talk web_ipv6 = {TCP, 40000, 443, 1, true};

static enum picket_verdict look(struct settings_fixture *f, enum picket_direction direction,
                                const uint8_t *bytes, size_t length)
{
    struct picket_span span = {bytes, length};
    struct picket_datagram datagram = {direction, &span, 1, length};

    return picket_observe(&f->facts.base.agent, &datagram);
}

/* As say(), and what is to become of it. */
static enum picket_verdict ask(struct settings_fixture *f, const struct talk *talk,
                               enum picket_direction direction, unsigned sign)
{
    uint8_t bytes[60] = {0};
    size_t header = put_ip_header(bytes, talk, direction, 20);

    if (talk->protocol == TCP || talk->protocol == UDP) {
        put_u16(bytes + header, direction == IN ? talk->peer_port : talk->local_port);
        put_u16(bytes + header + 2, direction == IN ? talk->local_port : talk->peer_port);
    }
    bytes[header + (talk->protocol == TCP ? 13 : 0)] |= (uint8_t)(talk->protocol == UDP ? 0 : sign);
    return look(f, direction, bytes, header + 20);
}

/* 192.0.0.1:443 and its IPv6 sister are allowed, if the device opens them. */
static struct rules web_rules(void)
{
    struct rules rules = {.ipv4_count = 0};
    struct picket_rule rule = {.has_protocol = true,
                               .direction = PICKET_OUTBOUND,
                               .protocol = TCP,
                               .address_size = 4,
                               .prefix_length = 32,
                               .address = {192, 0, 0, 1},
                               .first_port = 443,
                               .last_port = 443};
    static const uint8_t sister[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1};

    add_rule(&rules, &rule);
    rule.address_size = 16;
    rule.prefix_length = 128;
    memcpy(rule.address, sister, 16);
    add_rule(&rules, &rule);
    return rules;
}

static void start_with(struct settings_fixture *f, enum picket_policy_mode mode)
{
    struct rules rules = web_rules();
    struct picket_settings policy = policy_of(7, mode, &rules);

    settings_start(f);
    set_service(f);
    f->facts.base.has_fault |= apply(f, &policy) != PICKET_OK;
}

TEST(without_a_policy_everything_passes_and_nothing_is_told)
{
    struct settings_fixture f;

    settings_start(&f);
    CHECK(ask(&f, &telnet, IN, SYN) == PICKET_PASS);
    CHECK_TEXT(report_of(&f, "verdict"), "");
    CHECK(is_sound(&f));
}

TEST(what_is_allowed_passes_and_is_not_told)
{
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    for (int i = 0; i < 5; i++) {
        CHECK(ask(&f, &web, OUT, i == 0 ? SYN : ACK) == PICKET_PASS);
        CHECK(ask(&f, &web, IN, i == 0 ? SYN | ACK : ACK) == PICKET_PASS);
        CHECK(ask(&f, &web_ipv6, OUT, i == 0 ? SYN : ACK) == PICKET_PASS);
        CHECK(ask(&f, &web_ipv6, IN, i == 0 ? SYN | ACK : ACK) == PICKET_PASS);
    }
    CHECK_TEXT(report_of(&f, "verdict"), "");
    CHECK(is_sound(&f));
}

TEST(what_is_denied_is_told_to_the_packet_and_blocked_only_when_enforcing)
{
    static const struct {
        enum picket_policy_mode mode;
        enum picket_verdict verdict;
        const char *told;
    } rows[] = {
        {PICKET_POLICY_OBSERVE, PICKET_PASS,
         "verdict out 6 c0000002:23 others 0 of 7: 3 packets, 0 blocked\n"},
        {PICKET_POLICY_ALERT, PICKET_PASS,
         "verdict out 6 c0000002:23 others 0 of 7: 3 packets, 0 blocked\n"},
        {PICKET_POLICY_ENFORCE, PICKET_BLOCK,
         "verdict out 6 c0000002:23 others 0 of 7: 3 packets, 3 blocked\n"},
    };
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_with(&f, rows[i].mode);
        for (int packet = 0; packet < 3; packet++) {
            CHECK(ask(&f, &telnet, OUT, SYN) == rows[i].verdict);
        }
        CHECK_TEXT(report_of(&f, "verdict"), rows[i].told);
        CHECK_UINT(f.facts.base.packets, 3);
        CHECK_TEXT(report_of(&f, "verdict"), "");
        CHECK(is_sound(&f));
    }
}

TEST(a_blocked_packet_is_counted_as_any_other)
{
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(ask(&f, &telnet, i % 3 == 0 ? IN : OUT, i == 0 ? SYN : ACK) == PICKET_BLOCK);
    }
    (void)report_of(&f, "verdict");
    CHECK_UINT(f.facts.base.counters.seen, 100);
    CHECK_UINT(f.facts.base.packets, 100);
    CHECK_UINT(f.facts.base.bytes, 4000);
    CHECK(is_sound(&f));
}

TEST(a_rule_that_denies_is_named)
{
    struct rules rules = web_rules();
    struct picket_rule rule = {.is_deny = true,
                               .direction = PICKET_INBOUND,
                               .address_size = 4,
                               .first_port = 22,
                               .last_port = 23};
    static const struct talk shell = {TCP, 22, 50000, 9, false};
    struct picket_settings policy;
    struct settings_fixture f;

    add_rule(&rules, &rule);
    policy = policy_of(9, PICKET_POLICY_ENFORCE, &rules);
    policy.policy.denies_others = false;
    settings_start(&f);
    set_service(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(ask(&f, &shell, IN, SYN) == PICKET_BLOCK);
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_PASS);
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict in 6 c0000009:22 rule 1 of 9: 1 packets, 1 blocked\n");
    CHECK(is_sound(&f));
}

/* A filter that has the addresses whose fingerprint is 0 in all three places: of one slot each. */
static void add_filter(struct picket_policy *policy, uint8_t fingerprints[3],
                       const uint8_t address[4])
{
    struct picket_filter_slots slots;

    memset(fingerprints, 0, 3);
    policy->has_filter = true;
    policy->filter = (struct picket_filter){.segment_length = 1,
                                            .segment_count = 1,
                                            .fingerprints = fingerprints,
                                            .fingerprint_count = 3};
    picket_filter_locate(&policy->filter, address, 4, &slots);
    fingerprints[slots.positions[0]] = slots.fingerprint;
}

TEST(a_probable_indicator_is_told_and_never_blocked)
{
    static const uint8_t peer[4] = {192, 0, 0, 1};
    struct rules rules = web_rules();
    struct picket_settings policy = policy_of(7, PICKET_POLICY_ENFORCE, &rules);
    uint8_t fingerprints[3];
    struct settings_fixture f;

    add_filter(&policy.policy, fingerprints, peer);
    settings_start(&f);
    set_service(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(ask(&f, &web, OUT, SYN) == PICKET_PASS);
    CHECK(ask(&f, &web, IN, SYN | ACK) == PICKET_PASS);
    CHECK(ask(&f, &web, OUT, ACK) == PICKET_PASS);
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict out 6 c0000001:443 indicator 0 of 7: 3 packets, 0 blocked\n");
    CHECK(is_sound(&f));
}

TEST(a_flow_is_judged_by_who_opened_it)
{
    static const struct talk reversed = {TCP, 443, 40000, 1, false};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    CHECK(ask(&f, &reversed, IN, SYN) == PICKET_BLOCK);
    CHECK(ask(&f, &reversed, OUT, SYN | ACK) == PICKET_BLOCK);
    CHECK(ask(&f, &web, IN, SYN) == PICKET_BLOCK); /* to port 40000 of the device */
    CHECK(ask(&f, &web, OUT, SYN) == PICKET_PASS);
    CHECK(ask(&f, &web, IN, SYN | ACK) == PICKET_PASS);
    CHECK(is_sound(&f));
}

TEST(a_flow_of_unknown_opener_passes_if_either_could_have_opened_it)
{
    static const struct talk server = {TCP, 8080, 443, 1, false};
    static const struct talk other = {TCP, 8080, 9000, 3, false};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    CHECK(ask(&f, &web, IN, ACK) == PICKET_PASS);
    CHECK(ask(&f, &server, OUT, ACK) == PICKET_PASS);
    CHECK(ask(&f, &other, IN, ACK) == PICKET_BLOCK);
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict unknown 6 c0000003:8080 others 0 of 7: 1 packets, 1 blocked\n");
    CHECK(is_sound(&f));
}

TEST(ports_that_one_flow_of_unknown_opener_has_in_common_are_judged_one_by_one)
{
    struct rules rules = {.ipv4_count = 0};
    struct picket_rule rule = {
        .direction = PICKET_INBOUND, .address_size = 4, .first_port = 8080, .last_port = 8080};
    static const struct talk allowed = {TCP, 8080, 443, 1, false};
    static const struct talk denied = {TCP, 9090, 443, 1, false};
    struct picket_settings policy;
    struct settings_fixture f;

    add_rule(&rules, &rule);
    policy = policy_of(1, PICKET_POLICY_ENFORCE, &rules);
    settings_start(&f);
    set_service(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    for (int i = 0; i < 3; i++) { /* either is of the flow that the peer's lower port names */
        CHECK(ask(&f, &allowed, OUT, ACK) == PICKET_PASS);
        CHECK(ask(&f, &denied, OUT, ACK) == PICKET_BLOCK);
        CHECK(ask(&f, &allowed, IN, ACK) == PICKET_PASS);
        CHECK(ask(&f, &denied, IN, ACK) == PICKET_BLOCK);
    }
    (void)report_of(&f, "verdict");
    CHECK_UINT(f.facts.base.flow_count, 1);
    CHECK(is_sound(&f));
}

TEST(the_answer_to_an_allowed_flow_without_a_slot_is_not_taken_for_an_opening)
{
    struct rules rules = {.ipv4_count = 0};
    struct picket_rule rule = {
        .direction = PICKET_OUTBOUND, .address_size = 4, .first_port = 123, .last_port = 123};
    static const struct talk clock = {UDP, 50000, 123, 5, false};
    static const struct talk opening = {TCP, 123, 50000, 5, false};
    struct picket_settings policy;
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);

    add_rule(&rules, &rule);
    policy = policy_of(1, PICKET_POLICY_ENFORCE, &rules);
    config.ipv4_storage_bytes = 0;
    settings_init(&f, &config);
    set_service(&f);
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(ask(&f, &clock, OUT, 0) == PICKET_PASS);
    CHECK(ask(&f, &clock, IN, 0) == PICKET_PASS);
    CHECK(ask(&f, &opening, IN, SYN) == PICKET_BLOCK);
    CHECK(is_sound(&f));
}

/* One packet of whatever protocol, its transport header written out. */
static enum picket_verdict send_raw(struct settings_fixture *f, const struct talk *talk,
                                    enum picket_direction direction, const uint8_t transport[4])
{
    uint8_t bytes[60] = {0};
    size_t header = put_ip_header(bytes, talk, direction, 20);

    memcpy(bytes + header, transport, 4);
    return look(f, direction, bytes, header + 20);
}

TEST(what_a_device_can_not_do_without_is_never_blocked)
{
    static const struct {
        struct talk talk;
        bool is_refused;
    } rows[] = {
        {{UDP, 40000, 53, 8, false}, false},   /* DNS */
        {{TCP, 40000, 53, 8, true}, false},    /* DNS */
        {{UDP, 68, 67, 8, false}, false},      /* DHCP */
        {{UDP, 546, 547, 8, true}, false},     /* DHCPv6 */
        {{2, 0, 0, 8, false}, false},          /* IGMP */
        {{UDP, 546, 547, 8, false}, true},     /* of the other IP version */
        {{UDP, 68, 67, 8, true}, true},        /* of the other IP version */
        {{UDP, 40000, 67, 8, false}, true},    /* no DHCP client */
        {{UDP, 40000, 5353, 8, false}, true},  /* mDNS is no DNS */
        {{17 + 1, 40000, 53, 8, false}, true}, /* no UDP, no TCP */
    };
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        enum picket_verdict expected = rows[i].is_refused ? PICKET_BLOCK : PICKET_PASS;

        start_with(&f, PICKET_POLICY_ENFORCE);
        for (int packet = 0; packet < 3; packet++) {
            CHECK(ask(&f, &rows[i].talk, OUT, packet == 0 ? SYN : ACK) == expected);
            CHECK(ask(&f, &rows[i].talk, IN, ACK) == expected);
        }
        CHECK((report_of(&f, "verdict")[0] != '\0') == rows[i].is_refused);
        CHECK(is_sound(&f));
    }
}

TEST(a_service_of_the_device_behind_port_53_of_a_peer_is_no_dns)
{
    static const struct talk lure = {TCP, 22, 53, 8, false};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    CHECK(ask(&f, &lure, IN, SYN) == PICKET_BLOCK);
    CHECK(ask(&f, &lure, OUT, SYN | ACK) == PICKET_BLOCK);
    CHECK(is_sound(&f));
}

TEST(neighbours_are_heard_and_routers_that_can_not_pass_on_what_is_too_big)
{
    struct talk talk = {ICMPV6, 0, 0, 8, true};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    for (unsigned type = 0; type < 256; type++) {
        bool is_exempt = type == 2 || (type >= 130 && type <= 137) || type == 143;
        uint8_t transport[4] = {(uint8_t)type};

        talk.peer = (uint16_t)(type % 5); /* types of one flow are judged one by one */
        CHECK(send_raw(&f, &talk, IN, transport) == (is_exempt ? PICKET_PASS : PICKET_BLOCK));
        talk.is_ipv6 = false;
        talk.protocol = ICMP;
        CHECK(send_raw(&f, &talk, IN, transport) == (type == 3 ? PICKET_PASS : PICKET_BLOCK));
        talk.is_ipv6 = true;
        talk.protocol = ICMPV6;
    }
    CHECK(is_sound(&f));
}

TEST(the_service_is_never_blocked_at_any_of_its_addresses)
{
    static const struct picket_address addresses[] = {
        {4, {192, 0, 0, 2}}, {16, {0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 1}}};
    static const struct talk at_ipv6 = {UDP, 5000, 5001, 1, true};
    static const struct picket_address elsewhere = {4, {192, 0, 0, 3}};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
    CHECK(picket_set_service(&f.facts.base.agent, addresses, 2) == PICKET_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_PASS);
        CHECK(ask(&f, &telnet, IN, SYN) == PICKET_PASS);
        CHECK(ask(&f, &at_ipv6, IN, 0) == PICKET_PASS);
    }
    CHECK(picket_set_service(&f.facts.base.agent, &elsewhere, 1) == PICKET_OK);
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict out 6 c0000002:23 others 0 of 7: 2 packets, 2 blocked\n");
    CHECK(is_sound(&f));
}

TEST(loopback_is_not_judged)
{
    uint8_t bytes[40] = {0};
    static const struct talk talk = {TCP, 40000, 80, 1, false};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    (void)put_ip_header(bytes, &talk, OUT, 20);
    memcpy(bytes + 12, (const uint8_t[]){127, 0, 0, 1, 127, 0, 0, 1}, 8);
    CHECK(look(&f, OUT, bytes, sizeof(bytes)) == PICKET_PASS);
    CHECK_TEXT(report_of(&f, "verdict"), "");
}

TEST(of_a_datagram_in_fragments_the_first_is_judged)
{
    static const struct talk talk = {UDP, 40000, 9999, 4, false};
    uint8_t bytes[44] = {0};
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    (void)put_ip_header(bytes, &talk, IN, 24);
    bytes[5] = 1;                                             /* identification */
    bytes[7] = 20;                                            /* offset */
    CHECK(look(&f, IN, bytes, sizeof(bytes)) == PICKET_PASS); /* before the first: what it is of? */
    bytes[6] = 0x20;
    bytes[7] = 0;
    put_u16(bytes + 20, talk.peer_port);
    put_u16(bytes + 22, talk.local_port);
    CHECK(look(&f, IN, bytes, sizeof(bytes)) == PICKET_BLOCK);
    bytes[6] = 0;
    bytes[7] = 3;
    CHECK(look(&f, IN, bytes, sizeof(bytes)) == PICKET_BLOCK); /* it is known what it is of */
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict in 17 c0000004:40000 others 0 of 7: 2 packets, 2 blocked\n");
    CHECK_UINT(f.facts.base.packets, 3);
    CHECK(is_sound(&f));
}

TEST(verdicts_of_one_flow_are_one_record_and_each_packet_counts)
{
    static const char *const counts = " others 0 of 7: 100 packets, 0 blocked\n";
    uint64_t told = 0;
    struct talk talk = telnet;
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ALERT);
    for (unsigned i = 0; i < 1000; i++) {
        talk.peer = (uint16_t)(2 + i % 10);
        talk.local_port = (uint16_t)(40000 + i);
        CHECK(ask(&f, &talk, OUT, SYN) == PICKET_PASS);
    }
    for (const char *line = report_of(&f, "verdict"); *line != '\0';) {
        const char *end = line + strcspn(line, "\n") + 1;

        CHECK(strncmp(end - strlen(counts), counts, strlen(counts)) == 0);
        line = end;
        told++;
    }
    CHECK_UINT(told, 10);
    CHECK(is_sound(&f));
}

/* The sum of all counts of lost verdicts that were told. */
static unsigned count_lost(const char *told)
{
    unsigned sum = 0;

    while ((told = strstr(told, "lost verdicts ")) != NULL) {
        unsigned count = 0;

        for (told += strlen("lost verdicts "); *told != '\n'; told++) {
            count = 10 * count + (unsigned)(*told - '0');
        }
        sum += count;
    }
    return sum;
}

TEST(verdicts_without_room_are_counted_as_lost_and_leave_room_for_events)
{
    unsigned told = 0;
    unsigned lost;
    struct talk talk = telnet;
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    for (uint16_t peer = 2; peer < 302; peer++) {
        talk.peer = peer;
        CHECK(ask(&f, &talk, OUT, SYN) == PICKET_BLOCK);
    }
    CHECK(picket_note_event(&f.facts.base.agent, "login_failed", "root") == PICKET_OK);
    for (const char *line = facts_report(&f.facts); *line != '\0';
         line += strcspn(line, "\n") + 1) {
        told += strncmp(line, "verdict", 7) == 0;
    }
    lost = count_lost(f.facts.told);
    CHECK(told > 10 && lost > 10);
    CHECK_UINT(told + lost, 300);
    CHECK(is_sound(&f));
}

/*
 * A verdict of nearly the largest size, and another that found no room, in a window
 * that has nothing else to tell: then a later part has hardly more room than the
 * first one needed.
 */
static void start_with_large_verdict(struct settings_fixture *f)
{
    static const struct talk talk = {TCP, 40000, 23, 2, true};
    static const struct talk other = {TCP, 40000, 23, 3, true};
    struct picket_config config = settings_config(f);
    struct picket_settings silence = configuration_of(1);
    struct rules rules = {.ipv6_count = 0};
    struct picket_rule rule = {
        .is_deny = true, .address_size = 16, .first_port = 1, .last_port = 1};
    struct picket_settings policy;

    for (unsigned i = 0; i < RULES_MAX; i++) {
        rule.last_port = i + 1 < RULES_MAX ? 1 : 65535;
        add_rule(&rules, &rule);
    }
    policy = policy_of(UINT32_MAX, PICKET_POLICY_ALERT, &rules);
    config.ipv6_storage_bytes = 0;
    config.facts_storage_bytes = 64;
    settings_init(f, &config);
    give(&silence, PICKET_SETTING_COLLECTORS, 0);
    f->facts.base.has_fault |= apply(f, &silence) != PICKET_OK;
    facts_drain(&f->facts, 4096);
    f->facts.base.has_fault |= apply(f, &policy) != PICKET_OK;
    f->facts.base.has_fault |= ask(f, &talk, OUT, SYN) != PICKET_PASS;
    f->facts.base.has_fault |= ask(f, &other, OUT, SYN) != PICKET_PASS;
    f->facts.base.has_fault |= picket_seal_window(&f->facts.base.agent) != PICKET_OK;
    f->facts.told_length = 0;
    f->facts.told[0] = '\0';
    f->facts.base.packets = 0;
}

TEST(a_verdict_too_large_for_any_report_is_lost_and_holds_up_nothing)
{
    unsigned kept = 0;
    unsigned lost = 0;
    struct settings_fixture f;

    for (size_t capacity = 60; capacity < 200; capacity++) {
        uint8_t bytes[200];
        size_t length = 0;
        bool has_more = true;
        bool is_kept;

        start_with_large_verdict(&f);
        for (int attempt = 0; attempt < 10 && has_more; attempt++) {
            if (picket_build_report(&f.facts.base.agent, bytes, capacity, &length) == PICKET_OK) {
                has_more = facts_read(&f.facts, bytes, length);
                CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
            }
        }
        if (f.facts.base.packets == 0) {
            continue; /* not even the first part has room */
        }
        is_kept = strstr(f.facts.told, "verdict out 6") != NULL;
        CHECK(!has_more);
        CHECK_UINT(count_lost(f.facts.told), is_kept ? 1 : 2);
        CHECK(strstr(f.facts.told, "settings 2: 1 state 3") != NULL);
        kept += is_kept;
        lost += !is_kept;
        CHECK(is_sound(&f));
    }
    CHECK(kept > 50 && lost > 0);
}

TEST(a_window_with_a_verdict_is_due_after_the_high_interval)
{
    struct settings_fixture f;
    struct picket_config config = settings_config(&f);
    struct picket_settings policy = policy_of(1, PICKET_POLICY_ALERT, NULL);

    config.high_interval_ms = 2000;
    settings_init(&f, &config);
    CHECK(apply(&f, &policy) == PICKET_OK);
    f.facts.base.now_ms += 500;
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 59500);
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_PASS);
    f.facts.base.now_ms += 500;
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_PASS);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 1500);
    f.facts.base.now_ms += 1500;
    facts_drain(&f.facts, 4096);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000);
    CHECK(is_sound(&f));
}

static void start_trial(struct settings_fixture *f)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ENFORCE, NULL);

    start_with(f, PICKET_POLICY_ENFORCE);
    f->facts.base.has_fault |= ask(f, &web, OUT, SYN) != PICKET_PASS;
    policy.policy.trial_ms = TRIAL_MS;
    f->facts.base.has_fault |= apply(f, &policy) != PICKET_OK;
    f->facts.base.has_fault |= ask(f, &web, OUT, SYN) != PICKET_BLOCK;
}

TEST(a_trial_is_committed_by_a_confirmed_report_that_is_due_at_once)
{
    struct settings_fixture f;

    start_trial(&f);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 7);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 0);
    f.facts.told_length = 0;
    facts_drain(&f.facts, 4096);
    CHECK(strstr(f.facts.told, "settings 1: 8 state 2 mode 2, refused 0: 0 detail 0\n") != NULL);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 8);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000);
    f.facts.base.now_ms += 10 * TRIAL_MS;
    CHECK(ask(&f, &web, OUT, SYN) == PICKET_BLOCK);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 8 state 3 mode 2, refused 0: 0 detail 0\n");
    CHECK(is_sound(&f));
}

TEST(a_report_that_was_built_before_the_trial_does_not_commit_it)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ENFORCE, NULL);
    uint8_t bytes[2048];
    size_t length = 0;
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    policy.policy.trial_ms = TRIAL_MS;
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 7);
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 0);
    CHECK(picket_build_report(&f.facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(picket_confirm_report(&f.facts.base.agent) == PICKET_OK);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 8);
}

/* How the end of a trial is noticed. */
static void notice_by_clock(struct settings_fixture *f)
{
    (void)picket_next_report_ms(&f->facts.base.agent);
}

static void notice_by_build(struct settings_fixture *f)
{
    uint8_t bytes[2048];
    size_t length;

    f->facts.base.has_fault |=
        picket_build_report(&f->facts.base.agent, bytes, sizeof(bytes), &length) == PICKET_E_ARG;
}

static void notice_by_packet(struct settings_fixture *f)
{
    (void)ask(f, &telnet, OUT, SYN);
}

static void notice_by_settings(struct settings_fixture *f)
{
    f->facts.base.has_fault |=
        picket_apply_settings(&f->facts.base.agent, f->envelope, 1) == PICKET_OK;
}

TEST(a_trial_without_a_confirmed_report_ends_with_the_former_policy)
{
    static void (*const ways[])(struct settings_fixture *) = {notice_by_clock, notice_by_build,
                                                              notice_by_packet, notice_by_settings};
    struct settings_fixture f;

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        start_trial(&f);
        f.facts.base.now_ms += TRIAL_MS - 1;
        ways[i](&f);
        CHECK(ask(&f, &web, OUT, SYN) == PICKET_BLOCK);
        f.facts.base.now_ms += 1;
        ways[i](&f);
        CHECK(ask(&f, &web, OUT, SYN) == PICKET_PASS);
        CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
        facts_drain(&f.facts, 4096);
        f.facts.told_length = 0;
        CHECK(picket_seal_window(&f.facts.base.agent) == PICKET_OK);
        facts_drain(&f.facts, 4096);
        CHECK(strstr(f.facts.told, "settings 1: 7 state 3 mode 2, refused ") != NULL);
        CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 7);
        CHECK(is_sound(&f));
    }
}

TEST(a_trial_that_ended_is_told_and_may_be_tried_again)
{
    struct settings_fixture f;

    start_trial(&f);
    f.facts.base.now_ms += TRIAL_MS;
    CHECK_UINT(picket_next_report_ms(&f.facts.base.agent), 60000 - TRIAL_MS);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 7 state 3 mode 2, refused 10: 8 detail 0\n");
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 7 state 3 mode 2, refused 0: 0 detail 0\n");
    CHECK(apply_envelope(&f) == PICKET_OK);
    facts_drain(&f.facts, 4096);
    CHECK_UINT(picket_committed_revision(&f.facts.base.agent, PICKET_SETTINGS_POLICY), 8);
    CHECK(is_sound(&f));
}

TEST(the_first_policy_on_trial_goes_back_to_none)
{
    struct picket_settings policy = policy_of(1, PICKET_POLICY_ENFORCE, NULL);
    struct settings_fixture f;

    settings_start(&f);
    set_service(&f);
    policy.policy.trial_ms = TRIAL_MS;
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
    f.facts.base.now_ms += TRIAL_MS;
    CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_PASS);
    CHECK_TEXT(report_of(&f, "settings"), "settings 1: 0 state 0 mode 0, refused 10: 1 detail 0\n");
    CHECK_TEXT(report_of(&f, "settings"), "");
    CHECK(is_sound(&f));
}

TEST(the_rules_of_the_former_policy_survive_a_trial_and_what_comes_after)
{
    struct rules rules = web_rules();
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ENFORCE, &rules);
    struct settings_fixture f;

    start_trial(&f);
    f.facts.base.now_ms += TRIAL_MS;
    for (uint32_t revision = 9; revision < 15; revision++) { /* each is checked in the free half */
        policy.revision = revision;
        make_envelope(&f, &policy);
        f.envelope[f.envelope_length - 1] ^= 1;
        CHECK(apply_envelope(&f) == PICKET_E_CONFLICT);
        CHECK(ask(&f, &web, OUT, SYN) == PICKET_PASS);
        CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
        CHECK(apply(&f, &policy) == PICKET_OK);
        CHECK(ask(&f, &web, OUT, SYN) == PICKET_PASS);
        CHECK(ask(&f, &telnet, OUT, SYN) == PICKET_BLOCK);
    }
    CHECK(is_sound(&f));
}

TEST(a_new_policy_judges_flows_that_passed_under_the_former_one)
{
    struct picket_settings policy = policy_of(8, PICKET_POLICY_ENFORCE, NULL);
    struct settings_fixture f;

    start_with(&f, PICKET_POLICY_ENFORCE);
    for (unsigned i = 0; i < 10; i++) {
        CHECK(ask(&f, &web, i % 2 == 0 ? OUT : IN, i == 0 ? SYN : ACK) == PICKET_PASS);
    }
    CHECK(apply(&f, &policy) == PICKET_OK);
    CHECK(ask(&f, &web, OUT, ACK) == PICKET_BLOCK);
    CHECK_TEXT(report_of(&f, "verdict"),
               "verdict out 6 c0000001:443 others 0 of 8: 1 packets, 1 blocked\n");
    CHECK(is_sound(&f));
}

TEST_MAIN(TEST_ROW(without_a_policy_everything_passes_and_nothing_is_told),
          TEST_ROW(what_is_allowed_passes_and_is_not_told),
          TEST_ROW(what_is_denied_is_told_to_the_packet_and_blocked_only_when_enforcing),
          TEST_ROW(a_blocked_packet_is_counted_as_any_other), TEST_ROW(a_rule_that_denies_is_named),
          TEST_ROW(a_probable_indicator_is_told_and_never_blocked),
          TEST_ROW(a_flow_is_judged_by_who_opened_it),
          TEST_ROW(a_flow_of_unknown_opener_passes_if_either_could_have_opened_it),
          TEST_ROW(ports_that_one_flow_of_unknown_opener_has_in_common_are_judged_one_by_one),
          TEST_ROW(the_answer_to_an_allowed_flow_without_a_slot_is_not_taken_for_an_opening),
          TEST_ROW(what_a_device_can_not_do_without_is_never_blocked),
          TEST_ROW(a_service_of_the_device_behind_port_53_of_a_peer_is_no_dns),
          TEST_ROW(neighbours_are_heard_and_routers_that_can_not_pass_on_what_is_too_big),
          TEST_ROW(the_service_is_never_blocked_at_any_of_its_addresses),
          TEST_ROW(loopback_is_not_judged),
          TEST_ROW(of_a_datagram_in_fragments_the_first_is_judged),
          TEST_ROW(verdicts_of_one_flow_are_one_record_and_each_packet_counts),
          TEST_ROW(verdicts_without_room_are_counted_as_lost_and_leave_room_for_events),
          TEST_ROW(a_verdict_too_large_for_any_report_is_lost_and_holds_up_nothing),
          TEST_ROW(a_window_with_a_verdict_is_due_after_the_high_interval),
          TEST_ROW(a_trial_is_committed_by_a_confirmed_report_that_is_due_at_once),
          TEST_ROW(a_report_that_was_built_before_the_trial_does_not_commit_it),
          TEST_ROW(a_trial_without_a_confirmed_report_ends_with_the_former_policy),
          TEST_ROW(a_trial_that_ended_is_told_and_may_be_tried_again),
          TEST_ROW(the_first_policy_on_trial_goes_back_to_none),
          TEST_ROW(the_rules_of_the_former_policy_survive_a_trial_and_what_comes_after),
          TEST_ROW(a_new_policy_judges_flows_that_passed_under_the_former_one))
