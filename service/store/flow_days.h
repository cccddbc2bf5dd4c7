/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_DAYS_H
#define SERVICE_STORE_FLOW_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "picket/status.h"
#include "store/store.h"

struct err;
struct flow_span;
struct sqlite_store;

/**
 * The flows of all days, each in a file of its own; private to store.
 *
 * A day is a folder's file `2026-11-25.db` as long as reports come (flow_day.h). It is the day of
 * receipt, or a later one if that is closed. Some time after it is over it is sealed: rewritten as
 * `2026-11-25.sealed.db` (flow_sealed.h), which is on the disk as a whole before it gets that name,
 * and only then the other goes. So if both are there, the sealed one is whole, and counts.
 *
 * Two files can't be committed at once, so the day's goes first, and the number of its last report
 * is committed with the store's own database. What a day has behind that number was committed
 * nowhere else: it is not read, and taken back before anything more is put. Where damage keeps it
 * from being taken back, or from being known, the file is put aside as `2026-11-25.db.damaged`: who
 * asks for its time is told, reports go to the next day, and a day that is put in its place counts.
 *
 * Threads: begin, put, commit, settle and rollback are the writer's, within its transaction.
 * Listings run on any thread and never wait for it, nor it for them.
 */
struct flow_days;

/**
 * @p number: of the last report that the store's own database knows of.
 *
 * Errors: a day that is damaged is put aside and says so when it is read.
 */
PICKET_MUST_CHECK enum picket_status flow_days_open(const char *folder, int64_t number,
                                                    struct flow_days **ret, struct err *reterr);
/** NULL is allowed. */
void flow_days_close(struct flow_days *days);

/** Takes back what the last transaction left. Errors: PICKET_E_CONFLICT while another process holds
 * the days, and one has to be put aside. */
PICKET_MUST_CHECK enum picket_status flow_days_begin(struct flow_days *days, struct err *reterr);
/** Errors: PICKET_E_MALFORMED if the day is damaged; then the next transaction puts to another. */
PICKET_MUST_CHECK enum picket_status flow_days_put(struct flow_days *days, const char *device,
                                                   const struct flow_report *report,
                                                   struct err *reterr);
/** True if the transaction put a report: *ret_number is that of the last one. */
bool flow_days_is_touched(const struct flow_days *days, int64_t *ret_number);
/** Commits the day. */
PICKET_MUST_CHECK enum picket_status flow_days_commit(struct flow_days *days, struct err *reterr);
/** The store's own database is committed as well. */
void flow_days_settle(struct flow_days *days);
void flow_days_rollback(struct flow_days *days);

/** A device whose flows are asked for, and when it can have had some. */
struct flow_asked {
    const char *device; /* NULL if there is none any more */
    int64_t since_us;
    int64_t until_us;
};

/** Devices whose flows are asked for, in their order. Who they are is got when it is needed: a
 * listing of many devices mostly ends with the first of them. */
struct flow_asking {
    size_t count;
    size_t first; /* the one of the filter's `after`, or, if there is none any more, the next */
    enum picket_status (*get)(void *context, size_t place, struct flow_asked *ret,
                              struct err *reterr);
    void *context;
};

/** Flows of the filter that these devices have, in their order; see each_flow() of store_ops. */
PICKET_MUST_CHECK enum picket_status flow_days_each(struct flow_days *days,
                                                    const struct store_flow_filter *filter,
                                                    const struct flow_asking *asking,
                                                    store_flow_fn *fn, void *context,
                                                    struct err *reterr);
/** Days that are damaged, as far as that is known. */
uint64_t flow_days_count_damaged(struct flow_days *days);
/** Takes away the days that were over before, unless another process holds them (folder_hold());
 * waits for listings. */
void flow_days_expire(struct flow_days *days, int64_t before_us);

/** The first day behind @p after that was over before and can be sealed; false if there is none. */
bool flow_days_find_over(struct flow_days *days, int32_t after, int64_t before_us, int32_t *ret);
/**
 * The writer's, in a transaction that puts nothing: no more reports go to the day.
 *
 * Ownership: *ret is the file that was open for them, or NULL; the caller frees it after the
 *            transaction, for that takes long.
 */
void flow_days_end(struct flow_days *days, int32_t number, struct sqlite_store **ret);
/** Seals a day that was ended; see seal_flows() of store_ops. */
PICKET_MUST_CHECK enum picket_status flow_days_seal(struct flow_days *days, int32_t number,
                                                    store_goes_on_fn *goes_on, void *context,
                                                    struct err *reterr);

#endif
