/* SPDX-License-Identifier: MIT */
#include "feed/manifest.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/check.h"

#define ONE   "00000000-0000-4000-8000-000000000001"
#define TWO   "00000000-0000-4000-8000-00000000000a"
#define THREE "ffffffff-0000-4000-8000-000000000003"

static enum picket_status parse(const char *text, struct manifest *ret, struct err *ret_err)
{
    ret_err->text[0] = '\0';
    return manifest_parse(text, strlen(text), ret, ret_err);
}

TEST(manifest_gives_its_events_by_uuid_with_their_times)
{
    static const char text[] =
        "{\"" THREE "\":{\"info\":\"x\",\"timestamp\":\"1700000003\"},"
        "\"00000000-0000-4000-8000-00000000000A\":{\"timestamp\":1700000002,\"Tag\":[]},"
        "\"" ONE "\":{\"timestamp\":\"1700000001\",\"Orgc\":{\"name\":\"o\"}}}";
    struct manifest manifest;
    struct err err;

    CHECK(manifest_is(text, strlen(text)));
    CHECK(parse(text, &manifest, &err) == PICKET_OK);
    CHECK_UINT(manifest.count, 3);
    CHECK_TEXT(manifest.events[0].uuid, ONE);
    CHECK_TEXT(manifest.events[1].uuid, TWO);
    CHECK(manifest.events[2].time_us == INT64_C(1700000003000000));
    CHECK(manifest_find(&manifest, THREE) == &manifest.events[2]);
    CHECK(manifest_find(&manifest, "ffffffff-0000-4000-8000-000000000004") == NULL);
    manifest_deinit(&manifest);
}

