/* SPDX-License-Identifier: MIT */
/* Days that are over, rewritten as compressed segments. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#include "flow_fixture.h"
#include "harness/check.h"
#include "store/day_files.h"
#include "store/flow_seal.h"
#include "store/flow_sealed.h"

#define GOOD(call) CHECK((call) == PICKET_OK)
#define OPEN       "2024-10-04.db"
#define SEALED     "2024-10-04.sealed.db"
#define UNFINISHED SEALED ".new"
#define NEXT_US    (NOON_US + DAY_US) /* on the day after */

/* --- deaths: the process ends at one of the calls that change the folder, or behind it --- */

static int calls_left = -1; /* below 0: nobody dies */

int real_fsync(int file) __asm__("__real_fsync");
int real_rename(const char *from, const char *to) __asm__("__real_rename");
int real_unlink(const char *path) __asm__("__real_unlink");
int dying_fsync(int file) __asm__("__wrap_fsync");
int dying_rename(const char *from, const char *to) __asm__("__wrap_rename");
int dying_unlink(const char *path) __asm__("__wrap_unlink");

/* The disk has so much room at most. */
static uint64_t room_bytes = UINT64_MAX;

int real_statvfs(const char *path, struct statvfs *ret) __asm__("__real_statvfs");
int small_statvfs(const char *path, struct statvfs *ret) __asm__("__wrap_statvfs");

int small_statvfs(const char *path, struct statvfs *ret)
{
    int result = real_statvfs(path, ret);

    if (room_bytes != UINT64_MAX) {
        ret->f_bavail = room_bytes / ret->f_frsize;
    }
    return result;
}

static void die_if_due(void)
{
    if (calls_left == 0) {
        _exit(7);
    }
    calls_left -= calls_left > 0;
}

int dying_fsync(int file)
{
    die_if_due();
    return real_fsync(file);
}

int dying_rename(const char *from, const char *to)
{
    die_if_due();
    return real_rename(from, to);
}

int dying_unlink(const char *path)
{
    die_if_due();
    return real_unlink(path);
}

/* --- helpers --- */

static char *path_of(const char *folder, const char *name, char ret[128])
{
    snprintf(ret, 128, "%s/flows/%s", folder, name);
    return ret;
}

/* -1 if there is no such file. */
static int64_t size_of(const char *folder, const char *name)
{
    char path[128];
    struct stat about;

    return stat(path_of(folder, name, path), &about) == 0 ? about.st_size : -1;
}

static bool goes_on(void *context)
{
    (void)context;
    return true;
}

static enum picket_status seal(struct store *store, int64_t before_us, struct err *reterr)
{
    return store->ops->seal_flows(store, before_us, goes_on, NULL, reterr);
}

static enum picket_status seal_all(struct store *store)
{
    struct err err = {""};
    enum picket_status status = seal(store, INT64_MAX, &err);

    if (status != PICKET_OK) {
        printf("%s\n", err.text);
    }
    return status;
}

/* Reports of one device in one transaction, a second from each to the next: some overlap and some
 * end at once. */
static enum picket_status put_many(struct store *store, const char *device, uint32_t first,
                                   uint32_t count, int64_t start_us)
{
    enum picket_status status = store->ops->begin(store, NULL);

    for (uint32_t i = first; i < first + count && status == PICKET_OK; i++) {
        struct flow flows[FLOWS];
        struct flow_report report = {.boot = 7,
                                     .sequence = i,
                                     .start_us = start_us + i / 2 * 1000000,
                                     .end_us = start_us + i / 2 * 1000000 + MINUTE_US - 1,
                                     .flows = flows,
                                     .flow_count = FLOWS};

        report.received_us = report.end_us;
        make_flows(i, report.start_us, flows);
        status = store->ops->put_flows(store, device, &report, NULL);
    }
    return store_end(store, status, NULL);
}

