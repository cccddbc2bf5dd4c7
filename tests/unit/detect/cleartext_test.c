/* SPDX-License-Identifier: MIT */
/* REC_CLEARTEXT: services that anyone on the way can read. */
#include "rig.h"

#define OUT PICKET_OUTBOUND
#define IN  PICKET_INBOUND

enum { TCP = 6, UDP = 17 };

TEST(service_port_protocol_and_outcome_decide)
{
    static const struct {
        enum picket_direction direction;
        uint8_t protocol;
        int32_t port;
        uint8_t outcome;
        const char *key; /* NULL: nothing */
    } rows[] = {
        {OUT, TCP, 23, PICKET_ANSWERED, "telnet/23"},
        {OUT, TCP, 21, PICKET_ANSWERED, "ftp/21"},
        {OUT, TCP, 80, PICKET_RESET, "http/80"},
        {OUT, TCP, 1883, PICKET_ANSWERED, "mqtt/1883"},
        {OUT, UDP, 5683, PICKET_ANSWERED, "coap/5683"},
        {OUT, UDP, 161, PICKET_ANSWERED, "snmp/161"},
        {OUT, UDP, 69, PICKET_ANSWERED, "tftp/69"},
        {OUT, UDP, 514, 0, "syslog/514"},
        {OUT, TCP, 80, 0, NULL},
        {OUT, TCP, 80, PICKET_REFUSED, NULL},
        {OUT, TCP, 443, PICKET_ANSWERED, NULL},
        {OUT, UDP, 80, PICKET_ANSWERED, NULL},
        {OUT, TCP, 161, PICKET_ANSWERED, NULL},
        {IN, TCP, 23, PICKET_ANSWERED, "telnet/23"},
        {IN, TCP, 23, PICKET_REFUSED, NULL},
        {IN, TCP, 23, 0, NULL},
        {IN, UDP, 161, PICKET_ANSWERED, "snmp/161"},
        {IN, UDP, 161, 0, NULL},
        {PICKET_DIRECTION_UNKNOWN, TCP, 23, PICKET_ANSWERED, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct flow flow = rig_flow("192.0.2.1", rows[i].direction, rows[i].protocol, rows[i].port);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        flow.outcome = rows[i].outcome;
        flow.packets_in = rows[i].direction == OUT && flow.outcome == 0 ? 0 : 10;
        flow.packets_out = rows[i].direction == IN && flow.outcome == 0 ? 0 : 10;
        rig_send(rig, &report);
        CHECK_UINT(rig->count, rows[i].key != NULL);
        if (rows[i].key != NULL) {
            CHECK_TEXT(rig->findings[0].key, rows[i].key);
            CHECK_TEXT(rig->findings[0].type, "REC_CLEARTEXT");
            CHECK_UINT(rig->findings[0].kind, FINDING_RECOMMENDATION);
            CHECK_UINT(rig->findings[0].severity, SEVERITY_MEDIUM);
        }
        rig_free(rig);
    }
}

TEST(exact_inbound_flow_is_judged_by_the_devices_own_port)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("192.0.2.1", IN, TCP, 443);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    flow.peer_port = 80; /* the peer happens to come from there */
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(multicast_discovery_is_no_service)
{
    struct rig *rig = rig_new(NULL);
    struct flow flow = rig_flow("224.0.1.187", OUT, UDP, 5683);
    struct report report = rig_report(0, MIN_US, &flow, 1);

    flow.cast = PICKET_MULTICAST;
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(service_is_one_finding_that_names_its_peers)
{
    static const char *const peers[] = {"192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1",
                                        "192.0.2.1"};
    struct rig *rig = rig_new(NULL);
    struct flow flows[6];
    struct report report = rig_report(0, MIN_US, flows, 6);

    for (size_t i = 0; i < 5; i++) {
        flows[i] = rig_flow(peers[i], OUT, TCP, 80);
        flows[i].first_us = flows[i].last_us = (int64_t)(5 - i);
    }
    flows[5] = rig_flow("192.0.2.9", IN, TCP, 23);
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].reason, "telnet/23 is served in clear text to 192.0.2.9.");
    CHECK_TEXT(rig->findings[1].reason,
               "http/80 is spoken in clear text with 192.0.2.1, 192.0.2.2, 192.0.2.3 and others.");
    CHECK_UINT(rig->findings[1].flow_count, 5);
    CHECK_UINT(rig->findings[1].first_us, 1);
    CHECK_UINT(rig->findings[1].last_us, 5);
    rig_free(rig);
}

TEST(table_of_services_is_a_parameter)
{
    struct rig *rig = rig_new("{'type': 'REC_CLEARTEXT', 'severity': 'Low', 'services': "
                              "[{'name': 'modbus', 'protocol': 'tcp', 'port': 502}]}");
    struct flow flows[2] = {rig_flow("192.0.2.1", OUT, TCP, 502),
                            rig_flow("192.0.2.1", OUT, TCP, 80)};
    struct report report = rig_report(0, MIN_US, flows, 2);

    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].key, "modbus/502");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(service_port_protocol_and_outcome_decide),
          TEST_ROW(exact_inbound_flow_is_judged_by_the_devices_own_port),
          TEST_ROW(multicast_discovery_is_no_service),
          TEST_ROW(service_is_one_finding_that_names_its_peers),
          TEST_ROW(table_of_services_is_a_parameter))
