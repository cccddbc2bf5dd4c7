/* SPDX-License-Identifier: MIT */
/* Looking back over a ledger: how long it takes, alone and beside reports that come in, and what
 * the ledger costs these. Beside it, in the same run, SQLite's own scan of the same rows. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/rules.h"
#include "intel/intel.h"
#include "model/contact.h"
#include "model/report.h"
#include "pipeline/lookback.h"
#include "pipeline/pipeline.h"
#include "store/sqlite.h"
#include "store/store.h"

#define DEVICES          10000u
#define INDICATORS       100000u
#define LISTED_ONE_IN    100u /* of the indicators: so many are peers of the ledger */
#define FILL_TRANSACTION 20u  /* devices */
#define WORKERS          2u
#define QUEUE_MAX        1024u
#define FLOWS            10u /* of a report */
#define PEERS            64u /* that reports speak of */
#define LOAD_S           5
#define ROUNDS           3
#define DAY_US           (INT64_C(86400) * TIME_US_PER_S)
#define YEAR_US          (365 * DAY_US)

static void demand(enum picket_status status, const struct err *err)
{
    if (status != PICKET_OK) {
        fprintf(stderr, "bench_ledger: %s\n",
                err->text[0] != '\0' ? err->text : picket_strerror(status));
        exit(1);
    }
}

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int64_t now_us(void *context)
{
    (void)context;
    return time_now_us();
}

/* --- what is in the ledger --- */

/* splitmix64 */
static uint64_t scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

static struct address ipv4_of(uint64_t random)
{
    uint8_t bytes[4] = {(uint8_t)(1 + random % 200), (uint8_t)(random >> 8),
                        (uint8_t)(random >> 16), (uint8_t)(random >> 24)};

    return address_from_bytes(bytes, sizeof(bytes));
}

/* Of ten peers, one is a name and one has an IPv6 address. The name goes to ret_name. */
static struct peer peer_of(uint64_t row, char ret_name[OBSERVABLE_TEXT_MAX])
{
    uint64_t random = scramble(row);
    uint8_t bytes[16] = {0x24};

    if (row % 10 == 0) {
        snprintf(ret_name, OBSERVABLE_TEXT_MAX, "host%" PRIu64 ".net%" PRIu64 ".example",
                 random >> 32, random % 100000);
        return (struct peer){.name = ret_name};
    }
    if (row % 10 == 1) {
        memcpy(bytes + 4, &random, sizeof(random));
        return (struct peer){.address = address_from_bytes(bytes, sizeof(bytes))};
    }
    return (struct peer){.address = ipv4_of(random)};
}

static struct contact contact_of(uint64_t row, char ret_name[OBSERVABLE_TEXT_MAX])
{
    const struct peer peer = peer_of(row, ret_name);
    int64_t last_us = time_now_us() - (int64_t)(scramble(~row) % (uint64_t)YEAR_US);

    return (struct contact){
        .reports = 1,
        .flow = {.outcome = PICKET_ANSWERED,
                 .protocol = PROTOCOL_TCP,
                 .peer = peer.address,
                 .peer_name = peer.name,
                 .peer_port = 443,
                 .local_port = FLOW_PORT_UNKNOWN,
                 .connections = 1,
                 .packets_in = 4,
                 .packets_out = 5,
                 .bytes_in = 400,
                 .bytes_out = 500,
                 .first_us = last_us - DAY_US,
                 .last_us = last_us},
    };
}

static void name_device(uint64_t number, char ret_id[DEVICE_ID_MAX + 1])
{
    snprintf(ret_id, DEVICE_ID_MAX + 1, "device-%05" PRIu64, number);
}

static void fill_device(struct store *store, uint64_t number, uint64_t rows, struct err *err)
{
    static char names[STORE_CONTACTS_MAX][OBSERVABLE_TEXT_MAX];
    static struct contact contacts[STORE_CONTACTS_MAX];
    struct device device = {.interval_ms = 60000};
    size_t count = 0;

    name_device(number, device.id);
    snprintf(device.group, sizeof(device.group), "%s", GROUP_NAME_DEFAULT);
    for (uint64_t row = number; row < rows && count < STORE_CONTACTS_MAX; row += DEVICES) {
        contacts[count] = contact_of(row, names[count]);
        count++;
    }
    demand(store->ops->put_device(store, &device, err), err);
    demand(store->ops->put_contacts(store, device.id, contacts, count, err), err);
}

