/* SPDX-License-Identifier: MIT */
#include "feed/pattern.h"

#include <stdlib.h>

#include "harness/check.h"
#include "model/observable.h"

struct result {
    char text[2048];
    size_t taken;
    size_t skipped;
};

static enum picket_status take(void *context, const struct observable *observable)
{
    struct result *result = context;
    char form[OBSERVABLE_FORM_MAX];
    size_t length = strlen(result->text);

    observable_format(observable, form);
    snprintf(result->text + length, sizeof(result->text) - length, "%s%s%s", length > 0 ? " " : "",
             form, observable->protocol != 0 && observable->port == 0 ? "/protocol" : "");
    result->taken++;
    return PICKET_OK;
}

static void skip(void *context, enum feed_skip skip, const char *reason)
{
    static const char *const names[] = {"malformed", "unsupported", "revoked"};
    struct result *result = context;
    size_t length = strlen(result->text);

    snprintf(result->text + length, sizeof(result->text) - length, "%s%s: %s",
             length > 0 ? " " : "", names[skip], reason);
    result->skipped++;
}

/** Reads from an allocation of just that length, so that a sanitizer sees the first byte beyond. */
static enum picket_status read_bytes(const char *pattern, size_t length, struct result *ret)
{
    struct pattern_sink sink = {take, skip, ret};
    char *copy = malloc(length + (length == 0));
    enum picket_status status;

    *ret = (struct result){.text = ""};
    memcpy(copy, pattern, length);
    status = pattern_read(copy, length, &sink);
    free(copy);
    return status;
}

struct row {
    const char *pattern;
    const char *expected;
};

static void check_rows(const struct row *rows, size_t count, unsigned *check_failures)
{
    for (size_t i = 0; i < count; i++) {
        struct result result;

        CHECK_UINT(read_bytes(rows[i].pattern, strlen(rows[i].pattern), &result), PICKET_OK);
        CHECK_TEXT(result.text, rows[i].expected);
    }
}
#define CHECK_ROWS(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]), check_failures)

#define FOREIGN "unsupported: a pattern about what is not looked up on the network"
#define GRAMMAR "malformed: a pattern breaks the grammar of STIX"
#define VALUE   "malformed: a value that is not what its path says"
#define JOINED  "unsupported: several observations that have to be made together"
#define BOTH    "unsupported: two things that have to be seen together"
#define COMPARE "unsupported: a comparison other than =, IN, LIKE and ISSUBSET"
#define TIMED   "unsupported: a pattern with START, WITHIN or REPEATS"

