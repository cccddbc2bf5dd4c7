/* SPDX-License-Identifier: MIT */
/* What flows take in the store, open and sealed, and how long it takes to find some of them, cold.
 * Beside it, in the same run, a plain table of SQLite with the same flows. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "bench.h"
#include "store/store.h"

#define TRANSACTION 256u /* reports */
#define SAMPLES     15u  /* queries of each kind */
#define PAGE        1000u
#define HOUR_US     (INT64_C(3600) * TIME_US_PER_S)
#define LAST_DAY_US (TRAFFIC_END_US / DAY_US * DAY_US) /* the day that stays open begins */

/** How one kind of query went, in milliseconds. */
struct outcome {
    double cold[SAMPLES];
    double warm[SAMPLES];
    size_t flows;    /* found by all */
    uint64_t blocks; /* read from the disk by the cold ones */
};

/** A query, to either side. */
struct query {
    bool has_peer;
    uint64_t device;
    struct address peer;
    int64_t since_us;
    int64_t until_us;
};

/* --- filling --- */

static uint64_t rounds_of(uint64_t flows)
{
    uint64_t rounds = flows / (TRAFFIC_DEVICES * TRAFFIC_FLOWS);

    return rounds == 0 ? 1 : rounds;
}

static void put_report(struct store *store, const struct traffic_report *made, bool is_first)
{
    struct device device = {.interval_ms = 60000};
    struct err err = {""};

    if (is_first) {
        snprintf(device.id, sizeof(device.id), "%s", made->device);
        snprintf(device.group, sizeof(device.group), "%s", GROUP_NAME_DEFAULT);
        demand(store->ops->put_device(store, &device, &err), &err);
    }
    demand(store->ops->put_contacts(store, made->device, made->contacts, TRAFFIC_FLOWS, &err),
           &err);
    demand(store->ops->put_flows(store, made->device, &made->report, &err), &err);
}

/* Returns how many flows are not on the last day. */
static uint64_t fill(const char *folder, uint64_t rounds)
{
    struct store *store = NULL;
    struct traffic_report made;
    struct err err = {""};
    uint64_t old = 0;

    demand(store_open_sqlite(folder, &store, &err), &err);
    for (uint64_t i = 0; i < rounds * TRAFFIC_DEVICES; i++) {
        traffic_make(i % TRAFFIC_DEVICES, i / TRAFFIC_DEVICES, rounds, &made);
        old += made.report.received_us < LAST_DAY_US ? TRAFFIC_FLOWS : 0;
        if (i % TRANSACTION == 0) {
            demand(store->ops->begin(store, &err), &err);
        }
        put_report(store, &made, i < TRAFFIC_DEVICES);
        if (i % TRANSACTION == TRANSACTION - 1 || i == rounds * TRAFFIC_DEVICES - 1) {
            demand(store->ops->commit(store, &err), &err);
        }
    }
    store_close(store);
    return old;
}

static void fill_plainly(const char *path, uint64_t rounds)
{
    struct plain *plain = plain_open(path);
    struct traffic_report made;

    plain_begin(plain);
    for (uint64_t i = 0; i < rounds * TRAFFIC_DEVICES; i++) {
        traffic_make(i % TRAFFIC_DEVICES, i / TRAFFIC_DEVICES, rounds, &made);
        plain_put(plain, i % TRAFFIC_DEVICES, &made.report);
    }
    plain_commit(plain);
    plain_make_indexes(plain);
    plain_close(plain);
}

/* --- asking --- */

static bool count_flow(void *context, const struct store_flow *flow)
{
    (void)flow;
    (*(size_t *)context)++;
    return true;
}

static double list_ours(struct store *store, const struct query *query, size_t *ret_count)
{
    char device[DEVICE_ID_MAX + 1];
    const struct peer peer = {.address = query->peer};
    const struct store_flow_filter filter = {.device = query->has_peer ? NULL : device,
                                             .peer = &peer,
                                             .since_us = query->since_us,
                                             .until_us = query->until_us,
                                             .limit = PAGE};
    struct err err = {""};
    double begin_s = now_s();

    traffic_name_device(query->device, device);
    *ret_count = 0;
    demand(store->ops->each_flow(store, &filter, count_flow, ret_count, &err), &err);
    return (now_s() - begin_s) * 1e3;
}

