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
#define MET_FIRST       64u

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

uint64_t sqlite_count_damaged_days(struct store *store)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;

    return sqlite->flows == NULL ? 0 : flow_days_count_damaged(sqlite->flows);
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

/* What is wrong with one day keeps no other from being sealed. */
static bool is_of_one_day(enum picket_status status)
{
    return status == PICKET_E_MALFORMED || status == PICKET_E_VERSION || status == PICKET_E_IO;
}

enum picket_status sqlite_seal_flows(struct store *store, int64_t before_us,
                                     store_goes_on_fn *goes_on, void *context, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    int32_t number = INT32_MIN;
    enum picket_status status = PICKET_OK;
    enum picket_status last_failure = PICKET_OK;

    while ((status == PICKET_OK || is_of_one_day(status)) && sqlite->flows != NULL &&
           flow_days_find_over(sqlite->flows, number, before_us, &number)) {
        status = end_day(sqlite, number, reterr);
        if (status == PICKET_OK) {
            status = flow_days_seal(sqlite->flows, number, goes_on, context, reterr);
        }
        last_failure = status == PICKET_OK ? last_failure : status;
    }
    return last_failure;
}

/* --- who is asked about --- */

/** A device that had to do with a peer. */
struct met_device {
    int64_t ledger;
    bool waits;    /* in its ledger: there is no row of it yet, and it can be of any time */
    bool is_known; /* what follows */
    struct flow_asked asked; /* its text is in the list's arena */
};

/** Devices that had to do with a peer, by ledger. */
struct met_list {
    struct sqlite_store *store;
    const struct store_flow_filter *filter;
    struct peer_key key; /* of the peer */
    struct arena *arena;
    struct met_device *items;
    size_t count;
    size_t capacity;
    bool is_out_of_memory;
};

static enum picket_status no_memory(struct err *reterr)
{
    err_set(reterr, "out of memory for the devices that had to do with a peer");
    return PICKET_E_NOMEM;
}

static bool grow(struct met_list *list)
{
    size_t capacity = list->capacity == 0 ? MET_FIRST : 2 * list->capacity;
    struct met_device *grown = realloc(list->items, capacity * sizeof(*grown));

    if (grown == NULL) {
        return false;
    }
    list->items = grown;
    list->capacity = capacity;
    return true;
}

static bool take_met(void *context, struct sqlite_row *row)
{
    struct met_list *list = context;
    struct met_device device = {.ledger = sqlite_row_number(row, INT64_MIN, INT64_MAX)};

    device.waits = sqlite_row_number(row, 0, 1) == 1;
    if (list->count == list->capacity && !grow(list)) {
        list->is_out_of_memory = true;
        return false;
    }
    list->items[list->count++] = device;
    return true;
}

/* The index by peer alone tells who: rows would be a page for each device. */
#define FIND_MET(waits)                                                                            \
    "SELECT number, max(waits) FROM"                                                               \
    " (SELECT ledger AS number, 0 AS waits FROM contact WHERE peer = ?1"                           \
    "  UNION ALL " waits ") GROUP BY number ORDER BY number"

static enum picket_status find_met(struct met_list *list, struct err *reterr)
{
    struct buf waiting; /* ledgers */
    bool is_known;
    enum picket_status status;

    buf_init(&waiting, ARENA_BYTES_MAX);
    is_known = waiting_peers_find(list->store->waiting_peers, &list->key, &waiting);
    const struct sqlite_value values[] = {sqlite_bytes(list->key.bytes, list->key.length),
                                          sqlite_text(is_known ? waiting.bytes : "[]")};

    status = sqlite_select(list->store,
                           is_known ? FIND_MET("SELECT value, 1 FROM json_each(?2)")
                                    : FIND_MET("SELECT number, 1 FROM ledger"
                                               " WHERE instr(waiting, ?1) > 0 AND ?2 = '[]'"),
                           values, SQLITE_VALUE_COUNT(values), take_met, list, reterr);
    buf_deinit(&waiting);
    return status == PICKET_OK && list->is_out_of_memory ? no_memory(reterr) : status;
}

struct met_lookup {
    struct met_list *list;
    struct met_device *device;
};

