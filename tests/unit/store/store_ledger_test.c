/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "store/sqlite.h"
#include "store_fixture.h"

#define GOOD(call) CHECK((call) == PICKET_OK)

#define DAY_US INT64_C(86400000000)

static struct address address_of(const char *text)
{
    struct address address = {{0}};

    return address_parse(text, strlen(text), &address) == PICKET_OK ? address : (struct address){0};
}

static struct contact contact_with(const char *peer, uint16_t port, int64_t last_us)
{
    return (struct contact){
        .reports = 1,
        .flow =
            {
                .direction = PICKET_OUTBOUND,
                .outcome = PICKET_ANSWERED,
                .protocol = PROTOCOL_TCP,
                .peer = address_of(peer),
                .peer_port = port,
                .local_port = FLOW_PORT_UNKNOWN,
                .connections = 1,
                .packets_in = 2,
                .packets_out = 3,
                .bytes_in = 200,
                .bytes_out = 300,
                .first_us = last_us - 10,
                .last_us = last_us,
            },
    };
}

static struct contact contact_with_name(const char *name)
{
    struct contact contact = contact_with("192.0.2.1", 443, 100);

    contact.flow.peer_name = name;
    return contact;
}

/* A transaction of its own. */
static bool is_put(struct store *store, const char *device, const struct contact *contacts,
                   size_t count)
{
    struct device row = device_of(device);
    struct err err = {""};

    if (store->ops->begin(store, &err) == PICKET_OK &&
        store->ops->put_device(store, &row, &err) == PICKET_OK &&
        store->ops->put_contacts(store, device, contacts, count, &err) == PICKET_OK &&
        store->ops->settle_contacts(store, device, &err) == PICKET_OK &&
        store->ops->commit(store, &err) == PICKET_OK) {
        return true;
    }
    printf("%s\n", err.text);
    return false;
}

struct rows {
    struct contact contacts[8];
    char names[8][OBSERVABLE_TEXT_MAX];
    char devices[8][DEVICE_ID_MAX + 1];
    size_t count;
};

static bool copy_row(void *context, const char *device, const struct contact *contact)
{
    struct rows *rows = context;
    size_t place = rows->count++;

    rows->contacts[place] = *contact;
    if (contact->flow.peer_name != NULL) {
        snprintf(rows->names[place], OBSERVABLE_TEXT_MAX, "%s", contact->flow.peer_name);
        rows->contacts[place].flow.peer_name = rows->names[place];
    }
    snprintf(rows->devices[place], sizeof(rows->devices[place]), "%s", device);
    return rows->count < 8;
}

/* Returns how many there are, of the first eight. */
static size_t list(struct store *store, const struct store_filter *filter, struct rows *ret)
{
    ret->count = 0;
    return store->ops->each_contact(store, filter, copy_row, ret, NULL) == PICKET_OK ? ret->count
                                                                                     : 99;
}

TEST(contact_comes_back_as_it_was_put)
{
    struct store *store = store_at(NULL);
    const struct store_filter of_device = {.device = "d1"};
    struct contact put[4];
    struct rows rows;

    put[0] = contact_with("2001:db8::7", 443, 400);
    put[1] = contact_with("192.0.2.7", 0, 300);
    put[1].flow.direction = PICKET_INBOUND;
    put[1].flow.peer_port = FLOW_PORT_UNKNOWN;
    put[1].flow.local_port = 65535;
    put[2] = contact_with_name("a.example.com");
    put[2].flow.last_us = 200;
    put[3] = contact_with("192.0.2.8", 0, 100);
    put[3].flow.direction = PICKET_DIRECTION_UNKNOWN;
    put[3].flow.protocol = PROTOCOL_ICMP;
    put[3].flow.peer_port = FLOW_PORT_UNKNOWN;
    CHECK(is_put(store, "d1", put, 4));
    CHECK_UINT(list(store, &of_device, &rows), 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK_TEXT(rows.devices[i], "d1");
        CHECK(contact_same(&rows.contacts[i], &put[i]));
        CHECK(address_equal(&rows.contacts[i].flow.peer, &put[i].flow.peer));
        CHECK_UINT(rows.contacts[i].flow.outcome, PICKET_ANSWERED);
        CHECK_UINT(rows.contacts[i].reports, 1);
        CHECK_UINT(rows.contacts[i].flow.connections, 1);
        CHECK_UINT(rows.contacts[i].flow.packets_in, 2);
        CHECK_UINT(rows.contacts[i].flow.packets_out, 3);
        CHECK_UINT(rows.contacts[i].flow.bytes_in, 200);
        CHECK_UINT(rows.contacts[i].flow.bytes_out, 300);
        CHECK_UINT(rows.contacts[i].flow.first_us, put[i].flow.first_us);
        CHECK_UINT(rows.contacts[i].flow.last_us, put[i].flow.last_us);
    }
    store_close(store);
}

