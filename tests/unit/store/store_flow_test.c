/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "flow_fixture.h"
#include "harness/check.h"
#include "store/flow_days_inside.h"
#include "store/sqlite.h"

#define GOOD(call) CHECK((call) == PICKET_OK)

static struct store *open_in(char folder[64])
{
    return folder_make(folder) ? store_at(folder) : NULL;
}

static void finish(struct store *store, const char *folder)
{
    store_close(store);
    folder_remove(folder);
}

static bool exists(const char *folder, const char *name)
{
    char path[128];
    struct stat about;

    snprintf(path, sizeof(path), "%s/flows/%s", folder, name);
    return stat(path, &about) == 0;
}

TEST(flows_of_a_device_come_back_with_the_last_report_first)
{
    char folder[64];
    struct store *store = open_in(folder);
    struct store_flow_filter filter = flows_of("d1");
    struct seen seen;

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    GOOD(put_report(store, "d2", 5, NOON_US, NULL));
    GOOD(put_report(store, "d1", 2, NOON_US + MINUTE_US, NULL));
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, 6);
    CHECK(seen.rows[0] == 20 && seen.rows[2] == 22 && seen.rows[3] == 10 && seen.rows[5] == 12);
    CHECK_TEXT(seen.device, "d1");
    filter.device = "d3";
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, 0);
    finish(store, folder);
}

TEST(times_narrow_flows_and_not_reports)
{
    char folder[64];
    struct store *store = open_in(folder);
    struct store_flow_filter filter = flows_of("d1");
    struct seen seen;

    for (uint32_t i = 1; i <= 5; i++) {
        GOOD(put_report(store, "d1", i, NOON_US + i * MINUTE_US, NULL));
    }
    filter.since_us = NOON_US + 4 * MINUTE_US - 1; /* the last moment of the third report's */
    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 9 && seen.rows[8] == 32);
    filter.since_us++;
    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 6 && seen.rows[5] == 42);
    filter.until_us = NOON_US + 5 * MINUTE_US + 1; /* the fifth's first flow and second one */
    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 5 && seen.rows[0] == 50 && seen.rows[1] == 51);
    finish(store, folder);
}

TEST(peer_is_found_with_every_device_by_address_and_by_name)
{
    char folder[64];
    struct store *store = open_in(folder);
    struct peer peer = {.address = peer_at(2)};
    struct store_flow_filter filter = flows_of(NULL);
    struct seen seen;

    filter.peer = &peer;
    for (uint32_t i = 1; i <= 40; i++) { /* some are in rows of the ledger, and some wait there */
        GOOD(put_report(store, "d1", i, NOON_US + i * MINUTE_US, NULL));
    }
    GOOD(put_report(store, "d2", 41, NOON_US, NULL));
    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 41 && seen.rows[0] == 401 && seen.rows[39] == 11 && seen.rows[40] == 411);
    CHECK_TEXT(seen.device, "d2");
    store_close(store);
    store = store_at(folder);
    peer.name = "name.example.com";
    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 41 && seen.rows[0] == 402);
    /* a ledger whose number is beyond all sense: then each is looked through */
    sqlite3_exec(((struct sqlite_store *)store)->writer.db,
                 "UPDATE ledger SET number = 1 << 40 WHERE device = 'd2'", NULL, NULL, NULL);
    store_close(store);
    store = store_at(folder);
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, 41);
    peer.name = "example.com";
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, 0);
    finish(store, folder);
}

/* From page to page, as many as @p limit at once: every row once and in order. */
static bool pages_are_whole(struct store *store, struct store_flow_filter filter, size_t limit)
{
    struct seen all, page;
    struct store_flow_place place;
    size_t given = 0;

    if (!list_flows(store, &filter, &all)) {
        return false;
    }
    filter.limit = limit;
    do {
        if (!list_flows(store, &filter, &page) || page.count > limit ||
            memcmp(page.rows, all.rows + given, page.count * sizeof(*page.rows)) != 0) {
            return false;
        }
        given += page.count;
        place = page.place;
        filter.after = &place;
    } while (page.count > 0);
    return given == all.count && given > limit;
}

TEST(pages_of_any_size_give_every_flow_once)
{
    char folder[64];
    struct store *store = open_in(folder);
    const struct peer peer = {.address = peer_at(1)};
    struct store_flow_filter of_device = flows_of("d1"), of_peer = flows_of(NULL);

    of_peer.peer = &peer;
    for (uint32_t i = 0; i < 24; i++) { /* three days; two reports that end at once */
        GOOD(put_report(store, i % 3 == 0 ? "d2" : "d1", i, NOON_US + (i / 2) * DAY_US / 4, NULL));
    }
    for (size_t limit = 1; limit < 8; limit++) {
        CHECK(pages_are_whole(store, of_device, limit));
        CHECK(pages_are_whole(store, of_peer, limit));
    }
    finish(store, folder);
}

