/* SPDX-License-Identifier: MIT */
#include "net/uri.h"

#include <stdbool.h>

#include "harness/check.h"

TEST(target_is_taken_apart_before_it_is_decoded)
{
    struct uri uri;
    const char *fault = NULL;

    CHECK(uri_parse("/v1/devices/a%2Fb?x=1%262&empty=&bare&plus=a+b", &uri, &fault) == PICKET_OK);
    CHECK_TEXT(uri.path, "/v1/devices/a%2Fb");
    CHECK_UINT(uri.segment_count, 3);
    CHECK_TEXT(uri.segments[2], "a/b");
    CHECK_UINT(uri.parameter_count, 4);
    CHECK_TEXT(uri_parameter(&uri, "x"), "1&2");
    CHECK_TEXT(uri_parameter(&uri, "empty"), "");
    CHECK_TEXT(uri_parameter(&uri, "bare"), "");
    CHECK_TEXT(uri_parameter(&uri, "plus"), "a b");
    CHECK(uri_parameter(&uri, "other") == NULL);
    uri_deinit(&uri);
}

TEST(impossible_targets_are_refused_with_a_reason)
{
    static const struct {
        const char *target;
        const char *fault;
    } rows[] = {
        {"", "the address does not begin with '/'"},
        {"http://other/", "the address does not begin with '/'"},
        {"*", "the address does not begin with '/'"},
        {"/%", "the address has a '%' that two hexadecimal digits do not follow"},
        {"/a%4", "the address has a '%' that two hexadecimal digits do not follow"},
        {"/a%4g", "the address has a '%' that two hexadecimal digits do not follow"},
        {"/?a=%zz", "the address has a '%' that two hexadecimal digits do not follow"},
        {"/?%=1", "the address has a '%' that two hexadecimal digits do not follow"},
        {"/a%00b", "the address has a NUL in it"},
        {"/1/2/3/4/5/6/7/8/9", "the path is too deep"},
        {"/?a=1&b=2&a=3", "the query names a parameter twice"},
        {"/?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", "the query has too many parameters"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uri uri = {0};
        const char *fault = NULL;

        CHECK(uri_parse(rows[i].target, &uri, &fault) == PICKET_E_MALFORMED);
        CHECK_TEXT(fault, rows[i].fault);
        CHECK(uri.path == NULL);
    }
}

TEST(patterns_match_whole_paths_only)
{
    static const struct {
        const char *target;
        const char *pattern;
        bool matches;
    } rows[] = {
        {"/", "/", true},
        {"/a", "/", false},
        {"/", "/a", false},
        {"/v1/devices", "/v1/devices", true},
        {"/v1/devices?limit=1", "/v1/devices", true},
        {"/v1/devices/", "/v1/devices", false},
        {"/v1/devices", "/v1/devices/{id}", false},
        {"/v1/devices/", "/v1/devices/{id}", false},
        {"/v1//group", "/v1/{id}/group", false},
        {"/v1/devices/x", "/v1/devices/{id}", true},
        {"/v1/devices/x/y", "/v1/devices/{id}", false},
        {"/v1/devices/x%2Fy", "/v1/devices/{id}", true},
        {"/v1/devices/x/group", "/v1/devices/{id}/group", true},
        {"/V1/devices", "/v1/devices", false},
        {"/v1/device", "/v1/devices", false},
        {"/v1/devicess", "/v1/devices", false},
        {"/x", "/{file}", true},
        {"/", "/{file}", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct uri uri;
        const char *fault = NULL;

        CHECK(uri_parse(rows[i].target, &uri, &fault) == PICKET_OK);
        if (uri_matches(&uri, rows[i].pattern) != rows[i].matches) {
            printf("%s against %s\n", rows[i].target, rows[i].pattern);
            CHECK(false);
        }
        uri_deinit(&uri);
    }
}

TEST(segments_are_found_by_the_name_in_the_pattern)
{
    static const char pattern[] = "/v1/devices/{id}/reports";
    struct uri uri;
    const char *fault = NULL;

    CHECK(uri_parse("/v1/devices/camera%201/reports", &uri, &fault) == PICKET_OK);
    CHECK_TEXT(uri_segment(&uri, pattern, "id"), "camera 1");
    CHECK(uri_segment(&uri, pattern, "i") == NULL);
    CHECK(uri_segment(&uri, pattern, "devices") == NULL);
    uri_deinit(&uri);
}

TEST_MAIN(TEST_ROW(target_is_taken_apart_before_it_is_decoded),
          TEST_ROW(impossible_targets_are_refused_with_a_reason),
          TEST_ROW(patterns_match_whole_paths_only),
          TEST_ROW(segments_are_found_by_the_name_in_the_pattern))
