/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <string.h>

#include "base/err.h"
#include "picket/report.h"
#include "store/peer_key.h"
#include "store/waiting.h"
#include "store/waiting_peers.h"

/* When a ledger is full, this many rows go at once: finding them means sorting them all. */
#define EVICTED_AT_ONCE 1024

/* The port's key: the peer's ports as they are, the device's own behind them. */
#define OWN_PORTS 65536

#define COUNT_LIMIT "9223372036854775807" /* sums stay here: FLOW_COUNT_MAX */

static int64_t port_key(const struct flow *flow)
{
    int32_t port = flow_service_port(flow);

    return port == FLOW_PORT_UNKNOWN || port == flow->peer_port ? port : OWN_PORTS + port;
}

static struct sqlite_value key_value(const struct peer_key *key)
{
    return sqlite_bytes(key->bytes, key->length);
}

/* --- writing --- */

/** What is read of a ledger to write to it. */
struct ledger {
    int64_t number;
    uint64_t contacts; /* rows */
    uint64_t evicted;  /* of them, by this call */
    int64_t waiting_reports;
    struct waiting waiting;
    bool is_other; /* others wait than before */
};

static bool take_ledger(void *context, struct sqlite_row *row)
{
    struct ledger *ledger = context;
    size_t length = 0;
    const uint8_t *bytes;

    ledger->number = sqlite_row_number(row, 1, INT64_MAX);
    ledger->contacts = sqlite_row_count(row);
    ledger->waiting_reports = sqlite_row_number(row, 0, INT64_MAX);
    ledger->waiting.count = 0;
    bytes = sqlite_row_borrow_bytes(row, &length);
    if (bytes != NULL && !waiting_read(bytes, length, &ledger->waiting)) {
        row->status = PICKET_E_MALFORMED;
    }
    return false;
}

#define LEDGER_COLUMNS "number, contacts, waiting_reports, waiting"

static enum picket_status find_ledger(struct sqlite_store *store, const char *device,
                                      struct ledger *ledger, struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);

    ledger->evicted = 0;
    ledger->is_other = false;
    return sqlite_get(store, KEPT_FIND_LEDGER,
                      "SELECT " LEDGER_COLUMNS " FROM ledger WHERE device = ?", &id, 1, take_ledger,
                      ledger, reterr);
}

/* A fleet that is switched on together does not have all its contacts settled together. */
static enum picket_status open_ledger(struct sqlite_store *store, const char *device,
                                      struct ledger *ledger, struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);
    enum picket_status status = find_ledger(store, device, ledger, reterr);

    if (status == PICKET_E_NOTFOUND) {
        status = sqlite_get(store, KEPT_PUT_LEDGER,
                            "INSERT INTO ledger (device, contacts, evicted, waiting_reports,"
                            " waiting) VALUES (?, 0, 0, 0, x'00') RETURNING " LEDGER_COLUMNS,
                            &id, 1, take_ledger, ledger, reterr);
        ledger->waiting_reports = ledger->number % WAITING_REPORTS_MAX;
    }
    return status;
}

/* Sums stop at what the store can count. */
#define SUM(column, parameter)                                                                     \
    column " = " column " + min(" parameter ", " COUNT_LIMIT " - " column ")"

/* Most contacts are known: these are tried first. */
static const char ADD_CONTACT[] =
    "UPDATE contact SET address = ?6, outcome = outcome | ?7," SUM("reports", "?8") "," SUM(
        "connections",
        "?9") "," SUM("packets_in",
                      "?10") "," SUM("packets_out",
                                     "?11") "," SUM("bytes_in",
                                                    "?12") "," SUM("bytes_out",
                                                                   "?13") ", first_us = "
                                                                          "min(first_us, ?14), "
                                                                          "last_us = max(last_us, "
                                                                          "?15)"
                                                                          " WHERE ledger = ?1 AND "
                                                                          "peer = ?2 AND protocol "
                                                                          "= ?3 AND port = ?4 AND "
                                                                          "direction = ?5";

static const char PUT_CONTACT[] =
    "INSERT INTO contact (ledger, peer, protocol, port, direction, address, outcome, reports,"
    " connections, packets_in, packets_out, bytes_in, bytes_out, first_us, last_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