static void fill(struct store *store, uint64_t rows)
{
    struct err err = {""};

    for (uint64_t number = 0; number < DEVICES; number += FILL_TRANSACTION) {
        demand(store->ops->begin(store, &err), &err);
        for (uint64_t i = number; i < number + FILL_TRANSACTION; i++) {
            fill_device(store, i, rows, &err);
        }
        demand(store->ops->commit(store, &err), &err);
    }
}

/* --- what is listed --- */

static struct observable observable_of(uint64_t number, uint64_t rows,
                                       char ret_name[OBSERVABLE_TEXT_MAX])
{
    struct peer peer = {.address = ipv4_of(scramble(number + (UINT64_C(1) << 40)))};

    if (number % LISTED_ONE_IN == 0) {
        peer = peer_of(number * (rows / INDICATORS) + number / LISTED_ONE_IN % 10, ret_name);
    }
    if (peer.name != NULL) {
        return (struct observable){.kind = OBSERVABLE_NAME, .text = peer.name};
    }
    return (struct observable){
        .kind = OBSERVABLE_ADDRESS, .prefix = {.address = peer.address, .length = 128}, .text = ""};
}

static struct intel_index *make_index(uint64_t rows)
{
    const struct intel_feed feed = {.name = "bench",
                                    .source = "",
                                    .licence = "",
                                    .category = "c2",
                                    .role = INDICATOR_LISTED,
                                    .confidence = 90};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct err err = {""};

    demand(intel_begin_feed(builder, &feed), &err);
    for (uint64_t i = 0; i < INDICATORS; i++) {
        char name[OBSERVABLE_TEXT_MAX];
        const struct indicator indicator = {.observable = observable_of(i, rows, name),
                                            .confidence = 90,
                                            .feed = "",
                                            .category = "",
                                            .comment = "",
                                            .reference = "",
                                            .scope = ""};

        demand(intel_add(builder, &indicator), &err);
    }
    demand(intel_build(builder, &index, &err), &err);
    intel_builder_free(builder);
    return index;
}

static int compare_addresses(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct address));
}

/* Rows whose peer is listed, without ledger or index: names are few and told apart by number. */
static uint64_t count_listed(uint64_t rows)
{
    struct address *listed = malloc(INDICATORS * sizeof(*listed));
    uint64_t count = 0;
    size_t address_count = 0;
    char name[OBSERVABLE_TEXT_MAX];

    for (uint64_t i = 0; i < INDICATORS && listed != NULL; i++) {
        struct observable observable = observable_of(i, rows, name);

        if (observable.kind == OBSERVABLE_ADDRESS) {
            listed[address_count++] = observable.prefix.address;
        } else {
            count++;
        }
    }
    qsort(listed, address_count, sizeof(*listed), compare_addresses);
    for (uint64_t row = 0; row < rows && row / DEVICES < STORE_CONTACTS_MAX; row++) {
        struct peer peer = peer_of(row, name);

        count += peer.name == NULL && bsearch(&peer.address, listed, address_count, sizeof(*listed),
                                              compare_addresses) != NULL;
    }
    free(listed);
    return count;
}

/* --- reports --- */

struct load {
    struct pipeline *pipeline;
    atomic_bool is_over;
    pthread_t thread;
};

static struct report *make_report(uint64_t number)
{
    struct arena *arena = arena_new(1u << 16);
    struct report *report = arena_alloc(arena, sizeof(*report));
    char id[DEVICE_ID_MAX + 1];

    name_device(number % DEVICES, id);
    report->arena = arena;
    report->device = arena_text(arena, id, strlen(id));
    report->received_us = time_now_us();
    report->window_start_us = report->received_us - 60 * TIME_US_PER_S;
    report->window_end_us = report->received_us;
    report->head.boot = (uint32_t)scramble((uint64_t)report->received_us);
    report->head.sequence = (uint32_t)(number / DEVICES + 1);
    report->head.has_clock = true;
    report->flow_count = FLOWS;
    report->flows = arena_alloc(arena, FLOWS * sizeof(*report->flows));
    for (uint64_t i = 0; i < FLOWS; i++) {
        char name[OBSERVABLE_TEXT_MAX];

        /* a device has its own dozen of the fleet's peers */
        report->flows[i] = contact_of(2 + 10 * ((number % DEVICES + 7 * i) % PEERS), name).flow;
        report->flows[i].peer_name = NULL;
        report->flows[i].first_us = report->window_start_us;
        report->flows[i].last_us = report->window_end_us;
    }
    return report;
}

