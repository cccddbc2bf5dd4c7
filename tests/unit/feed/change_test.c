/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/err.h"
#include "feed/change.h"
#include "feed/load.h"
#include "harness/check.h"

#define NOW INT64_C(1700000000000000)

static enum picket_status parse(const char *text, enum intel_change_kind kind,
                                enum indicator_role role, struct change_list *ret, struct err *err)
{
    static struct feed_terms terms; /* the list borrows it */

    feed_terms_init(&terms, "f");
    terms.role = role;
    terms.lifetime_us = 1000;
    return change_list_parse(text, strlen(text), kind, &terms, NOW, ret, err);
}

TEST(item_has_what_it_says_and_else_the_terms_of_the_feed)
{
    struct change_list list = {0};
    struct err err = {""};

    CHECK_UINT(parse("{\"items\":[{\"value\":\"192.0.2.1:443/tcp\"},"
                     "{\"value\":\"Bad[.]Example.\",\"confidence\":7,\"category\":\"c2\","
                     "\"comment\":\"x\",\"reference\":\"https://r.example/\","
                     "\"listed_from\":\"2020-01-01T00:00:00Z\",\"expires\":null}]}",
                     INTEL_PUT, INDICATOR_LISTED, &list, &err),
               PICKET_OK);
    CHECK_UINT(list.count, 2);
    CHECK_UINT(list.changes[0].indicator.observable.port, 443);
    CHECK_UINT(list.changes[0].indicator.confidence, 50);
    CHECK_UINT(list.changes[0].indicator.expires_us, NOW + 1000);
    CHECK_UINT(list.changes[0].indicator.listed_until_us, NOW);
    CHECK_UINT(list.changes[0].indicator.listed_from_us, 0); /* it may have been there before */
    CHECK_TEXT(list.changes[1].indicator.observable.text, "bad.example");
    CHECK_UINT(list.changes[1].indicator.confidence, 7);
    CHECK_UINT(list.changes[1].indicator.expires_us, 0);
    CHECK_UINT(list.changes[1].indicator.listed_from_us, INT64_C(1577836800000000));
    CHECK_TEXT(list.changes[1].feed.name, "f");
    change_list_deinit(&list);
}

TEST(what_is_wrong_is_named_with_its_place_and_nothing_is_taken)
{
    static const struct {
        const char *text;
        enum intel_change_kind kind;
        const char *words;
    } rows[] = {
        {"", INTEL_PUT, "line 1"},
        {"[]", INTEL_PUT, "items"},
        {"{\"items\":[]}", INTEL_PUT, "items"},
        {"{\"items\":[],\"more\":1}", INTEL_PUT, "items"},
        {"{\"items\":[1]}", INTEL_PUT, "items[0]"},
        {"{\"items\":[{}]}", INTEL_PUT, "value"},
        {"{\"items\":[{\"value\":\"8.8.8.8\"},{\"value\":\"8.8.8.256\"}]}", INTEL_PUT, "items[1]"},
        {"{\"items\":[{\"value\":\"8.8.8.8\\u0000\"}]}", INTEL_PUT, "line 1"},
        {"{\"items\":[{\"value\":\"8.8.8.8\",\"confidence\":101}]}", INTEL_PUT, "confidence"},
        {"{\"items\":[{\"value\":\"8.8.8.8\",\"expires\":\"soon\"}]}", INTEL_PUT, "expires"},
        {"{\"items\":[{\"value\":\"8.8.8.8\",\"role\":\"allowed\"}]}", INTEL_PUT, "role"},
        {"{\"items\":[{\"value\":\"8.8.8.8\",\"scope\":\"group:g\"}]}", INTEL_PUT, "scope"},
        {"{\"items\":[{\"value\":\"8.8.8.8\",\"comment\":\"x\"}]}", INTEL_REMOVE, "comment"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct change_list list = {0};
        struct err err = {""};

        CHECK_UINT(parse(rows[i].text, rows[i].kind, INDICATOR_LISTED, &list, &err),
                   PICKET_E_MALFORMED);
        CHECK(strstr(err.text, rows[i].words) != NULL);
        CHECK_UINT(list.count, 0);
    }
}

TEST(scope_belongs_to_what_is_allowed)
{
    struct change_list list = {0};
    struct err err = {""};

    CHECK_UINT(parse("{\"items\":[{\"value\":\"8.8.8.0/24\",\"scope\":\"device:d1\"}]}", INTEL_PUT,
                     INDICATOR_ALLOWED, &list, &err),
               PICKET_OK);
    CHECK_TEXT(list.changes[0].indicator.scope, "device:d1");
    change_list_deinit(&list);
    CHECK_UINT(parse("{\"items\":[{\"value\":\"8.8.8.0/24\",\"scope\":\"device:\"}]}", INTEL_PUT,
                     INDICATOR_ALLOWED, &list, &err),
               PICKET_E_MALFORMED);
}

TEST_MAIN(TEST_ROW(item_has_what_it_says_and_else_the_terms_of_the_feed),
          TEST_ROW(what_is_wrong_is_named_with_its_place_and_nothing_is_taken),
          TEST_ROW(scope_belongs_to_what_is_allowed))