TEST(contacts_with_one_service_add_up)
{
    struct store *store = store_at(NULL);
    const struct store_filter of_device = {.device = "d1"};
    struct contact early = contact_with("192.0.2.7", 443, 100);
    struct contact late = contact_with("192.0.2.7", 443, 900);
    struct store_ledger ledger;
    struct rows rows;

    early.flow.outcome = PICKET_REFUSED;
    late.flow.bytes_in = FLOW_COUNT_MAX; /* sums stop there */
    CHECK(is_put(store, "d1", &late, 1));
    CHECK(is_put(store, "d1", &early, 1));
    CHECK_UINT(list(store, &of_device, &rows), 1);
    CHECK_UINT(rows.contacts[0].flow.outcome, PICKET_ANSWERED | PICKET_REFUSED);
    CHECK_UINT(rows.contacts[0].reports, 2);
    CHECK_UINT(rows.contacts[0].flow.packets_out, 6);
    CHECK_UINT(rows.contacts[0].flow.bytes_in, FLOW_COUNT_MAX);
    CHECK_UINT(rows.contacts[0].flow.bytes_out, 600);
    CHECK_UINT(rows.contacts[0].flow.first_us, 90);
    CHECK_UINT(rows.contacts[0].flow.last_us, 900);
    GOOD(store->ops->get_ledger(store, "d1", &ledger, NULL));
    CHECK_UINT(ledger.contacts, 1);
    CHECK_UINT(ledger.evicted, 0);
    store_close(store);
}

TEST(contacts_that_differ_in_one_thing_are_rows_of_their_own)
{
    struct store *store = store_at(NULL);
    struct rows rows;
    const struct store_filter of_device = {.device = "d1"};
    struct contact put[5];

    for (size_t i = 0; i < 5; i++) {
        put[i] = contact_with("192.0.2.7", 443, 100);
    }
    put[1].flow.peer_port = 444;
    put[2].flow.protocol = PROTOCOL_UDP;
    put[3].flow.direction = PICKET_DIRECTION_UNKNOWN;
    put[4].flow.direction = PICKET_DIRECTION_UNKNOWN; /* and the port is the device's */
    put[4].flow.peer_port = FLOW_PORT_UNKNOWN;
    put[4].flow.local_port = 443;
    CHECK(is_put(store, "d1", put, 5));
    CHECK_UINT(list(store, &of_device, &rows), 5);
    store_close(store);
}

TEST(contacts_of_a_transaction_that_is_rolled_back_leave_no_trace)
{
    struct store *store = store_at(NULL);
    struct rows rows;
    const struct store_filter of_device = {.device = "d1"};
    struct device device = device_of("d1");
    struct contact contact = contact_with("192.0.2.7", 443, 100);
    struct store_ledger ledger = {.contacts = 99};

    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->put_device(store, &device, NULL));
    GOOD(store->ops->put_contacts(store, "d1", &contact, 1, NULL));
    store->ops->rollback(store);
    CHECK_UINT(list(store, &of_device, &rows), 0);
    GOOD(store->ops->get_ledger(store, "d1", &ledger, NULL));
    CHECK_UINT(ledger.contacts, 0);
    store_close(store);
}

/* The contacts of the last reports. */
static bool is_waiting(struct store *store, const char *device, const struct contact *contact)
{
    struct device row = device_of(device);

    return store->ops->begin(store, NULL) == PICKET_OK &&
           store->ops->put_device(store, &row, NULL) == PICKET_OK &&
           store->ops->put_contacts(store, device, contact, 1, NULL) == PICKET_OK &&
           store->ops->commit(store, NULL) == PICKET_OK;
}

