/* SPDX-License-Identifier: MIT */
#include "model/address.h"

#include "harness/check.h"

static struct address from_text(const char *text)
{
    struct address address = {{0}};

    if (address_parse(text, strlen(text), &address) != PICKET_OK) {
        printf("no address: %s\n", text);
    }
    return address;
}

TEST(addresses_are_read_and_written_in_their_shortest_form)
{
    static const struct {
        const char *text;
        const char *expected;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"0.0.0.0", "0.0.0.0"},
        {"255.255.255.255", "255.255.255.255"},
        {"::", "::"},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::ffff:c000:201", "192.0.2.1"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = from_text(rows[i].text);
        char text[ADDRESS_TEXT_MAX];

        address_format(&address, text);
        CHECK_TEXT(text, rows[i].expected);
    }
}

TEST(what_is_no_address_is_refused)
{
    static const char *const rows[] = {
        "",
        "1",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "01.2.3.4",
        "1.2.3.4 ",
        " 1.2.3.4",
        "1.2.3.",
        "0x1.2.3.4",
        "fe80::1%eth0",
        ":",
        ":::",
        "1::2::3",
        "12345::",
        "g::",
        "[::1]",
        "1.2.3.4/8",
        "::1.2.3",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct address address = {{42}};
        bool is_refused = address_parse(rows[i], strlen(rows[i]), &address) == PICKET_E_MALFORMED &&
                          address.bytes[0] == 42;
        const char *accepted = is_refused ? "none" : rows[i];

        CHECK_TEXT(accepted, "none");
    }
}

TEST(only_the_given_length_is_read)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    CHECK_UINT(address_parse("10.0.0.123", 8, &address), PICKET_OK);
    address_format(&address, text);
    CHECK_TEXT(text, "10.0.0.1");
    CHECK_UINT(address_parse("10.0.0.1\0", 9, &address), PICKET_E_MALFORMED);
    CHECK_UINT(address_parse("10.0.0.1", 0, &address), PICKET_E_MALFORMED);
}

TEST(both_notations_of_an_ipv4_address_are_equal)
{
    const uint8_t bytes[4] = {192, 0, 2, 1};
    struct address four = address_from_bytes(bytes, 4);
    struct address mapped = from_text("::ffff:192.0.2.1");
    struct address other = from_text("::fffe:c000:201");

    CHECK(address_equal(&four, &mapped));
    CHECK(address_is_ipv4(&mapped));
    CHECK(!address_is_ipv4(&other));
    CHECK(!address_equal(&four, &other));
}