/* Two days: the first has a device with more than a segment, and many with a few reports. */
static struct store *fill(char folder[64])
{
    struct store *store = folder_make(folder) ? store_at(folder) : NULL;
    bool is_good = store != NULL && put_report(store, "d1", 1, NOON_US, NULL) == PICKET_OK &&
                   put_many(store, "d1", 2, 900, NOON_US - DAY_US / 4) == PICKET_OK;

    for (uint32_t i = 0; i < 20 && is_good; i++) {
        char device[DEVICE_ID_MAX + 1];

        snprintf(device, sizeof(device), "few-%02u", i);
        is_good = put_many(store, device, 1, 3 + i, NOON_US - i * MINUTE_US) == PICKET_OK;
    }
    return is_good && put_report(store, "d1", 902, NEXT_US, NULL) == PICKET_OK ? store : NULL;
}

static void finish(struct store *store, const char *folder)
{
    store_close(store);
    folder_remove(folder);
}

/* --- what is listed --- */

#define LISTINGS 60u

static uint64_t scramble(uint64_t number)
{
    number = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return number ^ number >> 31;
}

static struct store_flow_filter random_filter(uint64_t number, const struct peer *peer,
                                              char device[DEVICE_ID_MAX + 1])
{
    struct store_flow_filter filter = flows_of(device);
    uint64_t random = scramble(number);

    snprintf(device, DEVICE_ID_MAX + 1, random % 2 == 0 ? "d1" : "few-%02u",
             (unsigned)(random / 2 % 21));
    if (random / 64 % 4 == 0) {
        filter.device = NULL;
        filter.peer = peer;
    }
    if (random / 256 % 4 != 0) {
        filter.since_us = NOON_US - DAY_US / 4 + (int64_t)(scramble(random) % (uint64_t)DAY_US);
        filter.until_us = filter.since_us + (int64_t)(scramble(~random) % (uint64_t)DAY_US / 4);
    }
    filter.limit = random / 1024 % 3 == 0 ? 1 + random / 4096 % 40 : SEEN_MAX;
    return filter;
}

/* Each a listing and the page behind it, whose place is from before or after. */
static bool list_all(struct store *store, const struct seen *before, struct seen *ret)
{
    const struct peer peer = {.address = peer_at(2)};
    bool is_good = true;

    for (size_t i = 0; i < LISTINGS && is_good; i++) {
        char device[DEVICE_ID_MAX + 1];
        struct store_flow_filter filter = random_filter(i, &peer, device);
        struct store_flow_place place;

        is_good = list_flows(store, &filter, &ret[2 * i]);
        place = before == NULL ? ret[2 * i].place : before[2 * i].place;
        filter.after = &place;
        if (ret[2 * i].count > 0) {
            is_good = is_good && list_flows(store, &filter, &ret[2 * i + 1]);
        }
    }
    return is_good;
}

static size_t count_same(const struct seen *before, const struct seen *after)
{
    size_t same = 0;

    for (size_t i = 0; i < (size_t)2 * LISTINGS; i++) {
        same += before[i].count == after[i].count &&
                memcmp(before[i].rows, after[i].rows, before[i].count * sizeof(uint32_t)) == 0 &&
                strcmp(before[i].device, after[i].device) == 0;
    }
    return same;
}

TEST(sealed_day_gives_the_listings_and_the_pages_that_it_gave_before)
{
    char folder[64];
    struct store *store = fill(folder);
    struct seen *before = calloc((size_t)2 * LISTINGS, sizeof(*before));
    struct seen *after = calloc((size_t)2 * LISTINGS, sizeof(*after));
    size_t rows = 0;

    CHECK(list_all(store, NULL, before));
    GOOD(seal(store, NEXT_US, NULL));
    CHECK(size_of(folder, OPEN) < 0 && size_of(folder, SEALED) > 0);
    CHECK(size_of(folder, UNFINISHED) < 0 && size_of(folder, "2024-10-05.db") > 0);
    CHECK(list_all(store, before, after));
    CHECK_UINT(count_same(before, after), 2 * LISTINGS);
    store_close(store);
    store = store_at(folder);
    CHECK(list_all(store, before, after));
    CHECK_UINT(count_same(before, after), 2 * LISTINGS);
    for (size_t i = 0; i < (size_t)2 * LISTINGS; i++) {
        rows += before[i].count;
    }
    CHECK(rows > 10000);
    free(before);
    free(after);
    finish(store, folder);
}

