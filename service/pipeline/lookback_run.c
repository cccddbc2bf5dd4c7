/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "intel/intel.h"
#include "model/contact.h"
#include "pipeline/lookback.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define PEERS_AT_ONCE    4096u /* a few milliseconds of the store's reader */
#define LEDGERS_AT_ONCE  (PEERS_AT_ONCE / STORE_WAITING_MAX)
#define CONTACTS_AT_ONCE 4096u
#define DEVICES_AT_ONCE  64u   /* in one transaction */
#define RANGES_MAX       4096u /* indicators; with more, going through all peers is quicker */
#define QUEUE_WAIT_NS    5000000L

#define IPV4_BITS   96u /* in front of an IPv4 address in its mapped form */
#define IPV4_OFFSET 12u

/** Peers that are looked up side by side. */
struct chunk {
    struct address addresses[PEERS_AT_ONCE];
    size_t address_count;
    char texts[PEERS_AT_ONCE][OBSERVABLE_TEXT_MAX];
    const char *names[PEERS_AT_ONCE];
    size_t name_count;
    intel_record records[PEERS_AT_ONCE];
    struct peer last;
    char address_devices[PEERS_AT_ONCE][DEVICE_ID_MAX + 1]; /* whose contacts wait */
    char name_devices[PEERS_AT_ONCE][DEVICE_ID_MAX + 1];
};

/** Contacts with peers that are listed, on their way to the workers. */
struct visits {
    struct contact contacts[CONTACTS_AT_ONCE];
    char devices[CONTACTS_AT_ONCE][DEVICE_ID_MAX + 1];
    char names[CONTACTS_AT_ONCE][OBSERVABLE_TEXT_MAX]; /* of the peers */
    struct pipeline_past pasts[CONTACTS_AT_ONCE];
    size_t count;
};

struct run {
    const struct lookback_config *config;
    const struct intel_index *added;
    const atomic_bool *is_stopping; /* or NULL */
    int64_t now_us;
    struct chunk *chunk;
    struct visits *visits;
    char settling[DEVICES_AT_ONCE][DEVICE_ID_MAX + 1]; /* whose contacts are to get to their rows */
    size_t settling_count;
    struct lookback_counts counts;
    struct err *reterr;
    pthread_mutex_t lock; /* guards what follows, for a few instructions */
    pthread_cond_t is_less;
    size_t waiting; /* for workers */
    enum picket_status status;
    struct err err;
};

static bool is_stopping(const struct run *run)
{
    return run->is_stopping != NULL && atomic_load(run->is_stopping);
}

/* --- to the workers and back --- */

static void on_done(void *context, const struct pipeline_outcome *outcome)
{
    struct run *run = context;

    pthread_mutex_lock(&run->lock);
    run->waiting--;
    if (outcome->status != PICKET_OK && run->status == PICKET_OK) {
        run->status = outcome->status;
        err_set(&run->err, "%s", outcome->reason);
    }
    pthread_cond_signal(&run->is_less);
    pthread_mutex_unlock(&run->lock);
}

static void change_waiting(struct run *run, int by)
{
    pthread_mutex_lock(&run->lock);
    run->waiting += (size_t)by;
    pthread_mutex_unlock(&run->lock);
}

/* Reports go first: while a worker's queue is full, its matches wait here. */
static enum picket_status send(struct run *run, const struct pipeline_past *past)
{
    const struct timespec pause = {.tv_nsec = QUEUE_WAIT_NS};
    enum picket_status status = PICKET_E_FULL;

    change_waiting(run, 1);
    while (status == PICKET_E_FULL) {
        status = pipeline_judge_past(run->config->pipeline, past, on_done, run);
        if (status == PICKET_E_FULL && is_stopping(run)) {
            status = PICKET_E_STATE;
        } else if (status == PICKET_E_FULL) {
            nanosleep(&pause, NULL);
        }
    }
    if (status != PICKET_OK) {
        change_waiting(run, -1);
    }
    return status;
}

static enum picket_status await_workers(struct run *run)
{
    enum picket_status status;

