/* SPDX-License-Identifier: MIT */
#include "model/observable.h"

#include <stdlib.h>

#include "base/err.h"
#include "harness/check.h"

/** "KIND FORM", or the reason. Parsed from an allocation of just that length. */
static const char *parse(const char *text, size_t length, char ret[600])
{
    static const char nothing[] = "";
    char storage[OBSERVABLE_TEXT_MAX], form[OBSERVABLE_FORM_MAX];
    char *copy = malloc(length + (length == 0));
    struct observable observable = {.text = nothing};
    struct err err = {""};

    if (copy == NULL) {
        return "";
    }
    memcpy(copy, text, length);
    if (observable_parse(copy, length, &observable, storage, &err) == PICKET_OK) {
        observable_format(&observable, form);
        snprintf(ret, 600, "%s %s", observable_kind_name(observable.kind), form);
    } else {
        snprintf(ret, 600, "%s%s", observable.text == nothing ? "" : "changed: ", err.text);
    }
    free(copy);
    return ret;
}

struct row {
    const char *text;
    const char *expected;
};

#define CHECK_ROWS(rows)                                                                           \
    for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) {                                \
        char found[600];                                                                           \
                                                                                                   \
        CHECK_TEXT(parse((rows)[i].text, strlen((rows)[i].text), found), (rows)[i].expected);      \
    }

#define NO_ADDRESS "not an address"
#define NO_PREFIX  "not a prefix: bits behind its length are set, or it is out of range"
#define NO_PORT    "not a port: a number from 1 to 65535 is, also with /tcp or /udp"
#define NO_NAME    "neither an address nor a domain name"
#define NO_TEXT    "empty, too long, or not text"

TEST(addresses_are_read_with_length_port_and_protocol)
{
    static const struct row rows[] = {
        {"192.0.2.1", "address 192.0.2.1"},
        {"192.0.2.1/32", "address 192.0.2.1"},
        {"192.0.2.0/24", "address 192.0.2.0/24"},
        {"192.0.2.1:443", "address 192.0.2.1:443"},
        {"192.0.2.1:443/udp", "address 192.0.2.1:443/udp"},
        {"192.0.2.1:443/TCP", "address 192.0.2.1:443/tcp"},
        {"192.0.2.0/24:443", "address 192.0.2.0/24:443"},
        {"2001:DB8::1", "address 2001:db8::1"},
        {"[2001:db8::1]", "address 2001:db8::1"},
        {"[2001:db8::1]:443/udp", "address [2001:db8::1]:443/udp"},
        {"[2001:db8::/32]:443", "address [2001:db8::/32]:443"},
        {"2001:db8::/32", "address 2001:db8::/32"},
        {"::ffff:192.0.2.1", "address 192.0.2.1"},
        {"[::ffff:192.0.2.1]:443", "address 192.0.2.1:443"},
        {"::ffff:192.0.2.0/120", "address 192.0.2.0/24"},
        {"0.0.0.0/0", "address 0.0.0.0/0"},
        {"::/0", "address ::/0"},
        {"192.0.2.1:65535", "address 192.0.2.1:65535"},
    };

    CHECK_ROWS(rows);
}

TEST(what_looks_like_an_address_and_is_none_is_refused_with_the_reason)
{
    static const struct row rows[] = {
        {"192.0.2.256", NO_ADDRESS},
        {"192.0.2", NO_ADDRESS},
        {"192.0.2.1.1", NO_ADDRESS},
        {"192.0.02.1", NO_ADDRESS},
        {"1234", NO_NAME},
        {"192.0.2.1/24", NO_PREFIX},
        {"192.0.2.0/33", NO_PREFIX},
        {"192.0.2.0/", NO_PREFIX},
        {"192.0.2.0/024", NO_PREFIX},
        {"2001:db8::/129", NO_PREFIX},
        {"192.0.2.1:", NO_PORT},
        {"192.0.2.1:0", NO_PORT},
        {"192.0.2.1:65536", NO_PORT},
        {"192.0.2.1:443/sctp", NO_PORT},
        {"192.0.2.1:/udp", NO_PORT},
        {"192.0.2.1:+443", NO_PORT},
        {"[2001:db8::1]443", NO_PORT},
        {"[2001:db8::]/32", NO_PORT},
        {"[2001:db8::1", NO_ADDRESS},
        {"2001:db8:::1", NO_ADDRESS},
        {"fe80::1%eth0", NO_ADDRESS},
        {"[]:443", NO_ADDRESS},
        {"bad.example:443", NO_ADDRESS},
        {"http://bad.example/", "a URL: only its host can be looked for"},
    };

    CHECK_ROWS(rows);
}

