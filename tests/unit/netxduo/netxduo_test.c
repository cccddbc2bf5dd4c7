/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "netxduo_fixture.h"

#define PACKET_BYTES 68u /* of ports_receive() and ports_send() */

static struct ports p; /* too large for a stack */

static bool is_as_created(const NX_IP *ip)
{
    return ip->nx_ip_interface[0].nx_interface_link_driver_entry == stack_driver &&
           ip->nx_ip_interface[1].nx_interface_link_driver_entry == NX_NULL &&
           ip->nx_ipv4_packet_receive == stack_take_in && ip->nx_ipv6_packet_receive == NX_NULL;
}

TEST(every_instance_is_observed_and_detach_leaves_the_stack_as_it_was)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    for (size_t ip = 0; ip < 2; ip++) {
        ports_receive(&p, ip);
        CHECK_UINT(ports_send(&p, ip), NX_SUCCESS);
    }
    CHECK_UINT(stack.delivered, 2);
    CHECK_UINT(stack.sent, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 4);
    CHECK_UINT(p.fixture.bytes, 4 * PACKET_BYTES);
    CHECK_UINT(p.fixture.counters.dropped, 0);

    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(is_as_created(&p.ips[0]) && is_as_created(&p.ips[1]));
    CHECK(stack.timer == NULL && stack.interrupts == 0 && !stack.has_lock_fault);
    ports_receive(&p, 0);
    (void)ports_send(&p, 0);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK_UINT(stack.delivered, 3);
    CHECK_UINT(stack.sent, 3);
}

