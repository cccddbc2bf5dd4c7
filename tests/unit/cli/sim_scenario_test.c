/* SPDX-License-Identifier: MIT */
#include "cli/sim_scenario.h"

#include "base/err.h"
#include "cli/sim_traffic.h"
#include "harness/check.h"
#include "picket/picket.h"

struct fixture {
    struct picket_agent agent;
    uint64_t storage[4096];
    uint64_t uptime_ms;
};

static uint32_t now_ms(void *context)
{
    const struct fixture *fixture = context;

    return (uint32_t)fixture->uptime_ms;
}

/* The first report of a device that plays @p text once; how many packets it was shown. */
static uint64_t play(struct fixture *fixture, const char *text, struct picket_report_head *ret,
                     uint32_t *ret_flows, unsigned *check_failures)
{
    static uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    const struct picket_port port = {.context = fixture, .now_ms = now_ms};
    const struct picket_config config = {.boot = 1,
                                         .interval_ms = 60000,
                                         .ipv4_storage = fixture->storage,
                                         .ipv4_storage_bytes = PICKET_IPV4_STORAGE_BYTES(128),
                                         .ipv6_storage = fixture->storage + 1024,
                                         .ipv6_storage_bytes = PICKET_IPV6_STORAGE_BYTES(128),
                                         .facts_storage = fixture->storage + 2048,
                                         .facts_storage_bytes = 4096};
    const struct sim_moment moment = {.device = 0, .window = 0};
    struct sim_scenario scenario;
    struct picket_report_reader reader;
    uint64_t packets = 0;
    size_t length = 0;

    CHECK(sim_scenario_read_text("test", text, &scenario, NULL) == PICKET_OK);
    CHECK(picket_init(&fixture->agent, &config, &port) == PICKET_OK);
    packets = sim_traffic_play(&scenario, &moment, &fixture->agent, &fixture->uptime_ms);
    CHECK(picket_build_report(&fixture->agent, bytes, sizeof(bytes), &length) == PICKET_OK);
    CHECK(picket_report_open(&reader, bytes, length, ret, ret_flows) == PICKET_OK);
    return packets;
}

TEST(the_device_code_sees_each_packet_of_each_talk_as_it_is_meant)
{
    static const struct {
        const char *text;
        uint64_t packets;
        uint32_t flows;
    } rows[] = {
        {"[a]\nto = 192.0.2.1\n", 6, 1}, /* SYN, SYN, a round, FIN, FIN */
        {"[a]\nto = 192.0.2.0/24\npeers = 10\nrounds = 2\n", 80, 10},
        {"[a]\nto = 2001:db8::/64\npeers = 3\n", 18, 3},
        {"[a]\nto = 192.0.2.1\noutcome = unanswered\n", 1, 1},
        {"[a]\nto = 192.0.2.1\noutcome = refused\n", 2, 1},
        {"[a]\nprotocol = udp\nto = 192.0.2.1\nrounds = 4\n", 8, 1},
        {"[a]\nprotocol = dns\nto = 192.0.2.53\nhost = a.example.com\nanswer = 192.0.2.1\n", 2, 1},
        {"[a]\nto = 192.0.2.1\nevery = 2\n[b]\nto = 192.0.2.2\nport = 80\n", 12, 2},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture fixture = {.uptime_ms = 0};
        struct picket_report_head head;
        uint32_t flows = 0;

        CHECK_UINT(play(&fixture, rows[i].text, &head, &flows, check_failures), rows[i].packets);
        CHECK_UINT(head.counters.seen, rows[i].packets);
        CHECK_UINT(head.counters.kept, rows[i].packets);
        CHECK_UINT(flows, rows[i].flows);
        CHECK_UINT(fixture.uptime_ms, 60000);
    }
}

TEST(what_is_wrong_is_said_with_its_place)
{
    static const struct {
        const char *text;
        const char *sentence;
    } rows[] = {
        {"[a]\nto = somewhere\n",
         "f:2: to: allowed is an address or a network such as 192.0.2.0/24"},
        {"[a]\nto = 192.0.2.1\nport = 0\n", "f:3: port: allowed is 1 to 65535"},
        {"[a]\nto = 192.0.2.1\ncolour = red\n", "f:3: there is no key 'colour' in [a]"},
        {"[device]\nport = 1\n", "f:2: there is no key 'port' in [device]"},
        {"to = 192.0.2.1\n", "f:1: allowed are 32 sections with names of 1 to 63 bytes"},
        {"[a]\nport = 1\n", "f: [a] says not with whom: to = ADDRESS"},
        {"[a]\nto = 192.0.2.1\npeers = 2\n", "f: [a] has more peers than addresses"},
        {"[a]\nto = 192.0.2.1\nprotocol = dns\n",
         "f: [a] says not which name is asked for: host = NAME"},
        {"[a]\nto = 192.0.2.1\nprotocol = udp\noutcome = refused\n",
         "f: [a] is refused, which only TCP can be"},
        {"nonsense\n", "f:1: allowed are [section] and key = value"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sim_scenario scenario;
        struct err err = {""};

        CHECK(sim_scenario_read_text("f", rows[i].text, &scenario, &err) == PICKET_E_MALFORMED);
        CHECK_TEXT(err.text, rows[i].sentence);
    }
}

TEST(the_standard_scenario_is_one)
{
    struct sim_scenario scenario;

    CHECK(sim_scenario_standard(&scenario, NULL) == PICKET_OK);
    CHECK_UINT(scenario.count, 3);
}

TEST_MAIN(TEST_ROW(the_device_code_sees_each_packet_of_each_talk_as_it_is_meant),
          TEST_ROW(what_is_wrong_is_said_with_its_place), TEST_ROW(the_standard_scenario_is_one))
