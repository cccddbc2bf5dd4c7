/* SPDX-License-Identifier: MIT */
#include "picket/picket.h"

#include "agent_fixture.h"
#include "harness/check.h"

static const struct talk web = {TCP, 40000, 443, 1, false};
static const struct talk web6 = {TCP, 40000, 443, 1, true};
static const struct talk ping6 = {ICMPV6, 0, 0, 1, true};

#define ECHO_REQUEST6 128u
#define ECHO_REPLY6   129u

TEST(a_wrong_configuration_is_refused)
{
    static const char text[PICKET_TEXT_MAX + 1] = {'x'};
    struct fixture f;

    for (int flaw = 0; flaw < 13; flaw++) {
        struct picket_config config = fixture_config(&f, 8, false);
        struct picket_port port = fixture_port(&f);
        struct picket_config *config_given = &config;
        struct picket_port *port_given = &port;
        struct picket_agent *agent = &f.agent;

        f.now_ms = 0;
        switch (flaw) {
        case 0:
            agent = NULL;
            break;
        case 1:
            config_given = NULL;
            break;
        case 2:
            port_given = NULL;
            break;
        case 3:
            port.now_ms = NULL;
            break;
        case 4:
            port.lock = NULL;
            break;
        case 5:
            port.unlock = NULL;
            break;
        case 6:
            config.interval_ms = 999;
            break;
        case 7:
            config.interval_ms = 86400001;
            break;
        case 8:
            config.ipv4_storage = NULL;
            break;
        case 9:
            config.ipv6_storage = (uint8_t *)config.ipv6_storage + 4;
            break;
        case 10:
            config.system.hardware = (struct picket_text){text, PICKET_TEXT_MAX + 1};
            break;
        case 11:
            config.system.module_version = (struct picket_text){NULL, 1};
            break;
        case 12:
            config.system.sbom = (struct picket_text){text, PICKET_TEXT_MAX + 1};
            break;
        default:
            CHECK(picket_init(agent, config_given, port_given) == PICKET_OK);
            continue;
        }
        CHECK(picket_init(agent, config_given, port_given) == PICKET_E_ARG);
    }
}

TEST(null_arguments_do_nothing)
{
    struct fixture f;
    struct picket_datagram datagram = {OUT, NULL, 1, 40};
    uint8_t byte = 0;
    size_t length = 0;

    fixture_start(&f, 8, false);
    picket_observe(NULL, &datagram);
    picket_observe(&f.agent, NULL);
    picket_observe(&f.agent, &datagram);
    picket_note_dropped(NULL, 1);
    picket_note_filtered(NULL, 1);
    CHECK_UINT(picket_next_report_ms(NULL), 0);
    CHECK(picket_seal_window(NULL) == PICKET_E_ARG);
    CHECK(picket_confirm_report(NULL) == PICKET_E_ARG);
    CHECK(picket_build_report(NULL, &byte, 1, &length) == PICKET_E_ARG);
    CHECK(picket_build_report(&f.agent, NULL, 1, &length) == PICKET_E_ARG);
    CHECK(picket_build_report(&f.agent, &byte, 1, NULL) == PICKET_E_ARG);
    fixture_report(&f);
    CHECK_UINT(f.counters.seen, 0);
}

TEST(every_entry_locks_once_and_unlocks)
{
    struct fixture f;
    uint8_t bytes[512];
    size_t length = 0;

    fixture_start(&f, 8, false);
    say(&f, &web, OUT, SYN);
    CHECK_UINT(f.locks, 1);
    picket_note_dropped(&f.agent, 1);
    picket_note_filtered(&f.agent, 1);
    CHECK_UINT(f.locks, 3);
    CHECK(picket_next_report_ms(&f.agent) > 0);
    CHECK(picket_build_report(&f.agent, bytes, sizeof(bytes), &length) == PICKET_E_EMPTY);
    CHECK(picket_confirm_report(&f.agent) == PICKET_E_STATE);
    CHECK(picket_seal_window(&f.agent) == PICKET_OK);
    CHECK(picket_build_report(&f.agent, bytes, 8, &length) == PICKET_E_SPACE);
    CHECK_UINT(f.locks, 8);
    CHECK(!f.is_locked && !f.has_lock_fault);
}

TEST(an_agent_without_locks_and_clock_works)
{
    struct fixture f;
    struct picket_config config = fixture_config(&f, 8, false);
    struct picket_port port = {.context = &f, .now_ms = fixture_now_ms};

    memset(&f, 0, sizeof(f));
    CHECK(picket_init(&f.agent, &config, &port) == PICKET_OK);
    say(&f, &web, OUT, SYN);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK(!f.first.has_clock && !f.has_fault);
}

TEST(a_header_in_many_spans_is_read_like_one_in_a_row)
{
    uint8_t bytes[60] = {0};
    size_t header = put_ip_header(bytes, &web6, OUT, 20);
    struct picket_span spans[62];
    struct fixture f;

    put_u16(bytes + header, web6.local_port);
    put_u16(bytes + header + 2, web6.peer_port);
    bytes[header + 13] = SYN;
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        struct picket_datagram datagram = {OUT, spans, 3, sizeof(bytes)};

        fixture_start(&f, 8, false);
        spans[0] = (struct picket_span){bytes, cut};
        spans[1] = (struct picket_span){NULL, 0};
        spans[2] = (struct picket_span){bytes + cut, sizeof(bytes) - cut};
        picket_observe(&f.agent, &datagram);
        fixture_report(&f);
        CHECK_UINT(f.flow_count, 1);
        CHECK_UINT(f.flows[0].connections, 1);
        CHECK_UINT(f.flows[0].peer_port, 443);
    }
    fixture_start(&f, 8, false);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        spans[i] = (struct picket_span){bytes + i, 1};
    }
    picket_observe(&f.agent, &(struct picket_datagram){OUT, spans, sizeof(bytes), sizeof(bytes)});
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].connections, 1);
}

