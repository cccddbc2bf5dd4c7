/* SPDX-License-Identifier: MIT */
/* Packets and reports lie where a stack and an application put them: at any address. */
#include "harness/check.h"
#include "picket/picket.h"
#include "unit/device/agent_fixture.h"

#define SHIFTS 8u

static const struct talk talks[] = {
    {TCP, 40000, 443, 1, false}, {UDP, 40001, 53, 2, false}, {ICMP, 0, 0, 3, false},
    {TCP, 40002, 8883, 4, true}, {UDP, 40003, 123, 5, true}, {ICMPV6, 0, 0, 6, true},
};
#define TALKS (sizeof(talks) / sizeof(talks[0]))

/* One packet of @p talk, @p shift bytes from where an array of words may begin. */
static void say_at(struct fixture *fixture, const struct talk *talk, size_t shift)
{
    uint64_t words[9] = {0};
    uint8_t *bytes = (uint8_t *)words + shift;
    size_t header = put_ip_header(bytes, talk, OUT, 20);

    if (talk->local_port != 0) {
        put_u16(bytes + header, talk->local_port);
        put_u16(bytes + header + 2, talk->peer_port);
    }
    bytes[header + 13] = talk->protocol == TCP ? SYN : 0;
    observe(fixture, OUT, bytes, header + 20, header + 20);
}

/* Reports everything, into and from memory at @p shift. */
static void report_at(struct fixture *fixture, size_t shift, unsigned *check_failures)
{
    uint64_t words[256];
    uint8_t *bytes = (uint8_t *)words + shift;
    size_t length = 0;

    CHECK(picket_seal_window(&fixture->agent) == PICKET_OK);
    CHECK(picket_build_report(&fixture->agent, bytes, sizeof(words) - shift, &length) == PICKET_OK);
    fixture_read(fixture, bytes, length);
    CHECK(!fixture->has_fault);
}

static const struct picket_flow_record *find(const struct fixture *fixture, const struct talk *talk)
{
    size_t last = talk->is_ipv6 ? 15 : 3; /* of the address, where put_ip_header() puts the peer */

    for (size_t i = 0; i < fixture->flow_count; i++) {
        if (fixture->flows[i].protocol == talk->protocol &&
            fixture->flows[i].peer[last] == talk->peer) {
            return &fixture->flows[i];
        }
    }
    return NULL;
}

TEST(packets_and_reports_are_read_at_any_address)
{
    static struct fixture f; /* too large for a stack */

    for (size_t shift = 0; shift < SHIFTS; shift++) {
        fixture_start(&f, 8, false);
        for (size_t i = 0; i < TALKS; i++) {
            say_at(&f, &talks[i], shift);
        }
        report_at(&f, shift, check_failures);
        CHECK_UINT(f.flow_count, TALKS);
        for (size_t i = 0; i < TALKS; i++) {
            const struct picket_flow_record *flow = find(&f, &talks[i]);

            CHECK(flow != NULL && flow->peer_port == talks[i].peer_port);
            CHECK(flow != NULL && flow->bytes_out == (talks[i].is_ipv6 ? 60 : 40));
        }
    }
}

TEST_MAIN(TEST_ROW(packets_and_reports_are_read_at_any_address))