TEST(names_are_read_as_the_index_has_them)
{
    static const struct row rows[] = {
        {"Bad.Example", "name bad.example"},
        {"bad.example.", "name bad.example"},
        {"*.bad.example", "name *.bad.example"},
        {".bad.example", "name bad.example"},
        {"xn--bcher-kva.example", "name xn--bcher-kva.example"},
        {"_sip._tcp.bad.example", "name _sip._tcp.bad.example"},
        {"-a-.example", "name -a-.example"},
        {"1.2.3.4.example", "name 1.2.3.4.example"},
        {"123.456a", "name 123.456a"},
    };

    CHECK_ROWS(rows);
}

TEST(what_is_no_name_is_refused)
{
    static const struct row rows[] = {
        {"com", NO_NAME},
        {"localhost", NO_NAME},
        {"*.com", NO_NAME},
        {"*", NO_NAME},
        {"*.", NO_NAME},
        {".", NO_ADDRESS},
        {"bad..example", NO_NAME},
        {"bad.example..", NO_NAME},
        {"..bad.example", NO_NAME},
        {"*.*.bad.example", NO_NAME},
        {"a*.bad.example", NO_NAME},
        {"bad.123", NO_NAME},
        {"bad example", NO_NAME},
        {" bad.example", NO_NAME},
        {"bad.example ", NO_NAME},
        {"b\xc3\xbc"
         "cher.example",
         NO_NAME},
        {"someone@bad.example", NO_NAME},
    };

    CHECK_ROWS(rows);
}

TEST(names_and_labels_may_be_as_long_as_dns_has_them)
{
    char name[300], found[600];

    memset(name, 'a', sizeof(name));
    for (size_t i = 63; i < sizeof(name); i += 64) {
        name[i] = '.';
    }
    CHECK(strncmp(parse(name, 253, found), "name a", 6) == 0);
    CHECK(strncmp(parse(name, 254, found), "neither", 7) == 0);
    name[253] = '.';
    CHECK(strncmp(parse(name, 254, found), "name a", 6) == 0);
    name[63] = 'a';
    CHECK(strncmp(parse(name, 200, found), "neither", 7) == 0);
}

/** As name_normalize() is said to work, a character at a time. */
static bool normalize(const char *name, size_t length, char *ret_name)
{
    static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t label = 0;

    length -= name[length - 1] == '.';
    for (size_t i = 0; i < length; i++) {
        char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];

        label = c == '.' ? 0 : label + 1;
        if (c == '.' ? i == 0 || name[i - 1] == '.'
                     : label > 63 || memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
        ret_name[i] = c;
    }
    ret_name[length] = '\0';
    return label > 0;
}

TEST(each_character_of_a_name_counts_alike_wherever_it_stands)
{
    size_t unlike = 0;

    for (size_t length = 1; length <= 68; length++) {
        for (size_t place = 0; place < length; place++) {
            for (unsigned c = 0; c < 256; c++) {
                char name[80], found[OBSERVABLE_TEXT_MAX] = "", expected[80] = "";
                bool is_name;

                memset(name, 'a', sizeof(name));
                name[length / 2] = '.';
                name[place] = (char)c;
                is_name = normalize(name, length, expected);
                unlike += name_normalize(name, length, found) != is_name ||
                          (is_name && strcmp(found, expected) != 0);
            }
        }
    }
    CHECK_UINT(unlike, 0);
}