static bool take_device(void *context, struct sqlite_row *row)
{
    struct met_lookup *lookup = context;
    struct flow_asked *asked = &lookup->device->asked;
    size_t length = 0;
    const char *id = sqlite_row_borrow_text(row, &length);

    asked->since_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    asked->until_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    if (row->status == PICKET_OK) {
        asked->device = arena_text(lookup->list->arena, id, length);
        lookup->list->is_out_of_memory = asked->device == NULL;
    }
    return false;
}

/* Of a device whose contact waits, rows say nothing more. */
static const char WHO_WAITS[] = "SELECT device, 0, 0 FROM ledger WHERE number = ?1";
static const char WHO_MET[] = "SELECT device, min(first_us), max(last_us) FROM ledger"
                              " LEFT JOIN contact ON contact.ledger = number AND peer = ?2"
                              " WHERE number = ?1 GROUP BY number";

static enum picket_status look_up(struct met_list *list, struct met_device *device,
                                  struct err *reterr)
{
    struct met_lookup lookup = {.list = list, .device = device};
    const struct sqlite_value values[] = {sqlite_number(device->ledger),
                                          sqlite_bytes(list->key.bytes, list->key.length)};
    enum picket_status status =
        sqlite_select(list->store, device->waits ? WHO_WAITS : WHO_MET, values,
                      device->waits ? 1 : SQLITE_VALUE_COUNT(values), take_device, &lookup, reterr);

    if (status == PICKET_OK && list->is_out_of_memory) {
        return no_memory(reterr);
    }
    if (device->waits) {
        device->asked.since_us = list->filter->since_us;
        device->asked.until_us = list->filter->until_us;
    }
    device->is_known = status == PICKET_OK;
    return status;
}

static enum picket_status get_met(void *context, size_t place, struct flow_asked *ret,
                                  struct err *reterr)
{
    struct met_list *list = context;
    struct met_device *device = &list->items[place];
    enum picket_status status = PICKET_OK;

    if (!device->is_known) {
        status = look_up(list, device, reterr);
    }
    if (status == PICKET_OK) {
        *ret = device->asked;
    }
    return status;
}

/* The place of that device, or of the next one. */
static enum picket_status find_place(struct met_list *list, const char *device, size_t *ret,
                                     struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);
    int64_t ledger = 0;
    size_t place = 0;
    enum picket_status status =
        sqlite_select(list->store, "SELECT number FROM ledger WHERE device = ?", &id, 1,
                      take_number, &ledger, reterr);

    while (place < list->count && list->items[place].ledger < ledger) {
        place++;
    }
    *ret = place;
    return status;
}

static enum picket_status each_flow_with_peer(struct sqlite_store *store,
                                              const struct store_flow_filter *filter,
                                              store_flow_fn *fn, void *context, struct err *reterr)
{
    struct met_list list = {.store = store, .filter = filter, .arena = arena_new(ARENA_BYTES_MAX)};
    struct flow_asking asking = {.get = get_met, .context = &list};
    enum picket_status status = PICKET_OK;

    if (list.arena == NULL) {
        return no_memory(reterr);
    }
    peer_key_of(filter->peer, &list.key);
    status = find_met(&list, reterr);
    if (status == PICKET_OK && filter->after != NULL) {
        status = find_place(&list, filter->after->device, &asking.first, reterr);
    }
    if (status == PICKET_OK) {
        asking.count = list.count;
        status = flow_days_each(store->flows, filter, &asking, fn, context, reterr);
    }
    arena_free(list.arena);
    free(list.items);
    return status;
}

static enum picket_status get_one(void *context, size_t place, struct flow_asked *ret,
                                  struct err *reterr)
{
    (void)place;
    (void)reterr;
    *ret = *(const struct flow_asked *)context;
    return PICKET_OK;
}

enum picket_status sqlite_each_flow(struct store *store, const struct store_flow_filter *filter,
                                    store_flow_fn *fn, void *context, struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    struct flow_asked device = {
        .device = filter->device, .since_us = INT64_MIN, .until_us = INT64_MAX};
    const struct flow_asking one = {.count = 1, .get = get_one, .context = &device};

    assert(filter->limit > 0);
    if (sqlite->flows == NULL) {
        return PICKET_OK;
    }
    return filter->device != NULL ? flow_days_each(sqlite->flows, filter, &one, fn, context, reterr)
                                  : each_flow_with_peer(sqlite, filter, fn, context, reterr);
}