static enum picket_status put_contact(struct sqlite_store *store, struct ledger *ledger,
                                      const struct contact *contact, struct err *reterr)
{
    const struct flow *flow = &contact->flow;
    const struct peer peer = contact_peer(contact);
    const struct peer at = {.address = flow->peer};
    struct peer_key key, address;

    peer_key_of(&peer, &key);
    peer_key_of(&at, &address);
    const struct sqlite_value values[] = {
        sqlite_number(ledger->number),
        key_value(&key),
        sqlite_number(flow->protocol),
        sqlite_number(port_key(flow)),
        sqlite_number(flow->direction),
        sqlite_bytes(address.bytes + 1, address.length - 1),
        sqlite_number(contact_outcomes(contact)),
        sqlite_count(contact->reports),
        sqlite_count(flow->connections),
        sqlite_count(flow->packets_in),
        sqlite_count(flow->packets_out),
        sqlite_count(flow->bytes_in),
        sqlite_count(flow->bytes_out),
        sqlite_number(flow->first_us),
        sqlite_number(flow->last_us),
    };
    enum picket_status status;

    status = sqlite_run(store, KEPT_ADD_CONTACT, ADD_CONTACT, values, SQLITE_VALUE_COUNT(values),
                        reterr);
    if (status != PICKET_OK || sqlite3_changes(store->writer.db) > 0) {
        return status;
    }
    ledger->contacts++;
    return sqlite_run(store, KEPT_PUT_CONTACT, PUT_CONTACT, values, SQLITE_VALUE_COUNT(values),
                      reterr);
}

/* A scanner that shows itself as a million peers pushes out its own rows, and not those of the
 * one peer that the device went to. */
static const char EVICT_CONTACTS[] =
    "DELETE FROM contact WHERE (ledger, peer, protocol, port, direction) IN"
    " (SELECT ledger, peer, protocol, port, direction FROM contact WHERE ledger = ?1"
    "  ORDER BY (outcome & ?3) != 0, direction = ?4, last_us LIMIT ?2)";

static enum picket_status evict_contacts(struct sqlite_store *store, struct ledger *ledger,
                                         struct err *reterr)
{
    uint64_t excess = ledger->contacts - STORE_CONTACTS_MAX;
    const struct sqlite_value values[] = {
        sqlite_number(ledger->number),
        sqlite_count(excess > EVICTED_AT_ONCE ? excess : EVICTED_AT_ONCE),
        sqlite_number(PICKET_ANSWERED),
        sqlite_number(PICKET_OUTBOUND),
    };
    enum picket_status status = sqlite_run(store, KEPT_EVICT_CONTACTS, EVICT_CONTACTS, values,
                                           SQLITE_VALUE_COUNT(values), reterr);

    if (status == PICKET_OK) {
        ledger->evicted = (uint64_t)sqlite3_changes(store->writer.db);
        ledger->contacts -= ledger->evicted;
    }
    return status;
}

static enum picket_status put_waiting(struct sqlite_store *store, struct ledger *ledger,
                                      struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < ledger->waiting.count && status == PICKET_OK; i++) {
        status = put_contact(store, ledger, &ledger->waiting.contacts[i], reterr);
    }
    ledger->waiting.count = 0;
    ledger->waiting_reports = 0;
    ledger->is_other = true;
    return status;
}

static enum picket_status put_ledger(struct sqlite_store *store, struct ledger *ledger,
                                     struct err *reterr)
{
    uint8_t bytes[WAITING_BYTES_MAX];
    size_t length = waiting_write(&ledger->waiting, bytes);
    enum picket_status status = PICKET_OK;

    if (length == 0 || ledger->waiting_reports >= WAITING_REPORTS_MAX) {
        status = put_waiting(store, ledger, reterr);
        length = waiting_write(&ledger->waiting, bytes);
    }
    if (status == PICKET_OK && ledger->contacts > STORE_CONTACTS_MAX) {
        status = evict_contacts(store, ledger, reterr);
    }
    if (status != PICKET_OK) {
        return status;
    }
    const struct sqlite_value values[] = {
        sqlite_count(ledger->contacts),         sqlite_count(ledger->evicted),
        sqlite_number(ledger->waiting_reports), sqlite_bytes(bytes, length),
        sqlite_number(ledger->number),
    };

