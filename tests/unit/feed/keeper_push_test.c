/* SPDX-License-Identifier: MIT */
/* What is pushed, and what becomes of it when all ends. */
#include "feed/journal.h"
#include "keeper_world.h"

#define CLIENTS       8u
#define CLIENT_PUSHES 20u

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

TEST(pushes_that_wait_become_one_version_and_each_has_its_own_answer)
{
    static const struct {
        const char *feed;
        enum intel_change_kind kind;
        const char *body;
        enum picket_status status;
        size_t count;
        const char *words;
    } rows[] = {
        {"mine", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.1\"},{\"value\":\"8.8.1.2\"}]}",
         PICKET_OK, 2, ""},
        {"mine", INTEL_PUT, "{\"items\":[{\"value\":\"nonsense\"}]}", PICKET_E_MALFORMED, 0,
         "items[0]"},
        {"none", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.3\"}]}", PICKET_E_NOTFOUND, 0,
         "'none'"},
        {"mine", INTEL_REMOVE, "{\"items\":[{\"value\":\"8.8.1.1\"}]}", PICKET_OK, 1, ""},
        {"allowed", INTEL_PUT, "{\"items\":[{\"value\":\"8.8.1.4\"}]}", PICKET_OK, 1, ""},
    };
    struct keeper_push pushes[sizeof(rows) / sizeof(rows[0])] = {{.count = 0}};
    struct world world;

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK(!keeper_write_pushed(world.keeper, NOW));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        pushes[i] = (struct keeper_push){.feed = rows[i].feed,
                                         .kind = rows[i].kind,
                                         .body = rows[i].body,
                                         .length = strlen(rows[i].body),
                                         .done = note_done};
        keeper_push(world.keeper, &pushes[i]);
        CHECK(pushes[i].context == NULL);
    }
    CHECK(keeper_write_pushed(world.keeper, NOW + S));
    CHECK_UINT(world.versions, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(pushes[i].context == &pushes[i]);
        CHECK_UINT(pushes[i].status, rows[i].status);
        CHECK_UINT(pushes[i].count, rows[i].count);
        CHECK(strstr(pushes[i].err.text, rows[i].words) != NULL);
    }
    CHECK(restart(&world, NOW + 2 * S));
    CHECK(!has(&world, "mine", "8.8.1.1"));
    CHECK(has(&world, "mine", "8.8.1.2"));
    CHECK(has(&world, "allowed", "8.8.1.4"));
    CHECK_UINT(count(&world), 2);
    world_close(&world);
}

/* A push of addresses 8.NUMBER.x.y. */
static char *make_body(unsigned number, unsigned count)
{
    struct buf body;
    size_t length = 0;

    buf_init(&body, JOURNAL_BODY_MAX);
    for (unsigned i = 0; i < count; i++) {
        buf_addf(&body, "%s{\"value\":\"8.%u.%u.%u\"}", i == 0 ? "{\"items\":[" : ",", number,
                 i >> 8, i & 255);
    }
    buf_add_text(&body, "]}");
    return buf_take(&body, &length);
}

TEST(more_than_one_version_should_bear_is_written_as_several)
{
    struct keeper_push pushes[3];
    char *bodies[3];
    struct world world;

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    for (unsigned i = 0; i < 3; i++) {
        bodies[i] = make_body(i, 5000);
        CHECK(bodies[i] != NULL);
        pushes[i] = (struct keeper_push){.feed = "mine",
                                         .kind = INTEL_PUT,
                                         .body = bodies[i],
                                         .length = strlen(bodies[i]),
                                         .done = note_done};
        keeper_push(world.keeper, &pushes[i]);
    }
    CHECK(keeper_write_pushed(world.keeper, NOW + S));
    CHECK_UINT(world.versions, 2);
    CHECK_UINT(count(&world), 15000);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(pushes[i].context == &pushes[i] && pushes[i].status == PICKET_OK);
        free(bodies[i]);
    }
    world_close(&world);
}

TEST(push_that_waits_at_the_end_is_written_and_answered)
{
    static const char body[] = "{\"items\":[{\"value\":\"8.8.1.1\"}]}";
    struct keeper_push waiting = {.feed = "mine",
                                  .kind = INTEL_PUT,
                                  .body = body,
                                  .length = sizeof(body) - 1,
                                  .done = note_done};
    struct world world;

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    keeper_push(world.keeper, &waiting);
    CHECK(restart(&world, NOW + S));
    CHECK(waiting.context == &waiting);
    CHECK_UINT(waiting.status, PICKET_OK);
    CHECK(has(&world, "mine", "8.8.1.1"));
    world_close(&world);
}

/* Pushes one address after the other, each when the last one is acknowledged. */
struct client {
    struct world *world;
    unsigned number;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_answered;
    unsigned lost; /* acknowledged, but nobody sees it */
};