TEST(hostile_manifest_is_refused_with_the_reason)
{
    static const struct {
        const char *text;
        const char *words;
    } rows[] = {
        {"{\"../../../etc/passwd\":{\"timestamp\":\"1600000001\"}}",
         "\"../../../etc/passwd\" is no UUID"},
        {"{\"//other.example/x\":{\"timestamp\":\"1600000001\"}}", "is no UUID"},
        {"{\"00000000-0000-4000-8000-00000000000g\":{\"timestamp\":\"1600000001\"}}", "is no UUID"},
        {"{\"00000000-0000-4000-8000-0000000000011\":{\"timestamp\":\"1600000001\"}}",
         "is no UUID"},
        {"{\"00000000-0000-4000-8000-00000000000\\u0000\":{\"timestamp\":\"1600000001\"}}",
         "is no UUID"},
        {"{\"00000000_0000-4000-8000-000000000001\":{\"timestamp\":\"1600000001\"}}", "is no UUID"},
        {"{\"" ONE "\":{\"timestamp\":\"1600000001\"},\"" ONE "\":{\"timestamp\":\"1600000002\"}}",
         "twice"},
        {"{\"" TWO "\":{\"timestamp\":\"1600000001\"},\"00000000-0000-4000-8000-00000000000A\":"
         "{\"timestamp\":\"1600000001\"}}",
         "twice"},
        {"{\"" ONE "\":{\"timestamp\":\"soon\"}}", "no timestamp"},
        {"{\"" ONE "\":{\"info\":\"x\"}}", "no timestamp"},
        {"{\"" ONE "\":{\"timestamp\":\"1600000001\",\"timestamp\":\"1600000002\"}}", "line 1"},
        {"{\"" ONE "\":[]}", "line 1"},
        {"{\"" ONE "\":{\"timestamp\":\"1600000001\"}", "line 1"},
        {"{\"" ONE "\":{\"timestamp\":\"1600000001\"}} x", "behind"},
        {"[]", "line 1"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct manifest manifest = {.count = 7};
        struct err err;

        CHECK(parse(rows[i].text, &manifest, &err) != PICKET_OK);
        CHECK(strstr(err.text, rows[i].words) != NULL);
        CHECK_UINT(manifest.count, 7);
    }
}

static void add_named(struct buf *text, unsigned number)
{
    buf_addf(text, "%s\"%08x-0000-4000-8000-000000000000\":{\"timestamp\":\"1600000001\"}",
             number == 0 ? "{" : ",", number);
}

TEST(as_many_events_as_allowed_are_taken_and_one_more_is_refused)
{
    struct manifest manifest;
    struct buf text;
    struct err err;

    buf_init(&text, 8u << 20);
    for (unsigned i = 0; i < MANIFEST_EVENTS_MAX; i++) {
        add_named(&text, i);
    }
    buf_add_text(&text, "}");
    CHECK(parse(text.bytes, &manifest, &err) == PICKET_OK);
    CHECK_UINT(manifest.count, MANIFEST_EVENTS_MAX);
    manifest_deinit(&manifest);
    text.length--;
    add_named(&text, MANIFEST_EVENTS_MAX);
    buf_add_text(&text, "}");
    CHECK(parse(text.bytes, &manifest, &err) == PICKET_E_LIMIT);
    CHECK(strstr(err.text, "more than 32768 events") != NULL);
    buf_deinit(&text);
}

TEST(what_is_no_manifest_is_not_taken_for_one)
{
    static const char no_times[] = "{\"" ONE "\":{}}";
    static const char an_event[] =
        "{\"Event\":{\"uuid\":\"" ONE "\",\"timestamp\":\"1600000001\"}}";
    static const char *const texts[] = {
        "",
        "8.8.8.8\n",
        "{}",
        "[]",
        an_event,
        "{\"response\":[{\"Event\":{}}]}",
        "{\"type\":\"bundle\",\"objects\":[]}",
        "{\"name\":\"x\",\"list\":[\"8.8.8.8\"]}",
        "[{\"Feed\":{\"timestamp\":\"1600000001\"}}]",
        no_times,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        CHECK(!manifest_is(texts[i], strlen(texts[i])));
    }
}

TEST(document_is_the_event_that_is_named_or_refused)
{
    static const struct {
        const char *text;
        bool is_good;
    } rows[] = {
        {"{\"Event\":{\"uuid\":\"" ONE "\",\"Attribute\":[]}}", true},
        {"{\"uuid\":\"" ONE "\",\"Attribute\":[]}", true},
        {"{\"Event\":{\"uuid\":\"" TWO "\"}}", false},
        {"{\"Event\":{}}", false},
        {"{\"" TWO "\":{\"timestamp\":\"1600000001\"}}",
         false}, /* a manifest: no cycle comes of it */
        {"[{\"uuid\":\"" ONE "\"}]", false},
        {"{\"uuid\":\"" ONE "\"", false},
        {"{\"uuid\":\"" ONE "\"} {}", false},
        {"<html></html>", false},
        {"", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = {""};

        CHECK((manifest_check_event(rows[i].text, strlen(rows[i].text), ONE, &err) == PICKET_OK) ==
              rows[i].is_good);
        CHECK((err.text[0] == '\0') == rows[i].is_good);
    }
}

TEST(kept_events_are_read_as_far_as_they_are_good)
{
    static const char text[] =
        "[\n{\"Event\":{\"uuid\":\"" TWO "\",\"timestamp\":\"1700000002\"}}\n,"
        "\n{\"nothing\":1}\n,\n{\"uuid\":\"" ONE "\",\"timestamp\":1700000001}"
        "\n,\n{\"Event\":{\"uuid\":\"" THREE "\"";
    struct manifest events;

    CHECK(manifest_read_events(text, strlen(text), &events) == PICKET_OK);
    CHECK_UINT(events.count, 2);
    CHECK_TEXT(events.events[0].uuid, ONE);
    CHECK(events.events[0].time_us == INT64_C(1700000001000000));
    CHECK(strncmp(events.events[1].text, "{\"Event\":{", 10) == 0);
    CHECK(events.events[1].text[events.events[1].length - 1] == '}');
    manifest_deinit(&events);
    CHECK(manifest_read_events("no JSON", 7, &events) == PICKET_OK);
    CHECK_UINT(events.count, 0);
    CHECK(manifest_find(&events, ONE) == NULL);
    manifest_deinit(&events);
}

TEST_MAIN(TEST_ROW(manifest_gives_its_events_by_uuid_with_their_times),
          TEST_ROW(hostile_manifest_is_refused_with_the_reason),
          TEST_ROW(as_many_events_as_allowed_are_taken_and_one_more_is_refused),
          TEST_ROW(what_is_no_manifest_is_not_taken_for_one),
          TEST_ROW(document_is_the_event_that_is_named_or_refused),
          TEST_ROW(kept_events_are_read_as_far_as_they_are_good))
