/* SPDX-License-Identifier: MIT */
/* Every public feed of spec/feeds.json has settings that the keeper takes. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "feed/feed.h"
#include "harness/check.h"

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value == NULL ? "" : value;
}

TEST(every_public_feed_has_settings_that_are_good_and_says_its_terms)
{
    json_t *root = json_load_file(FEEDS_PATH, JSON_REJECT_DUPLICATES, NULL);
    const json_t *feed = NULL;
    size_t i = 0;

    CHECK(json_array_size(json_object_get(root, "feeds")) > 20);
    json_array_foreach(json_object_get(root, "feeds"), i, feed)
    {
        char *settings = json_dumps(json_object_get(feed, "settings"), 0);
        struct feed_settings read;
        struct err err = {""};

        feed_settings_init(&read, "");
        CHECK_UINT(feed_settings_parse(settings, strlen(settings), text(feed, "name"), &read, &err),
                   PICKET_OK);
        CHECK_TEXT(err.text, "");
        CHECK_TEXT(feed_from_name(read.from), "url");
        CHECK(strncmp(read.terms.source, "https://", 8) == 0);
        CHECK(read.terms.licence[0] != '\0' && read.terms.category[0] != '\0');
        CHECK(text(feed, "title")[0] != '\0');
        CHECK(strncmp(text(feed, "homepage"), "https://", 8) == 0);
        CHECK(strncmp(text(feed, "terms"), "https://", 8) == 0);
        CHECK(read.period_us >= INT64_C(3600) * 1000000);
        free(settings);
    }
    json_decref(root);
}

TEST_MAIN(TEST_ROW(every_public_feed_has_settings_that_are_good_and_says_its_terms))
