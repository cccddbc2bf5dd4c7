/* SPDX-License-Identifier: MIT */
#include "agent_fixture.h"
#include "harness/check.h"
#include "picket/facts.h"

#define PEERS          20u
#define DATAGRAM_BYTES 2000u

static const struct talk peer4 = {ICMP, 0, 0, 1, false};
static const struct talk peer6 = {ICMPV6, 0, 0, 1, true};
static const struct talk web = {TCP, 443, 40000, 9, false};

/* What reports tell of ICMP flows. */
struct told {
    unsigned flows; /* of ICMP */
    unsigned records;
    unsigned parts;
    unsigned types; /* bit n: a record has this type, from 128 on for ICMPv6 */
    bool is_wrong;
    struct picket_icmp_record last;
    struct picket_flow_record last_flow; /* of that record */
};

/* A datagram of @p bytes that goes out or comes in. */
static void say_icmp(struct fixture *f, const struct talk *talk, enum picket_direction way,
                     unsigned type, unsigned code, size_t bytes)
{
    uint8_t datagram[DATAGRAM_BYTES] = {0};
    size_t header = put_ip_header(datagram, talk, way, bytes - (talk->is_ipv6 ? 40 : 20));

    datagram[header] = (uint8_t)type;
    datagram[header + 1] = (uint8_t)code;
    observe(f, way, datagram, bytes, bytes);
}

static bool is_icmp(const struct picket_flow_record *flow)
{
    return flow->protocol == ICMP || flow->protocol == ICMPV6;
}

/* Each record must be of an ICMP flow of the same report. */
static void take(struct told *told, const uint8_t *bytes, size_t length)
{
    struct picket_flow_record flows[FIXTURE_FLOWS_MAX];
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_icmp_record icmp;
    uint32_t count = 0;

    told->is_wrong |= picket_report_open(&reader, bytes, length, &head, &count) != PICKET_OK;
    for (uint32_t i = 0; i < count && i < FIXTURE_FLOWS_MAX; i++) {
        told->is_wrong |= !picket_report_next_flow(&reader, &flows[i]);
        told->flows += is_icmp(&flows[i]);
    }
    (void)picket_report_seek(&reader, PICKET_SECTION_ICMP);
    while (picket_report_next_icmp(&reader, &icmp)) {
        told->is_wrong |= icmp.flow >= count || !is_icmp(&flows[icmp.flow]);
        told->records++;
        told->types |= 1u << (icmp.type & 31u);
        told->last = icmp;
        told->last_flow = flows[icmp.flow];
    }
    told->parts++;
}

/* Closes the window, and builds each report twice, as when the first one was not acknowledged. */
static struct told report(struct fixture *f, size_t capacity)
{
    uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    uint8_t again[PICKET_REPORT_BYTES_MAX];
    struct told told = {0};
    size_t length = 0;
    size_t length_again = 0;

    told.is_wrong = picket_seal_window(&f->agent) != PICKET_OK;
    while (picket_build_report(&f->agent, bytes, capacity, &length) == PICKET_OK) {
        told.is_wrong |= length > capacity;
        told.is_wrong |=
            picket_build_report(&f->agent, again, capacity, &length_again) != PICKET_OK;
        told.is_wrong |= length != length_again || memcmp(bytes, again, length) != 0;
        take(&told, bytes, length);
        told.is_wrong |= picket_confirm_report(&f->agent) != PICKET_OK;
    }
    told.is_wrong |= f->agent.is_sealed; /* it has to come to an end */
    return told;
}

TEST(a_reply_is_counted_in_the_flow_of_its_request)
{
    static const struct {
        const struct talk *talk;
        unsigned request;
        unsigned reply;
    } rows[] = {{&peer4, 8, 0},     {&peer4, 13, 14},   {&peer4, 15, 16},  {&peer4, 17, 18},
                {&peer6, 128, 129}, {&peer6, 133, 134}, {&peer6, 135, 136}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned way = 0; way < 2; way++) {
            struct fixture f;
            struct told told;

            fixture_start(&f, 16, false);
            say_icmp(&f, rows[i].talk, way == 0 ? OUT : IN, rows[i].request, 0, 84);
            say_icmp(&f, rows[i].talk, way == 0 ? IN : OUT, rows[i].reply, 0, 84);
            told = report(&f, PICKET_REPORT_BYTES_MAX);
            CHECK(!told.is_wrong);
            CHECK_UINT(told.flows, 1);
            CHECK_UINT(told.records, 1);
            CHECK_UINT(told.last.type, rows[i].request);
            CHECK_UINT(told.last_flow.direction, way == 0 ? PICKET_OUTBOUND : PICKET_INBOUND);
            CHECK_UINT(told.last_flow.outcome, PICKET_ANSWERED);
            CHECK_UINT(told.last_flow.connections, 1);
        }
    }
}

