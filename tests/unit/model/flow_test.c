/* SPDX-License-Identifier: MIT */
#include "model/flow.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "harness/check.h"
#include "picket/facts.h"

static struct flow sample(void)
{
    struct flow flow = {.direction = PICKET_OUTBOUND,
                        .outcome = PICKET_ANSWERED | PICKET_RESET,
                        .protocol = 6,
                        .peer_port = 443,
                        .local_port = FLOW_PORT_UNKNOWN,
                        .connections = 2,
                        .packets_in = 10,
                        .packets_out = 11,
                        .bytes_in = 1000,
                        .bytes_out = 1100,
                        .first_us = 1000000,
                        .last_us = 2000000};
    const uint8_t peer[4] = {198, 51, 100, 7};

    flow.peer = address_from_bytes(peer, sizeof(peer));
    return flow;
}

static char *written(const struct flow *flow)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 10000);
    json_init(&json, &buf, false);
    flow_write_json(&json, NULL, flow);
    return buf_take(&buf, NULL);
}

TEST(service_port_is_of_the_side_that_did_not_open)
{
    struct flow flow = {.peer_port = 443, .local_port = 50000};

    CHECK_UINT(flow_service_port(&flow), 443);
    flow.direction = PICKET_INBOUND;
    CHECK_UINT(flow_service_port(&flow), 50000);
    flow.direction = PICKET_DIRECTION_UNKNOWN;
    CHECK_UINT(flow_service_port(&flow), 443); /* the lower one */
    flow.peer_port = 50001;
    CHECK_UINT(flow_service_port(&flow), 50000);
    flow.peer_port = 443;
    flow.local_port = FLOW_PORT_UNKNOWN;
    CHECK_UINT(flow_service_port(&flow), 443);
    flow.peer_port = FLOW_PORT_UNKNOWN;
    CHECK(flow_service_port(&flow) == FLOW_PORT_UNKNOWN);
}

TEST(protocols_have_names_or_numbers)
{
    static const struct {
        uint8_t protocol;
        const char *name;
    } rows[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"}, {58, "icmpv6"}, {0, "ip-0"}, {255, "ip-255"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[PROTOCOL_TEXT_MAX];

        protocol_format(rows[i].protocol, text);
        CHECK_TEXT(text, rows[i].name);
    }
}

TEST(strongest_outcome_gives_the_name)
{
    CHECK_TEXT(outcome_name(0, 0), "unanswered");
    CHECK_TEXT(outcome_name(PICKET_REFUSED, 0), "refused");
    CHECK_TEXT(outcome_name(PICKET_REFUSED | PICKET_RESET, 0), "reset");
    CHECK_TEXT(outcome_name(PICKET_REFUSED | PICKET_RESET | PICKET_ANSWERED, 0), "answered");
}

TEST(outcome_that_is_not_told_is_unknown_and_not_unanswered)
{
    CHECK_TEXT(outcome_name(0, FLOW_OUTCOME_UNKNOWN), "unknown");
    CHECK_TEXT(outcome_name(PICKET_REFUSED, FLOW_OUTCOME_UNKNOWN), "refused");
    CHECK_TEXT(outcome_name(0, FLOW_PACKETS_UNKNOWN), "unanswered");
}

TEST(what_is_unknown_stays_so_in_sums_and_is_null_in_json)
{
    struct flow total = sample();
    struct flow told = sample(), read = {0};
    struct json_t *object;
    char *text;

    told.unknown = FLOW_CONNECTIONS_UNKNOWN | FLOW_PACKETS_UNKNOWN | FLOW_IP_HEADERS_UNKNOWN |
                   FLOW_TIMES_UNKNOWN;
    told.connections = told.packets_in = told.packets_out = 0;
    flow_add(&total, &told);
    text = written(&total);
    CHECK(strstr(text, "\"connections\":null,\"packets_in\":null,\"packets_out\":null,"
                       "\"bytes_in\":2000,\"bytes_out\":2200,\"unknown\":[\"connections\","
                       "\"packets\",\"ip_headers\",\"times\"]") != NULL);
    object = json_loads(text, 0, NULL);
    CHECK(flow_read_json(object, &read) == NULL);
    CHECK_UINT(read.unknown, told.unknown);
    CHECK_UINT(read.packets_in, 0);
    CHECK_UINT(read.bytes_in, 2000);
    json_object_set_new(object, "packets_in", json_integer(1));
    CHECK_TEXT(flow_read_json(object, &read), "packets_in");
    json_object_set_new(object, "unknown", json_pack("[s]", "weather"));
    CHECK_TEXT(flow_read_json(object, &read), "unknown");
    json_decref(object);
    free(text);
}

