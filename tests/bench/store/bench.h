/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_STORE_BENCH_H
#define TESTS_BENCH_STORE_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "model/contact.h"
#include "model/device.h"
#include "model/flow_pack.h"
#include "picket/status.h"

struct err;
struct store;

#define DAY_US (INT64_C(86400) * TIME_US_PER_S)

/* --- traffic.c: what a fleet of devices tells --- */

#define TRAFFIC_DEVICES 2000u
#define TRAFFIC_DAYS    8u
#define TRAFFIC_FLOWS   10u /* of a report */

#define TRAFFIC_START_US (INT64_C(20000) * DAY_US + DAY_US / 2) /* noon */
#define TRAFFIC_END_US   (TRAFFIC_START_US + (int64_t)TRAFFIC_DAYS * DAY_US)

/** Peers of one kind, by how many of the devices know them. */
enum traffic_peers {
    TRAFFIC_COMMON, /* all: they have names */
    TRAFFIC_SHARED, /* one in a hundred */
    TRAFFIC_OWN,    /* one device */
    TRAFFIC_NEW,    /* seen once and never again */
};

struct traffic_report {
    char device[DEVICE_ID_MAX + 1];
    struct flow_report report;
    struct flow flows[TRAFFIC_FLOWS];
    struct contact contacts[TRAFFIC_FLOWS];
};

void traffic_name_device(uint64_t device, char ret_id[DEVICE_ID_MAX + 1]);
/** The @p nth peer of that kind that the device knows. */
struct address traffic_peer(enum traffic_peers kind, uint64_t device, uint64_t nth);
/** The report of a device for round @p round of @p rounds, which fill the days. */
void traffic_make(uint64_t device, uint64_t round, uint64_t rounds, struct traffic_report *ret);

/* --- cold.c: queries whose files are not in memory --- */

/** Ends the program, with a sentence, unless @p status is good. */
void demand(enum picket_status status, const struct err *err);
double now_s(void);
/** Writes what waits, and has every file of the folder out of the memory. */
void make_cold(const char *folder);
/** Blocks of 512 bytes that this process had read from a disk. */
uint64_t blocks_read(void);
/** All files in the folder whose names end like that. */
uint64_t bytes_of(const char *folder, const char *ending);

/* --- plain.c: a row for each flow, and indexes by device and by peer --- */

struct plain;

struct plain *plain_open(const char *path);
void plain_close(struct plain *plain);
void plain_begin(struct plain *plain);
void plain_put(struct plain *plain, uint64_t device, const struct flow_report *report);
void plain_commit(struct plain *plain);
void plain_make_indexes(struct plain *plain);
/** Flows from @p since_us to @p until_us, as far as @p limit: how many they are. */
size_t plain_list_device(struct plain *plain, uint64_t device, int64_t since_us, int64_t until_us,
                         size_t limit);
size_t plain_list_peer(struct plain *plain, const struct address *peer, int64_t since_us,
                       int64_t until_us, size_t limit);

/* --- labelled.c, size.c: what flows of others take --- */

/** Puts the flows of a file of labelled connections into the store: a report for each minute. */
void labelled_put(struct store *store, const char *path);
/** Seals what is in the folder, and says what a flow of it takes before and after. */
void size_print(const char *folder, const char *about);

#endif