/* Of the reports 1 to 3 of a device: the first starts with NOON_US, the third ends at END_US. */
#define END_US (NOON_US + 1000000 + MINUTE_US - 1)

static size_t count_in(struct store *store, int64_t since_us, int64_t until_us)
{
    struct store_flow_filter filter = flows_of("few-00");
    struct seen seen;

    filter.since_us = since_us;
    filter.until_us = until_us;
    return list_flows(store, &filter, &seen) ? seen.count : SIZE_MAX;
}

TEST(first_and_last_moment_of_a_sealed_segment_are_found)
{
    char folder[64];
    struct store *store = fill(folder);

    for (int round = 0; round < 2; round++) { /* open, and then sealed */
        CHECK_UINT(count_in(store, INT64_MIN, NOON_US), 1);
        CHECK_UINT(count_in(store, INT64_MIN, NOON_US - 1), 0);
        CHECK_UINT(count_in(store, END_US, INT64_MAX), 2 * FLOWS);
        CHECK_UINT(count_in(store, END_US + 1, INT64_MAX), 0);
        CHECK_UINT(count_in(store, END_US, END_US), 2 * FLOWS);
        GOOD(seal_all(store));
    }
    finish(store, folder);
}

TEST(sealed_day_takes_a_fraction_of_the_room)
{
    char folder[64];
    struct store *store = fill(folder);
    int64_t before;

    store_close(store);
    before = size_of(folder, OPEN);
    store = store_at(folder);
    GOOD(seal_all(store));
    CHECK(before > 0 && size_of(folder, SEALED) < before / 3);
    finish(store, folder);
}

TEST(day_is_sealed_when_it_is_over_and_gets_no_more_reports)
{
    char folder[64];
    struct store *store = folder_make(folder) ? store_at(folder) : NULL;

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    GOOD(seal(store, NOON_US + DAY_US / 2 - 1, NULL));
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, SEALED) < 0);
    GOOD(seal(store, NOON_US + DAY_US / 2, NULL));
    CHECK(size_of(folder, OPEN) < 0 && size_of(folder, SEALED) > 0);
    GOOD(put_report(store, "d1", 2, NOON_US, NULL)); /* the clock was set back */
    CHECK(size_of(folder, OPEN) < 0 && size_of(folder, "2024-10-05.db") > 0);
    CHECK_UINT(count_once(store, "d1", 2), 2 * FLOWS);
    store_close(store);
    store = store_at(folder);
    GOOD(put_report(store, "d1", 3, NOON_US, NULL));
    CHECK(size_of(folder, OPEN) < 0);
    CHECK_UINT(count_once(store, "d1", 3), 3 * FLOWS);
    store->ops->expire_flows(store, NOON_US + DAY_US / 2);
    CHECK(size_of(folder, SEALED) < 0);
    GOOD(seal_all(store));
    finish(store, folder);
}

/** Called before each segment is written. */
struct meanwhile {
    struct store *store;
    uint32_t calls;
    uint32_t until; /* 0: for ever */
    bool is_good;
};

static bool work_meanwhile(void *context)
{
    struct meanwhile *meanwhile = context;
    struct store_flow_filter filter = flows_of("few-07");
    struct seen seen;

    meanwhile->calls++;
    filter.until_us = NOON_US + DAY_US / 4;
    meanwhile->is_good =
        meanwhile->is_good && list_flows(meanwhile->store, &filter, &seen) &&
        seen.count == (size_t)10 * FLOWS &&
        put_report(meanwhile->store, "d2", meanwhile->calls, NOON_US, NULL) == PICKET_OK &&
        count_once(meanwhile->store, "d2", meanwhile->calls) == (size_t)meanwhile->calls * FLOWS;
    return meanwhile->calls != meanwhile->until;
}