static void *run_load(void *context)
{
    const struct timespec pause = {.tv_nsec = 200000};
    struct load *load = context;

    for (uint64_t number = 0; !atomic_load(&load->is_over); number++) {
        struct report *report = make_report(number);

        while (pipeline_submit(load->pipeline, report, NULL, NULL) == PICKET_E_FULL) {
            nanosleep(&pause, NULL);
        }
    }
    return NULL;
}

static uint64_t reports_of(struct pipeline *pipeline)
{
    struct pipeline_stats stats;

    pipeline_get_stats(pipeline, &stats);
    return stats.reports;
}

static void load_begin(struct load *load, struct pipeline *pipeline)
{
    *load = (struct load){.pipeline = pipeline};
    if (pthread_create(&load->thread, NULL, run_load, load) != 0) {
        exit(1);
    }
}

static void load_end(struct load *load)
{
    atomic_store(&load->is_over, true);
    pthread_join(load->thread, NULL);
}

/* --- the service, as far as this needs one --- */

struct service {
    struct store *store;
    struct snapshot_cell *intel;
    struct snapshot_cell *rulebook;
    struct pipeline *pipeline;
    struct lookback_config lookback;
};

static void free_index(void *index)
{
    intel_index_free(index);
}

static void free_rulebook(void *rulebook)
{
    rulebook_free(rulebook);
}

static void start_pipeline(struct service *service, int64_t ledger_keep_us)
{
    const struct pipeline_config config = {.workers = WORKERS,
                                           .queue_max = QUEUE_MAX,
                                           .store = service->store,
                                           .intel = service->intel,
                                           .rulebook = service->rulebook,
                                           .ledger_keep_us = ledger_keep_us,
                                           .now_us = now_us};
    struct err err = {""};

    demand(pipeline_new(&config, &service->pipeline, &err), &err);
    service->lookback = (struct lookback_config){
        .store = service->store, .pipeline = service->pipeline, .now_us = now_us};
}

static void stop_pipeline(struct service *service)
{
    pipeline_free(service->pipeline);
    service->pipeline = NULL;
}

static double look_back(const struct service *service, const struct intel_index *added,
                        struct lookback_counts *ret)
{
    struct err err = {""};
    double begin_s = now_s();

    demand(lookback_run(&service->lookback, added, NULL, ret, &err), &err);
    return now_s() - begin_s;
}

static double scan_plainly(const struct service *service, const char *sql)
{
    sqlite3 *db = ((struct sqlite_store *)service->store)->reader.db;
    double begin_s = now_s();

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) {
        exit(1);
    }
    return now_s() - begin_s;
}

/** What reports cost. */
struct cost {
    double rate;   /* reports a second */
    double cpu_us; /* for a report, making it included: other programs blur it less */
};

