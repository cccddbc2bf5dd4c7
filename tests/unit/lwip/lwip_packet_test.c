/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "lwip_fixture.h"

#define QINQ 0x88a8u

static struct ports p; /* too large for a stack */

static void start(void)
{
    ports_reset(&p);
    (void)ports_attach(&p, 0, &p.ethernet);
}

/* Takes in what the first part begins; all went on to the stack. */
static bool receive(void)
{
    stack.delivered = 0;
    return p.ethernet.input(&p.parts[0], &p.ethernet) == ERR_OK && stack.delivered == 1;
}

TEST(a_packet_in_parts_of_any_size_and_empty_ones_counts_as_a_whole_one)
{
    unsigned packets = 0;

    start();
    for (size_t length = FRAME_BYTES; length >= 6; length--) {
        (void)ports_frame(&p, IN, false, 0, 0);
        ports_cut(&p, length);
        CHECK(receive());
        packets++;
    }
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, packets);
    CHECK_UINT(p.fixture.bytes, packets * DATAGRAM);
    CHECK_UINT(p.fixture.counters.malformed, 0);
    CHECK(ports_detach(&p));
}

TEST(vlan_tags_are_left_out_two_at_most)
{
    static const struct {
        size_t tags;
        unsigned type;
        unsigned packets;
    } rows[] = {{1, ETHTYPE_VLAN, 1}, {2, ETHTYPE_VLAN, 1}, {1, QINQ, 1}, {3, ETHTYPE_VLAN, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        (void)ports_frame(&p, IN, true, rows[i].tags, rows[i].type);
        CHECK(receive());
        fixture_report(&p.fixture);
        CHECK_UINT(p.fixture.packets, rows[i].packets);
        CHECK_UINT(p.fixture.bytes, rows[i].packets * (DATAGRAM + 20));
        CHECK(ports_detach(&p));
    }
}

TEST(a_frame_that_ends_in_its_header_is_no_datagram)
{
    start();
    for (size_t length = 0; length < SIZEOF_ETH_HDR + 4; length++) {
        (void)ports_frame(&p, IN, false, 1, ETHTYPE_VLAN);
        p.parts[0].len = p.parts[0].tot_len = (u16_t)length;
        CHECK(receive());
    }
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK(ports_detach(&p));
}

TEST(a_frame_that_ends_behind_its_header_is_malformed)
{
    start();
    (void)ports_frame(&p, IN, false, 0, 0);
    p.parts[0].len = p.parts[0].tot_len = SIZEOF_ETH_HDR;
    CHECK(receive());
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.malformed, 1);
    CHECK(ports_detach(&p));
}

TEST(a_chain_that_holds_less_than_it_claims_is_malformed)
{
    start();
    (void)ports_frame(&p, IN, false, 0, 0);
    p.parts[0].len = (u16_t)(p.parts[0].len - 8);
    CHECK(receive());
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.malformed, 1);
    CHECK(ports_detach(&p));
}

TEST(parts_beyond_the_length_that_a_chain_claims_are_not_read)
{
    start();
    (void)ports_frame(&p, IN, false, 0, 0);
    p.parts[1] = (struct pbuf){NULL, NULL, 40, 40}; /* of another packet */
    p.parts[0].next = &p.parts[1];
    CHECK(receive());
    p.parts[0].next = NULL;
    p.parts[0].len = (u16_t)(p.parts[0].len + 500);
    CHECK(receive());
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 2);
    CHECK_UINT(p.fixture.bytes, 2 * DATAGRAM);
    CHECK(ports_detach(&p));
}

TEST(a_chain_of_empty_parts_that_leads_back_comes_to_an_end)
{
    start();
    p.parts[0] = (struct pbuf){&p.parts[1], NULL, 60, 0};
    p.parts[1] = (struct pbuf){&p.parts[0], NULL, 60, 0};
    CHECK(receive());
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.counters.seen, 0);
    CHECK(ports_detach(&p));
}

TEST(a_packet_of_more_parts_than_are_shown_is_counted_whole)
{
    ports_reset(&p);
    CHECK(ports_attach(&p, 0, &p.plain) == PICKET_OK);
    (void)ports_datagram(&p, IN, false, 0);
    for (size_t i = 0; i < PARTS_MAX; i++) {
        size_t length = i == 0 ? 28 : i + 1 < PARTS_MAX ? 1 : DATAGRAM - 28 - (PARTS_MAX - 2);

        p.parts[i] = (struct pbuf){i + 1 < PARTS_MAX ? &p.parts[i + 1] : NULL,
                                   p.bytes + (i == 0 ? 0 : 27 + i), DATAGRAM, (u16_t)length};
    }
    CHECK(p.plain.input(&p.parts[0], &p.plain) == ERR_OK);
    fixture_report(&p.fixture);
    CHECK_UINT(p.fixture.packets, 1);
    CHECK_UINT(p.fixture.bytes, DATAGRAM);
    CHECK(ports_detach(&p));
}

TEST_MAIN(TEST_ROW(a_packet_in_parts_of_any_size_and_empty_ones_counts_as_a_whole_one),
          TEST_ROW(vlan_tags_are_left_out_two_at_most),
          TEST_ROW(a_frame_that_ends_in_its_header_is_no_datagram),
          TEST_ROW(a_frame_that_ends_behind_its_header_is_malformed),
          TEST_ROW(a_chain_that_holds_less_than_it_claims_is_malformed),
          TEST_ROW(parts_beyond_the_length_that_a_chain_claims_are_not_read),
          TEST_ROW(a_chain_of_empty_parts_that_leads_back_comes_to_an_end),
          TEST_ROW(a_packet_of_more_parts_than_are_shown_is_counted_whole))
