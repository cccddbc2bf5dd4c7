/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "lwip_fixture.h"

#define ARP 0x0806u

static struct ports p; /* too large for a stack */

TEST(ethernet_frames_are_observed_both_ways_and_detach_leaves_the_netif_as_it_was)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(ports_receive(&p) == ERR_OK);
    CHECK(ports_send(&p) == ERR_OK);
    CHECK(p.ethernet.input(ports_frame(&p, IN, true, 0, 0), &p.ethernet) == ERR_OK);
    CHECK_UINT(stack.delivered, 2);
    CHECK_UINT(stack.sent, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 3);
    CHECK_UINT(p.fixture.bytes, 3 * DATAGRAM + 20);
    CHECK_UINT(p.fixture.counters.malformed, 0);

    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(stack_is_untouched(&p.ethernet));
    CHECK(ports_receive(&p) == ERR_OK);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK_UINT(stack.delivered, 3);
    CHECK(ports_detach(&p));
}

TEST(on_ethernet_what_is_handed_to_the_neighbour_search_is_not_counted)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(p.ethernet.output(&p.ethernet, ports_datagram(&p, OUT, false, 0), NULL) == ERR_OK);
    CHECK(p.ethernet.output_ip6(&p.ethernet, ports_datagram(&p, OUT, true, 0), NULL) == ERR_OK);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK(ports_detach(&p));
}

TEST(a_netif_without_ethernet_is_observed_where_datagrams_are_sent)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.plain) == PICKET_OK);
    CHECK(p.plain.input(ports_datagram(&p, IN, false, 0), &p.plain) == ERR_OK);
    CHECK(p.plain.output(&p.plain, ports_datagram(&p, OUT, false, 0), NULL) == ERR_OK);
    CHECK(p.plain.output_ip6(&p.plain, ports_datagram(&p, OUT, true, 0), NULL) == ERR_OK);
    CHECK(p.plain.linkoutput(&p.plain, ports_datagram(&p, OUT, false, 0)) == ERR_OK);
    CHECK_UINT(stack.delivered + stack.sent_ipv4 + stack.sent_ipv6 + stack.sent, 4);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 3);
    CHECK_UINT(p.fixture.bytes, 3 * DATAGRAM + 20);
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(ports_detach(&p));
}

TEST(frames_without_ip_pass_unseen)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    (void)ports_frame(&p, OUT, false, 0, 0);
    put_u16(p.bytes + SIZEOF_ETH_HDR - 2, ARP);
    CHECK(p.ethernet.linkoutput(&p.ethernet, &p.parts[0]) == ERR_OK);
    CHECK_UINT(stack.sent, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK(ports_detach(&p));
}

TEST(what_is_out_of_order_is_refused_and_changes_nothing)
{
    static struct netif stranger;

    ports_reset(&p);
    CHECK(picket_lwip_attach(NULL, &p.ethernet, &p.fixture.agent) == PICKET_E_ARG);
    CHECK(picket_lwip_attach(&p.watches[0], NULL, &p.fixture.agent) == PICKET_E_ARG);
    CHECK(picket_lwip_attach(&p.watches[0], &p.ethernet, NULL) == PICKET_E_ARG);
    CHECK(picket_lwip_detach(NULL) == PICKET_E_ARG);
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_E_STATE);
    CHECK(ports_attach(&p, 0, &stranger) == PICKET_E_NOTFOUND);
    CHECK(stack_is_untouched(&p.ethernet));

    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_E_STATE);
    CHECK(ports_attach(&p, 0, &p.plain) == PICKET_E_STATE);
    CHECK(ports_attach(&p, 1, &p.ethernet) == PICKET_E_STATE);
    CHECK(picket_lwip_detach(&p.watches[1]) == PICKET_E_STATE);
    CHECK(stack_is_untouched(&p.plain));
    CHECK(ports_receive(&p) == ERR_OK);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK(stack.core_checks > 0);
    CHECK(ports_detach(&p));
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_E_STATE);
}

TEST(netifs_may_have_agents_of_their_own_and_go_in_any_order)
{
    static struct fixture other;

    ports_reset(&p);
    fixture_start(&other, 16, false);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(picket_lwip_attach(&p.watches[1], &p.plain, &other.agent) == PICKET_OK);
    CHECK(ports_receive(&p) == ERR_OK);
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(p.plain.input(ports_datagram(&p, IN, false, 0), &p.plain) == ERR_OK);
    CHECK(p.plain.input(ports_datagram(&p, IN, false, 0), &p.plain) == ERR_OK);
    fixture_report(&p.fixture);
    fixture_report(&other);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK_UINT(other.packets, 2);
    CHECK(picket_lwip_detach(&p.watches[1]) == PICKET_OK);
    CHECK(ports_detach(&p));
}

TEST(a_removed_netif_is_let_go_and_not_touched)
{
    struct netif as_removed;

    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    stack_remove(&p.ethernet);
    as_removed = p.ethernet;
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(p.ethernet.input == as_removed.input && p.ethernet.linkoutput == as_removed.linkoutput);

    /* A driver that goes on all the same keeps its packets. */
    CHECK(ports_receive(&p) == ERR_IF);
    CHECK(ports_send(&p) == ERR_IF);
    CHECK_UINT(stack.freed, 0);

    stack_add(&p.ethernet, NETIF_FLAG_ETHERNET);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(ports_receive(&p) == ERR_OK);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK(ports_detach(&p));
}

TEST(a_netif_that_was_removed_and_added_again_is_let_go_as_it_is)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    stack_remove(&p.ethernet);
    stack_add(&p.ethernet, NETIF_FLAG_ETHERNET);
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(ports_detach(&p));
}