TEST(a_first_span_shorter_than_its_headers_is_enough_if_the_rest_follows)
{
    uint8_t bytes[300] = {0};
    struct picket_span spans[2] = {{bytes, 130}, {bytes + 130, 170}};
    struct fixture f;

    put_ip_header(bytes, &web, IN, 280);
    fixture_start(&f, 8, false);
    picket_observe(&f.agent, &(struct picket_datagram){IN, spans, 2, sizeof(bytes)});
    picket_observe(&f.agent, &(struct picket_datagram){IN, spans, 0, sizeof(bytes)});
    fixture_report(&f);
    CHECK_UINT(f.bytes, 300);
    CHECK_UINT(f.counters.malformed, 1); /* the one without spans */
}

TEST(what_cannot_be_parsed_is_counted)
{
    uint8_t bytes[40] = {0};
    struct fixture f;

    put_ip_header(bytes, &web, OUT, 21);
    fixture_start(&f, 8, false);
    observe(&f, OUT, bytes, 19, 41);
    observe(&f, OUT, bytes, 40, 40); /* claims 41 */
    observe(&f, IN, bytes, 0, 0);
    picket_note_dropped(&f.agent, 5);
    picket_note_filtered(&f.agent, 7);
    fixture_report(&f);
    CHECK_UINT(f.counters.malformed, 3);
    CHECK_UINT(f.counters.dropped, 5);
    CHECK_UINT(f.counters.filtered, 7);
    CHECK_UINT(f.counters.seen, 15);
    CHECK_UINT(f.flow_count, 0);
}

TEST(an_exact_agent_keeps_what_claims_too_much_as_a_kind_of_its_own)
{
    uint8_t bytes[40] = {0};
    struct fixture f;

    put_ip_header(bytes, &web, OUT, 21);
    fixture_start(&f, 8, true);
    observe(&f, OUT, bytes, 40, 40);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].kind, PICKET_KIND_BAD_LENGTH);
    CHECK_UINT(f.flows[0].bytes_out, 41);
    CHECK(!f.flows[0].has_peer_port && f.flows[0].has_local);
}

TEST(inbound_icmpv6_is_seen)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    say(&f, &ping6, IN, ECHO_REQUEST6);
    say(&f, &ping6, OUT, ECHO_REPLY6);
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].direction, IN);
    CHECK_UINT(f.flows[0].outcome, PICKET_ANSWERED);
    CHECK_UINT(f.flows[0].packets_in, 1);
    CHECK_UINT(f.flows[0].packets_out, 1);
    CHECK_UINT(f.flows[0].address_size, 16);
}

TEST(udp_behind_destination_options_is_seen)
{
    static const struct talk options = {60, 0, 0, 1, true};
    uint8_t bytes[56] = {0};
    struct fixture f;

    put_ip_header(bytes, &options, IN, 16);
    bytes[40] = UDP;
    put_u16(bytes + 48, 5683);
    put_u16(bytes + 50, 5684);
    fixture_start(&f, 8, false);
    observe(&f, IN, bytes, sizeof(bytes), sizeof(bytes));
    fixture_report(&f);
    CHECK_UINT(f.flow_count, 1);
    CHECK_UINT(f.flows[0].protocol, UDP);
    CHECK_UINT(f.flows[0].local_port, 5684);
    CHECK_UINT(f.flows[0].bytes_in, 56);
}

TEST(a_flood_of_126_echoed_udp_flows_in_one_window_is_counted)
{
    struct fixture f;

    fixture_start(&f, 64, false);
    for (uint16_t i = 0; i < 126; i++) {
        struct talk echo = {UDP, 7, (uint16_t)(50000 + i), (uint16_t)(i + 1), i % 2 == 0};

        say(&f, &echo, IN, 0);
        say(&f, &echo, OUT, 0);
    }
    fixture_report(&f);
    CHECK_UINT(f.packets, 252);
    CHECK_UINT(f.bytes, 126 * 50 * 2);
    CHECK_UINT(f.counters.seen, 252);
    CHECK_UINT(f.counters.kept + f.counters.folded, 252);
    CHECK(f.flow_count > 110);
}

TEST_MAIN(TEST_ROW(a_wrong_configuration_is_refused), TEST_ROW(null_arguments_do_nothing),
          TEST_ROW(every_entry_locks_once_and_unlocks),
          TEST_ROW(an_agent_without_locks_and_clock_works),
          TEST_ROW(a_header_in_many_spans_is_read_like_one_in_a_row),
          TEST_ROW(a_first_span_shorter_than_its_headers_is_enough_if_the_rest_follows),
          TEST_ROW(what_cannot_be_parsed_is_counted),
          TEST_ROW(an_exact_agent_keeps_what_claims_too_much_as_a_kind_of_its_own),
          TEST_ROW(inbound_icmpv6_is_seen), TEST_ROW(udp_behind_destination_options_is_seen),
          TEST_ROW(a_flood_of_126_echoed_udp_flows_in_one_window_is_counted))
