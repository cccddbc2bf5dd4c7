/* SPDX-License-Identifier: MIT */
/* The keeper by hand: no thread, no network, and the clock stands where a test puts it. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/snapshot.h"
#include "feed/keeper.h"
#include "harness/check.h"

#define S   INT64_C(1000000)
#define NOW (INT64_C(1700000000) * S)

#define ROWS_MAX   8u
#define EVENTS_MAX 32u

/* What the keeper saved: the store of these tests. */
struct row {
    char name[FEED_NAME_MAX];
    char *settings;
    char *state;
};

struct world {
    char folder[64];
    struct snapshot_cell *intel;
    struct keeper *keeper;
    struct row rows[ROWS_MAX];
    enum keeper_event_kind events[EVENTS_MAX];
    char reason[512]; /* of the last one */
    size_t event_count;
};

/* The server of these tests. Tests run one after the other. */
static struct server {
    const char *content; /* NULL: there is no connection */
    const char *etag;
    int64_t retry_after_us;
    unsigned asked;
    char known[FETCH_ETAG_MAX]; /* the tag that was sent last */
    char token[64];
} server;

static enum picket_status serve(enum feed_from from, const struct fetch_request *request,
                                const struct fetch_state *last, bool (*is_stopped)(void *context),
                                void *context, struct buf *content, struct fetch_answer *ret,
                                struct err *reterr)
{
    (void)from;
    (void)is_stopped;
    (void)context;
    server.asked++;
    snprintf(server.known, sizeof(server.known), "%s", last->etag);
    snprintf(server.token, sizeof(server.token), "%s", request->bearer_token);
    ret->retry_after_us = server.retry_after_us;
    if (server.content == NULL) {
        err_set(reterr, "no connection");
        return PICKET_E_IO;
    }
    snprintf(ret->state.etag, sizeof(ret->state.etag), "%s", server.etag);
    ret->is_unchanged = server.etag[0] != '\0' && strcmp(server.etag, last->etag) == 0;
    if (!ret->is_unchanged) {
        buf_add_text(content, server.content);
    }
    return PICKET_OK;
}

static enum picket_status save(void *context, const char *name, const char *settings,
                               const char *state, struct err *reterr)
{
    struct world *world = context;
    struct row *row = NULL;

    (void)reterr;
    for (size_t i = 0; i < ROWS_MAX && row == NULL; i++) {
        row = strcmp(world->rows[i].name, name) == 0 ? &world->rows[i] : NULL;
    }
    for (size_t i = 0; i < ROWS_MAX && row == NULL; i++) {
        row = world->rows[i].name[0] == '\0' ? &world->rows[i] : NULL;
    }
    if (row == NULL) {
        return PICKET_E_FULL;
    }
    free(row->settings);
    free(row->state);
    snprintf(row->name, sizeof(row->name), "%s", settings == NULL ? "" : name);
    row->settings = settings == NULL ? NULL : strdup(settings);
    row->state = settings == NULL ? NULL : strdup(state);
    return PICKET_OK;
}

static void told(void *context, const struct keeper_event *event)
{
    struct world *world = context;

    if (world->event_count < EVENTS_MAX) {
        world->events[world->event_count++] = event->kind;
    }
    snprintf(world->reason, sizeof(world->reason), "%s", event->reason);
}

static size_t events(const struct world *world, enum keeper_event_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < world->event_count; i++) {
        count += world->events[i] == kind;
    }
    return count;
}