TEST(contacts_wait_for_each_other_and_get_to_their_rows_with_what_all_reports_told)
{
    enum { REPORTS = 200, PEERS = 90 };
    struct store *store = store_at(NULL);
    const struct store_filter of_device = {.device = "d1"};
    uint64_t bytes = 0, reports = 0;
    struct rows rows;

    for (int64_t i = 0; i < REPORTS; i++) {
        struct contact contact = contact_with("192.0.2.0", 443, 1000 + i);
        char name[OBSERVABLE_TEXT_MAX];
        int64_t peer = i < PEERS ? i : i % 4; /* more at first than can wait */

        snprintf(name, sizeof(name), "host%d.example", (int)peer);
        contact.flow.peer.bytes[15] = (uint8_t)peer;
        contact.flow.peer_name = peer % 2 == 0 ? name : NULL;
        contact.flow.bytes_in = (uint64_t)(i + 1);
        CHECK(is_waiting(store, "d1", &contact));
    }
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->settle_contacts(store, "d1", NULL));
    GOOD(store->ops->settle_contacts(store, "nobody", NULL));
    GOOD(store->ops->commit(store, NULL));
    for (size_t offset = 0; offset < PEERS; offset += rows.count) {
        const struct store_filter page = {.device = "d1", .offset = offset, .limit = 8};

        CHECK_UINT(list(store, &page, &rows), offset + 8 <= PEERS ? 8 : PEERS - offset);
        for (size_t i = 0; i < rows.count; i++) {
            bytes += rows.contacts[i].flow.bytes_in;
            reports += rows.contacts[i].reports;
        }
    }
    CHECK_UINT(reports, REPORTS);
    CHECK_UINT(bytes, REPORTS * (REPORTS + 1) / 2);
    CHECK_UINT(list(store, &of_device, &rows), 8);
    CHECK_UINT(rows.contacts[0].flow.last_us, 1000 + REPORTS - 1); /* the newest first */
    store_close(store);
}

TEST(what_one_report_could_not_say_is_unknown_in_the_sum)
{
    struct store *store = store_at(NULL);
    const struct store_filter of_device = {.device = "d1"};
    struct contact contact = contact_with("192.0.2.7", 443, 100);
    struct rows rows;

    contact.flow.outcome = 0;
    contact.flow.unknown = FLOW_PACKETS_UNKNOWN | FLOW_OUTCOME_UNKNOWN;
    CHECK(is_waiting(store, "d1", &contact));
    contact.flow.outcome = PICKET_REFUSED;
    contact.flow.unknown = FLOW_TIMES_UNKNOWN;
    CHECK(is_put(store, "d1", &contact, 1)); /* the sum that waits goes to a row */
    contact.flow.unknown = FLOW_CONNECTIONS_UNKNOWN;
    CHECK(is_put(store, "d1", &contact, 1));
    CHECK_UINT(list(store, &of_device, &rows), 1);
    CHECK_UINT(rows.contacts[0].flow.outcome, PICKET_REFUSED);
    CHECK_UINT(rows.contacts[0].flow.unknown, FLOW_PACKETS_UNKNOWN | FLOW_OUTCOME_UNKNOWN |
                                                  FLOW_TIMES_UNKNOWN | FLOW_CONNECTIONS_UNKNOWN);
    store_close(store);
}

TEST(contacts_that_wait_are_listed_by_ledger_until_they_are_settled)
{
    static const char *const devices[] = {"d1", "d2", "d3"};
    struct store *store = store_at(NULL);
    struct contact contact = contact_with_name("a.example.com");
    struct rows rows = {.count = 0};
    int64_t cursor = 0;

    for (size_t i = 0; i < 3; i++) {
        CHECK(is_waiting(store, devices[i], &contact));
    }
    GOOD(store->ops->begin(store, NULL));
    GOOD(store->ops->settle_contacts(store, "d2", NULL));
    GOOD(store->ops->commit(store, NULL));
    for (size_t step = 1; step <= 3; step++) {
        GOOD(store->ops->each_waiting(store, &cursor, 1, copy_row, &rows, NULL));
        CHECK((cursor == 0) == (step == 3));
    }
    CHECK_UINT(rows.count, 2);
    CHECK_TEXT(rows.devices[0], "d1");
    CHECK_TEXT(rows.devices[1], "d3");
    CHECK(contact_same(&rows.contacts[0], &contact));
    CHECK_UINT(rows.contacts[0].flow.bytes_out, 300);
    store_close(store);
}