TEST(what_is_out_of_order_is_refused_and_changes_nothing)
{
    static struct picket_netxduo other;

    ports_reset(&p);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_E_STATE);
    CHECK(picket_netxduo_adopt(&p.port) == PICKET_E_STATE);
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_E_STATE);
    CHECK(picket_netxduo_attach(NULL, &p.fixture.agent) == PICKET_E_ARG);
    CHECK(picket_netxduo_attach(&p.port, NULL) == PICKET_E_ARG);
    CHECK(picket_netxduo_detach(NULL) == PICKET_E_ARG);
    CHECK(picket_netxduo_adopt(NULL) == PICKET_E_ARG);
    CHECK(picket_netxduo_tell_listeners(NULL) == PICKET_E_ARG);
    CHECK(is_as_created(&p.ips[0]));

    CHECK(ports_attach(&p) == PICKET_OK);
    CHECK(ports_attach(&p) == PICKET_E_STATE);
    CHECK(picket_netxduo_attach(&other, &p.fixture.agent) == PICKET_E_STATE);
    CHECK(picket_netxduo_detach(&other) == PICKET_E_STATE);
    ports_receive(&p, 0);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(more_instances_than_places_are_refused)
{
    ports_reset(&p);
    stack_create_ip(&p.ips[2]);
    CHECK(ports_attach(&p) == PICKET_E_LIMIT);
    CHECK(is_as_created(&p.ips[0]) && is_as_created(&p.ips[2]));
    stack_delete_ip(&p.ips[2]);
    CHECK(ports_attach(&p) == PICKET_OK);
    stack_create_ip(&p.ips[2]);
    CHECK(picket_netxduo_adopt(&p.port) == PICKET_E_LIMIT);
    CHECK(is_as_created(&p.ips[2]));
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(an_instance_created_later_is_found_at_the_next_tick)
{
    ports_reset(&p);
    stack_delete_ip(&p.ips[1]);
    CHECK(ports_attach(&p) == PICKET_OK);
    stack_create_ip(&p.ips[2]);
    stack_tick();
    ports_receive(&p, 2);
    (void)ports_send(&p, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK_UINT(p.fixture.counters.dropped, 0);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(is_as_created(&p.ips[2]));
}

TEST(what_a_late_instance_passed_before_it_was_found_is_told_as_dropped)
{
    ports_reset(&p);
    stack_delete_ip(&p.ips[1]);
    CHECK(ports_attach(&p) == PICKET_OK);
    stack_create_ip(&p.ips[2]);
    for (unsigned i = 0; i < 3; i++) {
        ports_receive(&p, 2);
    }
    p.ips[2].nx_ip_total_packets_sent = 4;
    stack_tick();
    ports_receive(&p, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK_UINT(p.fixture.counters.dropped, 7);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(what_passed_before_attach_is_not_told)
{
    ports_reset(&p);
    for (unsigned i = 0; i < 3; i++) {
        ports_receive(&p, 0);
    }
    CHECK(ports_attach(&p) == PICKET_OK);
    ports_receive(&p, 0);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(a_deleted_instance_is_never_touched_again)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    stack_delete_ip(&p.ips[0]);
    stack_tick();
    ports_receive(&p, 1);
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_OK);
    stack_delete_ip(&p.ips[1]);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    for (size_t i = 0; i < sizeof(p.ips[0]); i++) {
        CHECK(((const uint8_t *)&p.ips[0])[i] == 0xa5 && ((const uint8_t *)&p.ips[1])[i] == 0xa5);
    }
}

TEST(an_instance_created_again_in_the_same_memory_is_another_one)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    ports_receive(&p, 0);
    stack_delete_ip(&p.ips[0]);
    stack_create_ip(&p.ips[0]); /* between two ticks */
    stack_tick();
    ports_receive(&p, 0);
    (void)ports_send(&p, 0);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 3);
    CHECK_UINT(p.fixture.counters.dropped, 0);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(is_as_created(&p.ips[0]));
}

TEST(interfaces_and_ipv6_that_come_later_are_observed)
{
    NX_IP *ip = &p.ips[0];

    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    CHECK(ip->nx_ipv6_packet_receive == NX_NULL);
    ip->nx_ip_interface[1].nx_interface_link_driver_entry = stack_driver;
    ip->nx_ipv6_packet_receive = stack_take_in;
    stack_tick();
    (void)stack_drive(ip, 1, NX_LINK_PACKET_SEND, ports_packet(&p, OUT, true, 40));
    stack_receive(ip, ports_packet(&p, IN, true, 40));
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK_UINT(p.fixture.bytes, 2 * 88);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(ip->nx_ip_interface[1].nx_interface_link_driver_entry == stack_driver);
    CHECK(ip->nx_ipv6_packet_receive == stack_take_in);
}

TEST(only_datagrams_are_observed_of_what_a_driver_is_asked)
{
    static const UINT commands[] = {NX_LINK_PACKET_SEND, NX_LINK_PACKET_BROADCAST,
                                    NX_LINK_INITIALIZE, NX_LINK_ARP_SEND};

    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    for (size_t i = 0; i < 4; i++) {
        CHECK_UINT(stack_drive(&p.ips[0], 0, commands[i], ports_packet(&p, OUT, false, 40)),
                   NX_SUCCESS);
        CHECK_UINT(stack.last_command, commands[i]);
    }
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK_UINT(stack.sent, 4);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

/* Cuts the packet of p into parts of these lengths; 0 is a part of no bytes. */
static NX_PACKET *cut(NX_PACKET *packet, const size_t *lengths, size_t count)
{
    UCHAR *bytes = packet->nx_packet_prepend_ptr;

    for (size_t i = 0; i < count; i++) {
        packet[i].nx_packet_prepend_ptr = bytes;
        bytes += lengths[i];
        packet[i].nx_packet_append_ptr = bytes;
        packet[i].nx_packet_data_end = bytes;
        packet[i].nx_packet_next = i + 1 < count ? &packet[i + 1] : NX_NULL;
    }
    return packet;
}

TEST(a_chained_packet_counts_whole_wherever_it_is_cut)
{
    static const size_t cuts[][5] = {
        {68, 0, 0, 0, 0},  {0, 68, 0, 0, 0}, {20, 8, 40, 0, 0},    {1, 1, 66, 0, 0},
        {24, 4, 0, 0, 40}, {0, 0, 0, 0, 68}, {10, 10, 10, 10, 28},
    };

    for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
        ports_reset(&p);
        CHECK(ports_attach(&p) == PICKET_OK);
        stack_receive(&p.ips[0], cut(ports_packet(&p, IN, false, 40), cuts[i], 5));
        fixture_report(&p.fixture);
        CHECK_UINT(p.fixture.packets, 1);
        CHECK_UINT(p.fixture.bytes, PACKET_BYTES);
        CHECK(p.fixture.flows[0].kind == PICKET_KIND_WHOLE);
        CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    }
}

static void mark_beyond_the_end(NX_PACKET *packet)
{
    packet->nx_packet_append_ptr = packet->nx_packet_data_end + 100;
    packet->nx_packet_data_end = packet->nx_packet_prepend_ptr + 30;
}

static void mark_backwards(NX_PACKET *packet)
{
    packet->nx_packet_append_ptr = packet->nx_packet_prepend_ptr;
    packet->nx_packet_prepend_ptr += 30;
}

static void claim_nothing(NX_PACKET *packet)
{
    packet->nx_packet_length = 0;
}

static void claim_less(NX_PACKET *packet)
{
    packet->nx_packet_length = 30;
}

static void claim_more_in_the_header(NX_PACKET *packet)
{
    put_u16(packet->nx_packet_prepend_ptr + 2, 1500);
}

static void claim_more_everywhere(NX_PACKET *packet)
{
    claim_more_in_the_header(packet);
    packet->nx_packet_length = 1500;
}

static void lead_back(NX_PACKET *packet)
{
    packet->nx_packet_append_ptr = packet->nx_packet_prepend_ptr;
    packet->nx_packet_next = packet;
}

TEST(a_packet_that_contradicts_itself_is_counted_as_malformed)
{
    static void (*const faults[])(NX_PACKET *) = {
        mark_beyond_the_end,      mark_backwards,        claim_nothing, claim_less,
        claim_more_in_the_header, claim_more_everywhere, lead_back,
    };
    static const UINT count = sizeof(faults) / sizeof(faults[0]);

    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    for (size_t i = 0; i < count; i++) {
        NX_PACKET *packet = ports_packet(&p, OUT, false, 40);

        faults[i](packet);
        CHECK_UINT(stack_drive(&p.ips[0], 0, NX_LINK_PACKET_SEND, packet), NX_SUCCESS);
    }
    CHECK_UINT(stack.sent, count);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.malformed, count);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(a_packet_shorter_than_its_claimed_length_counts_with_what_there_is)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    ports_packet(&p, IN, false, 40)->nx_packet_length += 500;
    stack_receive(&p.ips[0], &p.packets[0]);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK_UINT(p.fixture.bytes, PACKET_BYTES);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(what_the_policy_blocks_is_released_and_goes_nowhere)
{
    ports_reset(&p);
    CHECK(ports_attach(&p) == PICKET_OK);
    verdict = PICKET_BLOCK;
    ports_receive(&p, 0);
    CHECK_UINT(ports_send(&p, 0), NX_NOT_SUCCESSFUL);
    CHECK_UINT(stack_drive(&p.ips[0], 0, NX_LINK_ARP_SEND, ports_packet(&p, OUT, false, 40)),
               NX_SUCCESS);
    verdict = PICKET_PASS;
    CHECK_UINT(stack.delivered, 0);
    CHECK_UINT(stack.released, 1);
    CHECK_UINT(stack.sent, 1);
    CHECK_UINT(stack.transmit_released, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

/* The listeners of the reports since, as the service would read them. */
static size_t read_listeners(struct picket_listener_record *ret_listeners)
{
    uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flows = 0;
    size_t length = 0;
    size_t count = 0;

    if (picket_seal_window(&p.fixture.agent) != PICKET_OK ||
        picket_build_report(&p.fixture.agent, bytes, sizeof(bytes), &length) != PICKET_OK ||
        picket_confirm_report(&p.fixture.agent) != PICKET_OK ||
        picket_report_open(&reader, bytes, length, &head, &flows) != PICKET_OK) {
        return SIZE_MAX;
    }
    (void)picket_report_seek(&reader, PICKET_SECTION_LISTENERS);
    while (picket_report_next_listener(&reader, &ret_listeners[count])) {
        count++;
    }
    return count;
}

TEST(listening_ports_of_all_instances_are_told_when_they_change)
{
    static uint64_t facts[128];
    struct picket_listener_record told[PICKET_NETXDUO_LISTENERS + 1] = {{0}};
    NX_TCP_LISTEN https = {443, NX_NULL};
    NX_TCP_LISTEN ssh = {22, &https};
    NX_UDP_SOCKET client = {NX_SEARCH_PORT_START, NX_NULL};
    NX_UDP_SOCKET snmp = {161, &client};
    NX_UDP_SOCKET dhcp = {68, NX_NULL};
    struct picket_config config;
    struct picket_port port;

    ports_reset(&p);
    config = fixture_config(&p.fixture, 16, false);
    config.facts_storage = facts;
    config.facts_storage_bytes = sizeof(facts);
    port = fixture_port(&p.fixture);
    CHECK(picket_init(&p.fixture.agent, &config, &port) == PICKET_OK);
    CHECK(ports_attach(&p) == PICKET_OK);
    https.nx_tcp_listen_next = &ssh;
    client.nx_udp_socket_bound_next = &snmp;
    dhcp.nx_udp_socket_bound_next = &dhcp;
    p.ips[0].nx_ip_tcp_active_listen_requests = &ssh;
    p.ips[1].nx_ip_tcp_active_listen_requests = &https;
    p.ips[1].nx_ip_udp_port_table[1] = &snmp;
    p.ips[1].nx_ip_udp_port_table[3] = &dhcp;
    p.ips[1].nx_ip_udp_created_sockets_count = 3;

    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_OK);
    CHECK_UINT(read_listeners(told), 4); /* 22, 443, 161, 68, each once */
    CHECK(told[0].protocol == TCP && told[3].protocol == UDP && told[3].address_size == 0);
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_OK);
    CHECK_UINT(read_listeners(told), 0);
    p.ips[1].nx_ip_udp_port_table[3] = NX_NULL;
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_OK);
    CHECK_UINT(read_listeners(told), 3);
    stack.ticks += 86400 * TX_TIMER_TICKS_PER_SECOND;
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_OK);
    CHECK_UINT(read_listeners(told), 3);
    CHECK(!stack.has_lock_fault && p.ips[1].nx_ip_protection.count == 0);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(more_listening_ports_than_places_are_told_as_too_many)
{
    static uint64_t facts[256];
    static NX_UDP_SOCKET sockets[PICKET_NETXDUO_LISTENERS + 1];
    struct picket_listener_record told[PICKET_NETXDUO_LISTENERS + 1] = {{0}};
    struct picket_config config;
    struct picket_port port;

    ports_reset(&p);
    config = fixture_config(&p.fixture, 16, false);
    config.facts_storage = facts;
    config.facts_storage_bytes = sizeof(facts);
    port = fixture_port(&p.fixture);
    CHECK(picket_init(&p.fixture.agent, &config, &port) == PICKET_OK);
    CHECK(ports_attach(&p) == PICKET_OK);
    for (UINT i = 0; i <= PICKET_NETXDUO_LISTENERS; i++) {
        sockets[i] = (NX_UDP_SOCKET){1000 + i, &sockets[(i + 1) % (PICKET_NETXDUO_LISTENERS + 1)]};
    }
    p.ips[0].nx_ip_udp_port_table[0] = &sockets[0];
    p.ips[0].nx_ip_udp_created_sockets_count = PICKET_NETXDUO_LISTENERS + 1;
    CHECK(picket_netxduo_tell_listeners(&p.port) == PICKET_E_LIMIT);
    CHECK_UINT(read_listeners(told), PICKET_NETXDUO_LISTENERS);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST_MAIN(TEST_ROW(every_instance_is_observed_and_detach_leaves_the_stack_as_it_was),
          TEST_ROW(what_is_out_of_order_is_refused_and_changes_nothing),
          TEST_ROW(more_instances_than_places_are_refused),
          TEST_ROW(an_instance_created_later_is_found_at_the_next_tick),
          TEST_ROW(what_a_late_instance_passed_before_it_was_found_is_told_as_dropped),
          TEST_ROW(what_passed_before_attach_is_not_told),
          TEST_ROW(a_deleted_instance_is_never_touched_again),
          TEST_ROW(an_instance_created_again_in_the_same_memory_is_another_one),
          TEST_ROW(interfaces_and_ipv6_that_come_later_are_observed),
          TEST_ROW(only_datagrams_are_observed_of_what_a_driver_is_asked),
          TEST_ROW(a_chained_packet_counts_whole_wherever_it_is_cut),
          TEST_ROW(a_packet_that_contradicts_itself_is_counted_as_malformed),
          TEST_ROW(a_packet_shorter_than_its_claimed_length_counts_with_what_there_is),
          TEST_ROW(what_the_policy_blocks_is_released_and_goes_nowhere),
          TEST_ROW(listening_ports_of_all_instances_are_told_when_they_change),
          TEST_ROW(more_listening_ports_than_places_are_told_as_too_many))