static double cpu_s(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

static struct cost ingest(struct service *service, int64_t ledger_keep_us)
{
    struct load load;
    uint64_t before, count;
    double begin_s, begin_cpu_s;
    struct cost cost;

    start_pipeline(service, ledger_keep_us);
    load_begin(&load, service->pipeline);
    nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    before = reports_of(service->pipeline);
    begin_s = now_s();
    begin_cpu_s = cpu_s();
    nanosleep(&(struct timespec){.tv_sec = LOAD_S}, NULL);
    count = reports_of(service->pipeline) - before;
    cost = (struct cost){.rate = (double)count / (now_s() - begin_s),
                         .cpu_us = (cpu_s() - begin_cpu_s) * 1e6 / (double)count};
    load_end(&load);
    stop_pipeline(service);
    return cost;
}

/* --- the runs --- */

static void bench_scan(struct service *service, const struct intel_index *added, uint64_t rows)
{
    static const char length[] = "SELECT sum(length(peer)) FROM contact INDEXED BY contact_by_peer";
    static const char distinct[] = "SELECT count(*) FROM (SELECT DISTINCT peer FROM contact)";
    struct lookback_counts counts;

    start_pipeline(service, YEAR_US);
    for (int round = 0; round < ROUNDS; round++) {
        double ours_s = look_back(service, added, &counts);
        double length_s = scan_plainly(service, length);
        double distinct_s = scan_plainly(service, distinct);

        printf("look-back, idle        %7.2f s  %6.2f M rows/s   %.2f x SQLite's sum(length(peer)) "
               "%.2f s, %.2f x its count of DISTINCT %.2f s\n",
               ours_s, (double)rows / ours_s / 1e6, ours_s / length_s, length_s,
               ours_s / distinct_s, distinct_s);
    }
    printf("                       %" PRIu64 " peers, %" PRIu64 " listed, %" PRIu64
           " contacts judged; the oracle says %" PRIu64 "\n",
           counts.peers, counts.matches, counts.contacts, count_listed(rows));
    stop_pipeline(service);
}

static void bench_scan_under_load(struct service *service, const struct intel_index *added,
                                  uint64_t rows)
{
    struct lookback_counts counts;
    struct load load;

    start_pipeline(service, YEAR_US);
    load_begin(&load, service->pipeline);
    nanosleep(&(struct timespec){.tv_sec = 2}, NULL);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t before = reports_of(service->pipeline);
        double taken_s = look_back(service, added, &counts);
        double rate = (double)(reports_of(service->pipeline) - before) / taken_s;

        printf("look-back, under load  %7.2f s  %6.2f M rows/s   beside %.0f reports/s\n", taken_s,
               (double)rows / taken_s / 1e6, rate);
    }
    load_end(&load);
    stop_pipeline(service);
}

static void bench_ingest(struct service *service)
{
    for (int round = 0; round < ROUNDS; round++) {
        struct cost without = ingest(service, 0);
        struct cost with = ingest(service, YEAR_US);

        printf("ingest, %u flows each   %7.0f reports/s with the ledger, %.0f without (%.2f); "
               "%.0f and %.0f us of CPU each (%.2f)\n",
               FLOWS, with.rate, without.rate, with.rate / without.rate, with.cpu_us,
               without.cpu_us, with.cpu_us / without.cpu_us);
    }
}

/* A folder that was filled before is taken as it is. */
static void prepare(struct service *service, const char *folder, uint64_t rows)
{
    struct store_ledger ledger;
    char id[DEVICE_ID_MAX + 1];
    struct err err = {""};
    double begin_s;

    name_device(DEVICES - 1, id);
    demand(store_open_sqlite(folder, &service->store, &err), &err);
    demand(service->store->ops->get_ledger(service->store, id, &ledger, &err), &err);
    if (ledger.contacts > 0) {
        return;
    }
    begin_s = now_s();
    /* Nobody waits for these rows, and what they cost is measured with reports. */
    sqlite3_exec(((struct sqlite_store *)service->store)->writer.db,
                 "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000", NULL, NULL, NULL);
    fill(service->store, rows);
    printf("filled with %" PRIu64 " rows of %u devices in %.0f s\n", rows, DEVICES,
           now_s() - begin_s);
    store_close(service->store);
    demand(store_open_sqlite(folder, &service->store, &err), &err);
}

int main(int argc, char **argv)
{
    uint64_t rows = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000000;
    struct service service = {.intel = snapshot_cell_new(), .rulebook = snapshot_cell_new()};
    struct intel_index *added;

    if (argc < 2) {
        fprintf(stderr, "bench_ledger FOLDER [ROWS]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    added = make_index(rows);
    if (!snapshot_publish(service.intel, make_index(rows), free_index) ||
        !snapshot_publish(service.rulebook, rulebook_new(), free_rulebook)) {
        return 1;
    }
    prepare(&service, argv[1], rows);
    bench_scan(&service, added, rows);
    bench_scan_under_load(&service, added, rows);
    bench_ingest(&service);
    intel_index_free(added);
    snapshot_cell_free(service.intel);
    snapshot_cell_free(service.rulebook);
    store_close(service.store);
    return 0;
}