/* Starts a keeper over what the folder and the rows hold. */
static bool start(struct world *world, int64_t now_us)
{
    const struct keeper_config config = {.folder = world->folder,
                                         .intel = world->intel,
                                         .fetch = serve,
                                         .save = save,
                                         .told = told,
                                         .context = world};
    struct err err = {""};
    enum picket_status status = keeper_new(&config, &world->keeper, &err);

    for (size_t i = 0; status == PICKET_OK && i < ROWS_MAX; i++) {
        if (world->rows[i].name[0] != '\0') {
            status = keeper_restore(world->keeper, world->rows[i].name, world->rows[i].settings,
                                    world->rows[i].state, &err);
        }
    }
    if (status == PICKET_OK) {
        status = keeper_open(world->keeper, now_us, &err);
    }
    if (status != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return status == PICKET_OK;
}

static bool world_open(struct world *world)
{
    memset(world, 0, sizeof(*world));
    memset(&server, 0, sizeof(server));
    server.etag = "";
    snprintf(world->folder, sizeof(world->folder), "/tmp/picket-keeper-XXXXXX");
    world->intel = snapshot_cell_new();
    return world->intel != NULL && mkdtemp(world->folder) != NULL && start(world, NOW);
}

/* As a crash would: nothing is written at the end. */
static bool restart(struct world *world, int64_t now_us)
{
    keeper_free(world->keeper);
    snapshot_cell_free(world->intel);
    world->keeper = NULL;
    world->intel = snapshot_cell_new();
    return start(world, now_us);
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about;
    (void)kind;
    (void)where;
    return remove(path);
}

static void world_close(struct world *world)
{
    keeper_free(world->keeper);
    snapshot_cell_free(world->intel);
    for (size_t i = 0; i < ROWS_MAX; i++) {
        free(world->rows[i].settings);
        free(world->rows[i].state);
    }
    nftw(world->folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static bool put_file(const struct world *world, const char *name, const char *content)
{
    char path[256];
    FILE *file = NULL;
    bool is_good = false;

    snprintf(path, sizeof(path), "%s/%s", world->folder, name);
    file = fopen(path, "w");
    is_good = file != NULL && fputs(content, file) >= 0;
    return file != NULL && fclose(file) == 0 && is_good;
}

static size_t count(const struct world *world)
{
    struct snapshot *snapshot = snapshot_get(world->intel);
    size_t count = intel_index_count(snapshot_value(snapshot));

    snapshot_put(snapshot);
    return count;
}

/* True if a feed says something of an address; ret has it. */
static bool find(const struct world *world, const char *feed, const char *address,
                 struct indicator *ret)
{
    struct snapshot *snapshot = snapshot_get(world->intel);
    const struct intel_index *index = snapshot_value(snapshot);
    struct address asked;
    intel_record record = 0;
    bool is_found = false;

    if (address_parse(address, strlen(address), &asked) == PICKET_OK) {
        intel_match(index, &asked, 1, &record);
    }
    for (; record != 0 && !is_found; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        is_found = strcmp(indicator.feed, feed) == 0;
        if (is_found && ret != NULL) {
            *ret = indicator; /* of its texts only those of the next version are compared */
        }
    }
    snapshot_put(snapshot);
    return is_found;
}

static bool has(const struct world *world, const char *feed, const char *address)
{
    return find(world, feed, address, NULL);
}

static enum picket_status put_feed(struct world *world, const char *name, const char *settings,
                                   int64_t now_us)
{
    struct err err = {""};
    enum picket_status status =
        keeper_put_feed(world->keeper, name, settings, strlen(settings), now_us, &err);

    snprintf(world->reason, sizeof(world->reason), "%s", err.text);
    return status;
}

static enum picket_status push(struct world *world, const char *name, enum intel_change_kind kind,
                               const char *body, int64_t now_us)
{
    struct err err = {""};
    size_t taken = 0;
    enum picket_status status =
        keeper_push(world->keeper, name, kind, body, strlen(body), now_us, &taken, &err);

    snprintf(world->reason, sizeof(world->reason), "%s", err.text);
    return status;
}

/* What the API shows of a feed contains @p words. */
static bool shows(const struct world *world, const char *name, const char *words)
{
    struct buf text;
    struct json json;
    bool is_shown = false;

    buf_init(&text, 65536);
    json_init(&json, &text, false);
    is_shown =
        keeper_write_feed(world->keeper, NULL, name, &json) && strstr(text.bytes, words) != NULL;
    if (!is_shown && text.bytes != NULL) {
        printf("%s\n", text.bytes);
    }
    buf_deinit(&text);
    return is_shown;
}

static const char URL_FEED[] =
    "{\"from\":\"url\",\"source\":\"https://feeds.example/list\",\"period\":\"PT1H\","
    "\"confidence\":70,\"category\":\"c2\"}";
static const char PUSH_FEED[] = "{\"from\":\"push\",\"confidence\":90}";

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

TEST(pushed_indicators_act_at_once_and_outlive_a_crash)
{
    struct world world;

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT,
                    "{\"items\":[{\"value\":\"8.8.1.1\"},{\"value\":\"8.8.1.2\"}]}", NOW + S),
               PICKET_OK);
    CHECK(has(&world, "mine", "8.8.1.1"));
    CHECK_UINT(
        push(&world, "mine", INTEL_REMOVE, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", NOW + 2 * S),
        PICKET_OK);
    CHECK(!has(&world, "mine", "8.8.1.1"));
    CHECK(restart(&world, NOW + 3 * S));
    CHECK(!has(&world, "mine", "8.8.1.1"));
    CHECK(has(&world, "mine", "8.8.1.2"));
    world_close(&world);
}

TEST(merge_is_due_after_a_while_and_empties_the_journal)
{
    struct world world;
    char path[128];

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", NOW + S),
               PICKET_OK);
    keeper_merge(world.keeper, NOW + 2 * S);
    snprintf(path, sizeof(path), "%s/intel.index", world.folder);
    CHECK(access(path, F_OK) != 0);
    keeper_merge(world.keeper, NOW + 601 * S);
    CHECK(access(path, F_OK) == 0);
    CHECK(has(&world, "mine", "8.8.1.1"));
    snprintf(path, sizeof(path), "%s/intel.journal.previous", world.folder);
    CHECK(unlink(path) == 0);
    CHECK(restart(&world, NOW + 602 * S));
    CHECK(has(&world, "mine", "8.8.1.1"));
    world_close(&world);
}

TEST(crash_in_the_middle_of_a_cut_loses_nothing_even_if_another_follows)
{
    struct world world;
    char journal[128];
    char previous[160];

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", NOW + S),
               PICKET_OK);
    keeper_merge(world.keeper, NOW + 601 * S);
    CHECK_UINT(
        push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.2\"}]}", NOW + 602 * S),
        PICKET_OK);
    snprintf(journal, sizeof(journal), "%s/intel.journal", world.folder);
    snprintf(previous, sizeof(previous), "%s.previous", journal);
    CHECK(rename(journal, previous) == 0); /* the first of the two steps */
    CHECK(restart(&world, NOW + 603 * S));
    CHECK(has(&world, "mine", "8.8.1.2"));
    CHECK(restart(&world, NOW + 604 * S));
    CHECK(has(&world, "mine", "8.8.1.1"));
    CHECK(has(&world, "mine", "8.8.1.2"));
    world_close(&world);
}