TEST(reports_and_listings_go_on_while_a_day_is_sealed)
{
    char folder[64];
    struct store *store = fill(folder);
    struct meanwhile meanwhile = {.store = store, .is_good = true};

    GOOD(store->ops->seal_flows(store, NEXT_US, work_meanwhile, &meanwhile, NULL));
    CHECK(meanwhile.is_good && meanwhile.calls > 20);
    CHECK_UINT(count_once(store, "d2", meanwhile.calls), meanwhile.calls * FLOWS);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    finish(store, folder);
}

/** What other threads do while days are sealed. */
struct side {
    struct store *store;
    atomic_bool is_over;
    bool is_good;
    uint32_t rounds;
};

static void *list_on(void *context)
{
    struct side *side = context;

    side->is_good = true;
    while (side->is_good && (!side->is_over || side->rounds < 3)) {
        side->is_good = count_once(side->store, "few-09", 12) == (size_t)12 * FLOWS;
        side->rounds++;
    }
    return NULL;
}

static void *put_on(void *context)
{
    struct side *side = context;

    side->is_good = true;
    while (side->is_good && side->rounds < SEEN_MAX / FLOWS &&
           (!side->is_over || side->rounds < 3)) {
        side->rounds++;
        side->is_good = put_report(side->store, "d3", side->rounds, NOON_US, NULL) == PICKET_OK;
    }
    return NULL;
}

TEST(threads_put_and_list_while_another_one_seals_every_day_that_comes)
{
    char folder[64];
    struct store *store = fill(folder);
    struct side lists = {.store = store}, puts = {.store = store};
    pthread_t lister, putter;

    pthread_create(&lister, NULL, list_on, &lists);
    pthread_create(&putter, NULL, put_on, &puts);
    for (int i = 1; i < 12; i++) { /* each time what is put goes to a day behind */
        GOOD(seal(store, NEXT_US + i * DAY_US, NULL));
    }
    atomic_store(&lists.is_over, true);
    atomic_store(&puts.is_over, true);
    pthread_join(lister, NULL);
    pthread_join(putter, NULL);
    CHECK(lists.is_good && puts.is_good);
    CHECK_UINT(count_once(store, "d3", puts.rounds), puts.rounds * FLOWS);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    finish(store, folder);
}

TEST(sealing_that_is_stopped_leaves_the_day_and_can_begin_again)
{
    char folder[64];
    struct store *store = fill(folder);
    struct meanwhile meanwhile = {.store = store, .is_good = true, .until = 5};

    CHECK(store->ops->seal_flows(store, NEXT_US, work_meanwhile, &meanwhile, NULL) ==
          PICKET_E_STATE);
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, UNFINISHED) < 0);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    GOOD(seal(store, NEXT_US, NULL));
    CHECK(size_of(folder, OPEN) < 0);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    finish(store, folder);
}

TEST(day_stays_as_it_is_until_there_is_room_for_it_twice)
{
    char folder[64];
    struct store *store = fill(folder);
    struct err err = {""};

    store_close(store);
    store = store_at(folder); /* the file has all of it now, and no log */
    room_bytes = (uint64_t)size_of(folder, OPEN) / 2;
    CHECK(seal(store, NEXT_US, &err) == PICKET_E_FULL);
    CHECK(strstr(err.text, OPEN) != NULL && size_of(folder, UNFINISHED) < 0);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    room_bytes = UINT64_MAX;
    GOOD(seal(store, NEXT_US, NULL));
    CHECK(size_of(folder, OPEN) < 0);
    finish(store, folder);
}

/* The process dies at the @p nth call that changes the folder: true if it got so far. */
static bool seal_until_death(const char *folder, int nth)
{
    int result = 0;
    pid_t child = fork();

    if (child == 0) {
        struct store *store = store_at(folder);

        calls_left = nth;
        _exit(seal(store, NEXT_US, NULL) == PICKET_OK ? 0 : 1);
    }
    return waitpid(child, &result, 0) == child && WEXITSTATUS(result) == 7;
}

