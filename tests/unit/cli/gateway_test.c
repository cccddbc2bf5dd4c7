/* SPDX-License-Identifier: MIT */
/* Whose datagrams are, on a gateway that is 10.0.0.254 on its interface 0 and 192.0.2.254 on 1. */
#include "cli/gateway.h"

#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/check.h"
#include "picket_linux_ring.h"

#define DEVICES_MAX 4u
#define SAID_MAX    160u

enum { HERE = PACKET_HOST, SENT = PACKET_OUTGOING, PASSING = PACKET_OTHERHOST };

static struct address address_of(const char *text)
{
    struct address address;

    if (address_parse(text, strlen(text), &address) != PICKET_OK) {
        printf("%s is no address\n", text);
        abort();
    }
    return address;
}

static struct prefix prefix_of(const char *text)
{
    struct prefix prefix;

    if (prefix_parse(text, strlen(text), &prefix) != PICKET_OK) {
        printf("%s is no prefix\n", text);
        abort();
    }
    return prefix;
}

static struct gateway *gateway_new(enum gateway_devices devices)
{
    struct gateway *gateway = calloc(1, sizeof(*gateway));
    static const char *const own[] = {"10.0.0.254", "192.0.2.254"};
    size_t number = 0;

    if (gateway == NULL) {
        abort();
    }
    gateway->devices = devices;
    gateway->roster = roster_new(DEVICES_MAX);
    gateway->own = roster_new(2);
    for (size_t i = 0; i < 2; i++) {
        struct address address = address_of(own[i]);

        if (roster_admit(gateway->own, &address, &number) != PICKET_OK) {
            abort();
        }
        gateway->networks.items[i].interface = i;
        gateway->networks.items[i].prefix = prefix_of(i == 0 ? "10.0.0.0/24" : "192.0.2.0/24");
    }
    gateway->networks.count = 2;
    return gateway;
}

static void gateway_free(struct gateway *gateway)
{
    gateway_deinit(gateway);
    free(gateway);
}

/* A datagram on an interface, and what is said of it: "10.0.0.1 out, own in". */
struct row {
    size_t interface;
    unsigned way;
    const char *source;
    const char *destination;
    const char *said;
};

static void attribute(struct gateway *gateway, const struct picket_linux_frame *frame,
                      char ret_said[SAID_MAX])
{
    struct gateway_share shares[GATEWAY_SHARES_MAX];
    size_t count = gateway_attribute(gateway, frame, shares);
    size_t length = 0;

    ret_said[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        char key[GATEWAY_KEY_TEXT_MAX] = "own";

        if (!shares[i].is_own) {
            gateway_format_key(gateway->devices, roster_at(gateway->roster, shares[i].number), key);
        }
        length +=
            (size_t)snprintf(ret_said + length, SAID_MAX - length, "%s%s %s", i == 0 ? "" : ", ",
                             key, shares[i].direction == PICKET_OUTBOUND ? "out" : "in");
    }
}

static const char *said_of(struct gateway *gateway, const struct row *row, const uint8_t *ethernet,
                           char ret_said[SAID_MAX])
{
    uint8_t bytes[20] = {0x45};
    struct address source = address_of(row->source), destination = address_of(row->destination);
    struct picket_linux_frame frame = {.bytes = bytes,
                                       .captured = sizeof(bytes),
                                       .length = sizeof(bytes),
                                       .way = row->way,
                                       .ethernet = ethernet,
                                       .interface = row->interface};

    memcpy(bytes + 12, source.bytes + 12, 4);
    memcpy(bytes + 16, destination.bytes + 12, 4);
    attribute(gateway, &frame, ret_said);
    return ret_said;
}