static void wake_client(struct keeper_push *push)
{
    struct client *client = push->context;

    pthread_mutex_lock(&client->lock);
    client->is_answered = true;
    pthread_cond_signal(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void *run_client(void *context)
{
    struct client *client = context;

    for (unsigned i = 0; i < CLIENT_PUSHES; i++) {
        char address[32];
        char body[64];
        struct keeper_push push = {.feed = "mine",
                                   .kind = INTEL_PUT,
                                   .body = body,
                                   .done = wake_client,
                                   .context = client};

        snprintf(address, sizeof(address), "8.8.%u.%u", client->number, i);
        push.length =
            (size_t)snprintf(body, sizeof(body), "{\"items\":[{\"value\":\"%s\"}]}", address);
        client->is_answered = false;
        keeper_push(client->world->keeper, &push);
        pthread_mutex_lock(&client->lock);
        while (!client->is_answered) {
            pthread_cond_wait(&client->changed, &client->lock);
        }
        pthread_mutex_unlock(&client->lock);
        client->lost += push.status != PICKET_OK || !has(client->world, "mine", address);
    }
    return NULL;
}

TEST(clients_that_push_at_once_are_all_answered_and_nothing_is_lost)
{
    static const char file_feed[] = "{\"from\":\"file\",\"source\":\"list.txt\"}";
    struct client clients[CLIENTS];
    struct world world;
    struct err err = {""};

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK(put_file(&world, "feeds/list.txt", "8.9.1.1\n"));
    CHECK_UINT(keeper_start(world.keeper, &err), PICKET_OK);
    for (unsigned i = 0; i < CLIENTS; i++) {
        clients[i] = (struct client){.world = &world,
                                     .number = i,
                                     .lock = PTHREAD_MUTEX_INITIALIZER,
                                     .changed = PTHREAD_COND_INITIALIZER};
        CHECK(pthread_create(&clients[i].thread, NULL, run_client, &clients[i]) == 0);
    }
    for (unsigned i = 0; i < CLIENT_PUSHES; i++) { /* versions are built meanwhile */
        CHECK_UINT(put_feed(&world, "list", file_feed, NOW), PICKET_OK);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        CHECK(pthread_join(clients[i].thread, NULL) == 0);
        CHECK_UINT(clients[i].lost, 0);
    }
    keeper_stop(world.keeper);
    CHECK(world.versions < CLIENTS * CLIENT_PUSHES);
    CHECK(restart(&world, NEVER));
    for (unsigned i = 0; i < CLIENTS; i++) {
        char last[32];

        snprintf(last, sizeof(last), "8.8.%u.%u", i, CLIENT_PUSHES - 1);
        CHECK(has(&world, "mine", last));
    }
    CHECK_UINT(count(&world), CLIENTS * CLIENT_PUSHES + has(&world, "list", "8.9.1.1"));
    world_close(&world);
}

TEST(indicator_that_is_pushed_again_is_listed_since_the_first_time)
{
    static const char item[] = "{\"items\":[{\"value\":\"8.8.1.1\"}]}";
    static const char dated[] = "{\"items\":[{\"value\":\"8.8.1.1\","
                                "\"listed_from\":\"2020-01-01T00:00:00Z\"}]}";
    struct world world;
    struct indicator found = {0};

    CHECK(world_open(&world));
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, item, NOW + S), PICKET_OK);
    keeper_merge(world.keeper, NOW + 601 * S);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, item, NOW + 700 * S), PICKET_OK);
    CHECK(find(&world, "mine", "8.8.1.1", &found));
    CHECK(found.listed_from_us == NOW + S && found.listed_until_us == NOW + 700 * S);
    CHECK(restart(&world, NOW + 800 * S));
    CHECK(find(&world, "mine", "8.8.1.1", &found) && found.listed_from_us == NOW + S);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, dated, NOW + 900 * S), PICKET_OK);
    CHECK(find(&world, "mine", "8.8.1.1", &found));
    CHECK(found.listed_from_us == INT64_C(1577836800000000));
    CHECK_UINT(push(&world, "mine", INTEL_REMOVE, item, NOW + 901 * S), PICKET_OK);
    CHECK_UINT(push(&world, "mine", INTEL_PUT, item, NOW + 902 * S), PICKET_OK);
    CHECK(find(&world, "mine", "8.8.1.1", &found) && found.listed_from_us == NOW + 902 * S);
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
    CHECK_UINT(keeper_remove_feed(world.keeper, "mine", NOW + S, &err), PICKET_OK);
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW + S), PICKET_E_CONFLICT);
    CHECK(restart(&world, NOW + 2 * S));
    keeper_merge(world.keeper, NOW + 2 * S);
    CHECK(!has(&world, "mine", "8.8.1.1"));
    CHECK_UINT(keeper_remove_feed(world.keeper, "mine", NOW + 2 * S, &err), PICKET_E_NOTFOUND);

    /* One of the same name begins empty, whatever the journal before the cut still has. */
    CHECK_UINT(put_feed(&world, "mine", PUSH_FEED, NOW + 3 * S), PICKET_OK);
    CHECK(restart(&world, NOW + 4 * S));
    CHECK(!has(&world, "mine", "8.8.1.1"));
    world_close(&world);
}

TEST_MAIN(TEST_ROW(pushed_indicators_act_at_once_and_outlive_a_crash),
          TEST_ROW(pushes_that_wait_become_one_version_and_each_has_its_own_answer),
          TEST_ROW(more_than_one_version_should_bear_is_written_as_several),
          TEST_ROW(push_that_waits_at_the_end_is_written_and_answered),
          TEST_ROW(clients_that_push_at_once_are_all_answered_and_nothing_is_lost),
          TEST_ROW(indicator_that_is_pushed_again_is_listed_since_the_first_time),
          TEST_ROW(merge_is_due_after_a_while_and_empties_the_journal),
          TEST_ROW(crash_in_the_middle_of_a_cut_loses_nothing_even_if_another_follows),
          TEST_ROW(push_into_what_is_loaded_or_not_there_is_refused),
          TEST_ROW(allowed_acts_on_what_is_loaded_and_has_a_scope),
          TEST_ROW(removed_feed_goes_with_the_next_build_and_its_journal_with_it))