TEST(each_day_of_receipt_has_a_file_and_goes_with_it)
{
    char folder[64];
    struct store *store = open_in(folder);

    for (uint32_t i = 1; i <= 4; i++) {
        GOOD(put_report(store, "d1", i, NOON_US + (i - 1) * DAY_US, NULL));
    }
    CHECK(exists(folder, "2024-10-04.db") && exists(folder, "2024-10-07.db"));
    CHECK_UINT(count_once(store, "d1", 4), 4 * FLOWS);
    store->ops->expire_flows(store, NOON_US + 2 * DAY_US); /* the third day is not over yet */
    CHECK(!exists(folder, "2024-10-04.db") && !exists(folder, "2024-10-05.db"));
    CHECK(exists(folder, "2024-10-06.db"));
    store_close(store);
    store = store_at(folder);
    GOOD(put_report(store, "d1", 5, NOON_US + 3 * DAY_US, NULL));
    const struct store_flow_filter filter = flows_of("d1");
    struct seen seen;

    CHECK(list_flows(store, &filter, &seen));
    CHECK(seen.count == 9 && seen.rows[8] == 32);
    finish(store, folder);
}

TEST(day_that_a_clock_ahead_took_away_is_begun_anew)
{
    const struct store_flow_filter filter = flows_of("d1");
    char folder[64];
    struct store *store = open_in(folder);
    struct seen seen;

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store->ops->expire_flows(store, NOON_US + 40 * DAY_US);
    GOOD(put_report(store, "d1", 2, NOON_US + MINUTE_US, NULL));
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, FLOWS);
    store_close(store);
    store = store_at(folder);
    CHECK(list_flows(store, &filter, &seen));
    CHECK_UINT(seen.count, FLOWS);
    finish(store, folder);
}

/** A listing that stops at its first flow until it may go on. */
struct stop {
    struct store *store;
    sem_t is_reading;
    sem_t may_go_on;
};

static bool stop_at(void *context, const struct store_flow *flow)
{
    struct stop *stop = context;

    (void)flow;
    sem_post(&stop->is_reading);
    sem_wait(&stop->may_go_on);
    return false;
}

static void *list_slowly(void *context)
{
    struct stop *stop = context;
    const struct store_flow_filter filter = flows_of("d1");

    return stop->store->ops->each_flow(stop->store, &filter, stop_at, stop, NULL) == PICKET_OK
               ? stop
               : NULL;
}

static void *expire_all(void *context)
{
    struct store *store = context;

    store->ops->expire_flows(store, INT64_MAX);
    return NULL;
}

/* True as soon as a listing would have to wait, though only another one is under way. */
static bool is_kept_for_writer(struct store *store)
{
    pthread_rwlock_t *files = &((struct sqlite_store *)store)->flows->files;
    bool is_kept = false;

    for (unsigned tries = 0; tries < 5000000 && !is_kept; tries++) {
        is_kept = pthread_rwlock_tryrdlock(files) != 0;
        if (!is_kept) {
            pthread_rwlock_unlock(files);
            sched_yield();
        }
    }
    return is_kept;
}

TEST(listings_that_never_end_do_not_keep_a_day_from_going)
{
    char folder[64];
    struct stop stop = {.store = open_in(folder)};
    void *result = NULL;
    pthread_t reader, expirer;

    sem_init(&stop.is_reading, 0, 0);
    sem_init(&stop.may_go_on, 0, 0);
    GOOD(put_report(stop.store, "d1", 1, NOON_US, NULL));
    CHECK(pthread_create(&reader, NULL, list_slowly, &stop) == 0);
    sem_wait(&stop.is_reading);
    CHECK(pthread_create(&expirer, NULL, expire_all, stop.store) == 0);
    CHECK(is_kept_for_writer(stop.store));
    sem_post(&stop.may_go_on);
    CHECK(pthread_join(reader, &result) == 0 && result == &stop);
    CHECK(pthread_join(expirer, NULL) == 0);
    CHECK(!exists(folder, "2024-10-04.db"));
    sem_destroy(&stop.is_reading);
    sem_destroy(&stop.may_go_on);
    finish(stop.store, folder);
}

TEST(what_is_not_committed_is_never_seen)
{
    char folder[64];
    struct store *store = open_in(folder);
    struct flow flows[FLOWS];
    const struct flow_report report = {
        .boot = 7, .sequence = 2, .received_us = NOON_US, .flows = flows, .flow_count = FLOWS};

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    make_flows(2, NOON_US, flows);
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_flows(store, "d1", &report, NULL));
    CHECK_UINT(count_once(store, "d1", 1), FLOWS);
    store->ops->rollback(store);
    CHECK_UINT(count_once(store, "d1", 1), FLOWS);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK_UINT(count_once(store, "d1", 2), 2 * FLOWS);
    finish(store, folder);
}