TEST(push_into_what_is_loaded_or_not_there_is_refused)
{
    static const char body[] = "{\"items\":[{\"value\":\"8.8.1.1\"}]}";
    struct world world;

    CHECK(world_open(&world));
    server.content = "8.8.1.1\n";
    CHECK_UINT(put_feed(&world, "list", URL_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "list", INTEL_PUT, body, NOW), PICKET_E_CONFLICT);
    CHECK_UINT(push(&world, "none", INTEL_PUT, body, NOW), PICKET_E_NOTFOUND);
    world_close(&world);
}

TEST(allowed_acts_on_what_is_loaded_and_has_a_scope)
{
    struct world world;
    struct indicator found = {0};

    CHECK(world_open(&world));
    CHECK_UINT(push(&world, "allowed", INTEL_PUT,
                    "{\"items\":[{\"value\":\"8.8.0.0/16\",\"scope\":\"group:pumps\"}]}", NOW),
               PICKET_OK);
    CHECK(find(&world, "allowed", "8.8.1.1", &found));
    CHECK_UINT(found.role, INDICATOR_ALLOWED);
    CHECK_UINT(push(&world, "allowed", INTEL_PUT,
                    "{\"items\":[{\"value\":\"8.8.0.0/16\",\"scope\":\"everyone\"}]}", NOW),
               PICKET_E_MALFORMED);
    CHECK(restart(&world, NOW + S));
    CHECK(has(&world, "allowed", "8.8.1.1"));
    world_close(&world);
}

TEST(removed_feed_goes_with_the_next_build_and_its_journal_with_it)
{
    struct world world;
    struct err err;

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", NOW + S),
               PICKET_OK);
    CHECK_UINT(keeper_remove_feed(world.keeper, "mine", &err), PICKET_OK);
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW + S), PICKET_E_CONFLICT);
    CHECK(restart(&world, NOW + 2 * S));
    keeper_merge(world.keeper, NOW + 2 * S);
    CHECK(!has(&world, "mine", "8.8.1.1"));
    CHECK_UINT(keeper_remove_feed(world.keeper, "mine", &err), PICKET_E_NOTFOUND);

    /* One of the same name begins empty, whatever the journal before the cut still has. */
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW + 3 * S), PICKET_OK);
    CHECK(restart(&world, NOW + 4 * S));
    CHECK(!has(&world, "mine", "8.8.1.1"));
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

TEST_MAIN(TEST_ROW(due_feed_is_fetched_and_acts),
          TEST_ROW(feed_is_not_fetched_before_its_period_is_over),
          TEST_ROW(load_takes_the_place_of_the_one_before_and_leaves_other_feeds),
          TEST_ROW(what_the_server_says_has_not_changed_is_kept_and_not_stale),
          TEST_ROW(indicators_that_live_for_a_while_are_renewed_while_they_are_listed),
          TEST_ROW(web_page_is_refused), TEST_ROW(empty_document_is_refused),
          TEST_ROW(shrunk_load_is_refused_with_both_counts), TEST_ROW(failed_connection_is_refused),
          TEST_ROW(failing_feed_is_tried_again_ever_later_and_goes_stale_once),
          TEST_ROW(server_is_left_in_peace_for_as_long_as_it_asks),
          TEST_ROW(refresh_asks_for_all_of_it), TEST_ROW(secret_comes_from_the_file_that_is_named),
          TEST_ROW(settings_that_lead_out_of_the_folder_or_make_no_sense_are_refused),
          TEST_ROW(folder_is_one_feed_of_all_its_files),
          TEST_ROW(pushed_indicators_act_at_once_and_outlive_a_crash),
          TEST_ROW(merge_is_due_after_a_while_and_empties_the_journal),
          TEST_ROW(crash_in_the_middle_of_a_cut_loses_nothing_even_if_another_follows),
          TEST_ROW(push_into_what_is_loaded_or_not_there_is_refused),
          TEST_ROW(allowed_acts_on_what_is_loaded_and_has_a_scope),
          TEST_ROW(removed_feed_goes_with_the_next_build_and_its_journal_with_it),
          TEST_ROW(new_terms_hold_for_what_is_loaded),
          TEST_ROW(damaged_index_is_put_aside_and_the_one_before_serves))
