/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/contact.h"
#include "store/flow_days.h"
#include "store/peer_key.h"
#include "store/sqlite.h"
#include "store/waiting_peers.h"

/* What the store's own database has to do with flows: it knows the last report of them that is
 * committed, and the ledger knows who had to do with a peer, and when. */

#define ARENA_BYTES_MAX ((size_t)256 << 20) /* of the devices that a listing is about */
#define ARENA_FIRST     64u

/* --- the last report --- */

static bool take_number(void *context, struct sqlite_row *row)
{
    *(int64_t *)context = sqlite_row_number(row, 0, INT64_MAX);
    return false;
}

enum picket_status sqlite_open_flows(struct sqlite_store *store, const char *folder,
                                     struct err *reterr)
{
    int64_t number = 0;
    char *path = NULL;
    enum picket_status status = sqlite_select(store, "SELECT number FROM flow_number", NULL, 0,
                                              take_number, &number, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    if (asprintf(&path, "%s/flows", folder) < 0) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = flow_days_open(path, number, &store->flows, reterr);
    free(path);
    return status;
}

enum picket_status sqlite_commit_flows(struct sqlite_store *store, struct err *reterr)
{
    struct sqlite_value number = {.text = NULL};
    enum picket_status status;

    if (store->flows == NULL || !flow_days_is_touched(store->flows, &number.number)) {
        return PICKET_OK;
    }
    status = sqlite_run(store, KEPT_PUT_FLOW_NUMBER, "UPDATE flow_number SET number = ?", &number,
                        1, reterr);
    return status == PICKET_OK ? flow_days_commit(store->flows, reterr) : status;
}

enum picket_status sqlite_put_flows(struct store *store, const char *device,
                                    const struct flow_report *report, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    return sqlite->flows == NULL ? PICKET_OK : flow_days_put(sqlite->flows, device, report, reterr);
}

void sqlite_expire_flows(struct store *store, int64_t before_us)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    if (sqlite->flows != NULL) {
        flow_days_expire(sqlite->flows, before_us);
    }
}

/* No transaction is under way when this one begins, and none that begins later puts anything to a
 * day that was ended in it. */
static enum picket_status end_day(struct sqlite_store *store, int32_t number, struct err *reterr)
{
    struct sqlite_store *file = NULL;
    enum picket_status status = store->base.ops->begin(&store->base, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    flow_days_end(store->flows, number, &file);
    store->base.ops->rollback(&store->base);
    sqlite_free(file);
    return PICKET_OK;
}

enum picket_status sqlite_seal_flows(struct store *store, int64_t before_us,
                                     store_goes_on_fn *goes_on, void *context, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    int32_t number = INT32_MIN;
    enum picket_status status = PICKET_OK;

    while (status == PICKET_OK && sqlite->flows != NULL &&
           flow_days_find_over(sqlite->flows, number, before_us, &number)) {
        status = end_day(sqlite, number, reterr);
        if (status == PICKET_OK) {
            status = flow_days_seal(sqlite->flows, number, goes_on, context, reterr);
        }
    }
    return status;
}

/* --- who is asked about --- */

/** Devices that had to do with a peer. */
struct asked_list {
    struct arena *arena;
    struct flow_asked *items;
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

static bool grow(struct asked_list *list)
{
    size_t capacity = list->capacity == 0 ? ARENA_FIRST : 2 * list->capacity;
    struct flow_asked *grown = realloc(list->items, capacity * sizeof(*grown));

    if (grown == NULL) {
        return false;
    }
    list->items = grown;
    list->capacity = capacity;
    return true;
}

static bool take_asked(void *context, struct sqlite_row *row)
{
    struct asked_list *list = context;
    size_t length = 0;
    const char *device = sqlite_row_borrow_text(row, &length);
    struct flow_asked asked = {.since_us = sqlite_row_number(row, INT64_MIN, INT64_MAX)};

    asked.until_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    if (row->status != PICKET_OK) {
        return false;
    }
    asked.device = arena_text(list->arena, device, length);
    if (asked.device == NULL || (list->count == list->capacity && !grow(list))) {
        list->is_out_of_memory = true;
        return false;
    }
    list->items[list->count++] = asked;
    return true;
}

/* What waits in a ledger has no row yet, and can be of any time. */
#define FIND_ASKED(waits)                                                                          \
    "SELECT ledger.device, min(first_us), max(last_us) FROM"                                       \
    " (SELECT ledger AS number, first_us, last_us FROM contact"                                    \
    "  WHERE peer = ?1 AND last_us >= ?2 AND first_us <= ?3"                                       \
    "  UNION ALL SELECT number, ?2, ?3 FROM ledger WHERE " waits ") AS met"                        \
    " JOIN ledger ON ledger.number = met.number GROUP BY ledger.number ORDER BY ledger.number"

static enum picket_status find_asked(struct sqlite_store *store,
                                     const struct store_flow_filter *filter,
                                     struct asked_list *list, struct err *reterr)
{
    struct buf waiting; /* ledgers */
    struct peer_key key;
    bool is_known;
    enum picket_status status;

    list->arena = arena_new(ARENA_BYTES_MAX);
    if (list->arena == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    peer_key_of(filter->peer, &key);
    buf_init(&waiting, ARENA_BYTES_MAX);
    is_known = waiting_peers_find(store->waiting_peers, &key, &waiting);
    const struct sqlite_value values[] = {
        sqlite_bytes(key.bytes, key.length), sqlite_number(filter->since_us),
        sqlite_number(filter->until_us), sqlite_text(is_known ? waiting.bytes : "")};

    status = sqlite_select(store,
                           is_known ? FIND_ASKED("number IN (SELECT value FROM json_each(?4))")
                                    : FIND_ASKED("instr(waiting, ?1) > 0 OR ?4 IS NULL"),
                           values, SQLITE_VALUE_COUNT(values), take_asked, list, reterr);
    buf_deinit(&waiting);
    if (status == PICKET_OK && list->is_out_of_memory) {
        err_set(reterr, "out of memory for the devices that had to do with a peer");
        status = PICKET_E_NOMEM;
    }
    return status;
}

enum picket_status sqlite_each_flow(struct store *store, const struct store_flow_filter *filter,
                                    store_flow_fn *fn, void *context, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    const struct flow_asked one = {
        .device = filter->device, .since_us = INT64_MIN, .until_us = INT64_MAX};
    struct asked_list list = {.count = 0};
    enum picket_status status = PICKET_OK;

    assert(filter->limit > 0);
    if (sqlite->flows == NULL) {
        return PICKET_OK;
    }
    if (filter->device != NULL) {
        return flow_days_each(sqlite->flows, filter, &one, 1, fn, context, reterr);
    }
    status = find_asked(sqlite, filter, &list, reterr);
    if (status == PICKET_OK) {
        status = flow_days_each(sqlite->flows, filter, list.items, list.count, fn, context, reterr);
    }
    arena_free(list.arena);
    free(list.items);
    return status;
}