TEST(nothing_waits_for_longer_than_some_reports)
{
    struct store *store = store_at(NULL);
    struct contact contact = contact_with("192.0.2.7", 443, 100);
    struct rows rows = {.count = 0};
    unsigned settled = 0;

    for (unsigned i = 0; i < 64; i++) {
        int64_t cursor = 0;

        CHECK(is_waiting(store, "d1", &contact));
        GOOD(store->ops->each_waiting(store, &cursor, 1, copy_row, &rows, NULL));
        settled += rows.count == 0;
        rows.count = 0;
    }
    CHECK_UINT(settled, 2);
    store_close(store);
}

TEST(waiting_contacts_that_are_cut_or_wrong_are_damage)
{
    static const char *const blobs[] = {"x''",
                                        "x'01'",
                                        "x'0000'",
                                        "x'1841'",
                                        "x'0141'",
                                        "substr(waiting, 1, 30)",
                                        "CAST(waiting || x'00' AS BLOB)"};
    struct store *store = store_at(NULL);
    struct contact contact = contact_with("192.0.2.7", 443, 100);

    for (size_t i = 0; i < sizeof(blobs) / sizeof(blobs[0]); i++) {
        char sql[128], device[8];
        struct rows rows = {.count = 0};
        int64_t cursor = (int64_t)i;

        snprintf(device, sizeof(device), "d%zu", i);
        CHECK(is_waiting(store, device, &contact));
        snprintf(sql, sizeof(sql), "UPDATE ledger SET waiting = %s WHERE device = '%s'", blobs[i],
                 device);
        sqlite3_exec(((struct sqlite_store *)store)->writer.db, sql, NULL, NULL, NULL);
        CHECK(store->ops->each_waiting(store, &cursor, 1, copy_row, &rows, NULL) ==
              PICKET_E_MALFORMED);
        CHECK_UINT(rows.count, 0);
    }
    store_close(store);
}

TEST(contacts_of_one_peer_are_listed_by_device)
{
    struct store *store = store_at(NULL);
    struct contact contact = contact_with("192.0.2.7", 443, 100);
    struct contact other = contact_with("192.0.2.8", 443, 100);
    const struct peer peer = contact_peer(&contact);
    const struct store_filter of_peer = {.peer = &peer}, second = {.peer = &peer, .offset = 1};
    struct rows rows;

    CHECK(is_put(store, "d2", &contact, 1));
    CHECK(is_put(store, "d1", &contact, 1));
    CHECK(is_put(store, "d1", &other, 1));
    CHECK_UINT(list(store, &of_peer, &rows), 2);
    CHECK_TEXT(rows.devices[0], "d2"); /* the first that was heard */
    CHECK_TEXT(rows.devices[1], "d1");
    CHECK_UINT(list(store, &second, &rows), 1);
    store_close(store);
}

/* --- peers --- */

static bool join_peer(void *context, const struct peer *peer)
{
    char address[ADDRESS_TEXT_MAX];

    address_format(&peer->address, address);
    strcat(context, peer->name != NULL ? peer->name : address);
    strcat(context, " ");
    return true;
}