TEST(ways_are_told_by_packets_or_else_by_bytes)
{
    struct flow flow = sample();

    CHECK(flow_is_both_ways(&flow));
    flow.unknown = FLOW_PACKETS_UNKNOWN;
    flow.packets_in = flow.packets_out = 0;
    CHECK(flow_is_both_ways(&flow) && !flow_is_inward(&flow));
    flow.bytes_out = 0;
    CHECK(!flow_is_both_ways(&flow) && flow_is_inward(&flow));
    flow.bytes_in = 0;
    flow.unknown |= FLOW_BYTES_UNKNOWN;
    CHECK(!flow_is_both_ways(&flow) && !flow_is_inward(&flow));
}

TEST(flows_are_the_same_whatever_their_counts)
{
    struct flow a = sample();
    struct flow b = sample();

    b.outcome = 0;
    b.packets_in = 99;
    b.first_us = 5;
    CHECK(flow_same(&a, &b));
    b.local.bytes[0] = 1; /* means nothing without has_local */
    CHECK(flow_same(&a, &b));
}

TEST(flows_differ_by_each_part_of_their_key)
{
    struct flow a = sample();
    struct flow others[] = {sample(), sample(), sample(), sample(), sample(),
                            sample(), sample(), sample(), sample()};

    others[0].direction = PICKET_INBOUND;
    others[1].kind = PICKET_KIND_CUT;
    others[2].cast = PICKET_MULTICAST;
    others[3].protocol = 17;
    others[4].peer_port = 80;
    others[5].local_port = 1;
    others[6].has_local = true;
    others[7].peer.bytes[15] = 8;
    others[8].has_local = true;
    others[8].local.bytes[0] = 1;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!flow_same(&a, &others[i]));
    }
    CHECK(!flow_same(&others[6], &others[8]));
}

TEST(adding_sums_counts_joins_outcomes_and_widens_times)
{
    struct flow flow = sample();
    struct flow more = sample();

    more.outcome = PICKET_REFUSED;
    more.first_us = 500000;
    more.last_us = 1500000;
    flow_add(&flow, &more);
    CHECK_UINT(flow.outcome, PICKET_ANSWERED | PICKET_RESET | PICKET_REFUSED);
    CHECK_UINT(flow.connections, 4);
    CHECK_UINT(flow.packets_in, 20);
    CHECK_UINT(flow.packets_out, 22);
    CHECK_UINT(flow.bytes_in, 2000);
    CHECK_UINT(flow.bytes_out, 2200);
    CHECK_UINT(flow.first_us, 500000);
    CHECK_UINT(flow.last_us, 2000000);
}

TEST(sums_stop_at_the_largest_count)
{
    struct flow flow = sample();
    struct flow more = sample();

    flow.bytes_in = FLOW_COUNT_MAX - 5;
    more.bytes_in = 6;
    flow.bytes_out = UINT64_MAX;
    flow_add(&flow, &more);
    CHECK_UINT(flow.bytes_in, FLOW_COUNT_MAX);
    CHECK_UINT(flow.bytes_out, FLOW_COUNT_MAX);
    CHECK_UINT(flow.connections, 4);
}

TEST(json_has_every_member)
{
    struct flow flow = sample();
    char *text = written(&flow);

    CHECK_TEXT(text, "{\"direction\":\"outbound\",\"kind\":\"whole\",\"cast\":\"unicast\","
                     "\"outcome\":\"answered\",\"outcomes\":[\"answered\",\"reset\"],"
                     "\"protocol\":\"tcp\",\"peer\":\"198.51.100.7\",\"peer_name\":null,"
                     "\"local\":null,"
                     "\"peer_port\":443,\"local_port\":null,\"connections\":2,\"packets_in\":10,"
                     "\"packets_out\":11,\"bytes_in\":1000,\"bytes_out\":1100,"
                     "\"first_seen\":\"1970-01-01T00:00:01.000000Z\","
                     "\"last_seen\":\"1970-01-01T00:00:02.000000Z\"}");
    free(text);
}