static netif_input_fn below;

static err_t stand_on_top(struct pbuf *packet, struct netif *netif)
{
    return below(packet, netif);
}

TEST(what_stands_on_top_keeps_its_place_and_the_port_passes_packets_through)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    below = p.ethernet.input;
    p.ethernet.input = stand_on_top;
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_E_STATE);
    CHECK(p.ethernet.input == stand_on_top);
    CHECK(ports_receive(&p) == ERR_OK);
    CHECK_UINT(stack.delivered, 1);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_E_STATE);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);

    p.ethernet.input = below;
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(ports_detach(&p));
}

TEST(a_thread_that_comes_late_goes_where_the_place_leads_now)
{
    netif_input_fn input = NULL;
    netif_linkoutput_fn linkoutput = NULL;

    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    input = p.ethernet.input;
    linkoutput = p.ethernet.linkoutput;
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(input(ports_frame(&p, IN, false, 0, 0), &p.ethernet) == ERR_OK);
    CHECK(linkoutput(&p.ethernet, ports_frame(&p, OUT, false, 0, 0)) == ERR_OK);
    CHECK_UINT(stack.delivered, 1);
    CHECK_UINT(stack.sent, 1);
    CHECK(ports_detach(&p));
}

static enum picket_status early;

static void detach_early(void)
{
    early = picket_lwip_detach(&p.watches[0]);
}

TEST(detach_does_not_let_go_while_a_packet_is_looked_at)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    while_looking = detach_early;
    CHECK(ports_receive(&p) == ERR_OK);
    CHECK(early == PICKET_E_STATE);
    CHECK_UINT(stack.delivered, 1);
    CHECK(stack_is_untouched(&p.ethernet));
    CHECK(picket_lwip_detach(&p.watches[0]) == PICKET_OK);
    CHECK(ports_detach(&p));
}

TEST(a_blocked_packet_is_freed_on_its_way_in_and_refused_on_its_way_out)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    CHECK(ports_attach(&p, 1, &p.plain) == PICKET_OK);
    verdict = PICKET_BLOCK;
    CHECK(ports_receive(&p) == ERR_OK);
    CHECK_UINT(stack.freed, 1);
    CHECK(ports_send(&p) == ERR_RTE);
    CHECK(p.plain.output(&p.plain, ports_datagram(&p, OUT, false, 0), NULL) == ERR_RTE);
    CHECK(p.plain.output_ip6(&p.plain, ports_datagram(&p, OUT, true, 0), NULL) == ERR_RTE);
    CHECK_UINT(stack.delivered + stack.sent + stack.sent_ipv4 + stack.sent_ipv6, 0);
    CHECK_UINT(stack.freed, 1); /* what is sent is its sender's */
    CHECK(ports_detach(&p));
}

TEST(what_the_stack_and_the_driver_answer_is_passed_on)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.ethernet) == PICKET_OK);
    stack.answer = ERR_MEM;
    CHECK(ports_receive(&p) == ERR_MEM);
    CHECK(ports_send(&p) == ERR_MEM);
    CHECK_UINT(stack.freed, 0);
    CHECK(ports_detach(&p));
}

TEST(clock_and_lock_are_those_of_lwip)
{
    static struct picket_lwip host;
    struct picket_port port = {.context = NULL};

    ports_reset(&p);
    CHECK(picket_lwip_init(NULL, &port) == PICKET_E_ARG);
    CHECK(picket_lwip_init(&host, NULL) == PICKET_E_ARG);
    stack.has_no_mutex = true;
    CHECK(picket_lwip_init(&host, &port) == PICKET_E_NOMEM);
    CHECK(port.lock == NULL);
    stack.has_no_mutex = false;
    CHECK(picket_lwip_init(&host, &port) == PICKET_OK);
    stack.now_ms = 4000000000u;
    CHECK_UINT(port.now_ms(port.context), 4000000000u);
    port.lock(port.context);
    CHECK_UINT(host.mutex.locks, 1);
    port.unlock(port.context);
    CHECK_UINT(host.mutex.locks, 0);
    picket_lwip_deinit(&host);
    picket_lwip_deinit(NULL);
    CHECK_UINT(stack.mutexes, 0);
    CHECK(picket_lwip_version().length == strlen("lwIP 2.1.3"));
}

TEST_MAIN(TEST_ROW(ethernet_frames_are_observed_both_ways_and_detach_leaves_the_netif_as_it_was),
          TEST_ROW(on_ethernet_what_is_handed_to_the_neighbour_search_is_not_counted),
          TEST_ROW(a_netif_without_ethernet_is_observed_where_datagrams_are_sent),
          TEST_ROW(frames_without_ip_pass_unseen),
          TEST_ROW(what_is_out_of_order_is_refused_and_changes_nothing),
          TEST_ROW(netifs_may_have_agents_of_their_own_and_go_in_any_order),
          TEST_ROW(a_removed_netif_is_let_go_and_not_touched),
          TEST_ROW(a_netif_that_was_removed_and_added_again_is_let_go_as_it_is),
          TEST_ROW(what_stands_on_top_keeps_its_place_and_the_port_passes_packets_through),
          TEST_ROW(a_thread_that_comes_late_goes_where_the_place_leads_now),
          TEST_ROW(detach_does_not_let_go_while_a_packet_is_looked_at),
          TEST_ROW(a_blocked_packet_is_freed_on_its_way_in_and_refused_on_its_way_out),
          TEST_ROW(what_the_stack_and_the_driver_answer_is_passed_on),
          TEST_ROW(clock_and_lock_are_those_of_lwip))