TEST(process_that_dies_at_any_step_of_sealing_leaves_every_report_once)
{
    bool is_dead = true;
    int deaths = 0, sealed = 0;

    while (is_dead && deaths < 20) {
        char folder[64];
        struct store *store = fill(folder);

        store_close(store);
        is_dead = seal_until_death(folder, deaths);
        sealed += size_of(folder, SEALED) > 0;
        store = store_at(folder);
        CHECK(size_of(folder, UNFINISHED) < 0);
        CHECK((size_of(folder, SEALED) > 0) != (size_of(folder, OPEN) > 0));
        CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
        GOOD(seal(store, NEXT_US, NULL));
        CHECK(size_of(folder, SEALED) > 0 && size_of(folder, OPEN) < 0);
        CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
        CHECK_UINT(count_once(store, "few-19", 22), 22 * FLOWS);
        deaths += is_dead;
        finish(store, folder);
    }
    /* what is left there, the file, the name, the folder, and three that go */
    CHECK_UINT(deaths, 7);
    CHECK_UINT(sealed, 5);
}

static bool count_report(void *context, const struct flow_report *report,
                         const struct flow_span *span)
{
    (void)span;
    *(uint32_t *)context += report->sequence;
    return true;
}

/* The open form of a sealed day is back, as a crash leaves it. */
static bool bring_back(const char *folder, const char *aside)
{
    char path[128];

    return link(aside, path_of(folder, OPEN, path)) == 0;
}

TEST(open_form_of_a_sealed_day_is_not_taken_from_a_backup_that_reads_it)
{
    char folder[64], path[128], aside[128];
    struct store *store = fill(folder);
    int hold = -1;

    CHECK(link(path_of(folder, OPEN, path), path_of(folder, "aside", aside)) == 0);
    GOOD(seal(store, NOON_US + DAY_US, NULL));
    store_close(store);
    CHECK(size_of(folder, OPEN) < 0 && bring_back(folder, aside));
    GOOD(day_files_hold(folder, &hold, NULL));
    store = store_at(folder);
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, SEALED) > 0);
    CHECK_UINT(count_once(store, "d1", 902), (size_t)902 * FLOWS);
    store_close(store);
    close(hold);
    store = store_at(folder);
    CHECK(size_of(folder, OPEN) < 0 && size_of(folder, SEALED) > 0);
    CHECK_UINT(count_once(store, "d1", 902), (size_t)902 * FLOWS);
    finish(store, folder);
}

TEST(reports_that_were_never_committed_are_not_sealed)
{
    const struct flow_span always = {.start_us = INT64_MIN, .end_us = INT64_MAX};
    char folder[64], from[128], to[128];
    struct store *store = folder_make(folder) ? store_at(folder) : NULL;
    struct flow_sealed *sealed = NULL;
    uint32_t sum = 0;

    for (uint32_t i = 1; i <= 3; i++) {
        GOOD(put_report(store, "d1", i, NOON_US, NULL));
    }
    GOOD(flow_seal(path_of(folder, OPEN, from), 2, path_of(folder, UNFINISHED, to), goes_on, NULL,
                   NULL));
    GOOD(flow_sealed_open(to, &sealed, NULL));
    GOOD(flow_sealed_each(sealed, "d1", &always, INT64_MAX, count_report, &sum, NULL));
    CHECK_UINT(sum, 1 + 2);
    flow_sealed_close(sealed);
    finish(store, folder);
}

/* --- bad files --- */

static bool change(const char *folder, const char *name, const char *sql)
{
    char path[128];
    sqlite3 *db = NULL;
    bool is_good = sqlite3_open(path_of(folder, name, path), &db) == SQLITE_OK &&
                   sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;

    sqlite3_close(db);
    return is_good;
}

/* A store with one sealed day, changed by @p sql, and the next day open. */
static struct store *fill_damaged(char folder[64], const char *sql)
{
    struct store *store = fill(folder);
    bool is_good = seal(store, NEXT_US, NULL) == PICKET_OK;

