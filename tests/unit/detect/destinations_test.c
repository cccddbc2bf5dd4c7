/* SPDX-License-Identifier: MIT */
/* CA_CONN_TO_IP: what the device opens outside the allowed networks. */
#include "rig.h"

enum { ICMP = 1, TCP = 6 };

#define ALLOW "{'type': 'CA_CONN_TO_IP', 'enabled': true, 'cidr': ['10.0.0.0/8', '2001:db8::/32']"

TEST(only_outbound_unicast_outside_the_networks_raises)
{
    static const struct {
        const char *rule;
        const char *peer;
        enum picket_direction direction;
        uint8_t protocol;
        int32_t port;
        enum picket_cast cast;
        bool is_raised;
    } rows[] = {
        {ALLOW "}", "192.0.2.1", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, true},
        {ALLOW "}", "10.255.255.255", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, false},
        {ALLOW "}", "11.0.0.0", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, true},
        {ALLOW "}", "2001:db8::1", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, false},
        {ALLOW "}", "2001:db9::1", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, true},
        {ALLOW "}", "192.0.2.1", PICKET_INBOUND, TCP, 443, PICKET_UNICAST, false},
        {ALLOW "}", "192.0.2.1", PICKET_DIRECTION_UNKNOWN, TCP, 443, PICKET_UNICAST, false},
        {ALLOW "}", "224.0.0.1", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, false},
        {ALLOW "}", "192.0.2.255", PICKET_OUTBOUND, TCP, 443, PICKET_BROADCAST, false},
        {ALLOW "}", "192.0.2.1", PICKET_OUTBOUND, ICMP, -1, PICKET_UNICAST, true},
        {ALLOW ", 'ports': [443, 8080]}", "192.0.2.1", PICKET_OUTBOUND, TCP, 8080, PICKET_UNICAST,
         true},
        {ALLOW ", 'ports': [443, 8080]}", "192.0.2.1", PICKET_OUTBOUND, TCP, 22, PICKET_UNICAST,
         false},
        {ALLOW ", 'ports': [443, 8080]}", "192.0.2.1", PICKET_OUTBOUND, ICMP, -1, PICKET_UNICAST,
         false},
        {"{'type': 'CA_CONN_TO_IP', 'enabled': true, 'cidr': ['::/0']}", "192.0.2.1",
         PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, true},
        {"{'type': 'CA_CONN_TO_IP', 'enabled': true, 'cidr': ['0.0.0.0/0']}", "192.0.2.1",
         PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST, false},
        {"{'type': 'CA_CONN_TO_IP', 'enabled': true}", "10.0.0.1", PICKET_OUTBOUND, TCP, 443,
         PICKET_UNICAST, true},
        {"{'type': 'CA_CONN_TO_IP'}", "192.0.2.1", PICKET_OUTBOUND, TCP, 443, PICKET_UNICAST,
         false}, /* off unless switched on */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(rows[i].rule);
        struct flow flow =
            rig_flow(rows[i].peer, rows[i].direction, rows[i].protocol, rows[i].port);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        flow.cast = rows[i].cast;
        rig_send(rig, &report);
        CHECK_UINT(rig->count, rows[i].is_raised);
        if (rig->count != rows[i].is_raised) {
            printf("row %zu\n", i);
        }
        rig_free(rig);
    }
}

TEST(finding_is_low_keyed_by_peer_and_has_its_flows)
{
    struct rig *rig = rig_new(ALLOW "}");
    struct flow flows[3] = {rig_flow("192.0.2.1", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("192.0.2.2", PICKET_OUTBOUND, TCP, 443),
                            rig_flow("192.0.2.1", PICKET_OUTBOUND, TCP, 8080)};
    struct report report = rig_report(0, MIN_US, flows, 3);

    rig_send(rig, &report);
    CHECK_UINT(rig->count, 2);
    CHECK_TEXT(rig->findings[0].type, "CA_CONN_TO_IP");
    CHECK_TEXT(rig->findings[0].key, "192.0.2.1");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_LOW);
    CHECK_UINT(rig->findings[0].flow_count, 2);
    CHECK(rig->findings[0].indicator == NULL);
    CHECK_TEXT(rig->findings[0].reason,
               "Outbound tcp/443 to 192.0.2.1 (answered), which is in none of the 2 networks that "
               "the group may reach.");
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(only_outbound_unicast_outside_the_networks_raises),
          TEST_ROW(finding_is_low_keyed_by_peer_and_has_its_flows))
