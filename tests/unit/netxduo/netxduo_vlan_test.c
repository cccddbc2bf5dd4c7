/* SPDX-License-Identifier: MIT */
/* VLANs, whose interfaces NetX Duo makes as copies of their parents, hooks included. */
#include "harness/check.h"
#include "netxduo_fixture.h"

static struct ports p; /* too large for a stack */

static void create_vlan(NX_IP *ip)
{
    ip->nx_ip_interface[1] = ip->nx_ip_interface[0];
    ip->nx_ip_interface[1].nx_interface_parent_ptr = &ip->nx_ip_interface[0];
}

static void send_by_both(unsigned *check_failures)
{
    NX_IP *ip = &p.ips[0];

    for (unsigned interface = 0; interface < 2; interface++) {
        CHECK_UINT(
            stack_drive(ip, interface, NX_LINK_PACKET_SEND, ports_packet(&p, OUT, false, 40)),
            NX_SUCCESS);
    }
    CHECK_UINT(stack.sent, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(ip->nx_ip_interface[0].nx_interface_link_driver_entry == stack_driver);
    CHECK(ip->nx_ip_interface[1].nx_interface_link_driver_entry == stack_driver);
}

TEST(a_vlan_created_before_attach_is_observed)
{
    ports_reset(&p);
    create_vlan(&p.ips[0]);
    CHECK(ports_attach(&p) == PICKET_OK);
    send_by_both(check_failures);
}

TEST(a_vlan_created_after_attach_is_observed_once)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    create_vlan(&p.ips[0]);
    stack_tick();
    send_by_both(check_failures);
}

TEST_MAIN(TEST_ROW(a_vlan_created_before_attach_is_observed),
          TEST_ROW(a_vlan_created_after_attach_is_observed_once))