    if (ledger->is_other) {
        waiting_peers_put(store->waiting_peers, ledger->number, &ledger->waiting);
    }
    return sqlite_run(store, KEPT_ADD_LEDGER,
                      "UPDATE ledger SET contacts = ?, evicted = evicted + ?, waiting_reports = ?,"
                      " waiting = ? WHERE number = ?",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_put_contacts(struct store *store, const char *device,
                                       const struct contact *contacts, size_t count,
                                       struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    struct ledger ledger;
    enum picket_status status = open_ledger(sqlite, device, &ledger, reterr);
    size_t before;

    if (status != PICKET_OK) {
        return status;
    }
    before = ledger.waiting.count;
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        if (!waiting_add(&ledger.waiting, &contacts[i])) {
            status = put_contact(sqlite, &ledger, &contacts[i], reterr);
        }
    }
    if (status != PICKET_OK) {
        return status;
    }
    ledger.waiting_reports++;
    ledger.is_other = ledger.waiting.count != before;
    return put_ledger(sqlite, &ledger, reterr);
}

enum picket_status sqlite_settle_contacts(struct store *store, const char *device,
                                          struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    struct ledger ledger;
    enum picket_status status = find_ledger(sqlite, device, &ledger, reterr);

    if (status == PICKET_E_NOTFOUND || (status == PICKET_OK && ledger.waiting.count == 0)) {
        return PICKET_OK;
    }
    if (status == PICKET_OK) {
        status = put_waiting(sqlite, &ledger, reterr);
    }
    return status != PICKET_OK ? status : put_ledger(sqlite, &ledger, reterr);
}

enum picket_status sqlite_expire_contacts(struct store *store, int64_t before_us, int64_t *cursor,
                                          struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    const struct sqlite_value behind = sqlite_number(*cursor);
    struct ledger ledger = {.evicted = 0};
    enum picket_status status;

    status = sqlite_get(sqlite, KEPT_NEXT_LEDGER,
                        "SELECT " LEDGER_COLUMNS " FROM ledger WHERE number > ?"
                        " ORDER BY number LIMIT 1",
                        &behind, 1, take_ledger, &ledger, reterr);
    if (status == PICKET_OK) {
        status = put_waiting(sqlite, &ledger, reterr);
    }
    if (status != PICKET_OK) {
        *cursor = 0;
        return status == PICKET_E_NOTFOUND ? PICKET_OK : status;
    }
    const struct sqlite_value values[] = {sqlite_number(ledger.number), sqlite_number(before_us)};

    status = sqlite_run(sqlite, KEPT_EXPIRE_CONTACTS,
                        "DELETE FROM contact WHERE ledger = ? AND last_us < ?", values,
                        SQLITE_VALUE_COUNT(values), reterr);
    if (status == PICKET_OK) {
        ledger.contacts -= (uint64_t)sqlite3_changes(sqlite->writer.db);
        status = put_ledger(sqlite, &ledger, reterr);
    }
    if (status == PICKET_OK) {
        *cursor = ledger.number;
    }
    return status;
}

/* --- reading --- */

static void read_address(struct sqlite_row *row, struct address *ret)
{
    size_t length = 0;
    const uint8_t *bytes = sqlite_row_borrow_bytes(row, &length);

    if (bytes == NULL) {
        return;
    }
    if (length != 4 && length != sizeof(ret->bytes)) {
        row->status = PICKET_E_MALFORMED;
        return;
    }
    *ret = address_from_bytes(bytes, length);
}

/* The name goes to ret_name. */
static void read_peer(struct sqlite_row *row, char ret_name[OBSERVABLE_TEXT_MAX], struct peer *ret)
{
    size_t length = 0;
    const uint8_t *key = sqlite_row_borrow_bytes(row, &length);

    *ret = (struct peer){.name = NULL};
    if (key != NULL && !peer_key_parse(key, length, ret_name, ret)) {
        row->status = PICKET_E_MALFORMED;
    }
}

static void set_port(struct flow *flow, int64_t key)
{
    flow->peer_port = key < OWN_PORTS ? (int32_t)key : FLOW_PORT_UNKNOWN;
    flow->local_port = key < OWN_PORTS ? FLOW_PORT_UNKNOWN : (int32_t)(key - OWN_PORTS);
}

static void read_contact(struct sqlite_row *row, char ret_name[OBSERVABLE_TEXT_MAX],
                         struct contact *ret)
{
    struct flow *flow = &ret->flow;
    struct peer peer;