TEST(each_type_and_code_is_a_flow_of_its_own)
{
    struct fixture f;
    struct told told;

    fixture_start(&f, 16, false);
    say_icmp(&f, &peer4, IN, 8, 0, 84);
    say_icmp(&f, &peer4, IN, 3, 1, 56);
    say_icmp(&f, &peer4, IN, 3, 3, 56);
    say_icmp(&f, &peer4, IN, 3, 3, 56);
    say(&f, &web, OUT, SYN);
    told = report(&f, PICKET_REPORT_BYTES_MAX);
    CHECK(!told.is_wrong);
    CHECK_UINT(told.flows, 3);
    CHECK_UINT(told.records, 3);
    CHECK_UINT(told.types, 1u << 8 | 1u << 3);
}

TEST(the_largest_datagram_of_a_window_is_told)
{
    static const size_t sizes[] = {84, 1500, 1028};
    struct fixture f;
    struct told told;

    fixture_start(&f, 16, false);
    for (size_t i = 0; i < 3; i++) {
        say_icmp(&f, &peer4, OUT, 8, 0, sizes[i]);
    }
    told = report(&f, PICKET_REPORT_BYTES_MAX);
    CHECK_UINT(told.last.bytes_max, 1500);
    CHECK_UINT(told.last_flow.connections, 1);
    CHECK_UINT(told.last_flow.bytes_out, 84 + 1500 + 1028);
    say_icmp(&f, &peer4, OUT, 8, 0, 60);
    told = report(&f, PICKET_REPORT_BYTES_MAX);
    CHECK_UINT(told.records, 1);
    CHECK_UINT(told.last.bytes_max, 60);
}

TEST(a_record_stands_in_the_report_of_its_flow_however_small_that_is)
{
    for (size_t capacity = 40; capacity < 700; capacity += 3) {
        struct fixture f;
        struct told told;

        fixture_start(&f, 4 * PEERS, false);
        for (uint16_t i = 0; i < PEERS; i++) {
            const struct talk talk4 = {ICMP, 0, 0, i, false};
            const struct talk talk6 = {ICMPV6, 0, 0, i, true};
            const struct talk other = {TCP, 443, 40000, i, false};

            say_icmp(&f, &talk4, OUT, 8, 0, 300);
            say_icmp(&f, &talk6, IN, 128, 0, 300);
            say(&f, &other, OUT, SYN);
        }
        told = report(&f, capacity);
        if (told.parts == 0) { /* too small for the counters; what was seen waits */
            CHECK(capacity < 250);
            continue;
        }
        CHECK(!told.is_wrong);
        CHECK_UINT(told.flows, 2 * PEERS);
        CHECK_UINT(told.records, 2 * PEERS);
    }
}

TEST(exact_flows_are_not_split_and_tell_no_types)
{
    struct fixture f;
    struct told told;

    fixture_start(&f, 16, true);
    say_icmp(&f, &peer4, OUT, 8, 0, 84);
    say_icmp(&f, &peer4, IN, 0, 0, 84);
    say_icmp(&f, &peer4, IN, 3, 1, 56);
    told = report(&f, PICKET_REPORT_BYTES_MAX);
    CHECK(!told.is_wrong);
    CHECK_UINT(told.flows, 1);
    CHECK_UINT(told.records, 0);
}

TEST(a_message_without_its_type_is_a_flow_without_a_record)
{
    uint8_t datagram[21] = {0};
    struct fixture f;
    struct told told;

    fixture_start(&f, 16, false);
    (void)put_ip_header(datagram, &peer4, IN, 64);
    observe(&f, IN, datagram, 20, 84);
    observe(&f, IN, datagram, 21, 84);
    told = report(&f, PICKET_REPORT_BYTES_MAX);
    CHECK(!told.is_wrong);
    CHECK_UINT(told.flows, 1);
    CHECK_UINT(told.records, 0);
    CHECK_UINT(f.agent.sealed.flow_count, 1);
}

TEST(flows_that_give_way_are_one_connection_each)
{
    struct fixture f;

    fixture_start(&f, 8, false);
    for (unsigned code = 0; code < 200; code++) {
        say_icmp(&f, &peer4, IN, 3, code, 900);
    }
    fixture_report(&f);
    CHECK(!f.has_fault);
    CHECK_UINT(f.packets, 200);
    CHECK_UINT(f.bytes, 200 * 900);
    CHECK(f.connections <= 200 && f.flow_count == 8);
    CHECK_UINT(f.flows[0].connections, 1);
}

TEST_MAIN(TEST_ROW(a_reply_is_counted_in_the_flow_of_its_request),
          TEST_ROW(each_type_and_code_is_a_flow_of_its_own),
          TEST_ROW(the_largest_datagram_of_a_window_is_told),
          TEST_ROW(a_record_stands_in_the_report_of_its_flow_however_small_that_is),
          TEST_ROW(exact_flows_are_not_split_and_tell_no_types),
          TEST_ROW(a_message_without_its_type_is_a_flow_without_a_record),
          TEST_ROW(flows_that_give_way_are_one_connection_each))