/* Between the commit of the day and that of the store's own database. */
static int refuse(void *context)
{
    (void)context;
    return 1;
}

static int die(void *context)
{
    (void)context;
    _exit(0);
}

static void set_hook(struct store *store, int (*hook)(void *context))
{
    sqlite3_commit_hook(((struct sqlite_store *)store)->writer.db, hook, NULL);
}

TEST(day_that_is_ahead_of_the_database_is_taken_back)
{
    char folder[64];
    struct store *store = open_in(folder);

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    set_hook(store, refuse);
    CHECK(put_report(store, "d1", 2, NOON_US, NULL) != PICKET_OK);
    CHECK_UINT(count_once(store, "d1", 1), FLOWS);
    set_hook(store, NULL);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK_UINT(count_once(store, "d1", 2), 2 * FLOWS);
    finish(store, folder);
}

/** A process of its own stores the second report of a device, and dies between the two commits. */
static bool dies_between_the_commits(const char *folder)
{
    int result = 1;
    pid_t child = fork();

    if (child == 0) {
        struct store *store = store_at(folder);

        set_hook(store, die);
        _exit(1 + (put_report(store, "d1", 2, NOON_US, NULL) == PICKET_OK));
    }
    return waitpid(child, &result, 0) == child && result == 0;
}

TEST(process_that_dies_between_the_two_commits_leaves_nothing_of_the_second)
{
    char folder[64];
    struct store *store = open_in(folder);

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store_close(store);
    CHECK(dies_between_the_commits(folder));
    store = store_at(folder);
    CHECK_UINT(count_once(store, "d1", 1), FLOWS);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK_UINT(count_once(store, "d1", 2), 2 * FLOWS);
    finish(store, folder);
}

/* In the place of a database. */
static bool write_letter(const char *path)
{
    FILE *file = fopen(path, "w");

    return file != NULL &&
           fputs("this was a database once, and now it is a letter that is long enough for a "
                 "header of one hundred bytes, as it has to be.",
                 file) >= 0 &&
           fclose(file) == 0;
}

TEST(damaged_day_is_named_when_it_is_read_and_never_written_to)
{
    char folder[64], path[128];
    struct store *store = open_in(folder);
    const struct store_flow_filter filter = flows_of("d1");
    struct seen seen;
    struct err err = {""};

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store_close(store);
    snprintf(path, sizeof(path), "%s/flows/2024-10-04.db", folder);
    CHECK(write_letter(path));
    store = store_at(folder);
    CHECK(store != NULL);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK(exists(folder, "2024-10-05.db"));
    CHECK(store->ops->each_flow(store, &filter, see, &seen, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, "2024-10-04.db") != NULL);
    finish(store, folder);
}

