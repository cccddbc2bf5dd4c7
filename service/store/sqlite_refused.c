/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <stdio.h>

/* A sum stops where it can't be told any more. */
static const char ADD_REFUSED[] =
    "INSERT INTO refused (device, cause, count, last_us, source, reason)"
    " VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (device, cause) DO UPDATE SET"
    " count = iif(count > 9223372036854775807 - excluded.count, 9223372036854775807,"
    " count + excluded.count),"
    " last_us = excluded.last_us, source = excluded.source, reason = excluded.reason";

enum picket_status sqlite_add_refused(struct store *store, const char *device,
                                      const struct device_refused *refused, struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_text(device),          sqlite_number(refused->cause),
        sqlite_count(refused->count), sqlite_number(refused->last_us),
        sqlite_text(refused->source), sqlite_text(refused->reason),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_ADD_REFUSED, ADD_REFUSED, values,
                      SQLITE_VALUE_COUNT(values), reterr);
}

struct refused_listing {
    store_refused_fn *fn;
    void *context;
};

static bool give_refused(void *context, struct sqlite_row *row)
{
    const struct refused_listing *listing = context;
    struct device_refused refused = {
        .cause = (enum refused_cause)sqlite_row_number(row, 0, REFUSED_CAUSES - 1),
    };

    refused.count = (uint64_t)sqlite_row_number(row, 0, INT64_MAX);
    refused.last_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    sqlite_row_text(row, refused.source, sizeof(refused.source));
    sqlite_row_text(row, refused.reason, sizeof(refused.reason));
    return row->status == PICKET_OK && listing->fn(listing->context, &refused);
}

enum picket_status sqlite_each_refused(struct store *store, const char *device,
                                       store_refused_fn *fn, void *context, struct err *reterr)
{
    struct refused_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value id = sqlite_text(device);

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT cause, count, last_us, source, reason"
                         " FROM refused WHERE device = ? ORDER BY cause",
                         &id, 1, give_refused, &listing, reterr);
}