    read_peer(row, ret_name, &peer);
    flow->peer_name = peer.name;
    flow->protocol = (uint8_t)sqlite_row_number(row, 0, UINT8_MAX);
    set_port(flow, sqlite_row_number(row, FLOW_PORT_UNKNOWN, 2 * OWN_PORTS - 1));
    flow->direction =
        (enum picket_direction)sqlite_row_number(row, PICKET_OUTBOUND, PICKET_DIRECTION_UNKNOWN);
    read_address(row, &flow->peer);
    contact_set_outcomes(ret, (uint16_t)sqlite_row_number(row, 0, UINT16_MAX));
    ret->reports = sqlite_row_count(row);
    flow->connections = sqlite_row_count(row);
    flow->packets_in = sqlite_row_count(row);
    flow->packets_out = sqlite_row_count(row);
    flow->bytes_in = sqlite_row_count(row);
    flow->bytes_out = sqlite_row_count(row);
    flow->first_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    flow->last_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
}

struct contact_listing {
    store_contact_fn *fn;
    void *context;
};

static bool give_contact(void *context, struct sqlite_row *row)
{
    const struct contact_listing *listing = context;
    char device[DEVICE_ID_MAX + 1];
    char name[OBSERVABLE_TEXT_MAX];
    struct contact contact = {0};

    sqlite_row_text(row, device, sizeof(device));
    read_contact(row, name, &contact);
    return row->status == PICKET_OK && listing->fn(listing->context, device, &contact);
}

#define SELECT_CONTACT                                                                             \
    "SELECT ledger.device, peer, protocol, port, direction, address, outcome, reports,"            \
    " connections, packets_in, packets_out, bytes_in, bytes_out, first_us, last_us"

enum picket_status sqlite_each_contact(struct store *store, const struct store_filter *filter,
                                       store_contact_fn *fn, void *context, struct err *reterr)
{
    struct contact_listing listing = {.fn = fn, .context = context};
    struct peer_key key;
    struct sqlite_value values[] = {
        {.text = filter->device},
        filter->limit == 0 ? sqlite_number(-1) : sqlite_count(filter->limit),
        sqlite_count(filter->offset),
    };

    if (filter->device == NULL) {
        peer_key_of(filter->peer, &key);
        values[0] = key_value(&key);
    }
    return sqlite_select((struct sqlite_store *)store,
                         filter->device != NULL ? SELECT_CONTACT
                             " FROM ledger CROSS JOIN contact ON contact.ledger = ledger.number"
                             " WHERE ledger.device = ?"
                             " ORDER BY last_us DESC, peer, protocol, port, direction"
                             " LIMIT ? OFFSET ?"
                                                : SELECT_CONTACT
                             " FROM contact CROSS JOIN ledger ON ledger.number = contact.ledger"
                             " WHERE peer = ? ORDER BY contact.ledger, protocol, port, direction"
                             " LIMIT ? OFFSET ?",
                         values, SQLITE_VALUE_COUNT(values), give_contact, &listing, reterr);
}

static bool take_counts(void *context, struct sqlite_row *row)
{
    struct store_ledger *ledger = context;

    ledger->contacts = sqlite_row_count(row);
    ledger->evicted = sqlite_row_count(row);
    return false;
}

enum picket_status sqlite_get_ledger(struct store *store, const char *device,
                                     struct store_ledger *ret, struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);
    struct store_ledger ledger = {0};
    enum picket_status status;

    status = sqlite_select((struct sqlite_store *)store,
                           "SELECT contacts, evicted FROM ledger WHERE device = ?", &id, 1,
                           take_counts, &ledger, reterr);
    if (status == PICKET_OK) {
        *ret = ledger;
    }
    return status;
}