TEST(one_comparison_is_one_observable)
{
    static const struct row rows[] = {
        {"[ipv4-addr:value = '192.0.2.1']", "192.0.2.1"},
        {"[ ipv4-addr:value='192.0.2.0/24' ]", "192.0.2.0/24"},
        {"[ipv4-addr:value == '192.0.2.1']", "192.0.2.1"},
        {"[ipv6-addr:value ISSUBSET '2001:db8::/32']", "2001:db8::/32"},
        {"[domain-name:value = 'Example.COM']", "example.com"},
        {"[network-traffic:dst_ref.value = '192.0.2.1']", "192.0.2.1"},
        {"[network-traffic:src_ref.value = 'c2.example.com']", "c2.example.com"},
        {"[x509-certificate:hashes.'SHA-256' = "
         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"[x509-certificate:hashes.SHA-256 = "
         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
        {"[domain-name:value LIKE '%.example.com']", "*.example.com"},
        {"[domain-name:value LIKE 'example.com']", "example.com"},
    };

    CHECK_ROWS(rows);
}

TEST(alternatives_are_told_apart)
{
    static const struct row rows[] = {
        {"[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]", "192.0.2.1 192.0.2.2"},
        {"[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'a.example.com']",
         "192.0.2.1 a.example.com"},
        {"[ipv4-addr:value = '192.0.2.1'] OR [ipv4-addr:value = '192.0.2.2']",
         "192.0.2.1 192.0.2.2"},
        {"([ipv4-addr:value = '192.0.2.1'] OR ([ipv4-addr:value = '192.0.2.2']))",
         "192.0.2.1 192.0.2.2"},
        {"[(ipv4-addr:value = '192.0.2.1') OR file:name = 'a']", "192.0.2.1 " FOREIGN},
    };

    CHECK_ROWS(rows);
}

TEST(url_counts_as_its_host_if_it_is_about_all_of_it)
{
    static const struct row rows[] = {
        {"[url:value = 'http://example.com/']", "example.com"},
        {"[url:value = 'https://example.com:8443']", "example.com"},
        {"[url:value = 'http://192.0.2.1/a?b']", "192.0.2.1:80"},
        {"[url:value IN ('http://[2001:db8::1]:81/a', 'example.com')]",
         "[2001:db8::1]:81 example.com"},
        {"[url:value = 'http://example.com/a' OR ipv4-addr:value = '192.0.2.1']",
         "unsupported: a URL that is not about all of its host 192.0.2.1"},
        {"[url:value = 'example.com/a']", "unsupported: a URL that is not about all of its host"},
        {"[url:value = 'a b']", "malformed: a URL without a proper host"},
        {"[url:value = 'http://192.0.2.1/' AND file:name = 'a']", FOREIGN},
        {"[url:value = 'http://192.0.2.1/' AND network-traffic:dst_port = 81]",
         "unsupported: a value of two types at once"},
        {"[url:value = 'http://192.0.2.1/' AND ipv4-addr:value = '192.0.2.1']",
         "unsupported: two things that have to be seen together"},
    };

    CHECK_ROWS(rows);
}

TEST(address_and_port_are_one_observable)
{
    static const struct row rows[] = {
        {"[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = "
         "'192.0.2.1' AND network-traffic:dst_port = 443]",
         "192.0.2.1:443"},
        {"[network-traffic:dst_port = '443' AND network-traffic:dst_ref.value = '2001:db8::1']",
         "[2001:db8::1]:443"},
        {"[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 53 AND "
         "network-traffic:protocols[*] = 'udp']",
         "192.0.2.1:53/udp"},
        {"[network-traffic:protocols[0] = 'ipv4' AND network-traffic:protocols[1] = 'tcp' AND "
         "network-traffic:src_ref.value = '192.0.2.1' AND network-traffic:src_port = 8080]",
         "192.0.2.1:8080/tcp"},
        {"[(ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value = '192.0.2.2') AND "
         "network-traffic:dst_port IN (80, 443)]",
         "192.0.2.1:80 192.0.2.1:443 192.0.2.2:80 192.0.2.2:443"},
        {"[ipv4-addr:value = '192.0.2.1' AND network-traffic:protocols[*] = 'tcp']",
         "192.0.2.1/protocol"},
    };

    CHECK_ROWS(rows);
}

TEST(what_needs_more_than_one_thing_gives_nothing)
{
    static const struct row rows[] = {
        {"[ipv4-addr:value = '192.0.2.1' AND file:name = 'a']", FOREIGN},
        {"[file:name = 'a' AND ipv4-addr:value = '192.0.2.1' OR ipv4-addr:value = '192.0.2.2']",
         FOREIGN " 192.0.2.2"},
        {"[ipv4-addr:value = '192.0.2.1' AND domain-name:value = 'a.example.com']", BOTH},
        {"[ipv4-addr:value = '192.0.2.1'] AND [ipv4-addr:value = '192.0.2.2']", JOINED " " JOINED},
        {"[ipv4-addr:value = '192.0.2.1'] AND [ipv4-addr:value = '192.0.2.2'] OR "
         "[ipv4-addr:value = '192.0.2.3']",
         JOINED " " JOINED " 192.0.2.3"},
        {"[ipv4-addr:value = '192.0.2.1'] OR [ipv4-addr:value = '192.0.2.2'] FOLLOWEDBY "
         "[ipv4-addr:value = '192.0.2.3']",
         JOINED " " JOINED " " JOINED},
        {"[ipv4-addr:value = '192.0.2.1'] REPEATS 5 TIMES WITHIN 60 SECONDS", TIMED},
        {"[ipv4-addr:value = '192.0.2.1'] START t'2026-01-01T00:00:00Z' STOP "
         "t'2026-02-01T00:00:00Z' OR [ipv4-addr:value = '192.0.2.2']",
         TIMED " 192.0.2.2"},
        {"[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:src_port = 80]",
         "unsupported: an address with a port of the other side"},
        {"[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:protocols[*] = 'http']",
         "unsupported: a protocol that is not looked at"},
        {"[network-traffic:dst_ref.value = 'a.example.com' AND network-traffic:dst_port = 80]",
         "unsupported: a name with a port"},
        {"[network-traffic:dst_port = 23]", "unsupported: a port, protocol or type alone"},
    };

    CHECK_ROWS(rows);
}

TEST(what_is_denied_or_only_similar_is_not_guessed)
{
    static const struct row rows[] = {
        {"[ipv4-addr:value != '192.0.2.1']", COMPARE},
        {"[ipv4-addr:value <> '192.0.2.1']", COMPARE},
        {"[ipv4-addr:value NOT = '192.0.2.1']", "unsupported: a negation"},
        {"[NOT ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]",
         "unsupported: a negation unsupported: a negation"},
        {"[ipv4-addr:value ISSUPERSET '192.0.2.1']", COMPARE},
        {"[domain-name:value MATCHES 'a.*']", COMPARE},
        {"[network-traffic:dst_port > 1024 AND ipv4-addr:value = '192.0.2.1']", COMPARE},
        {"[EXISTS ipv4-addr:value]", "unsupported: EXISTS"},
        {"[domain-name:value LIKE '%example.com']",
         "unsupported: LIKE with a wildcard that is not whole labels in front"},
        {"[domain-name:value LIKE '%.ex_mple.com']",
         "unsupported: LIKE with a wildcard that is not whole labels in front"},
        {"[ipv4-addr:value LIKE '192.0.2.%']",
         "unsupported: LIKE with a wildcard that is not whole labels in front"},
        {"[url:value MATCHES 'http://192.0.2.1/a']", COMPARE},
        {"[url:value LIKE 'http://192.0.2.1/%']",
         "unsupported: LIKE with a wildcard that is not whole labels in front"},
        {"[domain-name:resolves_to_refs[*].value = '192.0.2.1']", FOREIGN},
        {"[file:hashes.'SHA-256' = "
         "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']",
         FOREIGN},
        {"[a:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb = 1]", FOREIGN},
    };

    CHECK_ROWS(rows);
}

TEST(values_have_to_be_what_their_path_says)
{
    static const struct row rows[] = {
        {"[ipv4-addr:value = '2001:db8::1']", VALUE},
        {"[ipv6-addr:value = '192.0.2.1']", VALUE},
        {"[ipv4-addr:value = '192.0.2.1:80']", VALUE},
        {"[ipv4-addr:value = 'example.com']", VALUE},
        {"[domain-name:value = '192.0.2.1']", VALUE},
        {"[domain-name:value = 'domain example.com']", VALUE},
        {"[domain-name:value = 'a\\'b.example.com']", VALUE},
        {"[network-traffic:dst_ref.type = 'ipv6-addr' AND network-traffic:dst_ref.value = "
         "'192.0.2.1']",
         VALUE},
        {"[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_ref.type = "
         "'ipv6-addr']",
         VALUE},
        {"[ipv4-addr:value = '192.0.2.1' AND network-traffic:protocols[*] = 'ipv6']",
         "unsupported: a value of two types at once"},
        {"[x509-certificate:hashes.'SHA-256' = 'example.com']", VALUE},
        {"[ipv4-addr:value = '192.0.2.1' AND network-traffic:dst_port = 65536]",
         "malformed: a port that is none"},
    };

    CHECK_ROWS(rows);
}

TEST(bad_grammar_gives_nothing)
{
    static const char *const rows[] = {
        "",
        "ipv4-addr:value = '192.0.2.1'",
        "[]",
        "[ipv4-addr:value = '192.0.2.1'",
        "[ipv4-addr:value = '192.0.2.1]",
        "[ipv4-addr:value '192.0.2.1']",
        "[ipv4-addr:value =]",
        "[value = '192.0.2.1']",
        "['ipv4-addr':value = 'a' extra]",
        "[ipv4-addr:value = '192.0.2.1'] [ipv4-addr:value = '192.0.2.2']",
        "[ipv4-addr:value = '192.0.2.1' AND]",
        "[ipv4-addr:value = '192.0.2.1' and ipv4-addr:value = '192.0.2.2']",
        "[ipv4-addr:value IN ()]",
        "[ipv4-addr:value IN '192.0.2.1']",
        "([ipv4-addr:value = '192.0.2.1']",
        "[ipv4-addr:value = '192.0.2.1'] WITHIN 5",
        "[a[1:b = 1]",
        "[a:b = 1] ;",
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct result result;

        CHECK_UINT(read_bytes(rows[i], strlen(rows[i]), &result), PICKET_OK);
        CHECK_TEXT(result.text, GRAMMAR);
    }
}

TEST(pattern_cut_anywhere_gives_nothing)
{
    const char *pattern = "([ipv4-addr:value IN ('192.0.2.1', '192.0.2.2') AND "
                          "network-traffic:dst_port = 80])";

    for (size_t length = 0; length < strlen(pattern); length++) {
        struct result result;

        CHECK_UINT(read_bytes(pattern, length, &result), PICKET_OK);
        CHECK_TEXT(result.text, GRAMMAR);
    }
}

/** "[a OR a … ]", with @p count addresses, twice, joined by AND. */
static void make_product(char *text, size_t size, size_t count)
{
    size_t length = 0;

    for (size_t side = 0; side < 2; side++) {
        length += (size_t)snprintf(text + length, size - length, side == 0 ? "[" : "AND ");
        for (size_t i = 0; i < count; i++) {
            length +=
                (size_t)snprintf(text + length, size - length, "%sx:y=1", i == 0 ? "(" : " OR ");
        }
        length += (size_t)snprintf(text + length, size - length, side == 0 ? ") " : ")]");
    }
}

TEST(work_and_nesting_are_bounded)
{
    char text[8192];
    struct result result;

    make_product(text, sizeof(text), 100);
    CHECK_UINT(read_bytes(text, strlen(text), &result), PICKET_OK);
    CHECK_UINT(result.skipped, 10000);

    make_product(text, sizeof(text), 200);
    CHECK_UINT(read_bytes(text, strlen(text), &result), PICKET_OK);
    CHECK_TEXT(result.text, "unsupported: a pattern has more alternatives than are read");

    memset(text, '(', sizeof(text));
    CHECK_UINT(read_bytes(text, sizeof(text), &result), PICKET_OK);
    CHECK_TEXT(result.text, "unsupported: a pattern is nested deeper than is read");

    text[0] = '[';
    CHECK_UINT(read_bytes(text, sizeof(text), &result), PICKET_OK);
    CHECK_TEXT(result.text, "unsupported: a pattern is nested deeper than is read");
}

TEST_MAIN(TEST_ROW(one_comparison_is_one_observable), TEST_ROW(alternatives_are_told_apart),
          TEST_ROW(url_counts_as_its_host_if_it_is_about_all_of_it),
          TEST_ROW(address_and_port_are_one_observable),
          TEST_ROW(what_needs_more_than_one_thing_gives_nothing),
          TEST_ROW(what_is_denied_or_only_similar_is_not_guessed),
          TEST_ROW(values_have_to_be_what_their_path_says), TEST_ROW(bad_grammar_gives_nothing),
          TEST_ROW(pattern_cut_anywhere_gives_nothing), TEST_ROW(work_and_nesting_are_bounded))