    pthread_mutex_lock(&run->lock);
    while (run->waiting > 0) {
        pthread_cond_wait(&run->is_less, &run->lock);
    }
    status = run->status;
    pthread_mutex_unlock(&run->lock);
    if (status != PICKET_OK) {
        err_set(run->reterr, "%s", run->err.text);
    }
    return status;
}

/* --- matches --- */

static bool take_contact(void *context, const char *device, const struct contact *contact)
{
    struct visits *visits = context;

    size_t place = visits->count++;

    visits->contacts[place] = *contact;
    snprintf(visits->devices[place], sizeof(visits->devices[0]), "%s", device);
    if (contact->flow.peer_name != NULL) {
        snprintf(visits->names[place], sizeof(visits->names[0]), "%s", contact->flow.peer_name);
        visits->contacts[place].flow.peer_name = visits->names[place];
    }
    return visits->count < CONTACTS_AT_ONCE;
}

static bool is_same_question(const struct visits *visits, size_t a, size_t b)
{
    const struct flow *one = &visits->contacts[a].flow, *other = &visits->contacts[b].flow;
    bool is_name = one->peer_name != NULL && other->peer_name != NULL;
    bool is_same_peer =
        is_name ? strcmp(one->peer_name, other->peer_name) == 0
                : one->peer_name == other->peer_name && address_equal(&one->peer, &other->peer);

    return is_same_peer && strcmp(visits->devices[a], visits->devices[b]) == 0;
}

/* Contacts of one device with one peer make one question. */
static enum picket_status send_visits(struct run *run)
{
    struct visits *visits = run->visits;
    enum picket_status status = PICKET_OK;
    enum picket_status done;

    for (size_t begin = 0, end; begin < visits->count && status == PICKET_OK; begin = end) {
        for (end = begin + 1; end < visits->count && is_same_question(visits, begin, end);) {
            end++;
        }
        visits->pasts[begin] = (struct pipeline_past){.device = visits->devices[begin],
                                                      .contacts = &visits->contacts[begin],
                                                      .count = end - begin,
                                                      .now_us = run->now_us};
        status = send(run, &visits->pasts[begin]);
    }
    done = await_workers(run);
    run->counts.contacts += visits->count;
    visits->count = 0;
    return status != PICKET_OK ? status : done;
}

/* Many go to the workers together: each time they must be waited for. */
static enum picket_status take_match(struct run *run, const struct peer *peer)
{
    struct store *store = run->config->store;
    struct store_filter filter = {.peer = peer};
    struct visits *visits = run->visits;
    enum picket_status status = PICKET_OK;
    bool is_full = true;

    run->counts.matches++;
    while (is_full && status == PICKET_OK) {
        size_t before = visits->count;

        filter.limit = CONTACTS_AT_ONCE - before;
        status = store->ops->each_contact(store, &filter, take_contact, visits, run->reterr);
        filter.offset += visits->count - before;
        is_full = visits->count == CONTACTS_AT_ONCE;
        if (status == PICKET_OK && is_full) {
            status = send_visits(run);
        }
    }
    return status;
}

/* --- one chunk --- */

static bool take_peer(void *context, const struct peer *peer)
{
    struct chunk *chunk = context;

    chunk->last = *peer;
    if (peer->name == NULL) {
        chunk->addresses[chunk->address_count++] = peer->address;
    } else {
        chunk->names[chunk->name_count] = chunk->texts[chunk->name_count];
        memcpy(chunk->texts[chunk->name_count], peer->name, strlen(peer->name) + 1);
        chunk->last.name = chunk->texts[chunk->name_count++];
    }
    return true;
}

static enum picket_status judge_chunk(struct run *run)
{
    struct chunk *chunk = run->chunk;
    enum picket_status status = PICKET_OK;

    intel_match(run->added, chunk->addresses, chunk->address_count, chunk->records);
    for (size_t i = 0; i < chunk->address_count && status == PICKET_OK; i++) {
        if (chunk->records[i] != 0) {
            status = take_match(run, &(struct peer){.address = chunk->addresses[i]});
        }
    }
    intel_match_names(run->added, chunk->names, chunk->name_count, chunk->records);
    for (size_t i = 0; i < chunk->name_count && status == PICKET_OK; i++) {
        if (chunk->records[i] != 0) {
            status = take_match(run, &(struct peer){.name = chunk->names[i]});
        }
    }
    run->counts.peers += chunk->address_count + chunk->name_count;
    return status;
}

