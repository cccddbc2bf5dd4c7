/* SPDX-License-Identifier: MIT */
/* What is loaded: no thread, no network. */
#include <sys/inotify.h>

#include "keeper_world.h"

TEST(due_feed_is_fetched_and_acts)
{
    struct world world;
    struct indicator found = {0};

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n8.8.2.0/24\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    CHECK_UINT(count(&world), 0);
    CHECK_UINT(keeper_step(world.keeper, NOW), NOW + 3600 * S);
    CHECK_UINT(count(&world), 2);
    CHECK(find(&world, "list", "8.8.2.77", &found));
    CHECK_UINT(found.confidence, 70);
    CHECK_UINT(events(&world, KEEPER_LOADED), 1);
    CHECK(shows(&world, "list", "\"accepted\":2"));
    world_close(&world);
}

TEST(feed_is_not_fetched_before_its_period_is_over)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    (void)keeper_step(world.keeper, NOW + 3599 * S);
    CHECK_UINT(server.asked, 1);
    (void)keeper_step(world.keeper, NOW + 3600 * S);
    CHECK_UINT(server.asked, 2);
    world_close(&world);
}

TEST(load_takes_the_place_of_the_one_before_and_leaves_other_feeds)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n8.8.1.2\n";
    CHECK_UINT(put_feed(&world, "one", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    server.content = "8.8.1.1\n8.8.9.9\n";
    CHECK_UINT(put_feed(&world, "two", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK(has(&world, "one", "8.8.1.2"));
    CHECK(has(&world, "two", "8.8.1.1"));
    (void)keeper_step(world.keeper, NOW + 3600 * S);
    CHECK(!has(&world, "one", "8.8.1.2"));
    CHECK(has(&world, "one", "8.8.9.9"));
    CHECK(has(&world, "two", "8.8.9.9"));
    world_close(&world);
}

TEST(what_the_server_says_has_not_changed_is_kept_and_not_stale)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    server.etag = "\"1\"";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    for (int hour = 0; hour < 5; hour++) {
        (void)keeper_step(world.keeper, NOW + hour * 3600 * S);
    }
    CHECK_UINT(server.asked, 5);
    CHECK_TEXT(server.known, "\"1\"");
    CHECK(has(&world, "list", "8.8.1.1"));
    CHECK_UINT(events(&world, KEEPER_LOADED), 1);
    CHECK_UINT(events(&world, KEEPER_STALE), 0);
    world_close(&world);
}

TEST(indicators_that_live_for_a_while_are_renewed_while_they_are_listed)
{
    static const char settings[] = "{\"from\":\"url\",\"source\":\"https://feeds.example/list\","
                                   "\"period\":\"PT1H\",\"lifetime\":\"PT8H\"}";
    struct world world;
    struct indicator found = {0};

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    server.etag = "\"1\"";
    CHECK_UINT(put_feed(&world, "list", settings, NOW), PICKET_OK);
    for (int hour = 0; hour < 24; hour++) {
        (void)keeper_step(world.keeper, NOW + hour * 3600 * S);
        CHECK(find(&world, "list", "8.8.1.1", &found));
        CHECK(found.expires_us > NOW + hour * 3600 * S);
    }
    world_close(&world);
}

static void refused_load_keeps_what_is_there(unsigned *check_failures, const char *content,
                                             const char *words)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n8.8.1.2\n8.8.1.3\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    server.content = content;
    (void)keeper_step(world.keeper, NOW + 3600 * S);
    CHECK_UINT(count(&world), 3);
    CHECK_UINT(events(&world, KEEPER_REFUSED), 1);
    CHECK(strstr(world.reason, words) != NULL);
    CHECK(shows(&world, "list", words));
    world_close(&world);
}

TEST(web_page_is_refused)
{
    refused_load_keeps_what_is_there(
        check_failures, "<!DOCTYPE html>\n<html><body>404</body></html>\n", "web page");
}

TEST(empty_document_is_refused)
{
    refused_load_keeps_what_is_there(check_failures, "", "");
}

TEST(shrunk_load_is_refused_with_both_counts)
{
    refused_load_keeps_what_is_there(check_failures, "8.8.1.1\n", "from 3 to 1");
}

TEST(failed_connection_is_refused)
{
    refused_load_keeps_what_is_there(check_failures, NULL, "no connection");
}

TEST(failing_feed_is_tried_again_ever_later_and_goes_stale_once)
{
    struct world world;
    int64_t now = NOW;
    int64_t due = 0;
    unsigned tries = 0;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    now = keeper_step(world.keeper, NOW);
    server.content = NULL;
    for (int64_t wait = 60; wait <= 1920; wait *= 2, tries++) {
        due = keeper_step(world.keeper, now);
        CHECK_UINT(due - now, wait * S);
        now = due;
    }
    CHECK_UINT(tries, 6);
    CHECK_UINT(events(&world, KEEPER_STALE), 0);
    CHECK_UINT(keeper_step(world.keeper, now) - now, 3600 * S);
    now += 3600 * S;
    (void)keeper_step(world.keeper, now);
    now += 3600 * S;
    CHECK_UINT(events(&world, KEEPER_STALE), 1);
    CHECK_UINT(events(&world, KEEPER_REFUSED), 1);
    CHECK(shows(&world, "list", "\"is_stale\":true"));
    CHECK(has(&world, "list", "8.8.1.1"));

    server.content = "8.8.1.1\n8.8.1.2\n";
    (void)keeper_step(world.keeper, now);
    CHECK_UINT(events(&world, KEEPER_RENEWED), 1);
    CHECK(shows(&world, "list", "\"is_stale\":false"));
    world_close(&world);
}

static const char POOR_LIST[] = "8.8.1.1\n8.8.1.2\nno address\n10.0.0.1\n";

TEST(poor_load_acts_and_is_told_until_a_good_one_comes)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = POOR_LIST;
    server.etag = "\"1\"";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK(has(&world, "list", "8.8.1.2"));
    CHECK_UINT(events(&world, KEEPER_POOR), 1);
    CHECK(strstr(world.reason, "50.0 % of its 4 items") == world.reason);
    CHECK(shows(&world, "list", "\"is_poor\":true"));

    CHECK(restart(&world, NOW + S));
    (void)keeper_step(world.keeper, NOW + 3600 * S); /* nothing has changed */
    CHECK_UINT(server.asked, 2);
    CHECK_UINT(events(&world, KEEPER_POOR), 1);
    CHECK_UINT(events(&world, KEEPER_RENEWED), 0);
    CHECK(shows(&world, "list", "\"is_poor\":true"));

    server.content = "8.8.1.1\n8.8.1.2\n";
    server.etag = "\"2\"";
    (void)keeper_step(world.keeper, NOW + 7200 * S);
    CHECK_UINT(events(&world, KEEPER_RENEWED), 1);
    CHECK(shows(&world, "list", "\"is_poor\":false"));
    world_close(&world);
}

