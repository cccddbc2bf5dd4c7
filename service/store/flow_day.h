/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_STORE_FLOW_DAY_H
#define SERVICE_STORE_FLOW_DAY_H

#include <stdbool.h>
#include <stdint.h>

#include "model/flow_pack.h"
#include "picket/status.h"

struct buf;
struct err;
struct sqlite_store;

/**
 * The flows of a day to which more come: a SQLite file, a row for each report; private to store.
 *
 * Rows of one device lie together, so that its day is a few pages, and no index is needed. A
 * report has a number, one of all that the store ever got: by it rows are told that the store's
 * own database does not know of.
 */

/** What there is to know of the whole file. */
struct flow_day_state {
    int64_t number;        /* of the last report */
    struct flow_span span; /* of all reports; if there is none, it ends before it starts */
};

/** Opens the file to write to it; it is made if it is missing. */
PICKET_MUST_CHECK enum picket_status flow_day_open(const char *path, struct sqlite_store **ret,
                                                   struct err *reterr);
/** A connection that reads only, of a file that has been opened by flow_day_open() before. */
PICKET_MUST_CHECK enum picket_status
flow_day_open_to_read(const char *path, struct sqlite_store **ret, struct err *reterr);
PICKET_MUST_CHECK enum picket_status
flow_day_get_state(struct sqlite_store *file, struct flow_day_state *ret, struct err *reterr);

/* Within a transaction of the file, which begins with flow_day_start() and ends with
 * flow_day_put_state(): */

PICKET_MUST_CHECK enum picket_status flow_day_start(struct sqlite_store *file, struct err *reterr);
/** A pack of one report with that span. */
PICKET_MUST_CHECK enum picket_status flow_day_put(struct sqlite_store *file, const char *device,
                                                  int64_t number, const struct flow_span *span,
                                                  const struct buf *pack, struct err *reterr);
/** Widens the span. */
PICKET_MUST_CHECK enum picket_status flow_day_put_state(struct sqlite_store *file,
                                                        const struct flow_day_state *state,
                                                        struct err *reterr);
/** In a transaction of its own: takes back the last one if it put reports behind @p number. */
PICKET_MUST_CHECK enum picket_status flow_day_forget(struct sqlite_store *file, int64_t number,
                                                     struct err *reterr);

/** False ends the listing. */
typedef bool flow_report_fn(void *context, const struct flow_report *report,
                            const struct flow_span *span);

/**
 * Reports of one device up to @p number that reach into @p span and ended at or before @p end_us,
 * the one that ended last first.
 */
PICKET_MUST_CHECK enum picket_status flow_day_each(struct sqlite_store *file, const char *device,
                                                   int64_t number, const struct flow_span *span,
                                                   int64_t end_us, flow_report_fn *fn,
                                                   void *context, struct err *reterr);

/** What is not good ends the listing: PICKET_E_MALFORMED if the pack is none. */
typedef enum picket_status flow_pack_fn(void *context, const char *device, const uint8_t *pack,
                                        size_t length);

/**
 * Packs of all reports up to @p number as flow_day_put() got them: devices by id, of each the
 * report that ended last first. Only one device of @p one_in.
 */
PICKET_MUST_CHECK enum picket_status flow_day_each_pack(struct sqlite_store *file, int64_t number,
                                                        int64_t one_in, flow_pack_fn *fn,
                                                        void *context, struct err *reterr);
/** How many devices there are. */
PICKET_MUST_CHECK enum picket_status flow_day_count_devices(struct sqlite_store *file, int64_t *ret,
                                                            struct err *reterr);

#endif
