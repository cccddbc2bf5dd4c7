/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <string.h>

#include "base/err.h"
#include "picket/report.h"

/* When a ledger is full, this many rows go at once: finding them means sorting them all. */
#define EVICTED_AT_ONCE 1024

/* The peer's key: a letter, and the address, or the labels of the name from the last to the
 * first, each with a dot behind it. So a network is one range, and a domain with all below it. */
#define KEY_IPV4      '4'
#define KEY_IPV6      '6'
#define KEY_NAME      'n'
#define KEY_END       '~' /* behind all of them */
#define DOT_NEXT      '/' /* the character behind the dot: a domain's range ends there */
#define IPV4_OFFSET   12u /* of an IPv4 address in its mapped form */
#define KEY_BYTES_MAX (1u + OBSERVABLE_TEXT_MAX + 1u)

/* The port's key: the peer's ports as they are, the device's own behind them. */
#define OWN_PORTS 65536

#define COUNT_LIMIT "9223372036854775807" /* sums stay here: FLOW_COUNT_MAX */

struct key {
    uint8_t bytes[KEY_BYTES_MAX];
    size_t length;
};

/* --- keys --- */

static void add_bytes(struct key *key, const void *bytes, size_t length)
{
    memcpy(key->bytes + key->length, bytes, length);
    key->length += length;
}

static void add_byte(struct key *key, char byte)
{
    key->bytes[key->length++] = (uint8_t)byte;
}

static struct key address_key(const struct address *address, bool is_ipv4)
{
    struct key key = {.length = 0};

    if (is_ipv4) {
        add_byte(&key, KEY_IPV4);
        add_bytes(&key, address->bytes + IPV4_OFFSET, sizeof(address->bytes) - IPV4_OFFSET);
    } else {
        add_byte(&key, KEY_IPV6);
        add_bytes(&key, address->bytes, sizeof(address->bytes));
    }
    return key;
}

static struct key name_key(const char *name)
{
    struct key key = {.length = 0};
    size_t end = strlen(name);

    assert(end < OBSERVABLE_TEXT_MAX);
    add_byte(&key, KEY_NAME);
    while (end > 0) {
        size_t start = end;

        while (start > 0 && name[start - 1] != '.') {
            start--;
        }
        add_bytes(&key, name + start, end - start);
        add_byte(&key, '.');
        end = start > 0 ? start - 1 : 0;
    }
    return key;
}

static struct key peer_key(const struct peer *peer)
{
    return peer->name != NULL ? name_key(peer->name)
                              : address_key(&peer->address, address_is_ipv4(&peer->address));
}

static struct sqlite_value key_value(const struct key *key)
{
    return sqlite_bytes(key->bytes, key->length);
}

/* From the first key of a range to the first one behind it. */
struct range {
    struct key from;
    struct key to;
};

static struct range address_range(const struct prefix *prefix)
{
    bool is_ipv4 = address_is_ipv4(&prefix->address) && prefix->length >= 8 * IPV4_OFFSET;
    struct address last = prefix->address;
    struct range range = {.from = address_key(&prefix->address, is_ipv4)};

    for (size_t bit = prefix->length; bit < 8 * sizeof(last.bytes); bit++) {
        last.bytes[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    }
    range.to = address_key(&last, is_ipv4);
    add_byte(&range.to, '\0');
    return range;
}

static struct range name_range(const char *name)
{
    struct range range = {.from = name_key(name)};

    range.to = range.from;
    range.to.bytes[range.to.length - 1] = DOT_NEXT;
    return range;
}

static struct range range_of(const struct observable *within)
{
    struct range all = {.to = {.length = 0}};