/* All peers that the observable is about, or (NULL) all peers. */
static enum picket_status search(struct run *run, const struct observable *within)
{
    struct store *store = run->config->store;
    struct chunk *chunk = run->chunk;
    char name[OBSERVABLE_TEXT_MAX];
    struct peer after = {.name = NULL};
    bool is_first = true;
    enum picket_status status;

    do {
        chunk->address_count = 0;
        chunk->name_count = 0;
        status = store->ops->each_peer(store, within, is_first ? NULL : &after, PEERS_AT_ONCE,
                                       take_peer, chunk, run->reterr);
        if (status == PICKET_OK) {
            status = is_stopping(run) ? PICKET_E_STATE : judge_chunk(run);
        }
        is_first = false;
        after = chunk->last;
        if (after.name != NULL) { /* the next chunk overwrites it */
            after.name = memcpy(name, after.name, strlen(after.name) + 1);
        }
    } while (status == PICKET_OK && chunk->address_count + chunk->name_count == PEERS_AT_ONCE);
    return status;
}

/* --- what waits --- */

static bool take_waiting(void *context, const char *device, const struct contact *contact)
{
    struct chunk *chunk = context;
    const struct peer peer = contact_peer(contact);

    if (peer.name == NULL) {
        memcpy(chunk->address_devices[chunk->address_count], device, strlen(device) + 1);
    } else {
        memcpy(chunk->name_devices[chunk->name_count], device, strlen(device) + 1);
    }
    (void)take_peer(chunk, &peer);
    return true;
}

static enum picket_status settle_devices(struct run *run)
{
    struct store *store = run->config->store;
    enum picket_status status = store->ops->begin(store, run->reterr);

    if (status != PICKET_OK) {
        return status;
    }
    for (size_t i = 0; i < run->settling_count && status == PICKET_OK; i++) {
        status = store->ops->settle_contacts(store, run->settling[i], run->reterr);
    }
    run->settling_count = 0;
    return store_end(store, status, run->reterr);
}

/* Once for each device: contacts of one stand together. */
static enum picket_status settle_listed(struct run *run, char (*devices)[DEVICE_ID_MAX + 1],
                                        size_t count)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        size_t known = run->settling_count;

        if (run->chunk->records[i] == 0 ||
            (known > 0 && strcmp(run->settling[known - 1], devices[i]) == 0)) {
            continue;
        }
        memcpy(run->settling[run->settling_count++], devices[i], strlen(devices[i]) + 1);
        if (run->settling_count == DEVICES_AT_ONCE) {
            status = settle_devices(run);
        }
    }
    return status;
}

static enum picket_status settle_chunk(struct run *run)
{
    struct chunk *chunk = run->chunk;
    enum picket_status status;

    intel_match(run->added, chunk->addresses, chunk->address_count, chunk->records);
    status = settle_listed(run, chunk->address_devices, chunk->address_count);
    if (status == PICKET_OK) {
        intel_match_names(run->added, chunk->names, chunk->name_count, chunk->records);
        status = settle_listed(run, chunk->name_devices, chunk->name_count);
    }
    return status;
}

/* Contacts of the last reports are not among the rows yet. Where a peer is listed, they get there
 * now; the others may wait on, for reports of later are judged by the lists of now. */
static enum picket_status search_waiting(struct run *run)
{
    struct store *store = run->config->store;
    struct chunk *chunk = run->chunk;
    int64_t cursor = 0;
    enum picket_status status;

    do {
        chunk->address_count = 0;
        chunk->name_count = 0;
        status = store->ops->each_waiting(store, &cursor, LEDGERS_AT_ONCE, take_waiting, chunk,
                                          run->reterr);
        if (status == PICKET_OK && cursor != 0) {
            status = is_stopping(run) ? PICKET_E_STATE : settle_chunk(run);
        }
    } while (status == PICKET_OK && cursor != 0);
    if (status == PICKET_OK && run->settling_count > 0) {
        status = settle_devices(run);
    }
    return status;
}

