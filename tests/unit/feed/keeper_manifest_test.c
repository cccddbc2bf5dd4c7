/* SPDX-License-Identifier: MIT */
/* MISP feeds: a manifest, and the events that it names. */
#include "keeper_world.h"

#define ONE   "00000000-0000-4000-8000-000000000001"
#define TWO   "00000000-0000-4000-8000-000000000002"
#define THREE "00000000-0000-4000-8000-000000000003"

#define NAMED(uuid, time) "\"" uuid "\":{\"info\":\"i\",\"timestamp\":\"" time "\"}"
#define EVENT(uuid, time, address)                                                                 \
    "{\"Event\":{\"uuid\":\"" uuid "\",\"timestamp\":\"" time "\",\"info\":\"i\",\"Attribute\":["  \
    "{\"type\":\"ip-dst\",\"value\":\"" address "\",\"to_ids\":true}]}}"

static const char MISP_FEED[] =
    "{\"from\":\"url\",\"source\":\"https://feeds.example/osint/manifest.json?x=/y\","
    "\"period\":\"PT1H\"}";
static const char MANIFEST[] = "{" NAMED(ONE, "1600000001") "," NAMED(TWO, "1600000002") "}";

TEST(events_that_a_manifest_names_are_fetched_and_later_only_what_changed)
{
    static const struct document first[] = {{"manifest.json?x=/y", MANIFEST},
                                            {"y", MANIFEST},
                                            {ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")},
                                            {TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")},
                                            {NULL, NULL}};
    static const struct document then[] = {
        {"y", "{" NAMED(ONE, "1600000001") "," NAMED(TWO, "1600000009") "," NAMED(
                  THREE, "1600000003") "}"},
        {TWO ".json", EVENT(TWO, "1600000009", "8.8.1.22")},
        {THREE ".json", EVENT(THREE, "1600000003", "8.8.1.3")},
        {NULL, NULL}};
    static const struct document last[] = {{"y", "{" NAMED(THREE, "1600000003") "}"}, {NULL, NULL}};
    struct world world;

    CHECK(world_open(&world));
    server.documents = first;
    CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_TEXT(server.names, "y;" ONE ".json;" TWO ".json;");
    CHECK(has(&world, "misp", "8.8.1.1"));
    CHECK(has(&world, "misp", "8.8.1.2"));

    CHECK(restart(&world, NOW + S));
    server.names[0] = '\0';
    server.documents = then;
    (void)keeper_step(world.keeper, NOW + 3600 * S);
    CHECK_TEXT(server.names, "y;" TWO ".json;" THREE ".json;");
    CHECK(has(&world, "misp", "8.8.1.1"));
    CHECK(!has(&world, "misp", "8.8.1.2"));
    CHECK(has(&world, "misp", "8.8.1.22"));
    CHECK(has(&world, "misp", "8.8.1.3"));

    server.names[0] = '\0';
    server.documents = last;
    (void)keeper_step(world.keeper, NOW + 7200 * S);
    CHECK_TEXT(server.names, "y;");
    CHECK_UINT(count(&world), 3); /* it shrank too much */
    CHECK_UINT(events(&world, KEEPER_REFUSED), 1);
    world_close(&world);
}

TEST(event_that_does_not_come_refuses_the_load_and_the_next_try_goes_on_from_there)
{
    static const struct document some[] = {
        {"y", MANIFEST}, {ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")}, {NULL, NULL}};
    static const struct document wrong[] = {
        {"y", MANIFEST}, {TWO ".json", EVENT(ONE, "1600000002", "8.8.1.2")}, {NULL, NULL}};
    static const struct document all[] = {
        {"y", MANIFEST}, {TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")}, {NULL, NULL}};
    struct world world;

    CHECK(world_open(&world));
    server.documents = some;
    CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(count(&world), 0);
    CHECK(shows(&world, "misp", "the event " TWO ": no connection"));

    server.names[0] = '\0';
    server.documents = wrong;
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK_TEXT(server.names, "y;" TWO ".json;");
    CHECK(shows(&world, "misp", "it is not the event that the manifest names"));

    server.names[0] = '\0';
    server.documents = all;
    (void)keeper_step(world.keeper, NOW + 180 * S);
    CHECK_TEXT(server.names, "y;" TWO ".json;");
    CHECK_UINT(count(&world), 2);
    world_close(&world);
}

TEST(slow_server_is_left_after_a_while_and_gone_on_with_later)
{
    static const struct document documents[] = {
        {"y", "{" NAMED(ONE, "1600000001") "," NAMED(TWO, "1600000002") "," NAMED(
                  THREE, "1600000003") "}"},
        {ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")},
        {TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")},
        {THREE ".json", EVENT(THREE, "1600000003", "8.8.1.3")},
        {NULL, NULL}};
    struct world world;

    CHECK(world_open(&world));
    server.documents = documents;
    server.takes_us = 150 * S;
    CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_TEXT(server.names, "y;" ONE ".json;" TWO ".json;");
    CHECK(shows(&world, "misp", "3 events, of which not all came in time"));
    server.names[0] = '\0';
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK_TEXT(server.names, "y;" THREE ".json;");
    CHECK_UINT(count(&world), 3);
    world_close(&world);
}

TEST(hostile_manifest_is_refused_before_anything_else_is_asked_for)
{
    static const char *const manifests[] = {
        "{\"../../status\":{\"timestamp\":\"1600000001\"}}",
        "{\"@other.example/x\":{\"timestamp\":\"1600000001\"}}",
        "{" NAMED(ONE, "1600000001") "," NAMED(ONE, "1600000001") "}",
    };
    struct document documents[] = {{"y", NULL}, {NULL, NULL}};

    for (size_t i = 0; i < sizeof(manifests) / sizeof(manifests[0]); i++) {
        struct world world;

        CHECK(world_open(&world));
        documents[0].content = manifests[i];
        server.documents = documents;
        CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
        (void)keeper_step(world.keeper, NOW);
        CHECK_UINT(server.asked, 1);
        CHECK_UINT(events(&world, KEEPER_REFUSED), 1);
        world_close(&world);
    }
}

TEST(what_was_kept_of_one_source_is_not_taken_for_another_one)
{
    static const char moved[] =
        "{\"from\":\"url\",\"source\":\"https://other.example/manifest.json\"}";
    static const struct document first[] = {{"y", MANIFEST},
                                            {ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")},
                                            {TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")},
                                            {NULL, NULL}};
    static const struct document other[] = {{"manifest.json", MANIFEST},
                                            {ONE ".json", EVENT(ONE, "1600000001", "8.8.2.1")},
                                            {TWO ".json", EVENT(TWO, "1600000002", "8.8.2.2")},
                                            {NULL, NULL}};
    struct world world;
    struct err err;
    char path[128];

    CHECK(world_open(&world));
    server.documents = first;
    CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK(has(&world, "misp", "8.8.1.1"));
    server.documents = other;
    CHECK_UINT(put_feed(&world, "misp", moved, NOW + S), PICKET_OK);
    (void)keeper_step(world.keeper, NOW + S);
    CHECK(!has(&world, "misp", "8.8.1.1"));
    CHECK(has(&world, "misp", "8.8.2.1"));

    snprintf(path, sizeof(path), "%s/intel.events/misp", world.folder);
    CHECK(access(path, F_OK) == 0);
    CHECK_UINT(keeper_remove_feed(world.keeper, "misp", NOW + 2 * S, &err), PICKET_OK);
    keeper_merge(world.keeper, NOW + 2 * S);
    CHECK(access(path, F_OK) != 0);
    world_close(&world);
}

TEST(damaged_kept_events_are_fetched_again)
{
    static const struct document documents[] = {{"y", MANIFEST},
                                                {ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")},
                                                {TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")},
                                                {NULL, NULL}};
    struct world world;
    struct err err;

    CHECK(world_open(&world));
    server.documents = documents;
    CHECK_UINT(put_feed(&world, "misp", MISP_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK(
        put_file(&world, "intel.events/misp", "[\n" EVENT(ONE, "1600000001", "8.8.1.1") "\n,\n{"));
    server.names[0] = '\0';
    CHECK_UINT(keeper_refresh_feed(world.keeper, "misp", &err), PICKET_OK);
    (void)keeper_step(world.keeper, NOW + S);
    CHECK_TEXT(server.names, "y;" TWO ".json;");
    CHECK_UINT(count(&world), 2);
    world_close(&world);
}

TEST(folder_with_a_manifest_is_read_by_it)
{
    static const char settings[] = "{\"from\":\"folder\",\"source\":\"misp\",\"period\":\"PT1M\"}";
    struct world world;
    char path[128];

    CHECK(world_open(&world));
    snprintf(path, sizeof(path), "%s/feeds/misp", world.folder);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(put_file(&world, "feeds/misp/manifest.json", MANIFEST));
    CHECK(put_file(&world, "feeds/misp/hashes.csv", "no list,of hosts\n"));
    CHECK(put_file(&world, "feeds/misp/" ONE ".json", EVENT(ONE, "1600000001", "8.8.1.1")));
    CHECK_UINT(put_feed(&world, "misp", settings, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(count(&world), 0);
    CHECK(shows(&world, "misp", TWO ".json"));

    CHECK(put_file(&world, "feeds/misp/" TWO ".json", EVENT(TWO, "1600000002", "8.8.1.2")));
    CHECK(put_file(&world, "feeds/misp/" THREE ".json", EVENT(THREE, "1600000002", "8.8.1.3")));
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK(has(&world, "misp", "8.8.1.1"));
    CHECK(has(&world, "misp", "8.8.1.2"));
    CHECK(!has(&world, "misp", "8.8.1.3")); /* it is not named */
    world_close(&world);
}

TEST_MAIN(TEST_ROW(events_that_a_manifest_names_are_fetched_and_later_only_what_changed),
          TEST_ROW(event_that_does_not_come_refuses_the_load_and_the_next_try_goes_on_from_there),
          TEST_ROW(slow_server_is_left_after_a_while_and_gone_on_with_later),
          TEST_ROW(hostile_manifest_is_refused_before_anything_else_is_asked_for),
          TEST_ROW(what_was_kept_of_one_source_is_not_taken_for_another_one),
          TEST_ROW(damaged_kept_events_are_fetched_again),
          TEST_ROW(folder_with_a_manifest_is_read_by_it))