    store_close(store);
    return is_good && change(folder, SEALED, sql) ? store_at(folder) : NULL;
}

static enum picket_status list_until(struct store *store, int64_t since_us, struct seen *seen,
                                     struct err *reterr)
{
    struct store_flow_filter filter = flows_of("d1");

    seen->count = 0;
    filter.since_us = since_us;
    return store->ops->each_flow(store, &filter, see, seen, reterr);
}

TEST(damaged_segment_is_named_and_other_days_still_answer)
{
    static const char *const DAMAGE[] = {
        "UPDATE segment SET pack = zeroblob(100)",
        "UPDATE segment SET pack = x''",
        "UPDATE segment SET pack = substr(pack, 1, length(pack) - 1)",
        /* a byte: it may look like flows, but its checksum is another's */
        "UPDATE segment SET pack = CAST(substr(pack, 1, 40) || x'5a' || substr(pack, 42) AS BLOB)",
        /* a frame that says it has 4 GB */
        "UPDATE segment SET pack = CAST(x'28b52ffda0ffffffff' || substr(pack, 9) AS BLOB)",
        /* one that does not say */
        "UPDATE segment SET pack = CAST(x'28b52ffd0058' || substr(pack, 9) AS BLOB)",
        "UPDATE state SET dictionary = zeroblob(8)",
        "UPDATE state SET dictionary = substr(dictionary, 1, length(dictionary) - 1)",
    };

    for (size_t i = 0; i < sizeof(DAMAGE) / sizeof(DAMAGE[0]); i++) {
        char folder[64];
        struct store *store = fill_damaged(folder, DAMAGE[i]);
        struct err err = {""};
        struct seen seen;

        CHECK(store != NULL);
        CHECK(list_until(store, INT64_MIN, &seen, &err) == PICKET_E_MALFORMED);
        CHECK(strstr(err.text, SEALED) != NULL);
        CHECK_UINT(seen.count, FLOWS); /* those of the day that is whole came first */
        GOOD(list_until(store, NEXT_US, &seen, &err));
        CHECK_UINT(seen.count, FLOWS);
        finish(store, folder);
    }
}

TEST(sealed_day_without_its_state_is_named_and_never_written_to)
{
    static const char *const DAMAGE[] = {
        "DELETE FROM state", "UPDATE state SET dictionary = zeroblob(40000)",
        "UPDATE state SET dictionary = CAST(x'37a430ec' || zeroblob(100) AS BLOB)",
        "PRAGMA user_version = 0"};

    for (size_t i = 0; i < sizeof(DAMAGE) / sizeof(DAMAGE[0]); i++) {
        char folder[64];
        struct store *store = fill_damaged(folder, DAMAGE[i]);
        struct err err = {""};
        struct seen seen;
        int64_t size = size_of(folder, SEALED);

        CHECK(store != NULL);
        GOOD(put_report(store, "d1", 903, NOON_US, NULL));
        CHECK(list_until(store, INT64_MIN, &seen, &err) == PICKET_E_MALFORMED);
        CHECK(strstr(err.text, SEALED) != NULL);
        GOOD(list_until(store, NEXT_US, &seen, &err));
        CHECK_UINT(seen.count, FLOWS);
        CHECK(size_of(folder, SEALED) == size && size_of(folder, OPEN) < 0);
        finish(store, folder);
    }
}

TEST(sealed_day_of_a_newer_build_is_refused)
{
    char folder[64];
    struct store *store = fill(folder);
    struct err err = {""};

    GOOD(seal(store, NEXT_US, NULL));
    store_close(store);
    CHECK(change(folder, SEALED, "PRAGMA user_version = 2"));
    store = NULL;
    CHECK(store_open_sqlite(folder, &store, &err) == PICKET_E_VERSION && store == NULL);
    CHECK(strstr(err.text, SEALED) != NULL && strstr(err.text, "newer") != NULL);
    folder_remove(folder);
}