/* --- which way --- */

/* What matches an IPv4 prefix beside the addresses in it (intel_match()): those that carry one. */
static struct observable embedding(const struct observable *ipv4, const uint8_t *front,
                                   size_t front_length)
{
    struct observable around = *ipv4;
    struct prefix *prefix = &around.prefix;

    memset(&prefix->address, 0, sizeof(prefix->address));
    memcpy(prefix->address.bytes, front, front_length);
    memcpy(prefix->address.bytes + front_length, ipv4->prefix.address.bytes + IPV4_OFFSET,
           sizeof(prefix->address.bytes) - IPV4_OFFSET);
    prefix->length = (uint8_t)(8 * front_length + ipv4->prefix.length - IPV4_BITS);
    return around;
}

static enum picket_status search_ipv4(struct run *run, const struct observable *ipv4)
{
    static const uint8_t nat64[] = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
    static const uint8_t six_to_four[] = {0x20, 0x02};
    const struct observable around[] = {embedding(ipv4, nat64, sizeof(nat64)),
                                        embedding(ipv4, six_to_four, sizeof(six_to_four))};
    enum picket_status status = search(run, ipv4);

    for (size_t i = 0; i < 2 && status == PICKET_OK; i++) {
        status = search(run, &around[i]);
    }
    return status;
}

static enum picket_status search_record(struct run *run, intel_record record)
{
    const struct indicator indicator = intel_indicator(run->added, record);
    const struct observable *observable = &indicator.observable;

    if (observable->kind == OBSERVABLE_ADDRESS && observable->prefix.length >= IPV4_BITS &&
        address_is_ipv4(&observable->prefix.address)) {
        return search_ipv4(run, observable);
    }
    if (observable->kind == OBSERVABLE_ADDRESS || observable->kind == OBSERVABLE_NAME) {
        return search(run, observable);
    }
    return PICKET_OK; /* the ledger has no fingerprints */
}

static enum picket_status search_all(struct run *run)
{
    struct intel_stats stats;
    enum picket_status status = PICKET_OK;

    intel_get_stats(run->added, &stats);
    if (stats.records > RANGES_MAX) {
        return search(run, NULL);
    }
    for (intel_record record = 1; record <= stats.records && status == PICKET_OK; record++) {
        status = search_record(run, record);
    }
    return status;
}

/* Reports that are judged by the lists of before may be under way, and what they put into the
 * ledger would be seen by nobody. Workers take the lists within their transaction: when this one
 * is over, all of theirs that began before are. */
static enum picket_status await_former_lists(const struct run *run)
{
    struct store *store = run->config->store;
    enum picket_status status = store->ops->begin(store, run->reterr);

    if (status == PICKET_OK) {
        store->ops->rollback(store);
    }
    return status;
}

enum picket_status lookback_run(const struct lookback_config *config,
                                const struct intel_index *added, const atomic_bool *is_stopping,
                                struct lookback_counts *ret, struct err *reterr)
{
    struct run run = {
        .config = config,
        .added = added,
        .is_stopping = is_stopping,
        .now_us = config->now_us(config->now_context),
        .chunk = calloc(1, sizeof(*run.chunk)),
        .visits = calloc(1, sizeof(*run.visits)),
        .reterr = reterr,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .is_less = PTHREAD_COND_INITIALIZER,
        .status = PICKET_OK,
    };
    enum picket_status status = PICKET_E_NOMEM;

    if (run.chunk == NULL || run.visits == NULL) {
        err_set(reterr, "out of memory for looking back");
        goto out;
    }
    status = await_former_lists(&run);
    if (status == PICKET_OK) {
        status = search_waiting(&run);
    }
    if (status == PICKET_OK) {
        status = search_all(&run);
    }
    if (status == PICKET_OK) {
        status = send_visits(&run);
    }
    if (status == PICKET_OK) {
        *ret = run.counts;
    }
out:
    free(run.visits);
    free(run.chunk);
    return status;
}