/* Rows of the table can be neither read nor put any more. */
static bool damage_table(const char *path, const char *table)
{
    static const uint8_t rubbish[512];
    char find[128];
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    off_t page = 0;
    bool is_done;
    int file;

    snprintf(find, sizeof(find), "SELECT rootpage - 1 FROM sqlite_schema WHERE name = '%s'", table);
    is_done = sqlite3_open(path, &db) == SQLITE_OK &&
              sqlite3_prepare_v2(db, find, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW;
    page = is_done ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    sqlite3_close(db);
    file = open(path, O_WRONLY);
    is_done = page > 0 && pwrite(file, rubbish, sizeof(rubbish), page * 4096) == sizeof(rubbish);
    close(file);
    return is_done;
}

TEST(day_that_turns_out_to_be_damaged_refuses_one_transaction_and_no_more)
{
    char folder[64], path[128];
    struct store *store = open_in(folder);
    const struct store_flow_filter filter = flows_of("d1");
    struct seen seen;

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store_close(store);
    snprintf(path, sizeof(path), "%s/flows/2024-10-04.db", folder);
    CHECK(damage_table(path, "report"));
    for (uint32_t i = 2; i < 4; i++) {
        store = store_at(folder);
        CHECK(put_report(store, "d1", i, NOON_US, NULL) == PICKET_E_MALFORMED);
        GOOD(put_report(store, "d1", i, NOON_US, NULL));
        CHECK(!list_flows(store, &filter, &seen)); /* what it had is named, and not just missing */
        CHECK_UINT(seen.count, (i - 1) * FLOWS);
        store_close(store);
    }
    folder_remove(folder);
}

/* As `refuse`, and rows of the day can't be reached from then on. */
static int refuse_and_damage(void *context)
{
    sqlite3 *db = NULL;

    sqlite3_open(context, &db);
    sqlite3_exec(db,
                 "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 999999"
                 " WHERE name = 'report'; PRAGMA schema_version = 77",
                 NULL, NULL, NULL);
    sqlite3_close(db);
    return 1;
}

/* True if the flows of report 2 are there once, and the day before is named. */
static bool has_second_alone(struct store *store)
{
    const struct store_flow_filter filter = flows_of("d1");
    struct seen seen = {.count = 0};
    struct err err = {""};

    return store->ops->each_flow(store, &filter, see, &seen, &err) == PICKET_E_MALFORMED &&
           strstr(err.text, "2024-10-04.db.damaged: ") != NULL && seen.count == FLOWS &&
           seen.rows[0] == 20 && seen.rows[FLOWS - 1] == 22;
}

TEST(damaged_day_that_is_ahead_is_put_aside_and_reports_go_on)
{
    char folder[64], path[128];
    struct store *store = open_in(folder);

    snprintf(path, sizeof(path), "%s/flows/2024-10-04.db", folder);
    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    CHECK_UINT(store->ops->count_damaged_days(store), 0);
    sqlite3_commit_hook(((struct sqlite_store *)store)->writer.db, refuse_and_damage, path);
    CHECK(put_report(store, "d1", 2, NOON_US, NULL) != PICKET_OK);
    set_hook(store, NULL);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK(exists(folder, "2024-10-04.db.damaged") && !exists(folder, "2024-10-04.db"));
    CHECK_UINT(store->ops->count_damaged_days(store), 1);
    CHECK(has_second_alone(store));
    store_close(store);
    store = store_at(folder);
    CHECK(has_second_alone(store));
    CHECK_UINT(store->ops->count_damaged_days(store), 1);
    store->ops->expire_flows(store, NOON_US + DAY_US);
    CHECK(!exists(folder, "2024-10-04.db.damaged") && exists(folder, "2024-10-05.db"));
    CHECK_UINT(store->ops->count_damaged_days(store), 0);
    finish(store, folder);
}

TEST(damaged_day_that_may_be_ahead_is_put_aside_at_the_next_start)
{
    char folder[64], path[128];
    struct store *store = open_in(folder);

    snprintf(path, sizeof(path), "%s/flows/2024-10-04.db", folder);
    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store_close(store);
    CHECK(dies_between_the_commits(folder));
    (void)refuse_and_damage(path);
    store = store_at(folder);
    CHECK(exists(folder, "2024-10-04.db.damaged"));
    GOOD(put_report(store, "d1", 2, NOON_US, NULL));
    CHECK(has_second_alone(store));
    finish(store, folder);
}

TEST(day_that_is_put_in_the_place_of_a_damaged_one_counts)
{
    char folder[64], path[128], aside[160];
    struct store *store = open_in(folder);

    snprintf(path, sizeof(path), "%s/flows/2024-10-04.db", folder);
    snprintf(aside, sizeof(aside), "%s.damaged", path);
    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    store_close(store);
    CHECK(write_letter(aside));
    store = store_at(folder);
    CHECK_UINT(count_once(store, "d1", 1), FLOWS);
    CHECK_UINT(store->ops->count_damaged_days(store), 0);
    finish(store, folder);
}

TEST(store_in_memory_keeps_no_flows)
{
    struct store *store = store_at(NULL);

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    CHECK_UINT(count_once(store, "d1", 0), 0);
    store->ops->expire_flows(store, INT64_MAX);
    store_close(store);
}

TEST_MAIN(TEST_ROW(flows_of_a_device_come_back_with_the_last_report_first),
          TEST_ROW(times_narrow_flows_and_not_reports),
          TEST_ROW(peer_is_found_with_every_device_by_address_and_by_name),
          TEST_ROW(pages_of_any_size_give_every_flow_once),
          TEST_ROW(each_day_of_receipt_has_a_file_and_goes_with_it),
          TEST_ROW(day_that_a_clock_ahead_took_away_is_begun_anew),
          TEST_ROW(listings_that_never_end_do_not_keep_a_day_from_going),
          TEST_ROW(what_is_not_committed_is_never_seen),
          TEST_ROW(day_that_is_ahead_of_the_database_is_taken_back),
          TEST_ROW(process_that_dies_between_the_two_commits_leaves_nothing_of_the_second),
          TEST_ROW(damaged_day_is_named_when_it_is_read_and_never_written_to),
          TEST_ROW(day_that_turns_out_to_be_damaged_refuses_one_transaction_and_no_more),
          TEST_ROW(damaged_day_that_is_ahead_is_put_aside_and_reports_go_on),
          TEST_ROW(damaged_day_that_may_be_ahead_is_put_aside_at_the_next_start),
          TEST_ROW(day_that_is_put_in_the_place_of_a_damaged_one_counts),
          TEST_ROW(store_in_memory_keeps_no_flows))
