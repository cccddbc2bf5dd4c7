/* SPDX-License-Identifier: MIT */
#include "net/admission.h"

#include <stddef.h>

#include "harness/check.h"

TEST(only_names_that_no_stranger_can_point_here_are_hosts)
{
    static const struct {
        const char *host;
        bool is_admitted;
    } rows[] = {
        {"127.0.0.1", true},
        {"127.0.0.1:8480", true},
        {"192.168.1.5:1", true},
        {"[::1]", true},
        {"[::1]:8480", true},
        {"localhost", true},
        {"LocalHost:8480", true},
        {"picket.example", true},
        {"PICKET.example:443", true},
        {"picket.example.attacker.test", false},
        {"attacker.test", false},
        {"localhost.attacker.test", false},
        {"127.0.0.1.attacker.test", false},
        {"127.0.0.1:", false},
        {"127.0.0.1:8480x", false},
        {"::1", false},
        {"[::1", false},
        {"[::1]x", false},
        {"[localhost]", false},
        {"2130706433", false},
        {"", false},
        {":8480", false},
        {NULL, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (admission_host(rows[i].host, "picket.example") != rows[i].is_admitted) {
            printf("host %s\n", rows[i].host == NULL ? "(none)" : rows[i].host);
            CHECK(false);
        }
    }
}

TEST(without_a_configured_name_none_is_admitted)
{
    CHECK(!admission_host("picket.example", NULL));
    CHECK(!admission_host("picket.example", ""));
    CHECK(!admission_host("", ""));
}

TEST(host_too_long_to_be_one_is_refused)
{
    char host[400];

    memset(host, '1', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    CHECK(!admission_host(host, host));
}

TEST(origin_is_the_server_itself_or_refused)
{
    static const struct {
        const char *origin;
        bool is_own;
    } rows[] = {
        {"http://127.0.0.1:8480", true},      {"https://127.0.0.1:8480", true},
        {"http://127.0.0.1:8481", false},     {"http://127.0.0.1", false},
        {"http://127.0.0.1:8480/", false},    {"null", false},
        {"http://attacker.test:8480", false}, {"", false},
        {"file://127.0.0.1:8480", false},     {"127.0.0.1:8480", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (admission_origin(rows[i].origin, "127.0.0.1:8480") != rows[i].is_own) {
            printf("origin %s\n", rows[i].origin);
            CHECK(false);
        }
    }
    CHECK(!admission_origin("http://127.0.0.1:8480", NULL));
}

TEST(only_the_whole_token_is_the_token)
{
    static const struct {
        const char *authorization;
        bool is_right;
    } rows[] = {
        {"Bearer secret", true},
        {"bearer secret", true},
        {"Bearer secre", false},
        {"Bearer secrett", false},
        {"Bearer Secret", false},
        {"Bearer secretsecret", false},
        {"Bearer  secret", false},
        {"Bearer ", false},
        {"Bearer", false},
        {"Basic secret", false},
        {"secret", false},
        {"", false},
        {NULL, false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (admission_bearer(rows[i].authorization, "secret") != rows[i].is_right) {
            printf("authorization %s\n",
                   rows[i].authorization == NULL ? "(none)" : rows[i].authorization);
            CHECK(false);
        }
    }
}

TEST(media_types_are_compared_without_case_and_parameters)
{
    static const char *const types[] = {"application/vnd.picket.report+cbor", "application/cbor",
                                        NULL};

    CHECK(admission_type("application/cbor", types));
    CHECK(admission_type("Application/CBOR; x=y", types));
    CHECK(admission_type("application/cbor ;x", types));
    CHECK(admission_type("application/vnd.picket.report+cbor", types));
    CHECK(!admission_type("application/cbor2", types));
    CHECK(!admission_type("application/cbo", types));
    CHECK(!admission_type("application/json", types));
    CHECK(!admission_type("", types));
    CHECK(!admission_type(NULL, types));
}

TEST_MAIN(TEST_ROW(only_names_that_no_stranger_can_point_here_are_hosts),
          TEST_ROW(without_a_configured_name_none_is_admitted),
          TEST_ROW(host_too_long_to_be_one_is_refused),
          TEST_ROW(origin_is_the_server_itself_or_refused),
          TEST_ROW(only_the_whole_token_is_the_token),
          TEST_ROW(media_types_are_compared_without_case_and_parameters))