TEST(damaged_day_is_not_sealed_nor_tried_again_and_others_are)
{
    char folder[64];
    struct store *store = fill(folder);
    struct err err = {""};
    struct seen seen;

    CHECK(change(folder, OPEN, "UPDATE report SET pack = zeroblob(20) WHERE number = 30"));
    CHECK(seal(store, INT64_MAX, &err) == PICKET_E_MALFORMED);
    CHECK(strstr(err.text, OPEN) != NULL);
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, UNFINISHED) < 0);
    GOOD(seal_all(store));
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, "2024-10-05.sealed.db") > 0);
    GOOD(list_until(store, NEXT_US, &seen, NULL));
    CHECK_UINT(seen.count, FLOWS);
    finish(store, folder);
}

TEST(day_of_a_newer_build_is_named_and_keeps_no_other_from_being_sealed)
{
    char folder[64];
    struct store *store = fill(folder);
    struct err err = {""};

    CHECK(change(folder, OPEN,
                 "UPDATE report SET pack = CAST(x'63' || substr(pack, 2) AS BLOB)"
                 " WHERE number = 30"));
    CHECK(seal(store, INT64_MAX, &err) == PICKET_E_VERSION);
    CHECK(strstr(err.text, OPEN ": a newer Picket wrote reports of it") != NULL);
    CHECK(size_of(folder, OPEN) > 0 && size_of(folder, "2024-10-05.sealed.db") > 0);
    finish(store, folder);
}

TEST(open_day_counts_beside_a_sealed_one_that_is_damaged)
{
    char folder[64], from[128], to[128];
    struct store *store = fill(folder);

    store_close(store);
    store = store_at(folder);
    CHECK(link(path_of(folder, OPEN, from), path_of(folder, "kept", to)) == 0);
    GOOD(seal(store, NEXT_US, NULL));
    store_close(store);
    CHECK(change(folder, SEALED, "DELETE FROM state"));
    CHECK(link(to, from) == 0);
    store = store_at(folder);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    CHECK(size_of(folder, OPEN) > 0);
    GOOD(seal(store, NEXT_US, NULL));
    CHECK(size_of(folder, OPEN) < 0);
    CHECK_UINT(count_once(store, "d1", 902), 902 * FLOWS);
    finish(store, folder);
}

TEST(store_in_memory_has_nothing_to_seal)
{
    struct store *store = store_at(NULL);

    GOOD(put_report(store, "d1", 1, NOON_US, NULL));
    GOOD(seal_all(store));
    store_close(store);
}

TEST_MAIN(TEST_ROW(sealed_day_gives_the_listings_and_the_pages_that_it_gave_before),
          TEST_ROW(first_and_last_moment_of_a_sealed_segment_are_found),
          TEST_ROW(sealed_day_takes_a_fraction_of_the_room),
          TEST_ROW(day_is_sealed_when_it_is_over_and_gets_no_more_reports),
          TEST_ROW(reports_and_listings_go_on_while_a_day_is_sealed),
          TEST_ROW(threads_put_and_list_while_another_one_seals_every_day_that_comes),
          TEST_ROW(sealing_that_is_stopped_leaves_the_day_and_can_begin_again),
          TEST_ROW(day_stays_as_it_is_until_there_is_room_for_it_twice),
          TEST_ROW(process_that_dies_at_any_step_of_sealing_leaves_every_report_once),
          TEST_ROW(open_form_of_a_sealed_day_is_not_taken_from_a_backup_that_reads_it),
          TEST_ROW(reports_that_were_never_committed_are_not_sealed),
          TEST_ROW(damaged_segment_is_named_and_other_days_still_answer),
          TEST_ROW(sealed_day_without_its_state_is_named_and_never_written_to),
          TEST_ROW(sealed_day_of_a_newer_build_is_refused),
          TEST_ROW(damaged_day_is_not_sealed_nor_tried_again_and_others_are),
          TEST_ROW(day_of_a_newer_build_is_named_and_keeps_no_other_from_being_sealed),
          TEST_ROW(open_day_counts_beside_a_sealed_one_that_is_damaged),
          TEST_ROW(store_in_memory_has_nothing_to_seal))