static const struct {
    const char *text;
    bool is_public;
} publics[] = {
    {"8.8.8.8", true},
    {"0.0.0.0", false},
    {"0.255.255.255", false},
    {"1.0.0.0", true},
    {"9.255.255.255", true},
    {"10.0.0.0", false},
    {"10.255.255.255", false},
    {"11.0.0.0", true},
    {"100.63.255.255", true},
    {"100.64.0.0", false},
    {"100.127.255.255", false},
    {"100.128.0.0", true},
    {"127.0.0.1", false},
    {"169.253.255.255", true},
    {"169.254.1.1", false},
    {"172.15.255.255", true},
    {"172.16.0.0", false},
    {"172.31.255.255", false},
    {"172.32.0.0", true},
    {"192.0.0.8", false},
    {"192.0.0.9", true},
    {"192.0.0.10", true},
    {"192.0.0.11", false},
    {"192.0.1.0", true},
    {"192.0.2.255", false},
    {"192.31.196.1", true},
    {"192.52.193.1", true},
    {"192.88.99.1", false},
    {"192.167.255.255", true},
    {"192.168.0.0", false},
    {"192.169.0.0", true},
    {"192.175.48.1", true},
    {"198.17.255.255", true},
    {"198.18.0.0", false},
    {"198.19.255.255", false},
    {"198.20.0.0", true},
    {"198.51.100.7", false},
    {"203.0.113.7", false},
    {"223.255.255.255", true},
    {"224.0.0.1", false},
    {"239.255.255.250", false},
    {"240.0.0.1", false},
    {"255.255.255.255", false},
    {"::", false},
    {"::1", false},
    {"64:ff9b::808:808", true},
    {"64:ff9b:1::1", false},
    {"100::1", false},
    {"100:0:0:1::1", false},
    {"2001::1", true},
    {"2001:1::", false},
    {"2001:1::1", true},
    {"2001:1::2", true},
    {"2001:1::3", true},
    {"2001:1::4", false},
    {"2001:2::1", false},
    {"2001:3::1", true},
    {"2001:4:112::1", true},
    {"2001:4:113::1", false},
    {"2001:10::1", false},
    {"2001:20::1", true},
    {"2001:2f:ffff::1", true},
    {"2001:30::1", true},
    {"2001:40::1", false},
    {"2001:1ff:ffff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2001:db9::1", true},
    {"2002:808:808::1", true},
    {"2606:4700:4700::1111", true},
    {"2620:4f:8000::1", true},
    {"3fff::1", false},
    {"3fff:fff:ffff::1", false},
    {"3fff:1000::1", true},
    {"4000::1", false},
    {"5f00::1", false},
    {"fc00::1", false},
    {"fd12:3456::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

TEST(public_follows_the_registries)
{
    for (size_t i = 0; i < sizeof(publics) / sizeof(publics[0]); i++) {
        struct prefix prefix = {from_text(publics[i].text), 128};
        bool is_right = prefix_is_public(&prefix) == publics[i].is_public;
        const char *wrong = is_right ? "none" : publics[i].text;

        CHECK_TEXT(wrong, "none");
    }
}

TEST(multicast_is_known_in_both_versions)
{
    struct address rows[] = {from_text("224.0.0.1"), from_text("239.255.255.250"),
                             from_text("ff02::fb")};
    struct address others[] = {from_text("223.255.255.255"), from_text("240.0.0.0"),
                               from_text("fe80::1"), from_text("::e000:1")};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(address_is_multicast(&rows[i]));
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        CHECK(!address_is_multicast(&others[i]));
    }
}

TEST(prefixes_are_read_and_written)
{
    static const struct {
        const char *text;
        const char *expected;
        uint8_t length;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0/8", 104},
        {"0.0.0.0/0", "0.0.0.0/0", 96},
        {"192.0.2.1", "192.0.2.1", 128},
        {"192.0.2.1/32", "192.0.2.1", 128},
        {"192.0.2.128/25", "192.0.2.128/25", 121},
        {"::/0", "::/0", 0},
        {"2001:db8::/32", "2001:db8::/32", 32},
        {"2001:db8::1/128", "2001:db8::1", 128},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8", 104},
        {"::ffff:0:0/96", "0.0.0.0/0", 96},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix prefix = {.length = 7};
        char text[PREFIX_TEXT_MAX];

        CHECK_UINT(prefix_parse(rows[i].text, strlen(rows[i].text), &prefix), PICKET_OK);
        CHECK_UINT(prefix.length, rows[i].length);
        prefix_format(&prefix, text);
        CHECK_TEXT(text, rows[i].expected);
    }
}

TEST(what_is_no_prefix_is_refused)
{
    static const char *const rows[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/+8",
        "10.0.0.0/ 8",
        "10.0.0.0/8 ",
        "10.0.0.0/8/8",
        "10.0.0.1/8",
        "10.0.0.0/1000",
        "::/129",
        "2001:db8::1/32",
        "::ffff:0:0/95",
        "10.0.0.0/-1",
        "10/8",
        "10.0.0.0/104",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix prefix = {.length = 42};
        bool is_refused = prefix_parse(rows[i], strlen(rows[i]), &prefix) == PICKET_E_MALFORMED &&
                          prefix.length == 42;
        const char *accepted = is_refused ? "none" : rows[i];

        CHECK_TEXT(accepted, "none");
    }
}

TEST(a_prefix_contains_its_first_and_last_address_and_none_beside)
{
    static const struct {
        const char *prefix;
        const char *address;
        bool is_inside;
    } rows[] = {
        {"10.0.0.0/8", "10.0.0.0", true},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "::a00:0", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "1.2.3.4", true},
        {"2001:db8::/63", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
        {"2001:db8::/64", "2001:db8:0:1::", false},
        {"2001:db8::/65", "2001:db8:0:0:7fff:ffff:ffff:ffff", true},
        {"2001:db8::/65", "2001:db8:0:0:8000::", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct prefix prefix = {.length = 0};
        struct address address = from_text(rows[i].address);

        CHECK_UINT(prefix_parse(rows[i].prefix, strlen(rows[i].prefix), &prefix), PICKET_OK);
        CHECK_TEXT(prefix_contains(&prefix, &address) == rows[i].is_inside ? "right"
                                                                           : rows[i].address,
                   "right");
    }
}

TEST_MAIN(TEST_ROW(addresses_are_read_and_written_in_their_shortest_form),
          TEST_ROW(what_is_no_address_is_refused), TEST_ROW(only_the_given_length_is_read),
          TEST_ROW(both_notations_of_an_ipv4_address_are_equal),
          TEST_ROW(public_follows_the_registries), TEST_ROW(multicast_is_known_in_both_versions),
          TEST_ROW(prefixes_are_read_and_written), TEST_ROW(what_is_no_prefix_is_refused),
          TEST_ROW(a_prefix_contains_its_first_and_last_address_and_none_beside))