TEST(each_end_that_is_behind_the_interface_is_a_device_and_no_other)
{
    static const struct row rows[] = {
        /* forwarded: behind one interface, or out of both */
        {0, HERE, "10.0.0.1", "203.0.113.7", "10.0.0.1 out"},
        {0, SENT, "203.0.113.7", "10.0.0.1", "10.0.0.1 in"},
        {0, HERE, "10.0.0.1", "192.0.2.9", "10.0.0.1 out"},
        {1, SENT, "10.0.0.1", "192.0.2.9", "192.0.2.9 in"},
        {0, HERE, "10.0.0.1", "10.0.0.2", "10.0.0.1 out"},
        {0, SENT, "10.0.0.1", "10.0.0.2", "10.0.0.2 in"},
        /* bridged */
        {0, PASSING, "10.0.0.1", "10.0.0.2", "10.0.0.1 out, 10.0.0.2 in"},
        {0, PASSING, "10.0.0.1", "203.0.113.7", "10.0.0.1 out"},
        {0, PASSING, "203.0.113.7", "203.0.113.8", ""},
        /* the gateway's own, also at its other address */
        {0, HERE, "10.0.0.1", "10.0.0.254", "10.0.0.1 out, own in"},
        {0, HERE, "10.0.0.1", "192.0.2.254", "10.0.0.1 out, own in"},
        {0, SENT, "10.0.0.254", "10.0.0.1", "own out, 10.0.0.1 in"},
        {0, SENT, "10.0.0.254", "203.0.113.7", "own out"},
        /* to many */
        {0, PACKET_BROADCAST, "10.0.0.1", "10.0.0.255", "10.0.0.1 out"},
        {0, PACKET_MULTICAST, "10.0.0.1", "224.0.0.251", "10.0.0.1 out"},
        {0, SENT, "10.0.0.254", "224.0.0.251", "own out"},
        /* of nobody that is local: as one behind the interface would see it */
        {0, HERE, "203.0.113.7", "203.0.113.8", "own out"},
        {0, SENT, "203.0.113.7", "203.0.113.8", "own in"},
        {0, HERE, "0.0.0.0", "255.255.255.255", "own out"},
        /* the gateway's address from without is no device */
        {0, HERE, "10.0.0.254", "203.0.113.7", "own out"},
        /* an address of the other interface's network is none of this one */
        {0, HERE, "192.0.2.9", "203.0.113.7", "own out"},
    };
    struct gateway *gateway = gateway_new(GATEWAY_ADDRESS);
    char said[SAID_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(said_of(gateway, &rows[i], NULL, said), rows[i].said);
    }
    CHECK_UINT(roster_count(gateway->roster), 3);
    CHECK_UINT(gateway->crowded, 0);
    gateway_free(gateway);
}

TEST(prefixes_that_are_named_count_on_every_interface_and_others_do_not)
{
    static const struct row rows[] = {
        {0, HERE, "198.51.100.5", "203.0.113.7", "198.51.100.5 out"},
        {1, SENT, "203.0.113.7", "198.51.100.5", "198.51.100.5 in"},
        {0, HERE, "10.0.0.1", "203.0.113.7", "own out"},
    };
    struct gateway *gateway = gateway_new(GATEWAY_ADDRESS);
    char said[SAID_MAX];

    gateway->locals[gateway->local_count++] = prefix_of("198.51.100.0/24");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(said_of(gateway, &rows[i], NULL, said), rows[i].said);
    }
    gateway_free(gateway);
}

/* To 02-00-00-00-00-02, from 02-00-00-00-00-01. */
static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
static const uint8_t to_many[14] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 0};

TEST(macs_are_devices_whatever_their_addresses)
{
    static const struct {
        struct row row;
        const uint8_t *ethernet;
    } rows[] = {
        {{0, HERE, "10.0.0.1", "203.0.113.7", "02-00-00-00-00-01 out"}, ethernet},
        {{0, SENT, "203.0.113.7", "10.0.0.1", "02-00-00-00-00-02 in"}, ethernet},
        {{0, PASSING, "10.0.0.1", "10.0.0.2", "02-00-00-00-00-01 out, 02-00-00-00-00-02 in"},
         ethernet},
        {{0, HERE, "172.16.0.1", "10.0.0.254", "02-00-00-00-00-01 out, own in"}, ethernet},
        {{0, SENT, "10.0.0.254", "10.0.0.255", "own out"}, to_many},
        {{0, SENT, "203.0.113.7", "10.0.0.255", "own in"}, to_many},
        {{0, HERE, "10.0.0.1", "203.0.113.7", "own out"}, NULL}, /* a link without MACs */
    };
    struct gateway *gateway = gateway_new(GATEWAY_MAC);
    char said[SAID_MAX];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(said_of(gateway, &rows[i].row, rows[i].ethernet, said), rows[i].row.said);
    }
    CHECK_UINT(roster_count(gateway->roster), 2);
    gateway_free(gateway);
}