struct peer_listing {
    store_peer_fn *fn;
    void *context;
    size_t left; /* peers that may still be given */
    struct peer_key last;
};

/* A peer's further rows are passed over here: SQLite's DISTINCT takes twice as long. */
static bool give_peer(void *context, struct sqlite_row *row)
{
    struct peer_listing *listing = context;
    const uint8_t *key = sqlite3_column_blob(row->statement, 0);
    size_t length = (size_t)sqlite3_column_bytes(row->statement, 0);
    char name[OBSERVABLE_TEXT_MAX];
    struct peer peer;

    if (length > 0 && length == listing->last.length &&
        memcmp(key, listing->last.bytes, length) == 0) {
        return true;
    }
    read_peer(row, name, &peer);
    if (row->status != PICKET_OK) {
        return false;
    }
    memcpy(listing->last.bytes, key, length); /* it is a peer's, so there is room for it */
    listing->last.length = length;
    listing->left--;
    return listing->fn(listing->context, &peer) && listing->left > 0;
}

enum picket_status sqlite_each_peer(struct store *store, const struct observable *within,
                                    const struct peer *after, size_t limit, store_peer_fn *fn,
                                    void *context, struct err *reterr)
{
    struct peer_listing listing = {.fn = fn, .context = context, .left = limit};
    struct peer_key_range range = peer_key_range_of(within);

    assert(limit > 0);
    if (after != NULL) {
        peer_key_of(after, &range.from);
        peer_key_step(&range.from);
    }
    const struct sqlite_value values[] = {key_value(&range.from), key_value(&range.to)};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT peer FROM contact INDEXED BY contact_by_peer"
                         " WHERE peer >= ? AND peer < ? ORDER BY peer",
                         values, SQLITE_VALUE_COUNT(values), give_peer, &listing, reterr);
}

struct waiting_listing {
    store_contact_fn *fn;
    void *context;
    int64_t last; /* ledger */
    bool is_ended;
};

static bool give_waiting(void *context, struct sqlite_row *row)
{
    struct waiting_listing *listing = context;
    char device[DEVICE_ID_MAX + 1];
    struct ledger ledger;

    sqlite_row_text(row, device, sizeof(device));
    take_ledger(&ledger, row);
    if (row->status != PICKET_OK) {
        return false;
    }
    listing->last = ledger.number;
    for (size_t i = 0; i < ledger.waiting.count && !listing->is_ended; i++) {
        listing->is_ended = !listing->fn(listing->context, device, &ledger.waiting.contacts[i]);
    }
    return !listing->is_ended;
}

enum picket_status sqlite_each_waiting(struct store *store, int64_t *cursor, size_t limit,
                                       store_contact_fn *fn, void *context, struct err *reterr)
{
    struct waiting_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value values[] = {sqlite_number(*cursor), sqlite_count(limit)};
    enum picket_status status;

    status = sqlite_select((struct sqlite_store *)store,
                           "SELECT device, " LEDGER_COLUMNS " FROM ledger"
                           " WHERE number > ? AND waiting != x'00' ORDER BY number LIMIT ?",
                           values, SQLITE_VALUE_COUNT(values), give_waiting, &listing, reterr);
    if (status == PICKET_OK) {
        *cursor = listing.last;
    }
    return status;
}

static bool note_waiting(void *context, struct sqlite_row *row)
{
    struct sqlite_store *store = context;
    struct ledger ledger;

    (void)take_ledger(&ledger, row);
    if (row->status == PICKET_OK) {
        waiting_peers_put(store->waiting_peers, ledger.number, &ledger.waiting);
    }
    row->status = PICKET_OK; /* who needs the ledger is told that it is damaged */
    return true;
}

enum picket_status sqlite_open_waiting(struct sqlite_store *store, struct err *reterr)
{
    enum picket_status status;

    store->waiting_peers = waiting_peers_new();
    if (store->waiting_peers == NULL) {
        err_set(reterr, "out of memory");
        return PICKET_E_NOMEM;
    }
    status = sqlite_select(store, "SELECT " LEDGER_COLUMNS " FROM ledger", NULL, 0, note_waiting,
                           store, reterr);
    waiting_peers_commit(store->waiting_peers);
    return status;
}