TEST(share_that_may_be_rejected_is_a_setting)
{
    static const char settings[] = "{\"from\":\"url\",\"source\":\"https://feeds.example/list\","
                                   "\"rejected_max_percent\":50}";
    struct world world;

    CHECK(world_open(&world));
    server.content = POOR_LIST;
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(put_feed(&world, "list", settings, NOW + S), PICKET_OK);
    (void)keeper_step(world.keeper, NOW + S);
    CHECK_UINT(events(&world, KEEPER_RENEWED), 1);
    world_close(&world);
}

TEST(what_was_told_of_a_feed_ends_with_it)
{
    struct world world;
    struct err err;

    CHECK(world_open(&world));
    server.content = POOR_LIST;
    CHECK_UINT(put_feed(&world, "one", URL_FEED, NOW), PICKET_OK);
    CHECK_UINT(put_feed(&world, "two", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(keeper_remove_feed(world.keeper, "one", NOW + S, &err), PICKET_OK);
    CHECK_UINT(events(&world, KEEPER_GONE), 1);
    CHECK_UINT(put_feed(&world, "two", PUSH_FEED, NOW + S), PICKET_OK);
    CHECK_UINT(events(&world, KEEPER_GONE), 2);
    CHECK_UINT(keeper_remove_feed(world.keeper, "two", NOW + S, &err), PICKET_OK);
    CHECK_UINT(events(&world, KEEPER_GONE), 2);
    world_close(&world);
}

TEST(server_is_left_in_peace_for_as_long_as_it_asks)
{
    struct world world;

    CHECK(world_open(&world));
    server.retry_after_us = 7200 * S;
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    (void)keeper_step(world.keeper, NOW + 7199 * S);
    CHECK_UINT(server.asked, 1);
    (void)keeper_step(world.keeper, NOW + 7200 * S);
    CHECK_UINT(server.asked, 2);
    world_close(&world);
}

TEST(refresh_asks_for_all_of_it)
{
    struct world world;
    struct err err;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    server.etag = "\"1\"";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(keeper_refresh_feed(world.keeper, "list", &err), PICKET_OK);
    (void)keeper_step(world.keeper, NOW + S);
    CHECK_UINT(server.asked, 2);
    CHECK_TEXT(server.known, "");
    CHECK_UINT(keeper_refresh_feed(world.keeper, "none", &err), PICKET_E_NOTFOUND);
    CHECK_UINT(keeper_refresh_feed(world.keeper, "allowed", &err), PICKET_E_CONFLICT);
    world_close(&world);
}

TEST(secret_comes_from_the_file_that_is_named)
{
    static const char settings[] = "{\"from\":\"url\",\"source\":\"https://feeds.example/list\","
                                   "\"token_file\":\"list.token\"}";
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    CHECK_UINT(put_feed(&world, "list", settings, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(server.asked, 0);
    CHECK(strstr(world.reason, "list.token") != NULL);
    CHECK(put_file(&world, "feeds/list.token", "secret\n"));
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK_TEXT(server.token, "secret");
    world_close(&world);
}

TEST(settings_that_lead_out_of_the_folder_or_make_no_sense_are_refused)
{
    static const char *const wrong[] = {
        "{\"from\":\"file\",\"source\":\"../picket.db\"}",
        "{\"from\":\"file\",\"source\":\"/etc/passwd\"}",
        "{\"from\":\"folder\",\"source\":\"a//b\"}",
        "{\"from\":\"file\",\"source\":\"\"}",
        "{\"from\":\"url\",\"source\":\"ftp://feeds.example/\"}",
        "{\"from\":\"url\",\"source\":\"https://x.example/\",\"token_file\":\"/etc/shadow\"}",
        "{\"from\":\"url\",\"source\":\"https://x.example/\",\"period\":\"PT59S\"}",
        "{\"from\":\"push\",\"source\":\"x\"}",
        "{\"confidence\":101}",
        "{\"role\":\"bad\"}",
        "{\"name\":\"other\"}",
        "{\"nonsense\":1}",
        "{\"from\":\"push\",\"from\":\"url\"}",
        "[]",
        "",
    };
    struct world world;

    CHECK(world_open(&world));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        CHECK_UINT(put_feed(&world, "list", wrong[i], NOW), PICKET_E_MALFORMED);
        CHECK(world.reason[0] != '\0');
    }
    CHECK_UINT(put_feed(&world, "a/b", PUSH_FEED, NOW), PICKET_E_MALFORMED);
    CHECK_UINT(put_feed(&world, "allowed", PUSH_FEED, NOW), PICKET_E_CONFLICT);
    world_close(&world);
}

/* How often files of a watched folder were opened since the last call. */
static unsigned count_opens(int watcher)
{
    _Alignas(struct inotify_event) char seen[4096];
    unsigned count = 0;
    ssize_t length = read(watcher, seen, sizeof(seen));

    for (ssize_t at = 0; at < length;) {
        const struct inotify_event *event = (const void *)(seen + at);

        count += event->len > 0 && (event->mask & IN_ISDIR) == 0;
        at += (ssize_t)(sizeof(*event) + event->len);
    }
    return count;
}

TEST(files_of_a_folder_are_read_once_whether_they_have_changed_or_not)
{
    static const char settings[] = "{\"from\":\"folder\",\"source\":\"lists\",\"period\":\"PT1M\"}";
    struct world world;
    char path[128];
    int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    CHECK(world_open(&world));
    snprintf(path, sizeof(path), "%s/feeds/lists", world.folder);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(put_file(&world, "feeds/lists/a.txt", "8.8.1.1\n"));
    CHECK(put_file(&world, "feeds/lists/b.txt", "8.8.1.2\n"));
    CHECK(watcher >= 0 && inotify_add_watch(watcher, path, IN_OPEN) >= 0);
    CHECK_UINT(put_feed(&world, "lists", settings, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(count(&world), 2);
    CHECK_UINT(count_opens(watcher), 2);
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK_UINT(count_opens(watcher), 2);
    close(watcher);
    world_close(&world);
}

TEST(folder_is_one_feed_of_all_its_files)
{
    static const char settings[] = "{\"from\":\"folder\",\"source\":\"lists\",\"period\":\"PT1M\"}";
    struct world world;
    char path[128];

    CHECK(world_open(&world));
    snprintf(path, sizeof(path), "%s/feeds/lists", world.folder);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(put_file(&world, "feeds/lists/a.txt", "8.8.1.1\n"));
    CHECK(put_file(&world, "feeds/lists/b.txt", "8.8.1.2\n"));
    CHECK(put_file(&world, "feeds/lists/c.txt", "")); /* the end of a list that is split */
    CHECK_UINT(put_feed(&world, "lists", settings, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(count(&world), 2);
    CHECK(has(&world, "lists", "8.8.1.2"));
    (void)keeper_step(world.keeper, NOW + 60 * S);
    CHECK_UINT(events(&world, KEEPER_LOADED), 1);

    CHECK(put_file(&world, "feeds/lists/c.txt", "8.8.1.3\n"));
    (void)keeper_step(world.keeper, NOW + 120 * S);
    CHECK(has(&world, "lists", "8.8.1.3"));
    CHECK(put_file(&world, "feeds/lists/b.txt", "<html>no list</html>\n"));
    (void)keeper_step(world.keeper, NOW + 180 * S);
    CHECK_UINT(count(&world), 3);
    CHECK(shows(&world, "lists", "b.txt"));
    world_close(&world);
}

TEST(limit_of_a_folder_holds_for_all_its_files_together_and_what_is_beyond_is_counted)
{
    static const char settings[] = "{\"from\":\"folder\",\"source\":\"lists\",\"period\":\"PT1M\","
                                   "\"max_indicators\":2}";
    struct world world;
    char path[128];

    CHECK(world_open(&world));
    snprintf(path, sizeof(path), "%s/feeds/lists", world.folder);
    CHECK(mkdir(path, 0700) == 0);
    CHECK(put_file(&world, "feeds/lists/a.txt", "8.8.1.1\n"));
    CHECK(put_file(&world, "feeds/lists/b.txt", "8.8.1.2\n8.8.1.3\n"));
    CHECK(put_file(&world, "feeds/lists/c.txt", "8.8.1.4\n8.8.1.5\nnonsense\n"));
    CHECK_UINT(put_feed(&world, "lists", settings, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(count(&world), 2);
    CHECK(has(&world, "lists", "8.8.1.1") && has(&world, "lists", "8.8.1.2"));
    CHECK(shows(&world, "lists", "\"accepted\":2"));
    CHECK(shows(&world, "lists", "\"over_limit\":3"));
    CHECK(shows(&world, "lists", "\"malformed\":1"));
    world_close(&world);
}

TEST(new_terms_hold_for_what_is_loaded)
{
    struct world world;
    struct indicator found = {0};

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", NOW + S),
               PICKET_OK);
    CHECK_UINT(put_feed(&world, "mine", "{\"from\":\"push\",\"role\":\"warned\"}", NOW + 2 * S),
               PICKET_OK);
    keeper_merge(world.keeper, NOW + 3 * S);
    CHECK(find(&world, "mine", "8.8.1.1", &found));
    CHECK_UINT(found.role, INDICATOR_WARNED);
    world_close(&world);
}

TEST(damaged_index_is_put_aside_and_the_one_before_serves)
{
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n8.8.1.2\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.7.7\"}]}", NOW + S),
               PICKET_OK);
    server.content = "8.8.1.1\n8.8.1.3\n";
    (void)keeper_step(world.keeper, NOW + 3600 * S); /* the journal is cut here */
    CHECK(put_file(&world, "intel.index", "damaged"));
    server.asked = 0;
    CHECK(restart(&world, NOW + 3601 * S));
    CHECK_UINT(events(&world, KEEPER_TROUBLE), 1);
    CHECK(has(&world, "list", "8.8.1.2"));
    CHECK(has(&world, "mine", "8.8.7.7"));
    (void)keeper_step(world.keeper, NOW + 3601 * S);
    CHECK_UINT(server.asked, 1);
    CHECK(!has(&world, "list", "8.8.1.2"));
    CHECK(has(&world, "list", "8.8.1.3"));
    CHECK(has(&world, "mine", "8.8.7.7"));
    world_close(&world);
}

/* What each step of a build leaves that a crash ends: nothing of it is in the way. */
TEST(what_crashes_left_beside_the_files_does_no_harm)
{
    static const char *const torn[] = {"intel.index.new", "intel.index.previous.new",
                                       "intel.journal.new"};
    struct world world;
    char index[128];
    char previous[128];

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    (void)keeper_step(world.keeper, NOW);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.7.7\"}]}",
                        NOW + 2 * i * 3600 * S + S),
                   PICKET_OK);
        CHECK(put_file(&world, torn[i], "torn"));
        snprintf(index, sizeof(index), "%s/intel.index", world.folder);
        snprintf(previous, sizeof(previous), "%s/intel.index.previous", world.folder);
        (void)unlink(previous);
        CHECK(link(index, previous) == 0); /* killed before the new one took its name */
        CHECK(restart(&world, NOW + 2 * i * 3600 * S + 2 * S));
        CHECK(has(&world, "list", "8.8.1.1") && has(&world, "mine", "8.8.7.7"));
        keeper_merge(world.keeper, NOW + (2 * i + 1) * 3600 * S);
        CHECK_UINT(events(&world, KEEPER_TROUBLE), 0);
        CHECK(restart(&world, NOW + (2 * i + 1) * 3600 * S + S));
        CHECK(has(&world, "list", "8.8.1.1") && has(&world, "mine", "8.8.7.7"));
    }
    CHECK_UINT(events(&world, KEEPER_TROUBLE), 0);
    world_close(&world);
}

TEST_MAIN(
    TEST_ROW(what_crashes_left_beside_the_files_does_no_harm),
    TEST_ROW(due_feed_is_fetched_and_acts), TEST_ROW(feed_is_not_fetched_before_its_period_is_over),
    TEST_ROW(load_takes_the_place_of_the_one_before_and_leaves_other_feeds),
    TEST_ROW(what_the_server_says_has_not_changed_is_kept_and_not_stale),
    TEST_ROW(indicators_that_live_for_a_while_are_renewed_while_they_are_listed),
    TEST_ROW(web_page_is_refused), TEST_ROW(empty_document_is_refused),
    TEST_ROW(shrunk_load_is_refused_with_both_counts), TEST_ROW(failed_connection_is_refused),
    TEST_ROW(failing_feed_is_tried_again_ever_later_and_goes_stale_once),
    TEST_ROW(poor_load_acts_and_is_told_until_a_good_one_comes),
    TEST_ROW(share_that_may_be_rejected_is_a_setting),
    TEST_ROW(what_was_told_of_a_feed_ends_with_it),
    TEST_ROW(server_is_left_in_peace_for_as_long_as_it_asks), TEST_ROW(refresh_asks_for_all_of_it),
    TEST_ROW(secret_comes_from_the_file_that_is_named),
    TEST_ROW(settings_that_lead_out_of_the_folder_or_make_no_sense_are_refused),
    TEST_ROW(files_of_a_folder_are_read_once_whether_they_have_changed_or_not),
    TEST_ROW(folder_is_one_feed_of_all_its_files),
    TEST_ROW(limit_of_a_folder_holds_for_all_its_files_together_and_what_is_beyond_is_counted),
    TEST_ROW(new_terms_hold_for_what_is_loaded),
    TEST_ROW(damaged_index_is_put_aside_and_the_one_before_serves))
