/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_DAYS_INSIDE_H
#define SERVICE_STORE_FLOW_DAYS_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/time.h"
#include "model/flow_pack.h"
#include "store/flow_days.h"

/** The inside of the days of flows, shared by store/flow_days*.c. */
struct sqlite_store;

#define FLOW_DAY_US           (INT64_C(86400) * TIME_US_PER_S)
#define FLOW_DAYS_MAX         4096u /* more than are ever kept */
#define FLOW_DAY_EXTENSION    ".db"
#define FLOW_SEALED_EXTENSION ".sealed.db"
#define FLOW_SEALING_SUFFIX   ".new"        /* of a sealed day's name until it is whole */
#define FLOW_ASIDE_EXTENSION  ".db.damaged" /* of an open day that can't be trusted */

struct flow_day {
    int32_t number;  /* days since 1970 */
    bool is_closed;  /* no more reports go there */
    bool is_sealed;  /* the file is that of flow_sealed.h */
    bool is_damaged; /* and stays as it is */
    bool is_aside;   /* the file has another name, and is not read */
    struct flow_span span;
};

struct flow_days {
    char *folder;
    atomic_int_fast64_t committed; /* number of the last report that is */
    pthread_mutex_t lock;          /* guards `days`; held for a look */
    struct flow_day *days;         /* ascending */
    size_t count;
    /* Held by a listing as long as it reads a day, and by who takes a file away, whom no stream of
     * listings keeps waiting. Never by the writer, unless it puts a damaged day aside. */
    pthread_rwlock_t files;
    /* The writer's, in its transaction: */
    struct sqlite_store *writer; /* the day last written to, or NULL */
    int32_t writer_day;
    enum { FLOW_IDLE, FLOW_BEGUN, FLOW_AHEAD /* of the store's own database */ } state;
    int64_t last; /* report of the transaction */
    struct flow_span span;
    struct buf pack;
};

/** The path of a day's file, which the caller frees; NULL if memory is out. */
char *flow_days_path(const struct flow_days *days, int32_t number, const char *extension);
/** Days as they are now, descending; NULL if memory is out. The caller frees them. */
struct flow_day *flow_days_copy(struct flow_days *days, size_t *ret_count);
/** False if there is none of that day. */
bool flow_days_find(struct flow_days *days, int32_t number, struct flow_day *ret);
/** In the place of the one of that number; false if there is none. */
bool flow_days_replace(struct flow_days *days, const struct flow_day *day);
/**
 * Gives an open day another name, and no more reports to it. What it has may never have been
 * committed, and the numbers of these reports are given to others.
 *
 * Errors: PICKET_E_CONFLICT if another process holds the days; PICKET_E_IO.
 */
PICKET_MUST_CHECK enum picket_status flow_days_set_aside(struct flow_days *days, int32_t number,
                                                         struct err *reterr);
/** The file of an open day. No listing reads it. */
void flow_days_remove_open(const struct flow_days *days, int32_t number);

#endif
