/* SPDX-License-Identifier: MIT */
/* The application's own filters, of releases that have nx_ip_packet_filter_extended. */
#include "harness/check.h"
#include "netxduo_fixture.h"

static struct ports p; /* too large for a stack */

/* The application's filter: what it answers, how often it was asked, whom it asks in turn. */
static UINT app_verdict;
static unsigned app_calls;
static picket_netxduo_filter app_next;

static UINT app_filter(NX_IP *ip, NX_PACKET *packet, UINT direction)
{
    app_calls++;
    if (app_verdict == NX_SUCCESS && app_next != NX_NULL) {
        return app_next(ip, packet, direction);
    }
    return app_verdict;
}

static void start(void)
{
    app_verdict = NX_SUCCESS;
    app_calls = 0;
    app_next = NX_NULL;
    ports_reset(&p);
}

TEST(the_filter_that_was_there_is_asked_and_its_verdict_holds)
{
    NX_IP *ip = &p.ips[0];

    start();
    ip->nx_ip_packet_filter_extended = app_filter;
    CHECK(ports_attach(&p) == PICKET_OK);
    ports_receive(&p, 0);
    app_verdict = NX_NOT_SUCCESSFUL;
    ports_receive(&p, 0);
    CHECK_UINT(app_calls, 2);
    CHECK_UINT(stack.delivered, 1);
    CHECK_UINT(stack.released, 1);
    CHECK_UINT(
        ip->nx_ip_packet_filter_extended(ip, ports_packet(&p, OUT, false, 40), NX_IP_PACKET_OUT),
        NX_NOT_SUCCESSFUL);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2); /* also what it turned away; outbound is for the driver */
    CHECK_UINT(p.fixture.counters.dropped, 0);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(ip->nx_ip_packet_filter_extended == app_filter);
}

TEST(what_the_policy_blocks_gets_no_further_than_the_filter)
{
    start();
    p.ips[0].nx_ip_packet_filter_extended = app_filter;
    CHECK(ports_attach(&p) == PICKET_OK);
    verdict = PICKET_BLOCK;
    ports_receive(&p, 0);
    verdict = PICKET_PASS;
    CHECK_UINT(app_calls, 0);
    CHECK_UINT(stack.delivered, 0);
    CHECK_UINT(stack.released, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(a_filter_set_after_attach_that_leads_on_changes_nothing)
{
    NX_IP *ip = &p.ips[0];

    start();
    CHECK(ports_attach(&p) == PICKET_OK);
    app_next = ip->nx_ip_packet_filter_extended;
    ip->nx_ip_packet_filter_extended = app_filter;
    stack_tick();
    ports_receive(&p, 0);
    CHECK_UINT(app_calls, 1);
    CHECK_UINT(stack.delivered, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    ip->nx_ip_packet_filter_extended = app_next;
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(ip->nx_ip_packet_filter_extended == NX_NULL);
}

TEST(a_filter_set_after_attach_that_leads_nowhere_hides_only_what_it_turns_away)
{
    start();
    CHECK(ports_attach(&p) == PICKET_OK);
    p.ips[0].nx_ip_packet_filter_extended = app_filter;
    ports_receive(&p, 0);
    app_verdict = NX_NOT_SUCCESSFUL;
    ports_receive(&p, 0);
    ports_receive(&p, 0);
    app_verdict = NX_SUCCESS;
    ports_receive(&p, 0);
    CHECK_UINT(stack.delivered, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK_UINT(p.fixture.counters.dropped, 2);
    p.ips[0].nx_ip_packet_filter_extended = NX_NULL;
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(p.ips[0].nx_ip_packet_filter_extended == NX_NULL);
}

TEST(detach_under_another_filter_observes_nothing_more_and_can_be_finished_later)
{
    NX_IP *ip = &p.ips[0];

    start();
    CHECK(ports_attach(&p) == PICKET_OK);
    app_next = ip->nx_ip_packet_filter_extended;
    ip->nx_ip_packet_filter_extended = app_filter;
    CHECK(picket_netxduo_detach(&p.port) == PICKET_E_STATE);
    CHECK(ip->nx_ip_interface[0].nx_interface_link_driver_entry == stack_driver);
    ports_receive(&p, 0);
    CHECK_UINT(app_calls, 1);
    CHECK_UINT(stack.delivered, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK(picket_netxduo_adopt(&p.port) == PICKET_E_STATE);
    CHECK(ports_attach(&p) == PICKET_E_STATE);
    ip->nx_ip_packet_filter_extended = app_next;
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(ip->nx_ip_packet_filter_extended == NX_NULL);
    CHECK(ports_attach(&p) == PICKET_OK);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST(what_the_old_filter_turns_away_is_told_as_dropped)
{
    start();
    p.ips[0].nx_ip_packet_filter = stack_old_filter;
    CHECK(ports_attach(&p) == PICKET_OK);
    stack.old_filter_verdict = NX_NOT_SUCCESSFUL;
    ports_receive(&p, 0);
    stack.old_filter_verdict = NX_SUCCESS;
    ports_receive(&p, 0);
    CHECK_UINT(stack.old_filter_calls, 2);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK_UINT(p.fixture.counters.dropped, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
    CHECK(p.ips[0].nx_ip_packet_filter == stack_old_filter);
}

TEST(what_is_no_ip_is_counted_as_malformed)
{
    start();
    CHECK(ports_attach(&p) == PICKET_OK);
    ports_packet(&p, IN, false, 40)->nx_packet_prepend_ptr[0] = 0x95;
    stack_receive(&p.ips[0], &p.packets[0]);
    CHECK_UINT(stack.released, 1);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.malformed, 1);
    CHECK(picket_netxduo_detach(&p.port) == PICKET_OK);
}

TEST_MAIN(TEST_ROW(the_filter_that_was_there_is_asked_and_its_verdict_holds),
          TEST_ROW(what_the_policy_blocks_gets_no_further_than_the_filter),
          TEST_ROW(a_filter_set_after_attach_that_leads_on_changes_nothing),
          TEST_ROW(a_filter_set_after_attach_that_leads_nowhere_hides_only_what_it_turns_away),
          TEST_ROW(detach_under_another_filter_observes_nothing_more_and_can_be_finished_later),
          TEST_ROW(what_the_old_filter_turns_away_is_told_as_dropped),
          TEST_ROW(what_is_no_ip_is_counted_as_malformed))