static void check_reads_back(const struct flow *flow, unsigned *check_failures)
{
    char *text = written(flow);
    json_t *object = json_loads(text == NULL ? "" : text, 0, NULL);
    struct flow back = {.protocol = 0};

    CHECK(flow_read_json(object, &back) == NULL);
    CHECK(flow_same(flow, &back));
    CHECK_UINT(back.outcome, flow->outcome);
    CHECK_UINT(back.connections, flow->connections);
    CHECK_UINT(back.packets_in, flow->packets_in);
    CHECK_UINT(back.packets_out, flow->packets_out);
    CHECK_UINT(back.bytes_in, flow->bytes_in);
    CHECK_UINT(back.bytes_out, flow->bytes_out);
    CHECK_UINT(back.first_us, flow->first_us);
    CHECK_UINT(back.last_us, flow->last_us);
    json_decref(object);
    free(text);
}

TEST(flows_of_every_kind_are_read_back)
{
    struct flow flow = sample();

    check_reads_back(&flow, check_failures);
    flow.has_local = true;
    flow.local.bytes[0] = 0xfe;
    flow.peer_port = 0;
    flow.local_port = 65535;
    flow.direction = PICKET_DIRECTION_UNKNOWN;
    flow.kind = PICKET_KIND_BAD_LENGTH;
    flow.cast = PICKET_LOOPBACK;
    flow.protocol = 47;
    flow.outcome = 0;
    flow.bytes_in = FLOW_COUNT_MAX;
    check_reads_back(&flow, check_failures);
}

TEST(name_of_the_peer_is_read_back_and_may_be_missing)
{
    char longest[PICKET_NAME_MAX + 1] = {0};
    struct flow flow = sample();
    struct flow back = {.protocol = 0};
    json_t *object;
    char *text;

    memset(longest, 'n', PICKET_NAME_MAX);
    flow.peer_name = longest;
    text = written(&flow);
    object = json_loads(text == NULL ? "" : text, 0, NULL);
    CHECK(flow_read_json(object, &back) == NULL);
    CHECK_TEXT(back.peer_name, longest);
    json_object_set_new(object, "peer_name", json_sprintf("%sn", longest));
    CHECK_TEXT(flow_read_json(object, &back), "peer_name");
    json_object_set_new(object, "peer_name", json_string(""));
    CHECK_TEXT(flow_read_json(object, &back), "peer_name");
    json_object_set_new(object, "peer_name", json_integer(7));
    CHECK_TEXT(flow_read_json(object, &back), "peer_name");
    json_object_del(object, "peer_name");
    CHECK(flow_read_json(object, &back) == NULL && back.peer_name == NULL);
    json_decref(object);
    free(text);
}

TEST(the_member_that_is_wrong_is_named)
{
    static const struct {
        const char *key;
        const char *value;
    } rows[] = {
        {"direction", "\"sideways\""},
        {"kind", "3"},
        {"outcomes", "[\"won\"]"},
        {"outcomes", "[7]"},
        {"protocol", "\"ip-256\""},
        {"peer", "\"1.2.3\""},
        {"local", "\"x\""},
        {"peer_port", "65536"},
        {"local_port", "-1"},
        {"bytes_in", "-1"},
        {"bytes_out", "1.5"},
        {"last_seen", "\"today\""},
        {"packets_in", "null"},
    };
    struct flow flow = sample();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *text = written(&flow);
        json_t *object = json_loads(text == NULL ? "" : text, 0, NULL);
        struct flow back = {.protocol = 99};

        json_object_set_new(object, rows[i].key, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        CHECK_TEXT(flow_read_json(object, &back), rows[i].key);
        CHECK_UINT(back.protocol, 99);
        json_object_del(object, rows[i].key);
        CHECK_TEXT(flow_read_json(object, &back), rows[i].key);
        json_decref(object);
        free(text);
    }
    CHECK_TEXT(flow_read_json(NULL, &flow), "direction");
}

TEST_MAIN(TEST_ROW(service_port_is_of_the_side_that_did_not_open),
          TEST_ROW(protocols_have_names_or_numbers), TEST_ROW(strongest_outcome_gives_the_name),
          TEST_ROW(outcome_that_is_not_told_is_unknown_and_not_unanswered),
          TEST_ROW(what_is_unknown_stays_so_in_sums_and_is_null_in_json),
          TEST_ROW(ways_are_told_by_packets_or_else_by_bytes),
          TEST_ROW(flows_are_the_same_whatever_their_counts),
          TEST_ROW(flows_differ_by_each_part_of_their_key),
          TEST_ROW(adding_sums_counts_joins_outcomes_and_widens_times),
          TEST_ROW(sums_stop_at_the_largest_count), TEST_ROW(json_has_every_member),
          TEST_ROW(flows_of_every_kind_are_read_back),
          TEST_ROW(name_of_the_peer_is_read_back_and_may_be_missing),
          TEST_ROW(the_member_that_is_wrong_is_named))
