/* SPDX-License-Identifier: MIT */
/* The port without a timer, and with the least of everything. */
#include "harness/check.h"
#include "netxduo_fixture.h"

static struct ports p; /* too large for a stack */

TEST(without_a_timer_an_instance_is_found_when_the_port_is_asked_to_look)
{
    ports_reset(&p);
    stack_delete_ip(&p.ips[1]);
    stack_delete_ip(&p.ips[0]);
    CHECK(ports_attach(&p) == PICKET_OK);
    stack_create_ip(&p.ips[2]);
    stack_tick();
    CHECK(p.ips[2].nx_ip_interface[0].nx_interface_link_driver_entry == stack_driver);
    CHECK(picket_netxduo_adopt(&p.port) == PICKET_OK);
    ports_receive(&p, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(a_packet_of_more_parts_than_are_shown_counts_whole)
{
    NX_PACKET *packet = NULL;

    ports_reset(&p);
    stack_delete_ip(&p.ips[1]);
    CHECK(ports_attach(&p) == PICKET_OK);
    packet = ports_packet(&p, IN, false, 40);
    packet[1] = packet[0];
    packet[0].nx_packet_append_ptr = packet[0].nx_packet_prepend_ptr + 28;
    packet[1].nx_packet_prepend_ptr += 28;
    packet[0].nx_packet_next = &packet[1];
    stack_receive(&p.ips[0], packet);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.bytes, 68);
    CHECK(p.fixture.flows[0].kind == PICKET_KIND_WHOLE);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST_MAIN(TEST_ROW(without_a_timer_an_instance_is_found_when_the_port_is_asked_to_look),
          TEST_ROW(a_packet_of_more_parts_than_are_shown_counts_whole))
