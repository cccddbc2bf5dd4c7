/* SPDX-License-Identifier: MIT */
#include "store/waiting_peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "model/contact.h"
#include "store/peer_key.h"
#include "store/waiting.h"

#define LEDGERS_MAX ((size_t)1 << 24) /* more than a service has devices */

/** The peers of a ledger, as hashes. */
struct waiting_set {
    struct waiting_set *next; /* of a transaction's */
    size_t ledger;
    size_t count;
    uint32_t hashes[];
};

struct waiting_peers {
    pthread_mutex_t lock;      /* guards what is next; held for a look at all sets */
    struct waiting_set **sets; /* by the number of their ledger, which count up; or NULL */
    size_t set_count;
    bool is_incomplete;
    /* The writer's: what its transaction puts, the last first. */
    struct waiting_set *changes;
    bool is_change_lost;
};

static uint32_t hash_key(const struct peer_key *key)
{
    return (uint32_t)hash_stable(key->bytes, key->length);
}

struct waiting_peers *waiting_peers_new(void)
{
    struct waiting_peers *peers = calloc(1, sizeof(*peers));

    if (peers != NULL) {
        pthread_mutex_init(&peers->lock, NULL);
    }
    return peers;
}

void waiting_peers_free(struct waiting_peers *peers)
{
    if (peers == NULL) {
        return;
    }
    waiting_peers_rollback(peers);
    for (size_t i = 0; i < peers->set_count; i++) {
        free(peers->sets[i]);
    }
    free(peers->sets);
    pthread_mutex_destroy(&peers->lock);
    free(peers);
}

void waiting_peers_put(struct waiting_peers *peers, int64_t ledger, const struct waiting *waiting)
{
    struct waiting_set *set = malloc(sizeof(*set) + waiting->count * sizeof(set->hashes[0]));

    if (set == NULL || ledger < 0 || (uint64_t)ledger >= LEDGERS_MAX) {
        peers->is_change_lost = true;
        free(set);
        return;
    }
    set->ledger = (size_t)ledger;
    set->count = waiting->count;
    for (size_t i = 0; i < waiting->count; i++) {
        const struct peer peer = contact_peer(&waiting->contacts[i]);
        struct peer_key key;

        peer_key_of(&peer, &key);
        set->hashes[i] = hash_key(&key);
    }
    set->next = peers->changes;
    peers->changes = set;
}

void waiting_peers_rollback(struct waiting_peers *peers)
{
    while (peers->changes != NULL) {
        struct waiting_set *set = peers->changes;

        peers->changes = set->next;
        free(set);
    }
    peers->is_change_lost = false;
}

/* False if memory is out. */
static bool make_room(struct waiting_peers *peers, size_t ledger)
{
    size_t count = peers->set_count == 0 ? 64 : peers->set_count;
    struct waiting_set **grown;

    if (ledger < peers->set_count) {
        return true;
    }
    while (count <= ledger) {
        count *= 2;
    }
    grown = realloc(peers->sets, count * sizeof(struct waiting_set *));
    if (grown == NULL) {
        return false;
    }
    memset(grown + peers->set_count, 0, (count - peers->set_count) * sizeof(struct waiting_set *));
    peers->sets = grown;
    peers->set_count = count;
    return true;
}

/* In the order in which they were put. */
static void turn_changes(struct waiting_peers *peers)
{
    struct waiting_set *turned = NULL;

    while (peers->changes != NULL) {
        struct waiting_set *set = peers->changes;

        peers->changes = set->next;
        set->next = turned;
        turned = set;
    }
    peers->changes = turned;
}

void waiting_peers_commit(struct waiting_peers *peers)
{
    turn_changes(peers);
    pthread_mutex_lock(&peers->lock);
    peers->is_incomplete = peers->is_incomplete || peers->is_change_lost;
    for (struct waiting_set *set; (set = peers->changes) != NULL;) {
        if (!make_room(peers, set->ledger)) {
            peers->is_incomplete = true;
            break;
        }
        peers->changes = set->next;
        free(peers->sets[set->ledger]);
        peers->sets[set->ledger] = set;
    }
    pthread_mutex_unlock(&peers->lock);
    waiting_peers_rollback(peers);
}

static bool has_hash(const struct waiting_set *set, uint32_t hash)
{
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        if (set->hashes[i] == hash) {
            return true;
        }
    }
    return false;
}

bool waiting_peers_find(struct waiting_peers *peers, const struct peer_key *key, struct buf *out)
{
    uint32_t hash = hash_key(key);
    const char *separator = "[";
    bool is_complete;

    pthread_mutex_lock(&peers->lock);
    is_complete = !peers->is_incomplete;
    for (size_t i = 0; i < peers->set_count && is_complete; i++) {
        if (has_hash(peers->sets[i], hash)) {
            buf_addf(out, "%s%zu", separator, i);
            separator = ",";
        }
    }
    pthread_mutex_unlock(&peers->lock);
    buf_add_text(out, separator[0] == '[' ? "[]" : "]");
    return is_complete && !out->is_failed;
}