TEST(fingerprints_are_told_by_their_shape)
{
    static const struct row rows[] = {
        {"0123456789ABCDEF0123456789abcdef", "tls_client 0123456789abcdef0123456789abcdef"},
        {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "certificate 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"t13d1516h2_8daaf6152771_b186095e22b6", "tls_client t13d1516h2_8daaf6152771_b186095e22b6"},
        {"q13i0312h3_55b375c5d22e_06cda9e17597", "tls_client q13i0312h3_55b375c5d22e_06cda9e17597"},
        {"dd2d1516z9_8daaf6152771_b186095e22b6", "tls_client dd2d1516z9_8daaf6152771_b186095e22b6"},
        {"x13d1516h2_8daaf6152771_b186095e22b6", NO_NAME},
        {"t13x1516h2_8daaf6152771_b186095e22b6", NO_NAME},
        {"t13d15x6h2_8daaf6152771_b186095e22b6", NO_NAME},
        {"t13d1516h2_8daaf615277g_b186095e22b6", NO_NAME},
        {"t13d1516h2_8daaf6152771_b186095e22b", NO_NAME},
        {"t13d1516h2-8daaf6152771-b186095e22b6", NO_NAME},
        {"0123456789abcdef0123456789abcdeg", NO_NAME},
        {"0123456789abcdef0123456789abcde", NO_NAME},
        {"01234567890123456789012345678901", "tls_client 01234567890123456789012345678901"},
    };

    CHECK_ROWS(rows);
}

TEST(brackets_that_keep_a_text_from_becoming_a_link_are_taken_off)
{
    static const struct row rows[] = {
        {"192[.]0[.]2[.]1", "address 192.0.2.1"},
        {"192[.]0.2.1:443", "address 192.0.2.1:443"},
        {"bad(.)example", "name bad.example"},
        {"bad{.}example", "name bad.example"},
        {"bad[dot]example", "name bad.example"},
        {"bad(DOT)example", "name bad.example"},
        {"bad[.example", NO_ADDRESS},
        {"bad(example", NO_NAME},
    };

    CHECK_ROWS(rows);
}

TEST(what_is_no_text_is_refused)
{
    char long_text[1000], found[600];

    memset(long_text, 'a', sizeof(long_text));
    CHECK_TEXT(parse("", 0, found), NO_TEXT);
    CHECK_TEXT(parse("192.0.2.1\0", 10, found), NO_TEXT);
    CHECK_TEXT(parse("\0", 1, found), NO_TEXT);
    CHECK_TEXT(parse(long_text, sizeof(long_text), found), NO_TEXT);
}

TEST(what_is_written_is_read_as_the_same)
{
    static const char *const texts[] = {"192.0.2.1",     "192.0.2.0/24:1/udp", "[2001:db8::/32]:53",
                                        "*.bad.example", "bad.example",        "2001:db8::/32"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char found[600];

        parse(texts[i], strlen(texts[i]), found);
        CHECK_TEXT(strchr(found, ' ') + 1, texts[i]);
    }
}

TEST(a_name_is_within_a_domain_by_whole_labels)
{
    CHECK(name_is_within("a.bad.example", "bad.example"));
    CHECK(name_is_within("bad.example", "bad.example"));
    CHECK(!name_is_within("notbad.example", "bad.example"));
    CHECK(!name_is_within("example", "bad.example"));
}

TEST_MAIN(TEST_ROW(addresses_are_read_with_length_port_and_protocol),
          TEST_ROW(what_looks_like_an_address_and_is_none_is_refused_with_the_reason),
          TEST_ROW(names_are_read_as_the_index_has_them), TEST_ROW(what_is_no_name_is_refused),
          TEST_ROW(names_and_labels_may_be_as_long_as_dns_has_them),
          TEST_ROW(each_character_of_a_name_counts_alike_wherever_it_stands),
          TEST_ROW(fingerprints_are_told_by_their_shape),
          TEST_ROW(brackets_that_keep_a_text_from_becoming_a_link_are_taken_off),
          TEST_ROW(what_is_no_text_is_refused), TEST_ROW(what_is_written_is_read_as_the_same),
          TEST_ROW(a_name_is_within_a_domain_by_whole_labels))