TEST(range_of_peers_is_what_the_observable_is_about)
{
    static const char *const addresses[] = {"192.0.1.255", "192.0.2.0",        "192.0.2.255",
                                            "192.0.3.0",   "2001:db8::",       "2001:db8::ffff",
                                            "2001:db9::",  "64:ff9b::c000:200"};
    static const char *const names[] = {"example.com",   "a.example.com",  "b.a.example.com",
                                        "example.co",    "example-x.com",  "badexample.com",
                                        "example.com.a", "a-b.example.com"};
    static const struct {
        const char *within;
        const char *peers;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.0 192.0.2.255 "},
        {"192.0.2.0", "192.0.2.0 "},
        {"192.0.2.1", ""},
        {"2001:db8::/32", "2001:db8:: 2001:db8::ffff "},
        {"::/0", "64:ff9b::c000:200 2001:db8:: 2001:db8::ffff 2001:db9:: "},
        {"0.0.0.0/0", "192.0.1.255 192.0.2.0 192.0.2.255 192.0.3.0 "},
        {"example.com", "example.com a-b.example.com a.example.com b.a.example.com "},
        {"a.example.com", "a.example.com b.a.example.com "},
        {"c.example.com", ""},
    };
    struct store *store = store_at(NULL);
    struct contact contacts[16];

    for (size_t i = 0; i < 8; i++) {
        contacts[i] = contact_with(addresses[i], 443, 100);
        contacts[8 + i] = contact_with_name(names[i]);
    }
    CHECK(is_put(store, "d1", contacts, 16));
    CHECK(is_put(store, "d2", contacts, 16)); /* each peer is given once */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[OBSERVABLE_TEXT_MAX], joined[1024] = "";
        struct observable within;

        GOOD(observable_parse(rows[i].within, strlen(rows[i].within), &within, text, NULL));
        GOOD(store->ops->each_peer(store, &within, NULL, 100, join_peer, joined, NULL));
        CHECK_TEXT(joined, rows[i].peers);
    }
    store_close(store);
}

struct cursor {
    char joined[65536];
    struct peer peer;
    char name[OBSERVABLE_TEXT_MAX];
    size_t count; /* of the chunk */
};

static bool take_peer(void *context, const struct peer *peer)
{
    struct cursor *cursor = context;

    cursor->peer = *peer;
    if (peer->name != NULL) {
        snprintf(cursor->name, sizeof(cursor->name), "%s", peer->name);
        cursor->peer.name = cursor->name;
    }
    cursor->count++;
    return join_peer(cursor->joined, peer);
}

TEST(peers_in_chunks_are_the_peers_in_one_go)
{
    static struct cursor all, chunks;
    struct store *store = store_at(NULL);
    struct contact contacts[300];
    char names[300][OBSERVABLE_TEXT_MAX];

    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "host%zu.net%zu.example", i, i % 7);
        contacts[i] = contact_with("192.0.2.1", 443, 100);
        contacts[i].flow.peer.bytes[15] = (uint8_t)i;
        contacts[i].flow.peer.bytes[i % 16] ^= (uint8_t)(i * 7);
        contacts[i].flow.peer_name = i % 2 == 0 ? names[i] : NULL;
    }
    CHECK(is_put(store, "d1", contacts, 300));
    GOOD(store->ops->each_peer(store, NULL, NULL, 1000, take_peer, &all, NULL));
    CHECK(all.count > 200);
    do {
        const struct peer last = chunks.peer;
        bool is_first = chunks.joined[0] == '\0';

        chunks.count = 0;
        GOOD(store->ops->each_peer(store, NULL, is_first ? NULL : &last, 7, take_peer, &chunks,
                                   NULL));
    } while (chunks.count == 7);
    CHECK_TEXT(chunks.joined, all.joined);
    store_close(store);
}

TEST(key_that_no_peer_has_is_damage)
{
    static const char *const keys[] = {"x''",   "x'34'",   "x'34010203'",
                                       "x'6e'", "x'6e61'", "x'36000102030405060708090a0b0c0d'"};
    struct store *store = store_at(NULL);
    struct contact contact = contact_with("192.0.2.7", 443, 100);

    CHECK(is_put(store, "d1", &contact, 1));
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        char sql[128], joined[128] = "";

        snprintf(sql, sizeof(sql), "UPDATE contact SET peer = %s", keys[i]);
        sqlite3_exec(((struct sqlite_store *)store)->writer.db, sql, NULL, NULL, NULL);
        CHECK(store->ops->each_peer(store, NULL, NULL, 9, join_peer, joined, NULL) ==
              PICKET_E_MALFORMED);
    }
    store_close(store);
}

/* --- limits --- */