static double list_plain(struct plain *plain, const struct query *query, size_t *ret_count)
{
    double begin_s = now_s();

    *ret_count =
        query->has_peer
            ? plain_list_peer(plain, &query->peer, query->since_us, query->until_us, PAGE)
            : plain_list_device(plain, query->device, query->since_us, query->until_us, PAGE);
    return (now_s() - begin_s) * 1e3;
}

/* Opened anew for each query: nothing is in any memory but what opening reads, and that goes too.
 */
static void ask(const char *folder, const char *path, const struct query queries[SAMPLES],
                struct outcome *ret_ours, struct outcome *ret_plain)
{
    *ret_ours = (struct outcome){.flows = 0};
    *ret_plain = (struct outcome){.flows = 0};
    for (size_t i = 0; i < SAMPLES; i++) {
        struct store *store = NULL;
        struct plain *plain = plain_open(path);
        struct err err = {""};
        size_t count = 0;
        uint64_t before;

        demand(store_open_sqlite(folder, &store, &err), &err);
        make_cold(folder);
        before = blocks_read();
        ret_ours->cold[i] = list_ours(store, &queries[i], &count);
        ret_ours->blocks += blocks_read() - before;
        ret_ours->warm[i] = list_ours(store, &queries[i], &count);
        ret_ours->flows += count;
        store_close(store);
        make_cold(folder);
        before = blocks_read();
        ret_plain->cold[i] = list_plain(plain, &queries[i], &count);
        ret_plain->blocks += blocks_read() - before;
        ret_plain->warm[i] = list_plain(plain, &queries[i], &count);
        ret_plain->flows += count;
        plain_close(plain);
    }
}

static int compare_times(const void *a, const void *b)
{
    const double *one = a, *other = b;

    return (*one > *other) - (*one < *other);
}

static void print_outcome(const char *about, struct outcome *outcome)
{
    qsort(outcome->cold, SAMPLES, sizeof(outcome->cold[0]), compare_times);
    qsort(outcome->warm, SAMPLES, sizeof(outcome->warm[0]), compare_times);
    printf("  %-44s cold %7.2f ms (worst %7.2f), warm %7.2f; %6zu flows, %5" PRIu64
           " KB from disk\n",
           about, outcome->cold[SAMPLES / 2], outcome->cold[SAMPLES - 1],
           outcome->warm[SAMPLES / 2], outcome->flows / SAMPLES, outcome->blocks / 2 / SAMPLES);
}

/* --- the runs --- */

static struct query query_of(size_t sample, int64_t since_us, int64_t until_us)
{
    return (struct query){.device = (sample * 137 + 11) % TRAFFIC_DEVICES,
                          .since_us = since_us,
                          .until_us = until_us};
}

static void run_range(const char *folder, const char *path, const char *form, int64_t since_us,
                      int64_t until_us, const char *about)
{
    struct query queries[SAMPLES];
    struct outcome ours, plain;
    char text[96];

    for (size_t i = 0; i < SAMPLES; i++) {
        queries[i] = query_of(i, since_us, until_us);
    }
    ask(folder, path, queries, &ours, &plain);
    snprintf(text, sizeof(text), "%s, %s", about, form);
    print_outcome(text, &ours);
    snprintf(text, sizeof(text), "%s, plain SQLite", about);
    print_outcome(text, &plain);
}

/* An hour and the whole of a day in the middle, which is open at first and then sealed. */
static void run_ranges(const char *folder, const char *path, const char *form)
{
    int64_t day_us = TRAFFIC_START_US / DAY_US * DAY_US + 4 * DAY_US;

    run_range(folder, path, form, day_us + 9 * HOUR_US, day_us + 10 * HOUR_US,
              "an hour of a device");
    run_range(folder, path, form, day_us, day_us + DAY_US - 1, "a day of a device");
}