    if (within == NULL) {
        add_byte(&all.to, KEY_END);
        return all;
    }
    return within->kind == OBSERVABLE_NAME ? name_range(within->text)
                                           : address_range(&within->prefix);
}

static int64_t port_key(const struct flow *flow)
{
    int32_t port = flow_service_port(flow);

    return port == FLOW_PORT_UNKNOWN || port == flow->peer_port ? port : OWN_PORTS + port;
}

/* --- writing --- */

struct ledger {
    int64_t number;
    int64_t contacts;
    int64_t evicted;
};

static enum picket_status find_ledger(struct sqlite_store *store, const char *device,
                                      struct ledger *ret, struct err *reterr)
{
    const struct sqlite_value id = sqlite_text(device);
    int64_t numbers[2] = {0};
    enum picket_status status;

    status = sqlite_get_numbers(store, KEPT_FIND_LEDGER,
                                "SELECT number, contacts FROM ledger WHERE device = ?", &id, 1,
                                numbers, 2, reterr);
    if (status == PICKET_E_NOTFOUND) {
        status = sqlite_get_numbers(store, KEPT_PUT_LEDGER,
                                    "INSERT INTO ledger (device, contacts, evicted)"
                                    " VALUES (?, 0, 0) RETURNING number",
                                    &id, 1, numbers, 1, reterr);
    }
    if (status == PICKET_OK) {
        *ret = (struct ledger){.number = numbers[0], .contacts = numbers[1]};
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
    const struct key key = peer_key(&peer);
    const struct key address = address_key(&flow->peer, address_is_ipv4(&flow->peer));
    const struct sqlite_value values[] = {
        sqlite_number(ledger->number),   key_value(&key),
        sqlite_number(flow->protocol),   sqlite_number(port_key(flow)),
        sqlite_number(flow->direction),  sqlite_bytes(address.bytes + 1, address.length - 1),
        sqlite_number(flow->outcome),    sqlite_count(contact->reports),
        sqlite_count(flow->connections), sqlite_count(flow->packets_in),
        sqlite_count(flow->packets_out), sqlite_count(flow->bytes_in),
        sqlite_count(flow->bytes_out),   sqlite_number(flow->first_us),
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
    int64_t excess = ledger->contacts - STORE_CONTACTS_MAX;
    const struct sqlite_value values[] = {
        sqlite_number(ledger->number),
        sqlite_number(excess > EVICTED_AT_ONCE ? excess : EVICTED_AT_ONCE),
        sqlite_number(PICKET_ANSWERED),
        sqlite_number(PICKET_OUTBOUND),
    };
    enum picket_status status = sqlite_run(store, KEPT_EVICT_CONTACTS, EVICT_CONTACTS, values,
                                           SQLITE_VALUE_COUNT(values), reterr);

    if (status == PICKET_OK) {
        ledger->evicted = sqlite3_changes(store->writer.db);
        ledger->contacts -= ledger->evicted;
    }
    return status;
}

static enum picket_status count_ledger(struct sqlite_store *store, const struct ledger *ledger,
                                       struct err *reterr)
{
    const struct sqlite_value values[] = {
        sqlite_number(ledger->contacts),
        sqlite_number(ledger->evicted),
        sqlite_number(ledger->number),
    };

    return sqlite_run(store, KEPT_COUNT_LEDGER,
                      "UPDATE ledger SET contacts = ?, evicted = evicted + ? WHERE number = ?",
                      values, SQLITE_VALUE_COUNT(values), reterr);
}

enum picket_status sqlite_put_contacts(struct store *store, const char *device,
                                       const struct contact *contacts, size_t count,
                                       struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    struct ledger ledger;
    int64_t known = 0;
    enum picket_status status = find_ledger(sqlite, device, &ledger, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    known = ledger.contacts;
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        status = put_contact(sqlite, &ledger, &contacts[i], reterr);
    }
    if (status == PICKET_OK && ledger.contacts > STORE_CONTACTS_MAX) {
        status = evict_contacts(sqlite, &ledger, reterr);
    }
    if (status == PICKET_OK && ledger.contacts != known) {
        status = count_ledger(sqlite, &ledger, reterr);
    }
    return status;
}

enum picket_status sqlite_expire_contacts(struct store *store, int64_t before_us, int64_t *cursor,
                                          struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    const struct sqlite_value behind = sqlite_number(*cursor);
    struct ledger ledger = {0};
    int64_t numbers[2] = {0};
    enum picket_status status;

    status = sqlite_get_numbers(
        sqlite, KEPT_NEXT_LEDGER,
        "SELECT number, contacts FROM ledger WHERE number > ? ORDER BY number LIMIT 1", &behind, 1,
        numbers, 2, reterr);
    if (status != PICKET_OK) {
        *cursor = 0;
        return status == PICKET_E_NOTFOUND ? PICKET_OK : status;
    }
    ledger = (struct ledger){.number = numbers[0], .contacts = numbers[1]};
    const struct sqlite_value values[] = {sqlite_number(ledger.number), sqlite_number(before_us)};

    status = sqlite_run(sqlite, KEPT_EXPIRE_CONTACTS,
                        "DELETE FROM contact WHERE ledger = ? AND last_us < ?", values,
                        SQLITE_VALUE_COUNT(values), reterr);
    if (status == PICKET_OK && sqlite3_changes(sqlite->writer.db) > 0) {
        ledger.contacts -= sqlite3_changes(sqlite->writer.db);
        status = count_ledger(sqlite, &ledger, reterr);
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

/* The inverse of name_key(); false if that can't have made it. */
static bool read_name(const uint8_t *labels, size_t length, char ret_name[OBSERVABLE_TEXT_MAX])
{
    size_t place = length > 0 ? length - 1 : 0; /* of the NUL */

    if (length < 2 || length > OBSERVABLE_TEXT_MAX || labels[length - 1] != '.') {
        return false;
    }
    ret_name[place] = '\0';
    for (size_t start = 0; start < length;) {
        const uint8_t *dot = memchr(labels + start, '.', length - start);
        size_t label = (size_t)(dot - (labels + start));

        place -= label;
        memcpy(ret_name + place, labels + start, label);
        if (place > 0) {
            ret_name[--place] = '.';
        }
        start += label + 1;
    }
    return true;
}

/* The name goes to ret_name. */
static void read_peer(struct sqlite_row *row, char ret_name[OBSERVABLE_TEXT_MAX], struct peer *ret)
{
    size_t length = 0;
    const uint8_t *key = sqlite_row_borrow_bytes(row, &length);

    *ret = (struct peer){.name = NULL};
    if (key == NULL) {
        return;
    }
    if (key[0] == KEY_NAME && read_name(key + 1, length - 1, ret_name)) {
        ret->name = ret_name;
    } else if (key[0] != KEY_NAME && (length == 1 + 4 || length == 1 + sizeof(ret->address))) {
        ret->address = address_from_bytes(key + 1, length - 1);
    } else {
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
    flow->outcome = (uint8_t)sqlite_row_number(row, 0, UINT8_MAX);
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
    struct key key = {.length = 0};
    struct sqlite_value values[] = {
        {.text = filter->device},
        filter->limit == 0 ? sqlite_number(-1) : sqlite_count(filter->limit),
        sqlite_count(filter->offset),
    };

    if (filter->device == NULL) {
        key = peer_key(filter->peer);
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

static bool take_ledger(void *context, struct sqlite_row *row)
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
                           take_ledger, &ledger, reterr);
    if (status == PICKET_OK) {
        *ret = ledger;
    }
    return status;
}

struct peer_listing {
    store_peer_fn *fn;
    void *context;
    size_t left; /* peers that may still be given */
    struct key last;
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
    struct range range = range_of(within);

    assert(limit > 0);
    if (after != NULL) {
        range.from = peer_key(after);
        add_byte(&range.from, '\0'); /* the next one there can be */
    }
    const struct sqlite_value values[] = {key_value(&range.from), key_value(&range.to)};

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT peer FROM contact INDEXED BY contact_by_peer"
                         " WHERE peer >= ? AND peer < ? ORDER BY peer",
                         values, SQLITE_VALUE_COUNT(values), give_peer, &listing, reterr);
}