TEST(full_ledger_gives_up_what_was_never_answered_and_counts_it)
{
    static struct contact contacts[STORE_CONTACTS_MAX];
    struct store *store = store_at(NULL);
    struct rows rows;
    struct contact late = contact_with("192.0.2.8", 443, 500);
    struct contact old = contact_with("192.0.2.7", 443, 1);
    const struct peer peer = contact_peer(&old);
    const struct store_filter of_peer = {.peer = &peer};
    struct store_ledger ledger;

    for (size_t i = 0; i < STORE_CONTACTS_MAX; i++) {
        contacts[i] = contact_with("10.0.0.0", 0, 1000);
        contacts[i].flow.peer.bytes[14] = (uint8_t)(i >> 8);
        contacts[i].flow.peer.bytes[15] = (uint8_t)i;
        contacts[i].flow.direction = PICKET_INBOUND;
        contacts[i].flow.outcome = 0;
    }
    contacts[0] = old;
    CHECK(is_put(store, "d1", contacts, STORE_CONTACTS_MAX));
    GOOD(store->ops->get_ledger(store, "d1", &ledger, NULL));
    CHECK_UINT(ledger.contacts, STORE_CONTACTS_MAX);
    CHECK_UINT(ledger.evicted, 0);
    CHECK(is_put(store, "d1", &late, 1));
    GOOD(store->ops->get_ledger(store, "d1", &ledger, NULL));
    CHECK(ledger.contacts < STORE_CONTACTS_MAX);
    CHECK_UINT(ledger.contacts + ledger.evicted, STORE_CONTACTS_MAX + 1);
    CHECK_UINT(list(store, &of_peer, &rows), 1);
    store_close(store);
}

TEST(expiry_takes_one_ledger_a_step_and_leaves_what_is_young)
{
    struct store *store = store_at(NULL);
    struct contact contacts[2];
    struct store_ledger ledger;
    int64_t cursor = 0;

    contacts[0] = contact_with("192.0.2.7", 443, 1 * DAY_US);
    contacts[1] = contact_with("192.0.2.8", 443, 3 * DAY_US);
    CHECK(is_put(store, "d1", contacts, 2));
    CHECK(is_put(store, "d2", contacts, 1));
    for (int step = 1; step <= 3; step++) {
        GOOD(store->ops->begin(store, NULL));
        GOOD(store->ops->expire_contacts(store, 2 * DAY_US, &cursor, NULL));
        GOOD(store->ops->commit(store, NULL));
        CHECK((cursor == 0) == (step == 3));
        GOOD(store->ops->get_ledger(store, "d1", &ledger, NULL));
        CHECK_UINT(ledger.contacts, 1);
        GOOD(store->ops->get_ledger(store, "d2", &ledger, NULL));
        CHECK_UINT(ledger.contacts, step == 1 ? 1 : 0);
    }
    store_close(store);
}

TEST_MAIN(TEST_ROW(contact_comes_back_as_it_was_put), TEST_ROW(contacts_with_one_service_add_up),
          TEST_ROW(what_one_report_could_not_say_is_unknown_in_the_sum),
          TEST_ROW(contacts_that_differ_in_one_thing_are_rows_of_their_own),
          TEST_ROW(contacts_of_a_transaction_that_is_rolled_back_leave_no_trace),
          TEST_ROW(contacts_wait_for_each_other_and_get_to_their_rows_with_what_all_reports_told),
          TEST_ROW(contacts_that_wait_are_listed_by_ledger_until_they_are_settled),
          TEST_ROW(nothing_waits_for_longer_than_some_reports),
          TEST_ROW(waiting_contacts_that_are_cut_or_wrong_are_damage),
          TEST_ROW(contacts_of_one_peer_are_listed_by_device),
          TEST_ROW(range_of_peers_is_what_the_observable_is_about),
          TEST_ROW(peers_in_chunks_are_the_peers_in_one_go),
          TEST_ROW(key_that_no_peer_has_is_damage),
          TEST_ROW(full_ledger_gives_up_what_was_never_answered_and_counts_it),
          TEST_ROW(expiry_takes_one_ledger_a_step_and_leaves_what_is_young))