TEST(address_behind_a_frame_to_many_is_no_device)
{
    static const struct row row = {0, SENT, "203.0.113.7", "10.0.0.255", "own in"};
    struct gateway *gateway = gateway_new(GATEWAY_ADDRESS);
    char said[SAID_MAX];

    CHECK_TEXT(said_of(gateway, &row, to_many, said), row.said);
    gateway_free(gateway);
}

TEST(end_without_room_is_the_gateways_the_way_the_device_would_see_it)
{
    static const struct row first = {0, HERE, "10.0.0.1", "203.0.113.7", "10.0.0.1 out"};
    static const struct row late = {0, SENT, "203.0.113.7", "10.0.0.200", "own in"};
    struct gateway *gateway = gateway_new(GATEWAY_ADDRESS);
    char said[SAID_MAX];

    CHECK_TEXT(said_of(gateway, &first, NULL, said), first.said);
    for (unsigned i = 2; i < 200; i++) {
        char source[16];
        char expected[SAID_MAX];
        const struct row row = {0, PASSING, source, "10.0.0.1", expected};

        (void)snprintf(source, sizeof(source), "10.0.0.%u", i);
        (void)snprintf(expected, sizeof(expected), "%s out, 10.0.0.1 in",
                       i > DEVICES_MAX ? "own" : source);
        CHECK_TEXT(said_of(gateway, &row, NULL, said), expected);
    }
    CHECK_UINT(roster_count(gateway->roster), DEVICES_MAX);
    CHECK_UINT(gateway->crowded, 199 - DEVICES_MAX);
    CHECK_TEXT(said_of(gateway, &late, NULL, said), late.said);
    gateway_free(gateway);
}

TEST(datagram_without_a_whole_header_is_the_gateways)
{
    static const uint8_t bytes[4] = {0x45};
    struct picket_linux_frame frame = {.bytes = bytes, .captured = 4, .length = 4, .way = HERE};
    struct gateway *gateway = gateway_new(GATEWAY_ADDRESS);
    char said[SAID_MAX];

    attribute(gateway, &frame, said);
    CHECK_TEXT(said, "own out");
    gateway_free(gateway);
}

TEST(key_is_read_back_as_it_is_written_and_no_other_way)
{
    static const struct {
        enum gateway_devices devices;
        const char *text;
        bool is_read;
    } rows[] = {
        {GATEWAY_ADDRESS, "192.0.2.7", true},          {GATEWAY_ADDRESS, "2001:db8::7", true},
        {GATEWAY_ADDRESS, "2001:db8:0::7", false},     {GATEWAY_ADDRESS, "2001:DB8::7", false},
        {GATEWAY_ADDRESS, "192.0.2.7 ", false},        {GATEWAY_ADDRESS, "", false},
        {GATEWAY_ADDRESS, "02-00-00-00-00-07", false}, {GATEWAY_MAC, "02-00-00-00-00-0f", true},
        {GATEWAY_MAC, "02-00-00-00-00-0F", false},     {GATEWAY_MAC, "02-00-00-00-00-7", false},
        {GATEWAY_MAC, "02-00-00-00-00-0f0", false},    {GATEWAY_MAC, "2-000-00-00-00-0f", false},
        {GATEWAY_MAC, "-2-00-00-00-00-0f", false},     {GATEWAY_MAC, "192.0.2.7", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char written[GATEWAY_KEY_TEXT_MAX] = "";
        struct address key;

        CHECK_UINT(gateway_parse_key(rows[i].devices, rows[i].text, &key), rows[i].is_read);
        if (rows[i].is_read) {
            gateway_format_key(rows[i].devices, &key, written);
            CHECK_TEXT(written, rows[i].text);
        }
    }
}

TEST_MAIN(TEST_ROW(each_end_that_is_behind_the_interface_is_a_device_and_no_other),
          TEST_ROW(prefixes_that_are_named_count_on_every_interface_and_others_do_not),
          TEST_ROW(macs_are_devices_whatever_their_addresses),
          TEST_ROW(address_behind_a_frame_to_many_is_no_device),
          TEST_ROW(end_without_room_is_the_gateways_the_way_the_device_would_see_it),
          TEST_ROW(datagram_without_a_whole_header_is_the_gateways),
          TEST_ROW(key_is_read_back_as_it_is_written_and_no_other_way))