static void run_peers(const char *folder, const char *path)
{
    static const char *const KINDS[] = {
        [TRAFFIC_COMMON] = "peer of all devices, a week",
        [TRAFFIC_SHARED] = "peer of one in a hundred, a week",
        [TRAFFIC_OWN] = "peer of one device, a week",
        [TRAFFIC_NEW] = "peer that is nobody's, a week",
    };

    for (size_t kind = 0; kind < sizeof(KINDS) / sizeof(KINDS[0]); kind++) {
        struct query queries[SAMPLES];
        struct outcome ours, plain;
        char text[96];

        for (size_t i = 0; i < SAMPLES; i++) {
            queries[i] = query_of(i, TRAFFIC_END_US - 7 * DAY_US, TRAFFIC_END_US);
            queries[i].has_peer = true;
            queries[i].peer = traffic_peer((enum traffic_peers)kind, queries[i].device,
                                           kind == TRAFFIC_COMMON ? i : 40 + i % 5);
        }
        ask(folder, path, queries, &ours, &plain);
        print_outcome(KINDS[kind], &ours);
        snprintf(text, sizeof(text), "%s, plain SQLite", KINDS[kind]);
        print_outcome(text, &plain);
    }
}

static bool goes_on(void *context)
{
    (void)context;
    return true;
}

static double seal(const char *folder)
{
    struct store *store = NULL;
    struct err err = {""};
    double begin_s;

    demand(store_open_sqlite(folder, &store, &err), &err);
    begin_s = now_s();
    demand(store->ops->seal_flows(store, TRAFFIC_END_US, goes_on, NULL, &err), &err);
    begin_s = now_s() - begin_s;
    store_close(store);
    return begin_s;
}

/* Fills the folder and seals all days but the last; asks of a day before. */
static void prepare(const char *folder, const char *path, uint64_t wanted)
{
    uint64_t rounds = rounds_of(wanted), flows = rounds * TRAFFIC_DEVICES * TRAFFIC_FLOWS;
    char days[4096];
    uint64_t old, open_bytes;
    double taken_s = now_s();

    snprintf(days, sizeof(days), "%s/flows", folder);
    old = fill(folder, rounds);
    taken_s = now_s() - taken_s;
    open_bytes = bytes_of(days, ".db");
    printf("filled    %" PRIu64 " flows of %u devices in %.0f s: %.0f reports/s, %.0f flows/s, "
           "ledger included\n",
           flows, TRAFFIC_DEVICES, taken_s, (double)flows / TRAFFIC_FLOWS / taken_s,
           (double)flows / taken_s);
    taken_s = now_s();
    fill_plainly(path, rounds);
    printf("          plain SQLite, without a ledger, in %.0f s\n", now_s() - taken_s);
    run_ranges(folder, path, "open");
    taken_s = seal(folder);
    printf("sealed    %" PRIu64 " flows in %.1f s: %.2f M flows/s\n", old, taken_s,
           (double)old / taken_s / 1e6);
    printf("a flow is %.1f bytes in an open day, %.1f in a sealed one, %.1f in plain SQLite\n",
           (double)open_bytes / (double)flows, (double)bytes_of(days, ".sealed.db") / (double)old,
           (double)bytes_of(folder, "plain.db") / (double)flows);
}

/* A folder that was filled before is taken as it is. */
static void run(const char *folder, uint64_t wanted)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/plain.db", folder);
    if (access(path, F_OK) != 0) {
        prepare(folder, path, wanted);
    }
    run_ranges(folder, path, "sealed");
    run_range(folder, path, "sealed and open", TRAFFIC_END_US - DAY_US, TRAFFIC_END_US,
              "the last day of a device");
    run_peers(folder, path);
}

static void run_labelled(const char *folder, char **paths)
{
    struct store *store = NULL;
    struct err err = {""};

    demand(store_open_sqlite(folder, &store, &err), &err);
    for (char **path = paths; *path != NULL; path++) {
        labelled_put(store, *path);
    }
    store_close(store);
    size_print(folder, "labelled connections");
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "bench_store FOLDER [FLOWS] | FOLDER size ABOUT | FOLDER labelled FILE…\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc > 3 && strcmp(argv[2], "size") == 0) {
        size_print(argv[1], argv[3]);
    } else if (argc > 3 && strcmp(argv[2], "labelled") == 0) {
        run_labelled(argv[1], argv + 3);
    } else {
        run(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 20000000);
    }
    return 0;
}
