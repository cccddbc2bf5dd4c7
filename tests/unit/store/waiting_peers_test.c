/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "harness/check.h"
#include "store/peer_key.h"
#include "store/waiting.h"
#include "store/waiting_peers.h"

static struct address address_of(uint8_t last)
{
    return address_from_bytes((const uint8_t[]){192, 0, 2, last}, 4);
}

/* Contacts with 192.0.2.first and those behind it. */
static void put(struct waiting_peers *peers, int64_t ledger, uint8_t first, size_t count)
{
    static struct waiting waiting;

    waiting.count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct contact contact = {
            .flow = {.peer = address_of((uint8_t)(first + i)), .protocol = PROTOCOL_TCP}};

        (void)waiting_add(&waiting, &contact);
    }
    waiting_peers_put(peers, ledger, &waiting);
}

/* "unknown" if it does not know. */
static const char *find(struct waiting_peers *peers, uint8_t last, char ret[64])
{
    const struct peer peer = {.address = address_of(last)};
    struct peer_key key;
    struct buf out;

    peer_key_of(&peer, &key);
    buf_init(&out, 4096);
    snprintf(ret, 64, "%s", waiting_peers_find(peers, &key, &out) ? out.bytes : "unknown");
    buf_deinit(&out);
    return ret;
}

TEST(peer_is_found_in_the_ledgers_where_it_waits)
{
    struct waiting_peers *peers = waiting_peers_new();
    char found[64];

    CHECK_TEXT(find(peers, 1, found), "[]");
    put(peers, 3, 1, 5);
    put(peers, 700, 4, 9);
    waiting_peers_commit(peers);
    CHECK_TEXT(find(peers, 1, found), "[3]");
    CHECK_TEXT(find(peers, 5, found), "[3,700]");
    CHECK_TEXT(find(peers, 12, found), "[700]");
    CHECK_TEXT(find(peers, 13, found), "[]");
    waiting_peers_free(peers);
}

TEST(what_is_not_committed_is_not_found_and_what_is_taken_back_never_is)
{
    struct waiting_peers *peers = waiting_peers_new();
    char found[64];

    put(peers, 1, 1, 2);
    CHECK_TEXT(find(peers, 1, found), "[]");
    waiting_peers_commit(peers);
    put(peers, 1, 9, 1);
    waiting_peers_rollback(peers);
    waiting_peers_commit(peers);
    CHECK_TEXT(find(peers, 1, found), "[1]");
    CHECK_TEXT(find(peers, 9, found), "[]");
    waiting_peers_free(peers);
}

TEST(last_put_of_a_transaction_counts)
{
    struct waiting_peers *peers = waiting_peers_new();
    char found[64];

    put(peers, 1, 1, 2);
    put(peers, 1, 3, 1);
    put(peers, 2, 3, 1);
    put(peers, 2, 3, 0);
    waiting_peers_commit(peers);
    CHECK_TEXT(find(peers, 1, found), "[]");
    CHECK_TEXT(find(peers, 3, found), "[1]");
    waiting_peers_free(peers);
}

TEST(number_that_no_ledger_has_makes_it_know_nothing)
{
    static const int64_t NUMBERS[] = {-1, INT64_MIN, 1 << 24, INT64_MAX};

    for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(NUMBERS[0]); i++) {
        struct waiting_peers *peers = waiting_peers_new();
        char found[64];

        put(peers, NUMBERS[i], 1, 1);
        waiting_peers_rollback(peers);
        CHECK_TEXT(find(peers, 1, found), "[]");
        put(peers, NUMBERS[i], 1, 1);
        waiting_peers_commit(peers);
        CHECK_TEXT(find(peers, 1, found), "unknown");
        waiting_peers_free(peers);
    }
}

TEST_MAIN(TEST_ROW(peer_is_found_in_the_ledgers_where_it_waits),
          TEST_ROW(what_is_not_committed_is_not_found_and_what_is_taken_back_never_is),
          TEST_ROW(last_put_of_a_transaction_counts),
          TEST_ROW(number_that_no_ledger_has_makes_it_know_nothing))
